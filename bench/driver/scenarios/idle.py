# SPDX-License-Identifier: BSL-1.0

"""Connections on which nothing happens: their memory, and what they cost the others."""

import dataclasses
import resource

import figures
from scenario import Column, Outcome
from scenarios.echo import COSTS, RATIO_HEADER, EchoScenario, ratio_row

IDLE = 10_000
# Descriptors of a program beside them: its other connections, and its own.
_SPARE = 1_000

_WITH_IDLE = (
    Column("asio_uring", "idle_asio_uring", "asio_uring", idle=IDLE),
    Column("asio_epoll", "idle_asio_epoll", "Asio on epoll", idle=IDLE),
    Column("raw_epoll", "idle_raw_epoll", "hand-written epoll loop", idle=IDLE),
    Column("libuv", "idle_libuv", "libuv", idle=IDLE),
)


def _alone(column):
    return dataclasses.replace(
        column, name=f"{column.name}_alone", title=f"{column.title}, alone", idle=0
    )


class Idle(EchoScenario):
    name = "idle-10k"
    description = (
        "TCP echo on 10 connections, beside 10,000 on which a first message was echoed and "
        "then nothing happens. Memory is the growth of the server's resident memory, with "
        "a buffer of 64 bytes for each connection; the kernel's own memory is not in it."
    )
    connections = 10
    columns = (*_WITH_IDLE, *(_alone(one) for one in _WITH_IDLE[:2]))
    whom = {"asio_epoll": "asio_epoll", "raw_epoll": "raw_epoll", "libuv": "libuv"}
    envelope = ()
    others = (
        ("asio_uring", "asio_uring_alone", "active_cpu_per_op_vs_alone"),
        ("asio_epoll", "asio_epoll_alone", "active_cpu_per_op_asio_epoll_vs_alone"),
    )
    counted = ("syscalls_per_op", "allocs_per_op", "kernel_workers")
    promised = (
        "bytes_per_connection",
        "bytes_per_connection_vs_asio_epoll",
        "active_cpu_per_op_vs_alone",
        "cpu_per_op_vs_asio_epoll",
        *counted,
        *COSTS,
    )

    def run(self, settings, children):
        needed = IDLE // settings.smaller + _SPARE
        _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit < needed:
            return Outcome(
                skipped=f"a server needs {needed} descriptors, and may have {limit}"
            )
        return super().run(settings, children)

    def _start(self, settings, children, columns):
        """The idle connections of each server are another process's: a load of all would
        need more descriptors than a process may have."""
        servers = super()._start(settings, children, columns)
        for one in columns:
            server = servers[one.name]
            if one.idle:
                command = [
                    settings.program("idle_load"),
                    *("--target", f"{server.port}:{server.pid}"),
                    *("--connections", one.idle // settings.smaller),
                ]
                printed = children.start_json(command, settings.cpus[1], timeout_s=60)
                server.idle_bytes = printed["bytes_per_connection"]
        return servers

    def _round(self, settings, children, servers, order):
        samples = super()._round(settings, children, servers, order)
        for one in order:
            if one.idle:
                samples[one.name]["idle_bytes"] = servers[one.name].idle_bytes
        return samples

    def count_instructions(self, settings, children, column):
        """Not taken: the echo's are the same, and the connections would take minutes."""
        return {}

    def _figures(self, rounds, counts, outcome):
        super()._figures(rounds, counts, outcome)
        memory = {
            one.name: rounds[0][one.name]["idle_bytes"]
            for one in _WITH_IDLE
            if one.name in rounds[0]
        }
        outcome.figures["bytes_per_connection"] = memory[self.subject]
        if memory.get("asio_epoll"):
            outcome.figures["bytes_per_connection_vs_asio_epoll"] = (
                memory[self.subject] / memory["asio_epoll"]
            )
        outcome.tables.append(
            (
                "Resident memory of the server per idle connection",
                ("column", "bytes"),
                [(name, f"{value:.0f}") for name, value in memory.items()],
            )
        )
