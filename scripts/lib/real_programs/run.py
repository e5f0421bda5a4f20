# SPDX-License-Identifier: BSL-1.0
"""One run of one program's scenario, and the transcript that runs are compared by."""

import os
import re
import socket

from children import Child, Failure, free_port, wait_bound, wait_path

# What the library says of each context where ASIO_URING_LOG=1 is set.
_LOG = re.compile(r"^asio_uring: (.*)\n?", re.MULTILINE)
# The text of an error ends with the place of the code that made it.
_PLACE = re.compile(r"\S+:\d+:\d+ in function '.*'")
# Whether a reset meets a read or a write, and which, is a matter of time.
_RESET = re.compile("reset by peer|Broken pipe")
_WAITS = (
    ("waits in its ring", "ring"),
    ("is watched by the reactor", "attached"),
)


class Run:
    """Starts the built programs, and writes down what they said and how they ended."""

    def __init__(self, binaries, folder, environment):
        self.folder = folder
        self.transcript = []
        self.waits = []  # of each context: "ring", "attached", or its text
        self._binaries = binaries
        self._environment = environment
        self._children = []
        self._names = {str(folder): "FOLDER"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self._children):
            child.end()
            self._note_waits(child)

    def say(self, text):
        """A line of the transcript, without what differs from run to run."""
        for value, name in self._names.items():
            text = text.replace(value, name)
        self.transcript.append(text)

    def port(self, kind=socket.SOCK_STREAM):
        number = free_port(kind)
        self._names[str(number)] = f"PORT{len(self._names)}"
        return number

    def start(self, name, *arguments, environment=None):
        # Without stdbuf, what a program prints into a pipe comes at its end.
        command = ["stdbuf", "-oL", str(self._binaries[name]), *map(str, arguments)]
        return self.start_command(name, command, environment=environment)

    def start_command(self, name, command, environment=None):
        variables = {**os.environ, **self._environment, **(environment or {})}
        child = Child(name, command, self.folder, variables)
        self._children.append(child)
        return child

    def serve(self, name, *arguments, port, table="tcp", environment=None):
        """A server, once it has its port."""
        child = self.start(name, *arguments, environment=environment)
        wait_bound(child, port, table)
        return child

    def serve_path(self, name, path):
        child = self.start(name, path)
        wait_path(child, path)
        return child

    def finish(self, name, *arguments, text="", environment=None):
        """A program that ends by itself, and what it printed."""
        child = self.start(name, *arguments, environment=environment)
        if text:
            child.write(text)
        child.end_input()
        return self.ended(child, child.wait())

    def stop(self, child):
        """A server that a signal ends."""
        return self.ended(child, child.stop())

    def stop_busy(self, child):
        """A server with clients that were rude: what it says, in any order and number."""
        return self.ended(child, child.stop(), any_order=True)

    def ended(self, child, status, any_order=False):
        self.say(f"{child.name}: status {status}")
        for stream in ("out", "err"):
            lines = _PLACE.sub("PLACE", _LOG.sub("", child.text(stream))).splitlines()
            if any_order:
                lines = sorted({line for line in lines if not _RESET.search(line)})
            for line in lines:
                self.say(f"{child.name} {stream}: {line}")
        return child.text()

    def _note_waits(self, child):
        for text in _LOG.findall(child.text("err")):
            self.waits.append(next((name for part, name in _WAITS if part in text), text))


def check(condition, text):
    """A scenario knows right from wrong: a run that is wrong everywhere is not `same`."""
    if not condition:
        raise Failure(text)
