# SPDX-License-Identifier: BSL-1.0

"""TCP echo, closed loop: N connections, one message of B bytes in flight on each."""

import figures
from scenario import Column, ServerScenario

ASIO_URING = Column("asio_uring", "echo_asio_uring", "asio_uring, callbacks")
ASIO_URING_FALLBACK = Column(
    "asio_uring_fallback",
    "echo_asio_uring",
    "asio_uring without a ring",
    environment=(("ASIO_URING", "off"),),
)
ASIO_URING_BATCHED = Column(
    "asio_uring_batched",
    "echo_asio_uring",
    "asio_uring, batched writes",
    environment=(("ASIO_URING_WRITES", "batched"),),
)
ASIO_URING_SINGLE = Column(
    "asio_uring_single",
    "echo_asio_uring",
    "asio_uring, single-issuer ring",
    environment=(("ASIO_URING_SINGLE_ISSUER", "1"),),
)
ASIO_URING_SPIN = Column(
    "asio_uring_spin",
    "echo_asio_uring",
    "asio_uring that looks for 50 us before it sleeps",
    environment=(("ASIO_URING_SPIN", "50"),),
)
ASIO_URING_CORO = Column(
    "asio_uring_coro", "echo_asio_uring_coro", "asio_uring, coroutines"
)
ASIO_URING_DEFERRED = Column(
    "asio_uring_deferred",
    "echo_asio_uring_deferred",
    "asio_uring, coroutines that await deferred operations",
)
ASIO_URING_ERASED = Column(
    "asio_uring_erased", "echo_asio_uring_erased", "asio_uring, any_io_executor"
)
ASIO_EPOLL = Column("asio_epoll", "echo_asio_epoll", "Asio on epoll, callbacks")
ASIO_EPOLL_CORO = Column(
    "asio_epoll_coro", "echo_asio_epoll_coro", "Asio on epoll, coroutines"
)
ASIO_EPOLL_ERASED = Column(
    "asio_epoll_erased", "echo_asio_epoll_erased", "Asio on epoll, any_io_executor"
)
ASIO_NATIVE_URING = Column(
    "asio_native_uring", "echo_asio_native_uring", "Asio on its own io_uring"
)
RAW_EPOLL = Column("raw_epoll", "echo_raw_epoll", "hand-written epoll loop")
RAW_EPOLL_EDGE = Column(
    "raw_epoll_edge",
    "echo_raw_epoll",
    "the same loop, edge-triggered",
    ("--trigger", "edge"),
)
FLOOR = Column("floor", "echo_floor", "floor: hand-written loop on the ring layer")
FLOOR_COOP = Column(
    "floor_coop",
    "echo_floor",
    "the floor with the default ring's flags",
    ("--ring", "cooperative"),
    optional=True,
)
FLOOR_MULTISHOT = Column(
    "floor_multishot",
    "echo_floor_multishot",
    "the ring loop with multishot receives into a buffer ring",
    told_load=True,
)
FLOOR_SEND_AT_ONCE = Column(
    "floor_send_at_once",
    "echo_floor",
    "the ring loop that sends with a system call at once",
    ("--send", "at_once"),
)

LIBUV = Column("libuv", "echo_libuv", "libuv")

# Per round the best of these hand-written loops is the envelope: the limit on the machine
# at hand, whether its system calls are cheap or dear.
ENVELOPE = (FLOOR, FLOOR_MULTISHOT, FLOOR_SEND_AT_ONCE, RAW_EPOLL, RAW_EPOLL_EDGE)

# Whom a column stands for in the name of a figure.
WHOM = {
    "asio_uring_batched": "batched_writes",
    "asio_uring_single": "single_issuer",
    "asio_epoll": "asio_epoll",
    "asio_native_uring": "asio_uring",
    "floor": "floor",
    "floor_coop": "floor_coop",
    "floor_multishot": "floor_multishot",
    "floor_send_at_once": "floor_send_at_once",
    "raw_epoll": "raw_epoll",
    "raw_epoll_edge": "raw_epoll_edge",
    "libuv": "libuv",
}
PERCENTILES = ("p50_us", "p99_us", "p99_9_us")
COUNTS = ("syscalls_per_op", "allocs_per_op", "instructions_per_op", "kernel_workers")
# Of the same kind, where there is more than one thread.
THREAD_COUNTS = ("futex_per_op", "switches_per_op")

# The figures of a run over all columns.
RATIOS = tuple(
    f"{quantity}_vs_{whom}"
    for quantity in ("cpu_per_op", "ops_per_s")
    for whom in ("asio_epoll", "asio_uring", "floor", "raw_epoll")
)
COSTS = ("cpu_per_op_us", "ops_per_s", *PERCENTILES)
FIGURES = (*RATIOS, *COUNTS, "instructions_per_op_vs_asio_epoll", *COSTS)


