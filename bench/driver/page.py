# SPDX-License-Identifier: BSL-1.0

"""docs/benchmarks.md, from the JSON files of two runs: what a person wants to know at a
glance, and where nothing is gained."""

import dataclasses
import json
import re

import figures
import machine
import page_plots

RUNS = ("run-1", "run-2")
PLOTS = "benchmarks"  # the folder beside the page


@dataclasses.dataclass(frozen=True)
class Row:
    """A ratio of costs that stands for something a program does."""

    label: str
    scenario: str
    quantity: str = "cpu_per_op_us"
    subject: str = "asio_uring"
    other: str = "asio_epoll"


ROWS = (
    Row("TCP echo, 1 connection", "echo-1x64"),
    Row(
        "TCP echo, 1 connection, spinning for 50 us",
        "echo-1x64",
        subject="asio_uring_spin",
    ),
    Row("TCP echo, 64 connections", "echo-64x64"),
    Row("TCP echo, 512 connections", "echo-512x64"),
    Row("TCP echo, 64 connections, 4 KiB", "echo-64x4096"),
    Row("coroutines, 64 connections", "echo-64x64", subject="asio_uring_coro"),
    Row("coroutines, 512 connections", "echo-512x64", subject="asio_uring_coro"),
    Row(
        "coroutines that await deferred operations, 64 connections",
        "echo-64x64",
        subject="asio_uring_deferred",
    ),
    Row(
        "coroutines that await deferred operations, 512 connections",
        "echo-512x64",
        subject="asio_uring_deferred",
    ),
    Row(
        "single-issuer ring, 64 connections",
        "echo-64x64",
        subject="asio_uring_single",
    ),
    Row(
        "batched writes, 64 connections",
        "echo-64x64",
        subject="asio_uring_batched",
    ),
    Row("local streams, 64 connections", "echo-local"),
    Row("UDP echo, 64 clients", "echo-udp"),
    Row("bulk in both directions", "stream-4x65536"),
    Row("HTTP (Beast), 64 connections", "http-64"),
    Row("connect, one request, close", "accept-churn"),
    Row("slow readers among the clients", "mixed"),
    Row("10 active beside 10,000 idle", "idle-10k"),
    Row("one context, 1 thread", "threads-1x256"),
    Row("one context, 2 threads", "threads-2x256"),
    Row("one context, 4 threads", "threads-4x256"),
    Row("one context, 8 threads", "threads-8x256"),
    Row(
        "context_pool of 2, beside 2 contexts",
        "threads-2x256",
        subject="asio_uring_pool",
        other="asio_epoll_contexts",
    ),
    Row("post, handlers alone", "post", "post"),
    Row("post, beside a socket", "post", "post_object"),
    Row("dispatch", "post", "dispatch"),
    Row("post from another thread, handlers alone", "post", "cross"),
    Row("post from another thread, beside a socket", "post", "cross_object"),
    Row("post that wakes a thread, handlers alone", "post", "wake"),
    Row("post that wakes a thread, beside a socket", "post", "wake_object"),
    Row("timer, started and cancelled", "timers", "schedule_cancel"),
    Row("timer, moved", "timers", "rearm"),
    Row("timer, expired", "timers", "expiry"),
    Row("timer, one of 100,000 started", "timers", "insert_100k"),
    Row("a context for one post", "context-life", "post"),
    Row("a context for one transfer", "context-life", "transfer"),
    Row(
        "without a ring: TCP echo, 64 connections",
        "echo-64x64",
        subject="asio_uring_fallback",
    ),
)


@dataclasses.dataclass(frozen=True)
class FileRow:
    """A figure of work with files, whose rivals are others than Asio on epoll."""

    label: str
    scenario: str
    figure: str
    more_is_better: bool = False


def _rate(label, scenario, figure):
    return FileRow(label, scenario, figure, more_is_better=True)


def _reads(depth):
    """Rates of many reads at a time."""
    scenario = f"file-read-{depth}"
    for whom, name in (
        ("pool", "a thread pool"),
        ("asio_uring", "Asio's own files"),
        ("floor", "a hand-written ring loop"),
    ):
        label = f"4 KiB read, {depth} at a time, beside {name}"
        yield _rate(label, scenario, f"ops_per_s_vs_{whom}")


