// SPDX-License-Identifier: BSL-1.0
// Every operation, field by field, against the layout the kernel documents.
#include "entry_image.hpp"

#include <asio_uring/op.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <typeindex>

namespace asio_uring::test {

namespace {

struct row
{
    std::string name;
    unsigned code;
    filled actual;
    std::vector<field> expected;
    bool keeps_user_data;
    std::type_index type;
};

template <class Op>
bool leaves_user_data_alone(const Op& operation)
{
    abi::wide_sqe entry{};
    entry.user_data = user_data_a;
    operation.prepare(entry);
    return entry.user_data == user_data_a;
}

/// One row: `fields` lists everything but the opcode, whose number is given apart.
template <op::operation Op>
row expect(
    std::string name, unsigned code, const Op& operation, std::vector<field> fields)
{
    static_assert(std::is_aggregate_v<Op> && std::is_trivially_copyable_v<Op>);
    static_assert(noexcept(operation.prepare(std::declval<abi::wide_sqe&>())));
    fields.push_back(opcode(code));
    return {
        std::move(name),
        static_cast<unsigned>(Op::code),
        fill(operation),
        std::move(fields),
        leaves_user_data_alone(operation),
        typeid(Op)};
}

const auto vectors = pointer<const ::iovec>(address_a);
const auto data = pointer<void>(address_a);
const auto path_a = pointer<const char>(address_a);
const auto path_b = pointer<const char>(address_b);
const auto expiry = pointer<const abi::kernel_timespec>(address_a);
constexpr std::uint64_t at_cwd = 0xffffff9c;

std::vector<row> transfer_rows()
{
    const std::vector<field> rw{
        fd(fd_a), off(offset_a), addr(address_a), len(size_a), op_flags(flags_a)};
    auto with = [&rw](std::initializer_list<field> more) {
        auto all = rw;
        all.insert(all.end(), more);
        return all;
    };
    return {
        expect("readv", 1, op::readv{fd_a, vectors, size_a, offset_a, flags_a}, rw),
        expect("writev", 2, op::writev{fd_a, vectors, size_a, offset_a, flags_a}, rw),
        expect("read", 22, op::read{fd_a, data, size_a, offset_a, flags_a}, rw),
        expect(
            "read from a group",
            22,
            op::read{.fd = fd_a, .size = size_a, .offset = offset_a, .group = group_a},
            {fd(fd_a), off(offset_a), len(size_a), buf(group_a), entry_flags(1U << 5)}),
        expect("read at the position", 22, op::read{.fd = fd_a}, {fd(fd_a), off(~0ULL)}),
        expect("write", 23, op::write{fd_a, data, size_a, offset_a, flags_a}, rw),
        expect(
            "read_fixed",
            4,
            op::read_fixed{fd_a, data, size_a, offset_a, flags_a, group_a},
            with({buf(group_a)})),
        expect(
            "write_fixed",
            5,
            op::write_fixed{fd_a, data, size_a, offset_a, flags_a, group_a},
            with({buf(group_a)})),
        expect(
            "readv_fixed",
            60,
            op::readv_fixed{fd_a, vectors, size_a, offset_a, flags_a, group_a},
            with({buf(group_a)})),
        expect(
            "writev_fixed",
            61,
            op::writev_fixed{fd_a, vectors, size_a, offset_a, flags_a, group_a},
            with({buf(group_a)})),
        expect(
            "read_multishot",
            49,
            op::read_multishot{fd_a, group_a, size_a, offset_a},
            {fd(fd_a), off(offset_a), len(size_a), buf(group_a), entry_flags(1U << 5)}),
        expect(
            "splice",
            30,
            op::splice{fd_a, offset_a, fd_b, offset_b, size_a, flags_a},
            {fd(fd_b),
             off(offset_b),
             addr(offset_a),
             len(size_a),
             op_flags(flags_a),
             file_index(fd_a)}),
        expect(
            "tee",
            33,
            op::tee{fd_a, fd_b, size_a, flags_a},
            {fd(fd_b), len(size_a), op_flags(flags_a), file_index(fd_a)}),
        expect(
            "pipe",
            62,
            op::pipe{pointer<int>(address_a), flags_a, slot_a},
            {addr(address_a), op_flags(flags_a), file_index(slot_a + 1)}),
        expect("pipe, plain", 62, op::pipe{pointer<int>(address_a)}, {addr(address_a)}),
    };
}

const auto message = pointer<::msghdr>(address_a);
const auto name = pointer<::sockaddr>(address_b);
const auto name_size = pointer<::socklen_t>(address_c);
constexpr int flags = 0x01020304;

std::vector<row> receive_rows()
{
    return {
        expect(
            "recv",
            27,
            op::recv{fd_a, data, size_a, flags, 1},
            {fd(fd_a), ioprio(1), addr(address_a), len(size_a), op_flags(0x01020304)}),
        expect(
            "recv multishot",
            27,
            op::recv{.fd = fd_a, .ioprio = abi::recv_multishot, .group = group_a},
            {fd(fd_a), ioprio(2), buf(group_a), entry_flags(1U << 5)}),
        expect(
            "recv with a limit",
            27,
            op::recv{.fd = fd_a, .size = size_a, .total = slot_a},
            {fd(fd_a), len(size_a), file_index(slot_a)}),
        expect(
            "recv of group 0",
            27,
            op::recv{.fd = fd_a, .group = std::uint16_t{0}},
            {fd(fd_a), entry_flags(1U << 5)}),
        expect(
            "recvmsg",
            10,
            op::recvmsg{fd_a, message, flags, 3, group_a},
            {fd(fd_a),
             ioprio(3),
             addr(address_a),
             len(1),
             op_flags(0x01020304),
             buf(group_a),
             entry_flags(1U << 5)}),
        expect(
            "recvmsg multishot",
            10,
            op::recvmsg{.fd = fd_a, .message = message, .ioprio = 2, .group = group_a},
            {fd(fd_a),
             ioprio(2),
             addr(address_a),
             len(1),
             buf(group_a),
             entry_flags(1U << 5)}),
        expect(
            "recv_zc",
            58,
            op::recv_zc{.fd = fd_a, .queue = slot_a, .size = size_a},
            {fd(fd_a), ioprio(2), len(size_a), file_index(slot_a)}),
        expect(
            "send",
            26,
            op::send{fd_a, data, size_a, flags, 1, name, 0x0110, group_a},
            {fd(fd_a),
             ioprio(1),
             off(address_b),
             addr(address_a),
             len(size_a),
             op_flags(0x01020304),
             addr_len(0x0110),
             buf(group_a),
             entry_flags(1U << 5)}),
    };
}

std::vector<row> send_rows()
{
    return {
        expect(
            "send, plain",
            26,
            op::send{.fd = fd_a, .data = data, .size = size_a},
            {fd(fd_a), addr(address_a), len(size_a)}),
        expect(
            "send as a bundle",
            26,
            op::send{.fd = fd_a, .ioprio = abi::recvsend_bundle, .group = group_a},
            {fd(fd_a), ioprio(16), buf(group_a), entry_flags(1U << 5)}),
        expect(
            "sendmsg",
            9,
            op::sendmsg{fd_a, message, flags, 1},
            {fd(fd_a), ioprio(1), addr(address_a), len(1), op_flags(0x01020304)}),
        expect(
            "send_zc",
            47,
            op::send_zc{fd_a, data, size_a, flags, 8, name, 0x0110, {}},
            {fd(fd_a),
             ioprio(8),
             off(address_b),
             addr(address_a),
             len(size_a),
             op_flags(0x01020304),
             addr_len(0x0110)}),
        expect(
            "send_zc, fixed",
            47,
            op::send_zc{
                .fd = fd_a,
                .data = data,
                .size = size_a,
                .ioprio = 8,
                .buffer_index = group_a},
            {fd(fd_a), ioprio(8 | 4), addr(address_a), len(size_a), buf(group_a)}),
        expect(
            "sendmsg_zc",
            48,
            op::sendmsg_zc{fd_a, message, flags, 8, {}},
            {fd(fd_a), ioprio(8), addr(address_a), len(1), op_flags(0x01020304)}),
    };
}

std::vector<row> socket_rows()
{
    return {
        expect(
            "sendmsg_zc, fixed",
            48,
            op::sendmsg_zc{.fd = fd_a, .message = message, .buffer_index = group_a},
            {fd(fd_a), ioprio(4), addr(address_a), len(1), buf(group_a)}),
        expect(
            "accept",
            13,
            op::accept{fd_a, name, name_size, flags, 1, {}},
            {fd(fd_a), ioprio(1), off(address_c), addr(address_b), op_flags(0x01020304)}),
        expect(
            "accept into a slot",
            13,
            op::accept{.fd = fd_a, .slot = slot_a},
            {fd(fd_a), file_index(slot_a + 1)}),
        expect(
            "accept multishot",
            13,
            op::accept{.fd = fd_a, .ioprio = abi::accept_multishot},
            {fd(fd_a), ioprio(1)}),
        expect(
            "accept with other flags",
            13,
            op::accept{.fd = fd_a, .ioprio = 6},
            {fd(fd_a), ioprio(6)}),
        expect(
            "accept into any slot",
            13,
            op::accept{.fd = fd_a, .slot = abi::file_index_alloc},
            {fd(fd_a), file_index(~0U)}),
        expect(
            "connect",
            16,
            op::connect{fd_a, name, size_a},
            {fd(fd_a), off(size_a), addr(address_b)}),
        expect("shutdown", 34, op::shutdown{fd_a, 2}, {fd(fd_a), len(2)}),
        expect(
            "socket",
            45,
            op::socket{2, 1, 6, slot_a},
            {fd(2), off(1), len(6), file_index(slot_a + 1)}),
        expect("socket, plain", 45, op::socket{2, 1, 6}, {fd(2), off(1), len(6)}),
        expect(
            "bind",
            56,
            op::bind{fd_a, name, size_a},
            {fd(fd_a), off(size_a), addr(address_b)}),
        expect("listen", 57, op::listen{fd_a, 5}, {fd(fd_a), len(5)}),
    };
}

std::vector<row> poll_and_timeout_rows()
{
    return {
        expect("nop", 0, op::nop{}, {fd(-1)}),
        expect(
            "nop with everything",
            0,
            op::nop{flags_a, -5, fd_a, group_a},
            {fd(fd_a), len(0xfffffffb), op_flags(flags_a), buf(group_a)}),
        expect("nop128", 63, op::nop128{flags_a, 5}, {fd(-1), len(5), op_flags(flags_a)}),
        expect(
            "poll_add",
            6,
            op::poll_add{fd_a, flags_a, 1},
            {fd(fd_a), len(1), op_flags(flags_a)}),
        expect("poll_add, once", 6, op::poll_add{fd_a, 4}, {fd(fd_a), op_flags(4)}),
        expect(
            "poll_remove", 7, op::poll_remove{user_data_a}, {fd(-1), addr(user_data_a)}),
        expect(
            "poll_update",
            7,
            op::poll_update{user_data_a, offset_a, flags_a, 6},
            {fd(-1), off(offset_a), addr(user_data_a), len(6), op_flags(flags_a)}),
        expect(
            "epoll_ctl",
            29,
            op::epoll_ctl{fd_a, 1, fd_b, pointer<::epoll_event>(address_a)},
            {fd(fd_a), off(fd_b), addr(address_a), len(1)}),
        expect(
            "epoll_wait",
            59,
            op::epoll_wait{fd_a, pointer<::epoll_event>(address_a), size_a},
            {fd(fd_a), addr(address_a), len(size_a)}),
        expect(
            "timeout",
            11,
            op::timeout{expiry, size_a, flags_a},
            {fd(-1), off(size_a), addr(address_a), len(1), op_flags(flags_a)}),
        expect(
            "timeout, once",
            11,
            op::timeout{expiry, 1, abi::timeout_abs},
            {fd(-1), off(1), addr(address_a), len(1), op_flags(1)}),
        expect(
            "timeout_remove",
            12,
            op::timeout_remove{user_data_a},
            {fd(-1), addr(user_data_a)}),
        expect(
            "timeout_update",
            12,
            op::timeout_update{user_data_a, expiry, 1},
            {fd(-1), off(address_a), addr(user_data_a), op_flags(1 | 2)}),
        expect(
            "link_timeout",
            15,
            op::link_timeout{expiry, flags_a},
            {fd(-1), addr(address_a), len(1), op_flags(flags_a)}),
        expect(
            "async_cancel",
            14,
            op::async_cancel{.user_data = user_data_a},
            {fd(-1), addr(user_data_a)}),
    };
}

std::vector<row> other_control_rows()
{
    return {
        expect(
            "async_cancel by operation",
            14,
            op::async_cancel{user_data_a, fd_a, flags_a, abi::opcode::recv},
            {fd(fd_a), addr(user_data_a), len(27), op_flags(flags_a)}),
        expect(
            "provide_buffers",
            31,
            op::provide_buffers{data, size_a, 5, group_a, 0x0304},
            {fd(5), off(0x0304), addr(address_a), len(size_a), buf(group_a)}),
        expect(
            "remove_buffers", 32, op::remove_buffers{5, group_a}, {fd(5), buf(group_a)}),
        expect(
            "msg_ring",
            40,
            op::msg_ring{fd_a, user_data_a, -2, {}},
            {fd(fd_a), off(user_data_a), len(0xfffffffe)}),
        expect(
            "msg_ring with flags",
            40,
            op::msg_ring{fd_a, user_data_a, 7, flags_a},
            {fd(fd_a), off(user_data_a), len(7), op_flags(2), file_index(flags_a)}),
        expect(
            "msg_ring_fd",
            40,
            op::msg_ring_fd{fd_a, slot_a, 9, user_data_a, 1},
            {fd(fd_a),
             off(user_data_a),
             addr(1),
             op_flags(1),
             file_index(10),
             addr3(slot_a)}),
        expect(
            "futex_wait",
            51,
            op::futex_wait{pointer<std::uint32_t>(address_a), offset_a, offset_b, 0x82},
            {fd(0x82), off(offset_a), addr(address_a), addr3(offset_b)}),
        expect(
            "futex_wake",
            52,
            op::futex_wake{pointer<std::uint32_t>(address_a), 3, offset_b, 0x82},
            {fd(0x82), off(3), addr(address_a), addr3(offset_b)}),
        expect(
            "futex_waitv",
            53,
            op::futex_waitv{pointer<const abi::futex_waitv>(address_a), size_a},
            {addr(address_a), len(size_a)}),
        expect(
            "waitid",
            50,
            op::waitid{1, fd_a, pointer<::siginfo_t>(address_a), 4},
            {fd(fd_a), off(address_a), len(1), file_index(4)}),
    };
}

const auto how = pointer<const abi::open_how>(address_b);

std::vector<row> open_and_sync_rows()
{
    return {
        expect(
            "openat",
            18,
            op::openat{fd_a, path_a, 0x01020304, 0644, {}},
            {fd(fd_a), addr(address_a), len(0644), op_flags(0x01020304)}),
        expect(
            "openat, defaults",
            18,
            op::openat{.path = path_a, .slot = slot_a},
            {{4, 4, at_cwd}, addr(address_a), file_index(slot_a + 1)}),
        expect(
            "openat2",
            28,
            op::openat2{fd_a, path_a, how, slot_a},
            {fd(fd_a), off(address_b), addr(address_a), len(24), file_index(slot_a + 1)}),
        expect(
            "openat2, plain",
            28,
            op::openat2{fd_a, path_a, how},
            {fd(fd_a), off(address_b), addr(address_a), len(24)}),
        expect(
            "statx",
            21,
            op::statx{
                fd_a, path_a, 0x01020304, flags_a, pointer<struct ::statx>(address_b)},
            {fd(fd_a),
             off(address_b),
             addr(address_a),
             len(flags_a),
             op_flags(0x01020304)}),
        expect(
            "fsync",
            3,
            op::fsync{fd_a, 1, offset_a, size_a},
            {fd(fd_a), off(offset_a), len(size_a), op_flags(1)}),
        expect(
            "sync_file_range",
            8,
            op::sync_file_range{fd_a, offset_a, size_a, flags_a},
            {fd(fd_a), off(offset_a), len(size_a), op_flags(flags_a)}),
        expect(
            "fallocate",
            17,
            op::fallocate{fd_a, 3, offset_a, offset_b},
            {fd(fd_a), off(offset_a), addr(offset_b), len(3)}),
        expect("ftruncate", 55, op::ftruncate{fd_a, offset_a}, {fd(fd_a), off(offset_a)}),
        expect(
            "fadvise",
            24,
            op::fadvise{fd_a, offset_a, size_a, 3},
            {fd(fd_a), off(offset_a), len(size_a), op_flags(3)}),
    };
}

std::vector<row> descriptor_rows()
{
    return {
        expect(
            "fadvise, large",
            24,
            op::fadvise{fd_a, offset_a, offset_b, 3},
            {fd(fd_a), off(offset_a), addr(offset_b), op_flags(3)}),
        expect(
            "madvise",
            25,
            op::madvise{data, size_a, 3},
            {fd(-1), addr(address_a), len(size_a), op_flags(3)}),
        expect(
            "madvise, large",
            25,
            op::madvise{data, offset_b, 3},
            {fd(-1), off(offset_b), addr(address_a), op_flags(3)}),
        expect("close", 19, op::close{fd_a, {}}, {fd(fd_a)}),
        expect(
            "close of a slot", 19, op::close{.slot = slot_a}, {file_index(slot_a + 1)}),
        expect(
            "files_update",
            20,
            op::files_update{pointer<int>(address_a), 3, 4},
            {fd(-1), off(4), addr(address_a), len(3)}),
        expect(
            "fixed_fd_install",
            54,
            op::fixed_fd_install{slot_a, 1},
            {fd(slot_a), op_flags(1), entry_flags(1)}),
        expect(
            "renameat",
            35,
            op::renameat{fd_a, path_a, fd_b, path_b, flags_a},
            {fd(fd_a), off(address_b), addr(address_a), len(fd_b), op_flags(flags_a)}),
        expect(
            "unlinkat",
            36,
            op::unlinkat{fd_a, path_a, 0x200},
            {fd(fd_a), addr(address_a), op_flags(0x200)}),
    };
}

std::vector<row> name_rows()
{
    return {
        expect(
            "mkdirat",
            37,
            op::mkdirat{fd_a, path_a, 0755},
            {fd(fd_a), addr(address_a), len(0755)}),
        expect(
            "symlinkat",
            38,
            op::symlinkat{path_a, fd_a, path_b},
            {fd(fd_a), off(address_b), addr(address_a)}),
        expect(
            "linkat",
            39,
            op::linkat{fd_a, path_a, fd_b, path_b, 0x400},
            {fd(fd_a), off(address_b), addr(address_a), len(fd_b), op_flags(0x400)}),
        expect(
            "fsetxattr",
            41,
            op::fsetxattr{fd_a, path_a, path_b, size_a, 1},
            {fd(fd_a), off(address_b), addr(address_a), len(size_a), op_flags(1)}),
        expect(
            "setxattr",
            42,
            op::setxattr{pointer<const char>(address_c), path_a, path_b, size_a, 1},
            {off(address_b),
             addr(address_a),
             len(size_a),
             op_flags(1),
             addr3(address_c)}),
        expect(
            "fgetxattr",
            43,
            op::fgetxattr{fd_a, path_a, pointer<void>(address_b), size_a},
            {fd(fd_a), off(address_b), addr(address_a), len(size_a)}),
        expect(
            "getxattr",
            44,
            op::getxattr{
                pointer<const char>(address_c), path_a, pointer<void>(address_b), size_a},
            {off(address_b), addr(address_a), len(size_a), addr3(address_c)}),
    };
}

std::vector<row> driver_command_rows()
{
    static const std::array<std::byte, 8> payload{
        std::byte{1},
        std::byte{2},
        std::byte{3},
        std::byte{4},
        std::byte{5},
        std::byte{6},
        std::byte{7},
        std::byte{8}};
    return {
        expect(
            "uring_cmd",
            46,
            op::uring_cmd{fd_a, flags_a, payload, 1, group_a, address_b},
            {fd(fd_a),
             cmd_op(flags_a),
             addr(address_b),
             op_flags(1),
             buf(group_a),
             addr3(0x0807060504030201)}),
        expect(
            "uring_cmd_sqe128",
            46,
            op::uring_cmd_sqe128{fd_a, flags_a, payload, 1, group_a, address_b},
            {fd(fd_a),
             cmd_op(flags_a),
             addr(address_b),
             op_flags(1),
             buf(group_a),
             addr3(0x0807060504030201)}),
        expect(
            "uring_cmd128",
            64,
            op::uring_cmd128{fd_a, flags_a, payload, 1, group_a, address_b},
            {fd(fd_a),
             cmd_op(flags_a),
             addr(address_b),
             op_flags(1),
             buf(group_a),
             addr3(0x0807060504030201)}),
        expect(
            "block_discard",
            46,
            op::block_discard{fd_a, offset_a, address_b},
            {fd(fd_a), cmd_op(0x1200), addr(offset_a), addr3(address_b)}),
    };
}

std::vector<row> socket_command_rows()
{
    return {
        expect(
            "socket_queue",
            46,
            op::socket_queue{fd_a, abi::socket_op::siocoutq},
            {fd(fd_a), cmd_op(1)}),
        expect(
            "getsockopt",
            46,
            op::getsockopt{fd_a, 1, 2, data, 4},
            {fd(fd_a), cmd_op(2), level(1), optname(2), file_index(4), addr3(address_a)}),
        expect(
            "setsockopt",
            46,
            op::setsockopt{fd_a, 1, 2, data, 4},
            {fd(fd_a), cmd_op(3), level(1), optname(2), file_index(4), addr3(address_a)}),
        expect("tx_timestamp", 46, op::tx_timestamp{fd_a}, {fd(fd_a), cmd_op(4)}),
        expect(
            "getsockname",
            46,
            op::getsockname{
                fd_a,
                pointer<::sockaddr>(address_a),
                pointer<::socklen_t>(address_b),
                true},
            {fd(fd_a), cmd_op(5), addr(address_a), file_index(1), addr3(address_b)}),
    };
}

std::vector<row> all_rows()
{
    std::vector<row> rows;
    for (auto part :
         {transfer_rows(),
          receive_rows(),
          send_rows(),
          socket_rows(),
          poll_and_timeout_rows(),
          other_control_rows(),
          open_and_sync_rows(),
          descriptor_rows(),
          name_rows(),
          driver_command_rows(),
          socket_command_rows()})
        rows.insert(rows.end(), part.begin(), part.end());
    return rows;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_image)

BOOST_AUTO_TEST_CASE(operation_prepared_into_zeroed_entry_writes_documented_fields_only)
{
    for (const row& r : all_rows()) {
        BOOST_TEST_CONTEXT(r.name)
        {
            BOOST_TEST(to_string(r.actual.bytes) == to_string(image_of(r.expected)));
            BOOST_TEST(r.code == r.actual.bytes[0]);
            BOOST_TEST(r.keeps_user_data);
        }
    }
}

BOOST_AUTO_TEST_CASE(facts_of_a_filled_operation_are_those_of_its_image)
{
    for (const row& r : all_rows()) {
        BOOST_TEST_CONTEXT(r.name)
        {
            const image bytes = image_of(r.expected);
            BOOST_TEST((r.actual.results == results_of(bytes)));
            BOOST_TEST((r.actual.descriptors == descriptors_of(bytes)));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_operation_has_an_image)
{
    const auto rows = all_rows();
    op::for_each_operation([&rows](const char* operation_name, const auto& listed) {
        const std::type_index type = typeid(listed);
        BOOST_TEST(
            std::ranges::count(rows, type, &row::type) > 0,
            operation_name << " has no row");
    });
}

BOOST_AUTO_TEST_CASE(every_opcode_has_an_operation)
{
    std::bitset<256> seen;
    for (const row& r : all_rows())
        seen.set(r.actual.bytes[0]);
    for (unsigned code = 0; code != abi::opcode_count; ++code)
        BOOST_TEST(seen.test(code), "opcode " << code << " has no row");
    BOOST_TEST(seen.count() == abi::opcode_count);
}

BOOST_AUTO_TEST_CASE(command_with_wide_payload_fills_the_large_entry)
{
    std::array<std::byte, 80> payload{};
    for (std::size_t index = 0; index != payload.size(); ++index)
        payload[index] = static_cast<std::byte>(index + 1);
    const auto check = [&payload](const auto& operation) {
        abi::wide_sqe large{};
        operation.prepare(large);
        const auto* bytes = reinterpret_cast<const std::byte*>(&large);
        BOOST_TEST((std::memcmp(bytes + 48, payload.data(), payload.size()) == 0));
    };
    check(op::uring_cmd_sqe128{.fd = fd_a, .payload = payload});
    check(op::uring_cmd128{.fd = fd_a, .payload = payload});
}

// Neither a type nor a value lets a command run over the end of its entry.
BOOST_AUTO_TEST_CASE(payload_larger_than_its_entry_is_refused)
{
    using small = op::command_payload<16>;
    using bytes = std::span<const std::byte>;
    static_assert(std::is_constructible_v<small, const std::array<std::byte, 16>&>);
    static_assert(std::is_convertible_v<std::span<const std::byte, 16>, small>);
    static_assert(std::is_convertible_v<const std::byte(&)[16], small>);
    static_assert(!std::is_convertible_v<const std::array<std::byte, 17>&, small>);
    static_assert(!std::is_convertible_v<const std::byte(&)[17], small>);
    static_assert(std::is_same_v<decltype(op::uring_cmd::payload), small>);

    const std::array<std::byte, 81> many{std::byte{1}};
    BOOST_CHECK_NO_THROW(small{bytes(many).first(16)});
    BOOST_CHECK_THROW(small{bytes(many).first(17)}, std::length_error);
    BOOST_CHECK_THROW(small{bytes(many)}, std::length_error);
    BOOST_CHECK_NO_THROW(op::command_payload<80>{bytes(many).first(80)});
    BOOST_CHECK_THROW(op::command_payload<80>{bytes(many)}, std::length_error);
}

template <class Op>
constexpr bool fits_a_plain_entry = requires(const Op& operation, abi::sqe& entry)
{
    operation.prepare(entry);
};

BOOST_AUTO_TEST_CASE(wide_command_is_not_written_into_a_plain_entry)
{
    static_assert(fits_a_plain_entry<op::uring_cmd>);
    static_assert(!fits_a_plain_entry<op::uring_cmd_sqe128>);
    static_assert(!fits_a_plain_entry<op::uring_cmd128>);
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
