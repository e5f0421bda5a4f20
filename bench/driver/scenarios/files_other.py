# SPDX-License-Identifier: BSL-1.0

"""Small files read whole, and durable writes."""

import figures
from scenario import Column
from scenarios.echo import RATIO_HEADER, ratio_row
from scenarios.files import FILES, FileScenario, Ratio, tree


class SmallFiles(FileScenario):
    name = "small-files"
    description = (
        "20,000 files of 4 KiB in the page cache, each read whole into a string: "
        "`async_read_file` with 64 in flight, open, fstat, read and close in a loop, and "
        "the same by four threads."
    )
    columns = (
        Column("asio_uring", "file_small_uring", "asio_uring"),
        Column("loop", "file_small_plain", "a loop of calls", ("--way", "loop")),
        Column("pool", "file_small_plain", "the calls by 4 threads", ("--way", "pool")),
    )
    operations = {"asio_uring": FILES, "loop": FILES, "pool": FILES}
    lengths = (4_000, 16_000)
    ratios = (
        Ratio("cpu_per_op_vs_loop", "cpu_ns_per_op", "loop"),
        Ratio("cpu_per_op_vs_pool", "cpu_ns_per_op", "pool"),
    )

    def data_of(self, settings):
        return tree(settings)

    def command(self, settings, column, path, length):
        command = super().command(settings, column, path, length)
        return [*command, "--files", FILES // settings.smaller]


class FileFsync(FileScenario):
    name = "file-fsync"
    description = (
        "Durable writes of 4 KiB to one file on the disk of the build folder: "
        "`async_write_durable_at` by 64 writers and by one, and pwrite and fdatasync in a "
        "loop."
    )
    columns = (
        Column("asio_uring", "file_sync_uring", "64 writers", ("--writers", 64)),
        Column("one_writer", "file_sync_uring", "one writer", ("--writers", 1)),
        Column("plain", "file_sync_plain", "pwrite and fdatasync"),
    )
    data = ("--kind", "blocks")
    operations = {"asio_uring": 6_400, "one_writer": 200, "plain": 200}
    lengths = (640, 6_400)
    ratios = (
        Ratio("ops_per_s_vs_one_at_a_time", "ops_per_s", "one_writer"),
        Ratio("cpu_per_op_vs_one_at_a_time", "cpu_ns_per_op", "one_writer"),
    )
    measured = ("ops_per_sync", "ops_per_s_one_writer_vs_plain")
    notes = (
        "The file has 4 MiB that are written over, so that a sync has no metadata to "
        "write. Syncs are the entries that the ring has taken beyond one per write.",
    )

    def further_figures(self, rounds, outcome):
        outcome.figures["ops_per_sync"] = (
            1 / figures.of_column(rounds, self.subject, "syncs_per_op").median
        )
        if {"one_writer", "plain"} <= rounds[0].keys():
            value = figures.spread(
                figures.paired_ratios(rounds, "one_writer", "plain", "ops_per_s")
            )
            figure = "ops_per_s_one_writer_vs_plain"
            outcome.figures[figure] = value.median
            outcome.tables.append(
                ("One writer", RATIO_HEADER, [ratio_row(figure, value)])
            )
