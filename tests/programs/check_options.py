# SPDX-License-Identifier: BSL-1.0

"""The options of one example, as a user meets them: --help explains them, and a wrong one
is answered by a sentence that names it, before the program does anything.

    check_options.py PROGRAM
"""

import os
import re
import subprocess
import tempfile

from program import LIMIT_S, main, require


class Example:
    """A program in a directory of its own, which it has to leave empty."""

    def __init__(self, program, folder):
        self.program = os.path.abspath(program)
        self.name = os.path.basename(program)
        self.folder = folder

    def run(self, *arguments):
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    def help(self):
        """Returns each option with the name of its value, or None where it has none, and
        its default."""
        done = self.run("--help")
        require(done.returncode == 0, f"--help: status {done.returncode}")
        require(done.stderr == "", f"--help: an error, {done.stderr!r}")
        require(done.stdout.startswith(f"Usage: {self.name} "), done.stdout)
        require(self.run("-h").stdout == done.stdout, "-h is not --help")
        found = re.findall(r"^  --(\S+)(?: ([A-Z]+) \(=(.*?)\))?  ", done.stdout, re.M)
        require(found, f"--help lists no options: {done.stdout!r}")
        return {name: (value or None, default) for name, value, default in found}

    def refuses(self, *arguments, words):
        done = self.run(*arguments)
        require(done.returncode == 2, f"{arguments}: status {done.returncode}")
        require(done.stdout == "", f"{arguments}: {done.stdout!r}")
        said = done.stderr
        require(said.startswith(f"{self.name}: ") and said.count("\n") == 1, said)
        for word in words:
            require(word in said, f"{arguments}: {said!r} lacks {word!r}")


def test(program):
    with tempfile.TemporaryDirectory() as folder:
        example = Example(program, folder)
        options = example.help()
        if "address" in options:
            require(options["address"][1] == "127.0.0.1", "not loopback by default")
        example.refuses("--no-such-option", words=["--no-such-option"])
        example.refuses("stray", words=["stray"])
        for name, (value, _) in options.items():
            option = f"--{name}"
            if value is None:
                example.refuses(f"{option}=yes", words=[option])
                continue
            example.refuses(option, words=[f"{option} takes "])
            example.refuses(f"{option}=", words=[f"{option} takes "])
            example.refuses(option, "1", option, "1", words=[option])
            if value in ("N", "A"):
                for wrong in ("x", "-1", "1x", "99999999999999999999", " "):
                    example.refuses(option, wrong, words=[f"{option} takes ", f"'{wrong}'"])
        require(os.listdir(folder) == [], f"it left {os.listdir(folder)}")


main(test)