FILES = (
    _rate("4 KiB read, beside a thread pool", "file-read-1", "ops_per_s_vs_pool"),
    FileRow("4 KiB read, beside pread", "file-read-1", "cpu_per_op_vs_pread"),
    *_reads(32),
    *_reads(128),
    FileRow("a small file, beside a loop", "small-files", "cpu_per_op_vs_loop"),
    FileRow("a small file, beside a thread pool", "small-files", "cpu_per_op_vs_pool"),
    FileRow(
        "a small file by a hand-written chain, beside a loop",
        "small-files",
        "floor_cpu_per_op_vs_loop",
    ),
    _rate(
        "durable writes of 64 writers, beside one at a time",
        "file-fsync",
        "ops_per_s_vs_one_at_a_time",
    ),
    _rate(
        "durable writes of one, beside pwrite and fdatasync",
        "file-fsync",
        "ops_per_s_one_writer_vs_plain",
    ),
    _rate("1 MiB by HTTP, beside Beast", "http-file", "bytes_per_cpu_s_vs_beast"),
    _rate("4 KiB by HTTP, beside Beast", "http-file", "bytes_per_cpu_s_4k_vs_beast"),
    FileRow("1 GiB written, beside dd", "write-file-seq", "wall_vs_dd"),
    FileRow(
        "1 GiB written with O_DIRECT, beside dd", "write-file-seq", "wall_direct_vs_dd"
    ),
    FileRow("20,000 files copied, beside cp -r", "copy-tree", "wall_vs_cp"),
)

ECHOES = (
    "echo-1x64",
    "echo-64x64",
    "echo-512x64",
    "echo-64x4096",
    "echo-local",
    "echo-udp",
)
SERVERS = (*ECHOES, "stream-4x65536", "http-64", "accept-churn", "mixed", "idle-10k")
THREADS = (1, 2, 4, 8)
COLUMN_TITLES = {
    "asio_uring": "this library",
    "asio_uring_coro": "this library, coroutines",
    "asio_epoll": "Asio on epoll",
    "asio_native_uring": "Asio's own io_uring",
    "raw_epoll": "hand-written epoll",
    "libuv": "libuv",
}


class Runs:
    """What two runs have left, by scenario."""

    def __init__(self, folder):
        self._runs = [
            {
                path.stem: json.loads(path.read_text())
                for path in sorted((folder / run).glob("*.json"))
            }
            for run in RUNS
        ]

    def of(self, scenario):
        """One document a run; empty where a run has none."""
        found = [run.get(scenario) for run in self._runs]
        return found if all(found) else []

    def any_of_each(self):
        return [next(iter(run.values())) for run in self._runs if run]

    def bystanders(self):
        """In each run the highest share of processor time that others had meanwhile."""
        pattern = re.compile(r"outside the run: ([\d.]+)%")
        return [
            max(
                (
                    float(found.group(1))
                    for document in run.values()
                    for note in document["notes"]
                    if (found := pattern.search(note))
                ),
                default=0.0,
            )
            for run in self._runs
        ]

    def spreads(self, row):
        """The ratio of a row in each run."""
        result = []
        for document in self.of(row.scenario):
            rounds = document["rounds"]
            if row.subject not in rounds[0] or row.other not in rounds[0]:
                return []
            result.append(
                figures.spread(
                    figures.paired_ratios(rounds, row.subject, row.other, row.quantity)
                )
            )
        return result

    def medians(self, scenario, column, quantity):
        """The median of a column in each run."""
        return [
            figures.of_column(document["rounds"], column, quantity).median
            for document in self.of(scenario)
            if column in document["rounds"][0]
        ]

    def figure(self, scenario, name):
        return [
            document["figures"][name]
            for document in self.of(scenario)
            if name in document["figures"]
        ]

    def counted(self, scenario, column, name):
        """Of the first run, which alone counts."""
        for document in self.of(scenario)[:1]:
            return document["counts"].get(column, {}).get(name)
        return None


