# SPDX-License-Identifier: BSL-1.0

"""Starts the server under test, and ends it by its process id, whatever becomes of the
test. Every wait is bounded."""

import os
import re
import select
import signal
import subprocess
import sys
import time

LIMIT_S = 30  # of any single wait; sanitizers slow a program down by whole factors


class Failure(Exception):
    """What the test found."""


def require(condition, text):
    if not condition:
        raise Failure(text)


class Server:
    """A program that says `listening on ADDRESS:PORT`, and what it did when SIGTERM ends
    it."""

    def __init__(self, command):
        self.child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self.port = None

    def __enter__(self):
        line = self._line()
        found = re.fullmatch(r"listening on [0-9.]+:(\d+)\n", line)
        if found is None:
            self._end()
            raise Failure(f"the server says {line!r} instead of its port")
        self.port = int(found.group(1))
        return self

    def __exit__(self, *_):
        self._end()

    def stop(self):
        """Ends the server as a user would, and returns the numbers it prints."""
        self.child.send_signal(signal.SIGTERM)
        text, _ = self.child.communicate(timeout=LIMIT_S)
        status = self.child.returncode
        require(status == 0, f"the server ended with status {status}")
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", text.decode())}

    def _line(self):
        # Unbuffered: what a buffered reader took could not be waited for.
        data = b""
        deadline = time.monotonic() + LIMIT_S
        while not data.endswith(b"\n"):
            left = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self.child.stdout], [], [], left)
            step = os.read(self.child.stdout.fileno(), 1) if ready else b""
            if not step:
                break
            data += step
        return data.decode()

    def _end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(timeout=LIMIT_S)
        self.child.stdout.close()


def main(test):
    """Runs a test with the arguments of the command line; its findings are the status."""
    try:
        test(*sys.argv[1:])
    except (Failure, OSError, subprocess.SubprocessError) as error:
        print(f"failed: {error}")
        sys.exit(1)
    print("passed")
