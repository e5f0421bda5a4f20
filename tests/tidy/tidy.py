#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks the project's own rules on its sources; run by CTest and by hand.

    tests/tidy/tidy.py [ROOT]

Prints one line `path:line: rule: explanation` per finding and exits 1 if there is any.
The rules are the functions whose names start with `check_`; each says what it enforces.
"""

import os
import pathlib
import re
import sys

COLUMNS_MAX = 90
FUNCTION_LINES_MAX = 70
CODE_FOLDERS = ("include", "src", "tests", "examples", "bench", "tools")
CODE_SUFFIXES = (".hpp", ".cpp", ".ipp", ".h", ".c")

# Layers, lowest first; a layer is a folder. A file includes headers of its own layer and
# of the layers below.
LAYER_NAMES = (
    "ring", "op", "asio", "loop", "request", "context", "object", "public", "outside"
)
(
    RING, OPERATION, COUPLING, LOOP, REQUEST, CONTEXT, OBJECT, PUBLIC, OUTSIDE
) = range(len(LAYER_NAMES))
LAYER_FOLDER = re.compile(
    r"(?:include/asio_uring/(?:detail/)?|src/)(ring|op|asio|loop|request|context|object)/"
)

# What Asio documents for its users; every other BOOST_ASIO_ name belongs to its inside.
ASIO_PUBLIC_MACROS = re.compile(
    r"BOOST_ASIO_(VERSION|HAS_(EPOLL|IO_URING|IO_URING_AS_DEFAULT|CO_AWAIT|FILE|PIPE|"
    r"LOCAL_SOCKETS|POSIX_STREAM_DESCRIPTOR|THREADS)|"
    r"(ENABLE|DISABLE)_[A-Z_]+|NO_DEPRECATED|CONCURRENCY_HINT_[A-Z_]+|"
    r"CUSTOM_HANDLER_TRACKING|SEPARATE_COMPILATION|HEADER_ONLY|COMPLETION_TOKEN_FOR|"
    r"COMPLETION_HANDLER_FOR|INITFN_[A-Z_]+|DEFAULT_COMPLETION_TOKEN[A-Z_]*)\b"
)

# Likewise the one file that a program with BOOST_ASIO_SEPARATE_COMPILATION includes.
ASIO_PUBLIC_SOURCES = ("boost/asio/impl/src.hpp", "boost/asio/ssl/impl/src.hpp")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


class Source:
    """One file: its lines as written, and as code with comments and literals blanked."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.code = blank_comments_and_literals(self.text)
        self.code_lines = self.code.splitlines()
        self.layer = layer_of(self.path)

    def includes(self):
        # Taken from the code, so that an include in a comment does not count; the name is
        # read from the line as written, because a quoted name is blanked.
        for number, (line, code) in enumerate(zip(self.lines, self.code_lines), 1):
            match = INCLUDE.match(line)
            if match and code.lstrip().startswith("#"):
                yield number, match.group(1)


def layer_of(path):
    """The layer of a path, from its folder alone."""
    folder = LAYER_FOLDER.match(path)
    if folder:
        return LAYER_NAMES.index(folder.group(1))
    return PUBLIC if path.startswith(("include/asio_uring/", "src/")) else OUTSIDE


LEXEME = re.compile(
    r'R"([^\s()\\]{0,16})\((?:.|\n)*?\)\1"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # character, not a digit separator
    r"|//[^\n]*"
    r"|/\*(?:.|\n)*?\*/"
)


def blank_comments_and_literals(text):
    """The text with the same lines and columns, and only code left in it."""
    return LEXEME.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def check_layers(source):
    """Includes point downward, and what is below the service layer knows no Asio."""
    for number, name in source.includes():
        if name.startswith("asio_uring/"):
            target = layer_of("include/" + name)
            if source.layer != OUTSIDE and target > source.layer:
                yield number, "layers", (
                    f"{LAYER_NAMES[source.layer]} includes upward: <{name}> belongs to "
                    f"{LAYER_NAMES[target]}"
                )
        if re.match(r"boost/asio(/|\.hpp)", name):
            if source.layer <= OPERATION or source.path.startswith("src/"):
                yield number, "layers", f"<{name}>: this layer is compiled without Asio"


