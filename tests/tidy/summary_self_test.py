#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that scripts/lib/summary.py counts right, and that it can fail."""

import pathlib
import subprocess
import sys
import tempfile

SUMMARY = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib" / "summary.py"
PASSED = '<testcase classname="s" name="{}"/>'
FAILED = '<testcase classname="s" name="{}"><failure message="m"/></testcase>'
DISABLED = '<testcase classname="s" name="{}"><skipped/></testcase>'
ALLOWED = "test_a s/may # reason\ntest_a s/old kernel<2.6 # reason\n"


def ctest(status, *logs, name="test_a", output=""):
    """One CTest entry, and the program's own log if it left one."""
    entry = (
        f'<testcase name="{name}" status="{status}"><system-out>{output}</system-out>'
        "</testcase>"
    )
    return name, entry, "".join(logs) if logs else None


SKIP = "\nSKIPPED s/{}: no luck\n"
CASES = (
    # name, CTest status, entries, closing line
    ("passed", 0, [ctest("run", PASSED.format("a"), PASSED.format("b"))], (2, 0, 0)),
    ("a script", 0, [ctest("run", name="tidy")], (1, 0, 0)),
    ("a failed script", 8, [ctest("fail", name="tidy")], (0, 1, 0)),
    ("failed", 8, [ctest("fail", PASSED.format("a"), FAILED.format("b"))], (1, 1, 0)),
    ("crashed", 8, [ctest("fail")], (0, 1, 0)),
    ("failed after its cases", 8, [ctest("fail", PASSED.format("a"))], (1, 1, 0)),
    ("failed, and a sanitizer's report", 8,
     [ctest("fail", FAILED.format("a"), output="\nSUMMARY: AddressSanitizer: leak\n")],
     (0, 2, 0)),
    ("no case", 0, [ctest("run", "")], (0, 1, 0)),
    ("allowed skip", 0,
     [ctest("run", PASSED.format("a"), PASSED.format("may"), output=SKIP.format("may"))],
     (1, 0, 1)),
    ("other skip", 0,
     [ctest("run", PASSED.format("a"), PASSED.format("b"), output=SKIP.format("b"))],
     (1, 1, 0)),
    ("skip for an old kernel", 0,
     [ctest("run", PASSED.format("a"), PASSED.format("old"), output=SKIP.format("old"))],
     (1, 1, 0)),
    ("skip of an unknown case", 0,
     [ctest("run", PASSED.format("a"), output=SKIP.format("gone"))], (1, 1, 0)),
    ("disabled", 0, [ctest("run", PASSED.format("a"), DISABLED.format("b"))], (1, 1, 0)),
    ("only skips", 0,
     [ctest("run", PASSED.format("may"), output=SKIP.format("may"))], (0, 1, 1)),
    ("nothing", 0, [], (0, 1, 0)),
    ("CTest itself failed", 1, [ctest("run", PASSED.format("a"))], (1, 1, 0)),
)


def summarise(status, entries):
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder)
        tests = "".join(entry for _, entry, _ in entries)
        (results / "ctest.junit").write_text(f"<testsuite>{tests}</testsuite>")
        (results / "allowed.txt").write_text(ALLOWED)
        for name, _, log in entries:
            if log is not None:
                (results / f"{name}.xml").write_text(f"<testsuite>{log}</testsuite>")
        command = [
            sys.executable, SUMMARY, "--results", results, "--status", str(status),
            "--allowed-skips", results / "allowed.txt",
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = run.stdout.splitlines() or [run.stderr]
        return lines[-1], run.returncode


def main():
    failures = 0
    for name, status, entries, (passed, failed, skipped) in CASES:
        expected = f"{passed} passed, {failed} failed, {skipped} skipped", int(failed > 0)
        found = summarise(status, entries)
        if found != expected:
            failures += 1
            print(f"{name}: expected {expected}, found {found}")
    print(f"summary self-test: {len(CASES)} cases, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
