#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs one example of the ring layer and looks at what it did, from outside.

    tests/bindings/check_examples.py NAME PROGRAM

Besides what the program says, each check looks at what it left behind: files, their other
names, the bytes a client gets. The calls a program imports show that the ring did it.
"""

import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 30

# What the examples let the ring do; a program that calls one of these does it itself.
FILE_CALLS = "open openat read pread write pwrite readv writev fsync unlink unlinkat statx"
SOCKET_CALLS = "accept accept4 connect send sendto sendmsg recv recvfrom recvmsg shutdown"


def expect(holds, what):
    if not holds:
        raise SystemExit(f"failed: {what}")


def limit_file_size(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def run(program, *arguments, status=0, largest_file=None):
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_SECONDS,
        preexec_fn=largest_file and (lambda: limit_file_size(largest_file)),
    )
    expect(
        done.returncode == status,
        f"exit status {done.returncode} of {program} {arguments}: {done.stderr}",
    )
    return done.stdout if status == 0 else done.stderr


def check_command_line(program, *wrong):
    """--help ends well; each of the wrong command lines is named, and points there."""
    usage = run(program, "--help")
    expect(usage.startswith(pathlib.Path(program).name), f"usage: {usage!r}")
    for arguments, word in ((["--no-such-option"], "unknown option '--no-such-option'"), *wrong):
        message = run(program, *arguments, status=1)
        expect(word in message and "--help" in message, f"for {arguments}: {message!r}")


def check_keeps_file(program, path, *before):
    """A file that is there stays as it is until the user gives leave to overwrite it."""
    text = "somebody's\n"
    path.write_text(text)
    message = run(program, *before, path, status=1)
    expect("File exists" in message and "--overwrite" in message, f"message: {message!r}")
    expect(path.read_text() == text, f"{path} is as it was")


def expect_not_called(program, calls):
    """The program's code imports none of the calls. Sanitizers import them all."""
    output = subprocess.run(
        ["nm", "--undefined-only", program], capture_output=True, text=True, check=True
    ).stdout
    imported = {re.sub(r"(64)?(@.*)?$", "", line.split()[-1]) for line in output.splitlines()}
    expect(imported, f"{program} imports something")
    expect("boost::asio" not in output and "4asio" not in output, "no Asio in the program")
    expect(not any("io_uring_" in name and "asio" not in name for name in imported),
           "no liburing in the program")
    if not any(re.match(r"__[atu]b?san", name) for name in imported):
        called = imported & set(calls.split())
        expect(not called, f"{program} calls {sorted(called)} itself")


def basic_io(program, folder):
    check_command_line(program, (["a", "b"], "too many words: 'b'"))
    check_keeps_file(program, folder / "kept")
    # The file has a second name, which survives the removal and shows what was written.
    path, other = folder / "file", folder / "other"
    path.write_text("what was there before, and longer than what will be there\n" * 3)
    os.link(path, other)
    output = run(program, "--overwrite", path)
    expect(not path.exists(), "the file is removed")
    text = other.read_text()
    expect(text == "written, synced and read by one ring\n", f"content: {text!r}")
    expect(f"wrote {len(text)} bytes" in output, f"output: {output!r}")
    expect("removed" in run(program, path) and not path.exists(), "with a free name")
    expect("removed" in run(program), "without a path")
    message = run(program, folder / "missing" / "file", status=1)
    expect("open" in message and "No such file" in message, f"message: {message!r}")
    expect_not_called(program, FILE_CALLS)


def linked_ops(program, folder):
    check_command_line(program, (["a", "b"], "too many words: 'b'"))
    path = folder / "file"
    check_keeps_file(program, path)
    for arguments in (["--overwrite", path], [folder / "new"]):
        output = run(program, *arguments)
        expect(arguments[-1].read_text() == "one after the other\n0123456789\n", "content")
        expect("broken chain: 1 failed, 2 cancelled" in output, f"output: {output!r}")
        expect("batch: 11 writes with one submit" in output, f"output: {output!r}")
    run(program)
    # A device that is always full: the chain breaks at its first link.
    message = run(program, "--overwrite", "/dev/full", status=1)
    expect("the chain broke" in message, f"message: {message!r}")
    expect_not_called(program, FILE_CALLS.replace("open ", "").replace("unlink ", ""))


