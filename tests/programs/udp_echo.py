# SPDX-License-Identifier: BSL-1.0

"""The UDP echo with 10^5 datagrams, each checked: number, size and content."""

import socket
import struct

from program import LIMIT_S, Server, main, require

DATAGRAMS = 100_000
WINDOW = 32  # under way at once, so that no buffer overflows


def datagram(number):
    return struct.pack("!I", number) + bytes([number % 251]) * (number % 509)


def test(program):
    with Server([program]) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        client.connect(("127.0.0.1", server.port))
        for first in range(0, DATAGRAMS, WINDOW):
            pending = {
                number: datagram(number)
                for number in range(first, min(first + WINDOW, DATAGRAMS))
            }
            for data in pending.values():
                client.send(data)
            # Two receives are under way at the server, so neighbours may swap.
            while pending:
                data = client.recv(2048)
                (number,) = struct.unpack_from("!I", data)
                require(pending.pop(number, None) == data, f"datagram {number} differs")
        seen = server.stop()
        require(seen["datagrams"] == DATAGRAMS, f"the server counted {seen}")


main(test)
