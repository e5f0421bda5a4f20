// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: every operation of this layer in one place, with its name.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/op/buffers.hpp>
#include <asio_uring/op/cancel.hpp>
#include <asio_uring/op/command.hpp>
#include <asio_uring/op/common.hpp>
#include <asio_uring/op/descriptor.hpp>
#include <asio_uring/op/directory.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/futex.hpp>
#include <asio_uring/op/message.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/op/pipe.hpp>
#include <asio_uring/op/poll.hpp>
#include <asio_uring/op/process.hpp>
#include <asio_uring/op/read_write.hpp>
#include <asio_uring/op/receive.hpp>
#include <asio_uring/op/send.hpp>
#include <asio_uring/op/socket.hpp>
#include <asio_uring/op/timeout.hpp>
#include <asio_uring/op/xattr.hpp>

namespace asio_uring::op {

namespace detail {

template <class Visitor>
constexpr void list_files(Visitor&& visit)
{
    visit("read", read{});
    visit("write", write{});
    visit("readv", readv{});
    visit("writev", writev{});
    visit("read_fixed", read_fixed{});
    visit("write_fixed", write_fixed{});
    visit("readv_fixed", readv_fixed{});
    visit("writev_fixed", writev_fixed{});
    visit("read_multishot", read_multishot{});
    visit("openat", openat{});
    visit("openat", openat{.flags = O_CREAT});
    visit("openat", openat{.slot = 0});
    visit("openat2", openat2{});
    visit("openat2", openat2{.slot = 0});
    visit("statx", statx{});
    visit("fsync", fsync{});
    visit("sync_file_range", sync_file_range{});
    visit("fallocate", fallocate{});
    visit("ftruncate", ftruncate{});
    visit("fadvise", fadvise{});
    visit("fadvise", fadvise{.advice = POSIX_FADV_WILLNEED});
    visit("madvise", madvise{});
    visit("renameat", renameat{});
    visit("unlinkat", unlinkat{});
    visit("mkdirat", mkdirat{});
    visit("symlinkat", symlinkat{});
    visit("linkat", linkat{});
    visit("setxattr", setxattr{});
    visit("fsetxattr", fsetxattr{});
    visit("getxattr", getxattr{});
    visit("fgetxattr", fgetxattr{});
    visit("close", close{});
    visit("close", close{.slot = 0});
    visit("files_update", files_update{});
    visit("fixed_fd_install", fixed_fd_install{});
    visit("splice", splice{});
    visit("tee", tee{});
    visit("pipe", pipe{});
    visit("pipe", pipe{.slot = 0});
}

template <class Visitor>
constexpr void list_sockets(Visitor&& visit)
{
    visit("accept", accept{});
    visit("accept", accept{.ioprio = abi::accept_multishot});
    visit("accept", accept{.slot = 0});
    visit("connect", connect{});
    visit("shutdown", shutdown{});
    visit("socket", socket{});
    visit("socket", socket{.slot = 0});
    visit("bind", bind{});
    visit("listen", listen{});
    visit("send", send{});
    visit("send", send{.ioprio = abi::recvsend_bundle});
    visit("sendmsg", sendmsg{});
    visit("send_zc", send_zc{});
    visit("sendmsg_zc", sendmsg_zc{});
    visit("recv", recv{});
    visit("recv", recv{.ioprio = abi::recv_multishot});
    visit("recvmsg", recvmsg{});
    visit("recvmsg", recvmsg{.ioprio = abi::recv_multishot});
    visit("recv_zc", recv_zc{});
    visit("uring_cmd", uring_cmd{});
    visit("uring_cmd_sqe128", uring_cmd_sqe128{});
    visit("uring_cmd128", uring_cmd128{});
    visit("block_discard", block_discard{});
    visit("socket_queue", socket_queue{});
    visit("getsockopt", getsockopt{});
    visit("setsockopt", setsockopt{});
    visit("tx_timestamp", tx_timestamp{});
    visit("getsockname", getsockname{});
}

template <class Visitor>
constexpr void list_others(Visitor&& visit)
{
    visit("nop", nop{});
    visit("nop128", nop128{});
    visit("poll_add", poll_add{});
    visit("poll_add", poll_add{.flags = abi::poll_add_multi});
    visit("poll_remove", poll_remove{});
    visit("poll_update", poll_update{});
    visit("epoll_ctl", epoll_ctl{});
    visit("epoll_wait", epoll_wait{});
    visit("timeout", timeout{});
    visit("timeout", timeout{.flags = abi::timeout_multishot});
    visit("timeout_remove", timeout_remove{});
    visit("timeout_update", timeout_update{});
    visit("link_timeout", link_timeout{});
    visit("async_cancel", async_cancel{});
    visit("provide_buffers", provide_buffers{});
    visit("remove_buffers", remove_buffers{});
    visit("msg_ring", msg_ring{});
    visit("msg_ring_fd", msg_ring_fd{});
    visit("futex_wait", futex_wait{});
    visit("futex_wake", futex_wake{});
    visit("futex_waitv", futex_waitv{});
    visit("waitid", waitid{});
}

} // namespace detail

/// Calls `visit(name, operation)` for every aggregate of this layer, first as it is by
/// default. An aggregate whose facts depend on its members comes once more for each fact
/// they change, under the same name.
template <class Visitor>
constexpr void for_each_operation(Visitor&& visit)
{
    detail::list_files(visit);
    detail::list_sockets(visit);
    detail::list_others(visit);
}

} // namespace asio_uring::op
