// SPDX-License-Identifier: BSL-1.0

#include "oracle.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

#include <liburing.h>

// The values of entry_image.hpp, which this file cannot include next to <liburing.h>.
namespace {

constexpr std::uint64_t address_a = 0x1122334455667788;
constexpr std::uint64_t address_b = 0x2132435465768798;
constexpr std::uint64_t address_c = 0x31425364758697a8;
constexpr std::uint64_t offset_a = 0x0102030405060708;
constexpr std::uint64_t offset_b = 0x1112131415161718;
constexpr unsigned size_a = 0x41424344;
constexpr int flags_a = 0x51525354;
constexpr unsigned slot_a = 0x00616263;
constexpr std::uint16_t group_a = 0x7172;
constexpr std::uint64_t user_data_a = 0x8182838485868788;
constexpr int fd_a = 0x01020304;
constexpr int fd_b = 0x05060708;

template <class T>
T* pointer(std::uint64_t value)
{
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(value));
}

void* const data = pointer<void>(address_a);
const char* const path_a = pointer<const char>(address_a);
const char* const path_b = pointer<const char>(address_b);
char* const value_b = pointer<char>(address_b);
const auto vectors = pointer<const iovec>(address_a);
const auto message = pointer<msghdr>(address_a);
const auto name = pointer<sockaddr>(address_b);
const auto name_size = pointer<socklen_t>(address_c);
const auto expiry = pointer<__kernel_timespec>(address_a);
const auto event = pointer<epoll_event>(address_a);
const auto how = pointer<open_how>(address_b);

class collector
{
public:
    /// Runs a helper on a zeroed entry and keeps the bytes under `label`.
    template <class... Arguments>
    void
    add(const char* label,
        void (*helper)(io_uring_sqe*, Arguments...),
        std::type_identity_t<Arguments>... arguments)
    {
        io_uring_sqe entry;
        std::memset(&entry, 0, sizeof entry);
        helper(&entry, arguments...);
        asio_uring::test::oracle_entry result{};
        result.name = label;
        static_assert(sizeof entry == sizeof result.bytes);
        std::memcpy(result.bytes, &entry, sizeof entry);
        entries.push_back(std::move(result));
    }

    std::vector<asio_uring::test::oracle_entry> entries;
};

void add_transfers(collector& c)
{
    c.add("readv", io_uring_prep_readv2, fd_a, vectors, size_a, offset_a, flags_a);
    c.add("writev", io_uring_prep_writev2, fd_a, vectors, size_a, offset_a, flags_a);
    c.add("read", io_uring_prep_read, fd_a, data, size_a, offset_a);
    c.add("write", io_uring_prep_write, fd_a, data, size_a, offset_a);
    c.add("read_fixed", io_uring_prep_read_fixed, fd_a, data, size_a, offset_a, group_a);
    c.add(
        "write_fixed", io_uring_prep_write_fixed, fd_a, data, size_a, offset_a, group_a);
    c.add(
        "splice",
        io_uring_prep_splice,
        fd_a,
        std::int64_t{offset_a},
        fd_b,
        std::int64_t{offset_b},
        size_a,
        flags_a);
    c.add("tee", io_uring_prep_tee, fd_a, fd_b, size_a, flags_a);
}

void send_zc_to(io_uring_sqe* entry)
{
    io_uring_prep_send_zc(entry, fd_a, data, size_a, flags_a, 8);
    io_uring_prep_send_set_addr(entry, name, 0x0110);
}

void add_sockets(collector& c)
{
    c.add("recv", io_uring_prep_recv, fd_a, data, size_a, flags_a);
    c.add("recv multishot", io_uring_prep_recv_multishot, fd_a, data, size_a, flags_a);
    c.add("recvmsg", io_uring_prep_recvmsg, fd_a, message, flags_a);
    c.add("recvmsg multishot", io_uring_prep_recvmsg_multishot, fd_a, message, flags_a);
    c.add("send", io_uring_prep_send, fd_a, data, size_a, flags_a);
    c.add("sendmsg", io_uring_prep_sendmsg, fd_a, message, flags_a);
    c.add("send_zc", io_uring_prep_send_zc, fd_a, data, size_a, flags_a, 8);
    c.add(
        "send_zc fixed",
        io_uring_prep_send_zc_fixed,
        fd_a,
        data,
        size_a,
        flags_a,
        8,
        group_a);
    c.add("sendmsg_zc", io_uring_prep_sendmsg_zc, fd_a, message, flags_a);
    c.add("send_zc to", send_zc_to);
    c.add("accept", io_uring_prep_accept, fd_a, name, name_size, flags_a);
    c.add(
        "accept slot",
        io_uring_prep_accept_direct,
        fd_a,
        name,
        name_size,
        flags_a,
        slot_a);
    c.add(
        "accept multishot",
        io_uring_prep_multishot_accept,
        fd_a,
        name,
        name_size,
        flags_a);
    c.add(
        "accept multishot any slot",
        io_uring_prep_multishot_accept_direct,
        fd_a,
        name,
        name_size,
        flags_a);
    c.add("connect", io_uring_prep_connect, fd_a, name, size_a);
    c.add("shutdown", io_uring_prep_shutdown, fd_a, 2);
    c.add("socket", io_uring_prep_socket, 2, 1, 6, 0);
    c.add("socket slot", io_uring_prep_socket_direct, 2, 1, 6, slot_a, 0);
    c.add("socket any slot", io_uring_prep_socket_direct_alloc, 2, 1, 6, 0);
}

