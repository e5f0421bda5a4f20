# SPDX-License-Identifier: BSL-1.0

"""Connections on which nothing happens: their memory, and what they cost the others."""

import dataclasses
import os
import resource

import figures
from scenario import Column, Outcome
from scenarios.echo import COSTS, RATIO_HEADER, EchoScenario, ratio_row

IDLE = 10_000
# Beside them: those of the load, those before the count of memory begins, and a program's
# own.
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
        needed = (IDLE + _SPARE) * len(_WITH_IDLE) // settings.shorter
        _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit < needed and os.geteuid() != 0:
            return Outcome(
                skipped=f"the load needs {needed} descriptors, and may have {limit}"
            )
        return super().run(settings, children)

    def count_instructions(self, settings, children, column):
        """Not taken: the connections alone would take callgrind minutes."""
        return {}

    def _figures(self, rounds, counts, outcome):
        super()._figures(rounds, counts, outcome)
        # The first round alone: later ones use memory that the allocator has kept.
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
