# SPDX-License-Identifier: BSL-1.0

"""The server on a thread pool: connections that come, talk and go at the same time. Every
request is answered once, and numbered once over all of them."""

import socket
import threading

from program import LIMIT_S, Server, main, require

CLIENTS = 16
REQUESTS = 100
CLIENT_THREADS = 4


def converse(port, index, numbers):
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as client:
        client.settimeout(LIMIT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = client.makefile("rb")
        for request in range(REQUESTS):
            text = b"client %d request %d" % (index, request)
            client.sendall(text + b"\n")
            answer, _, number = answers.readline().rpartition(b" ")
            if answer != text:
                return
            numbers.append(int(number))


def test(program):
    with Server([program]) as server:
        numbers = []

        def some(first):
            for index in range(first, CLIENTS, CLIENT_THREADS):
                converse(server.port, index, numbers)

        threads = [threading.Thread(target=some, args=(i,)) for i in range(CLIENT_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = CLIENTS * REQUESTS
        require(sorted(numbers) == list(range(1, total + 1)), "a request went astray")
        seen = server.stop()
        require(seen["requests"] == total, f"the server counted {seen}")


main(test)
