# SPDX-License-Identifier: BSL-1.0

"""The TCP echo by two threads: one context for both, and a context for each."""

from scenario import Column
from scenarios.echo import COSTS, EchoScenario

_BACKENDS = (
    ("asio_uring", "asio_uring"),
    ("asio_epoll", "Asio on epoll"),
    ("asio_native_uring", "Asio on its own io_uring"),
)


def _columns():
    for name, title in _BACKENDS:
        program = f"threads_{name}"
        yield Column(name, program, f"{title}, one context, two threads")
    for name, title in _BACKENDS[:2]:
        yield Column(
            f"{name}_contexts",
            f"threads_{name}",
            f"{title}, two contexts with one thread each",
            ("--contexts", "2"),
        )
        yield Column(
            f"{name}_single",
            f"threads_{name}",
            f"{title}, one context, one thread",
            ("--threads", "1"),
            optional=True,
        )


class Threads2(EchoScenario):
    name = "threads-2"
    description = (
        "TCP echo over loopback by two threads on all processors, the load among them: 64 "
        "connections, one message of 64 bytes in flight on each."
    )
    connections = 64
    columns = tuple(_columns())
    whom = {
        "asio_epoll": "asio_epoll",
        "asio_native_uring": "asio_uring",
        "asio_uring_contexts": "contexts",
        "asio_epoll_contexts": "asio_epoll_contexts",
    }

    promised = (
        "cpu_per_op_vs_asio_epoll",
        "cpu_per_op_vs_asio_uring",
        "cpu_per_op_vs_contexts",
        "ops_per_s_vs_asio_epoll",
        "ops_per_s_vs_asio_uring",
        "ops_per_s_vs_contexts",
        "syscalls_per_op",
        "allocs_per_op",
        *COSTS,
    )

    def _instructions(self, settings, children, column):
        """Not taken: valgrind runs one thread at a time, and does not let go of it while
        it waits in the ring."""
        return None
