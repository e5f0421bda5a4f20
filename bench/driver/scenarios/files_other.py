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
        "`async_read_file` with 64 in flight, open, fstat, read and close in a loop, "
        "the same by four threads, and 64 hand-written chains."
    )
    columns = (
        Column("asio_uring", "file_small_uring", "asio_uring"),
        Column("loop", "file_small_plain", "a loop of calls", ("--way", "loop")),
        Column("pool", "file_small_plain", "the calls by 4 threads", ("--way", "pool")),
        Column("floor", "file_small_floor", "a loop of chains on the ring layer"),
    )
    operations = {"asio_uring": FILES, "loop": FILES, "pool": FILES, "floor": FILES}
    lengths = (4_000, 16_000)
    ratios = (
        Ratio("cpu_per_op_vs_loop", "cpu_ns_per_op", "loop"),
        Ratio("cpu_per_op_vs_pool", "cpu_ns_per_op", "pool"),
        Ratio("cpu_per_op_vs_floor", "cpu_ns_per_op", "floor"),
        Ratio("floor_cpu_per_op_vs_loop", "cpu_ns_per_op", "loop", "floor"),
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
        "`async_write_durable_at` by 64 writers and by one, pwrite and fdatasync in a "
        "loop, and each way of one writer by hand."
    )
    columns = (
        Column("asio_uring", "file_sync_uring", "64 writers", ("--writers", 64)),
        Column("one_writer", "file_sync_uring", "one writer", ("--writers", 1)),
        Column("plain", "file_sync_plain", "pwrite and fdatasync"),
        Column("call", "file_sync_plain", "pwritev2 with RWF_DSYNC", ("--way", "call")),
        Column("floor", "file_sync_floor", "a request with RWF_DSYNC"),
        Column("chain", "file_sync_floor", "a chain of two", ("--way", "chain")),
        Column("steps", "file_sync_floor", "one after the other", ("--way", "steps")),
    )
    data = ("--kind", "blocks")
    operations = {
        "asio_uring": 6_400,
        "one_writer": 200,
        "plain": 200,
        "call": 200,
        "floor": 200,
        "chain": 200,
        "steps": 200,
    }
    lengths = (640, 6_400)
    ratios = (
        Ratio("ops_per_s_vs_one_at_a_time", "ops_per_s", "one_writer"),
        Ratio("cpu_per_op_vs_one_at_a_time", "cpu_ns_per_op", "one_writer"),
    )
    measured = (
        "ops_per_sync",
        "ops_per_s_one_writer_vs_plain",
        "ops_per_s_one_writer_vs_floor",
    )
    notes = (
        "The file has 4 MiB that are written over, so that a sync has no metadata to "
        "write. Syncs are the entries that the ring has taken beyond one per write; a "
        "writer that is alone may need none.",
    )

    def further_figures(self, rounds, outcome):
        outcome.figures["ops_per_sync"] = (
            1 / figures.of_column(rounds, self.subject, "syncs_per_op").median
        )
        rows = []
        for whom in ("plain", "floor"):
            if not {"one_writer", whom} <= rounds[0].keys():
                continue
            value = figures.spread(
                figures.paired_ratios(rounds, "one_writer", whom, "ops_per_s")
            )
            figure = f"ops_per_s_one_writer_vs_{whom}"
            outcome.figures[figure] = value.median
            rows.append(ratio_row(figure, value))
        outcome.tables.append(("One writer", RATIO_HEADER, rows))
