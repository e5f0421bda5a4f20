# SPDX-License-Identifier: BSL-1.0
"""Boost.Beast's own examples: HTTP and WebSocket, servers and clients."""

import base64
import hashlib
import http.client
import os
import ssl
import struct

from asio_programs import connect, receive_exactly
from children import WAIT
from program import Program
from run import check

_BEAST = "libs/beast/example"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def make_site(run):
    site = run.folder / "site"
    site.mkdir()
    (site / "index.html").write_text("<!doctype html><title>site</title>\n")
    (site / "large.txt").write_text("0123456789abcde\n" * 80_000)
    (site / "empty.txt").write_text("")
    return site


def request(run, connection, method, path, body=None):
    """One request, and what of its answer is the same each time."""
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    data = answer.read()
    digest = hashlib.sha256(data).hexdigest()[:12]
    run.say(
        f"{method} {path}: {answer.status}, {answer.getheader('Content-Type')}, "
        f"{answer.getheader('Content-Length')} announced, {len(data)} bytes {digest}"
    )
    return answer.status, data


def site_requests(run, connection, reuse=True):
    site = run.folder / "site"
    for path in ("/index.html", "/large.txt", "/empty.txt", "/missing.txt"):
        status, data = request(run, connection, "GET", path)
        file = site / path[1:]
        check(status == (200 if file.exists() else 404), f"{path}: status {status}")
        check(not file.exists() or data == file.read_bytes(), f"{path}: other bytes")
        if not reuse:
            connection.close()
    request(run, connection, "HEAD", "/large.txt")
    connection.close()
    for method in ("POST", "BREW"):
        request(run, connection, method, "/index.html", body=b"x")
        connection.close()


def plain(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)


def secure(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT, context=context)