class EchoScenario(ServerScenario):
    """What every echo has in common. A scenario declares its name, columns and sizes as
    attributes of its class: a constructor that sets one for some sizes would take it from
    each class below."""

    subject = "asio_uring"
    whom = WHOM
    envelope = tuple(one.name for one in ENVELOPE)
    # (column, another, figure) of ratios that are not the subject's, of their processor
    # time or a fourth
    others = ()
    counted = COUNTS
    has_latency = True
    work = "echo"  # of load/load.cpp
    size = 64
    promised = FIGURES

    def _load(self, settings, servers):
        return [
            settings.program("load"),
            *("--targets", ",".join(f"{one.port}:{one.pid}" for one in servers)),
            *("--work", self.work),
            *("--connections", self.connections),
            *("--bytes", self.size),
        ]

    def has_count_in_figure(self, column):
        return column.name in (self.subject, ASIO_EPOLL.name)

    def _command(self, settings, column):
        command = super()._command(settings, column)
        if column.told_load:
            command += ["--connections", self.connections, "--bytes", self.size]
        return command

    def load_slices(self, settings, servers):
        return [
            *self._load(settings, servers),
            *("--slices", max(1, round(settings.window_s / settings.slice_s))),
            *("--slice", settings.slice_s),
        ]

    def load_operations(self, settings, server, count):
        return [*self._load(settings, [server]), "--operations", count]

    def evaluate(self, rounds, counts, outcome):
        present = [one for one in self.columns if one.name in rounds[0]]
        if self.subject in rounds[0]:
            self._figures(rounds, counts, outcome)
        outcome.tables.append(_cost_table(present, rounds, counts, self.counted))
        if self.has_latency:
            outcome.tables.append(_latency_table(present, rounds))
        outcome.panels = echo_panels(present, rounds)

    def _figures(self, rounds, counts, outcome):
        ratios = []
        for quantity, figure in (("cpu_per_op_us", "cpu_per_op"), ("ops_per_s",) * 2):
            for column, whom in self.whom.items():
                if column not in rounds[0] or column == self.subject:
                    continue
                value = figures.spread(
                    figures.paired_ratios(rounds, self.subject, column, quantity)
                )
                outcome.figures[f"{figure}_vs_{whom}"] = value.median
                ratios.append(ratio_row(f"{figure}_vs_{whom}", value))
        if self.envelope and all(name in rounds[0] for name in self.envelope):
            value = figures.spread(
                figures.ratios_to_best(
                    rounds, self.subject, self.envelope, "cpu_per_op_us"
                )
            )
            outcome.figures["cpu_per_op_vs_envelope"] = value.median
            ratios.append(ratio_row("cpu_per_op_vs_envelope", value))
        for column, other, figure, *quantity in self.others:
            if column not in rounds[0] or other not in rounds[0]:
                continue
            value = figures.spread(
                figures.paired_ratios(
                    rounds, column, other, *(quantity or ["cpu_per_op_us"])
                )
            )
            outcome.figures[figure] = value.median
            ratios.append(ratio_row(figure, value))
        outcome.tables.append(("Ratios of paired rounds", RATIO_HEADER, ratios))
        own = counts[self.subject]
        for figure in self.counted:
            if own.get(figure) is not None:
                outcome.figures[figure] = own[figure]
        base = counts.get("asio_epoll", {}).get("instructions_per_op")
        if base and own.get("instructions_per_op") is not None:
            outcome.figures["instructions_per_op_vs_asio_epoll"] = (
                own["instructions_per_op"] / base
            )
        for quantity in COSTS if self.has_latency else COSTS[:2]:
            outcome.figures[quantity] = figures.of_column(
                rounds, self.subject, quantity
            ).median


class Echo(EchoScenario):
    promised = (
        *FIGURES,
        "cpu_per_op_vs_envelope",
        "cpu_per_op_vs_libuv",
        "cpu_per_op_coro_vs_asio_epoll",
        "cpu_per_op_deferred_vs_asio_epoll",
    )
    others = (
        (ASIO_URING_CORO.name, ASIO_EPOLL.name, "cpu_per_op_coro_vs_asio_epoll"),
        (ASIO_URING_DEFERRED.name, ASIO_EPOLL.name, "cpu_per_op_deferred_vs_asio_epoll"),
    )
    columns = (
        ASIO_URING,
        ASIO_URING_BATCHED,
        ASIO_URING_CORO,
        ASIO_URING_DEFERRED,
        ASIO_EPOLL,
        ASIO_NATIVE_URING,
        *ENVELOPE,
        LIBUV,
        FLOOR_COOP,
    )

    def __init__(self, connections, size):
        self.connections = connections
        self.size = size
        self.name = f"echo-{connections}x{size}"
        if connections == 1:
            # Each of its operations waits for the one before.
            self.lengths = (2_000, 12_000)
            self.callgrind_lengths = (512, 2_048)
        self.description = (
            f"TCP echo over loopback, closed loop: {connections} connections, one "
            f"message of {size} bytes in flight on each."
        )


