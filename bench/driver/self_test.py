#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0

"""Shows that each scenario, run over programs that are not there, gives its figures."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

import counters
import figures
import guards
import machine
import page
import plot
import report
import scenario
import scenarios
from scenarios import echo

SAMPLE = {
    "operations": 1000,
    "wall_ns": 10_000_000,
    "server_cpu_ns": 5_000_000,
    "load_cpu_ns": 4_000_000,
    "p50_us": 300.0,
    "p99_us": 900.0,
    "p99_9_us": 2000.0,
}
SIZES = {
    "object tcp socket": 56,
    "object steady timer": 64,
    "operation write of a buffer": 144,
    "operation timer wait": 80,
    "allocations write of a buffer": 1,
    "allocations write of a vector of 4": 2,
}


class Programs:
    """In the place of processes.Children: answers as the programs would."""

    realtime = False
    environment = {}

    def start_json(self, *_, **__):
        return {"bytes_per_connection": 500.0}

    def run(self, *_, **__):
        return '{"kernel_workers": 1}'

    def run_json(self, command, cpu, timeout_s):
        words = [str(word) for word in command]
        program = pathlib.Path(words[0]).name
        options = dict(zip(words[1::2], words[2::2]))
        if program == "load":
            return [dict(SAMPLE) for _ in options["--targets"].split(",")]
        if program.startswith("sizes_"):
            return SIZES
        if program == "file_prepare":
            return {}
        if program.startswith("file_sync_"):
            return {"cpu_ns_per_op": 100.0, "wall_ns_per_op": 200.0, "syncs_per_op": 0.1}
        if program.startswith(("timers_", "post_", "life_", "file_")):
            return {"cpu_ns_per_op": 100.0, "wall_ns_per_op": 200.0}
        if options["--case"] == "fit":
            return {"locked_bytes": 16384, "rings": 300}
        return {
            name: {"cpu_ns_per_op": 50.0} for name in options["--columns"].split(",")
        }


def settings(columns=(), output=pathlib.Path("output")):
    return scenario.Settings(
        build=pathlib.Path(tempfile.gettempdir()),
        output=output,
        rounds=2,
        window_s=0.1,
        slice_s=0.05,
        columns=columns,
        count=True,
        cpus=(0, 1),
    )


def instructions(_children, command, *_):
    forms = ("_coro", "_erased")
    return 1500.0 if any(one in str(command[0]) for one in forms) else 1000.0


def run(one, columns=()):
    """The outcome of a scenario over invented times and counts."""
    counter = mock.Mock(tool="a counter")
    for count in (counter.per_operation, counter.of_program):
        count.return_value = dict.fromkeys(counters.TRACEPOINTS, 1000.0)
    scheduling = {"switches_per_op": 1000.0, "kernel_workers": 0}
    with (
        mock.patch("scenario.Server", return_value=mock.Mock(port=1, pid=1)),
        mock.patch("environment.Bystanders", return_value=mock.Mock(share=lambda: 0.0)),
        mock.patch("counters.SystemCalls", return_value=counter),
        mock.patch("counters.switches_and_workers", return_value=scheduling),
        mock.patch("counters.server_allocations_per_operation", return_value=1000.0),
        mock.patch("counters.program_allocations_per_operation", return_value=0.0),
        mock.patch("counters.server_instructions_per_operation", instructions),
        mock.patch("counters.program_instructions_per_operation", return_value=1000.0),
    ):
        return one.run(settings(columns), Programs())


class EachScenario(unittest.TestCase):
    def test_a_whole_run_gives_every_promised_figure(self):
        for name, one in scenarios.BY_NAME.items():
            with self.subTest(name):
                outcome = run(one)
                self.assertTrue(one.promised)
                self.assertEqual(scenario.missing_figures(one, outcome), [])
                self.assertEqual(outcome.failures, [])

    def test_what_its_class_declares_is_what_it_has(self):
        for name, one in scenarios.BY_NAME.items():
            for attribute in ("columns", "promised", "subject", "whom"):
                with self.subTest(name, attribute=attribute):
                    self.assertNotIn(attribute, vars(one))

    def test_each_column_runs_alone(self):
        for name, one in scenarios.BY_NAME.items():
            for column in scenario.offered_columns(one):
                with self.subTest(name, column=column):
                    self.assertEqual(run(one, columns=(column,)).failures, [])

    def test_is_entered_under_its_own_name(self):
        for name, one in scenarios.BY_NAME.items():
            self.assertEqual(one.name, name)
            self.assertTrue(one.description)


class MissingFigures(unittest.TestCase):
    def test_a_figure_that_is_absent_or_no_number_is_missing(self):
        one = mock.Mock(promised=("there", "absent", "not_a_number"))
        outcome = scenario.Outcome(figures={"there": 1.0, "not_a_number": float("nan")})
        self.assertEqual(
            scenario.missing_figures(one, outcome), ["absent", "not_a_number"]
        )

    def test_a_column_that_is_left_out_loses_the_figures_over_it(self):
        one = scenarios.BY_NAME["echo-64x64"]
        outcome = run(one, columns=("asio_uring", "asio_epoll"))
        missing = scenario.missing_figures(one, outcome)
        self.assertIn("cpu_per_op_vs_floor", missing)
        self.assertNotIn("cpu_per_op_vs_asio_epoll", missing)


class Envelope(unittest.TestCase):
    def test_it_is_the_best_loop_of_each_round(self):
        rounds = [
            {"own": {"cpu": 6.0}, "ring": {"cpu": 4.0}, "epoll": {"cpu": 5.0}},
            {"own": {"cpu": 6.0}, "ring": {"cpu": 6.0}, "epoll": {"cpu": 3.0}},
        ]
        ratios = figures.ratios_to_best(rounds, "own", ["ring", "epoll"], "cpu")
        self.assertEqual(ratios, [1.5, 2.0])

    def test_without_one_of_its_loops_there_is_none(self):
        one = scenarios.BY_NAME["echo-64x64"]
        names = scenario.offered_columns(one)
        names.remove("floor_multishot")
        outcome = run(one, columns=tuple(names))
        self.assertNotIn("cpu_per_op_vs_envelope", outcome.figures)
        self.assertIn("cpu_per_op_vs_floor", outcome.figures)


class Guards(unittest.TestCase):
    KEPT = {"a instructions_per_op": 1000, "b allocs_per_op": 0, "sizes c": 64}

    def compared(self, same_compiler=True, **values):
        names = dict(zip(("instructions", "allocs", "size"), self.KEPT))
        changed = {names[key]: value for key, value in values.items()}
        lists = guards.compare(self.KEPT, {**self.KEPT, **changed}, same_compiler)
        return tuple(map(len, lists))

    def test_what_has_grown_fails_and_what_has_shrunk_passes(self):
        self.assertEqual(self.compared(), (3, 0, 0))
        self.assertEqual(self.compared(instructions=1049), (3, 0, 0))
        self.assertEqual(self.compared(instructions=1051), (2, 1, 0))
        self.assertEqual(self.compared(allocs=0.1), (2, 1, 0))
        self.assertEqual(self.compared(size=72), (2, 1, 0))
        self.assertEqual(self.compared(instructions=1, size=56), (3, 0, 0))

    def test_with_another_compiler_counts_alone_are_compared(self):
        compared = self.compared(same_compiler=False, instructions=9999, allocs=0.1)
        self.assertEqual(compared, (0, 1, 2))

    def test_what_one_side_alone_has_fails(self):
        self.assertEqual(len(guards.compare(self.KEPT, {}, True)[1]), 3)
        self.assertEqual(len(guards.compare({}, self.KEPT, True)[1]), 3)

    def test_each_guard_is_a_column_of_a_scenario_and_in_the_table(self):
        table = json.loads(guards.TABLE.read_text())["values"]
        for one in guards.GUARDS:
            offered = scenario.offered_columns(scenarios.BY_NAME[one.scenario])
            self.assertIn(one.column, offered)
            for figure in one.figures:
                self.assertIn(f"{one.scenario} {one.column} {figure}", table)
        for name in guards.FILE_SCENARIOS:
            one = scenarios.BY_NAME[name]
            for figure in one.counted:
                self.assertIn(f"{name} {one.subject} {figure}", table)


class Machine(unittest.TestCase):
    COSTS = dict(zip(machine.FIGURES, (130.4, 280.0, 77.0, 1600.0)))

    def test_each_cost_is_a_figure_and_part_of_the_caption(self):
        self.assertEqual(
            machine.result_lines(self.COSTS)[0], "RESULT machine syscall_ns 130.4"
        )
        self.assertEqual(len(machine.result_lines(self.COSTS)), len(machine.FIGURES))
        self.assertIn("a switch of threads 1600 ns", machine.caption(self.COSTS))

    def test_where_there_is_no_ring_its_entries_are_named_as_missing(self):
        costs = {"syscall_ns": 130.0, "thread_switch_ns": 1600.0}
        self.assertEqual(len(machine.result_lines(costs)), 2)
        self.assertIn("a ring entry alone not available", machine.caption(costs))


class Report(unittest.TestCase):
    def test_a_plot_that_fails_fails_the_scenario_and_keeps_the_text(self):
        outcome = scenario.Outcome(panels=[("a panel", [("a", 1.0, 1.0, 1.0)])])
        one = mock.Mock(description="")
        one.name = "one"
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch("plot.available", return_value=True),
            mock.patch("plot.write_svg", side_effect=plot.PlotError("no plot")),
        ):
            where = settings(output=pathlib.Path(folder))
            report.write(where, one, outcome, report.Machine([], {}, ""))
            text = pathlib.Path(folder, "one.md").read_text()
        self.assertEqual(outcome.failures, ["no plot"])
        self.assertNotIn("one.svg", text)


class Page(unittest.TestCase):
    """docs/benchmarks.md of two runs over invented values."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.docs = pathlib.Path(cls.folder.name)
        about = report.Machine([("kernel", "6.1")], Machine.COSTS, "")
        for name in page.RUNS:
            where = settings(output=cls.docs / "results" / name)
            with mock.patch("plot.available", return_value=False):
                for one in scenarios.DEFAULT:
                    scenario_run = scenarios.BY_NAME[one]
                    report.write(where, scenario_run, run(scenario_run), about)
        with mock.patch("plot.run_gnuplot", cls.draw):
            page.write(cls.docs / "results", cls.docs)
        cls.text = (cls.docs / "benchmarks.md").read_text()

    @staticmethod
    def draw(script):
        output = next(line for line in script if line.startswith("set output"))
        pathlib.Path(output.split("'")[1]).write_text("<?xml?>\n<svg/>\n")

    def test_each_row_has_its_ratios_and_what_both_runs_say(self):
        runs = page.Runs(self.docs / "results")
        for row in page.ROWS:
            with self.subTest(row.label):
                self.assertEqual(len(runs.spreads(row)), 2)
        self.assertNotIn("not measured", self.text.lower())

    def test_each_row_of_files_has_its_figure_of_both_runs(self):
        runs = page.Runs(self.docs / "results")
        for row in page.FILES:
            with self.subTest(row.label):
                self.assertEqual(len(runs.figure(row.scenario, row.figure)), 2)
                self.assertIn(f"| {row.label} |", self.text)

    def test_its_plots_are_there_in_both_themes(self):
        named = re.findall(r'(?:srcset|src)="([^"]*)"', self.text)
        self.assertEqual(len(named), 6)
        for name in named:
            self.assertIn("SPDX", (self.docs / name).read_text())

    def test_runs_of_few_rounds_are_said_to_be_for_looking(self):
        self.assertIn("no figure of them counts", self.text)

    def test_a_difference_counts_when_both_runs_show_it(self):
        less, equal, more = (
            figures.Spread(one, one, one, one - 0.01, one + 0.01, 40)
            for one in (0.9, 1.0, 1.1)
        )
        self.assertEqual(page.verdict([less, less]), "less")
        self.assertEqual(page.verdict([more, more]), "more")
        for pair in ([less, equal], [less, more], [equal, equal]):
            self.assertEqual(page.verdict(pair), "no difference")
        self.assertEqual(page.verdict([]), "not measured")


