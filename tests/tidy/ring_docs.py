#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks docs/ring.md and the library's own tables against the headers.

    tests/tidy/ring_docs.py [ROOT]

Prints one line per finding and exits 1 if there is any. The first kernel of a name is the
version in the comment behind it in include/asio_uring/ring/abi/; everything else has to
agree. Every public name of the ring and operation layers has to appear in the document.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402

INCLUDE = pathlib.Path("include/asio_uring")
VERSION = r"(\d+\.\d+)"
TYPE = re.compile(
    r"^(?:class|struct|enum class) (?:ASIO_URING_DECL )?(\w+)\b(?!\s*(?:;|::|<))", re.MULTILINE
)
FUNCTION = re.compile(r"^(?! )[\w:<>,&*\[\] ]*?\b(\w+)\([^;{}]*\)[^;{}()]*[;{]", re.MULTILINE)
NO_NAMES = {"operator", "defined", "static_assert", "sizeof"}


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


def enumerators(text, name):
    """(name, number, first kernel) of an enumeration of abi/opcode.hpp."""
    body = re.search(rf"enum class {name} : [^{{]*{{(.*?)}};", text, re.DOTALL).group(1)
    return re.findall(rf"^\s*(\w+) = (\d+),\s*// {VERSION}", body, re.MULTILINE)


def constants(root):
    """First kernel by name of every flag in abi/ that says it."""
    found = {}
    for path in sorted((root / INCLUDE / "ring/abi").glob("*.hpp")):
        if path.name == "opcode.hpp":
            continue  # an operation and a register call may share a name
        text = path.read_text(encoding="utf-8")
        found.update(
            re.findall(rf"^\s*(?:inline constexpr \S+ )?(\w+) = [^;/]*[;,]\s*// {VERSION}",
                       text, re.MULTILINE)
        )
    return found