def verdict(spreads):
    """What two intervals say: a difference counts when both runs show it."""
    if not spreads:
        return "not measured"
    if all(one.high_95 < 1 for one in spreads):
        return "less"
    if all(one.low_95 > 1 for one in spreads):
        return "more"
    return "no difference"


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _pair(values, digits=2):
    return " / ".join(f"{one:.{digits}f}" for one in values) if values else "-"


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _picture(name, text):
    return [
        "<picture>",
        f'  <source media="(prefers-color-scheme: dark)" srcset="{PLOTS}/{name}-dark.svg">',
        f'  <img alt="{text}" src="{PLOTS}/{name}-light.svg">',
        "</picture>",
        "",
    ]


def _head(runs):
    rounds = min(document["asked"]["rounds"] for document in runs.any_of_each())
    lines = [
        "# Benchmarks",
        "",
        "What a program pays on this library, beside what it pays on stock Asio. `scripts/bench "
        "--docs` writes this page and its plots, from two whole runs. [bench/README.md]"
        "(../bench/README.md) has the method and says what each scenario does; "
        "[which form](which-form.md) says what to choose for a program.",
        "",
        "Cost is the processor time of the server's process for an operation, kernel included, "
        "and 1.00 is what Asio on epoll pays in the same seconds. Less is better. Two dots are "
        "two runs; the bar through each is the 95 % interval of its median.",
        "",
    ]
    if rounds < 40:
        lines += [
            f"> These runs had {rounds} rounds and not 40: they show what the page looks like, "
            "and no figure of them counts.",
            "",
        ]
    return lines


def _glance(runs):
    groups = {"less": [], "no difference": [], "more": [], "not measured": []}
    for row in ROWS:
        spreads = runs.spreads(row)
        text = row.label
        if spreads:
            text += f" ({_pair([one.median for one in spreads])})"
        groups[verdict(spreads)].append(text)
    lines = ["## At a glance", ""]
    lines += _picture("overview", "Cost of each kind of work against Asio on epoll")
    for group, title in (
        ("less", "Costs less than Asio on epoll, in both runs"),
        ("no difference", "Nothing gained and nothing lost that both runs show"),
        ("more", "Costs more, in both runs"),
        ("not measured", "Not measured on this machine"),
    ):
        if groups[group]:
            lines.append(f"- **{title}:** {'; '.join(groups[group])}.")
    return [*lines, ""]


def _machine(runs):
    documents = runs.any_of_each()
    rows = [
        (name, "; ".join(sorted({one["machine"].get(name, "-") for one in documents})))
        for name in documents[0]["machine"]
        if name not in machine.FIGURES.values()
    ]
    for figure, title in machine.FIGURES.items():
        values = [one["machine_costs"].get(figure) for one in documents]
        rows.append((title, " / ".join(f"{_number(one, 0)} ns" for one in values)))
    asked = documents[0]["asked"]
    rounds = f"{asked['rounds']} rounds of {asked['window_s']} s"
    rows.append(("measured per column of a server, in each run", rounds))
    shares = " / ".join(f"{one:.1f} %" for one in runs.bystanders())
    rows.append(("processor time of others, at most", shares))
    return [
        "## The machine",
        "",
        "A ring saves some steps and adds others, so a ratio says little without what the "
        "steps cost where it was read. The dearer a system call, the more a ring gains.",
        "",
        *_table(("what", "run 1 / run 2"), rows),
    ]


def _ratios(runs):
    rows = []
    for row in ROWS:
        spreads = runs.spreads(row)
        cells = [
            f"{one.median:.3f} ({one.low_95:.3f} - {one.high_95:.3f})" for one in spreads
        ]
        rows.append((row.label, *(cells or ("-", "-")), verdict(spreads)))
    return [
        "## Against Asio on epoll",
        "",
        "Ratios of processor time with their 95 % intervals. *No difference* means that at "
        "least one interval has 1.00 in it, or that the runs disagree.",
        "",
        *_table(("work", "run 1", "run 2", "both say"), rows),
    ]


