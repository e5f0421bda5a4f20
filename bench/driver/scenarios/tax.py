# SPDX-License-Identifier: BSL-1.0

"""The same echo in another form: what it costs per operation on top of callbacks over
objects with a concrete executor."""

import figures
from scenarios import echo


class Tax(echo.EchoScenario):
    """A subclass says in `form` which column stands beside each of these two."""

    connections = 64
    bases = ("asio_uring", "asio_epoll")

    # Without FORM_tax_vs_asio_epoll: of two differences one may come out below zero.
    @property
    def promised(self):
        return (
            *(f"{self.form}_extra_cpu_{one}" for one in self.bases),
            *(f"{self.form}_extra_instructions_{one}" for one in self.bases),
            f"{self.form}_instructions_tax_vs_asio_epoll",
            "allocs_per_op",
            f"{self.form}_allocs_per_op",
        )

    def has_count_in_figure(self, column):
        return True

    def _figures(self, rounds, counts, outcome):
        rows = []
        extra_cpu, extra_instructions = {}, {}
        for base in self.bases:
            other = f"{base}_{self.form}"
            if other not in rounds[0] or base not in rounds[0]:
                continue
            value = figures.spread(
                figures.paired_differences(rounds, other, base, "cpu_per_op_us")
            )
            extra_cpu[base] = value.median
            outcome.figures[f"{self.form}_extra_cpu_{base}"] = value.median
            rows.append(echo.ratio_row(f"{self.form}_extra_cpu_{base} (us/op)", value))
            with_form = counts[other].get("instructions_per_op")
            without = counts[base].get("instructions_per_op")
            if with_form and without:
                extra = with_form - without
                extra_instructions[base] = extra
                name = f"{self.form}_extra_instructions_{base}"
                outcome.figures[name] = extra
                rows.append((name, f"{extra:.0f}", "", ""))
        outcome.tables.append((self.extra_title, echo.RATIO_HEADER, rows))
        for figure, extra in (
            (f"{self.form}_tax_vs_asio_epoll", extra_cpu),
            (f"{self.form}_instructions_tax_vs_asio_epoll", extra_instructions),
        ):
            # A ratio of costs says something only when both are costs.
            if len(extra) == 2 and extra["asio_epoll"] > 0:
                outcome.figures[figure] = extra["asio_uring"] / extra["asio_epoll"]
        for column, name in (
            ("asio_uring", "allocs_per_op"),
            (f"asio_uring_{self.form}", f"{self.form}_allocs_per_op"),
        ):
            allocations = counts.get(column, {}).get("allocs_per_op")
            if allocations is not None:
                outcome.figures[name] = allocations


class CoroTax(Tax):
    name = "coro-tax"
    form = "coro"
    description = (
        "TCP echo, 64 connections of 64 bytes, with callbacks and with coroutines: the "
        "extra cost per operation. The time is a difference of two noisy values; the "
        "instructions are steady."
    )
    extra_title = "Extra cost of coroutines per operation"
    columns = (
        echo.ASIO_URING,
        echo.ASIO_URING_CORO,
        echo.ASIO_EPOLL,
        echo.ASIO_EPOLL_CORO,
    )


class ErasedTax(Tax):
    name = "erased-tax"
    form = "erased"
    description = (
        "TCP echo, 64 connections of 64 bytes, by objects with a concrete executor and "
        "with the type-erased one: the extra cost per operation."
    )
    extra_title = "Extra cost of a type-erased executor per operation"
    columns = (
        echo.ASIO_URING,
        echo.ASIO_URING_ERASED,
        echo.ASIO_EPOLL,
        echo.ASIO_EPOLL_ERASED,
    )
