#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The HTTP server of the examples where io_uring is forbidden.

    http_in_jail.py LAUNCHER SERVER

LAUNCHER loads a system call filter and executes SERVER. The server has to say that it
does without io_uring and why, serve every byte, and end on SIGTERM.
"""

import concurrent.futures
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

LIMIT_S = 20
FILES = {
    "index.html": b"<p>index</p>",
    "empty": b"",
    "sub/page.html": b"<p>page</p>",
    "big.bin": bytes((i * 31 + i // 251) % 256 for i in range(3_000_000)),
}


def read_port(process):
    ready, _, _ = select.select([process.stdout], [], [], LIMIT_S)
    line = process.stdout.readline() if ready else ""
    found = re.search(r"listening on \S+:(\d+)", line)
    if not found:
        raise SystemExit(f"no port announced: {line!r}")
    return int(found.group(1))


def fetch(port, name):
    url = f"http://127.0.0.1:{port}/{name}"
    with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
        return name, answer.read()


def fetch_all(port):
    names = list(FILES) * 8
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for name, body in pool.map(lambda one: fetch(port, one), names):
            if body != FILES[name]:
                raise SystemExit(f"{name}: {len(body)} bytes, not those of the file")
    return len(names)


def main(launcher, server):
    with tempfile.TemporaryDirectory() as site:
        for name, content in FILES.items():
            path = pathlib.Path(site, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        process = subprocess.Popen(
            [launcher, server, "--serve", site, "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ASIO_URING_LOG": "1"},
        )
        watchdog = threading.Timer(2 * LIMIT_S, process.kill)
        watchdog.start()
        try:
            count = fetch_all(read_port(process))
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=LIMIT_S)
        finally:
            watchdog.cancel()
            process.kill()
    if process.returncode != 0:
        raise SystemExit(f"status {process.returncode}: {errors}")
    for part in ("epoll", "seccomp", "io_uring_setup"):
        if part not in errors:
            raise SystemExit(f"the server does not say {part!r}: {errors!r}")
    if f"requests={count} " not in output or "enters=0" not in output:
        raise SystemExit(f"unexpected statistics: {output!r}")
    print(f"{count} files fetched without io_uring; the server said: {errors.strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