def http_server(binary, *more, threads=True, connections=(plain,)):
    """A server of files: <address> <port> <folder> [<threads>] and what comes after it."""

    def scenario(run):
        port = run.port()
        arguments = ["127.0.0.1", port, make_site(run)] + (["3"] if threads else [])
        server = run.serve(binary, *arguments, *more, port=port)
        for kind in connections:
            site_requests(run, kind(port))
        with connect(port) as malformed:
            malformed.sendall(b"NOT HTTP\r\n\r\n")
            run.say(f"malformed: {read_all(malformed)[:12]!r}")
        with connect(port) as cut:
            cut.sendall(b"GET /large.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            receive_exactly(cut, 1000)
        site_requests(run, connections[0](port))
        run.stop_busy(server)

    return scenario


def read_all(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def small_server(run):
    port = run.port()
    server = run.serve("http_server_small", "127.0.0.1", port, port=port)
    for path in ("/count", "/count", "/missing"):
        connection = plain(port)
        status, _ = request(run, connection, "GET", path)
        check(status == (404 if path == "/missing" else 200), f"{path}: {status}")
        connection.close()
    run.stop(server)


def http_clients(*binaries):
    def scenario(run):
        port = run.port()
        site = make_site(run)
        server = run.serve("http_server_async", "127.0.0.1", port, site, "1", port=port)
        for binary in binaries:
            for path in ("/index.html", "/large.txt", "/missing"):
                printed = run.finish(binary, "127.0.0.1", port, path)
                check("HTTP/1.1" in printed, f"{binary} has no answer")
        run.say("nobody listens")
        silent = run.port()
        for binary in binaries:
            run.finish(binary, "127.0.0.1", silent, "/")
        run.stop(server)

    return scenario


class WebSocket:
    """As much of RFC 6455 as the scenarios need."""

    def __init__(self, port, path="/"):
        self.connection = connect(port)
        key = base64.b64encode(os.urandom(16))
        self.connection.sendall(
            b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: %s\r\n\r\n" % (path.encode(), key)
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive_exactly(self.connection, 1)
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        check(head.startswith(b"HTTP/1.1 101") and accept in head, f"no upgrade: {head!r}")

    def send(self, data, opcode=1):
        head = bytes([0x80 | opcode])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65536:
            head += b"\xfe" + struct.pack(">H", len(data))
        else:
            head += b"\xff" + struct.pack(">Q", len(data))
        mask = os.urandom(4)
        repeated = (mask * (len(data) // 4 + 1))[: len(data)]
        masked = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
        self.connection.sendall(head + mask + masked.to_bytes(len(data), "big"))

    def frame(self):
        first, size = receive_exactly(self.connection, 2)
        if size == 126:
            size = struct.unpack(">H", receive_exactly(self.connection, 2))[0]
        elif size == 127:
            size = struct.unpack(">Q", receive_exactly(self.connection, 8))[0]
        return first & 0x80, first & 0x0F, receive_exactly(self.connection, size)

    def message(self):
        """The next message; frames of a fragmented one are joined."""
        last, opcode, data = self.frame()
        while not last:
            last, _, part = self.frame()
            data += part
        return opcode, data

    def close(self):
        self.send(struct.pack(">H", 1000), 8)
        opcode, data = self.message()
        read_all(self.connection)
        self.connection.close()
        return opcode, data


def websocket_echo(run, port, path="/"):
    with_pings = WebSocket(port, path)
    for data in (b"text", b"x" * 200, b"y" * 150_000):
        with_pings.send(data)
        check(with_pings.message() == (1, data), "the echo differs")
    with_pings.send(b"are you there", 9)
    run.say(f"pong: {with_pings.message()}")
    run.say(f"close: {with_pings.close()}")
    gone = WebSocket(port, path)
    gone.send(b"and gone")
    gone.message()
    gone.connection.close()
    wrong = WebSocket(port, path)
    # As many bytes as the longest head of a frame: none is left unread.
    wrong.connection.sendall(b"\xff" * 14)
    run.say(f"wrong frame: {read_all(wrong.connection)!r}")
    wrong.connection.close()


def websocket_server(binary):
    def scenario(run):
        port = run.port()
        server = run.serve(binary, "127.0.0.1", port, "3", port=port)
        websocket_echo(run, port)
        websocket_echo(run, port)
        child = run.start("websocket_client_async", "127.0.0.1", port, "from Beast")
        run.ended(child, child.wait())
        check("from Beast" in child.text(), "no echo for Beast's client")
        run.stop_busy(server)

    return scenario


def websocket_chat(run):
    port = run.port()
    server = run.serve("chat", "127.0.0.1", port, make_site(run), "3", port=port)
    one, two = WebSocket(port), WebSocket(port)
    # Who hears itself has joined.
    for newcomer, text in ((one, b"first"), (two, b"second")):
        newcomer.send(text)
        while newcomer.message()[1] != text:
            pass
    check(one.message()[1] == b"second", "the first does not hear the second")
    for sender, text in ((one, b"hello"), (two, b"and hello"), (one, b"bye")):
        sender.send(text)
        for reader in (one, two):
            check(reader.message()[1] == text, f"{text} is not what came")
    run.say(f"close: {one.close()}, {two.close()}")
    site_requests(run, plain(port))
    run.stop(server)


def advanced_server(run):
    port = run.port()
    server = run.serve("advanced_server", "127.0.0.1", port, make_site(run), "3", port=port)
    # It reads the next request while it still writes an answer, and now and then it ends
    # such a connection without one, on epoll as well. So: one request each.
    site_requests(run, plain(port), reuse=False)
    websocket_echo(run, port)
    run.say(f"advanced_server: status {server.stop()}")


def server_program(kind, scenario, *, name=None, **rest):
    binary = f"http_server_{(name or kind).replace('-', '_')}"
    sources = {binary: [f"{_BEAST}/http/server/{name or kind}/{binary}.cpp"]}
    return Program(f"beast/http_server_{kind}", sources, scenario, **rest)


_TLS = {"libraries": ("ssl", "crypto"), "include_folders": ("libs/beast",)}
_STACKS = {"libraries": ("boost_coroutine", "boost_context")}
_CLIENT = {
    "websocket_client_async": [f"{_BEAST}/websocket/client/async/websocket_client_async.cpp"]
}


def websocket_program(kind, **rest):
    binary = f"websocket_server_{kind}"
    sources = {binary: [f"{_BEAST}/websocket/server/{kind}/{binary}.cpp"], **_CLIENT}
    return Program(f"beast/{binary}", sources, websocket_server(binary), **rest)


PROGRAMS = [
    server_program("async", http_server("http_server_async")),
    server_program("sync", http_server("http_server_sync", threads=False)),
    server_program("awaitable", http_server("http_server_awaitable")),
    server_program("coro", http_server("http_server_coro"), **_STACKS),
    server_program("stackless", http_server("http_server_stackless")),
    server_program("fast", http_server("http_server_fast", "block")),
    server_program("small", small_server),
    server_program(
        "flex", http_server("http_server_flex", connections=(plain, secure)), **_TLS
    ),
    Program(
        "beast/http_clients",
        {
            "http_server_async": [f"{_BEAST}/http/server/async/http_server_async.cpp"],
            **{
                f"http_client_{kind}": [f"{_BEAST}/http/client/{kind}/http_client_{kind}.cpp"]
                for kind in ("async", "awaitable", "sync")
            },
        },
        http_clients("http_client_async", "http_client_awaitable", "http_client_sync"),
    ),
    websocket_program("async"),
    websocket_program("awaitable"),
    websocket_program("coro", **_STACKS),
    Program(
        "beast/websocket_chat",
        {
            "chat": [
                f"{_BEAST}/websocket/server/chat-multi/{part}.cpp"
                for part in (
                    "main", "http_session", "listener", "shared_state", "websocket_session",
                )
            ]  # fmt: skip
        },
        websocket_chat,
    ),
    Program(
        "beast/advanced_server",
        {"advanced_server": [f"{_BEAST}/advanced/server/advanced_server.cpp"]},
        advanced_server,
    ),
]
