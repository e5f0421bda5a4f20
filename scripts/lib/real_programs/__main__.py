# SPDX-License-Identifier: BSL-1.0

"""Builds real programs with and without the library, and compares what they do."""

import argparse
import collections
import concurrent.futures
import pathlib
import platform
import sys
import time

import build
import compare
import programs

_TABLE_BEGINS = "<!-- table begins -->\n"
_TABLE_ENDS = "<!-- table ends -->"


def _arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/real-programs",
        description="Compares real programs on Asio's epoll services and on the ring.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="*", help="a program, or a prefix such as beast/")
    parser.add_argument("--list", action="store_true", help="the names, and nothing else")
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="whether programs that differ on purpose are found out",
    )
    parser.add_argument(
        "--table",
        metavar="FILE",
        help="puts the table into this Markdown file, between the marks for it",
    )
    parser.add_argument("--jobs", type=int, default=1, help="compilers at a time")
    parser.add_argument("--library", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--place", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--places", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    return parser


def _one(program, builder, work):
    started = time.monotonic()
    stock, moved, reason = builder.both(program)
    if reason:
        result = compare.Result("does not build", [], reason)
    else:
        result = compare.compare(program, stock, moved, work / "runs" / program.name)
    print(
        f"   {program.name}: {result.outcome}{result.details}"
        f" ({time.monotonic() - started:.0f} s)",
        flush=True,
    )
    return result


def _as_known(program, result):
    return result.outcome == program.known


def _table(results):
    counts = collections.Counter(result.outcome for _, result in results)
    lines = [
        f"{len(results)} programs on Linux {platform.release().split('-')[0]}: "
        + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()),
        "",
        "| program | result | contexts wait in | note |",
        "|---|---|---|---|",
    ]
    for program, result in results:
        waits = ", ".join(dict.fromkeys(result.waits))
        notes = "; ".join(text for text in (program.note, result.note) if text)
        # A line break or a | would end a row or a cell.
        notes = " ".join(notes.split()).replace("|", "/")[:200]
        lines.append(f"| {program.name} | {result.outcome} | {waits} | {notes} |")
    return "\n".join(lines) + "\n"


def _put_into(page, table):
    """Between the marks of the page."""
    before, begins, rest = page.read_text(encoding="utf-8").partition(_TABLE_BEGINS)
    _, ends, after = rest.partition(_TABLE_ENDS)
    page.write_text(f"{before}{begins}\n{table}\n{ends}{after}", encoding="utf-8")


def _has_marks(page):
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return _TABLE_ENDS in text.partition(_TABLE_BEGINS)[2]


def main():
    arguments = _arguments().parse_args()
    chosen = programs.chosen(arguments.name, arguments.self_test)
    if not chosen:
        print("scripts/real-programs: no such program; see --list", file=sys.stderr)
        return 2
    if arguments.table and not _has_marks(pathlib.Path(arguments.table)):
        text = f"scripts/real-programs: no marks for a table in {arguments.table}"
        print(text, file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(program.name for program in chosen))
        return 0
    if arguments.places:
        places = {place for program in chosen for place in (program.place, program.headers)}
        print("\n".join(sorted(places - {""})))
        return 0
    if arguments.check_arguments:
        return 0
    work = pathlib.Path(arguments.work).resolve()
    places = dict(place.split("=", 1) for place in arguments.place)
    builder = build.Builder(work, pathlib.Path(arguments.library).resolve(), places)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(
            zip(chosen, pool.map(lambda program: _one(program, builder, work), chosen))
        )
    table = _table(results)
    print("\n" + table)
    if arguments.table:
        _put_into(pathlib.Path(arguments.table), table)
    unknown = [program.name for program, result in results if not _as_known(program, result)]
    for name in unknown:
        print(f"not as expected: {name}")
    print(f"{len(results) - len(unknown)} passed, {len(unknown)} failed, 0 skipped")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
