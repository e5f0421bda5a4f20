# SPDX-License-Identifier: BSL-1.0

"""The child processes of a run: pinned, bounded in time, and ended by their id."""

import ctypes
import json
import os
import re
import select
import signal
import subprocess
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ChildError(RuntimeError):
    """A child failed or took longer than it may."""


def cpu_pair():
    """The CPU of the server and that of the load."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise ChildError("two CPUs are needed: one for the server, one for the load")
    return cpus[0], cpus[1]


class Children:
    """Every process started here ends at the latest when the `with` block does."""

    def __init__(self):
        self._alive = []
        self.realtime = False  # of the children that start from now on
        self.environment = {}  # the same: variables beside those of the driver

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in list(self._alive):
            self.stop(child)

    def start(self, command, cpu, environment=None, **streams):
        """Starts a child on one CPU, or on several."""
        realtime = self.realtime
        cpus = {cpu} if isinstance(cpu, int) else set(cpu)

        def before_exec():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cpus)
            if realtime:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

        try:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                preexec_fn=before_exec,
                env={**os.environ, **self.environment, **(environment or {})},
                text=True,
                **streams,
            )
        except FileNotFoundError:
            raise ChildError(f"{command[0]} does not exist") from None
        self._alive.append(child)
        return child

    def stop(self, child, with_signal=signal.SIGTERM, timeout_s=20):
        """Ends a child and waits for its end; kills it when it does not go."""
        if child.poll() is None:
            child.send_signal(with_signal)
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        if child in self._alive:
            self._alive.remove(child)

    def run(self, command, cpu, timeout_s, environment=None):
        """Runs a child to its end and returns what it printed."""
        child = self.start(
            command, cpu, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            output, errors = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ChildError(f"{command[0]}: not finished after {timeout_s} s") from None
        finally:
            self.stop(child)
        if child.returncode != 0:
            raise ChildError(f"{command[0]}: status {child.returncode}: {errors.strip()}")
        return output

    def start_json(self, command, cpu, timeout_s):
        """The first line of a child that goes on until the `with` block ends."""
        child = self.start(command, cpu, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = _read_line(child, timeout_s)
        if not line:
            self.stop(child)
            raise ChildError(f"{command[0]}: nothing printed")
        return json.loads(line)

    def run_json(self, command, cpu, timeout_s):
        return json.loads(self.run(command, cpu, timeout_s).strip().splitlines()[-1])


def _read_line(child, timeout_s):
    """What a child that goes on has printed by then; nothing where it has not."""
    ready, _, _ = select.select([child.stdout], [], [], timeout_s)
    return child.stdout.readline() if ready else ""


class Server:
    """A server program that has announced its port."""

    def __init__(self, children, command, cpu, wrapper=(), environment=None):
        self._children = children
        self.command = [*wrapper, *command]
        self.process = children.start(
            self.command, cpu, environment, stdout=subprocess.PIPE
        )
        self.port = self._read_port(timeout_s=30)

    @property
    def pid(self):
        return self.process.pid

    def _read_port(self, timeout_s):
        line = _read_line(self.process, timeout_s)
        found = re.fullmatch(r"port (\d+)\n", line)
        if not found:
            self.stop()
            raise ChildError(f"{self.command[0]}: no port announced")
        return int(found.group(1))

    def cpu_ns(self):
        """The CPU time of the whole process, from its own clock."""
        return time.clock_gettime_ns(~self.pid << 3 | 2)

    def stop(self, with_signal=signal.SIGTERM):
        self._children.stop(self.process, with_signal)
