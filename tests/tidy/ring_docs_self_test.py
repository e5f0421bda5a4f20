#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that every check of ring_docs.py can fail, and that the tree as it is passes."""

import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ring_docs  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = "docs/ring.md"
OPCODE = "include/asio_uring/ring/abi/opcode.hpp"
NAMES = "src/ring/names.hpp"

CASES = (
    # name, file, text in it, what replaces it, part of the finding
    ("operation missing", DOCUMENT, "| `sendmsg_zc` |", "| `sendmsg_cz` |",
     "no row for sendmsg_zc"),
    ("second aggregate missing", DOCUMENT, ", `timeout_update` (5.11)", "",
     "op::timeout_update"),
    ("version of an operation wrong", DOCUMENT, "| `tee` | `tee` | 5.8 |",
     "| `tee` | `tee` | 5.9 |", "no row for tee (33), kernel 5.8"),
    ("register call missing", DOCUMENT, "| `clock` |", "| `clock_` |", "no row for clock"),
    ("setup flag of another version", "include/asio_uring/ring/abi/flags.hpp",
     "setup_no_mmap = 1U << 14;            // 6.5", "setup_no_mmap = 1U << 14; // 6.4",
     "no row for setup_no_mmap, kernel 6.4"),
    ("public name missing", DOCUMENT, "`kernel_feature`,", "", "kernel_feature of"),
    ("public function missing", DOCUMENT, "`opcode_first_kernel()`", "",
     "opcode_first_kernel of"),
    ("new opcode without all the rest", OPCODE, "    nop128 = 63,",
     "    more = 65,    // 9.9\n    nop128 = 63,", "no aggregate for opcode more"),
    ("library's version of an opcode wrong", NAMES, '{"splice", "5.7"}', '{"splice", "5.6"}',
     "opcode_table has ('splice', '5.6')"),
    ("library's version of a register call wrong", NAMES, '{"napi", "6.9"', '{"napi", "6.8"',
     "register_table has ('napi', '6.8')"),
    ("library's version of a flag wrong", NAMES, '"abs_timer", "6.12"', '"abs_timer", "6.13"',
     "enter_abs_timer is listed as abs_timer, 6.13"),
    ("library's version of an operation's flag wrong", NAMES, '"timeout_multishot", "6.4"',
     '"timeout_multishot", "6.3"', "timeout_multishot is of 6.4, not 6.3"),
    ("operation not listed", "include/asio_uring/op/list.hpp", '    visit("tee", tee{});\n', "",
     "list.hpp: tee is missing"),
    ("operation listed by another name", "include/asio_uring/op/list.hpp",
     'visit("tee", tee{})', 'visit("splice", tee{})', "tee is called splice"),
    ("operation of another kernel than its opcode", "include/asio_uring/op/pipe.hpp",
     "first_kernel{5, 8}", "first_kernel{5, 9}", "tee is of kernel 5.8, not 5.9"),
    ("operation of another kernel than its comment", "include/asio_uring/op/message.hpp",
     "first_kernel{6, 0}", "first_kernel{6, 1}", "msg_ring_fd does not say Kernel 6.1"),
    ("operation without a first kernel", "include/asio_uring/op/pipe.hpp",
     "    static constexpr kernel_version first_kernel{5, 8};\n", "",
     "tee says no first_kernel"),
    ("flag in no table", NAMES, '{abi::enter_no_iowait, "no_iowait", "6.15"},', "",
     "enter_no_iowait (6.15) is in no table"),
)


def findings_with(path=None, old="", new=""):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for part in ("docs", "include", "src"):
            shutil.copytree(ROOT / part, root / part)
        if path:
            text = (root / path).read_text(encoding="utf-8")
            assert text.count(old) >= 1, f"{path} has no {old!r}: the case is out of date"
            (root / path).write_text(text.replace(old, new), encoding="utf-8")
        return ring_docs.run(root)


def main():
    failed = 0
    if findings_with():
        print("the tree as it is has findings")
        failed += 1
    for name, path, old, new, expected in CASES:
        findings = findings_with(path, old, new)
        if not any(expected in finding for finding in findings):
            print(f"{name}: no finding with {expected!r} in {findings}")
            failed += 1
    print(f"ring_docs_self_test: {len(CASES) + 1} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
