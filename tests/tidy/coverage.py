#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks docs/coverage.md, which says which test proves which promise.

    tests/tidy/coverage.py [ROOT]

A row of its tables is `| id | what | tests |`; the tests are names in backquotes,
`program/suite/case` of a Boost.Test case or `ctest/NAME` of a test of its own. Every id of
the fixed list has one row; every named test exists; a promise of a seed has a test that
starts with its id; and every test that starts with such an id stands in that id's row.
"""

import pathlib
import re
import sys

DOCUMENT = "docs/coverage.md"


def numbered(letter, count):
    return [f"{letter}{number:02}" for number in range(1, count + 1)]


SEED_IDS = [
    *numbered("U", 26), *numbered("L", 30), *numbered("R", 10),
    "H-a", "H-b", "H-c", "H-d", *numbered("H", 41), *numbered("K", 8),
]
FEATURE_IDS = numbered("A", 10)

CASE = re.compile(
    r"^\s*(BOOST_(?:AUTO|FIXTURE|DATA)_TEST_(?:SUITE|CASE)|BOOST_FIXTURE_TEST_SUITE|"
    r"BOOST_DATA_TEST_CASE|BOOST_AUTO_TEST_CASE_TEMPLATE|BOOST_AUTO_TEST_SUITE_END)"
    r"\s*\(\s*(\w*)",
    re.MULTILINE,
)
ROW = re.compile(r"^\|\s*([A-Z](?:-[a-z]|\d+))\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|$")


def boost_tests(root):
    """program/suite/case of every case; the program of tests/FOLDER is test_FOLDER."""
    for path in sorted((root / "tests").glob("*/**/*.cpp")):
        program = "test_" + path.relative_to(root / "tests").parts[0]
        suites = []
        for kind, name in CASE.findall(path.read_text(encoding="utf-8")):
            if kind.endswith("SUITE_END"):
                suites.pop()
            elif kind.endswith("SUITE"):
                suites.append(name)
            else:
                yield "/".join([program, *suites, name])


def ctest_words(root):
    """Every word of the lists that add tests, without their comments."""
    words = set()
    for folder in ("tests", "examples"):
        path = root / folder / "CMakeLists.txt"
        if path.exists():
            text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
            words.update(re.findall(r"[\w-]+", text))
    return words


def prefix_of(identifier):
    return identifier.lower().replace("-", "") + "_"


def case_of(test):
    return test.rpartition("/")[2]


def rows_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = ROW.match(line)
        if match:
            identifier, what, tests = match.groups()
            yield number, identifier, what, re.findall(r"`([^`]+)`", tests)


def run(root, seed_ids=SEED_IDS, feature_ids=FEATURE_IDS):
    """All findings as (line, explanation)."""
    document = root / DOCUMENT
    if not document.exists():
        return [(1, "there is no such file")]
    existing = set(boost_tests(root))
    words = ctest_words(root)
    seed_prefixes = {prefix_of(identifier): identifier for identifier in seed_ids}
    existing |= {f"ctest/{word}" for word in words}
    findings, seen, named = [], {}, {}
    for number, identifier, what, tests in rows_of(document.read_text(encoding="utf-8")):
        if identifier not in (*seed_ids, *feature_ids):
            findings.append((number, f"{identifier} is not on the list"))
        if identifier in seen:
            findings.append((number, f"{identifier} has a row at line {seen[identifier]}"))
        seen[identifier] = number
        if not what:
            findings.append((number, f"{identifier} does not say what"))
        if not tests:
            findings.append((number, f"{identifier} names no test"))
        own = [test for test in tests if case_of(test).startswith(prefix_of(identifier))]
        if identifier in seed_ids and tests and not own:
            findings.append((number, f"no test of {identifier} starts with its id"))
        for test in tests:
            if test not in existing:
                findings.append((number, f"{identifier}: there is no test {test}"))
            named.setdefault(test, set()).add(identifier)
    for identifier in (*seed_ids, *feature_ids):
        if identifier not in seen:
            findings.append((1, f"{identifier} has no row"))
    for test in sorted(existing):
        owner = seed_prefixes.get(case_of(test).partition("_")[0] + "_")
        if owner and owner not in named.get(test, ()):
            findings.append((seen.get(owner, 1), f"{owner}: its test {test} is not named"))
    return findings


def main(arguments):
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(arguments[0]).resolve() if arguments else default
    findings = run(root)
    for line, explanation in findings:
        print(f"{DOCUMENT}:{line}: {explanation}")
    print(f"coverage: {len(SEED_IDS) + len(FEATURE_IDS)} ids, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
