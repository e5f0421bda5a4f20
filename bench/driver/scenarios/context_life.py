# SPDX-License-Identifier: BSL-1.0

"""Contexts that are made for one piece of work."""

from scenario import Column
from scenarios.cases import Case, CaseScenario


class ContextLife(CaseScenario):
    name = "context-life"
    description = (
        "A context is made, used once and destroyed, by CPU time of the process, kernel "
        "included. post: for one posted handler, for which Asio's own makes no reactor; "
        "transfer: for a message from one local socket to another, both made on it."
    )
    main = "transfer"
    unit = "context"
    columns = (
        Column("asio_uring", "life_asio_uring", "asio_uring"),
        Column("asio_epoll", "life_asio_epoll", "Asio on epoll"),
        Column("asio_native_uring", "life_asio_native_uring", "Asio on its own io_uring"),
    )
    cases = (
        Case("post", "post", 300, (100, 500)),
        Case("transfer", "transfer", 300, (100, 500)),
    )
    notes = (
        "What the kernel does for a ring after its descriptor is closed is in no figure "
        "of a process.",
        "Instructions: callgrind, over the whole program at two lengths, subtracted.",
    )
