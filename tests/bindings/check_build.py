#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks what the built library needs from outside, and its headers on another system.

    tests/bindings/check_build.py CHECK ARGUMENT...

CHECK is the name of a function below; each says what it takes and what must hold.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tidy"))


def expect(holds, what):
    if not holds:
        raise SystemExit(f"failed: {what}")


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(path, kind):
    """Names in the symbol table of an object, an archive or a shared library."""
    dynamic = ["--dynamic"] if ".so" in pathlib.Path(path).name else []
    lines = output_of("nm", *dynamic, f"--{kind}-only", path).splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines if re.search(r"^ *\S* +\w \S", line)}


def u01_library_needs_no_liburing(library):
    """The library imports nothing whose name liburing has, and brings no copy of it."""
    for kind in ("undefined", "defined"):
        names = symbols(library, kind)
        expect(names, f"{library} has {kind} symbols")
        found = sorted(name for name in names if re.match(r"_?_?io_uring_", name))
        expect(not found, f"{kind} in {library}: {found}")


def k01_system_calls_are_raw(library):
    """The ring enters the kernel itself, in one header, with the three numbers."""
    entries = re.findall(r"\t(?:syscall|svc\s+#?0x0)\s*$",
                         output_of("objdump", "-d", library), re.MULTILINE)
    expect(entries or "syscall" in symbols(library, "undefined"),
           f"{library} neither enters the kernel nor imports syscall")
    header = (ROOT / "include/asio_uring/detail/ring/syscall.hpp").read_text(encoding="utf-8")
    for name in ("syscall_setup", "syscall_enter", "syscall_register"):
        expect(f"abi::{name}" in header, f"syscall.hpp uses {name}")
    inside = ("ring", "op", "detail/ring")
    for folder in (*(f"include/asio_uring/{name}" for name in inside), "src/ring"):
        for path in sorted((ROOT / folder).glob("**/*.[hc]pp")):
            expect(
                path.name == "syscall.hpp"
                or not re.search(r"::syscall\(|__asm__ volatile", path.read_text(encoding="utf-8")),
                f"{path} makes a raw call outside syscall.hpp",
            )


# A compiler may generate calls of these in any mode, freestanding included.
COMPILER_CALLS = {
    "memset", "memcpy", "memmove", "memcmp", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"
}


def ha_core_needs_no_library(*objects):
    """Queues and operations compile to code that calls nothing."""
    for path in objects:
        defined = symbols(path, "defined")
        expect(any("test_push" in name for name in defined), f"{path} holds the core")
        needed = symbols(path, "undefined") - COMPILER_CALLS
        expect(not needed, f"{path} needs {sorted(needed)}")


def hb_program_needs_only_the_runtime(program):
    """A program on the ring layer loads the C++ runtime and no library besides."""
    loaded = re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "--dynamic", program))
    expect(loaded, f"{program} is a dynamic program")
    runtime = re.compile(
        r"(libstdc\+\+|libc\+\+|libc\+\+abi|libgcc_s|libm|libc|libasio_uring|ld-linux.*)\.so(\.|$)"
    )
    others = [name for name in loaded if not runtime.match(name)]
    expect(not others, f"{program} loads {others}")


def compile_text(compiler, includes, text, *flags):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "a.cpp"
        source.write_text(text, encoding="utf-8")
        return subprocess.run(
            [compiler, "-std=c++20", "-fsyntax-only", *flags, f"-I{ROOT}/include",
             *(f"-isystem{path}" for path in includes if path != "/usr/include"), str(source)],
            capture_output=True, text=True,
        )


ELSEWHERE = """
#include <asio_uring/ring_layer.hpp>
#if ASIO_URING_HAS_RING
#    error "the ring layer is declared"
#endif
namespace asio_uring { class ring; struct op; }
int main() {}
"""

HERE = """
#include <asio_uring/ring_layer.hpp>
#if !ASIO_URING_HAS_RING
#    error "the ring layer is not declared"
#endif
int main() { return asio_uring::ring{}.is_open() ? 1 : 0; }
"""


def k05_header_is_empty_on_another_system(compiler, *includes):
    """Elsewhere ring_layer.hpp declares nothing and says so in its macro; any other header
    refuses with a sentence."""
    here = compile_text(compiler, includes, HERE)
    expect(here.returncode == 0, f"on Linux: {here.stderr}")
    elsewhere = compile_text(compiler, includes, ELSEWHERE, "-U__linux__")
    expect(elsewhere.returncode == 0, f"elsewhere: {elsewhere.stderr}")
    left = compile_text(compiler, includes, "#include <asio_uring/ring_layer.hpp>\n",
                        "-U__linux__", "-E", "-P")
    expect(left.returncode == 0 and not left.stdout.strip(), f"it declares: {left.stdout}")
    other = compile_text(compiler, includes, "#include <asio_uring/ring/ring.hpp>\n", "-U__linux__")
    expect(other.returncode != 0, "ring.hpp compiles elsewhere")
    first = next(line for line in other.stderr.splitlines() if "error" in line)
    expect("asio_uring needs Linux" in first, f"the first error is: {first}")


def k08_raw_accesses_say_why():
    """The rule of tidy.py about shared memory holds, and has something to hold for."""
    import tidy  # of this tree, found through sys.path

    checked = 0
    for path in tidy.code_files(ROOT):
        source = tidy.Source(ROOT, path)
        checked += sum(1 for _ in tidy.raw_accesses(source))
        findings = list(tidy.check_raw_access(source))
        expect(not findings, f"{source.path}: {findings}")
    expect(checked >= 15, f"only {checked} raw accesses found")


def main(arguments):
    name, *rest = arguments
    {name: check for name, check in globals().items() if re.match(r"[a-z]+[0-9]*_", name)}[
        name](*rest)
    print(f"{name}: passed")


if __name__ == "__main__":
    main(sys.argv[1:])
