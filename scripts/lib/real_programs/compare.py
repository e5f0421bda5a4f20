# SPDX-License-Identifier: BSL-1.0
"""The same scenario three times: stock, the library switched off, on the ring."""

import dataclasses
import difflib
import shutil

from run import Run

_KINDS = (
    ("stock", {}),
    ("off", {"ASIO_URING": "off"}),
    ("ring", {"ASIO_URING": "require", "ASIO_URING_LOG": "1"}),
)


@dataclasses.dataclass
class Result:
    outcome: str  # same, differs, does not build, fails on epoll, not on the ring
    waits: list
    note: str = ""
    details: str = ""


def _once(program, binaries, folder, environment):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = Run(binaries, folder, environment)
    failure = ""
    with run:
        try:
            program.scenario(run)
        except Exception as error:  # whatever a scenario does not expect
            failure = f"{type(error).__name__}: {error}"
    if failure:
        run.say(failure)
    (folder / "transcript").write_text("\n".join(run.transcript) + "\n", encoding="utf-8")
    return run, failure


def _difference(name, one, other):
    lines = difflib.unified_diff(one, other, "stock", name, lineterm="", n=1)
    return "".join(f"\n      {line[:200]}" for line in list(lines)[:20])


def compare(program, stock, moved, folder):
    """Runs the program's scenario, and says how the three runs compare."""
    runs = {}
    for kind, environment in _KINDS:
        binaries = stock if kind == "stock" else moved
        runs[kind], failure = _once(program, binaries, folder / kind, environment)
        if kind == "stock" and failure:
            return Result("fails on epoll", [], failure)
    waits = runs["ring"].waits
    expected = runs["stock"].transcript
    for kind in ("off", "ring"):
        if runs[kind].transcript != expected:
            details = _difference(kind, expected, runs[kind].transcript)
            note = "switched off" if kind == "off" else ""
            return Result("differs", waits, note, details)
    # A program of which nothing reached the ring would be the same in any case.
    if not {"ring", "attached"} & set(waits):
        return Result("not on the ring", waits)
    return Result("same", waits)
