// What the kernel offers, and what a refusal says when a limit or a policy is in the way.
#include "../../src/ring/setup.hpp"
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "oracle.hpp"

#include <asio_uring/kernel_features.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstddef>
#include <sstream>
#include <string>
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

/// The limit of many distributions, without the privilege that ignores it.
std::string become_unprivileged(rlim_t memlock)
{
    constexpr ::uid_t nobody = 65534;
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

BOOST_AUTO_TEST_CASE(setup_flags_found_by_trial_are_those_the_kernel_tells)
{
    abi::query_opcode answer{};
    if (!detail::query_kernel(answer))
        ASIO_URING_SKIP("the kernel cannot be asked (6.18)");
    constexpr std::uint32_t untried = abi::setup_no_mmap | abi::setup_registered_fd_only;
    constexpr std::uint32_t named = (abi::setup_sq_rewind << 1) - 1;
    const auto told = static_cast<std::uint32_t>(answer.ring_setup_flags);
    BOOST_TEST(detail::try_setup_flags() == (told & named & ~untried));

    const kernel_features features = kernel_features::probe();
    BOOST_TEST((features.enter_flags() == (answer.enter_flags & 0xff)));
    BOOST_TEST((features.features() == answer.feature_flags));
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
    BOOST_TEST(features.supports_feature(abi::feat_nodrop));
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
        // Rings of the default size by the hundred.
        std::vector<ring> rings;
        for (int count = 0; count != 100; ++count)
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
    for (int value = 1; value <= static_cast<int>(errc::reactor_exists); ++value) {
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
