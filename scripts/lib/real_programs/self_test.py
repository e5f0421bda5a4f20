# SPDX-License-Identifier: BSL-1.0
"""Programs that differ on purpose: each must come out as what it is."""

import pathlib

from program import Program
from run import check

_SOURCE = str(pathlib.Path(__file__).resolve().parent / "sources" / "differs.cpp")


def _prints(run):
    check("ticked" in run.finish("program"), "it did not tick")


def _serves(run):
    child = run.start("program")
    child.wait_for("ticked")
    child.end_input()
    run.ended(child, child.wait())


def _program(how, known, scenario=_prints):
    """HOW is a macro that sources/differs.cpp knows."""
    return Program(
        f"self-test/{how.lower()}",
        {"program": [_SOURCE]},
        scenario,
        place="",
        flags=(f"-D{how}=1",),
        known=known,
    )


PROGRAMS = [
    _program("SAME", "same"),
    _program("PRINTS_MORE_ON_THE_RING", "differs"),
    _program("ENDS_OTHERWISE_ON_THE_RING", "differs"),
    _program("PRINTS_MORE_SWITCHED_OFF", "differs"),
    _program("PRINTS_NOTHING_ON_THE_RING", "differs", _serves),
    _program("FAILS_EVERYWHERE", "fails on epoll"),
    _program("WITHOUT_CONTEXT", "not on the ring"),
    _program("NOT_MOVED", "does not build"),
]