void add_controls(collector& c)
{
    c.add("nop", io_uring_prep_nop);
    c.add("poll_add", io_uring_prep_poll_add, fd_a, flags_a);
    c.add("poll_add multishot", io_uring_prep_poll_multishot, fd_a, flags_a);
    c.add("poll_remove", io_uring_prep_poll_remove, user_data_a);
    c.add("poll_update", io_uring_prep_poll_update, user_data_a, offset_a, flags_a, 6);
    c.add("epoll_ctl", io_uring_prep_epoll_ctl, fd_a, fd_b, 1, event);
    c.add("timeout", io_uring_prep_timeout, expiry, size_a, flags_a);
    c.add("timeout_remove", io_uring_prep_timeout_remove, user_data_a, 0);
    c.add("timeout_update", io_uring_prep_timeout_update, expiry, user_data_a, 1);
    c.add("link_timeout", io_uring_prep_link_timeout, expiry, flags_a);
    c.add("cancel", io_uring_prep_cancel64, user_data_a, 1);
    c.add("cancel fd", io_uring_prep_cancel_fd, fd_a, 1);
    c.add(
        "provide_buffers",
        io_uring_prep_provide_buffers,
        data,
        int{size_a},
        5,
        int{group_a},
        0x0304);
    c.add("remove_buffers", io_uring_prep_remove_buffers, 5, int{group_a});
    c.add("msg_ring", io_uring_prep_msg_ring, fd_a, size_a, user_data_a, 0);
    c.add("files_update", io_uring_prep_files_update, pointer<int>(address_a), 3, 4);
    c.add("close", io_uring_prep_close, fd_a);
    c.add("close slot", io_uring_prep_close_direct, slot_a);
}

void add_files(collector& c)
{
    c.add("openat", io_uring_prep_openat, fd_a, path_a, flags_a, mode_t{0644});
    c.add(
        "openat slot",
        io_uring_prep_openat_direct,
        fd_a,
        path_a,
        flags_a,
        mode_t{0644},
        slot_a);
    c.add("openat2", io_uring_prep_openat2, fd_a, path_a, how);
    c.add("openat2 slot", io_uring_prep_openat2_direct, fd_a, path_a, how, slot_a);
    c.add(
        "statx",
        io_uring_prep_statx,
        fd_a,
        path_a,
        flags_a,
        size_a,
        pointer<struct statx>(address_b));
    c.add("fsync", io_uring_prep_fsync, fd_a, 1);
    c.add(
        "sync_file_range",
        io_uring_prep_sync_file_range,
        fd_a,
        size_a,
        offset_a,
        flags_a);
    c.add(
        "fallocate", io_uring_prep_fallocate, fd_a, 3, off_t{offset_a}, off_t{offset_b});
    c.add("fadvise", io_uring_prep_fadvise, fd_a, offset_a, off_t{size_a}, 3);
    c.add("madvise", io_uring_prep_madvise, data, off_t{size_a}, 3);
    c.add("renameat", io_uring_prep_renameat, fd_a, path_a, fd_b, path_b, flags_a);
    c.add("unlinkat", io_uring_prep_unlinkat, fd_a, path_a, 0x200);
    c.add("mkdirat", io_uring_prep_mkdirat, fd_a, path_a, mode_t{0755});
    c.add("symlinkat", io_uring_prep_symlinkat, path_a, fd_a, path_b);
    c.add("linkat", io_uring_prep_linkat, fd_a, path_a, fd_b, path_b, 0x400);
    c.add(
        "setxattr",
        io_uring_prep_setxattr,
        path_a,
        path_b,
        pointer<const char>(address_c),
        1,
        size_a);
    c.add("fsetxattr", io_uring_prep_fsetxattr, fd_a, path_a, path_b, 1, size_a);
    c.add(
        "getxattr",
        io_uring_prep_getxattr,
        path_a,
        value_b,
        pointer<const char>(address_c),
        size_a);
    c.add("fgetxattr", io_uring_prep_fgetxattr, fd_a, path_a, value_b, size_a);
}

} // namespace

std::vector<asio_uring::test::oracle_entry> asio_uring::test::oracle_entries()
{
    collector c;
    add_transfers(c);
    add_sockets(c);
    add_controls(c);
    add_files(c);
    return std::move(c.entries);
}
