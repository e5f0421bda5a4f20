#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that every rule of tidy.py can fail, and that good files pass.

Each case is one file in an otherwise empty tree, and the rules it must break.
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402

HEADER = "// Purpose: x. Thread: any. Lifetime: none.\n#pragma once\n"
INCLUDE = "include/asio_uring/"


def function_of(lines, head="void f()"):
    return f"{head}\n{{\n" + "    g();\n" * (lines - 3) + "}\n"


CASES = (
    # name, path, text, rules that must be reported (and no other)
    ("good detail header", INCLUDE + "detail/context/a.hpp",
     HEADER + "#include <asio_uring/ring/ring.hpp>\n#include <boost/asio/io_context.hpp>\n", ()),
    ("good coupling header", INCLUDE + "detail/asio/a.hpp",
     HEADER + "#include <boost/asio/detail/epoll_reactor.hpp>\n"
     "using boost::asio::detail::epoll_reactor;\n#if defined(BOOST_ASIO_HAS_KQUEUE)\n#endif\n",
     ()),
    ("good redirect", INCLUDE + "detail/object/redirect.hpp",
     HEADER + "#include <asio_uring/detail/context/a.hpp>\n"
     "#include <asio_uring/detail/asio/redirect.hpp>\n", ()),
    ("redirect names asio's inside", INCLUDE + "detail/object/redirect.hpp",
     HEADER + "namespace boost::asio::detail {}\n", ("asio_inside",)),
    ("executor names asio's inside", INCLUDE + "executor.hpp",
     "#pragma once\nusing x = boost::asio::detail::scheduler;\n", ("asio_inside",)),
    ("redirect includes public", INCLUDE + "detail/object/redirect.hpp",
     HEADER + "#include <asio_uring/io_context.hpp>\n", ("layers",)),
    ("words in comments and strings", INCLUDE + "a.hpp",
     '#pragma once\n// boost::asio::detail\nconst char* s = "asio::detail";\n'
     "/* #include <boost/asio/detail/x.hpp> */\n", ()),
    ("asio's public macros", INCLUDE + "a.hpp",
     "#pragma once\n#if BOOST_ASIO_VERSION >= 102600\n#endif\n"
     "#ifdef BOOST_ASIO_ENABLE_HANDLER_TRACKING\n#endif\n", ()),
    ("ring includes op", INCLUDE + "ring/a.hpp",
     "#pragma once\n#include <asio_uring/op/read.hpp>\n", ("layers",)),
    ("ring includes public", "src/ring/a.cpp", "#include <asio_uring/use_ring.hpp>\n",
     ("layers",)),
    ("half of ring includes the other", INCLUDE + "ring/a.hpp",
     "#pragma once\n#include <asio_uring/detail/ring/b.hpp>\n", ()),
    ("loop includes request", INCLUDE + "detail/loop/a.hpp",
     HEADER + "#include <asio_uring/detail/request/a.hpp>\n", ("layers",)),
    ("request includes context", INCLUDE + "detail/request/impl/a.hpp",
     HEADER + "#include <asio_uring/detail/context/a.hpp>\n", ("layers",)),
    ("context includes object", INCLUDE + "detail/context/a.hpp",
     HEADER + "#include <asio_uring/detail/object/a.hpp>\n", ("layers",)),
    ("another folder of detail", INCLUDE + "detail/misc/a.hpp", HEADER, ("layer_name",)),
    ("another layer's word", INCLUDE + "detail/loop/a.hpp",
     "// Layer: request. Purpose: x. Thread: any. Lifetime: none.\n#pragma once\n",
     ("layer_name",)),
    ("op includes context", INCLUDE + "op/a.hpp",
     "#pragma once\n#include <asio_uring/detail/context/a.hpp>\n", ("layers",)),
    ("coupling includes context", INCLUDE + "detail/asio/a.hpp",
     HEADER + "#include <asio_uring/detail/context/a.hpp>\n", ("layers",)),
    ("context includes public", INCLUDE + "detail/context/a.hpp",
     HEADER + "#include <asio_uring/io_context.hpp>\n", ("layers",)),
    ("ring includes asio", INCLUDE + "ring/a.hpp",
     "#pragma once\n#include <boost/asio/buffer.hpp>\n", ("layers",)),
    ("op includes all of asio", INCLUDE + "op/a.hpp",
     "#pragma once\n#include <boost/asio.hpp>\n", ("layers",)),
    ("compiled part includes asio", "src/a.cpp", "#include <boost/asio/buffer.hpp>\n",
     ("layers",)),
    ("upward and spaced", INCLUDE + "ring/a.hpp",
     "#pragma once\n  #  include  <asio_uring/op.hpp>\n", ("layers",)),
    ("asio detail named", INCLUDE + "detail/context/a.hpp",
     HEADER + "using x = boost::asio::detail::scheduler;\n", ("asio_inside",)),
    ("asio detail named by alias", "tests/io/a.cpp",
     "using namespace asio :: detail;\n", ("asio_inside",)),
    ("asio detail included", INCLUDE + "a.hpp",
     "#pragma once\n#include <boost/asio/detail/scheduler.hpp>\n", ("asio_inside",)),
    ("asio private macro", INCLUDE + "a.hpp",
     "#pragma once\nBOOST_ASIO_HANDLER_LOCATION((1));\n", ("asio_inside",)),
    ("kernel header", INCLUDE + "ring/a.hpp",
     "#pragma once\n#include <linux/io_uring.h>\n", ("kernel_headers",)),
    ("liburing", "src/ring/a.cpp", "#include <liburing.h>\n", ("kernel_headers",)),
    ("liburing's part", "examples/a.cpp", "#include <liburing/barrier.h>\n",
     ("kernel_headers",)),
    ("liburing as an oracle", "tests/op/a.cpp", "#include <liburing.h>\n", ()),
    ("quoted include", "src/ring/a.cpp", '#include "asio_uring/ring/ring.hpp"\n',
     ("quoted_include",)),
    ("leftover", "examples/a.cpp", "// TODO: finish\n", ("leftover",)),
    ("leftover in a string", "examples/a.cpp", 'const char* s = "FIXME";\n', ("leftover",)),
    ("89 and 90 columns", "bench/a.cpp", "/" * 89 + "\n" + "/" * 90 + "\n", ()),
    ("91 columns", "bench/a.cpp", "/" * 91 + "\n", ("columns",)),
    ("70 lines", "src/ring/a.cpp", function_of(70), ()),
    ("71 lines", "src/ring/a.cpp", function_of(71), ("function_length",)),
    ("71 lines in a class", "src/ring/a.cpp",
     "namespace n {\nclass a : public b<int>\n{\npublic:\n" + function_of(71) + "};\n}\n",
     ("function_length",)),
    ("71 lines in a template", "src/ring/a.cpp",
     "template <typename T>\nstruct a\n{\ntemplate <class U>\n"
     + function_of(70, "auto f(U u = {}) -> int requires c<U>") + "};\n",
     ("function_length",)),
    ("71 lines in a constructor", "src/ring/a.cpp",
     function_of(71, "a::a(int x) : b_{x}, c_(x)"), ("function_length",)),
    ("71 lines in a test case", "tests/ring/a.cpp",
     function_of(71, "BOOST_AUTO_TEST_CASE(subject_condition_outcome)"),
     ("function_length",)),
    ("71 lines in a lambda", "src/ring/a.cpp",
     function_of(71, "auto f = [](int x)"), ("function_length",)),
    ("braces in literals", "src/ring/a.cpp",
     "void f()\n{\n    s = \"{\"; c = '{'; r = R\"({)\"; n = 1'000;\n}\n" + function_of(40)
     + function_of(40), ()),
    ("a long class and a long table", "src/ring/a.cpp",
     "struct a\n{\n" + "    int f();\n" * 80 + "};\nconstexpr int t[] = {\n"
     + "    1,\n" * 80 + "};\n", ()),
    ("raw access with its reason", "src/ring/a.cpp",
     "// Relaxed: a statistic.\nint f() { return std::atomic_ref{x}.load("
     "std::memory_order_relaxed); }\n\n// The kernel's offset.\nauto* p = m.at<int>(o);\n", ()),
    ("raw access without a comment", "src/ring/a.cpp",
     "// The words.\n\nauto* p = reinterpret_cast<int*>(q);\n", ("raw_access",)),
    ("mapped memory without a comment", INCLUDE + "ring/a.hpp",
     "#pragma once\n\nauto* p = map.at<int>(0);\n", ("raw_access",)),
    ("order without a reason", "src/ring/a.cpp",
     "// The tail.\nstd::atomic_ref{x}.store(\n    1, std::memory_order_release);\n",
     ("raw_access",)),
    ("another order's reason", "src/ring/a.cpp",
     "// Relaxed: x.\nint y = std::atomic_ref{x}.load(std::memory_order_acquire);\n",
     ("raw_access",)),
    ("raw access above the ring layers", "tests/ring/a.cpp",
     "auto* p = reinterpret_cast<int*>(q);\n", ()),
    ("no opening comment", INCLUDE + "detail/context/a.hpp", "#pragma once\nint x;\n",
     ("header_comment",)),
    ("half an opening comment", INCLUDE + "detail/context/a.hpp",
     "// Layer: context. Purpose: x. Thread: any.\n#pragma once\n", ("header_comment",)),
    ("include guard", INCLUDE + "a.hpp",
     "#ifndef A_HPP\n#define A_HPP\nint x;\n#endif\n", ("guard",)),
    ("no guard", INCLUDE + "a.hpp", "int x;\n", ("guard",)),
)


