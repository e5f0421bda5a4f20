# SPDX-License-Identifier: BSL-1.0

"""The ring layer alone beside liburing: the same loop over both, in one process."""

import dataclasses

import counters
import environment
import figures
from scenario import Outcome
from scenarios.echo import RATIO_HEADER, ratio_row

# CPU of the process, in pieces this short: the speed of a virtual machine changes faster
# than processes can take turns.
SLICE_S = 0.001
SHARE_OF_WINDOW = 0.25
RINGS_EXPECTED = 250
PAIRS = (
    # in figures, own column, liburing's
    ("", "own_single", "liburing_single"),
    ("_coop", "own_coop", "liburing_coop"),
    ("_best", "own_best", "liburing_fd"),
)
TITLES = {
    "own_single": "asio_uring, SINGLE_ISSUER and DEFER_TASKRUN",
    "liburing_single": "liburing, the same flags",
    "own_coop": "asio_uring, COOP_TASKRUN",
    "liburing_coop": "liburing, the same flags",
    "own_best": "asio_uring, single, registered ring descriptor, NO_SQARRAY",
    "liburing_fd": "liburing, single, registered ring descriptor",
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str  # in figures
    kind: str  # the program's
    batch: int
    lengths: tuple = (6_400, 25_600)  # operations counted

    def arguments(self):
        return ["--case", self.kind, "--batch", self.batch]


class RingLayer:
    """Cases of the program ring_layer, each with every pair of columns."""

    name = ""
    description = ""
    cases = ()
    further_figures = ()

    @property
    def promised(self):
        names = [
            f"{quantity}_per_{case.name}{what}_vs_liburing"
            for case in self.cases
            for quantity, what in (
                *(("ns", what) for what, _, _ in PAIRS),
                ("instructions", ""),
            )
        ]
        names += [f"ns_per_{case.name}" for case in self.cases]
        return (*names, *self.further_figures)

    def run(self, settings, children):
        outcome = Outcome()
        bystanders = environment.Bystanders()
        children.realtime = settings.realtime
        rounds = [
            {case.name: self._timed(settings, children, case) for case in self.cases}
            for _ in range(settings.rounds)
        ]
        children.realtime = False
        outcome.notes.append(
            f"{len(rounds)} rounds; in each case of a round one process goes back and "
            f"forth over all columns in slices of {SLICE_S * 1000:.0f} ms of CPU time, "
            f"{settings.window_s * SHARE_OF_WINDOW} s per column, and takes the median "
            f"slice. CPU time used by processes outside the run: "
            f"{bystanders.share():.1%}.{' Real-time priority.' * settings.realtime}"
        )
        counts = self._instructions(settings, children) if settings.count else {}
        outcome.raw = {"rounds": rounds, "counts": counts}
        for case in self.cases:
            self._evaluate(case, rounds, counts, outcome)
        self.further(settings, children, outcome)
        return outcome

    def further(self, settings, children, outcome):
        """What a scenario measures besides its cases."""

    @staticmethod
    def column_names():
        return [name for _, own, other in PAIRS for name in (own, other)]

    def timed(self, settings, children, arguments, columns):
        """CPU ns per operation of each column."""
        seconds = settings.window_s * SHARE_OF_WINDOW
        command = [settings.program("ring_layer"), *arguments]
        command += ["--columns", ",".join(columns), "--folder", settings.build]
        command += ["--seconds", seconds, "--slice", SLICE_S]
        # The calibration and the first turns come on top of the slices.
        return children.run_json(command, settings.cpus[0], 3 * seconds * len(columns) + 30)

    def _timed(self, settings, children, case):
        return self.timed(settings, children, case.arguments(), self.column_names())

    def _instructions(self, settings, children):
        return {
            case.name: {
                column: counters.program_instructions_per_operation(
                    children,
                    lambda length, case=case, column=column: [
                        settings.program("ring_layer"),
                        *case.arguments(),
                        *("--columns", column, "--operations", length),
                        *("--folder", settings.build),
                    ],
                    settings.cpus[0],
                    settings.shortened(case.lengths),
                )
                for column in self.column_names()
            }
            for case in self.cases
        }

    def _evaluate(self, case, rounds, counts, outcome):
        taken = [one[case.name] for one in rounds]
        ratios, costs, bars = [], [], []
        for what, own, other in PAIRS:
            value = figures.spread(
                figures.paired_ratios(taken, own, other, "cpu_ns_per_op")
            )
            figure = f"ns_per_{case.name}{what}_vs_liburing"
            outcome.figures[figure] = value.median
            ratios.append(ratio_row(figure, value))
        for column in self.column_names():
            value = figures.of_column(taken, column, "cpu_ns_per_op")
            counted = f"{counts[case.name][column]:.1f}" if counts else ""
            costs.append(
                (
                    column,
                    TITLES[column],
                    f"{value.median:.1f}",
                    f"{value.low_quartile:.1f} - {value.high_quartile:.1f}",
                    counted,
                )
            )
            bars.append((column, value.median, value.low_quartile, value.high_quartile))
        header = ("column", "what", "CPU ns", "quartiles", "user instructions")
        title = case.name.replace("_", " ")
        outcome.tables.append((f"{title}: cost of one", header, costs))
        outcome.tables.append((f"{title}: ratios within rounds", RATIO_HEADER, ratios))
        outcome.panels.append((f"{title}: CPU ns of one (less is better)", bars))
        outcome.figures[f"ns_per_{case.name}"] = costs_median(taken, "own_single")
        if counts:
            counted = counts[case.name]
            outcome.figures[f"instructions_per_{case.name}_vs_liburing"] = (
                counted["own_single"] / counted["liburing_single"]
            )


def costs_median(taken, column):
    return figures.of_column(taken, column, "cpu_ns_per_op").median


class RingNop(RingLayer):
    name = "ring-nop"
    description = (
        "The ring layer beside liburing: no-operations in batches of 1 and 32, submitted, "
        "waited for and reaped; and what a ring of the default size costs."
    )
    cases = (Case("op_batch1", "nop", 1), Case("op_batch32", "nop", 32))
    further_figures = (
        "create_destroy_us",
        "create_destroy_us_vs_liburing",
        "locked_kib",
        "rings_in_8_mib",
    )

    def further(self, settings, children, outcome):
        columns = ("own_coop", "liburing_coop")
        children.realtime = settings.realtime
        taken = [
            self.timed(settings, children, ["--case", "create"], columns)
            for _ in range(settings.rounds)
        ]
        children.realtime = False
        ratio = figures.spread(figures.paired_ratios(taken, *columns, "cpu_ns_per_op"))
        fit = children.run_json(
            [settings.program("ring_layer"), "--case", "fit"], settings.cpus[0], 60
        )
        locked_kib = fit["locked_bytes"] / 1024
        outcome.figures["create_destroy_us"] = costs_median(taken, "own_coop") / 1000
        outcome.figures["create_destroy_us_vs_liburing"] = ratio.median
        outcome.figures["locked_kib"] = locked_kib
        outcome.figures["rings_in_8_mib"] = fit["rings"]
        outcome.raw["create"] = taken
        outcome.tables.append(
            (
                "A ring of the default size",
                ("what", "value"),
                [
                    ("CPU us to create and destroy", f"{costs_median(taken, 'own_coop') / 1000:.1f}"),
                    ("the same, liburing", f"{costs_median(taken, 'liburing_coop') / 1000:.1f}"),
                    ("KiB of locked memory", f"{locked_kib:.0f}"),
                    ("rings an ordinary user has within 8 MiB", fit["rings"]),
                ],
            )
        )
        if fit["rings"] < RINGS_EXPECTED:
            outcome.bounds_missed.append(
                f"{fit['rings']} rings fit into 8 MiB, not {RINGS_EXPECTED}"
            )


class RingFile(RingLayer):
    name = "ring-file"
    description = (
        "The ring layer beside liburing: 64-byte messages sent through a socket pair and "
        "received into provided buffers, and 4 KiB reads of a cached file into a "
        "registered buffer."
    )
    cases = (
        Case("receive_batch1", "receive", 1),
        Case("receive_batch8", "receive", 8),
        Case("read_batch1", "read", 1),
        Case("read_batch32", "read", 32),
    )
