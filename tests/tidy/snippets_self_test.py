#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that a broken snippet of the documentation is found, where it stands, and that a
sound one of each kind is not.

    tests/tidy/snippets_self_test.py COMPILER
"""

import contextlib
import io
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import snippets  # noqa: E402


def block(text, directive=None, language="cpp"):
    comment = f"<!-- snippet: {directive} -->\n\n" if directive else ""
    return f"# Title\n\nText.\n\n{comment}```{language}\n{text}\n```\n"


BODY = "body of (int given, void say(const char*))"
CASES = (
    # what is tested, text of README.md, number of compiled blocks, part of the finding
    ("a declaration", block("int f(int);"), 1, ""),
    ("a broken declaration", block("int f(int;"), 1, "README.md:6:"),
    ("a program", block("#include <cstddef>\n\nint main() {}"), 1, ""),
    ("a broken program", block("int main()\n{\n    return text;\n}"), 1, "README.md:8:"),
    ("two fragments with one name", block("int x = 1;") + block("int x = 2;"), 2, ""),
    ("a statement", block("int x = given;\nsay(\"x\");", BODY), 1, ""),
    ("a broken statement", block("given = nothing;", BODY), 1, "README.md:8:"),
    ("a result that is dropped",
     block("struct [[nodiscard]] r {};\nr make();\nmake();", "body of ()"), 1, "README.md:10:"),
    ("an #include of a fragment", block("#include <cstdint>\nstd::uint8_t x = 1;"), 1, ""),
    ("an #include that fails", block("int x;\n#include <no/such/file>"), 1, "no/such/file"),
    ("not compiled", block("...", "not compiled, because it shows an error"), 0, ""),
    ("not compiled, without a reason", block("...", "not compiled"), 0, "no such kind"),
    ("another language", block("...", language="console"), 0, ""),
    ("a directive of another block",
     block("int x = given;", BODY) + block("int y = given;"), 2, "README.md:15:"),
)


def check_printed_blocks(root):
    (root / "a.md").write_text(block("all:\n\techo", language="make"), encoding="utf-8")
    (root / "README.md").write_text(
        block("x(my_server)", language="cmake")
        + block("add_executable(mine a.cpp)", language="cmake"), encoding="utf-8")
    snippets.command_cmake(root, root / "made")
    made = [path.read_text(encoding="utf-8") for path in sorted(root.glob("made/*/CMake*"))]
    assert len(made) == 2, made
    assert "add_executable(my_server my_server.cpp)\n# README.md:6\nx(my_server)" in made[0]
    assert "my_server" not in made[1], made[1]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        assert snippets.command_print(root, "a.md", "make") == 0
        assert snippets.command_print(root, "a.md", "meson") == 1
    assert printed.getvalue() == "all:\n\techo\na.md has no block in meson\n", printed


def main(compiler):
    failures = []
    for what, text, compiled, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "README.md").write_text(text, encoding="utf-8")
            found, count = snippets.findings(root, compiler)
        if count != compiled or bool(found) != bool(expected):
            failures.append(f"{what}: {count} compiled, {found}")
        elif not any(expected in line for line in found or [""]):
            failures.append(f"{what}: no {expected!r} in {found}")
    with tempfile.TemporaryDirectory() as folder:
        check_printed_blocks(pathlib.Path(folder))
    print(*failures, sep="\n", end="\n" if failures else "")
    print(f"snippets_self_test: {len(CASES) + 1} cases, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