def registered_buffers(program, folder):
    check_command_line(program, (["a", "b", "c"], "too many words: 'c'"),
                       (["a"], "'a' has no target"))
    source, target = folder / "source", folder / "target"
    source.write_bytes(b"source")
    check_keeps_file(program, target, source)
    message = run(program, "--overwrite", source, source, status=1)
    expect("the source as well" in message and source.read_bytes() == b"source",
           f"onto itself: {message!r}")
    for size in (0, 1, 16 * 1024, 1_000_003):
        data = random.Random(size).randbytes(size)
        source.write_bytes(data)
        output = run(program, "--overwrite", source, target)
        expect(target.read_bytes() == data, f"the copy of {size} bytes")
        blocks = -(-size // (16 * 1024))
        expect(output == f"copied {size} bytes in {blocks} blocks\n", f"output: {output!r}")
    run(program)
    # The kernel writes less than it was asked to: the copy goes on, and meets the reason.
    source.write_bytes(data[:16 * 1024])
    message = run(program, source, folder / "limited", status=1, largest_file=10_000)
    expect("File too large" in message, f"message: {message!r}")
    expect((folder / "limited").read_bytes() == data[:10_000], "what there is room for")
    expect("No space left" in run(program, "--overwrite", source, "/dev/full", status=1),
           "a full device")
    expect("cannot open" in run(program, folder / "no", folder / "new", status=1), "no source")
    expect(not (folder / "new").exists(), "without a source there is no target")
    expect_not_called(program, FILE_CALLS.replace("open ", "").replace("unlink ", ""))


def echo(address, data):
    """Sends in pieces, reads between them, and returns all that came back."""
    received = b""
    with socket.create_connection(address, timeout=LIMIT_SECONDS) as client:
        for start in range(0, len(data), 40_000):
            client.sendall(data[start:start + 40_000])
            received += client.recv(1 << 20)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(1 << 20):
            received += piece
    return received


def tcp_echo(program, folder):
    port = "PORT is a number from 0 to 65535, not "
    check_command_line(program, (["x"], f"{port}'x'"), (["1x"], f"{port}'1x'"),
                       (["65536"], f"{port}'65536'"), ([""], f"{port}''"),
                       (["--", "-1"], f"{port}'-1'"),
                       (["0", "0"], "CLIENTS is a number from 1 to 50, not '0'"))
    clients = 3
    with subprocess.Popen(
        [program, "0", str(clients)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            port = int(server.stdout.readline().rpartition(":")[2])
            total = 0
            for number in range(clients):
                data = random.Random(number).randbytes(number * 500_000)
                expect(echo(("127.0.0.1", port), data) == data, f"echo of {len(data)} bytes")
                total += len(data)
            output, _ = server.communicate(timeout=LIMIT_SECONDS)
            expect(server.returncode == 0, f"exit status {server.returncode}")
        finally:
            server.kill()
    expect(output == f"echoed {total} bytes to {clients} clients\n", f"output: {output!r}")
    expect("bytes to 3 clients" in run(program), "with clients of its own")
    expect_not_called(program, SOCKET_CALLS)


def two_threads(program, folder):
    path = folder / "file"
    for size in (0, 1, 4096, 1_000_003):
        data = random.Random(size).randbytes(size)
        path.write_bytes(data)
        output = run(program, path)
        requests = -(-size // 4096)
        expect(
            output == f"read {size} bytes with {requests} requests, sum {sum(data)}: "
            "one thread submitted, another one reaped\n",
            f"output: {output!r}",
        )
    run(program)
    expect("cannot open" in run(program, folder / "no", status=1), "no file")
    expect_not_called(program, FILE_CALLS.replace("open ", ""))


def readme(program, folder):
    """The README shows this very program, and it does what the README says."""
    source = (ROOT / "examples" / "ring" / "readme.cpp").read_text(encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## The ring layer alone$(.*?)(?=^## |\Z)", text, re.M | re.S)
    expect(section, "README.md has the section `The ring layer alone`")
    blocks = re.findall(r"^```cpp\n(.*?)^```$", section.group(1), re.M | re.S)
    shown = source.removeprefix("// SPDX-License-Identifier: BSL-1.0\n\n")
    expect(blocks == [shown], "the program of that section is examples/ring/readme.cpp")
    body = re.search(r"^int main\(\)\n\{\n(.*)^\}\n\Z", source, re.M | re.S).group(1)
    expect(len(body.splitlines()) <= 10, "it has ten lines at most")
    expect(run(program) == "hello from the ring\n", "what it prints")
    expect_not_called(program, FILE_CALLS)


def main(arguments):
    name, program = arguments
    checks = (basic_io, linked_ops, registered_buffers, tcp_echo, two_threads,
              readme)
    with tempfile.TemporaryDirectory() as folder:
        {check.__name__: check for check in checks}[name](program, pathlib.Path(folder))
    print(f"{name}: passed")


if __name__ == "__main__":
    main(sys.argv[1:])
