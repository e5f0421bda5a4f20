# SPDX-License-Identifier: BSL-1.0

"""Runs benchmark scenarios over the programs that `scripts/bench` has built."""

import argparse
import dataclasses
import json
import pathlib
import shutil
import signal
import sys
import time

import environment
import guards
import machine
import page
import plot
import report
import scenarios
from processes import ChildError, Children, cpu_pair
from scenario import Settings, missing_figures, offered_columns

_RESULTS = pathlib.Path(__file__).resolve().parent.parent / "results"
_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def _arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Builds and runs benchmark scenarios; prints RESULT lines last.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "scenario",
        nargs="*",
        metavar="scenario",
        help=f"any of: {', '.join(scenarios.BY_NAME)} (default: all but self-check)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="5 rounds, and counts of few columns: for looking, not for a figure",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="one round of a tenth of a second: whether each scenario works and gives all "
        "its figures, whatever they are; prints a count of them last",
    )
    parser.add_argument(
        "--out", metavar="DIR", default=_RESULTS, help="default: bench/results"
    )
    parser.add_argument(
        "--rounds", type=int, default=None, help="40 unless --quick or --smoke"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=None,
        help="measured per column and round, 0.8 unless --smoke",
    )
    parser.add_argument(
        "--slice", type=float, default=0.05, help="how much of it in one piece"
    )
    parser.add_argument("--columns", default="", help="only these, separated by commas")
    parser.add_argument(
        "--docs",
        action="store_true",
        help="two whole runs, and docs/benchmarks.md from them; goes on where it was "
        "stopped",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="with --docs: forget what is there already"
    )
    parser.add_argument(
        "--guards",
        action="store_true",
        help="no scenario: compare what is counted, not timed, with bench/guards.json",
    )
    parser.add_argument(
        "--refresh", action="store_true", help="with --guards: keep the values instead"
    )
    parser.add_argument(
        "--no-counts",
        action="store_true",
        help="leave out system calls, instructions and allocations",
    )
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run timed rounds at real-time priority, for a machine that is not idle",
    )
    parser.add_argument("--build", default="build/bench", help="the build folder")
    parser.add_argument(
        "--check-arguments", action="store_true", help="check the command line and stop"
    )
    chosen = parser.parse_args()
    if chosen.docs and (chosen.scenario or chosen.columns or chosen.no_counts):
        parser.error("--docs is of all scenarios, columns and counts")
    if chosen.guards and chosen.scenario or chosen.refresh and not chosen.guards:
        parser.error("--guards takes no scenario, and --refresh belongs to it")
    for name in chosen.scenario:
        if name not in scenarios.BY_NAME:
            parser.error(f"no scenario {name}; there are {', '.join(scenarios.BY_NAME)}")
    offered = {
        column
        for name in chosen.scenario or scenarios.DEFAULT
        for column in offered_columns(scenarios.BY_NAME[name])
    }
    for column in filter(None, chosen.columns.split(",")):
        if column not in offered:
            parser.error(f"no column {column}; there are {', '.join(sorted(offered))}")
    return chosen


def _settings(chosen):
    rounds = 1 if chosen.smoke else 5 if chosen.quick else 40
    return Settings(
        build=pathlib.Path(chosen.build).resolve(),
        output=pathlib.Path(chosen.out).resolve(),
        rounds=chosen.rounds or rounds,
        window_s=chosen.seconds or (0.1 if chosen.smoke else 0.8),
        slice_s=chosen.slice,
        columns=tuple(filter(None, chosen.columns.split(","))),
        count=not chosen.no_counts,
        cpus=cpu_pair(),
        realtime=chosen.realtime,
        count_all=not chosen.quick,
        shorter=10 if chosen.smoke else 4 if chosen.quick else 1,
        smaller=10 if chosen.smoke else 1,
    )


def _run(chosen):
    names = chosen.scenario or scenarios.DEFAULT
    return 1 if _run_scenarios(chosen, _settings(chosen), names) else 0