def check_layer_name(source):
    """A file of the library stands in a layer's folder, and its first words say which."""
    if source.layer == OUTSIDE:
        return
    name = LAYER_NAMES[source.layer]
    if "/detail/" in source.path and source.layer == PUBLIC:
        yield 1, "layer_name", "a folder of detail/ is a layer; this one is none"
    if source.path.endswith(".hpp") and not any(
        line.startswith(f"// Layer: {name}.") for line in source.lines[:2]
    ):
        yield 1, "layer_name", f'the first words are not "Layer: {name}."'


def check_asio_inside(source):
    """Only include/asio_uring/detail/asio/ names what is private to Asio."""
    if source.path.startswith("include/asio_uring/detail/asio/"):
        return
    for number, name in source.includes():
        if name in ASIO_PUBLIC_SOURCES:
            continue
        if name.startswith(("boost/asio/detail/", "boost/asio/impl/")):
            yield number, "asio_inside", f"<{name}> outside detail/asio/"
    for number, line in enumerate(source.code_lines, 1):
        if re.search(r"\basio\s*::\s*detail\b", line):
            yield number, "asio_inside", "asio::detail named outside detail/asio/"
        for match in re.finditer(r"\bBOOST_ASIO_[A-Z0-9_]+\b", line):
            if not ASIO_PUBLIC_MACROS.match(match.group()):
                yield number, "asio_inside", f"{match.group()} is private to Asio"


def check_kernel_headers(source):
    """The library has its own kernel constants; tests may compare them with others'."""
    if source.path.startswith(("tests/", "bench/")):
        return
    for number, name in source.includes():
        if name in ("linux/io_uring.h", "liburing.h") or name.startswith("liburing/"):
            yield number, "kernel_headers", f"<{name}> outside tests/ and bench/"


def check_quoted_includes(source):
    """Our own headers are included as <asio_uring/...>, wherever they are."""
    for number, name in source.includes():
        if name.startswith("asio_uring/") and '"' in source.lines[number - 1]:
            yield number, "quoted_include", f'"{name}": write <{name}>'


def check_leftovers(source):
    """Open ends live in the tracker, not in the source."""
    for number, line in enumerate(source.lines, 1):
        match = re.search(r"\b(TODO|FIXME|XXX)\b", line)
        if match:
            yield number, "leftover", match.group()


def check_columns(source):
    """Lines fit the window."""
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, "columns", f"{len(line)} columns, {COLUMNS_MAX} at most"


def check_function_length(source):
    """A function fits a screen."""
    for first, last in functions(source.code):
        lines = last - first + 1
        if lines > FUNCTION_LINES_MAX:
            yield first, "function_length", f"{lines} lines, {FUNCTION_LINES_MAX} at most"


# Memory that the kernel reads or writes at the same time, or bytes seen as another type.
RAW_ACCESS = re.compile(r"\batomic_ref\b|\breinterpret_cast\s*<[^<>]*\*\s*>|\.\s*at\s*<")
MEMORY_ORDER = re.compile(r"\bmemory_order_(\w+)")
ORDER_WORDS = {
    "relaxed": "Relaxed:", "acquire": "Acquire:", "release": "Release:",
    "acq_rel": "acq_rel:", "seq_cst": "sequentially",
}


def raw_accesses(source):
    """Line numbers of raw accesses in the layers that share memory with the kernel."""
    if source.layer not in (RING, OPERATION):
        return
    for number, line in enumerate(source.code_lines, 1):
        if RAW_ACCESS.search(line) and not line.lstrip().startswith("#"):
            yield number


def comment_above(source, number):
    """The comments from the last empty line on, down to the line itself."""
    first = number - 1
    while first > 0 and source.lines[first - 1].strip():
        first -= 1
    pieces = [line.partition("//")[2] for line in source.lines[first:number]]
    return " ".join(pieces).strip()


def check_raw_access(source):
    """Raw access to shared memory says what it relies on; an atomic one, why its order."""
    for number in raw_accesses(source):
        comment = comment_above(source, number)
        if not comment:
            yield number, "raw_access", "no comment says why this is sound"
            continue
        # The order may stand on the next line of the same statement.
        statement = " ".join(source.code_lines[number - 1:number + 2]).partition(";")[0]
        for order in MEMORY_ORDER.findall(statement):
            if ORDER_WORDS.get(order, "") not in comment or order not in ORDER_WORDS:
                yield number, "raw_access", f"no comment says why the order is {order}"


