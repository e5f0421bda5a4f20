# SPDX-License-Identifier: BSL-1.0

"""Small files read whole."""

from scenario import Column
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
