# SPDX-License-Identifier: BSL-1.0

"""What may not grow unseen: counts that come out the same on every run and machine, beside
the table that was kept, bench/guards.json. Times are no part of it."""

import dataclasses
import json
import pathlib

import environment
import scenarios
from processes import ChildError, Children

TABLE = pathlib.Path(__file__).resolve().parent.parent / "guards.json"
LICENSE = "SPDX-License-Identifier: BSL-1.0"

# How much of a figure may come on top of the table's: a share, and an amount for counts of
# a few. Closed loops batch a little differently each time.
TOLERANCES = {
    "syscalls_per_op": (0.03, 0.02),
    "futex_per_op": (0.0, 0.02),
    "allocs_per_op": (0.002, 0.005),
    "kernel_workers": (0.0, 0.0),
    "instructions_per_op": (0.05, 0.0),
}
SIZES = (0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Guard:
    scenario: str
    column: str
    count: str  # a kind of count, see ServerScenario.KINDS_OF_COUNT
    figures: tuple


# One connection has one order of events, so that its system calls come out the same.
_CALLS = ("syscalls_per_op", "futex_per_op")
_WORKERS = ("kernel_workers",)
GUARDS = (
    Guard("echo-1x64", "asio_uring", "system_calls", _CALLS),
    Guard("echo-1x64", "asio_uring_coro", "system_calls", _CALLS),
    Guard("echo-1x64", "asio_uring_batched", "system_calls", _CALLS),
    Guard("threads-1x256", "asio_uring", "system_calls", ("futex_per_op",)),
    Guard("threads-2x256", "asio_uring_pool", "system_calls", ("futex_per_op",)),
    # Its instructions go by how many events a wait brings.
    Guard("echo-64x64", "asio_uring_fallback", "allocations", ("allocs_per_op",)),
    *(
        Guard(scenario, column, count, (figure,))
        for scenario, column in (
            ("echo-64x64", "asio_uring"),
            ("echo-64x64", "asio_uring_coro"),
            ("echo-64x64", "asio_uring_deferred"),
            ("erased-tax", "asio_uring_erased"),
            ("echo-udp", "asio_uring"),
            ("http-64", "asio_uring"),
        )
        for count, figure in (
            ("allocations", "allocs_per_op"),
            ("instructions", "instructions_per_op"),
        )
    ),
    *(
        Guard(scenario, "asio_uring", "switches", _WORKERS)
        for scenario in (
            "echo-64x64",
            "echo-local",
            "echo-udp",
            "stream-4x65536",
            "accept-churn",
            "mixed",
            "threads-4x256",
        )
    ),
)
FILE_SCENARIOS = ("file-read-1", "file-read-32", "small-files")


def _server_values(settings, children):
    for guard in GUARDS:
        scenario = scenarios.BY_NAME[guard.scenario]
        column = next(one for one in scenario.columns if one.name == guard.column)
        counted = scenario.count(guard.count, settings, children, column)
        for figure in guard.figures:
            yield f"{guard.scenario} {guard.column} {figure}", counted[figure]


def _case_values(settings, children):
    for name in ("timers", "post", "context-life"):
        scenario = scenarios.BY_NAME[name]
        column = next(one for one in scenario.columns if one.name == scenario.subject)
        for case, value in scenario.count(settings, children, column).items():
            yield f"{name} {case} instructions_per_op", value


def _file_values(settings, children):
    for name in FILE_SCENARIOS:
        scenario = scenarios.BY_NAME[name]
        column = next(one for one in scenario.columns if one.name == scenario.subject)
        for figure, value in scenario.count(settings, children, column).items():
            yield f"{name} {column.name} {figure}", value


def _sizes(settings, children):
    scenario = scenarios.BY_NAME["sizes"]
    for column in scenario.columns:
        if column.name.startswith("asio_uring"):
            command = column.command(settings)
            for what, value in children.run_json(command, settings.cpus[0], 60).items():
                yield f"sizes {column.name} {what}", value


def _rounded(name, value):
    """To what comes out the same, so that a refreshed table differs where it means it."""
    if name.endswith(("instructions_per_op", "kernel_workers")) or name.startswith("sizes"):
        return round(value)
    return round(value, 2) + 0.0


def measure(settings):
    """Values by what they are of."""
    # Counts do not need the lengths that a figure of a report takes.
    settings = dataclasses.replace(settings, shorter=4)
    values = {}
    with Children() as children:
        for source in (_sizes, _case_values, _server_values, _file_values):
            for name, value in source(settings, children):
                print(f"   {name}: {value:.6g}", flush=True)
                values[name] = _rounded(name, value)
    return values


def made_with(settings):
    """What the instructions depend on."""
    about = dict(environment.describe(settings.build))
    return {name: about[name] for name in ("compiler", "flags", "Boost")}


def limit_of(name, kept):
    share, amount = TOLERANCES.get(name.rsplit(" ", 1)[1], SIZES)
    return kept * (1 + share) + amount


def _is_by_compiler(name):
    """Whether a value depends on the compiler and on Boost."""
    return name.startswith("sizes ") or name.endswith("instructions_per_op")


def compare(kept, values, same_compiler):
    """Lists of sentences: what passed, what failed, what was skipped."""
    passed, failed, skipped = [], [], []
    for name in sorted(kept.keys() | values.keys()):
        if name not in values:
            failed.append(f"{name}: not measured, and in the table")
        elif name not in kept:
            failed.append(f"{name}: {values[name]:g}, and not in the table")
        elif _is_by_compiler(name) and not same_compiler:
            skipped.append(f"{name}: the table was made with another compiler or Boost")
        elif values[name] > limit_of(name, kept[name]):
            failed.append(
                f"{name}: {values[name]:g}, the table has {kept[name]:g} and allows "
                f"{limit_of(name, kept[name]):g}"
            )
        else:
            passed.append(name)
    return passed, failed, skipped


def refresh(settings):
    """Keeps the values of this machine."""
    table = {
        "license": LICENSE,
        "made_with": made_with(settings),
        "values": dict(sorted(measure(settings).items())),
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
    print(f"== written: {TABLE}")


def check(settings):
    """Whether nothing has grown; prints the count of guards last."""
    table = json.loads(TABLE.read_text())
    try:
        values = measure(settings)
    except ChildError as error:
        print(f"== failed: {error}\n0 passed, 1 failed, 0 skipped", flush=True)
        return False
    same_compiler = table["made_with"] == made_with(settings)
    passed, failed, skipped = compare(table["values"], values, same_compiler)
    for text in skipped:
        print(f"== skipped: {text}")
    for text in failed:
        print(f"== failed: {text}")
    if failed:
        print("== where that is meant: scripts/bench --guards --refresh")
    print(
        f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped", flush=True
    )
    return not failed
