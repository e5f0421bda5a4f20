# SPDX-License-Identifier: BSL-1.0

"""What is counted, not timed: system calls, instructions, allocations per operation.

Each count is taken at two lengths and subtracted, so that start-up, connecting and the
last operations cancel out. Each runs apart from the timed rounds.
"""

import mmap
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

from processes import ChildError, Server


def _per_operation(count, lengths):
    short, long = lengths
    return (count(long) - count(short)) / (long - short)


def _perf_works(children, cpu):
    if not shutil.which("perf"):
        return False
    command = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"]
    child = children.start(
        command, cpu, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, text = child.communicate(timeout=20)
    finally:
        children.stop(child)
    return child.returncode == 0 and re.match(r"\d+,", text) is not None


class SystemCalls:
    """Counts a process's system calls with perf's tracepoint, or with strace."""

    def __init__(self, children, cpu):
        self._children = children
        self._cpu = cpu
        self.tool = None
        if _perf_works(children, cpu):
            self.tool = "perf stat -e raw_syscalls:sys_enter"
        elif shutil.which("strace"):
            self.tool = "strace -c -f"

    def per_operation(self, server, load_command, lengths):
        if self.tool is None:
            raise ChildError("neither perf nor strace works here")
        count = self._with_perf if self.tool.startswith("perf") else self._with_strace
        return _per_operation(
            lambda length: count(server.pid, load_command(server, length)), lengths
        )

    def _with_perf(self, pid, load):
        with tempfile.NamedTemporaryFile("r", suffix=".perf") as output:
            self._children.run(
                ["perf", "stat", "-x,", "-o", output.name, "-e", "raw_syscalls:sys_enter"]
                + ["-p", pid, "--", *load],
                self._cpu,
                timeout_s=90,
            )
            found = re.search(r"^(\d+),", output.read(), re.MULTILINE)
        if not found:
            raise ChildError("perf stat printed no count")
        return int(found.group(1))

    def _with_strace(self, pid, load):
        with tempfile.NamedTemporaryFile("r", suffix=".strace") as output:
            tracer = self._children.start(
                ["strace", "-c", "-f", "-o", output.name, "-p", pid],
                self._cpu,
                stderr=subprocess.PIPE,
            )
            if "attached" not in tracer.stderr.readline():
                self._children.stop(tracer, signal.SIGINT)
                raise ChildError("strace could not attach")
            self._children.run(load, self._cpu, timeout_s=90)
            self._children.stop(tracer, signal.SIGINT)
            found = re.search(
                r"^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s.*total$",
                output.read(),
                re.MULTILINE,
            )
        if not found:
            raise ChildError("strace printed no total")
        return int(found.group(1))


def _callgrind(log):
    return [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        f"--log-file={log.name}",
    ]


def _collected(log):
    found = re.search(r"Collected\s*:\s*(\d+)", log.read())
    if not found:
        raise ChildError("callgrind printed no count")
    return int(found.group(1))


def server_instructions_per_operation(
    children, command, load_command, connections, knock, cpus, lengths
):
    """User-space instructions of a server, counted by callgrind. The server ends at a
    connection beyond those of the load, which knock(server) makes: callgrind sees signals
    only between system calls, and takes io_uring_enter for one that does not block."""

    def count(length):
        with tempfile.NamedTemporaryFile("r", suffix=".callgrind") as log:
            limited = [*command, "--connection-limit", connections + 1]
            server = Server(children, limited, cpus[0], wrapper=_callgrind(log))
            try:
                children.run(load_command(server, length), cpus[1], timeout_s=90)
                knock(server)
                server.process.wait(timeout=20)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ChildError(f"{command[0]}: did not end: {error}") from None
            finally:
                server.stop()
            return _collected(log)

    return _per_operation(count, lengths)


def program_instructions_per_operation(children, program_command, cpu, lengths):
    """User-space instructions of a program that ends by itself."""

    def count(length):
        with tempfile.NamedTemporaryFile("r", suffix=".callgrind") as log:
            children.run([*_callgrind(log), *program_command(length)], cpu, timeout_s=180)
            return _collected(log)

    return _per_operation(count, lengths)


def server_allocations_per_operation(
    children, command, load_command, cpus, lengths, preload
):
    """Heap allocations of a server in its steady state: after a first load has filled
    every cache, counted by a preloaded library."""
    with tempfile.NamedTemporaryFile(suffix=".allocations") as counter:
        counter.truncate(8)
        environment = {
            "LD_PRELOAD": str(preload),
            "ASIO_URING_BENCH_ALLOCATIONS": counter.name,
        }
        server = Server(children, command, cpus[0], environment=environment)
        try:
            with mmap.mmap(counter.fileno(), 8) as page:

                def count(length):
                    before = struct.unpack("Q", page[:8])[0]
                    children.run(load_command(server, length), cpus[1], timeout_s=90)
                    # The load ends before the server has seen all its connections close.
                    time.sleep(0.1)
                    return struct.unpack("Q", page[:8])[0] - before

                count(lengths[0])
                return _per_operation(count, lengths)
        finally:
            server.stop()
