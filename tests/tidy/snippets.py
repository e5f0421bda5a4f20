#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compiles the C++ of the documentation, and takes out what another test builds.

    tests/tidy/snippets.py compile [--root ROOT] COMPILER [FOLDER...]
    tests/tidy/snippets.py cmake [--root ROOT] FOLDER
    tests/tidy/snippets.py print [--root ROOT] DOCUMENT LANGUAGE

compile: every ```cpp block of a document. One that defines main() is a program, compiled as
it stands. All others are one translation unit, each in a namespace of its own, with their
#include lines in front. FOLDERs hold headers of other projects. A comment right above a
block says what else it is:

    <!-- snippet: body of (asio_uring::io_context& context) -->   of a function that has these
    <!-- snippet: not compiled, because it shows an error -->      and why

Prints the compiler's errors, which name the document and its line, and exits 1 if there are
any. cmake: writes each ```cmake block as a project of its own below FOLDER. One that adds no
executable gets the target my_server. print: all blocks of DOCUMENT in LANGUAGE.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

DOCUMENTS = ("*.md", "docs/**/*.md", "examples/**/*.md", "bench/*.md")
DIRECTIVE = re.compile(r"<!-- snippet: (.*) -->$")
BODY = re.compile(r"body of (\(.*\))$")
NOT_COMPILED = re.compile(r"not compiled, because \S")
# What a fragment declares need not be used there; what a function returns may have to be.
FLAGS = ("-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused",
         "-Wno-unused-parameter", "-Wunused-result")


class Block(NamedTuple):
    document: str
    line: int  # of its first line of text
    language: str
    directive: str
    lines: list

    @property
    def place(self):
        return f"{self.document}:{self.line}"


def blocks_of(document, text):
    """The fenced blocks of a document."""
    language, directive, lines, first = None, "", [], 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*```\s*(\S*)", line)
        if language is not None and fence:
            yield Block(document, first, language, directive, lines)
            language, directive = None, ""
        elif language is not None:
            lines.append(line)
        elif fence:
            language, lines, first = fence.group(1), [], number + 1
        elif line.strip():
            match = DIRECTIVE.match(line.strip())
            directive = match.group(1) if match else ""


def all_blocks(root, *languages):
    paths = sorted({path for pattern in DOCUMENTS for path in root.glob(pattern)})
    for path in paths:
        document = path.relative_to(root).as_posix()
        for block in blocks_of(document, path.read_text(encoding="utf-8")):
            if block.language in languages:
                yield block


def located(block, index):
    return f'#line {block.line + index} "{block.document}"'


def is_program(block):
    return not block.directive and any(re.match(r"int main\(", line) for line in block.lines)


def program(block):
    return "\n".join([located(block, 0), *block.lines, ""])


def fragments(blocks):
    """One translation unit of all fragments."""
    includes, bodies = [], []
    for number, block in enumerate(blocks):
        body = BODY.match(block.directive)
        bodies.append(f"namespace snippet_{number} {{")
        bodies += [f"void body{body.group(1)}", "{"] if body else []
        bodies.append(located(block, 0))
        for index, line in enumerate(block.lines):
            if re.match(r"\s*#\s*include\b", line):
                includes += [located(block, index), line]
                line = ""
            bodies.append(line)
        bodies += ["}"] if body else []
        bodies.append("}")
    return "\n".join([*includes, *bodies, ""])


def compile_unit(compiler, includes, text):
    """The compiler's errors in a translation unit, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "snippet.cpp"
        source.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [compiler, *FLAGS, *includes, str(source)], capture_output=True, text=True
        )
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return (errors or [done.stderr]) if done.returncode else []


def findings(root, compiler, folders=()):
    """All findings, and the number of blocks that were compiled."""
    includes = [f"-I{root}/include"]
    includes += [f"-isystem{folder}" for folder in folders if folder != "/usr/include"]
    found, units, compiled = [], [], []
    for block in all_blocks(root, "cpp", "c++"):
        if NOT_COMPILED.match(block.directive):
            continue
        if block.directive and not BODY.match(block.directive):
            found.append(f"{block.place}: no such kind of snippet: {block.directive}")
        elif is_program(block):
            units.append(program(block))
        else:
            compiled.append(block)
    count = len(units) + len(compiled)
    units += [fragments(compiled)] if compiled else []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for errors in pool.map(lambda text: compile_unit(compiler, includes, text), units):
            found += errors
    return found, count


def command_compile(root, compiler, *folders):
    found, count = findings(root, compiler, folders)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"snippets: {count} compiled, {len(found)} findings")
    return 1 if found or not count else 0


PROJECT = """cmake_minimum_required(VERSION 3.25)
project(snippet LANGUAGES CXX)
"""


def command_cmake(root, folder):
    for number, block in enumerate(all_blocks(root, "cmake")):
        text = "\n".join([f"# {block.place}", *block.lines, ""])
        if "add_executable(" not in text:
            text = f"add_executable(my_server my_server.cpp)\n{text}"
        target = pathlib.Path(folder) / str(number)
        target.mkdir(parents=True)
        (target / "CMakeLists.txt").write_text(PROJECT + text, encoding="utf-8")
        (target / "my_server.cpp").write_text("int main() {}\n", encoding="utf-8")
        # What a document calls a copy of the library inside a program's tree.
        (target / "asio_uring").symlink_to(root, target_is_directory=True)
    return 0


def command_print(root, document, language):
    text = (root / document).read_text(encoding="utf-8")
    found = [block for block in blocks_of(document, text) if block.language == language]
    for block in found:
        print(*block.lines, sep="\n")
    if not found:
        print(f"{document} has no block in {language}", file=sys.stderr)
    return 0 if found else 1


def main(arguments):
    commands = {"compile": command_compile, "cmake": command_cmake, "print": command_print}
    if not arguments or arguments[0] not in commands:
        raise SystemExit(__doc__)
    command, *rest = arguments
    root = pathlib.Path(__file__).resolve().parents[2]
    if rest[:1] == ["--root"]:
        root, rest = pathlib.Path(rest[1]).resolve(), rest[2:]
    return commands[command](root, *rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
