#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes the explicit source lists from what is in the tree.

    tests/tidy/file_lists.py [ROOT]

Run it after adding, moving or removing a file, and look at the difference before keeping
it. tidy.py fails on a file that no list names.
"""

import pathlib
import sys

LICENSE = "# SPDX-License-Identifier: BSL-1.0\n"
TEST_FOLDERS = (
    "ring", "op", "bindings", "loop", "io", "templates", "files", "files_system", "fallback",
    "threads", "faults",
)


def paths(root, base, folder, suffixes):
    found = (path for path in (root / folder).glob("**/*") if path.suffix in suffixes)
    return sorted(path.relative_to(root / base).as_posix() for path in found)


def cmake_list(name, values):
    return f"set({name}\n" + "".join(f"    {value}\n" for value in values) + ")\n"


def library_lists(root):
    headers = paths(root, ".", "include", {".hpp", ".ipp"})
    inner = [path for path in headers if "/detail/" in path]
    return (
        f"{LICENSE}#\n"
        "# Every source and header of the library. tests/tidy/file_lists.py writes this file.\n\n"
        + cmake_list("asio_uring_sources", paths(root, ".", "src", {".cpp"}))
        + "\n"
        + cmake_list("asio_uring_headers", [path for path in headers if path not in inner])
        + "\n# What no program includes itself.\n"
        + cmake_list("asio_uring_detail_headers", inner)
    )


def test_lists(root):
    return (
        f"{LICENSE}#\n"
        "# The sources of each test program. tests/tidy/file_lists.py writes this file.\n"
        + "".join(
            "\n" + cmake_list(
                f"test_{folder}_sources", paths(root, "tests", f"tests/{folder}", {".cpp"})
            )
            for folder in TEST_FOLDERS
        )
    )


def write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"written: {path}")


def main(arguments):
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(arguments[0]).resolve() if arguments else default
    write(root / "cmake" / "asio_uring_files.cmake", library_lists(root))
    write(root / "tests" / "test_files.cmake", test_lists(root))


if __name__ == "__main__":
    main(sys.argv[1:])
