// SPDX-License-Identifier: BSL-1.0
// The promises of io_urine, third part: what each of its operations writes into an entry,
// byte for byte. The numbers are those of the kernel's documentation; test_op holds every
// other operation to the same.
#include <asio_uring/op.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>

#include <sys/socket.h>

namespace asio_uring::test {

namespace {

/// All that an operation may set; what is left out is zero.
struct expected
{
    std::uint8_t opcode = 0;
    std::int32_t fd = 0;
    std::uint64_t off = 0;
    std::uint64_t addr = 0;
    std::uint32_t len = 0;
    std::uint32_t flags = 0;    ///< of the operation
    std::uint16_t buffer = 0;   ///< index or group
    std::int32_t second_fd = 0; ///< of a splice
    std::uint8_t entry_flags = 0;
};

/// Whether the operation writes this and nothing else.
template <class Op>
bool writes(const Op& operation, const expected& fields)
{
    abi::sqe wanted{};
    wanted.opcode = fields.opcode;
    wanted.flags = fields.entry_flags;
    wanted.fd = fields.fd;
    wanted.off = fields.off;
    wanted.addr = fields.addr;
    wanted.len = fields.len;
    wanted.op_flags = fields.flags;
    wanted.buf_index = fields.buffer;
    wanted.splice_fd_in = fields.second_fd;
    abi::sqe entry{};
    operation.prepare(entry);
    return std::memcmp(&entry, &wanted, sizeof entry) == 0;
}

std::uint64_t number_of(const void* address)
{
    return reinterpret_cast<std::uintptr_t>(address);
}

char memory[8];
const char* const path = "path";
const char* const other_path = "other";
const std::uint64_t data = number_of(memory);
const std::uint64_t first = number_of(path);
const std::uint64_t second = number_of(other_path);
constexpr std::uint64_t at_position = ~0ULL;

} // namespace

BOOST_AUTO_TEST_SUITE(test_io_urine_images)

BOOST_AUTO_TEST_CASE(u24_every_transfer_has_the_documented_fields)
{
    const ::iovec vectors[2]{};
    const std::uint64_t array = number_of(vectors);
    BOOST_TEST(writes(op::nop{}, {.opcode = 0, .fd = -1}));
    BOOST_TEST(writes(
        op::readv{.fd = 3, .buffers = vectors, .count = 2, .offset = 5, .flags = 4},
        {.opcode = 1, .fd = 3, .off = 5, .addr = array, .len = 2, .flags = 4}));
    BOOST_TEST(writes(
        op::writev{.fd = 3, .buffers = vectors, .count = 2},
        {.opcode = 2, .fd = 3, .off = at_position, .addr = array, .len = 2}));
    BOOST_TEST(writes(
        op::read_fixed{
            .fd = 3, .data = memory, .size = 8, .offset = 5, .buffer_index = 6},
        {.opcode = 4, .fd = 3, .off = 5, .addr = data, .len = 8, .buffer = 6}));
    BOOST_TEST(writes(
        op::write_fixed{
            .fd = 3, .data = memory, .size = 8, .offset = 5, .buffer_index = 6},
        {.opcode = 5, .fd = 3, .off = 5, .addr = data, .len = 8, .buffer = 6}));
    BOOST_TEST(writes(
        op::read{.fd = 3, .data = memory, .size = 8, .offset = 5, .flags = 4},
        {.opcode = 22, .fd = 3, .off = 5, .addr = data, .len = 8, .flags = 4}));
    BOOST_TEST(writes(
        op::write{.fd = 3, .data = memory, .size = 8},
        {.opcode = 23, .fd = 3, .off = at_position, .addr = data, .len = 8}));
    BOOST_TEST(writes(
        op::splice{
            .fd_in = 4,
            .offset_in = 5,
            .fd_out = 3,
            .offset_out = 6,
            .size = 8,
            .flags = 2},
        {.opcode = 30,
         .fd = 3,
         .off = 6,
         .addr = 5,
         .len = 8,
         .flags = 2,
         .second_fd = 4}));
    BOOST_TEST(writes(
        op::tee{.fd_in = 4, .fd_out = 3, .size = 8, .flags = 2},
        {.opcode = 33, .fd = 3, .len = 8, .flags = 2, .second_fd = 4}));
}

BOOST_AUTO_TEST_CASE(u24_every_file_operation_has_the_documented_fields)
{
    BOOST_TEST(writes(
        op::fsync{.fd = 3, .flags = 1, .offset = 6, .size = 7},
        {.opcode = 3, .fd = 3, .off = 6, .len = 7, .flags = 1}));
    BOOST_TEST(writes(
        op::fallocate{.fd = 3, .mode = 1, .offset = 2, .size = 9},
        {.opcode = 17, .fd = 3, .off = 2, .addr = 9, .len = 1}));
    BOOST_TEST(writes(
        op::openat{.directory = 4, .path = path, .flags = 2, .mode = 0600},
        {.opcode = 18, .fd = 4, .addr = first, .len = 0600, .flags = 2}));
    BOOST_TEST(writes(op::close{.fd = 3}, {.opcode = 19, .fd = 3}));
    // A slot is written as its number and one, so that zero means none.
    BOOST_TEST(writes(op::close{.slot = 3}, {.opcode = 19, .second_fd = 4}));
    auto* const status = reinterpret_cast<struct ::statx*>(memory);
    BOOST_TEST(writes(
        op::statx{.directory = 4, .path = path, .flags = 2, .mask = 5, .result = status},
        {.opcode = 21, .fd = 4, .off = data, .addr = first, .len = 5, .flags = 2}));
    BOOST_TEST(writes(
        op::fadvise{.fd = 3, .offset = 2, .size = 9, .advice = 4},
        {.opcode = 24, .fd = 3, .off = 2, .len = 9, .flags = 4}));
    BOOST_TEST(writes(
        op::madvise{.address = memory, .size = 9, .advice = 4},
        {.opcode = 25, .fd = -1, .addr = data, .len = 9, .flags = 4}));
}

BOOST_AUTO_TEST_CASE(u24_every_operation_on_names_has_the_documented_fields)
{
    BOOST_TEST(writes(
        op::renameat{
            .old_directory = 4,
            .old_path = path,
            .new_directory = 5,
            .new_path = other_path,
            .flags = 1},
        {.opcode = 35, .fd = 4, .off = second, .addr = first, .len = 5, .flags = 1}));
    BOOST_TEST(writes(
        op::unlinkat{.directory = 4, .path = path, .flags = 0x200},
        {.opcode = 36, .fd = 4, .addr = first, .flags = 0x200}));
    BOOST_TEST(writes(
        op::mkdirat{.directory = 4, .path = path, .mode = 0700},
        {.opcode = 37, .fd = 4, .addr = first, .len = 0700}));
    BOOST_TEST(writes(
        op::symlinkat{.target = path, .directory = 4, .path = other_path},
        {.opcode = 38, .fd = 4, .off = second, .addr = first}));
    BOOST_TEST(writes(
        op::linkat{
            .old_directory = 4,
            .old_path = path,
            .new_directory = 5,
            .new_path = other_path,
            .flags = 0x400},
        {.opcode = 39, .fd = 4, .off = second, .addr = first, .len = 5, .flags = 0x400}));
    // Without a folder a name belongs to the one the process stands in, AT_FDCWD.
    BOOST_TEST(
        writes(op::unlinkat{.path = path}, {.opcode = 36, .fd = -100, .addr = first}));
    BOOST_TEST(writes(
        op::mkdirat{.path = path, .mode = 0700},
        {.opcode = 37, .fd = -100, .addr = first, .len = 0700}));
}

BOOST_AUTO_TEST_CASE(u24_every_wait_has_the_documented_fields)
{
    const abi::kernel_timespec time{};
    const std::uint64_t expiry = number_of(&time);
    BOOST_TEST(writes(
        op::poll_add{.fd = 3, .events = 5, .flags = 1},
        {.opcode = 6, .fd = 3, .len = 1, .flags = 5}));
    BOOST_TEST(writes(
        op::poll_remove{.user_data = 0xff}, {.opcode = 7, .fd = -1, .addr = 0xff}));
    BOOST_TEST(writes(
        op::timeout{.expiry = &time, .count = 6, .flags = 1},
        {.opcode = 11, .fd = -1, .off = 6, .addr = expiry, .len = 1, .flags = 1}));
    BOOST_TEST(writes(
        op::timeout_remove{.user_data = 0xff}, {.opcode = 12, .fd = -1, .addr = 0xff}));
    BOOST_TEST(writes(
        op::link_timeout{.expiry = &time, .flags = 1},
        {.opcode = 15, .fd = -1, .addr = expiry, .len = 1, .flags = 1}));
    BOOST_TEST(writes(
        op::async_cancel{.user_data = 0xff}, {.opcode = 14, .fd = -1, .addr = 0xff}));
    BOOST_TEST(writes(
        op::async_cancel{.fd = 3, .flags = 2}, {.opcode = 14, .fd = 3, .flags = 2}));
}

BOOST_AUTO_TEST_CASE(u24_every_socket_operation_has_the_documented_fields)
{
    ::msghdr header{};
    const std::uint64_t message = number_of(&header);
    auto* const address = reinterpret_cast<::sockaddr*>(memory);
    ::socklen_t size = 0;
    BOOST_TEST(writes(
        op::sendmsg{.fd = 3, .message = &header, .flags = 0x40},
        {.opcode = 9, .fd = 3, .addr = message, .len = 1, .flags = 0x40}));
    BOOST_TEST(writes(
        op::recvmsg{.fd = 3, .message = &header, .flags = 0x40},
        {.opcode = 10, .fd = 3, .addr = message, .len = 1, .flags = 0x40}));
    BOOST_TEST(writes(
        op::accept{.fd = 3, .address = address, .address_size = &size, .flags = 4},
        {.opcode = 13, .fd = 3, .off = number_of(&size), .addr = data, .flags = 4}));
    BOOST_TEST(writes(
        op::connect{.fd = 3, .address = address, .address_size = 16},
        {.opcode = 16, .fd = 3, .off = 16, .addr = data}));
    BOOST_TEST(writes(
        op::send{.fd = 3, .data = memory, .size = 8, .flags = 0x40},
        {.opcode = 26, .fd = 3, .addr = data, .len = 8, .flags = 0x40}));
    BOOST_TEST(writes(
        op::recv{.fd = 3, .data = memory, .size = 8, .flags = 0x40},
        {.opcode = 27, .fd = 3, .addr = data, .len = 8, .flags = 0x40}));
    BOOST_TEST(
        writes(op::shutdown{.fd = 3, .how = 1}, {.opcode = 34, .fd = 3, .len = 1}));
}

BOOST_AUTO_TEST_CASE(u24_every_operation_on_buffers_and_rings_has_the_documented_fields)
{
    BOOST_TEST(writes(
        op::provide_buffers{
            .data = memory, .size = 2, .count = 4, .group = 9, .first_id = 20},
        {.opcode = 31, .fd = 4, .off = 20, .addr = data, .len = 2, .buffer = 9}));
    BOOST_TEST(writes(
        op::remove_buffers{.count = 4, .group = 9},
        {.opcode = 32, .fd = 4, .buffer = 9}));
    // An operation that takes a buffer of the group says so in the entry.
    BOOST_TEST(writes(
        op::read{.fd = 3, .size = 8, .offset = 0, .group = 9},
        {.opcode = 22,
         .fd = 3,
         .len = 8,
         .buffer = 9,
         .entry_flags = abi::sqe_buffer_select}));
    BOOST_TEST(writes(
        op::msg_ring{.target = 3, .user_data = 0xfeed, .result = 42},
        {.opcode = 40, .fd = 3, .off = 0xfeed, .len = 42}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
