# SPDX-License-Identifier: BSL-1.0

"""The TCP echo by several threads: one context for all, and for two a context each."""

from scenario import Column
from scenarios.echo import COSTS, THREAD_COUNTS, EchoScenario

_BACKENDS = (
    ("asio_uring", "asio_uring"),
    ("asio_epoll", "Asio on epoll"),
    ("asio_native_uring", "Asio on its own io_uring"),
)


def _shared(threads):
    """One context for all threads."""
    words = {1: "one thread", 2: "two threads", 4: "four threads", 8: "eight threads"}
    for name, title in _BACKENDS:
        yield Column(
            name,
            f"threads_{name}",
            f"{title}, one context, {words[threads]}",
            ("--threads", str(threads)),
        )


def _contexts():
    """A context for each of two threads."""
    for name, title in _BACKENDS[:2]:
        yield Column(
            f"{name}_contexts",
            f"threads_{name}",
            f"{title}, two contexts with one thread each",
            ("--contexts", "2"),
        )


_POOL = Column(
    "asio_uring_pool",
    "threads_asio_uring_pool",
    "asio_uring, a context_pool of two",
    ("--threads", "2"),
)

_COUNTED = ("syscalls_per_op", "allocs_per_op", *THREAD_COUNTS, "kernel_workers")
_PROMISED = (
    "cpu_per_op_vs_asio_epoll",
    "cpu_per_op_vs_asio_uring",
    "ops_per_s_vs_asio_epoll",
    "ops_per_s_vs_asio_uring",
    *_COUNTED,
    *COSTS,
)


class Threads(EchoScenario):
    """One context for all threads, of which there may be more than processors."""

    whom = {"asio_epoll": "asio_epoll", "asio_native_uring": "asio_uring"}
    envelope = ()
    counted = _COUNTED
    promised = _PROMISED

    def __init__(self, threads, connections=256):
        self.connections = connections
        self.name = f"threads-{threads}x{connections}"
        self.description = (
            f"TCP echo over loopback, run by {threads} thread{'s' * (threads > 1)} on all "
            f"processors, the load among them: {connections} connections, one message of "
            "64 bytes in flight on each."
        )
        self._shared = tuple(_shared(threads))

    @property
    def columns(self):
        return self._shared

    def count_instructions(self, settings, children, column):
        """Not taken: valgrind runs one thread at a time, and does not let go of it while
        it waits in the ring."""
        return {}


class ThreadsWithContexts(Threads):
    """By two, beside a context for each of them, made by hand and by the pool."""

    whom = {
        **Threads.whom,
        "asio_uring_contexts": "contexts",
        "asio_uring_pool": "pool",
        "asio_epoll_contexts": "asio_epoll_contexts",
    }
    others = (
        (
            "asio_uring_contexts",
            "asio_epoll_contexts",
            "cpu_per_op_contexts_vs_asio_epoll_contexts",
        ),
        (_POOL.name, "asio_epoll_contexts", "cpu_per_op_pool_vs_asio_epoll_contexts"),
    )
    promised = (
        *_PROMISED,
        "cpu_per_op_vs_contexts",
        "ops_per_s_vs_contexts",
        "cpu_per_op_pool_vs_asio_epoll_contexts",
    )

    def __init__(self, connections):
        super().__init__(2, connections)

    @property
    def columns(self):
        return (*self._shared, *_contexts(), _POOL)


class Threads2(ThreadsWithContexts):
    """The smaller of the two, under its short name."""

    def __init__(self):
        super().__init__(64)
        self.name = "threads-2"
