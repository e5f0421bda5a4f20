#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that every check of coverage.py can fail, and that a good document passes."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import coverage  # noqa: E402

SEEDS, FEATURES = ["H-a", "U01", "U02"], ["A01"]
SOURCE = """
BOOST_AUTO_TEST_SUITE(outer)
BOOST_AUTO_TEST_CASE(u01_does_this)
BOOST_AUTO_TEST_SUITE(inner)
BOOST_AUTO_TEST_CASE(u02_does_that)
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_CASE(is_nobodys)
BOOST_AUTO_TEST_SUITE_END()
"""
LISTS = "add_test(NAME ha_needs_nothing COMMAND x)\n# ha_in_a_comment\n"
ROWS = (
    "| id | what | proved by |",
    "|---|---|---|",
    "| H-a | needs nothing | `ctest/ha_needs_nothing` |",
    "| U01 | this | `test_x/outer/u01_does_this` |",
    "| U02 | that | `test_x/outer/inner/u02_does_that`<br>`test_x/outer/is_nobodys` |",
    "| A01 | all | `test_x/outer/is_nobodys` |",
)


def changed(number, line):
    rows = list(ROWS)
    rows[number:number + 1] = [line] if line is not None else []
    return rows


CASES = (
    # name, rows, a part of the one finding or None
    ("good", ROWS, None),
    ("a feature is missing", changed(5, None), "A01 has no row"),
    ("an unknown id", [*ROWS, "| U03 | more | `test_x/outer/is_nobodys` |"],
     "U03 is not on the list"),
    ("an id twice", [*ROWS, ROWS[5]], "A01 has a row at line 6"),
    ("nothing said", changed(5, "| A01 |  | `test_x/outer/is_nobodys` |"),
     "A01 does not say what"),
    ("no test", changed(5, "| A01 | all | soon |"), "A01 names no test"),
    ("a test of another suite", changed(5, "| A01 | all | `test_x/inner/is_nobodys` |"),
     "there is no test test_x/inner/is_nobodys"),
    ("a test of another program", changed(5, "| A01 | all | `test_y/outer/is_nobodys` |"),
     "there is no test test_y/outer/is_nobodys"),
    ("a test in a comment", changed(5, "| A01 | all | `ctest/ha_in_a_comment` |"),
     "there is no test ctest/ha_in_a_comment"),
)


def findings_of(rows, source=SOURCE, lists=LISTS):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in (
            ("docs/coverage.md", "\n".join(rows) + "\n"),
            ("tests/x/a.cpp", source),
            ("tests/CMakeLists.txt", lists),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return [explanation for _, explanation in coverage.run(root, SEEDS, FEATURES)]


def main():
    failures = []

    def expect(name, found, *parts):
        if len(found) != len(parts) or any(
            not any(part in one for one in found) for part in parts
        ):
            failures.append(f"{name}: expected {parts}, found {found}")

    for name, rows, part in CASES:
        expect(name, findings_of(rows), *([part] if part else []))
    expect("a seed without a test of its own",
           findings_of(changed(3, "| U01 | this | `test_x/outer/is_nobodys` |")),
           "no test of U01 starts with its id", "U01: its test test_x/outer/u01_does_this")
    expect("a seed's row is missing", findings_of(changed(3, None)),
           "U01 has no row", "U01: its test test_x/outer/u01_does_this is not named")
    expect("a second test of a seed that nobody names",
           findings_of(ROWS, SOURCE.replace("is_nobodys", "is_nobodys)\n"
                                            "BOOST_AUTO_TEST_CASE(u01_does_more")),
           "U01: its test test_x/outer/u01_does_more is not named")
    expect("a test of a list that nobody names", findings_of(ROWS, SOURCE, LISTS + "ha_too\n"),
           "H-a: its test ctest/ha_too is not named")
    with tempfile.TemporaryDirectory() as folder:
        expect("no document", [one for _, one in coverage.run(pathlib.Path(folder))],
               "there is no such file")

    for failure in failures:
        print(failure)
    print(f"coverage self-test: {len(CASES) + 5} cases, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
