#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs asio-uring-info in one situation and checks what it says.

    tests/tools/asio_uring_info.py PROGRAM CASE

The cases are the functions whose names start with `case_`. Exit status 77 is a skip.
"""

import ctypes
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tidy"))
import ring_docs  # noqa: E402

SKIP = 77
MEBIBYTE = 1 << 20
# Nobody else locks memory as this user.
USER = 50000 + os.getpid() % 10000

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SYS_IO_URING_SETUP = 425


class Skip(Exception):
    pass


def run(program, *arguments, before=None):
    done = subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        preexec_fn=before,
    )
    print(done.stdout, done.stderr)
    return done


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_parts(text, *parts):
    for part in parts:
        expect(part in text, f'no "{part}" in the output')


def filter_setup(error):
    """Makes io_uring_setup fail with `error` from now on, as a container runtime does."""
    load, jump_equal, answer = 0x20, 0x15, 0x06
    errno_of_seccomp, allow = 0x00050000, 0x7FFF0000
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),  # the number of the system call
            (jump_equal, 0, 1, SYS_IO_URING_SETUP),
            (answer, 0, 0, errno_of_seccomp | error),
            (answer, 0, 0, allow),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    libc = ctypes.CDLL(None, use_errno=True)

    def before():
        header = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(buffer)))
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
            os._exit(SKIP)

    return before


def become_user(locked_memory):
    """Another user, with that much memory to lock and no privilege."""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")

    def before():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (locked_memory, locked_memory))
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)

    return before


def run_as_user(program, locked_memory, *arguments):
    """With a copy of the program, because the tree may be closed to other users."""
    before = become_user(locked_memory)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(program, folder)
        os.chmod(copy, 0o755)
        return run(copy, *arguments, before=before)


def case_verdict(program):
    done = run(program)
    expect(done.returncode == 0, "a ring can be created")
    expect(done.stdout.count("\n") == 1, "one line")
    expect_parts(done.stdout, "ring: yes", "a context gets one", os.uname().release.split("-")[0])
    expect(run(program, "--brief").stdout == done.stdout, "there is nothing to leave out")


def case_text(program):
    done = run(program, "--long")
    expect(done.returncode == 0, "a ring can be created")
    expect(done.stdout.startswith(run(program).stdout), "the verdict comes first")
    expect_parts(done.stdout, "KiB of locked memory", "us to create")
    expect_parts(done.stdout, "locked memory ", "descriptors ", "kernel workers ")
    expect_parts(done.stdout, "kernel.io_uring_disabled", "seccomp")
    expect_parts(done.stdout, "splice ", "defer_taskrun ", "timeout_multishot ")
    brief = run(program, "--long", "--brief")
    expect(done.stdout.startswith(brief.stdout.split("cost:")[0]), "brief is the beginning")
    expect("splice" not in brief.stdout, "brief has no table")


def case_json(program):
    done = run(program, "--json")
    expect(done.returncode == 0, "a ring can be created")
    found = json.loads(done.stdout)
    ring, limits = found["ring"], found["limits"]
    expect(ring["available"] and ring["sq_entries"] == 256, "the default ring")
    expect(0 < ring["locked_bytes"] <= 8 * MEBIBYTE // 250, "250 rings fit into 8 MiB")
    soft, hard = (
        None if one == resource.RLIM_INFINITY else one
        for one in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    expect(limits["descriptors"] == {"soft": soft, "hard": hard}, "the limit in force")
    expect(found["kernel"] in os.uname().release, "the running kernel")
    status = pathlib.Path("/proc/self/status").read_text()
    if "\nSeccomp:\t0\n" in status:
        expect(found["policy"]["seccomp"] == "off", "no filter")
    rows = {(row["group"], row["name"]): row for row in found["features"]}
    splice = rows["operations", "splice"]
    expect(splice["first_kernel"] == "5.7" and splice["present"], "splice is there")
    expect(not splice["derived"], "operations are asked for")
    expect(not rows["setup flags", "sq_rewind"]["derived"], "setup flags are asked for")
    brief = json.loads(run(program, "--json", "--brief").stdout)
    expect("features" not in brief and "operations" not in brief, "brief")


def case_operations(program):
    """The table has every aggregate of the headers, with its facts."""
    done = run(program, "--operations")
    expect(done.returncode == 0, "a ring can be created")
    head, *lines = done.stdout.splitlines()
    expect(
        head.split()
        == ["operation", "opcode", "results", "descriptor", "worker", "kernel", "here"],
        "the names of the columns",
    )
    aggregates = {
        name: code for code, names in ring_docs.aggregates(ROOT).items() for name in names
    }
    expect(sorted(line.split()[0] for line in lines) == sorted(aggregates), "every operation")
    expect(len(lines) == len(aggregates), "each once")
    for words in map(str.split, lines):
        expect(words[2] == aggregates[words[0]], f"the opcode of {words[0]}")
    accept = next(line for line in lines if line.startswith("accept "))
    expect_parts(accept, "13 accept", "one or many", "yes or no", "never", "5.5", "yes")
    rows = {row["name"]: row for row in json.loads(run(program, "--json").stdout)["operations"]}
    expect(set(rows) == set(aggregates), "the same as JSON")
    expect(rows["send_zc"]["results"] == ["two stages"], "the data is free later")
    expect(rows["pipe"]["descriptor"] == ["two", "no"], "two descriptors, or two slots")
    expect(rows["fsync"]["worker"] == ["always"] and rows["read"]["worker"] == ["may"], "worker")
    alone = json.loads(run(program, "--json", "--operations").stdout)
    expect("ring" not in alone and "features" not in alone, "nothing but the operations")
    expect(len(alone["operations"]) == len(rows), "all of them")
    stamps = rows["tx_timestamp"]
    expect(stamps["opcode"] == "uring_cmd" and stamps["results"] == ["many"], "its opcode")
    expect(stamps["first_kernel"] == "6.17" and stamps["derived"], "not to be asked for")
    kernel = tuple(map(int, os.uname().release.split(".")[:2]))
    expect(stamps["present"] == (kernel >= (6, 17)), "newer than its opcode")
    expect(rows["splice"]["present"] and not rows["splice"]["derived"], "asked for")


def case_arguments(program):
    done = run(program, "--help")
    expect(done.returncode == 0, "help is no failure")
    expect_parts(done.stdout, "--long", "--json", "--operations", "Exit status: 0")
    done = run(program, "--jsn")
    expect(done.returncode == 2 and done.stdout == "", "a misspelt argument is refused")
    expect_parts(done.stderr, "unknown argument --jsn", "usage:")
    expect(run(program, "--version").stdout.count(".") == 2, "a version of three numbers")


def case_user(program):
    done = run_as_user(program, 8 * MEBIBYTE, "--json")
    expect(done.returncode == 0, "an ordinary user gets a ring")
    found = json.loads(done.stdout)
    expect(found["limits"]["locked_memory_bytes"]["soft"] == 8 * MEBIBYTE, "the limit")
    expect(not found["limits"]["memory_lock_ignored"], "no privilege")
    expect(found["ring"]["rings_within_limit"] >= 250, "250 contexts fit")


def case_no_locked_memory(program):
    done = run_as_user(program, 0)
    if done.returncode == 0:
        raise Skip("the kernel does not charge ring memory to the limit")
    expect(done.returncode == 1, "no ring can be created")
    expect_parts(done.stdout, "ring: none", "0 bytes", "RLIMIT_MEMLOCK", "ulimit -l")
    expect_parts(done.stdout, "runs on Asio's own epoll reactor")
    expect(done.stdout.count("\n") == 2, "two lines: the verdict, and why")
    found = json.loads(run_as_user(program, 0, "--json").stdout)
    expect(not found["ring"]["available"], "the same as JSON")
    expect_parts(found["ring"]["explanation"], "RLIMIT_MEMLOCK")


def check_refused(program, error, *parts):
    before = filter_setup(error)
    done = run(program, before=before)
    if done.returncode == SKIP:
        raise Skip("this system does not let a process filter its system calls")
    expect(done.returncode == 1, "no ring can be created")
    expect_parts(done.stdout, "ring: none", *parts)
    expect(done.stdout.count("\n") == 2, "two lines: the verdict, and why")
    long = run(program, "--long", before=before)
    expect(long.stdout.startswith(done.stdout), "the verdict comes first")
    expect_parts(long.stdout, "filter decides")
    ring = json.loads(run(program, "--json", before=before).stdout)["ring"]
    expect(not ring["available"] and ring["error_value"] == error, "the same as JSON")
    expect_parts(ring["explanation"], *parts)


def case_forbidden(program):
    check_refused(program, 1, "a seccomp filter of this process forbids", "allow the system calls")


def case_hidden(program):
    check_refused(program, 38, "the seccomp filter of this process hides", "allow the system calls")


def case_switched_off(program):
    done = run(program, before=lambda: os.environ.update(ASIO_URING="off"))
    expect(done.returncode == 1, "no context gets a ring")
    expect_parts(done.stdout, "ring: none", "ASIO_URING=off in the environment")


def main(arguments):
    program, case = arguments
    try:
        globals()[f"case_{case}"](program)
    except Skip as skip:
        print(f"skipped: {skip}")
        return SKIP
    except AssertionError as failure:
        print(f"failed: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
