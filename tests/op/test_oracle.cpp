// SPDX-License-Identifier: BSL-1.0
// Every operation liburing has a helper for is byte-identical to what the helper writes.
#include "entry_image.hpp"
#include "oracle.hpp"

#include <asio_uring/op.hpp>

#include <boost/test/unit_test.hpp>

#include <map>

namespace asio_uring::test {

namespace {

using images = std::map<std::string, filled>;

const auto vectors = pointer<const ::iovec>(address_a);
const auto data = pointer<void>(address_a);
const auto path_a = pointer<const char>(address_a);
const auto path_b = pointer<const char>(address_b);
const auto path_c = pointer<const char>(address_c);
const auto value_b = pointer<void>(address_b);
const auto message = pointer<::msghdr>(address_a);
const auto name = pointer<::sockaddr>(address_b);
const auto name_size = pointer<::socklen_t>(address_c);
const auto expiry = pointer<const abi::kernel_timespec>(address_a);
const auto event = pointer<::epoll_event>(address_a);
const auto how = pointer<const abi::open_how>(address_b);
constexpr int int_flags = static_cast<int>(flags_a);

images transfers()
{
    return {
        {"readv", fill(op::readv{fd_a, vectors, size_a, offset_a, flags_a})},
        {"writev", fill(op::writev{fd_a, vectors, size_a, offset_a, flags_a})},
        {"read", fill(op::read{fd_a, data, size_a, offset_a})},
        {"write", fill(op::write{fd_a, data, size_a, offset_a})},
        {"read_fixed", fill(op::read_fixed{fd_a, data, size_a, offset_a, 0, group_a})},
        {"write_fixed", fill(op::write_fixed{fd_a, data, size_a, offset_a, 0, group_a})},
        {"splice", fill(op::splice{fd_a, offset_a, fd_b, offset_b, size_a, flags_a})},
        {"tee", fill(op::tee{fd_a, fd_b, size_a, flags_a})},
    };
}

images sockets()
{
    constexpr auto any = abi::file_index_alloc;
    constexpr auto again = abi::accept_multishot;
    return {
        {"recv", fill(op::recv{fd_a, data, size_a, int_flags})},
        {"recv multishot",
         fill(op::recv{fd_a, data, size_a, int_flags, abi::recv_multishot})},
        {"recvmsg", fill(op::recvmsg{fd_a, message, int_flags})},
        {"recvmsg multishot",
         fill(op::recvmsg{fd_a, message, int_flags, abi::recv_multishot})},
        {"send", fill(op::send{fd_a, data, size_a, int_flags})},
        {"sendmsg", fill(op::sendmsg{fd_a, message, int_flags})},
        {"send_zc", fill(op::send_zc{fd_a, data, size_a, int_flags, 8})},
        {"send_zc fixed",
         fill(op::send_zc{
             .fd = fd_a,
             .data = data,
             .size = size_a,
             .flags = int_flags,
             .ioprio = 8,
             .buffer_index = group_a})},
        {"send_zc to", fill(op::send_zc{fd_a, data, size_a, int_flags, 8, name, 0x0110})},
        {"sendmsg_zc", fill(op::sendmsg_zc{fd_a, message, int_flags})},
        {"accept", fill(op::accept{fd_a, name, name_size, int_flags})},
        {"accept slot", fill(op::accept{fd_a, name, name_size, int_flags, 0, slot_a})},
        {"accept multishot", fill(op::accept{fd_a, name, name_size, int_flags, again})},
        {"accept multishot any slot",
         fill(op::accept{fd_a, name, name_size, int_flags, again, any})},
        {"connect", fill(op::connect{fd_a, name, size_a})},
        {"shutdown", fill(op::shutdown{fd_a, 2})},
        {"socket", fill(op::socket{2, 1, 6})},
        {"socket slot", fill(op::socket{2, 1, 6, slot_a})},
        {"socket any slot", fill(op::socket{2, 1, 6, any})},
    };
}

images controls()
{
    return {
        {"nop", fill(op::nop{})},
        {"poll_add", fill(op::poll_add{fd_a, flags_a})},
        {"poll_add multishot", fill(op::poll_add{fd_a, flags_a, abi::poll_add_multi})},
        {"poll_remove", fill(op::poll_remove{user_data_a})},
        {"poll_update", fill(op::poll_update{user_data_a, offset_a, flags_a, 6})},
        {"epoll_ctl", fill(op::epoll_ctl{fd_a, 1, fd_b, event})},
        {"timeout", fill(op::timeout{expiry, size_a, flags_a})},
        {"timeout_remove", fill(op::timeout_remove{user_data_a})},
        {"timeout_update", fill(op::timeout_update{user_data_a, expiry, 1})},
        {"link_timeout", fill(op::link_timeout{expiry, flags_a})},
        {"cancel", fill(op::async_cancel{.user_data = user_data_a, .flags = 1})},
        {"cancel fd",
         fill(op::async_cancel{
             .fd = fd_a, .flags = abi::async_cancel_all | abi::async_cancel_fd})},
        {"provide_buffers", fill(op::provide_buffers{data, size_a, 5, group_a, 0x0304})},
        {"remove_buffers", fill(op::remove_buffers{5, group_a})},
        {"msg_ring", fill(op::msg_ring{fd_a, user_data_a, static_cast<int>(size_a)})},
        {"files_update", fill(op::files_update{pointer<int>(address_a), 3, 4})},
        {"close", fill(op::close{fd_a})},
        {"close slot", fill(op::close{.slot = slot_a})},
    };
}

images files()
{
    const auto result = pointer<struct ::statx>(address_b);
    return {
        {"openat", fill(op::openat{fd_a, path_a, int_flags, 0644})},
        {"openat slot", fill(op::openat{fd_a, path_a, int_flags, 0644, slot_a})},
        {"openat2", fill(op::openat2{fd_a, path_a, how})},
        {"openat2 slot", fill(op::openat2{fd_a, path_a, how, slot_a})},
        {"statx", fill(op::statx{fd_a, path_a, int_flags, size_a, result})},
        {"fsync", fill(op::fsync{fd_a, abi::fsync_datasync})},
        {"sync_file_range", fill(op::sync_file_range{fd_a, offset_a, size_a, flags_a})},
        {"fallocate", fill(op::fallocate{fd_a, 3, offset_a, offset_b})},
        {"fadvise", fill(op::fadvise{fd_a, offset_a, size_a, 3})},
        {"madvise", fill(op::madvise{data, size_a, 3})},
        {"renameat", fill(op::renameat{fd_a, path_a, fd_b, path_b, flags_a})},
        {"unlinkat", fill(op::unlinkat{fd_a, path_a, 0x200})},
        {"mkdirat", fill(op::mkdirat{fd_a, path_a, 0755})},
        {"symlinkat", fill(op::symlinkat{path_a, fd_a, path_b})},
        {"linkat", fill(op::linkat{fd_a, path_a, fd_b, path_b, 0x400})},
        {"setxattr", fill(op::setxattr{path_c, path_a, path_b, size_a, 1})},
        {"fsetxattr", fill(op::fsetxattr{fd_a, path_a, path_b, size_a, 1})},
        {"getxattr", fill(op::getxattr{path_c, path_a, value_b, size_a})},
        {"fgetxattr", fill(op::fgetxattr{fd_a, path_a, value_b, size_a})},
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_oracle)

BOOST_AUTO_TEST_CASE(operation_with_liburing_helper_is_byte_identical)
{
    images ours;
    for (const images& part : {transfers(), sockets(), controls(), files()})
        ours.insert(part.begin(), part.end());
    const auto theirs = oracle_entries();
    BOOST_TEST(ours.size() == theirs.size());

    for (const oracle_entry& entry : theirs) {
        BOOST_TEST_CONTEXT(entry.name)
        {
            image expected{};
            std::memcpy(expected.data(), entry.bytes, expected.size());
            BOOST_REQUIRE(ours.count(entry.name) == 1);
            BOOST_TEST(to_string(ours[entry.name].bytes) == to_string(expected));
            BOOST_TEST((ours[entry.name].results == results_of(expected)));
            BOOST_TEST((ours[entry.name].descriptors == descriptors_of(expected)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
