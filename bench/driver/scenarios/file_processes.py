# SPDX-License-Identifier: BSL-1.0

"""Programs beside those of the system: a tree that is copied, a file that is written."""

import itertools
import json
import resource
import time

import environment
import figures
from scenario import Column, Outcome
from scenarios.echo import RATIO_HEADER, ratio_row
from scenarios.files import made_data, tree


class FileProcesses:
    """Each column is a whole process, from its start to its end."""

    name = ""
    description = ""
    columns = ()
    ratios = ()  # (figure, quantity, column, whom)
    most_rounds = 40  # where more would fill the disk
    subject = "asio_uring"

    @property
    def promised(self):
        return (*(figure for figure, *_ in self.ratios), "wall_s")

    def data_of(self, settings):
        """Arguments of file_prepare, which makes nothing without any."""
        return ()

    def command(self, settings, column, source, target):
        raise NotImplementedError

    def run(self, settings, children):
        outcome = Outcome()
        columns = settings.choose(self.columns)
        with made_data(settings, children, *self.data_of(settings)) as source:
            bystanders = environment.Bystanders()
            # The first to fill so much of the page cache pays for memory that may be new to
            # a virtual machine.
            for column in columns:
                self._sample(settings, children, column, source)
            children.realtime = settings.realtime
            rounds = [
                {
                    column.name: self._sample(settings, children, column, source)
                    for column in figures.rotated(columns, index)
                }
                for index in range(min(settings.rounds, self.most_rounds))
            ]
            children.realtime = False
            outcome.notes.append(
                f"{len(rounds)} rounds, interleaved, on both processors; one before the "
                "first is in no figure. CPU time used by processes outside the run: "
                f"{bystanders.share():.1%}."
            )
        outcome.raw = {"rounds": rounds}
        self._evaluate(columns, rounds, outcome)
        return outcome

    def _sample(self, settings, children, column, source):
        target = source.with_name(self.target_of(column))
        command = self.command(settings, column, source, target)
        cpu, started = self._cpu_s(), time.perf_counter()
        output = children.run(command, settings.cpus, timeout_s=120)
        wall_s = time.perf_counter() - started
        # The clock of a process may stand still for one that is too short.
        cpu_s = max(self._cpu_s() - cpu, 1e-6)
        return {"wall_s": wall_s, "cpu_s": cpu_s, **self.printed(column, output)}

    def target_of(self, column):
        """The name of what is made, which stays until the scenario ends."""
        raise NotImplementedError

    def printed(self, column, output):
        """What a sample has from the program's own output."""
        return {}

    @staticmethod
    def _cpu_s():
        """Of all children that have ended."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def _evaluate(self, columns, rounds, outcome):
        ratios, rows, bars = [], [], []
        for figure, quantity, column, whom in self.ratios:
            if {column, whom} <= rounds[0].keys():
                value = figures.spread(
                    figures.paired_ratios(rounds, column, whom, quantity)
                )
                outcome.figures[figure] = value.median
                ratios.append(ratio_row(figure, value))
        for column in columns:
            wall, cpu = (
                figures.of_column(rounds, column.name, one) for one in ("wall_s", "cpu_s")
            )
            rows.append((column.title, f"{wall.median:.3f}", f"{cpu.median:.3f}"))
            bars.append((column.name, wall.median, wall.low_quartile, wall.high_quartile))
            if column.name == self.subject:
                outcome.figures["wall_s"] = wall.median
        self.further_figures(rounds, outcome)
        outcome.tables.append(("Ratios of paired rounds", RATIO_HEADER, ratios))
        outcome.tables.append(("Seconds, medians", ("column", "time", "CPU"), rows))
        outcome.panels.append(("seconds (less is better)", bars))

    def further_figures(self, rounds, outcome):
        """What a scenario says besides ratios."""


class CopyTree(FileProcesses):
    name = "copy-tree"
    description = (
        "A tree of 20,000 files of 4 KiB in the page cache is copied within one file "
        "system, by the example `ucp` and by `cp -r`; time from the start of the process "
        "to its end."
    )
    columns = (
        Column("asio_uring", "file_ucp", "ucp"),
        Column("cp", "", "cp -r"),
    )
    ratios = (
        ("wall_vs_cp", "wall_s", "asio_uring", "cp"),
        ("cpu_vs_cp", "cpu_s", "asio_uring", "cp"),
    )

    most_rounds = 10

    def __init__(self):
        self._copies = itertools.count()

    def data_of(self, settings):
        return tree(settings)

    def target_of(self, column):
        """A name for each copy: ext4 searches for long where many files were removed in the
        last minutes, so that the next to make files would pay for a removal."""
        return f"copy-{next(self._copies)}"

    def command(self, settings, column, source, target):
        if column.name == "cp":
            return ["cp", "-r", source, target]
        return [*column.command(settings), "--from", source, "--to", target]


class WriteFileSeq(FileProcesses):
    name = "write-file-seq"
    description = (
        "A file of 1 GiB is written over from its beginning to its end in pieces of 1 MiB, "
        "through the page cache and past it, on the disk of the build folder: by "
        "`async_write_some_at` with four pieces in flight, and by dd."
    )
    columns = (
        Column("asio_uring", "file_write_uring", "asio_uring, page cache"),
        Column("dd", "", "dd, page cache"),
        Column(
            "asio_uring_direct",
            "file_write_uring",
            "asio_uring, O_DIRECT",
            ("--direct", 1),
        ),
        Column("dd_direct", "", "dd, O_DIRECT", ("oflag=direct",)),
    )
    ratios = (
        ("wall_vs_dd", "wall_s", "asio_uring", "dd"),
        ("cpu_vs_dd", "cpu_s", "asio_uring", "dd"),
        ("wall_direct_vs_dd", "wall_s", "asio_uring_direct", "dd_direct"),
    )
    MEBIBYTES = 1024

    @property
    def promised(self):
        return (*super().promised, "kernel_workers")

    def command(self, settings, column, source, target):
        mebibytes = self.MEBIBYTES // settings.smaller
        if column.program:
            options = ("--path", target, "--mebibytes", mebibytes)
            return [*column.command(settings), *options]
        options = ("if=/dev/zero", f"of={target}", "bs=1M", f"count={mebibytes}")
        return ["dd", *options, "conv=notrunc", *column.arguments]

    def target_of(self, column):
        """One file for the writes through the page cache, whose pages stay: pages that are
        new to a virtual machine cost ten times a write. Another for those past it."""
        return "direct" if column.arguments else "cached"

    def printed(self, column, output):
        return json.loads(output) if column.program else {}

    def further_figures(self, rounds, outcome):
        if self.subject in rounds[0]:
            outcome.figures["kernel_workers"] = figures.of_column(
                rounds, self.subject, "kernel_workers"
            ).median
