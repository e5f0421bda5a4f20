#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks which names of the compiled part a program may link.

    tests/tidy/exports.py LIBRARY [ROOT]

A function with external linkage is declared in one of two places: in a header of include/
and marked ASIO_URING_DECL, or in a header of src/. LIBRARY is libasio_uring.a or
libasio_uring.so; an archive shows the names that a shared library would hide as well.
Prints one line per finding and exits 1 if there is any.
"""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402

# Num: Value Size Type Bind Visibility Section Name
SYMBOL = re.compile(
    r"^\s*\d+: \S+\s+\S+ (?P<type>\w+)\s+(?P<bind>\w+)\s+(?P<visibility>\w+)\s+"
    r"(?P<section>\S+)\s+(?P<name>\S.*)$"
)

# Inline functions, templates and their objects: the linker keeps one of many.
MERGED = ("WEAK", "UNIQUE")


def symbols(text):
    """(binding, visibility, demangled name) of all that `readelf --symbols` defines."""
    for line in text.splitlines():
        match = SYMBOL.match(line)
        if match and match["section"] != "UND" and match["bind"] != "LOCAL":
            yield match["bind"], match["visibility"], match["name"]


def function_name(name):
    """`f` of `asio_uring::detail::f[abi:cxx11](int) const`."""
    before = re.sub(r"\[abi:\w+\]", "", name).partition("(")[0]
    return before.rpartition("::")[2]


def declared_names(folder):
    """Names that the headers of a folder declare: what may be a function or an object."""
    names = set()
    for path in folder.glob("**/*.hpp"):
        code = tidy.blank_comments_and_literals(path.read_text(encoding="utf-8"))
        names |= set(re.findall(r"(operator\s*[^\s\w(]+|\b\w+)\s*[({=;]", code))
    return names


def findings(listed, root):
    public = declared_names(root / "include")
    private = declared_names(root / "src")
    for bind, visibility, name in listed:
        ours = name.startswith("asio_uring::")
        function = function_name(name)
        if bind in MERGED:
            # Templates of the standard library and of Boost bring their own visibility.
            if ours and visibility == "DEFAULT":
                yield f"{name}: an inline function is exported"
        elif visibility == "DEFAULT":
            if not ours:
                yield f"{name}: exported, and not in namespace asio_uring"
            elif function not in public:
                yield f"{name}: exported, and no header of include/ declares it"
        elif function not in private:
            yield (
                f"{name}: hidden, and no header of src/ declares it; write ASIO_URING_DECL "
                "at its declaration in include/, or before the name of its class"
            )


def run(library, root):
    """All findings, and the number of names that were looked at."""
    kind = "--dyn-syms" if ".so" in pathlib.Path(library).name else "--symbols"
    table = subprocess.run(
        ["readelf", kind, "--wide", str(library)], capture_output=True, text=True, check=True
    ).stdout
    readable = subprocess.run(
        ["c++filt"], input=table, capture_output=True, text=True, check=True
    ).stdout
    listed = sorted(set(symbols(readable)))
    return list(findings(listed, root)), sum(bind not in MERGED for bind, _, _ in listed)


def main(arguments):
    if not arguments:
        raise SystemExit(__doc__)
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(arguments[1]).resolve() if len(arguments) > 1 else default
    found, count = run(arguments[0], root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"exports: {count} names, {len(found)} findings")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
