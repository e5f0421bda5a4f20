// SPDX-License-Identifier: BSL-1.0
// What the operations say of themselves beside their fields; what of it an entry shows is
// checked with the images.
#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

#include <fcntl.h>

namespace asio_uring::test {

namespace {

std::string to_string(op::kernel_version kernel)
{
    return std::to_string(kernel.version) + '.' + std::to_string(kernel.patch_level);
}

// Facts are for decisions at compile time too.
static_assert(op::read_multishot::results() == op::results::many);
static_assert(op::accept{}.results() == op::results::one);
static_assert(op::accept{.slot = 3}.makes_descriptors() == op::descriptors::none);
static_assert(op::fsync::worker() == op::worker::always);
static_assert(op::splice::first_kernel < op::pipe::first_kernel);
static_assert(op::operation<op::on_direct<op::recv>>);

struct without_facts
{
    static constexpr abi::opcode code = abi::opcode::nop;
    void prepare(abi::sqe&) const noexcept {}
};
static_assert(!op::operation<without_facts>);

} // namespace

BOOST_AUTO_TEST_SUITE(test_facts)

BOOST_AUTO_TEST_CASE(every_listed_operation_has_all_facts)
{
    unsigned listed = 0;
    op::for_each_operation([&listed]<op::operation Op>(const char*, const Op&) {
        static_assert(std::is_aggregate_v<Op>);
        ++listed;
    });
    BOOST_TEST(listed >= abi::opcode_count);
}

BOOST_AUTO_TEST_CASE(first_kernel_is_that_of_the_opcode_or_of_its_newer_use)
{
    op::for_each_operation([]<class Op>(const char* name, const Op&) {
        BOOST_TEST_CONTEXT(name)
        {
            const std::string_view code = opcode_name(Op::code);
            if (code == name)
                BOOST_TEST(to_string(Op::first_kernel) == opcode_first_kernel(Op::code));
            else
                BOOST_TEST(
                    (Op::first_kernel > op::kernel_version{5, 1} && code != ""),
                    "an operation that shares an opcode came later");
        }
    });
}

BOOST_AUTO_TEST_CASE(time_stamps_of_sent_data_have_many_results)
{
    BOOST_TEST((op::tx_timestamp{.fd = 3}.results() == op::results::many));
    BOOST_TEST((op::socket_queue{.fd = 3}.results() == op::results::one));
}

BOOST_AUTO_TEST_CASE(zero_copy_send_has_two_stages_whatever_its_flags)
{
    constexpr std::uint16_t report = abi::send_zc_report_usage;
    BOOST_TEST((op::send_zc{}.results() == op::results::two_stage));
    BOOST_TEST((op::sendmsg_zc{.ioprio = report}.results() == op::results::two_stage));
}

BOOST_AUTO_TEST_CASE(open_that_changes_a_directory_always_takes_a_worker)
{
    BOOST_TEST((op::openat{.flags = O_RDWR}.worker() == op::worker::may));
    BOOST_TEST((op::openat{.flags = O_DIRECTORY}.worker() == op::worker::may));
    for (const int flag : {O_CREAT, O_TRUNC, O_TMPFILE})
        BOOST_TEST((op::openat{.flags = O_RDWR | flag}.worker() == op::worker::always));
}

BOOST_AUTO_TEST_CASE(advice_takes_a_worker_where_the_kernel_acts_on_it)
{
    BOOST_TEST((op::fadvise{.advice = POSIX_FADV_RANDOM}.worker() == op::worker::never));
    for (const int advice : {POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED})
        BOOST_TEST((op::fadvise{.advice = advice}.worker() == op::worker::always));
}

BOOST_AUTO_TEST_CASE(operation_on_a_direct_descriptor_has_the_facts_of_the_operation)
{
    const auto many = op::on_slot(3, op::recv{.ioprio = abi::recv_multishot});
    BOOST_TEST((many.results() == op::results::many));
    BOOST_TEST((many.makes_descriptors() == op::descriptors::none));
    BOOST_TEST((many.worker() == op::worker::never));
    BOOST_TEST((many.first_kernel == op::recv::first_kernel));
    const auto plain = op::on_slot(3, op::accept{});
    BOOST_TEST((plain.makes_descriptors() == op::descriptors::result));
    BOOST_TEST((op::on_slot(3, op::fsync{}).worker() == op::worker::always));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
