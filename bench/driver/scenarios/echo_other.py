# SPDX-License-Identifier: BSL-1.0

"""The echo over other transports than TCP."""

import dataclasses
import socket

from scenario import Column
from scenarios.echo import (
    ASIO_EPOLL,
    ASIO_NATIVE_URING,
    ASIO_URING,
    ENVELOPE,
    FIGURES,
    FLOOR_COOP,
    EchoScenario,
)

CLIENTS = 64
SIZE = 64


def _over(transport, column):
    return dataclasses.replace(
        column, arguments=(*column.arguments, "--transport", transport)
    )


class EchoLocal(EchoScenario):
    name = "echo-local"
    description = (
        f"Echo over local (Unix domain) streams, closed loop: {CLIENTS} connections, one "
        f"message of {SIZE} bytes in flight on each."
    )
    connections = CLIENTS
    size = SIZE
    promised = (*FIGURES, "cpu_per_op_vs_envelope")
    columns = tuple(
        _over("local", one)
        for one in (
            ASIO_URING,
            ASIO_EPOLL,
            ASIO_NATIVE_URING,
            *ENVELOPE,
            FLOOR_COOP,
        )
    )

    def _load(self, settings, servers):
        return [*super()._load(settings, servers), "--transport", "local"]

    def knock(self, server):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect(f"\0asio_uring_bench_{server.port}")


class EchoUdp(EchoScenario):
    name = "echo-udp"
    description = (
        f"UDP echo over loopback, closed loop: one socket of the server, {CLIENTS} "
        f"clients with one datagram of {SIZE} bytes in flight each. The server receives, "
        "sends, and receives again."
    )
    connections = 0  # none that a server could count
    size = SIZE
    promised = (*FIGURES, "cpu_per_op_vs_envelope")
    columns = (
        Column("asio_uring", "udp_asio_uring", "asio_uring, callbacks"),
        Column("asio_epoll", "udp_asio_epoll", "Asio on epoll, callbacks"),
        Column(
            "asio_native_uring", "udp_asio_native_uring", "Asio on its own io_uring"
        ),
        *(
            dataclasses.replace(
                one, program=one.program.replace("echo_", "udp_"), told_load=False
            )
            for one in (*ENVELOPE, FLOOR_COOP)
        ),
    )

    def _load(self, settings, servers):
        return [
            settings.program("load"),
            *("--targets", ",".join(f"{one.port}:{one.pid}" for one in servers)),
            *("--connections", CLIENTS),
            *("--bytes", SIZE),
            *("--transport", "udp"),
        ]

    def knock(self, server):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", ("127.0.0.1", server.port))
