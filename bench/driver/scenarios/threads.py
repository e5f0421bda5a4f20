# SPDX-License-Identifier: BSL-1.0

"""The TCP echo by several threads: one context for all, and for two a context each."""

from scenario import Column
from scenarios.echo import COSTS, EchoScenario

_BACKENDS = (
    ("asio_uring", "asio_uring"),
    ("asio_epoll", "Asio on epoll"),
    ("asio_native_uring", "Asio on its own io_uring"),
)


def _shared(threads):
    """One context for all threads."""
    words = {2: "two", 4: "four", 8: "eight"}[threads]
    for name, title in _BACKENDS:
        yield Column(
            name,
            f"threads_{name}",
            f"{title}, one context, {words} threads",
            () if threads == 2 else ("--threads", str(threads)),
        )


def _others():
    """A context for each of two threads, and one thread alone."""
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


_PROMISED = (
    "cpu_per_op_vs_asio_epoll",
    "cpu_per_op_vs_asio_uring",
    "ops_per_s_vs_asio_epoll",
    "ops_per_s_vs_asio_uring",
    "syscalls_per_op",
    "allocs_per_op",
    *COSTS,
)


def _description(connections, threads):
    return (
        f"TCP echo over loopback by {threads} threads on all processors, the load among "
        f"them: {connections} connections, one message of 64 bytes in flight on each."
    )


class _Threads(EchoScenario):
    whom = {"asio_epoll": "asio_epoll", "asio_native_uring": "asio_uring"}
    promised = _PROMISED

    def _instructions(self, settings, children, column):
        """Not taken: valgrind runs one thread at a time, and does not let go of it while
        it waits in the ring."""
        return None


class Threads2(_Threads):
    """By two, beside a context for each of them."""

    name = "threads-2"
    connections = 64
    description = _description(connections, 2)
    columns = (*_shared(2), *_others())
    whom = {
        **_Threads.whom,
        "asio_uring_contexts": "contexts",
        "asio_epoll_contexts": "asio_epoll_contexts",
    }
    promised = (*_PROMISED, "cpu_per_op_vs_contexts", "ops_per_s_vs_contexts")


class Threads4(_Threads):
    """By more threads than a small machine has processors."""

    name = "threads-4"
    connections = 256
    description = _description(connections, 4)
    columns = tuple(_shared(4))


class Threads8(_Threads):
    name = "threads-8"
    connections = 256
    description = _description(connections, 8)
    columns = tuple(_shared(8))
