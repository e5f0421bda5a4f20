# SPDX-License-Identifier: BSL-1.0
"""All programs, and the choice of some."""

import asio_programs
import beast_programs
import database_programs
import other_programs
import self_test

ALL = [
    *asio_programs.PROGRAMS,
    *beast_programs.PROGRAMS,
    *other_programs.PROGRAMS,
    *database_programs.PROGRAMS,
]


def chosen(names, self_test_only):
    """The programs of these names and prefixes; all where there is none."""
    programs = self_test.PROGRAMS if self_test_only else ALL
    if any(not any(_matches(program, name) for program in programs) for name in names):
        return []
    return [
        program
        for program in programs
        if not names or any(_matches(program, name) for name in names)
    ]


def _matches(program, name):
    return program.name == name or program.name.startswith(name.rstrip("/") + "/")