def aggregates(root):
    """Names of the operations, by opcode."""
    found = {}
    for path in sorted((root / INCLUDE / "op").glob("*.hpp")):
        for name, code in re.findall(
            r"^struct (\w+)\n\{\n    static constexpr abi::opcode code = abi::opcode::(\w+);",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            found.setdefault(code, []).append(name)
    return found


def rows(document):
    """Cells of every table row, by the first name in code style in its first two cells."""
    found = {}
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        names = re.findall(r"^`(\w+)`$", "\n".join(cells[:2]), re.MULTILINE)
        if line.startswith("|") and names:
            found.setdefault(names[0], []).append(cells)
    return found


def check_row(table, name, number, first):
    """A row of the document with this name, number and first kernel."""
    for cells in table.get(name, ()):
        if first in cells and (number is None or cells[0] == number):
            return
    yield f"docs/ring.md: no row for {name}{f' ({number})' if number else ''}, kernel {first}"


def check_document_tables(root, document):
    table = rows(document)
    text = read(root, INCLUDE / "ring/abi/opcode.hpp")
    by_code = aggregates(root)
    for name, number, first in enumerators(text, "opcode"):
        yield from check_row(table, name, number, first)
        row = next((cells for cells in table.get(name, ()) if cells[0] == number), [])
        for aggregate in by_code.get(name, []):
            if len(row) < 3 or not re.search(rf"`{aggregate}[`(]", row[2]):
                yield f"docs/ring.md: op::{aggregate} is not in the row of opcode {name}"
        if name not in by_code:
            yield f"{INCLUDE}/op: no aggregate for opcode {name}"
    for name, number, first in enumerators(text, "register_op"):
        yield from check_row(table, name, number, first)
    for name, first in constants(root).items():
        if re.match(r"(setup|enter|sqe|cqe_f|feat)_", name):
            yield from check_row(table, name, None, first)
        elif re.match(r"(sq|cq)_", name) and f"`{name}` ({first})" not in document.replace(
            "\n", " "
        ):
            yield f"docs/ring.md: no `{name}` ({first})"


def public_code(text):
    """The code of a header outside `detail` and unnamed namespaces."""
    code = tidy.blank_comments_and_literals(text)
    return re.sub(
        r"^namespace detail \{.*?^\}[^\n]*$", "", code, flags=re.MULTILINE | re.DOTALL
    )


def public_names(root):
    for path in sorted((root / INCLUDE).glob("**/*.hpp")):
        relative = path.relative_to(root).as_posix()
        in_abi = "/ring/abi" in relative
        if tidy.layer_of(relative) > tidy.OPERATION or in_abi or "/op/" in relative:
            continue
        code = public_code(path.read_text(encoding="utf-8"))
        if "namespace asio_uring::detail" in code:
            continue
        for name in {*TYPE.findall(code), *FUNCTION.findall(code)} - NO_NAMES:
            yield relative, name


def check_public_names(root, document):
    in_code_style = " ".join(re.findall(r"`([^`]*)`", document))
    for path, name in public_names(root):
        if not re.search(rf"\b{name}\b", in_code_style):
            yield f"docs/ring.md: {name} of {path} is not mentioned"


FACTS = re.compile(
    r"^((?:///[^\n]*\n)+)struct (\w+)\n\{\n    static constexpr abi::opcode code = "
    r"abi::opcode::(\w+);\n    static constexpr kernel_version first_kernel\{(\d+), (\d+)\};",
    re.MULTILINE,
)


def check_facts(root):
    """Every aggregate is in the list, and its first kernel is the one its comment says."""
    listed = set()
    for name, kind in re.findall(
        r'^    visit\("(\w+)", (\w+)\{', read(root, INCLUDE / "op/list.hpp"), re.MULTILINE
    ):
        listed.add(name)
        if name != kind:
            yield f"{INCLUDE}/op/list.hpp: {kind} is called {name}"
    facts = {}
    for path in sorted((root / INCLUDE / "op").glob("*.hpp")):
        for comment, name, _, major, minor in FACTS.findall(path.read_text("utf-8")):
            facts[name] = f"{major}.{minor}"
            said = re.search(rf"[Kk]ernel {VERSION}", re.sub(r"\s*\n///\s*", " ", comment))
            if not said or said.group(1) != facts[name]:
                yield f"{path.name}: the comment of {name} does not say Kernel {facts[name]}"
    by_code = aggregates(root)
    for name in sorted({one for names in by_code.values() for one in names}):
        if name not in facts:
            yield f"{INCLUDE}/op: {name} says no first_kernel"
        if name not in listed:
            yield f"{INCLUDE}/op/list.hpp: {name} is missing"
    text = read(root, INCLUDE / "ring/abi/opcode.hpp")
    for code, _, first in enumerators(text, "opcode"):
        if facts.get(code, first) != first:
            yield f"{INCLUDE}/op: {code} is of kernel {first}, not {facts[code]}"


def check_library_tables(root):
    """Names and versions in src/ring/ are those of the headers."""
    opcodes = read(root, INCLUDE / "ring/abi/opcode.hpp")
    names = read(root, "src/ring/names.hpp")
    for table, kind in (("opcode_table", "opcode"), ("register_table", "register_op")):
        body = re.search(rf"{table}{{{{(.*?)}}}};", names, re.DOTALL).group(1)
        own = re.findall(rf'\{{"(\w+)",\s*"{VERSION}"', body)
        kernel = [(name, first) for name, _, first in enumerators(opcodes, kind)]
        for have, want in zip(own, kernel):
            if have != want:
                yield f"src/ring/names.hpp: {table} has {have}, abi/opcode.hpp {want}"
        if len(own) != len(kernel):
            yield f"src/ring/names.hpp: {table} has {len(own)} rows, not {len(kernel)}"
    known = constants(root)
    tables = names + read(root, "src/ring/setup.cpp")
    listed = re.findall(rf'\{{abi::(\w+),\s*"(\w+)",\s*"{VERSION}"', tables)
    for constant, name, first in listed:
        if known.get(constant) != first or not constant.endswith(f"_{name}"):
            yield f"src/ring: {constant} is listed as {name}, {first}"
    for name, first in re.findall(rf'"(\w+)",\s*"{VERSION}"', names):
        if name in known and known[name] != first:
            yield f"src/ring/names.hpp: {name} is of {known[name]}, not {first}"
    for constant, first in known.items():
        if re.match(r"(setup|enter|sqe|feat)_", constant) and constant not in {
            one for one, _, _ in listed
        }:
            yield f"src/ring: {constant} ({first}) is in no table"


def run(root):
    document = read(root, "docs/ring.md")
    return [
        *check_document_tables(root, document),
        *check_public_names(root, document),
        *check_facts(root),
        *check_library_tables(root),
    ]


def main(arguments):
    default = pathlib.Path(__file__).resolve().parents[2]
    findings = run(pathlib.Path(arguments[0]).resolve() if arguments else default)
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"ring_docs: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
