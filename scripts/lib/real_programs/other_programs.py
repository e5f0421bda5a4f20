# SPDX-License-Identifier: BSL-1.0
"""Boost.Process, and header-only servers that Debian packages."""

import pathlib

from asio_programs import connect, receive_exactly
from beast_programs import plain, read_all, request, websocket_echo
from program import PORT, Program
from run import check

_OWN = pathlib.Path(__file__).resolve().parent / "sources"


def compiler_version(binary):
    def scenario(run):
        for _ in range(3):
            check("Free Software Foundation" in run.finish(binary), "no output of gcc")

    return scenario


def restinio(run):
    port = run.port()
    server = run.serve("restinio_server", port, port=port)
    connection = plain(port)
    for path in ("/small", "/large", "/missing"):
        status, data = request(run, connection, "GET", path)
        check(status == (404 if path == "/missing" else 200), f"{path}: {status}")
        check(len(data) == 1_000_000 or data == path.encode(), "another body")
    request(run, connection, "POST", "/back", body=b"x" * 200_000)
    connection.close()
    with connect(port) as pipelined:
        pipelined.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
        data = b""
        while data.count(b"HTTP/1.1 200") < 10:
            data += receive_exactly(pipelined, 1)
        run.say("pipelined: 10 answers")
    with connect(port) as malformed:
        malformed.sendall(b"NOT HTTP\r\n\r\n")
        run.say(f"malformed: {read_all(malformed)[:12]!r}")
    last = plain(port)
    last.request("GET", "/end")
    run.ended(server, server.wait())


def websocketpp(run):
    port = run.port()
    server = run.serve("echo_server", port=port, environment={"PORT": str(port)})
    websocket_echo(run, port)
    server.stop()


def process(name):
    return Program(
        f"process/{name}",
        {name: [f"libs/process/example/v2/{name}.cpp"]},
        compiler_version(name),
        libraries=("boost_filesystem",),
    )


PROGRAMS = [
    process("intro"),
    process("intro_popen"),
    Program(
        "restinio/server",
        {"restinio_server": [str(_OWN / "restinio_server.cpp")]},
        restinio,
        place="",
        libraries=("http_parser", "fmt"),
        note="a program of our own, because the package has no examples",
    ),
    Program(
        "websocketpp/echo_server",
        {"echo_server": ["echo_server/echo_server.cpp"]},
        websocketpp,
        place="websocketpp",
        headers="websocketpp-headers",
        changes={"9002": PORT},
        note="its headers are not C++20: constructors named with their template's arguments",
        known="does not build",
    ),
]
