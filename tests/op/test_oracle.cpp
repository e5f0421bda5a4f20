// SPDX-License-Identifier: BSL-1.0
// Every operation liburing has a helper for is byte-identical to what the helper writes.
#include "entry_image.hpp"
#include "oracle.hpp"

#include <asio_uring/op.hpp>

#include <boost/test/unit_test.hpp>

#include <map>

namespace asio_uring::test {

namespace {

using images = std::map<std::string, image>;

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
        {"readv", image_of(op::readv{fd_a, vectors, size_a, offset_a, flags_a})},
        {"writev", image_of(op::writev{fd_a, vectors, size_a, offset_a, flags_a})},
        {"read", image_of(op::read{fd_a, data, size_a, offset_a})},
        {"write", image_of(op::write{fd_a, data, size_a, offset_a})},
        {"read_fixed",
         image_of(op::read_fixed{fd_a, data, size_a, offset_a, 0, group_a})},
        {"write_fixed",
         image_of(op::write_fixed{fd_a, data, size_a, offset_a, 0, group_a})},
        {"splice", image_of(op::splice{fd_a, offset_a, fd_b, offset_b, size_a, flags_a})},
        {"tee", image_of(op::tee{fd_a, fd_b, size_a, flags_a})},
    };
}

images sockets()
{
    constexpr auto any = abi::file_index_alloc;
    constexpr auto again = abi::accept_multishot;
    return {
        {"recv", image_of(op::recv{fd_a, data, size_a, int_flags})},
        {"recv multishot",
         image_of(op::recv{fd_a, data, size_a, int_flags, abi::recv_multishot})},
        {"recvmsg", image_of(op::recvmsg{fd_a, message, int_flags})},
        {"recvmsg multishot",
         image_of(op::recvmsg{fd_a, message, int_flags, abi::recv_multishot})},
        {"send", image_of(op::send{fd_a, data, size_a, int_flags})},
        {"sendmsg", image_of(op::sendmsg{fd_a, message, int_flags})},
        {"send_zc", image_of(op::send_zc{fd_a, data, size_a, int_flags, 8})},
        {"send_zc fixed",
         image_of(op::send_zc{
             .fd = fd_a,
             .data = data,
             .size = size_a,
             .flags = int_flags,
             .ioprio = 8,
             .buffer_index = group_a})},
        {"send_zc to",
         image_of(op::send_zc{fd_a, data, size_a, int_flags, 8, name, 0x0110})},
        {"sendmsg_zc", image_of(op::sendmsg_zc{fd_a, message, int_flags})},
        {"accept", image_of(op::accept{fd_a, name, name_size, int_flags})},
        {"accept slot",
         image_of(op::accept{fd_a, name, name_size, int_flags, 0, slot_a})},
        {"accept multishot",
         image_of(op::accept{fd_a, name, name_size, int_flags, again})},
        {"accept multishot any slot",
         image_of(op::accept{fd_a, name, name_size, int_flags, again, any})},
        {"connect", image_of(op::connect{fd_a, name, size_a})},
        {"shutdown", image_of(op::shutdown{fd_a, 2})},
        {"socket", image_of(op::socket{2, 1, 6})},
        {"socket slot", image_of(op::socket{2, 1, 6, slot_a})},
        {"socket any slot", image_of(op::socket{2, 1, 6, any})},
    };
}

images controls()
{
    return {
        {"nop", image_of(op::nop{})},
        {"poll_add", image_of(op::poll_add{fd_a, flags_a})},
        {"poll_add multishot",
         image_of(op::poll_add{fd_a, flags_a, abi::poll_add_multi})},
        {"poll_remove", image_of(op::poll_remove{user_data_a})},
        {"poll_update", image_of(op::poll_update{user_data_a, offset_a, flags_a, 6})},
        {"epoll_ctl", image_of(op::epoll_ctl{fd_a, 1, fd_b, event})},
        {"timeout", image_of(op::timeout{expiry, size_a, flags_a})},
        {"timeout_remove", image_of(op::timeout_remove{user_data_a})},
        {"timeout_update", image_of(op::timeout_update{user_data_a, expiry, 1})},
        {"link_timeout", image_of(op::link_timeout{expiry, flags_a})},
        {"cancel", image_of(op::async_cancel{.user_data = user_data_a, .flags = 1})},
        {"cancel fd",
         image_of(op::async_cancel{
             .fd = fd_a, .flags = abi::async_cancel_all | abi::async_cancel_fd})},
        {"provide_buffers",
         image_of(op::provide_buffers{data, size_a, 5, group_a, 0x0304})},
        {"remove_buffers", image_of(op::remove_buffers{5, group_a})},
        {"msg_ring", image_of(op::msg_ring{fd_a, user_data_a, static_cast<int>(size_a)})},
        {"files_update", image_of(op::files_update{pointer<int>(address_a), 3, 4})},
        {"close", image_of(op::close{fd_a})},
        {"close slot", image_of(op::close{.slot = slot_a})},
    };
}

images files()
{
    const auto result = pointer<struct ::statx>(address_b);
    return {
        {"openat", image_of(op::openat{fd_a, path_a, int_flags, 0644})},
        {"openat slot", image_of(op::openat{fd_a, path_a, int_flags, 0644, slot_a})},
        {"openat2", image_of(op::openat2{fd_a, path_a, how})},
        {"openat2 slot", image_of(op::openat2{fd_a, path_a, how, slot_a})},
        {"statx", image_of(op::statx{fd_a, path_a, int_flags, size_a, result})},
        {"fsync", image_of(op::fsync{fd_a, abi::fsync_datasync})},
        {"sync_file_range",
         image_of(op::sync_file_range{fd_a, offset_a, size_a, flags_a})},
        {"fallocate", image_of(op::fallocate{fd_a, 3, offset_a, offset_b})},
        {"fadvise", image_of(op::fadvise{fd_a, offset_a, size_a, 3})},
        {"madvise", image_of(op::madvise{data, size_a, 3})},
        {"renameat", image_of(op::renameat{fd_a, path_a, fd_b, path_b, flags_a})},
        {"unlinkat", image_of(op::unlinkat{fd_a, path_a, 0x200})},
        {"mkdirat", image_of(op::mkdirat{fd_a, path_a, 0755})},
        {"symlinkat", image_of(op::symlinkat{path_a, fd_a, path_b})},
        {"linkat", image_of(op::linkat{fd_a, path_a, fd_b, path_b, 0x400})},
        {"setxattr", image_of(op::setxattr{path_c, path_a, path_b, size_a, 1})},
        {"fsetxattr", image_of(op::fsetxattr{fd_a, path_a, path_b, size_a, 1})},
        {"getxattr", image_of(op::getxattr{path_c, path_a, value_b, size_a})},
        {"fgetxattr", image_of(op::fgetxattr{fd_a, path_a, value_b, size_a})},
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
            BOOST_TEST(to_string(ours[entry.name]) == to_string(expected));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
