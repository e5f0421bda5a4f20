# SPDX-License-Identifier: BSL-1.0

"""The tools on the file system against those of the system: du_ring against du, ucp
against diff and the blocks on the disk, tail_f against what is written.

    file_tools.py PROGRAM
"""

import os
import pathlib
import signal
import subprocess
import tempfile

from program import LIMIT_S, main, require


def run(program, *arguments):
    return subprocess.run(
        [program, *(str(argument) for argument in arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def make_tree(top):
    """Files of many sizes, an empty directory, links, a sparse file and two names of one
    file."""
    for number in range(300):
        below = top / str(number % 7) / str(number % 3)
        below.mkdir(parents=True, exist_ok=True)
        (below / f"file {number}").write_bytes(bytes([number % 251]) * (number * 97))
    (top / "empty").mkdir()
    (top / "link").symlink_to("0/0")
    (top / "dangling").symlink_to("nowhere")
    with open(top / "sparse", "wb") as sparse:
        sparse.truncate(20_000_000)
        sparse.seek(10_000_000)
        sparse.write(b"middle")
    os.link(top / "sparse", top / "twin")
    os.chmod(top / "0/0/file 0", 0o751)


def test_du_ring(program, folder):
    make_tree(folder / "tree")
    expected = subprocess.run(
        ["du", "-s", "--block-size=1", folder / "tree"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    done = run(program, "--directory", folder / "tree")
    require(done.returncode == 0, f"status {done.returncode}: {done.stderr}")
    require(
        done.stdout.endswith(f" {expected} bytes on the disk\n"),
        f"{done.stdout!r}, du says {expected}",
    )
    done = run(program, "--directory", folder / "missing")
    require(done.returncode == 1, f"status {done.returncode} of what is missing")
    require("No such file" in done.stderr, done.stderr)


def test_ucp(program, folder):
    make_tree(folder / "from")
    copy = ["--from", folder / "from", "--to", folder / "to"]
    done = run(program, *copy, "--verify", "--fsync")
    require(done.returncode == 0, f"status {done.returncode}: {done.stderr}")
    require(done.stdout.startswith("302 files, "), done.stdout)
    same = subprocess.run(["diff", "-r", "--no-dereference", folder / "from", folder / "to"])
    require(same.returncode == 0, "the copy differs")
    require((folder / "to/0/0/file 0").stat().st_mode & 0o777 == 0o751, "other permissions")
    require((folder / "to/sparse").stat().st_blocks < 1000, "the holes are filled")
    again = run(program, *copy)
    require(again.returncode == 1, f"status {again.returncode} of files that exist")
    require("File exists" in again.stderr, again.stderr)
    (folder / "to/0/0/file 0").write_text("other")
    (folder / "to/link").unlink()
    (folder / "to/dangling").unlink()
    over = run(program, *copy, "--overwrite", "--reflink", "never", "--progress")
    require(over.returncode == 0, f"status {over.returncode}: {over.stderr}")
    require((folder / "to/0/0/file 0").read_bytes() == b"", "not written over")


def test_tail_f(program, folder):
    log = folder / "log"
    log.write_text("one\n")
    with subprocess.Popen(
        [program, "--file", log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            def comes(line):
                seen = child.stdout.readline()
                require(seen == f"{line}\n", f"{seen!r} instead of {line}")

            signal.alarm(LIMIT_S)  # of all reads together
            comes("one")
            with open(log, "a", encoding="ascii") as file:
                file.write("two\n")
            comes("two")
            log.rename(folder / "log.1")
            log.write_text("three\n")
            comes("three")
            (folder / "beside").write_text("no line of the file\n")
            (folder / "new").write_text("four\n")
            (folder / "new").rename(log)
            comes("four")
            child.send_signal(signal.SIGINT)
            rest, _ = child.communicate(timeout=LIMIT_S)
            require(rest == "", f"more: {rest!r}")
            require(child.returncode == 0, f"status {child.returncode}")
        finally:
            child.kill()


def test(program):
    tools = {"du_ring": test_du_ring, "ucp": test_ucp, "tail_f": test_tail_f}
    with tempfile.TemporaryDirectory() as folder:
        tools[os.path.basename(program)](program, pathlib.Path(folder))


main(test)
