# SPDX-License-Identifier: BSL-1.0
"""Boost.Asio's own examples."""

import random
import re
import socket
import subprocess
import threading

from children import WAIT, Failure
from program import PORT, Program
from run import check

_ASIO = "libs/asio/example"
_FIXED_PORT = {"55555": PORT}


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), WAIT)
    connection.settimeout(WAIT)
    return connection


def receive_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        check(part, f"the connection ended {size - len(data)} bytes early")
        data += part
    return data


def echo_all(port, size=300_000):
    """Sends while it receives: more than the socket's buffers hold."""
    sent = random.Random(7).randbytes(size)
    with connect(port) as connection:
        sender = threading.Thread(target=connection.sendall, args=(sent,), daemon=True)
        sender.start()
        check(receive_exactly(connection, size) == sent, "the echo differs")
        sender.join(WAIT)
        connection.shutdown(socket.SHUT_WR)
        check(connection.recv(1) == b"", "bytes after the echo")


def echo_many(run, port):
    """Six connections at a time, then one that resets, then one more."""
    failures = []

    def one():
        try:
            echo_all(port)
        except (OSError, Failure) as error:
            failures.append(str(error))

    clients = [threading.Thread(target=one, daemon=True) for _ in range(6)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(2 * WAIT)
        check(not client.is_alive(), "an echo did not end")
    check(not failures, "; ".join(failures))
    with connect(port) as rude:
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        rude.sendall(b"x" * 100_000)
    echo_all(port, 10)
    run.say("8 clients: 1810010 bytes echoed")


def echo_server(binary, in_environment=False):
    def scenario(run):
        port = run.port()
        if in_environment:
            server = run.serve(binary, port=port, environment={"PORT": str(port)})
        else:
            server = run.serve(binary, port, port=port)
        echo_many(run, port)
        run.stop_busy(server)

    return scenario


def tcp_echo(run):
    port = run.port()
    server = run.serve("async_tcp_echo_server", port, port=port)
    run.finish("blocking_tcp_echo_client", "127.0.0.1", port, text="a line\n")
    echo_many(run, port)
    run.stop_busy(server)


def udp_echo(run):
    port = run.port(socket.SOCK_DGRAM)
    server = run.serve("async_udp_echo_server", port, port=port, table="udp")
    for text in ("first", "second, longer", "x"):
        printed = run.finish(
            "blocking_udp_echo_client", "127.0.0.1", port, text=text + "\n"
        )
        check(text in printed, "no echo")
    run.stop(server)


def chat(run):
    port = run.port()
    server = run.serve("chat_server", port, port=port)
    first, second = (run.start("chat_client", "127.0.0.1", port) for _ in range(2))
    # A message comes back to its sender too: then the sender has joined.
    for client, text in ((first, "hello"), (second, "and hello"), (first, "bye")):
        client.write(text + "\n")
        client.wait_for(f"(?m)^{text}$")
    second.wait_for("(?m)^bye$")
    for client in (first, second):
        client.end_input()
        run.ended(client, client.wait())
    third = run.start("chat_client", "127.0.0.1", port)
    third.wait_for("hello\nand hello\nbye\n")
    third.end_input()
    run.ended(third, third.wait())
    run.stop(server)


def coroutine_chat(run):
    ports = [run.port(), run.port()]
    server = run.serve("chat_server", *ports, port=ports[1])
    with connect(ports[0]) as one, connect(ports[0]) as two, connect(ports[1]) as other:
        one.sendall(b"from one\n")
        check(receive_exactly(two, 9) == b"from one\n", "another message")
        two.sendall(b"from two\n")
        check(receive_exactly(one, 18) == b"from one\nfrom two\n", "other messages")
        other.sendall(b"elsewhere\n")
        run.say(receive_exactly(other, 10).decode())
        with connect(ports[0]) as late:
            run.say(receive_exactly(late, 18).decode())
    run.stop(server)


def local_stream(run):
    path = run.folder / "socket"
    server = run.serve_path("stream_server", path)
    for client in ("stream_client", "iostream_client"):
        check("over a path" in run.finish(client, path, text="over a path\n"), "no echo")
    run.stop(server)


def connect_pair(run):
    child = run.start("connect_pair")
    for text in ("lower case", "x" * 300):
        child.write(text + "\n")
        child.wait_for(f"Result: {text.upper()}\nEnter a string: $")
    run.stop(child)


def pass_descriptor(run):
    path = run.folder / "socket"
    server = run.serve_path("fd_passing_stream_server", path)
    for name in ("one", "two"):
        file = run.folder / name
        child = run.start("fd_passing_stream_client", path)
        child.write(f"{file}\n")
        check(child.wait() == 0, "the client failed")
        # A ring has a descriptor too, so the number is another.
        text = re.sub(r"#\d+", "#", file.read_text())
        check(text == "stream_client writing to received fd #\n", f"in the file: {text!r}")
        run.say(text)
    run.stop(server)


def timer(run):
    printed = run.finish("time_t_timer")
    check("timeout" in printed, "no timeout")


def timers_of_threads(run):
    child = run.start("timer5")
    check(child.wait() == 0, "it failed")
    # Two threads: which timer is which one's turn is not determined.
    counts = re.findall(r"Timer [12]: (\d)", child.text())
    run.say(f"{counts}, {child.text().splitlines()[-1]}")


def parallel_group(run):
    for binary in ("wait_for_all", "wait_for_one"):
        run.say("input first")
        run.finish(binary, text="some input\n")
        run.say("timer first")
        child = run.start(binary)
        child.wait_for("timer finished") if binary == "wait_for_one" else child.write("late")
        child.end_input()
        run.ended(child, child.wait())


def ssl_certificate(run):
    """The examples bring certificates that have expired."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "ca.pem"],
        cwd=run.folder, check=True, capture_output=True, timeout=WAIT,
    )  # fmt: skip
    text = (run.folder / "key.pem").read_text() + (run.folder / "ca.pem").read_text()
    (run.folder / "server.pem").write_text(text)


def ssl_echo(run):
    ssl_certificate(run)
    port = run.port()
    server = run.serve("server", port, port=port)
    for text in ("over TLS", "x" * 1000):
        printed = run.finish("client", "127.0.0.1", port, text=text + "\n")
        check(text in printed, "no echo over TLS")
    with connect(port) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while plain.recv(4096):
            pass
    check("again" in run.finish("client", "127.0.0.1", port, text="again\n"), "no more")
    run.stop(server)


def timeouts(run):
    port, broadcast = run.port(), run.port(socket.SOCK_DGRAM)
    server = run.serve("server", port, "127.0.0.1", broadcast, port=port)
    reader = run.start("async_tcp_client", "127.0.0.1", port)
    reader.wait_for("Connected to")
    for client in ("blocking_tcp_client", "blocking_token_tcp_client"):
        child = run.start(client, "127.0.0.1", port, f"a line of {client}")
        check(child.wait() == 0, f"{client} failed")
        run.say(child.text().split(":")[0])
        # The server hands the line to all its clients.
        reader.wait_for(f"Received: a line of {client}")
    run.stop(reader)
    run.stop(server)


def blocking_udp_timeout(run):
    port = run.port(socket.SOCK_DGRAM)
    client = run.start("blocking_udp_client", "127.0.0.1", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        client.wait_for("Receive error")
        sender.sendto(b"a datagram", ("127.0.0.1", port))
        client.wait_for("a datagram")
    client.stop()
    run.say("a timeout, then a datagram")


def daytime(run):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(WAIT)
        child = run.start(
            "daytime_client", "127.0.0.1",
            environment={"PORT": str(server.getsockname()[1])},
        )  # fmt: skip
        _, peer = server.recvfrom(100)
        server.sendto(b"a day\n", peer)
        run.ended(child, child.wait())
        check("a day" in child.text(), "no day")


def proxy(run):
    port = run.port()
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(WAIT)
        server = run.serve(
            "throttling_proxy", "127.0.0.1", port,
            "127.0.0.1", upstream.getsockname()[1], port=port,
        )  # fmt: skip
        with connect(port) as client:
            connection, _ = upstream.accept()
            with connection:
                connection.settimeout(WAIT)
                client.sendall(b"there")
                run.say(receive_exactly(connection, 5).decode())
                connection.sendall(b"and back" * 100)
                run.say(receive_exactly(client, 800).decode())
    run.ended(server, server.stop())


def example(name, folder, scenario, *binaries, **rest):
    """A program whose binaries have one source each, of the binary's name."""
    sources = {
        binary.rpartition("/")[2]: [f"{_ASIO}/{folder}/{binary}.cpp"] for binary in binaries
    }
    return Program(f"asio/{name}", sources, scenario, **rest)


PROGRAMS = [
    example("chat", "cpp11/chat", chat, "chat_server", "chat_client"),
    example(
        "tcp_echo", "cpp11/echo", tcp_echo, "async_tcp_echo_server", "blocking_tcp_echo_client"
    ),
    example(
        "udp_echo", "cpp11/echo", udp_echo, "async_udp_echo_server", "blocking_udp_echo_client"
    ),
    example("allocation", "cpp11/allocation", echo_server("server"), "server"),
    example(
        "nonblocking", "cpp11/nonblocking", echo_server("third_party_lib"), "third_party_lib"
    ),
    example(
        "fork",
        "cpp11/fork",
        echo_server("process_per_connection"),
        "process_per_connection",
    ),
    example(
        "spawn",
        "cpp11/spawn",
        echo_server("echo_server"),
        "echo_server",
        libraries=("boost_coroutine", "boost_context"),
    ),
    example(
        "local_stream",
        "cpp11/local",
        local_stream,
        "stream_server",
        "stream_client",
        "iostream_client",
    ),
    example(
        "connect_pair",
        "cpp11/local",
        connect_pair,
        "connect_pair",
        libraries=("boost_thread",),
    ),
    example(
        "fd_passing",
        "cpp11/local",
        pass_descriptor,
        "fd_passing_stream_server",
        "fd_passing_stream_client",
    ),
    example("timer", "cpp11/timers", timer, "time_t_timer"),
    Program(
        "asio/timers_threads",
        {"timer5": [f"{_ASIO}/cpp03/tutorial/timer5/timer.cpp"]},
        timers_of_threads,
        libraries=("boost_thread",),
    ),
    example(
        "parallel_group", "cpp11/parallel_group", parallel_group, "wait_for_all", "wait_for_one"
    ),
    example("ssl", "cpp11/ssl", ssl_echo, "server", "client",
        libraries=("ssl", "crypto"),
        changes={"dh4096.pem": "ca.pem", "context_.use_tmp_dh_file(": "(void)(",},
        note="with a new certificate; the example's has expired",
    ),  # fmt: skip
    example(
        "timeouts",
        "cpp11/timeouts",
        timeouts,
        "server",
        "async_tcp_client",
        "blocking_tcp_client",
        "blocking_token_tcp_client",
    ),
    example("timeouts_udp", "cpp11/timeouts", blocking_udp_timeout, "blocking_udp_client"),
    example(
        "futures",
        "cpp11/futures",
        daytime,
        "daytime_client",
        changes={'"daytime"': 'std::getenv("PORT")'},
    ),
    example(
        "coroutines/echo",
        "cpp20/coroutines",
        echo_server("echo_server", True),
        "echo_server",
        changes=_FIXED_PORT,
    ),
    example(
        "coroutines/echo_refactored",
        "cpp20/coroutines",
        echo_server("refactored_echo_server", True),
        "refactored_echo_server",
        changes=_FIXED_PORT,
    ),
    example("coroutines/chat", "cpp20/coroutines", coroutine_chat, "chat_server"),
    example("proxy", "cpp20/channels", proxy, "throttling_proxy"),
]
