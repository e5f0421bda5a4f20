# SPDX-License-Identifier: BSL-1.0

"""Timers: schedule and cancel, re-arm per operation, expiry, 100k pending."""

import statistics

import counters
import environment
import figures
from scenario import Column, Outcome
from scenarios.echo import RATIO_HEADER, ratio_row

# Case of the program, its name in figures, operations timed, lengths counted.
CASES = (
    ("schedule-cancel", "schedule_cancel", 200_000, (5_000, 25_000)),
    ("rearm", "rearm", 200_000, (6_400, 25_600)),
    ("expiry", "expiry", 50_000, (5_000, 25_000)),
    ("insert", "insert_100k", 100_000, (5_000, 25_000)),
)
# Short processes in turn, and several of them in a round: see load/echo_load.cpp for why.
REPEATS = 4
WHOM = {"asio_epoll": "asio_epoll", "asio_native_uring": "asio_uring"}


class Timers:
    name = "timers"
    description = (
        "`steady_timer` of each backend: CPU time of the process per timer, kernel "
        "included. schedule_cancel: started and cancelled with 1000 others pending; "
        "rearm: 1000 pending timers moved in turn; expiry: delivery of 50,000 due "
        "timers; insert_100k: starting 100,000 timers with random expiries."
    )
    subject = "asio_uring"
    columns = (
        Column("asio_uring", "timers_asio_uring", "asio_uring"),
        Column("asio_epoll", "timers_asio_epoll", "Asio on epoll"),
        Column(
            "asio_native_uring", "timers_asio_native_uring", "Asio on its own io_uring"
        ),
    )

    promised = tuple(
        f"{name}_{quantity}"
        for _, name, _, _ in CASES
        for quantity in (
            "ns",
            "ns_vs_asio_epoll",
            "ns_vs_asio_uring",
            "instructions_vs_asio_epoll",
        )
    )

    def run(self, settings, children):
        outcome = Outcome()
        columns = settings.choose(self.columns)
        bystanders = environment.Bystanders()
        children.realtime = settings.realtime
        rounds = [
            self._round(settings, children, figures.rotated(columns, index))
            for index in range(settings.rounds)
        ]
        children.realtime = False
        outcome.notes.append(
            f"{len(rounds)} rounds of {REPEATS} processes per case and column, "
            f"interleaved; CPU time used by processes outside the run: "
            f"{bystanders.share():.1%}.{' Real-time priority.' * settings.realtime}"
        )
        outcome.notes.append(
            "Instructions: callgrind, over the whole program at two lengths, subtracted; "
            "those of expiry include starting the timers."
        )
        counts = (
            self._instructions(settings, children, columns) if settings.count else {}
        )
        outcome.raw = {"rounds": rounds, "counts": counts}
        self._evaluate(columns, rounds, counts, outcome)
        return outcome

    @staticmethod
    def _command(settings, column, case, operations):
        return [*column.command(settings), "--case", case, "--operations", operations]

    def _round(self, settings, children, order):
        samples = {column.name: {} for column in order}
        for case, name, operations, _ in CASES:
            taken = {column.name: [] for column in order}
            for repeat in range(REPEATS):
                for column in order if repeat % 2 == 0 else order[::-1]:
                    command = self._command(settings, column, case, operations)
                    sample = children.run_json(command, settings.cpus[0], timeout_s=60)
                    taken[column.name].append(sample["cpu_ns_per_op"])
            for column, values in taken.items():
                samples[column][name] = statistics.fmean(values)
        return samples

    def _instructions(self, settings, children, columns):
        return {
            column.name: {
                name: counters.program_instructions_per_operation(
                    children,
                    lambda length, column=column, case=case: self._command(
                        settings, column, case, length
                    ),
                    settings.cpus[0],
                    settings.shortened(lengths),
                )
                for case, name, _, lengths in CASES
            }
            for column in columns
        }

    def _evaluate(self, columns, rounds, counts, outcome):
        names = [name for _, name, _, _ in CASES]
        if self.subject in rounds[0]:
            self._figures(names, rounds, counts, outcome)
        costs, instructions = [], []
        for column in columns:
            spreads = [figures.of_column(rounds, column.name, name) for name in names]
            costs.append(
                (
                    column.title,
                    *(
                        f"{one.median:.0f} "
                        f"({one.low_quartile:.0f} - {one.high_quartile:.0f})"
                        for one in spreads
                    ),
                )
            )
            if counts:
                counted = counts[column.name]
                instructions.append(
                    (column.title, *(f"{counted[name]:.0f}" for name in names))
                )
        header = ("column", *names)
        outcome.tables.append(("CPU ns per timer, median (quartiles)", header, costs))
        if counts:
            outcome.tables.append(("User instructions per timer", header, instructions))
        for name in names:
            bars = []
            for column in columns:
                value = figures.of_column(rounds, column.name, name)
                bars.append(
                    (column.name, value.median, value.low_quartile, value.high_quartile)
                )
            title = name.replace("_", " ")
            outcome.panels.append((f"{title}: CPU ns per timer (less is better)", bars))

    def _figures(self, names, rounds, counts, outcome):
        ratios = []
        for column, whom in WHOM.items():
            if column not in rounds[0]:
                continue
            for name in names:
                figure = f"{name}_ns_vs_{whom}"
                value = figures.spread(
                    figures.paired_ratios(rounds, self.subject, column, name)
                )
                outcome.figures[figure] = value.median
                ratios.append(ratio_row(figure, value))
        outcome.tables.append(("Ratios of paired rounds", RATIO_HEADER, ratios))
        for name in names:
            outcome.figures[f"{name}_ns"] = figures.of_column(
                rounds, self.subject, name
            ).median
        if counts.get("asio_epoll"):
            for name in names:
                outcome.figures[f"{name}_instructions_vs_asio_epoll"] = (
                    counts[self.subject][name] / counts["asio_epoll"][name]
                )