class EchoOfEachForm(Echo):
    """The same, and beside it the program of asio_uring on a ring for one thread, and
    without a ring."""

    columns = (*Echo.columns, ASIO_URING_SINGLE, ASIO_URING_FALLBACK)
    promised = (
        *Echo.promised,
        "cpu_per_op_vs_single_issuer",
        "cpu_per_op_fallback_vs_asio_epoll",
    )
    others = (
        *Echo.others,
        (
            ASIO_URING_FALLBACK.name,
            ASIO_EPOLL.name,
            "cpu_per_op_fallback_vs_asio_epoll",
        ),
    )


class EchoOfOne(Echo):
    """One connection, whose server sleeps between two messages: what it costs, and what is
    gained, where it does not sleep."""

    columns = (*Echo.columns, ASIO_URING_SINGLE, ASIO_URING_SPIN)
    promised = (
        *Echo.promised,
        "cpu_per_op_vs_single_issuer",
        "cpu_per_op_spin_vs_asio_epoll",
        "p50_spin_vs_asio_epoll",
    )
    others = (
        *Echo.others,
        (ASIO_URING_SPIN.name, ASIO_EPOLL.name, "cpu_per_op_spin_vs_asio_epoll"),
        (ASIO_URING_SPIN.name, ASIO_EPOLL.name, "p50_spin_vs_asio_epoll", "p50_us"),
    )

    def __init__(self, size):
        super().__init__(1, size)


RATIO_HEADER = ("figure", "median", "quartiles", "95 % interval of the median")


def ratio_row(name, value):
    return (
        name,
        f"{value.median:.3f}",
        f"{value.low_quartile:.3f} - {value.high_quartile:.3f}",
        f"{value.low_95:.3f} - {value.high_95:.3f}",
    )


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


_COUNT_COLUMNS = {
    "syscalls_per_op": ("system calls/op", 2),
    "instructions_per_op": ("instructions/op (user)", 0),
    "allocs_per_op": ("allocations/op", 3),
    "kernel_workers": ("kernel worker threads", 0),
    "futex_per_op": ("futex calls/op", 3),
    "switches_per_op": ("switches/op", 3),
}


def _cost_table(columns, rounds, counts, counted):
    header = (
        "column",
        "server CPU us/op",
        "quartiles",
        "op/s",
        *(_COUNT_COLUMNS[figure][0] for figure in counted),
        "server busy",
        "load busy",
    )
    rows = []
    for column in columns:
        cpu = figures.of_column(rounds, column.name, "cpu_per_op_us")
        of_column = counts.get(column.name, {})
        rows.append(
            (
                f"{column.title} (`{column.name}`)",
                f"{cpu.median:.2f}",
                f"{cpu.low_quartile:.2f} - {cpu.high_quartile:.2f}",
                f"{figures.of_column(rounds, column.name, 'ops_per_s').median:.0f}",
                *(
                    _number(of_column.get(figure), _COUNT_COLUMNS[figure][1])
                    for figure in counted
                ),
                f"{figures.of_column(rounds, column.name, 'server_busy').median:.0%}",
                f"{figures.of_column(rounds, column.name, 'load_busy').median:.0%}",
            )
        )
    return ("Cost and throughput, medians of rounds", header, rows)


def _latency_table(columns, rounds):
    rows = [
        (
            column.name,
            *(
                f"{figures.of_column(rounds, column.name, quantity).median:.0f}"
                for quantity in PERCENTILES
            ),
        )
        for column in columns
    ]
    return ("Latency in us, medians of rounds", ("column", "p50", "p99", "p99.9"), rows)


def echo_panels(columns, rounds):
    def panel(title, quantity, divisor):
        bars = []
        for column in columns:
            value = figures.of_column(rounds, column.name, quantity)
            bars.append(
                (
                    column.name,
                    value.median / divisor,
                    value.low_quartile / divisor,
                    value.high_quartile / divisor,
                )
            )
        return (title, bars)

    return [
        panel("server CPU per operation, us (less is better)", "cpu_per_op_us", 1),
        panel("thousand operations per second (more is better)", "ops_per_s", 1000),
    ]
