# SPDX-License-Identifier: BSL-1.0

"""A server that runs out of descriptors neither ends nor burns the processor: it waits a
little, and serves again once there are some."""

import os
import select
import socket
import sys
import time

from program import LIMIT_S, Server, main, require

DESCRIPTORS = 32
WATCHED_S = 0.5
SHARE = 0.3  # of a processor; a loop that tries again at once takes all of one

# Becomes the program given behind it, with a limit.
LIMITED = (
    "import os, resource, sys;"
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}));"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def connect(port):
    client = socket.socket()
    client.settimeout(LIMIT_S)
    client.connect(("127.0.0.1", port))
    return client


def processor_time(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_served(client):
    """The chat server says welcome, an echo server says what it hears."""
    client.sendall(b"hello\n")
    return client.recv(1) != b""


def test(program):
    with Server([sys.executable, "-c", LIMITED, program, "--port", 0]) as server:
        clients = [connect(server.port) for _ in range(2 * DESCRIPTORS)]
        require(is_served(clients[0]), "the first client is not served")
        before = processor_time(server.child.pid)
        begin = time.monotonic()
        # Its connection is one that the server has no descriptor for.
        ready, _, _ = select.select([clients[-1]], [], [], WATCHED_S)
        used = processor_time(server.child.pid) - before
        require(not ready, "the last client is served, or the server has ended")
        share = used / (time.monotonic() - begin)
        require(share < SHARE, f"the server takes {share:.2f} of a processor")
        for client in clients:
            client.close()
        with connect(server.port) as later:
            require(is_served(later), "the server serves nobody any more")


main(test)
