#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts what one CTest run did, and decides whether it passed.

Boost.Test programs count by test case, from the log each writes to test-results/; every
other CTest test counts as one. A case that printed `SKIPPED suite/case: reason` counts as
skipped if the list of allowed skips names it, and as failed if not. A program that left no
log (it crashed or ran out of time) is one failure more.
"""

import argparse
import fnmatch
import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

OUTPUT_LINES_MAX = 150
PROGRESS = re.compile(r": (Entering|Leaving) test (suite|case|module)|^(Entering|Leaving) test")
SKIPPED = re.compile(r"^SKIPPED (.+?): (.*)$", re.MULTILINE)


class Tally:
    def __init__(self, allowed):
        self.allowed = allowed
        self.passed = 0
        self.failed = []
        self.skipped = []

    def skip(self, program, case, reason):
        name = f"{program} {case}"
        for program_pattern, case_pattern in self.allowed:
            if fnmatch.fnmatchcase(program, program_pattern) and fnmatch.fnmatchcase(
                case, case_pattern
            ):
                self.skipped.append(f"{name}: {reason}")
                return
        self.failed.append(f"{name}: skipped ({reason}), and allowed_skips.txt has no line")


def kernel_version(text):
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def read_allowed(path, kernel=os.uname().release):
    """(program pattern, case pattern) of the lines that count on this kernel."""
    allowed = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        rule, _, reason = line.partition("#")
        if not rule.strip():
            continue
        words = rule.split()
        below = words.pop() if words[-1].startswith("kernel<") else None
        if len(words) != 2 or not reason.strip():
            raise SystemExit(f"{path}:{number}: not `PROGRAM CASE [kernel<VERSION] # reason`")
        if below is None or kernel_version(kernel) < kernel_version(below):
            allowed.append(tuple(words))
    return allowed


def boost_cases(element, prefix=""):
    """(full name, test case) of a Boost.Test JUnit log, in which class names hold suites."""
    for case in element.iter("testcase"):
        suites = case.get("classname", "")
        name = case.get("name", "")
        yield "/".join(filter(None, (*suites.split("."), name))), case


def count_program(tally, program, log, output, ctest_passed):
    skips = dict(SKIPPED.findall(output))
    try:
        cases = list(boost_cases(ElementTree.parse(log).getroot()))
    except (OSError, ElementTree.ParseError):
        tally.failed.append(f"{program}: ended without a log (crash or time limit)")
        return
    failed_before = len(tally.failed)
    for name, case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed.append(f"{program} {name}")
        elif case.find("skipped") is not None:
            tally.skip(program, name, "disabled, or what it depends on failed")
        elif name in skips:
            tally.skip(program, name, skips.pop(name))
        else:
            tally.passed += 1
    for name, reason in skips.items():
        if name not in dict(cases):
            tally.failed.append(f"{program} {name}: skip of an unknown case ({reason})")
    report = re.search(r"^SUMMARY: (\w+Sanitizer: .*)$", output, re.MULTILINE)
    if not ctest_passed and report:
        tally.failed.append(f"{program}: {report.group(1)}")
    elif not ctest_passed and len(tally.failed) == failed_before:
        tally.failed.append(f"{program}: failed outside its cases")
    if not cases:
        tally.failed.append(f"{program}: has no test case")


def print_failure(name, output):
    """What a failed test printed, without the progress lines of the cases that ended."""
    lines = output.splitlines()
    entered = next((line for line in reversed(lines) if "Entering test case" in line), None)
    kept = [line for line in lines if line.strip() and not PROGRESS.search(line)]
    print(f"---- {name}")
    if len(kept) > OUTPUT_LINES_MAX:
        # Long reports of a sanitizer never hide which checks failed.
        left_out, kept = kept[:-OUTPUT_LINES_MAX], kept[-OUTPUT_LINES_MAX:]
        errors = [line for line in left_out if re.search(r"(fatal )?error: in ", line)]
        print(*errors[:OUTPUT_LINES_MAX], sep="\n")
        print(f"({len(left_out) - len(errors)} lines left out)")
    for line in kept:
        print(line)
    if entered is not None and "Leaving test module" not in output:
        print(f"last case entered: {entered.rpartition('Entering test case ')[2]}")
    print(f"---- end of {name}")


def count_run(tally, results):
    for test in ElementTree.parse(results / "ctest.junit").getroot().iter("testcase"):
        name = test.get("name")
        state = test.get("status")
        output = test.findtext("system-out") or ""
        log = results / f"{name}.xml"
        if state == "fail":
            print_failure(name, output)
        if state == "run" or state == "fail":
            if log.exists() or name.startswith("test_"):
                count_program(tally, name, log, output, state == "run")
            elif state == "run":
                tally.passed += 1
            else:
                tally.failed.append(name)
        elif state == "notrun" and test.find("skipped") is not None:
            message = test.find("skipped").get("message") or "not run"
            tally.skip(name, "*", message)
        else:
            tally.failed.append(f"{name}: {state}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--allowed-skips", type=pathlib.Path, required=True)
    parser.add_argument("--status", type=int, required=True, help="exit status of the run")
    parser.add_argument(
        "--program",
        help="count this one program from RESULTS/PROGRAM.xml and .out, not a CTest run",
    )
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    results, program = arguments.results, arguments.program
    tally = Tally(read_allowed(arguments.allowed_skips))
    try:
        if program:
            output = (results / f"{program}.out").read_text(errors="replace")
            log = results / f"{program}.xml"
            if arguments.status != 0:
                print_failure(program, output)
            count_program(tally, program, log, output, arguments.status == 0)
        else:
            count_run(tally, results)
    except (OSError, ElementTree.ParseError) as error:
        tally.failed.append(f"no results: {error}")
    if arguments.status != 0 and not tally.failed:
        tally.failed.append(f"the run ended with status {arguments.status}")
    if tally.passed == 0 and not tally.failed:
        tally.failed.append("no test ran to its end")

    for line in tally.skipped:
        print(f"skipped: {line}")
    for line in tally.failed:
        print(f"failed: {line}")
    print(
        f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped"
    )
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
