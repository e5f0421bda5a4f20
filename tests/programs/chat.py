# SPDX-License-Identifier: BSL-1.0

"""examples/chat_server with clients that all talk and listen, and one that does neither:
it is dismissed, and nobody else misses a line or sees one out of order. Short lines count
for what they cost."""

import socket

from program import LIMIT_S, Server, main, require

CLIENTS = 5
ROUNDS = 30
LINES = 20  # of each client in a round; what is under way stays far below the limit
LINE_SIZE = 1000
SHORT_LINE = b"x" * 99 + b"\n"


def line_of(index, number):
    return (b"%d %d " % (index, number)).ljust(LINE_SIZE, b"x") + b"\n"


def join(port, buffer_size=None):
    """Returns with the server's welcome, so the client is in the room."""
    client = socket.socket()
    client.settimeout(LIMIT_S)
    if buffer_size is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_size)
    client.connect(("127.0.0.1", port))
    welcome = b""
    while not welcome.endswith(b"\n"):
        step = client.recv(1)
        require(step, "no welcome")
        welcome += step
    return client


class Listener:
    """Checks that every line of every other client comes, and those of each in order."""

    def __init__(self, client, index):
        self.lines = client.makefile("rb")
        self.expected = {other: 0 for other in range(CLIENTS) if other != index}

    def read(self, count):
        for _ in range(count):
            line = self.lines.readline()
            sender = int(line.split(b" ", 1)[0]) if line else -1
            require(sender in self.expected, f"a client reads {line[:20]!r}")
            wanted = line_of(sender, self.expected[sender])
            require(line == wanted, f"{line[:20]!r} instead of {wanted[:20]!r}")
            self.expected[sender] += 1


def talk_and_listen(clients):
    listeners = [Listener(client, index) for index, client in enumerate(clients)]
    for first in range(0, ROUNDS * LINES, LINES):
        for index, client in enumerate(clients):
            lines = [line_of(index, number) for number in range(first, first + LINES)]
            client.sendall(b"".join(lines))
        for listener in listeners:
            listener.read(LINES * (CLIENTS - 1))


def dismiss_for_short_lines(program):
    """What waits for a client costs more than its bytes: one that takes nothing is
    dismissed before these alone reach the limit of a mebibyte."""
    with Server([program, "--port", 0]) as server:
        slow = join(server.port, 4096)
        talker = join(server.port)
        listener = join(server.port)
        lines = listener.makefile("rb")
        for _ in range(90):
            talker.sendall(SHORT_LINE * 100)
            for _ in range(100):
                require(lines.readline() == SHORT_LINE, "a line is missing")
        try:
            while slow.recv(65536):
                pass
        except ConnectionResetError:
            pass
        seen = server.stop()
        require(seen["dismissed"] == 1, f"the server dismissed {seen['dismissed']}")
        for client in (slow, talker, listener):
            client.close()


def test(program):
    dismiss_for_short_lines(program)
    with Server([program, "--port", 0]) as server:
        clients = [join(server.port) for _ in range(CLIENTS)]
        # Takes little, then nothing.
        slow = join(server.port, 4096)
        talk_and_listen(clients)
        try:
            while slow.recv(65536):
                pass
        except ConnectionResetError:
            pass
        seen = server.stop()
        require(seen["lines"] == CLIENTS * ROUNDS * LINES, f"the server counted {seen}")
        require(seen["dismissed"] == 1, f"the server dismissed {seen['dismissed']}")
        for client in (slow, *clients):
            client.close()


main(test)
