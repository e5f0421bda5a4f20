# SPDX-License-Identifier: BSL-1.0
"""The examples of Boost.Redis and Boost.MySQL against their servers from packages."""

import contextlib
import os
import pathlib
import struct
import subprocess
import threading

from children import WAIT, Failure, wait_bound, wait_path
from asio_programs import connect, receive_exactly
from beast_programs import read_all
from program import PORT, Program
from run import check

# The package of the clients has the server's program too, under this name, and starts none.
_REDIS = "/usr/bin/redis-check-rdb"
_MARIADB = "/usr/sbin/mariadbd"
# One at a time: what a server locks and opens counts against limits of the machine.
_ONE_MARIADB = threading.Lock()
_RELEASE = "newer"
_REDIS_EXAMPLE = "libs/redis/example"
_REDIS_SOURCE = str(pathlib.Path(__file__).resolve().parent / "sources" / "redis.cpp")
_MYSQL_EXAMPLE = "libs/mysql/example"
_USER, _PASSWORD = "example_user", "example_password"


@contextlib.contextmanager
def redis_server(run):
    if not os.path.exists(_REDIS):
        raise Failure("redis-tools is not installed")
    port = run.port()
    program = run.folder / "redis-server"
    program.symlink_to(_REDIS)
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = run.start_command("redis-server", command)
    wait_bound(server, port, "tcp")
    try:
        yield port
    finally:
        server.stop()


def redis_ends(binary, *expected):
    """An example that does its requests and ends."""

    def scenario(run):
        with redis_server(run) as port:
            for _ in range(3):
                printed = run.finish(binary, "127.0.0.1", port)
                for text in expected:
                    check(text in printed, f"{text!r} is not printed")

    return scenario


def redis_echo(run):
    """TCP on one side of the context, Redis on the other."""
    with redis_server(run) as redis:
        port = run.port()
        server = run.serve(
            "cpp20_echo_server", "127.0.0.1", redis, port=port, environment={"PORT": str(port)}
        )
        connections = [connect(port) for _ in range(5)]
        for turn in range(20):
            for number, connection in enumerate(connections):
                text = f"{turn} of {number}\n".encode()
                connection.sendall(text)
                check(receive_exactly(connection, len(text)) == text, "the echo differs")
        for connection in connections:
            connection.close()
        run.say("100 lines through Redis")
        # By a signal it ends only its side to Redis, and it goes on listening.
        server.end()


def publish(port, channel, text):
    with connect(port) as publisher:
        publisher.sendall(f"PUBLISH {channel} {text}\r\n".encode())
        return receive_exactly(publisher, 4)


def redis_subscriber(run):
    with redis_server(run) as port:
        child = run.start("cpp20_subscriber", "127.0.0.1", port)
        # The count of subscribers says when it is there.
        for _ in range(1500):
            if publish(port, "channel", "early") == b":1\r\n":
                break
            if not child.is_running():
                break
        child.wait_for("early")
        for number in range(20):
            publish(port, "channel", f"message-{number}")
        child.wait_for("message-19")
        found = [line for line in child.text().splitlines() if "message-" in line]
        run.say("\n".join(found))
        child.stop()


def mysql_folder(run):
    """The data folder of a new server."""
    if not os.path.exists(_MARIADB):
        raise Failure("mariadb-server-core is not installed")
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={run.folder / 'data'}",
         "--auth-root-authentication-method=normal", "--skip-test-db",
         *(["--user=root"] if os.getuid() == 0 else [])],
        cwd=run.folder, check=False, capture_output=True, text=True, timeout=3 * WAIT,
    )  # fmt: skip
    check(done.returncode == 0, f"no data folder: {done.stdout[-300:]}")


@contextlib.contextmanager
def mysql_server(run):
    with _ONE_MARIADB, _mysql_server(run) as places:
        yield places


@contextlib.contextmanager
def _mysql_server(run):
    mysql_folder(run)
    port = run.port()
    path = run.folder / "socket"
    setup = f"{os.environ['REAL_PROGRAMS_NEWER']}/{_MYSQL_EXAMPLE}/db_setup.sql"
    server = run.start_command(
        "mariadbd",
        [_MARIADB, "--no-defaults", f"--datadir={run.folder / 'data'}", f"--port={port}",
         "--bind-address=127.0.0.1", f"--socket={path}", f"--pid-file={run.folder / 'pid'}",
         f"--init-file={setup}",
         *(["--user=root"] if os.getuid() == 0 else [])],
    )  # fmt: skip
    wait_path(server, path)
    wait_bound(server, port, "tcp")
    try:
        yield port, path
    finally:
        server.stop()


def mysql_ends(binary, *arguments, expected):
    def scenario(run):
        with mysql_server(run) as (port, path):
            for _ in range(3):
                last = [str(path) if text == "PATH" else text for text in arguments]
                printed = run.finish(
                    binary, _USER, _PASSWORD, *last, environment={"PORT": str(port)}
                )
                check(expected in printed, f"{expected!r} is not printed")

    return scenario


def redis(name, scenario, **rest):
    examples = [f"{_REDIS_EXAMPLE}/{part}.cpp" for part in (name, "main")]
    sources = {name: [*examples, _REDIS_SOURCE]}
    return _program(f"redis/{name}", sources, scenario, **rest)


_CHARCONV = ["libs/charconv/src/from_chars.cpp", "libs/charconv/src/to_chars.cpp"]


def mysql(folder, name, *arguments, expected, **rest):
    sources = {name: [f"{_MYSQL_EXAMPLE}/{folder}/{name}.cpp", *_CHARCONV]}
    scenario = mysql_ends(name, *arguments, expected=expected)
    return _program(f"mysql/{name}", sources, scenario, **rest)


def _program(name, sources, scenario, **rest):
    return Program(
        name,
        sources,
        scenario,
        place=_RELEASE,
        headers=f"{_RELEASE}-headers",
        libraries=("ssl", "crypto"),
        **rest,
    )


def mysql_pool(run):
    with mysql_server(run) as (database, _):
        port = run.port()
        server = run.serve(
            "6_connection_pool", _USER, _PASSWORD, "127.0.0.1", port,
            port=port, environment={"PORT": str(database)},
        )  # fmt: skip
        for employee in (1, 2, 1_000_000):
            with connect(port) as client:
                client.sendall(struct.pack(">Q", employee))
                run.say(f"employee {employee}: {read_all(client).decode()}")
        run.stop(server)


_HOST = "emplace_host_and_port(server_hostname"
_HOST_TEXT = "emplace_host_and_port(std::string(server_hostname)"
_MYSQL_PORT = {f"{host})": f"{host}, {PORT})" for host in (_HOST, _HOST_TEXT)}

PROGRAMS = [
    redis("cpp20_intro", redis_ends("cpp20_intro", "PING: Hello world")),
    redis("cpp20_containers", redis_ends("cpp20_containers", "value1")),
    redis("cpp20_echo_server", redis_echo, changes={"55555": PORT}),
    redis("cpp20_subscriber", redis_subscriber),
    mysql("1_tutorial", "2_async", "127.0.0.1", expected="Hello", changes=_MYSQL_PORT),
    mysql("2_simple", "callbacks", "127.0.0.1", expected="Employee", changes=_MYSQL_PORT),
    mysql("2_simple", "unix_socket", "PATH", expected="Hello"),
    _program(
        "mysql/6_connection_pool",
        {
            "6_connection_pool": [
                f"{_MYSQL_EXAMPLE}/1_tutorial/6_connection_pool.cpp", *_CHARCONV
            ]
        },
        mysql_pool,
        changes=_MYSQL_PORT,
    ),
]