def _run_scenarios(chosen, settings, names):
    """Prints the figures last; what failed is returned."""
    costs = machine.measure(settings)
    about = report.Machine(
        environment.describe(settings.build) + machine.description(costs),
        costs,
        machine.caption(costs),
    )
    print(f"== machine: {about.caption}\n", flush=True)
    results = machine.result_lines(costs)
    failures = [f"machine: no {name}" for name in machine.FIGURES if name not in costs]
    skipped = 0
    for name in names:
        scenario = scenarios.BY_NAME[name]
        offered = offered_columns(scenario)
        if settings.columns and offered and not settings.choose(scenario.columns):
            print(f"== {name}: left out, it has none of the columns\n", flush=True)
            continue
        outcome = _run_one(settings, name, about, failures)
        if outcome is None:
            continue
        if outcome.skipped:
            skipped += 1
            continue
        results += report.result_lines(name, outcome)
        failures += [f"{name}: {text}" for text in outcome.failures]
        if not chosen.smoke:
            failures += [f"{name}: {text}" for text in outcome.bounds_missed]
    print(f"== reports: {settings.output}")
    for failure in failures:
        print(f"== failed: {failure}")
    print("\n".join(results), flush=True)
    if chosen.smoke:
        counted = f"{len(results)} passed, {len(failures)} failed, {skipped} skipped"
        print(counted, flush=True)
    return failures


def _run_one(settings, name, about, failures):
    """The outcome of a scenario, or none where it failed."""
    scenario = scenarios.BY_NAME[name]
    print(f"== {name}: {scenario.description}", flush=True)
    started = time.monotonic()
    try:
        with Children() as children:
            outcome = scenario.run(settings, children)
    except (ChildError, OSError) as error:
        failures.append(f"{name}: {error}")
        print(f"== {name}: failed: {error}", flush=True)
        return None
    if outcome.skipped:
        print(f"== {name}: skipped: {outcome.skipped}\n", flush=True)
        return outcome
    if settings.count and not settings.columns:
        outcome.failures += [
            f"no figure {figure}" for figure in missing_figures(scenario, outcome)
        ]
    report.write(settings, scenario, outcome, about)
    report.print_tables(outcome)
    print(f"== {name}: done in {time.monotonic() - started:.0f} s\n", flush=True)
    return outcome


def _is_there(settings, name):
    """Whether a run with the same settings has left the scenario."""
    path = settings.output / f"{name}.json"
    return path.exists() and json.loads(path.read_text())["asked"] == report.asked(
        settings
    )


def _write_docs(chosen):
    """The page of two runs. What a run has left stays, for another that goes on. Counts are
    the first run's alone: they come out the same."""
    base = _settings(chosen)
    results = base.output / "docs"
    failures = []
    for run in page.RUNS:
        settings = dataclasses.replace(
            base, output=results / run, count=run == page.RUNS[0]
        )
        if chosen.fresh:
            shutil.rmtree(settings.output, ignore_errors=True)
        names = [one for one in scenarios.DEFAULT if not _is_there(settings, one)]
        print(f"== {run}: {len(names)} of {len(scenarios.DEFAULT)} scenarios", flush=True)
        if names:
            failures += _run_scenarios(chosen, settings, names)
    page.write(results, _DOCS)
    print(f"== written: {_DOCS / 'benchmarks.md'}")
    return 1 if failures else 0


def _interrupt(*_):
    raise KeyboardInterrupt


def main():
    chosen = _arguments()
    if chosen.check_arguments:
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if chosen.refresh:
            guards.refresh(_settings(chosen))
            return 0
        if chosen.guards:
            return 0 if guards.check(_settings(chosen)) else 1
        if chosen.docs:
            return _write_docs(chosen)
        return _run(chosen)
    except KeyboardInterrupt:
        print("== interrupted: every child process has been stopped")
        return 130
    except (ChildError, plot.PlotError) as error:
        print(f"== failed: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
