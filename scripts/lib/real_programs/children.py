# SPDX-License-Identifier: BSL-1.0
"""The processes of one run: started, fed, waited for, and all gone at its end."""

import os
import pathlib
import re
import socket
import subprocess
import threading
import time

WAIT = 30  # seconds for any one step; a machine under load is slow


class Failure(Exception):
    """What a run did not do."""


class Child:
    """A process whose output is read as it comes."""

    def __init__(self, name, command, folder, environment):
        self.name = name
        self._lines = {"out": b"", "err": b""}
        self._change = threading.Condition()
        self._process = subprocess.Popen(
            # It does not outlive this one, however this one ends.
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, pipe), daemon=True)
            for stream, pipe in (("out", self._process.stdout), ("err", self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, pipe):
        while part := os.read(pipe.fileno(), 65536):
            with self._change:
                self._lines[stream] += part
                self._change.notify_all()

    def text(self, stream="out"):
        with self._change:
            return self._lines[stream].decode(errors="replace")

    def wait_for(self, pattern, stream="out"):
        """Until the output matches the regular expression."""
        deadline = time.monotonic() + WAIT
        with self._change:
            while not re.search(pattern, self._lines[stream].decode(errors="replace")):
                if time.monotonic() >= deadline:
                    raise Failure(f"{self.name} did not print {pattern!r}")
                # A child that has ended prints nothing more.
                if self._process.poll() is not None and not self._may_print():
                    raise Failure(f"{self.name} ended without printing {pattern!r}")
                self._change.wait(0.2)

    def _may_print(self):
        return any(reader.is_alive() for reader in self._readers)

    def write(self, text):
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} no longer reads its input") from None

    def end_input(self):
        self._process.stdin.close()

    def wait(self):
        """The exit status; a signal is a negative one."""
        try:
            status = self._process.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end") from None
        for reader in self._readers:
            reader.join(WAIT)
        return status

    def stop(self):
        if self._process.poll() is not None:
            raise Failure(f"{self.name} ended on its own: {self._process.returncode}")
        self._process.terminate()
        return self.wait()

    def is_running(self):
        return self._process.poll() is None

    def end(self):
        """Whatever it does; for the end of a run that failed."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(1)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_bound(child, port, table):
    """Until somebody has that port: the kernel's tables say so, and nobody connects."""
    listening = {"tcp": "0A", "udp": "07"}[table]
    wanted = f":{port:04X}"
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        for path in (f"/proc/net/{table}", f"/proc/net/{table}6"):
            if not os.path.exists(path):
                continue
            for line in pathlib.Path(path).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == listening:
                    return
        if not child.is_running():
            break
        time.sleep(0.02)
    raise Failure(f"{child.name} does not listen: {child.text('err')[-300:]}")


def wait_path(child, path):
    deadline = time.monotonic() + WAIT
    while not os.path.exists(path):
        if time.monotonic() >= deadline or not child.is_running():
            raise Failure(f"{child.name} makes no {os.path.basename(path)}")
        time.sleep(0.02)
