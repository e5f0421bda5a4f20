# SPDX-License-Identifier: BSL-1.0

"""What a scenario is, and the one kind that most are: a server under load.

A new scenario is a subclass (or an instance) added to the table in scenarios/__init__.py.
"""

import dataclasses
import math
import pathlib
import socket

import counters
import environment
import figures
from processes import ChildError, Server


@dataclasses.dataclass(frozen=True)
class Settings:
    build: pathlib.Path
    output: pathlib.Path
    rounds: int
    window_s: float  # measured per column and round
    slice_s: float  # of that in one piece
    columns: tuple  # names, empty for all
    count: bool  # also take what is counted, not timed
    cpus: tuple
    realtime: bool = False  # timed rounds run ahead of every ordinary process
    count_all: bool = True  # also of columns whose counts are in no figure
    shorter: int = 1  # what the lengths of counting runs are divided by
    smaller: int = 1  # the same of what a round does whatever time it takes

    def program(self, name):
        return self.build / "bench" / name

    def shortened(self, lengths):
        return tuple(length // self.shorter for length in lengths)

    def choose(self, columns):
        if self.columns:
            return [one for one in columns if one.name in self.columns]
        return [one for one in columns if not one.optional]


@dataclasses.dataclass(frozen=True)
class Column:
    """One way to do the work of a scenario."""

    name: str
    program: str
    title: str
    arguments: tuple = ()
    optional: bool = False  # runs only where --columns names it
    environment: tuple = ()  # (name, value) of variables the program is given
    told_load: bool = False  # the program is given --connections and --bytes
    idle: int = 0  # connections that stand beside those of the load

    def command(self, settings):
        return [settings.program(self.program), *self.arguments]


@dataclasses.dataclass
class Outcome:
    """What a scenario hands to the report."""

    figures: dict = dataclasses.field(default_factory=dict)  # RESULT lines, in order
    tables: list = dataclasses.field(default_factory=list)  # (caption, header, rows)
    notes: list = dataclasses.field(default_factory=list)
    panels: list = dataclasses.field(default_factory=list)  # see plot.py
    raw: dict = dataclasses.field(default_factory=dict)  # for the JSON file
    failures: list = dataclasses.field(default_factory=list)  # what did not work
    bounds_missed: list = dataclasses.field(default_factory=list)  # by a figure
    skipped: str = ""  # why this machine cannot run it


def missing_figures(scenario, outcome):
    """The figures that a run over all columns, with counts, promises and has not."""
    if outcome.skipped:
        return []
    return [
        name
        for name in scenario.promised
        if not math.isfinite(outcome.figures.get(name, math.nan))
    ]


def offered_columns(scenario):
    """The names that --columns chooses from; the ring layer's scenarios offer none."""
    return [one.name for one in getattr(scenario, "columns", ())]


class ServerScenario:
    """A server per column, alive for all rounds, and a load that goes back and forth."""

    name = ""
    description = ""
    columns = ()
    promised = ()  # names of figures, see missing_figures
    connections = 1
    lengths = (20_000, 120_000)  # operations of a counting run, short and long
    callgrind_lengths = (2_048, 8_192)
    KINDS_OF_COUNT = ("system_calls", "switches", "allocations", "instructions")

    def load_slices(self, settings, servers):
        """The command of one round: loads the servers in turn, slice by slice. Prints a
        JSON array with one sample per server."""
        raise NotImplementedError

    def load_operations(self, settings, server, count):
        """The command that performs exactly `count` operations."""
        raise NotImplementedError

    def connections_of(self, length):
        """How many connections the load makes for so many operations."""
        return self.connections

    def knock(self, server):
        """One connection more than the load's."""
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()

    def evaluate(self, rounds, counts, outcome):
        """Fills in figures, tables and panels."""
        raise NotImplementedError

    def run(self, settings, children):
        outcome = Outcome()
        columns = settings.choose(self.columns)
        children.realtime = settings.realtime
        rounds, foreign = self._timed_rounds(settings, children, columns)
        children.realtime = False
        outcome.notes.append(
            f"{len(rounds)} rounds of {settings.window_s} s per column, interleaved in "
            f"slices of {settings.slice_s} s; CPU time used by processes outside the "
            f"run: {foreign:.1%}.{' Real-time priority.' * settings.realtime}"
        )
        counts = {one.name: {} for one in columns}
        if settings.count:
            counts = self._count_all(settings, children, columns, outcome)
        outcome.raw = {"rounds": rounds, "counts": counts}
        self.evaluate(rounds, counts, outcome)
        return outcome

    def _command(self, settings, column):
        return [*column.command(settings), "--lifetime", "7200"]

    def _start(self, settings, children, columns):
        servers = {}
        for one in columns:
            children.environment = dict(one.environment)
            servers[one.name] = Server(
                children, self._command(settings, one), settings.cpus[0]
            )
        children.environment = {}
        return servers

    def _timed_rounds(self, settings, children, columns):
        servers = self._start(settings, children, columns)
        bystanders = environment.Bystanders(servers.values())
        rounds = [
            self._round(settings, children, servers, figures.rotated(columns, index))
            for index in range(settings.rounds)
        ]
        foreign = bystanders.share()
        for server in servers.values():
            server.stop()
        return rounds, foreign

    def _round(self, settings, children, servers, order):
        command = self.load_slices(settings, [servers[one.name] for one in order])
        # Slices settle before they are measured, hence twice the time, and some.
        limit = 2 * settings.window_s * len(order) + 30
        samples = children.run_json(command, settings.cpus[1], limit)
        return {
            column.name: self._derived(sample) for column, sample in zip(order, samples)
        }

    @staticmethod
    def _derived(sample):
        operations = max(1, sample["operations"])
        sample["cpu_per_op_us"] = sample["server_cpu_ns"] / operations / 1000
        sample["ops_per_s"] = operations / (sample["wall_ns"] / 1e9)
        sample["server_busy"] = sample["server_cpu_ns"] / sample["wall_ns"]
        sample["load_busy"] = sample["load_cpu_ns"] / sample["wall_ns"]
        return sample

    def _count_all(self, settings, children, columns, outcome):
        """Each count of each column apart: one that cannot be taken fails the run, but
        loses nothing else."""
        counts = {one.name: {} for one in columns}
        counter = counters.SystemCalls(children, settings.cpus[1])
        outcome.notes.append(
            f"System calls: `{counter.tool}`. User instructions: callgrind. Allocations: "
            "a preloaded counter of the C library's functions. Switches of threads and "
            "kernel worker threads: /proc. Each in a run of its own, at two lengths, "
            "subtracted."
        )
        for column in columns:
            if not settings.count_all and not self.has_count_in_figure(column):
                continue
            for what in self.KINDS_OF_COUNT:
                try:
                    counted = self.count(what, settings, children, column)
                    counts[column.name].update(counted)
                except ChildError as error:
                    outcome.failures.append(f"{what} of {column.name}: {error}")
        return counts

    def has_count_in_figure(self, column):
        """Whether a figure is made of what is counted for the column."""
        return True

    def count(self, what, settings, children, column):
        """Values by the name of their figure, of one kind of count."""
        children.environment = dict(column.environment)
        try:
            return getattr(self, f"count_{what}")(settings, children, column)
        finally:
            children.environment = {}

    def _load_of(self, settings):
        return lambda server, count: self.load_operations(settings, server, count)

    def count_system_calls(self, settings, children, column):
        counter = counters.SystemCalls(children, settings.cpus[1])
        server = self._start(settings, children, [column])[column.name]
        try:
            return counter.per_operation(
                server,
                self._load_of(settings),
                settings.shortened(self.lengths),
            )
        finally:
            server.stop()

    def count_switches(self, settings, children, column):
        server = self._start(settings, children, [column])[column.name]
        try:
            return counters.switches_and_workers(
                children,
                server,
                self._load_of(settings),
                settings.cpus[1],
                settings.shortened(self.lengths),
            )
        finally:
            server.stop()

    def count_allocations(self, settings, children, column):
        count = counters.server_allocations_per_operation(
            children,
            self._command(settings, column),
            self._load_of(settings),
            settings.cpus,
            settings.shortened(self.lengths),
            settings.program("liballocation_counter.so"),
        )
        return {"allocs_per_op": count}

    def count_instructions(self, settings, children, column):
        count = counters.server_instructions_per_operation(
            children,
            self._command(settings, column),
            self._load_of(settings),
            self.connections_of,
            self.knock,
            settings.cpus,
            settings.shortened(self.callgrind_lengths),
        )
        return {"instructions_per_op": count}