class CommandLine(unittest.TestCase):
    SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"
    FORBIDDEN = ("dpkg-query", "apt-cache", "apt-get", "sudo", "cmake")

    def run_script(self, *arguments):
        """The ended script, and what it called to install or to build."""
        with tempfile.TemporaryDirectory() as folder:
            calls = pathlib.Path(folder, "calls")
            calls.touch()
            for name in self.FORBIDDEN:
                stand_in = pathlib.Path(folder, name)
                stand_in.write_text(f'#!/bin/sh\necho "{name} $*" >>"{calls}"\nexit 1\n')
                stand_in.chmod(0o755)
            done = subprocess.run(
                [self.SCRIPT, *arguments],
                env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=30,
            )
            return done, calls.read_text()

    def test_help_installs_and_builds_nothing(self):
        for arguments in (["--help"], ["-h"], ["echo-64x64", "--help"]):
            with self.subTest(arguments):
                done, calls = self.run_script(*arguments)
                self.assertEqual((done.returncode, calls), (0, ""))
                self.assertIn("echo-64x64", done.stdout)

    def test_what_is_mistyped_is_refused_before_anything_is_installed(self):
        for arguments in (["echo-64x46"], ["--quikc"], ["--hel"], ["--columns", "flor"]):
            with self.subTest(arguments):
                done, calls = self.run_script(*arguments)
                self.assertEqual((done.returncode, calls), (2, ""))
                self.assertIn(arguments[-1], done.stderr)


