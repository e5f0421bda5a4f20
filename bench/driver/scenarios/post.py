# SPDX-License-Identifier: BSL-1.0

"""Handlers from one to the next, within a thread and across threads."""

from scenario import Column
from scenarios.cases import Case, CaseScenario


class Post(CaseScenario):
    name = "post"
    description = (
        "Handlers, by CPU time of the process, kernel included. post: 64 handlers that post "
        "themselves again; dispatch: handlers that dispatch one more within themselves; "
        "cross: posted by another thread, which never waits; wake: two contexts with a "
        "thread each post one handler back and forth, so that a sleeping thread is woken "
        "each time. Those named *_object* have a socket in each context; the others have "
        "handlers alone, for which no context needs its reactor."
    )
    unit = "handler"
    columns = (
        Column("asio_uring", "post_asio_uring", "asio_uring"),
        Column("asio_epoll", "post_asio_epoll", "Asio on epoll"),
        Column("asio_native_uring", "post_asio_native_uring", "Asio on its own io_uring"),
    )
    cases = (
        Case("post", "post", 400_000, (10_000, 50_000)),
        Case("dispatch", "dispatch", 2_000_000, (20_000, 100_000)),
        Case("cross", "cross", 100_000),
        Case("wake", "wake", 10_000, has_wall=True),
        Case("post", "post_object", 200_000, (10_000, 50_000), with_object=True),
        Case("cross", "cross_object", 100_000, with_object=True),
        Case("wake", "wake_object", 10_000, has_wall=True, with_object=True),
    )
    notes = (
        "Instructions: callgrind, over the whole program at two lengths, subtracted; not "
        "of the cases with two threads, of which valgrind runs one at a time.",
    )
