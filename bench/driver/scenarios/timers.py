# SPDX-License-Identifier: BSL-1.0

"""Timers: schedule and cancel, re-arm per operation, expiry, 100k pending."""

from scenario import Column
from scenarios.cases import Case, CaseScenario


class Timers(CaseScenario):
    name = "timers"
    description = (
        "`steady_timer` of each backend: CPU time of the process per timer, kernel "
        "included. schedule_cancel: started and cancelled with 1000 others pending; "
        "rearm: 1000 pending timers moved in turn; expiry: delivery of 50,000 due "
        "timers; insert_100k: starting 100,000 timers with random expiries."
    )
    unit = "timer"
    columns = (
        Column("asio_uring", "timers_asio_uring", "asio_uring"),
        Column("asio_epoll", "timers_asio_epoll", "Asio on epoll"),
        Column(
            "asio_native_uring", "timers_asio_native_uring", "Asio on its own io_uring"
        ),
    )
    cases = (
        Case("schedule-cancel", "schedule_cancel", 200_000, (5_000, 25_000)),
        Case("rearm", "rearm", 200_000, (6_400, 25_600)),
        Case("expiry", "expiry", 50_000, (5_000, 25_000)),
        Case("insert", "insert_100k", 100_000, (5_000, 25_000)),
    )
    notes = (
        "Instructions: callgrind, over the whole program at two lengths, subtracted; "
        "those of expiry include starting the timers.",
    )
