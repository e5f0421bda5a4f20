# SPDX-License-Identifier: BSL-1.0

"""The same echo with coroutines: what they cost per operation on top of callbacks."""

import figures
from scenarios import echo

PAIRS = {
    "asio_uring": ("asio_uring_coro", "asio_uring"),
    "asio_epoll": ("asio_epoll_coro", "asio_epoll"),
}


class CoroTax(echo.EchoScenario):
    name = "coro-tax"
    description = (
        "TCP echo, 64 connections of 64 bytes, with callbacks and with coroutines: the "
        "extra cost per operation. The time is a difference of two noisy values; the "
        "instructions are steady."
    )
    connections = 64
    columns = (
        echo.ASIO_URING,
        echo.ASIO_URING_CORO,
        echo.ASIO_EPOLL,
        echo.ASIO_EPOLL_CORO,
    )

    # Without coro_tax_vs_asio_epoll: of two differences one may come out below zero.
    promised = (
        "coro_extra_cpu_asio_uring",
        "coro_extra_cpu_asio_epoll",
        "coro_extra_instructions_asio_uring",
        "coro_extra_instructions_asio_epoll",
        "coro_instructions_tax_vs_asio_epoll",
        "allocs_per_op",
        "coro_allocs_per_op",
    )

    def _figures(self, rounds, counts, outcome):
        rows = []
        extra_cpu, extra_instructions = {}, {}
        for whom, (coroutine, callback) in PAIRS.items():
            if coroutine not in rounds[0] or callback not in rounds[0]:
                continue
            value = figures.spread(
                figures.paired_differences(rounds, coroutine, callback, "cpu_per_op_us")
            )
            extra_cpu[whom] = value.median
            outcome.figures[f"coro_extra_cpu_{whom}"] = value.median
            rows.append(echo.ratio_row(f"coro_extra_cpu_{whom} (us/op)", value))
            with_coroutine = counts[coroutine].get("instructions_per_op")
            with_callback = counts[callback].get("instructions_per_op")
            if with_coroutine and with_callback:
                extra = with_coroutine - with_callback
                extra_instructions[whom] = extra
                outcome.figures[f"coro_extra_instructions_{whom}"] = extra
                rows.append((f"coro_extra_instructions_{whom}", f"{extra:.0f}", "", ""))
        outcome.tables.append(
            ("Extra cost of coroutines per operation", echo.RATIO_HEADER, rows)
        )
        for figure, extra in (
            ("coro_tax_vs_asio_epoll", extra_cpu),
            ("coro_instructions_tax_vs_asio_epoll", extra_instructions),
        ):
            # A ratio of costs says something only when both are costs.
            if len(extra) == 2 and extra["asio_epoll"] > 0:
                outcome.figures[figure] = extra["asio_uring"] / extra["asio_epoll"]
        for column in ("asio_uring", "asio_uring_coro"):
            allocations = counts.get(column, {}).get("allocs_per_op")
            if allocations is not None:
                name = "coro_allocs_per_op" if "coro" in column else "allocs_per_op"
                outcome.figures[name] = allocations
