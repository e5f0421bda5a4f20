# SPDX-License-Identifier: BSL-1.0

"""A server of files, of a large one and of a small one."""

import figures
from scenario import Column, Outcome
from scenarios.echo import RATIO_HEADER, EchoScenario, ratio_row
from scenarios.files import made_data


class _OneFile(EchoScenario):
    """The server with the file that `path` names."""

    columns = (
        Column("asio_uring", "http_file_asio_uring", "asio_uring, async_read_file"),
        Column("beast", "http_file_asio_epoll", "Asio on epoll, Beast's file_body"),
    )
    work = "http_file"
    whom = {"beast": "beast"}
    envelope = ()
    counted = ("syscalls_per_op", "allocs_per_op")
    KINDS_OF_COUNT = ("system_calls", "allocations")
    path = ""
    suffix = ""  # of figures

    def _command(self, settings, column):
        return [*super()._command(settings, column), "--path", self.path]

    def has_count_in_figure(self, column):
        return column.name == self.subject

    def run(self, settings, children):
        data = ("--kind", "zeros", "--bytes", self.size)
        with made_data(settings, children, *data) as self.path:
            return super().run(settings, children)

    def evaluate(self, rounds, counts, outcome):
        super().evaluate(rounds, counts, outcome)
        if not {self.subject, "beast"} <= rounds[0].keys():
            return
        value = figures.spread(
            figures.paired_ratios(rounds, "beast", self.subject, "cpu_per_op_us")
        )
        figure = f"bytes_per_cpu_s{self.suffix}_vs_beast"
        outcome.figures[figure] = value.median
        outcome.tables.append(
            ("Bytes per CPU second", RATIO_HEADER, [ratio_row(figure, value)])
        )


class _LargeFile(_OneFile):
    name = "1 MiB"
    connections = 16
    size = 1 << 20
    lengths = (200, 1_000)


class _SmallFile(_OneFile):
    name = "4 KiB"
    connections = 64
    size = 4096
    suffix = "_4k"
    lengths = (5_000, 25_000)


class HttpFile:
    name = "http-file"
    description = (
        "HTTP/1.1 keep-alive over loopback, closed loop: each request is answered with a "
        "file of the page cache, opened anew, by a server of Beast. A file of 1 MiB for 16 "
        "connections, and one of 4 KiB for 64."
    )
    subject = _OneFile.subject
    columns = _OneFile.columns
    promised = (
        "bytes_per_cpu_s_vs_beast",
        "bytes_per_cpu_s_4k_vs_beast",
        "syscalls_per_op",
        "syscalls_4k_per_op",
        "allocs_per_op",
        "allocs_4k_per_op",
    )

    def run(self, settings, children):
        whole = Outcome()
        for part in (_LargeFile(), _SmallFile()):
            outcome = part.run(settings, children)
            named = f"bytes_per_cpu_s{part.suffix}_vs_beast"
            if named in outcome.figures:
                whole.figures[named] = outcome.figures[named]
            for what in ("syscalls", "allocs"):
                if f"{what}_per_op" in outcome.figures:
                    whole.figures[f"{what}{part.suffix}_per_op"] = outcome.figures[
                        f"{what}_per_op"
                    ]
            whole.tables += [
                (f"{part.name}: {caption}", *rest) for caption, *rest in outcome.tables
            ]
            whole.panels += [
                (f"{part.name}: {title}", bars) for title, bars in outcome.panels
            ]
            whole.notes += [f"{part.name}: {note}" for note in outcome.notes]
            whole.raw[part.name] = outcome.raw
            whole.failures += outcome.failures
        return whole