SCOPE = re.compile(r"^(inline\s+)?(namespace|class|struct|union|enum|extern)\b")


def functions(code):
    """First and last line of each outermost function.

    A brace is a scope (namespace, type), an initialiser, or a function's body; what stands
    before it since the last `;` or brace tells which. Nothing is measured inside a body.
    """
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", blank, code, flags=re.MULTILINE)
    stack = []  # of (is function, first line)
    head, line, head_line, parentheses, found = "", 1, None, 0, []
    for character in code:
        parentheses += {"(": 1, ")": -1}.get(character, 0)
        if parentheses > 0 or character not in "{};":
            head += character
            if head_line is None and not character.isspace():
                head_line = line
        else:
            if character == "{":
                inside = any(is_function for is_function, _ in stack)
                stack.append((not inside and opens_function(head), head_line or line))
            elif character == "}" and stack:
                is_function, first = stack.pop()
                if is_function:
                    found.append((first, line))
            head, head_line = "", None
        if character == "\n":
            line += 1
    return found


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def opens_function(head):
    head = strip_template(head.strip())
    if SCOPE.match(head):
        # `struct stat* f(...) {` is rare, `struct f { ... }` is not.
        return False
    if re.search(r"=\s*$", head) or (head and "(" not in head and "," != head[0]):
        return False  # an initialiser: `= {` or `name{`
    return True


def strip_template(head):
    """Drops access labels, attributes and leading template parameter lists."""
    while True:
        shorter = re.sub(r"^((public|private|protected)\s*:|\[\[[^\]]*\]\])\s*", "", head)
        match = re.match(r"template\s*<", shorter)
        if match:
            depth, index = 1, match.end()
            while index < len(shorter) and depth:
                depth += {"<": 1, ">": -1}.get(shorter[index], 0)
                index += 1
            shorter = shorter[index:].lstrip()
        if shorter == head:
            return head
        head = shorter


def check_detail_header_comment(source):
    """A detail header opens by saying its layer, purpose, thread and lifetime."""
    if not source.path.endswith(".hpp") or "/detail/" not in source.path:
        return
    comment = []
    for line in source.lines:
        if line.startswith("//"):
            comment.append(line)
        elif comment or (line.strip() and not line.startswith("#pragma once")):
            break
    for word in ("Layer", "Purpose", "Thread", "Lifetime"):
        if not re.search(rf"\b{word}\b", "\n".join(comment)):
            yield 1, "header_comment", f'the opening comment lacks "{word}:"'


def check_guard(source):
    """Every header can be included twice, and all say so in the same way."""
    if source.path.endswith(".hpp") and not re.search(
        r"^#pragma once$", source.code, re.MULTILINE
    ):
        yield 1, "guard", "no #pragma once"


SOURCE_CHECKS = [
    check for name, check in sorted(globals().items())
    if name.startswith("check_") and callable(check)
]


def tree_unlisted(root):
    """Source lists are explicit, so a file that no list names is dead."""
    lists = {}
    for path in [*root.glob("**/CMakeLists.txt"), *root.glob("**/*.cmake")]:
        if is_ignored(path.relative_to(root)):
            continue
        # Paths start at the list's own folder; the library's list belongs to the root.
        folder = root if path.name == "asio_uring_files.cmake" else path.parent
        lists[folder] = lists.get(folder, "") + path.read_text(encoding="utf-8")
    for path in code_files(root):
        relative = path.relative_to(root)
        if path.suffix == ".hpp" and relative.parts[0] != "include":
            continue
        if not any(
            names_file(text, os.path.relpath(path, folder))
            for folder, text in lists.items()
        ):
            yield relative.as_posix(), 1, "unlisted", (
                "no list names it; tests/tidy/file_lists.py writes the lists"
            )


