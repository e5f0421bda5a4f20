# SPDX-License-Identifier: BSL-1.0

"""What is counted, not timed: system calls, switches of threads, instructions, allocations
per operation.

Each count is taken at two lengths and subtracted, so that start-up, connecting and the
last operations cancel out. Each runs apart from the timed rounds.
"""

import mmap
import pathlib
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


# Figures of SystemCalls, and the tracepoint of each.
TRACEPOINTS = {
    "syscalls_per_op": "raw_syscalls:sys_enter",
    "futex_per_op": "syscalls:sys_enter_futex",
}


def _perf_stat(*options):
    events = [word for event in TRACEPOINTS.values() for word in ("-e", event)]
    return ["perf", "stat", "-x,", *options, *events]


def _perf_works(children, cpu):
    if not shutil.which("perf"):
        return False
    command = [*_perf_stat(), "true"]
    child = children.start(
        command, cpu, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, text = child.communicate(timeout=20)
    finally:
        children.stop(child)
    counted = re.findall(r"^\d+,", text, re.MULTILINE)
    return child.returncode == 0 and len(counted) == len(TRACEPOINTS)


def _perf_counts(text):
    counts = {}
    for figure, event in TRACEPOINTS.items():
        found = re.search(rf"^(\d+),[^,]*,{event},", text, re.MULTILINE)
        if not found:
            raise ChildError(f"perf stat printed no count of {event}")
        counts[figure] = int(found.group(1))
    return counts


def _strace_counts(text):
    counts = {}
    for figure, row in (("syscalls_per_op", "total"), ("futex_per_op", "futex")):
        found = re.search(
            rf"^\s*[\d.]+\s+\S+\s+(?:\d+\s+)?(\d+)\s.*\b{row}$", text, re.MULTILINE
        )
        if not found and row == "total":
            raise ChildError("strace printed no total")
        counts[figure] = int(found.group(1)) if found else 0
    return counts


class SystemCalls:
    """Counts a process's system calls, and the futex calls among them, with perf's
    tracepoints, or with strace."""

    def __init__(self, children, cpu):
        self._children = children
        self._cpu = cpu
        self.tool = None
        if _perf_works(children, cpu):
            self.tool = "perf stat -e raw_syscalls:sys_enter"
        elif shutil.which("strace"):
            self.tool = "strace -c -f"

    def per_operation(self, server, load_command, lengths):
        """Values by the name of their figure."""
        if self.tool is None:
            raise ChildError("neither perf nor strace works here")
        count = self._with_perf if self.tool.startswith("perf") else self._with_strace
        short, long = (count(server.pid, load_command(server, one)) for one in lengths)
        return {
            figure: (long[figure] - short[figure]) / (lengths[1] - lengths[0])
            for figure in TRACEPOINTS
        }

    def _with_perf(self, pid, load):
        with tempfile.NamedTemporaryFile("r", suffix=".perf") as output:
            self._children.run(
                [*_perf_stat("-o", output.name), "-p", pid, "--", *load],
                self._cpu,
                timeout_s=90,
            )
            return _perf_counts(output.read())

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
            return _strace_counts(output.read())

    def of_program(self, command, lengths):
        """The same of a program that ends by itself, command(length)."""
        if self.tool is None:
            raise ChildError("neither perf nor strace works here")
        short, long = (self._of_one_program(command(one)) for one in lengths)
        return {
            figure: (long[figure] - short[figure]) / (lengths[1] - lengths[0])
            for figure in TRACEPOINTS
        }

    def _of_one_program(self, command):
        with tempfile.NamedTemporaryFile("r", suffix=".counts") as output:
            if self.tool.startswith("perf"):
                wrapper, counts = [*_perf_stat("-o", output.name), "--"], _perf_counts
            else:
                wrapper = ["strace", "-c", "-f", "-o", output.name]
                counts = _strace_counts
            self._children.run([*wrapper, *command], self._cpu, timeout_s=90)
            return counts(output.read())


def switches_and_workers(children, server, load_command, cpu, lengths):
    """How often a thread of the server left its processor per operation, and how many
    threads the kernel had made for its rings by the end."""
    tasks = pathlib.Path(f"/proc/{server.pid}/task")

    def switches():
        return sum(
            int(count)
            for task in tasks.iterdir()
            for count in re.findall(
                r"ctxt_switches:\s*(\d+)", (task / "status").read_text()
            )
        )

    def count(length):
        before = switches()
        children.run(load_command(server, length), cpu, timeout_s=90)
        return switches() - before

    per_operation = _per_operation(count, lengths)
    names = [(task / "comm").read_text() for task in tasks.iterdir()]
    workers = sum(name.startswith("iou-wrk") for name in names)
    return {"switches_per_op": per_operation, "kernel_workers": workers}


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
    connection beyond those that the load makes for a length, connections(length), which
    knock(server) makes: callgrind sees signals only between system calls, and takes
    io_uring_enter for one that does not block."""

    def count(length):
        with tempfile.NamedTemporaryFile("r", suffix=".callgrind") as log:
            limited = [*command, "--connection-limit", connections(length) + 1]
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


def program_allocations_per_operation(children, program_command, cpu, lengths, preload):
    """Heap allocations of a program that ends by itself, counted by a preloaded library."""

    def count(length):
        with tempfile.NamedTemporaryFile(suffix=".allocations") as counter:
            counter.truncate(8)
            variables = {
                "LD_PRELOAD": str(preload),
                "ASIO_URING_BENCH_ALLOCATIONS": counter.name,
            }
            children.run(program_command(length), cpu, 90, variables)
            return struct.unpack("Q", pathlib.Path(counter.name).read_bytes())[0]

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
