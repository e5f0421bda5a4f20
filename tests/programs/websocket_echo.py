# SPDX-License-Identifier: BSL-1.0

"""examples/websocket_echo with two clients: itself, and the websockets package."""

import asyncio
import subprocess

import websockets

from program import LIMIT_S, Server, main, require

CLIENTS = 5
MESSAGES = 100


async def converse(port, index):
    url = f"ws://127.0.0.1:{port}/"
    async with websockets.connect(url, max_size=None, ping_interval=0.02) as client:
        for number in range(MESSAGES):
            text = f"client {index} message {number} " + "x" * (number * 97)
            await client.send(text)
            require(await client.recv() == text, "a text message differs")
        # Fragments of one message, with a ping among them.
        data = bytes(range(256)) * 1000
        await client.send([data[:1000], data[1000:200000], data[200000:]])
        await (await client.ping())
        require(await client.recv() == data, "a binary message differs")


async def converse_together(port):
    talks = [converse(port, index) for index in range(CLIENTS)]
    await asyncio.wait_for(asyncio.gather(*talks), LIMIT_S)


def test(program):
    with Server([program, "--port", 0]) as server:
        asyncio.run(converse_together(server.port))
        for size in (0, 125, 70000, 1000000):
            done = subprocess.run(
                [program, "--ask", "--port", str(server.port)]
                + ["--messages", "20", "--bytes", str(size)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=LIMIT_S,
            )
            require(done.returncode == 0, "the Beast client failed")
            require(done.stdout == b"20 messages came back\n", done.stdout)
        server.stop()


main(test)
