# SPDX-License-Identifier: BSL-1.0

"""examples/README.md against the examples: every program has its place in the numbered
path, everything named exists, and each prints what the page shows, up to the numbers.

    check_readme.py FOLDER       where the programs are built
"""

import pathlib
import re
import signal
import subprocess

from program import LIMIT_S, Server, main, require

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SHOWN_FOLDER = "build/release/examples/"


def sources():
    """The sources that have a main function, one per program."""
    return {
        path.relative_to(EXAMPLES).as_posix()
        for path in EXAMPLES.glob("**/*.cpp")
        if re.search(r"^int main\(", path.read_text(encoding="utf-8"), re.M)
    }


def blocks(section):
    return re.findall(r"^```console\n(.*?)^```$", section, re.M | re.S)


def check_path(sections):
    """The sections are numbered, and their sources are all there are."""
    numbers = [int(re.match(r"(\d+)\. ", section).group(1)) for section in sections]
    require(numbers == list(range(1, len(numbers) + 1)), f"numbered {numbers}")
    named = [re.search(r"^\[(\S+)\]\(\1\) teaches ", section, re.M) for section in sections]
    require(all(named), "a section names no source, or not what it teaches")
    named = [match.group(1) for match in named]
    require(len(named) == len(set(named)), "a source is named twice")
    missing, unknown = sources() - set(named), set(named) - sources()
    require(not missing, f"README.md does not name {missing}")
    require(not unknown, f"README.md names {unknown}, which are no programs")


def check_build_lines(section, name):
    """The g++ line names sources that exist, and both lines make the same program."""
    lines = blocks(section)[0].replace("\\\n", "")
    require(re.search(rf" -o {name}$", lines, re.M), f"{name}: no g++ line")
    require(re.search(rf" --target {name}$", lines, re.M), f"{name}: no CMake line")
    given = re.findall(r"examples/\S+\.cpp", lines)
    require(given, f"{name}: the g++ line names no source")
    for pattern in given:
        require(list(ROOT.glob(pattern)), f"{name}: {pattern} does not exist")


def run(folder, command, shown):
    """Returns what the program prints; one that serves is ended as the page shows it."""
    program, *arguments = command.removeprefix(SHOWN_FOLDER).split()
    line = [folder / program, *arguments]
    if "^C\n" in shown:
        with Server([*line, "--port", 0]) as server:
            server.child.send_signal(signal.SIGINT)
            rest, _ = server.child.communicate(timeout=LIMIT_S)
            status = server.child.returncode
            printed = f"listening on 127.0.0.1:{server.port}\n^C\n{rest.decode()}"
    else:
        done = subprocess.run(
            line,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
        )
        status, printed = done.returncode, done.stdout
    require(status == 0, f"{command}: status {status}")
    return printed


def check_output(folder, section):
    """Runs what starts with a program; what needs another terminal starts otherwise."""
    count = 0
    for block in blocks(section):
        command, _, shown = block.removeprefix("$ ").partition("\n")
        if command.startswith(SHOWN_FOLDER):
            printed = run(folder, command, shown)
            same = re.sub(r"\d+", "N", printed) == re.sub(r"\d+", "N", shown)
            require(same, f"{command} prints {printed!r}, the page shows {shown!r}")
            count += 1
    return count


def test(folder):
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", page, flags=re.M)[1:]
    check_path(sections)
    count = 0
    for section in sections:
        name = re.match(r"\d+\. (\w+)$", section, re.M).group(1)
        check_build_lines(section, name)
        count += check_output(pathlib.Path(folder), section)
    print(f"{len(sections)} examples, {count} of their outputs are as shown")


main(test)