def _others(runs):
    whom = {
        "asio_uring": "Asio's own io_uring",
        "libuv": "libuv",
        "raw_epoll": "hand-written epoll",
        "floor": "hand-written ring loop",
        "envelope": "envelope",
    }
    rows = [
        (
            scenario,
            *(_pair(runs.figure(scenario, f"cpu_per_op_vs_{one}")) for one in whom),
        )
        for scenario in SERVERS
    ]
    return [
        "## Against everything else",
        "",
        "The same ratios against other ways to write the server. The *envelope* is, in each "
        "round, the cheapest of five loops written by hand without Asio: it is the limit on "
        "this machine, and what lies between it and 1.00 is the price of Asio's model.",
        "",
        *_picture("columns", "Cost of the echo servers by library"),
        *_table(("scenario", *whom.values()), rows),
    ]


def _threads(runs):
    columns = ("asio_uring", "asio_epoll", "asio_native_uring")
    rows = []
    for count in THREADS:
        name = f"threads-{count}x256"
        rows.append(
            (
                str(count),
                *(_pair(runs.medians(name, one, "cpu_per_op_us")) for one in columns),
                _number(runs.counted(name, "asio_uring", "futex_per_op"), 2),
                _number(runs.counted(name, "asio_epoll", "futex_per_op"), 2),
            )
        )
    pools = [
        (title, _pair(runs.medians("threads-2x256", name, "cpu_per_op_us")))
        for name, title in (
            ("asio_uring_pool", "`context_pool` of two"),
            ("asio_uring_contexts", "two contexts of this library"),
            ("asio_epoll_contexts", "two stock contexts"),
        )
    ]
    return [
        "## Threads",
        "",
        "One context run by several threads, 256 connections: microseconds of processor time "
        "for an echo, and futex calls. [Many threads, many cores](scaling.md) says what to do "
        "about it.",
        "",
        *_picture("threads", "Cost of an echo by the number of threads"),
        *_table(
            (
                "threads",
                "this library",
                "Asio on epoll",
                "Asio's own io_uring",
                "futex calls here",
                "futex calls of Asio on epoll",
            ),
            rows,
        ),
        *_table(("a context for each of two threads", "us per echo"), pools),
    ]


def _latency(runs):
    rows = []
    for scenario in SERVERS:
        if scenario == "stream-4x65536":
            continue
        cells = []
        for quantity in ("ops_per_s", "p50_us", "p99_us"):
            digits = 0
            for column in ("asio_uring", "asio_epoll"):
                values = runs.medians(scenario, column, quantity)
                cells.append(_pair(values, digits))
        rows.append((scenario, *cells))
    return [
        "## Throughput and latency",
        "",
        "One processor serves, another loads, in a closed loop. So a latency here is mostly the "
        "time in a queue, and what costs less processor time has more operations a second.",
        "",
        *_table(
            (
                "scenario",
                "op/s here",
                "op/s of Asio on epoll",
                "p50 us here",
                "p50 us of Asio on epoll",
                "p99 us here",
                "p99 us of Asio on epoll",
            ),
            rows,
        ),
    ]


def _counts(runs):
    kinds = (
        ("syscalls_per_op", "system calls", 2),
        ("instructions_per_op", "user instructions", 0),
        ("allocs_per_op", "allocations", 3),
        ("kernel_workers", "kernel worker threads", 0),
    )
    rows = []
    for scenario in SERVERS:
        cells = []
        for name, _, digits in kinds:
            own, base = (
                _number(runs.counted(scenario, column, name), digits)
                for column in ("asio_uring", "asio_epoll")
            )
            cells.append(f"{own} / {base}")
        rows.append((scenario, *cells))
    return [
        "## What is counted",
        "",
        "For an operation, here / in Asio on epoll. These depend on the compiler, on how many "
        "events a wait brings, and hardly on the machine; `bench/guards.json` keeps the "
        "steadiest of them from growing.",
        "",
        *_table(("scenario", *(title for _, title, _ in kinds)), rows),
    ]