def titled(path, text):
    """The text behind the first line that its folder asks for."""
    if not path.startswith(INCLUDE) or text.startswith("// Layer:"):
        return text
    title = f"// Layer: {tidy.LAYER_NAMES[tidy.layer_of(path)]}."
    return title + text[2:] if text.startswith("// ") else f"{title}\n{text}"


def licensed(text):
    """The text with a licence line, unless it says that it has none."""
    return text if text.startswith("no licence") else f"// {tidy.LICENSE}\n{text}"


def rules_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(licensed(text), encoding="utf-8")
        if not any("CMakeLists.txt" in path for path in files):
            listed = licensed("\n".join(files))
            (root / "CMakeLists.txt").write_text(listed, encoding="utf-8")
        return {rule for _, _, rule, _ in tidy.run(root)}


def main():
    failures = []
    covered = set()

    def expect(name, files, rules):
        covered.update(rules)
        found = rules_of(files)
        if found != set(rules):
            failures.append(f"{name}: expected {sorted(rules)}, found {sorted(found)}")

    for name, path, text, rules in CASES:
        expect(name, {path: titled(path, text)}, rules)
    expect("no licence", {"docs/a.md": "no licence\n"}, ("license",))
    heading = "## `f()`, and b_c\n"
    expect("links that lead somewhere",
           {"docs/a.md": f"{heading}[b](../b.md) [c](#f-and-b_c) [d](http://a.example/)\n",
            "b.md": "[a](docs/a.md#f-and-b_c)\n\n```\n[no](link.md)\n```\n"}, ())
    expect("a link to a file that is gone", {"a.md": "[b](b.md)\n"}, ("link",))
    expect("a link to no heading", {"a.md": f"{heading}[a](#g)\n"}, ("link",))
    lists = "add_library(x src/ring/listed.cpp)\n"
    expect("listed", {"CMakeLists.txt": lists, "src/ring/listed.cpp": "int x;\n"}, ())
    expect("listed from a sibling",
           {"tests/a/CMakeLists.txt": "add_executable(x ../b.cpp)", "tests/b.cpp": ""}, ())
    expect("unlisted", {"CMakeLists.txt": lists, "src/ring/listed2.cpp": "int x;\n"},
           ("unlisted",))

    def umbrella(*gathered):
        return "// Layer: public.\n#pragma once\n" + "".join(
            f"#include <asio_uring/{name}>\n" for name in gathered
        )

    part = "// Layer: ring.\n#pragma once\n"
    expect("umbrella", {INCLUDE + "ring_layer.hpp": umbrella("ring/ring.hpp"),
                        INCLUDE + "ring/ring.hpp": part,
                        INCLUDE + "c.hpp": "// Layer: public.\n#pragma once\n"}, ())
    expect("umbrella with a hole",
           {INCLUDE + "ring_layer.hpp": umbrella("ring/ring.hpp"),
            INCLUDE + "ring/ring.hpp": part, INCLUDE + "ring/error.hpp": part},
           ("umbrella",))
    expect("umbrella with a guest",
           {INCLUDE + "asio_uring.hpp": umbrella("ring/ring.hpp"),
            INCLUDE + "ring/ring.hpp": part},
           ("umbrella",))

    names = {check.__name__.removeprefix("check_") for check in tidy.SOURCE_CHECKS}
    names |= {check.__name__.removeprefix("tree_") for check in tidy.TREE_CHECKS}
    renamed = {"leftovers": "leftover", "quoted_includes": "quoted_include",
               "detail_header_comment": "header_comment"}
    for name in sorted(names):
        if renamed.get(name, name) not in covered:
            failures.append(f"no case shows that the rule {name} can fail")

    for failure in failures:
        print(failure)
    print(f"tidy self-test: {len(CASES) + 8} cases, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