def names_file(text, name):
    """Named in full, or without its suffix where a list makes file names from targets."""
    stem, _, suffix = name.rpartition(".")
    pattern = rf"(^|[\s(\"]|\}}/){re.escape(stem)}(\.{re.escape(suffix)})?(?![^\s)\"])"
    return re.search(pattern, text) is not None


# What gathers which headers: patterns of paths, all below include/asio_uring/.
OBJECT_FOLDERS = r"(ip|local|posix|generic)/\w+\.hpp"
UMBRELLAS = {
    "asio_uring.hpp": rf"(?!asio_uring|ring_layer|drop_in|beast|src)\w+\.hpp|{OBJECT_FOLDERS}",
    "ring_layer.hpp": r"op\.hpp|ring/\w+\.hpp",
    "op.hpp": r"op/\w+\.hpp",
    "ring/abi.hpp": r"ring/abi/\w+\.hpp",
}


def tree_umbrella(root):
    """A header that gathers others includes all that its pattern names, and nothing else."""
    folder = root / "include" / "asio_uring"
    headers = [path.relative_to(folder).as_posix() for path in folder.glob("**/*.hpp")]
    for name, pattern in UMBRELLAS.items():
        if not (folder / name).exists():
            continue
        wanted = {header for header in headers if re.fullmatch(pattern, header)}
        included = re.findall(
            r"#\s*include <asio_uring/([^>]+)>", (folder / name).read_text(encoding="utf-8")
        )
        for header in sorted(wanted.symmetric_difference(included)):
            verb = "does not include" if header in wanted else "has no business with"
            yield f"include/asio_uring/{name}", 1, "umbrella", f"it {verb} {header}"


LICENSE = "SPDX-License-Identifier: BSL-1.0"


def tree_license(root):
    """Every file says under which licence it may be used."""
    for path in sorted(root.glob("**/*")):
        relative = path.relative_to(root)
        if not path.is_file() or not is_kept(relative) or relative.name.startswith("LICENSE"):
            continue
        if LICENSE not in path.read_text(encoding="utf-8", errors="replace"):
            yield relative.as_posix(), 1, "license", f"it lacks a line {LICENSE}"


FENCED = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)


def headings(text):
    """The anchors of a document's headings, as its readers' programs make them."""
    for title in re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def tree_link(root):
    """A link between documents leads to a file, and to a heading that it has."""
    for path in sorted(root.glob("**/*.md")):
        relative = path.relative_to(root)
        if not is_kept(relative):
            continue
        text = FENCED.sub(blank, path.read_text(encoding="utf-8"))
        for match in re.finditer(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
            number = text.count("\n", 0, match.start()) + 1
            target = path.parent / match.group(1) if match.group(1) else path
            if not target.exists():
                yield relative.as_posix(), number, "link", f"no {match.group(1)}"
            elif match.group(2) and match.group(2) not in headings(
                target.read_text(encoding="utf-8")
            ):
                yield relative.as_posix(), number, "link", f"no heading {match.group(2)}"


def is_kept(relative):
    """Whether a path is one of the project's files, not built, measured or cached."""
    made = {".git", ".cache", "__pycache__", "results", "Testing"}
    names = relative.parts
    return not (made & set(names) or names[0].startswith("build") or
                relative.name == "compile_commands.json")


TREE_CHECKS = [tree_unlisted, tree_umbrella, tree_license, tree_link]


def is_ignored(relative):
    return relative.parts[0].startswith((".", "build"))


def code_files(root):
    for folder in CODE_FOLDERS:
        for path in sorted((root / folder).glob("**/*")):
            if path.suffix in CODE_SUFFIXES and path.is_file():
                yield path


def run(root):
    """All findings as (path, line, rule, explanation)."""
    findings = []
    for path in code_files(root):
        source = Source(root, path)
        for check in SOURCE_CHECKS:
            findings += [(source.path, *finding) for finding in check(source)]
    for check in TREE_CHECKS:
        findings += check(root)
    return findings


def main(arguments):
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(arguments[0]).resolve() if arguments else default
    findings = run(root)
    for path, line, rule, explanation in findings:
        print(f"{path}:{line}: {rule}: {explanation}")
    count = sum(1 for _ in code_files(root))
    print(f"tidy: {count} files, {len(findings)} findings")
    if count == 0:
        print(f"tidy: no sources under {root}")
        return 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
