# SPDX-License-Identifier: BSL-1.0

"""Scenarios whose program does a piece of work and ends: short processes in turn."""

import dataclasses
import statistics

import counters
import environment
import figures
from scenario import Outcome
from scenarios.echo import RATIO_HEADER, ratio_row

# Several short processes in a round: see load/load.cpp for why.
REPEATS = 4
WHOM = {"asio_epoll": "asio_epoll", "asio_native_uring": "asio_uring"}


@dataclasses.dataclass(frozen=True)
class Case:
    option: str  # of --case
    name: str  # in figures
    operations: int  # timed
    lengths: tuple = ()  # counted; empty where callgrind says nothing about the case
    with_object: bool = False  # the context has one, where the program knows the option
    has_wall: bool = False  # the time of an operation is a figure beside its CPU time


class CaseScenario:
    """A program with several cases, each measured by the CPU time of its process."""

    name = ""
    description = ""
    subject = "asio_uring"
    cases = ()
    unit = "operation"
    notes = ()
    main = ""  # the case that stands for the scenario in figures of the usual names

    @property
    def promised(self):
        quantities = ["ns", "ns_vs_asio_epoll", "ns_vs_asio_uring"]
        names = [f"{case.name}_{one}" for case in self.cases for one in quantities]
        names += [
            f"{case.name}_instructions_vs_asio_epoll"
            for case in self.cases
            if case.lengths
        ]
        if self.main:
            names += ["cpu_per_op_vs_asio_epoll", "cpu_per_op_vs_asio_uring"]
        for case in self.cases:
            if case.has_wall:
                names += [f"{case.name}_wall_ns", f"{case.name}_wall_ns_vs_asio_epoll"]
        return tuple(names)

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
        outcome.notes += self.notes
        counts = {}
        if settings.count:
            counts = {one.name: self.count(settings, children, one) for one in columns}
        outcome.raw = {"rounds": rounds, "counts": counts}
        self._evaluate(columns, rounds, counts, outcome)
        return outcome

    @staticmethod
    def _command(settings, column, case, operations):
        return [
            *column.command(settings),
            *("--case", case.option),
            *("--operations", operations),
            *(("--object", 1) if case.with_object else ()),
        ]

    def _round(self, settings, children, order):
        samples = {column.name: {} for column in order}
        for case in self.cases:
            taken = {column.name: [] for column in order}
            for repeat in range(REPEATS):
                for column in order if repeat % 2 == 0 else order[::-1]:
                    command = self._command(
                        settings, column, case, case.operations // settings.smaller
                    )
                    sample = children.run_json(command, settings.cpus[0], timeout_s=60)
                    taken[column.name].append(sample)
            for column, values in taken.items():
                mean = statistics.fmean(one["cpu_ns_per_op"] for one in values)
                samples[column][case.name] = mean
                if case.has_wall:
                    samples[column][f"{case.name}_wall"] = statistics.fmean(
                        one["wall_ns_per_op"] for one in values
                    )
        return samples

    def count(self, settings, children, column):
        """User instructions by case."""
        return {
            case.name: counters.program_instructions_per_operation(
                children,
                lambda length, case=case: self._command(settings, column, case, length),
                settings.cpus[0],
                settings.shortened(case.lengths),
            )
            for case in self.cases
            if case.lengths
        }

    def _evaluate(self, columns, rounds, counts, outcome):
        names = [case.name for case in self.cases]
        names += [f"{case.name}_wall" for case in self.cases if case.has_wall]
        if self.subject in rounds[0]:
            self._figures(names, rounds, counts, outcome)
        costs, instructions = [], []
        counted = [case.name for case in self.cases if case.lengths]
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
                of_column = counts[column.name]
                instructions.append(
                    (column.title, *(f"{of_column[name]:.0f}" for name in counted))
                )
        outcome.tables.append(
            (
                f"CPU ns per {self.unit}, median (quartiles)",
                ("column", *(name.replace("_wall", ", time") for name in names)),
                costs,
            )
        )
        if counts and counted:
            outcome.tables.append(
                (
                    f"User instructions per {self.unit}",
                    ("column", *counted),
                    instructions,
                )
            )
        for case in self.cases:
            bars = []
            for column in columns:
                value = figures.of_column(rounds, column.name, case.name)
                bars.append(
                    (column.name, value.median, value.low_quartile, value.high_quartile)
                )
            title = case.name.replace("_", " ")
            outcome.panels.append(
                (f"{title}: CPU ns per {self.unit} (less is better)", bars)
            )

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
                if name == self.main:
                    outcome.figures[f"cpu_per_op_vs_{whom}"] = value.median
        outcome.tables.append(("Ratios of paired rounds", RATIO_HEADER, ratios))
        for name in names:
            outcome.figures[f"{name}_ns"] = figures.of_column(
                rounds, self.subject, name
            ).median
        base = counts.get("asio_epoll", {})
        for name, value in base.items():
            outcome.figures[f"{name}_instructions_vs_asio_epoll"] = (
                counts[self.subject][name] / value
            )
