#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a compiler says first, and what else it says, in a build that the library refuses.

    refused.py MESSAGE HEADER... -- COMPILER [FLAG...]

Compiles each header alone. Its errors have to be the message, and the end of the
compilation. Prints the headers with other errors and exits 1 if there are any.
"""

import subprocess
import sys

STOP = "asio_uring/ring/the_error_above_ends_the_compilation"


def errors_of(command, header):
    """The errors of a compilation, without their places."""
    done = subprocess.run(
        [*command, "-fsyntax-only", "-x", "c++", "-"],
        input=f"#include <{header}>\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    marks = (line.partition("error: ") for line in done.stderr.splitlines())
    return [text for _, mark, text in marks if mark]


def main(message, *arguments):
    end = arguments.index("--")
    headers, command = arguments[:end], arguments[end + 1 :]
    wrong = 0
    for header in headers:
        errors = errors_of(command, header)
        if len(errors) != 2 or message not in errors[0] or STOP not in errors[1]:
            wrong += 1
            print(f"{header}: {len(errors)} errors", *errors[:3], sep="\n  ")
    print(f"{len(headers)} headers, {wrong} that do not end with \"{message}\"")
    return 1 if wrong or not headers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
