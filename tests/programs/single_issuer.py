# SPDX-License-Identifier: BSL-1.0

"""A program whose build or environment promises that one thread runs each context: which
rings its contexts get, and what it says where it breaks the promise."""

import os
import subprocess

from program import LIMIT_S, main, require

USUAL = "reactor"
COOPERATIVE = "reactor coop_taskrun"
SINGLE = "reactor single_issuer defer_taskrun"

RINGS = {
    # way: the ring without the promise, and with it
    "one_thread": (USUAL, SINGLE),
    "hint_1": (COOPERATIVE, SINGLE),
    "static": (USUAL, SINGLE),
    "pool_of_1": (COOPERATIVE, SINGLE),
    "reactor_first": ("attached", "attached"),
    "signals_first": (USUAL, SINGLE),
}

WITHDRAWAL = (
    "leave abi::setup_single_issuer out of ring_options (SINGLE_ISSUER out of "
    "asio_uring_drop_in(); ASIO_URING_SINGLE_ISSUER=0 in the environment does as much)"
)
WRONG_THREAD = (
    "asio_uring: run: a single-issuer ring belongs to the thread that created it, enabled "
    f"it, or first ran its context; use it there only, or {WITHDRAWAL} [asio_uring:8"
)
SEVERAL_THREADS = (
    "asio_uring: a context of a program that promises a single issuer: a single-issuer "
    "ring is for a context that one thread runs; pass an io_context or a pool of one "
    "thread to use_ring, promise one thread by the concurrency hint 1, or "
    f"{WITHDRAWAL} [asio_uring:9"
)
BROKEN = {
    "pool_of_2": SEVERAL_THREADS,
    "hint_2": SEVERAL_THREADS,
    "two_threads": WRONG_THREAD,
    "one_after_the_other": WRONG_THREAD,
}


def run(program, way, variables):
    environment = {
        name: value for name, value in os.environ.items() if "ASIO_URING" not in name
    }
    return subprocess.run(
        [program, way],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def expect_rings(program, promised, variables):
    for way, rings in RINGS.items():
        done = run(program, way, variables)
        told = done.stdout + done.stderr
        expected = rings[promised] + "\n"
        require(told == expected, f"{way}, {variables}: {told!r} instead of {expected!r}")


def expect_errors(program, variables):
    for way, text in BROKEN.items():
        done = run(program, way, variables)
        told = f"{way}, {variables}: status {done.returncode}, {done.stderr!r}"
        require(done.returncode != 0 and text in done.stderr, told)


def test(program, build):
    """build: whether the program is built with the promise, "promised" or "plain"."""
    promised = build == "promised"
    expect_rings(program, promised, {})
    expect_rings(program, True, {"ASIO_URING_SINGLE_ISSUER": "1"})
    expect_rings(program, False, {"ASIO_URING_SINGLE_ISSUER": "0"})
    expect_errors(program, {"ASIO_URING_SINGLE_ISSUER": "1"})
    if promised:
        expect_errors(program, {})

    # What is not known changes nothing, and says so.
    done = run(program, "one_thread", {"ASIO_URING_SINGLE_ISSUER": "yes"})
    ring = RINGS["one_thread"][promised]
    require(done.stdout == ring + "\n", f"with an unknown value: {done.stdout!r}")
    require("ASIO_URING_SINGLE_ISSUER=yes is not known" in done.stderr, done.stderr)

    # Without a ring any thread may run the context.
    variables = {"ASIO_URING_SINGLE_ISSUER": "1", "ASIO_URING": "off"}
    done = run(program, "one_after_the_other", variables)
    require(done.stdout == "fallback\nfallback\n", f"without a ring: {done.stdout!r}")


main(test)