def load_driver():
    path = pathlib.Path(__file__).with_name("__main__.py")
    spec = importlib.util.spec_from_file_location("driver", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Run(unittest.TestCase):
    """A whole run over one scenario, whose outcome is invented."""

    COSTS = dict.fromkeys(machine.FIGURES, 100.0)

    def end_of_run(self, outcome, *arguments, costs=None):
        """The exit status and the last line."""
        driver = load_driver()
        one = mock.Mock(promised=("a", "b"), columns=(), description="")
        one.run.return_value = outcome
        printed = io.StringIO()
        with (
            mock.patch("sys.argv", ["bench", "one", *arguments]),
            mock.patch.dict(scenarios.BY_NAME, {"one": one}),
            mock.patch.object(driver, "cpu_pair", return_value=(0, 1)),
            mock.patch("machine.measure", return_value=costs or self.COSTS),
            mock.patch("report.write"),
            contextlib.redirect_stdout(printed),
        ):
            status = driver.main()
        return status, printed.getvalue().splitlines()[-1]

    def test_a_whole_outcome_ends_with_its_figures(self):
        outcome = scenario.Outcome(figures={"a": 1.0, "b": 2.0})
        self.assertEqual(self.end_of_run(outcome), (0, "RESULT one b 2"))

    def test_a_missing_figure_fails_the_run(self):
        outcome = scenario.Outcome(figures={"a": 1.0})
        self.assertEqual(
            self.end_of_run(outcome, "--smoke"), (1, "5 passed, 1 failed, 0 skipped")
        )

    def test_a_missing_cost_of_the_machine_fails_the_run(self):
        outcome = scenario.Outcome(figures={"a": 1.0, "b": 2.0})
        status, last = self.end_of_run(outcome, "--smoke", costs={"syscall_ns": 1.0})
        self.assertEqual((status, last), (1, "3 passed, 3 failed, 0 skipped"))

    def test_a_missed_bound_fails_the_run_and_no_smoke_test(self):
        outcome = scenario.Outcome(figures={"a": 1.0, "b": 2.0}, bounds_missed=["a"])
        self.assertEqual(self.end_of_run(outcome)[0], 1)
        self.assertEqual(
            self.end_of_run(outcome, "--smoke"), (0, "6 passed, 0 failed, 0 skipped")
        )


class SelfCheck(unittest.TestCase):
    def test_a_copy_that_shows_no_loss_misses_the_bounds(self):
        outcome = run(scenarios.BY_NAME["self-check"])
        missed = " ".join(outcome.bounds_missed)
        self.assertIn("cpu_per_op_slowed_vs_raw_epoll", missed)
        self.assertIn("extra_syscalls_per_op", missed)
        self.assertNotIn("cpu_per_op_itself_vs_raw_epoll", missed)

    def test_the_program_beside_itself_is_a_column_of_its_own(self):
        names = [one.name for one in scenarios.BY_NAME["self-check"].columns]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(names[0], echo.RAW_EPOLL.name)


if __name__ == "__main__":
    unittest.main()
