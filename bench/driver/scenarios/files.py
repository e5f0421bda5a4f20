# SPDX-License-Identifier: BSL-1.0

"""Files: programs that do a piece of work and end, on data that is made for the run."""

import contextlib
import dataclasses
import pathlib
import statistics
import tempfile

import counters
import environment
import figures
from processes import ChildError
from scenario import Column, Outcome
from scenarios.echo import RATIO_HEADER, ratio_row

# Several short processes in a round: see load/load.cpp for why.
REPEATS = 4
QUANTITIES = {
    # in rounds, its table and its plot
    "cpu_ns_per_op": "CPU ns of the process per operation (less is better)",
    "ops_per_s": "operations per second (more is better)",
}


FILES = 20_000  # of a tree


def tree(settings):
    """The arguments of file_prepare."""
    return ("--kind", "tree", "--files", FILES // settings.smaller)


@dataclasses.dataclass(frozen=True)
class Ratio:
    figure: str
    quantity: str  # of QUANTITIES
    whom: str  # the column
    who: str = "asio_uring"  # and the one that is beside it


@contextlib.contextmanager
def made_data(settings, children, *arguments):
    """The path of what file_prepare has made, in the build folder and so on its disk.
    Without arguments nothing is there."""
    with tempfile.TemporaryDirectory(dir=settings.build) as folder:
        path = pathlib.Path(folder, "data")
        if arguments:
            command = [settings.program("file_prepare"), "--path", path, *arguments]
            children.run_json(command, settings.cpus[0], timeout_s=120)
        yield path


class FileScenario:
    """A program per column. Each may run on both processors, so that a thread pool and the
    kernel's own threads are not held to one."""

    name = ""
    description = ""
    subject = "asio_uring"
    columns = ()
    data = ()  # arguments of file_prepare
    operations = {}  # timed, by column
    lengths = (20_000, 60_000)  # counted
    ratios = ()
    counted = ("syscalls_per_op", "allocs_per_op")  # figures of the subject
    measured = ()  # figures of the subject that its program prints
    notes = ()

    @property
    def promised(self):
        names = [one.figure for one in self.ratios]
        return (*names, *self.counted, *self.measured, "cpu_ns_per_op", "ops_per_s")

    def data_of(self, settings):
        return self.data

    def command(self, settings, column, path, length):
        """The program of a column, for so many operations."""
        return [*column.command(settings), "--path", path, "--operations", length]

    def run(self, settings, children):
        outcome = Outcome()
        columns = settings.choose(self.columns)
        with made_data(settings, children, *self.data_of(settings)) as path:
            bystanders = environment.Bystanders()
            children.realtime = settings.realtime
            rounds = [
                self._round(settings, children, figures.rotated(columns, index), path)
                for index in range(settings.rounds)
            ]
            children.realtime = False
            outcome.notes.append(
                f"{len(rounds)} rounds of {REPEATS} processes per column, interleaved, on "
                f"both processors; CPU time used by processes outside the run: "
                f"{bystanders.share():.1%}.{' Real-time priority.' * settings.realtime}"
            )
            outcome.notes += self.notes
            counts = {one.name: {} for one in columns}
            if settings.count:
                counts = self._count_all(settings, children, columns, path, outcome)
        outcome.raw = {"rounds": rounds, "counts": counts}
        self._evaluate(columns, rounds, counts, outcome)
        return outcome

    def _round(self, settings, children, order, path):
        taken = {column.name: [] for column in order}
        for repeat in range(REPEATS):
            for column in order if repeat % 2 == 0 else order[::-1]:
                length = self.operations[column.name] // settings.smaller
                command = self.command(settings, column, path, length)
                taken[column.name].append(
                    children.run_json(command, settings.cpus, timeout_s=60)
                )
        return {column: self._mean(samples) for column, samples in taken.items()}

    @staticmethod
    def _mean(samples):
        mean = {
            name: statistics.fmean(one[name] for one in samples) for name in samples[0]
        }
        return {**mean, "ops_per_s": 1e9 / mean["wall_ns_per_op"]}

    def count(self, settings, children, column):
        """What is counted of a column, by the name of its figure."""
        with made_data(settings, children, *self.data_of(settings)) as path:
            values = {}
            for count in self._counts_of(settings, children, column, path).values():
                values.update(count())
        return {figure: values[figure] for figure in self.counted}

    def _counts_of(self, settings, children, column, path):
        """What takes each count."""
        lengths = settings.shortened(self.lengths)

        def command(length):
            return self.command(settings, column, path, length)

        def system_calls():
            counter = counters.SystemCalls(children, settings.cpus[0])
            return counter.of_program(command, lengths)

        def allocations():
            count = counters.program_allocations_per_operation(
                children,
                command,
                settings.cpus[0],
                lengths,
                settings.program("liballocation_counter.so"),
            )
            return {"allocs_per_op": count}

        return {"system calls": system_calls, "allocations": allocations}

    def _count_all(self, settings, children, columns, path, outcome):
        """Each count of each column apart: one that cannot be taken loses nothing else."""
        counts = {one.name: {} for one in columns}
        counter = counters.SystemCalls(children, settings.cpus[0])
        outcome.notes.append(
            f"System calls: `{counter.tool}`. Allocations: a preloaded counter of the C "
            "library's functions. Each over the whole program at two lengths, subtracted."
        )
        for column in columns:
            if not settings.count_all and column.name != self.subject:
                continue
            takers = self._counts_of(settings, children, column, path)
            for what, count in takers.items():
                try:
                    counts[column.name].update(count())
                except ChildError as error:
                    outcome.failures.append(f"{what} of {column.name}: {error}")
        return counts

    def _evaluate(self, columns, rounds, counts, outcome):
        rows = []
        for ratio in self.ratios:
            if not {ratio.who, ratio.whom} <= rounds[0].keys():
                continue
            value = figures.spread(
                figures.paired_ratios(rounds, ratio.who, ratio.whom, ratio.quantity)
            )
            outcome.figures[ratio.figure] = value.median
            rows.append(ratio_row(ratio.figure, value))
        outcome.tables.append(("Ratios of paired rounds", RATIO_HEADER, rows))
        if self.subject in rounds[0]:
            for figure in self.counted:
                if figure in counts[self.subject]:
                    outcome.figures[figure] = counts[self.subject][figure]
            for figure in QUANTITIES:
                outcome.figures[figure] = figures.of_column(
                    rounds, self.subject, figure
                ).median
            self.further_figures(rounds, outcome)
        self._tables(columns, rounds, counts, outcome)

    def further_figures(self, rounds, outcome):
        """What a scenario says of its subject besides ratios and counts."""

    def _tables(self, columns, rounds, counts, outcome):
        rows, bars = [], {quantity: [] for quantity in QUANTITIES}
        for column in columns:
            cells = []
            for quantity in QUANTITIES:
                value = figures.of_column(rounds, column.name, quantity)
                cells.append(
                    f"{value.median:.0f} "
                    f"({value.low_quartile:.0f} - {value.high_quartile:.0f})"
                )
                bars[quantity].append(
                    (column.name, value.median, value.low_quartile, value.high_quartile)
                )
            of_column = counts[column.name]
            cells += [
                f"{of_column[name]:.3f}" if name in of_column else "-"
                for name in self.counted
            ]
            rows.append((column.title, *cells))
        header = ("column", "CPU ns/op", "ops/s")
        header += tuple(one.replace("_per_op", "/op") for one in self.counted)
        outcome.tables.append(("Medians (quartiles)", header, rows))
        outcome.panels += [(QUANTITIES[one], bars[one]) for one in QUANTITIES]


class FileRead(FileScenario):
    columns = (
        Column("asio_uring", "file_read_asio_uring", "asio_uring"),
        Column(
            "asio_uring_registered",
            "file_read_asio_uring_registered",
            "asio_uring, registered buffers",
        ),
        Column(
            "asio_native_uring",
            "file_read_asio_native_uring",
            "Asio's file on its own io_uring",
        ),
        Column("pool", "file_read_plain", "pread by 4 threads", ("--way", "pool")),
        Column("pread", "file_read_plain", "a loop of pread", ("--way", "pread")),
        Column("floor", "file_read_floor", "a loop on the ring layer"),
    )
    data = ("--kind", "blocks")
    operations = {
        "asio_uring": 100_000,
        "asio_uring_registered": 100_000,
        "asio_native_uring": 50_000,
        "pool": 20_000,
        "pread": 100_000,
        "floor": 100_000,
    }
    ratios = (
        Ratio("ops_per_s_vs_asio_uring", "ops_per_s", "asio_native_uring"),
        Ratio("ops_per_s_vs_pool", "ops_per_s", "pool"),
        Ratio("ops_per_s_vs_floor", "ops_per_s", "floor"),
        Ratio("cpu_per_op_vs_pread", "cpu_ns_per_op", "pread"),
        Ratio("cpu_per_op_vs_registered", "cpu_ns_per_op", "asio_uring_registered"),
    )
    notes = (
        "The file has 4 MiB, all of it in the page cache: fetching the bytes of a larger "
        "one from memory costs more than all else, and makes the columns alike. Each block "
        "that is read is checked for its number.",
    )

    def __init__(self, depth):
        self.name = f"file-read-{depth}"
        self.description = (
            "Reads of 4 KiB at random places of one file object in the page cache, "
            f"{depth} in flight at the same time; the loop of pread makes one at a time."
        )
        self._depth = depth

    def command(self, settings, column, path, length):
        command = super().command(settings, column, path, length)
        return [*command, "--depth", self._depth]
