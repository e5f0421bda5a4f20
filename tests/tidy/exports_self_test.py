#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that each finding of exports.py can be had, and that what is right has none."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import exports  # noqa: E402

PUBLIC = """class ASIO_URING_DECL ring
{
    static ring create(int& ec);
    ring& operator=(ring&& other);
};
ASIO_URING_DECL int f(int);
// old_name(
"""
PRIVATE = "int g(int);\nextern const int table[3];\ninline constexpr int other{};\n"

CASES = (
    # what is tested, binding, visibility, name, part of the finding or nothing
    ("a marked function", "GLOBAL", "DEFAULT", "asio_uring::f(int)", ""),
    ("a member of a marked class", "GLOBAL", "DEFAULT", "asio_uring::ring::create(int&)", ""),
    ("an operator", "GLOBAL", "DEFAULT",
     "asio_uring::ring::operator=(asio_uring::ring&&)", ""),
    ("a function with a tag", "GLOBAL", "DEFAULT", "asio_uring::f[abi:cxx11](int)", ""),
    ("a function of src/", "GLOBAL", "HIDDEN", "asio_uring::detail::g(int)", ""),
    ("an object of src/", "GLOBAL", "HIDDEN", "asio_uring::detail::other", ""),
    ("a function without its mark", "GLOBAL", "HIDDEN", "asio_uring::f(int)",
     "write ASIO_URING_DECL"),
    ("a function of src/ with a mark", "GLOBAL", "DEFAULT", "asio_uring::detail::g(int)",
     "no header of include/ declares it"),
    ("a name in a comment alone", "GLOBAL", "DEFAULT", "asio_uring::old_name(int)",
     "no header of include/ declares it"),
    ("a name outside the namespace", "GLOBAL", "DEFAULT", "f(int)", "not in namespace"),
    ("an inline function", "WEAK", "HIDDEN", "asio_uring::h(int)", ""),
    ("an inline function, exported", "WEAK", "DEFAULT", "asio_uring::h(int)",
     "an inline function is exported"),
    ("a template of the standard library", "UNIQUE", "DEFAULT", "std::x<int>::y", ""),
)

TABLE = """
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND read
     2: 0000000000000000    12 FUNC    LOCAL  DEFAULT    1 asio_uring::local()
     3: 0000000000000010    12 FUNC    GLOBAL HIDDEN     1 asio_uring::f(int)
"""


def main():
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in (("include/a.hpp", PUBLIC), ("src/b.hpp", PRIVATE)):
            (root / name).parent.mkdir()
            (root / name).write_text(text, encoding="utf-8")
        for what, bind, visibility, name, expected in CASES:
            found = list(exports.findings([(bind, visibility, name)], root))
            if len(found) != bool(expected) or not all(expected in line for line in found):
                failures.append(f"{what}: {found}")
    listed = list(exports.symbols(TABLE))
    if listed != [("GLOBAL", "HIDDEN", "asio_uring::f(int)")]:
        failures.append(f"symbols of the table: {listed}")
    print(*failures, sep="\n", end="\n" if failures else "")
    print(f"exports_self_test: {len(CASES) + 1} cases, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