def _files(runs):
    asked = [one["asked"]["rounds"] for row in FILES for one in runs.of(row.scenario)]
    few = min(asked, default=40)
    rows = [
        (
            row.label,
            _pair(runs.figure(row.scenario, row.figure)),
            "more" if row.more_is_better else "less",
        )
        for row in FILES
    ]
    return [
        "## Files",
        "",
        "What epoll cannot do has other rivals. Ratios of rates are better where they are "
        "more, ratios of costs and times where they are less. Disks differ more than "
        "processors: the rows of durable and of long writes say most about this one."
        + (f" These runs had {few} rounds, and are for looking." if few < 40 else ""),
        "",
        *_table(("work", "run 1 / run 2", "better is"), rows),
    ]


def _memory(runs):
    documents = runs.of("sizes")
    lines = ["## Memory", ""]
    if documents:
        own, base = (documents[1][name] for name in ("asio_uring", "asio_epoll"))
        rows = [
            (name, f"{own[name]}", f"{base[name]}")
            for name in own
            if not name.startswith("allocations")
        ]
        lines += _table(("bytes of", "here", "Asio on epoll"), rows)
    idle = runs.figure("idle-10k", "bytes_per_connection")
    if idle:
        ratio = runs.figure("idle-10k", "bytes_per_connection_vs_asio_epoll")
        lines += [
            f"An idle connection of an echo server takes {_pair(idle, 0)} bytes of resident "
            "memory with a buffer of 64 bytes, everything of the program included: "
            f"{_pair(ratio)} of what it takes with Asio on epoll.",
            "",
        ]
    return lines


def _ring_layer(runs):
    rows = []
    for scenario in ("ring-nop", "ring-file"):
        for document in runs.of(scenario)[1:]:
            rows += [
                (scenario, f"`{name}`", _pair(runs.figure(scenario, name), 3))
                for name in document["figures"]
                if "_vs_" in name
            ]
    return [
        "## The ring layer beside liburing",
        "",
        "The lowest layer alone, with the same flags: below 1.00 it takes less processor time "
        "than liburing for the same requests.",
        "",
        *_table(("scenario", "figure", "run 1 / run 2"), rows),
    ]


SECTIONS = (
    _head,
    _glance,
    _machine,
    _ratios,
    _others,
    _threads,
    _latency,
    _counts,
    _files,
    _memory,
    _ring_layer,
)


def write(results, docs):
    """The page and its plots, below `docs`."""
    runs = Runs(results)
    lines = [line for section in SECTIONS for line in section(runs)]
    lines.append("<!-- SPDX-License-Identifier: BSL-1.0 -->")
    (docs / "benchmarks.md").write_text("\n".join(lines) + "\n")
    folder = docs / PLOTS
    folder.mkdir(exist_ok=True)
    caption = machine.caption(runs.any_of_each()[-1]["machine_costs"])
    for theme in page_plots.THEMES:
        page_plots.overview(folder, theme, _dots(runs), caption)
        page_plots.bars(folder, theme, *_bars(runs))
        page_plots.lines(folder, theme, _lines(runs))


def _dots(runs):
    """For the plot of all rows: label, verdict, and the spread of each run."""
    found = [(row.label, runs.spreads(row)) for row in ROWS]
    return [(label, verdict(spreads), spreads) for label, spreads in found if spreads]


def _mean(values):
    return sum(values) / len(values) if values else None


def _bars(runs):
    """For the plot of the echoes: names of groups, and a list of values by column."""
    names = [name for name in ECHOES if runs.of(name)]
    series = []
    for column, title in COLUMN_TITLES.items():
        values = [
            _mean(
                [
                    one.median
                    for one in runs.spreads(Row("", name, subject=column))
                ]
            )
            for name in names
        ]
        series.append((column, title, values))
    return names, series


def _lines(runs):
    """For the plot of threads: column, title, and points of threads and cost."""
    return [
        (
            column,
            COLUMN_TITLES[column],
            [
                (count, _mean(values))
                for count in THREADS
                if (values := runs.medians(f"threads-{count}x256", column, "cpu_per_op_us"))
            ],
        )
        for column in ("asio_uring", "asio_epoll", "asio_native_uring")
    ]
