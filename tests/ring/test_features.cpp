// SPDX-License-Identifier: BSL-1.0
// What the kernel offers, and what a refusal says when a limit or a policy is in the way.
#include "../../src/ring/names.hpp"
#include "../../src/ring/probe.hpp"
#include "../../src/ring/setup.hpp"
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "oracle.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstddef>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <grp.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

boost::system::error_code system_error(int value)
{
    return {value, boost::system::system_category()};
}

/// Lets every call of io_uring_setup of this process fail with `error`.
bool forbid_setup(int error)
{
    ::sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const ::sock_fprog filter{4, program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// "" if creating a ring fails with `error` and the text has all `parts`.
std::string check_refusal(
    const ring_options& options, int error, const std::vector<std::string>& parts)
{
    boost::system::error_code ec;
    const ring r = ring::create(options, ec);
    if (ec != system_error(error))
        return "unexpected outcome: " + ec.message();
    const std::string text = explain_setup_error(ec, options);
    for (const std::string& part : parts) {
        if (!contains(text, part))
            return "no \"" + part + "\" in: " + text;
    }
    return {};
}

/// The limit of many distributions, without the privilege that ignores it. All processes
/// of a user share the limit, so the user is one nobody else is.
std::string become_unprivileged(rlim_t memlock)
{
    const auto nobody = static_cast<::uid_t>(1'000'000 + ::getpid());
    const ::rlimit limit{memlock, memlock};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return "setrlimit failed";
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)
        return "setuid failed";
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_features)

BOOST_AUTO_TEST_CASE(probe_agrees_with_liburing_on_every_opcode)
{
    const kernel_features features = kernel_features::probe();
    BOOST_REQUIRE(features.available());
    const std::bitset<256> expected = oracle_opcodes();
    for (unsigned code = 0; code != 256; ++code) {
        const bool has = features.supports(static_cast<abi::opcode>(code));
        BOOST_TEST(has == expected[code], "opcode " << code);
    }
}

BOOST_AUTO_TEST_CASE(everything_found_by_trial_is_what_the_kernel_tells)
{
    abi::query_opcode answer{};
    if (!detail::query_kernel(answer))
        ASIO_URING_SKIP("the kernel cannot be asked (6.18)");
    constexpr std::uint32_t named = (abi::setup_sq_rewind << 1) - 1;
    const auto told = static_cast<std::uint32_t>(answer.ring_setup_flags);
    BOOST_TEST(detail::try_setup_flags() == (told & named));

    const ring scratch{
        {.entries = 1, .flags = abi::setup_single_issuer | abi::setup_defer_taskrun}};
    const int fd = scratch.native_handle();
    BOOST_TEST(detail::try_enter_flags(fd, told) == (answer.enter_flags & 0xff));
    BOOST_TEST(detail::sqe_flags_of(scratch.features()) == (answer.sqe_flags & 0x7f));

    const std::bitset<256> opcodes = detail::probe_opcodes(fd);
    for (std::size_t code = answer.nr_request_opcodes; code != opcodes.size(); ++code)
        BOOST_TEST(!opcodes[code], "opcode " << code);
    const std::bitset<64> calls = detail::try_register_calls(fd, opcodes);
    for (std::size_t code = 0; code != detail::register_table.size(); ++code) {
        const bool is_told = code < answer.nr_register_opcodes;
        BOOST_TEST(
            calls[code] == is_told,
            "register call " << detail::register_table[code].name);
    }
}

BOOST_AUTO_TEST_CASE(features_are_those_the_kernel_tells)
{
    abi::query_opcode answer{};
    if (!detail::query_kernel(answer))
        ASIO_URING_SKIP("the kernel cannot be asked (6.18)");
    const kernel_features features = kernel_features::probe();
    BOOST_TEST(features.asked());
    BOOST_TEST(features.setup_flags() == answer.ring_setup_flags);
    BOOST_TEST(features.enter_flags() == answer.enter_flags);
    BOOST_TEST(features.sqe_flags() == answer.sqe_flags);
    BOOST_TEST(features.features() == answer.feature_flags);
    const auto last = static_cast<abi::register_op>(answer.nr_register_opcodes - 1);
    const auto none = static_cast<abi::register_op>(answer.nr_register_opcodes);
    BOOST_TEST(features.supports(last));
    BOOST_TEST(!features.supports(none));
}

BOOST_AUTO_TEST_CASE(running_features_are_remembered_and_consistent)
{
    const kernel_features features = kernel_features::running();
    BOOST_TEST(features.available());
    BOOST_TEST(!features.release().empty());
    BOOST_TEST(features.release() == kernel_features::running().release());
    BOOST_TEST(features.supports(abi::opcode::nop));
    BOOST_TEST(features.supports(abi::register_op::probe));
    BOOST_TEST(!features.supports(static_cast<abi::opcode>(200)));
    BOOST_TEST(features.supports_setup(abi::setup_cqsize | abi::setup_clamp));
    BOOST_TEST(!features.supports_setup(abi::setup_cqsize | 1U << 31));
    BOOST_TEST(features.supports_enter(abi::enter_getevents | abi::enter_ext_arg));
    BOOST_TEST(features.supports_sqe(abi::sqe_io_link | abi::sqe_async));
    BOOST_TEST(!features.supports_sqe(abi::sqe_io_link | 1U << 7));
    BOOST_TEST(features.supports_feature(abi::feat_nodrop));
}

BOOST_AUTO_TEST_CASE(versions_compare_by_number)
{
    BOOST_TEST(detail::is_at_least("6.1.38", "5.19"));
    BOOST_TEST(detail::is_at_least("6.10.0", "6.9"));
    BOOST_TEST(detail::is_at_least("6.9", "6.9"));
    BOOST_TEST(!detail::is_at_least("6.9.12", "6.10"));
    BOOST_TEST(!detail::is_at_least("unknown", "5.1"));
}

BOOST_AUTO_TEST_CASE(table_agrees_with_each_single_question)
{
    const kernel_features features = kernel_features::running();
    std::size_t operations = 0;
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (const kernel_feature& row : features.table()) {
        BOOST_TEST_CONTEXT(row.group << " " << row.name)
        {
            BOOST_TEST(names.emplace(row.group, row.name).second, "named twice");
            BOOST_TEST(detail::is_at_least(row.first_kernel, "5.1"));
            if (row.derived)
                BOOST_TEST(
                    row.present ==
                    detail::is_at_least(features.release(), row.first_kernel));
        }
        if (row.group == "operations") {
            const auto code = static_cast<abi::opcode>(operations++);
            BOOST_TEST(row.name == opcode_name(code));
            BOOST_TEST(row.present == features.supports(code));
            BOOST_TEST(!row.derived);
        }
    }
    BOOST_TEST(operations == abi::opcode_count);
    for (const auto& [group, name] :
         {std::pair{"setup flags", "no_mmap"},
          {"entry flags", "cqe_skip_success"},
          {"completion flags", "f_buf_more"},
          {"timeout flags", "timeout_multishot"},
          {"cancel flags", "async_cancel_op"},
          {"socket commands", "setsockopt"},
          {"registration flags", "pbuf_ring_inc"}})
        BOOST_TEST(names.count({group, name}) == 1, name);
}

BOOST_AUTO_TEST_CASE(table_names_everything_with_its_first_kernel)
{
    std::ostringstream stream;
    stream << kernel_features::running();
    const std::string text = stream.str();
    for (unsigned code = 0; code != abi::opcode_count; ++code) {
        const auto opcode = static_cast<abi::opcode>(code);
        BOOST_TEST(!opcode_name(opcode).empty());
        BOOST_TEST(!opcode_first_kernel(opcode).empty());
        BOOST_TEST(contains(text, "  " + std::string{opcode_name(opcode)} + ' '));
    }
    for (const char* part :
         {"defer_taskrun", "no_sqarray", "abs_timer", "send_msg_ring", "min_timeout"})
        BOOST_TEST(contains(text, part));
    BOOST_TEST(opcode_name(abi::opcode::splice) == "splice");
    BOOST_TEST(opcode_first_kernel(abi::opcode::uring_cmd128) == "6.19");
    BOOST_TEST(opcode_name(static_cast<abi::opcode>(200)).empty());
}

BOOST_AUTO_TEST_CASE(setup_forbidden_by_seccomp_says_so)
{
    const std::string verdict = in_child([]() -> std::string {
        if (!forbid_setup(EPERM))
            return "no seccomp";
        if (kernel_features::probe().available())
            return "features without a ring";
        return check_refusal({}, EPERM, {"seccomp", "io_uring_setup", "allow"});
    });
    if (verdict == "no seccomp")
        ASIO_URING_SKIP("this system does not let a process filter its system calls");
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(missing_system_call_says_so)
{
    const std::string verdict = in_child([]() -> std::string {
        if (!forbid_setup(ENOSYS))
            return "no seccomp";
        return check_refusal({}, ENOSYS, {"CONFIG_IO_URING", "seccomp"});
    });
    if (verdict == "no seccomp")
        ASIO_URING_SKIP("this system does not let a process filter its system calls");
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(full_descriptor_table_says_so_with_the_limit)
{
    const std::string verdict = in_child([]() -> std::string {
        // A sanitizer opens descriptors when it checks a type for the first time, so go
        // this way once before there are none.
        check_refusal({.flags = abi::setup_attach_wq, .attach_wq_fd = 0}, EMFILE, {});
        explain_setup_error(system_error(EMFILE), {});

        // The lowest free number is above the limit as soon as the limit is that number.
        const int next = ::dup(0);
        ::close(next);
        ::rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = static_cast<rlim_t>(next);
        ::setrlimit(RLIMIT_NOFILE, &limit);
        return check_refusal(
            {}, EMFILE, {"RLIMIT_NOFILE", "limit is " + std::to_string(next)});
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(unprivileged_ring_lives_within_the_usual_memory_lock_limit)
{
    if (::geteuid() != 0)
        ASIO_URING_SKIP("only root can become another user");
    const std::string verdict = in_child([]() -> std::string {
        if (const std::string failed = become_unprivileged(8 << 20); !failed.empty())
            return failed;
        // As many contexts as a program may want, with rings of the default size.
        std::vector<ring> rings;
        for (int count = 0; count != 250; ++count)
            rings.emplace_back(ring_options{});
        for (ring& r : rings) {
            if (!r.try_push(op::nop{}, 1) || r.submit_and_wait(1).submitted != 1)
                return "a ring does not work";
        }
        return {};
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(exhausted_memory_lock_limit_says_so_with_the_limit)
{
    if (::geteuid() != 0)
        ASIO_URING_SKIP("only root can become another user");
    const std::string verdict = in_child([]() -> std::string {
        if (const std::string failed = become_unprivileged(8 << 20); !failed.empty())
            return failed;
        const ring_options large{.entries = 32768};
        std::vector<ring> rings;
        boost::system::error_code ec;
        for (int count = 0; count != 16 && !ec; ++count)
            rings.push_back(ring::create(large, ec));
        if (!ec)
            return "no memory-lock accounting";
        const std::vector<std::string> parts{
            "8388608 bytes", "32768 entries", "RLIMIT_MEMLOCK"};
        if (std::string wrong = check_refusal(large, ENOMEM, parts); !wrong.empty())
            return wrong;
        // What closed rings give back comes late; creation waits for it.
        rings.clear();
        const ring again = ring::create(large, ec);
        return ec ? "the memory did not come back: " + ec.message() : "";
    });
    if (verdict == "no memory-lock accounting")
        ASIO_URING_SKIP("the kernel does not charge ring memory to the limit");
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(every_explanation_is_a_sentence_with_cause_and_remedy)
{
    const ring_options options;
    for (int error :
         {ENOSYS, EPERM, EACCES, ENOMEM, EMFILE, ENFILE, EINVAL, EBADF, ENXIO})
        BOOST_TEST(
            contains(explain_setup_error(system_error(error), options), "; ") == true);
    for (int value = 1; value <= static_cast<int>(errc::unsupported_register_call);
         ++value) {
        const boost::system::error_code ec = make_error_code(static_cast<errc>(value));
        BOOST_TEST(explain_setup_error(ec, options).size() > 40);
        BOOST_TEST(ec.message() != "unknown error");
    }
    BOOST_TEST(explain_setup_error({}, options) == "no error");
    BOOST_TEST(
        contains(explain_setup_error(system_error(EIO), options), "cannot create"));
}

BOOST_AUTO_TEST_CASE(results_map_to_errors_and_values)
{
    BOOST_TEST(!result_error(0));
    BOOST_TEST(!result_error(17));
    BOOST_TEST(result_value(17) == 17);
    BOOST_TEST(result_value(-5) == 0);
    BOOST_TEST(result_error(-ECONNREFUSED) == system_error(ECONNREFUSED));
    for (int internal : {-512, -513, -514, -516})
        BOOST_TEST(result_error(internal) == system_error(ECANCELED));
    BOOST_TEST(result_error(-511) == system_error(511));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
