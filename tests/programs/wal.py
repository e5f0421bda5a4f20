# SPDX-License-Identifier: BSL-1.0

"""The append log, killed at random moments and out of room: every record that it has
acknowledged is there afterwards, in order, and nothing that nobody wrote."""

import os
import random
import resource
import subprocess
import tempfile

from program import LIMIT_S, main, require

ROUNDS = 12
ACKNOWLEDGEMENTS_MAX = 400


def append_and_kill(program, directory, random_of):
    """Returns what was acknowledged before the end."""
    options = ["--writers", str(random_of.choice([1, 8, 64])), "--records", "100000"]
    options += ["--segment", str(random_of.choice([4, 64])), "--payload", "50"]
    with subprocess.Popen(
        [program, "--dir", directory, *options], stdout=subprocess.PIPE
    ) as log:
        acknowledged = []
        for _ in range(random_of.randrange(ACKNOWLEDGEMENTS_MAX)):
            acknowledged.append(log.stdout.readline())
        log.kill()
        # What it said before it died counts as well; half a line does not.
        rest = log.stdout.read().splitlines(keepends=True)
        acknowledged += [line for line in rest if line.endswith(b"\n")]
        log.wait(timeout=LIMIT_S)
    require(all(line.startswith(b"ack ") for line in acknowledged), "not a record")
    return [line[4:].rstrip(b"\n") for line in acknowledged]


def append_without_room(program, directory):
    """A file may not grow beyond a size that is less than a segment's."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run(
        [program, "--dir", directory, "--writers", "8", "--records", "1000"],
        preexec_fn=limit,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    require(done.returncode == 1, f"a full disk ended it with {done.returncode}")
    require(b"wal: " in done.stderr, f"it did not say why: {done.stderr!r}")
    return [line[4:] for line in done.stdout.splitlines()]


def read(program, directory):
    found = subprocess.run(
        [program, "--dir", directory, "--read"],
        stdout=subprocess.PIPE,
        timeout=LIMIT_S,
        check=True,
    )
    return found.stdout.splitlines()


def check(acknowledged, found):
    missing = set(acknowledged) - set(found)
    require(not missing, f"{len(missing)} records are gone: {sorted(missing)[:3]}")
    require(len(set(found)) == len(found), "a record is there twice")
    numbers = {}
    for record in found:
        _, run, _, writer, _, number = record.split()
        last = numbers.get((run, writer), -1)
        require(int(number) == last + 1, f"{record} does not follow {last}")
        numbers[(run, writer)] = int(number)


def test(program):
    seed = int(os.environ.get("ASIO_URING_MODEL_SEED", random.randrange(2**32)))
    print(f"ASIO_URING_MODEL_SEED={seed}")
    random_of = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        acknowledged = []
        for _ in range(ROUNDS):
            acknowledged += append_and_kill(program, directory, random_of)
            check(acknowledged, read(program, directory))
        acknowledged += append_without_room(program, directory)
        check(acknowledged, read(program, directory))
        require(acknowledged, "nothing was acknowledged")


main(test)
