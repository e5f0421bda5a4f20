# SPDX-License-Identifier: BSL-1.0
"""What the tables of programs are made of."""

import dataclasses
import typing

# What stands in for a fixed port: scenarios of one machine share its ports.
PORT = 'static_cast<unsigned short>(std::atoi(std::getenv("PORT")))'


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, where its sources are, and what is done with it."""

    name: str
    # Each binary with its sources, relative to the place.
    binaries: dict
    scenario: typing.Callable
    # A name of the command line's --place NAME=FOLDER.
    place: str = "boost"
    libraries: tuple = ()
    flags: tuple = ()
    include_folders: tuple = ()
    # Text of the sources that stands in a scenario's way, such as a fixed port.
    changes: dict = dataclasses.field(default_factory=dict)
    # Headers of another release of Boost, a name of --place as well.
    headers: str = ""
    note: str = ""
    # The result that is known, and that the note explains, where it is not "same".
    known: str = "same"
