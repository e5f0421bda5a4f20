# SPDX-License-Identifier: BSL-1.0

"""Servers that do something else than an echo over connections that stay."""

import dataclasses

import figures
from scenario import Column
from scenarios.echo import (
    ASIO_EPOLL,
    ASIO_NATIVE_URING,
    ASIO_URING,
    ENVELOPE,
    FIGURES,
    FLOOR,
    FLOOR_MULTISHOT,
    FLOOR_SEND_AT_ONCE,
    LIBUV,
    RATIO_HEADER,
    RAW_EPOLL,
    RAW_EPOLL_EDGE,
    EchoScenario,
    ratio_row,
)


def _doing(work, column):
    """The column with the program of another scenario."""
    return dataclasses.replace(column, program=column.program.replace("echo_", f"{work}_"))


class AcceptChurn(EchoScenario):
    """The programs of the echo: each of them accepts, reads and writes once, and closes."""

    name = "accept-churn"
    description = (
        "TCP over loopback, closed loop: 64 clients, each of which connects, sends one "
        "message of 64 bytes, reads its echo and ends the connection by a reset."
    )
    connections = 64
    work = "churn"
    promised = (*FIGURES, "cpu_per_op_vs_envelope", "cpu_per_op_vs_libuv")
    columns = (ASIO_URING, ASIO_EPOLL, ASIO_NATIVE_URING, *ENVELOPE, LIBUV)
    lengths = (5_000, 25_000)

    def connections_of(self, length):
        return length


class Http(EchoScenario):
    """Without hand-written loops, which would parse nothing."""

    name = "http-64"
    description = (
        "HTTP/1.1 keep-alive over loopback, closed loop: 64 connections, a request of 79 "
        "bytes in flight on each; a server of Beast with a time limit for each request."
    )
    connections = 64
    work = "http"
    columns = tuple(
        _doing("http", one) for one in (ASIO_URING, ASIO_EPOLL, ASIO_NATIVE_URING)
    )
    promised = tuple(
        name for name in FIGURES if not name.endswith(("_vs_floor", "_vs_raw_epoll"))
    )


class Mixed(EchoScenario):
    name = "mixed"
    description = (
        "TCP echo over loopback: 58 connections in a closed loop, one message of 64 bytes "
        "in flight on each, and 6 that send without end and read 4 KiB for each 8 "
        "messages of the others, so that the server's writes to them wait. An operation "
        "is a message of the 58."
    )
    connections = 64
    work = "mixed"
    # The loop with a buffer ring has no answer to a client that does not read: it takes
    # what comes until no buffer is left for the others.
    loops = tuple(one for one in ENVELOPE if one is not FLOOR_MULTISHOT)
    envelope = tuple(one.name for one in loops)
    columns = (ASIO_URING, ASIO_EPOLL, ASIO_NATIVE_URING, *loops)
    promised = (*FIGURES, "cpu_per_op_vs_envelope")


class Stream(EchoScenario):
    name = "stream-4x65536"
    description = (
        "TCP over loopback: 4 connections, on each of which server and load send all the "
        "time, in pieces of 64 KiB, and receive what comes. An operation is 64 KiB moved "
        "in either direction."
    )
    connections = 4
    size = 65536
    work = "stream"
    has_latency = False
    lengths = (2_000, 12_000)
    callgrind_lengths = (1_000, 4_000)
    loops = tuple(
        _doing("stream", one)
        for one in (FLOOR, FLOOR_SEND_AT_ONCE, RAW_EPOLL, RAW_EPOLL_EDGE)
    )
    envelope = tuple(one.name for one in loops)
    columns = (
        *(_doing("stream", one) for one in (ASIO_URING, ASIO_EPOLL, ASIO_NATIVE_URING)),
        *loops,
    )
    rates = ("asio_epoll", "asio_uring", "raw_epoll", "floor")
    promised = (
        *(name for name in FIGURES if not name.startswith("p")),
        "cpu_per_op_vs_envelope",
        *(f"bytes_per_cpu_s_vs_{whom}" for whom in rates),
    )

    def _figures(self, rounds, counts, outcome):
        super()._figures(rounds, counts, outcome)
        rows = []
        for column, whom in self.whom.items():
            if whom in self.rates and column in rounds[0]:
                figure = f"bytes_per_cpu_s_vs_{whom}"
                value = figures.spread(
                    figures.paired_ratios(rounds, column, self.subject, "cpu_per_op_us")
                )
                outcome.figures[figure] = value.median
                rows.append(ratio_row(figure, value))
        outcome.tables.append(("Bytes per CPU second", RATIO_HEADER, rows))
