# SPDX-License-Identifier: BSL-1.0

"""The harness measured by itself: the same server twice must tie, and a server with a
known loss per operation must lose in each quantity."""

import figures
from scenario import Column
from scenarios import echo

ITSELF = Column("raw_epoll_again", "echo_raw_epoll", "the same program again")
SLOWED = Column("raw_epoll_slowed", "echo_raw_epoll_slowed", "with a deliberate loss")


class SelfCheck(echo.EchoScenario):
    name = "self-check"
    description = (
        "The harness itself, 64 connections of 64 bytes: a program against itself, and "
        "against a copy with one system call, one allocation and about 6000 instructions "
        "more per operation."
    )
    connections = 64
    subject = "raw_epoll"
    columns = (echo.RAW_EPOLL, ITSELF, SLOWED)

    promised = (
        "cpu_per_op_itself_vs_raw_epoll",
        "cpu_per_op_slowed_vs_raw_epoll",
        "extra_syscalls_per_op",
        "extra_allocs_per_op",
        "extra_instructions_per_op",
    )

    def has_count_in_figure(self, column):
        return True

    def _figures(self, rounds, counts, outcome):
        rows = []
        for column, name, low, high in (
            (ITSELF, "itself", 0.95, 1.05),
            (SLOWED, "slowed", 1.10, 2.00),
        ):
            if column.name not in rounds[0]:
                continue
            value = figures.spread(
                figures.paired_ratios(rounds, column.name, self.subject, "cpu_per_op_us")
            )
            figure = f"cpu_per_op_{name}_vs_raw_epoll"
            outcome.figures[figure] = value.median
            rows.append(echo.ratio_row(figure, value))
            self._expect(outcome, figure, low, high)
        outcome.tables.append(("Ratios of paired rounds", echo.RATIO_HEADER, rows))
        for quantity, low, high in (
            ("syscalls_per_op", 0.9, 1.1),
            ("allocs_per_op", 0.99, 1.01),
            ("instructions_per_op", 4000, 9000),
        ):
            slowed = counts.get(SLOWED.name, {}).get(quantity)
            plain = counts[self.subject].get(quantity)
            if slowed is not None and plain is not None:
                outcome.figures[f"extra_{quantity}"] = slowed - plain
                self._expect(outcome, f"extra_{quantity}", low, high)

    @staticmethod
    def _expect(outcome, figure, low, high):
        value = outcome.figures[figure]
        if not low <= value <= high:
            outcome.bounds_missed.append(f"{figure} is {value:.3f}, not in {low}..{high}")
