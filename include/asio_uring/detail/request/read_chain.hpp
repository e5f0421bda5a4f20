// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the chain that reads a small file: open, read, close, on a
// place of the ring's file table. Thread: as the operation it is part of. Lifetime: the
// path and the memory are the caller's until the handler is called.
#pragma once

#include <asio_uring/detail/request/chain.hpp>
#include <asio_uring/detail/request/place.hpp>
#include <asio_uring/op/descriptor.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/read_write.hpp>
#include <asio_uring/op/registered.hpp>

#include <boost/asio/buffer.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fcntl.h>

namespace asio_uring::detail {

/// What the members of a read chain ended with, as the kernel says it.
struct read_chain_result
{
    int opened = 0;
    int read = 0;
    int closed = 0;

    /// Whether nothing is left in the place.
    bool emptied() const noexcept { return opened < 0 || closed == 0; }
};

/// The open of a chain, which has no slot of its own in the type of the operation.
class open_in_slot
{
public:
    static constexpr abi::opcode code = abi::opcode::openat2;

    open_in_slot(const place& at, std::uint32_t slot) noexcept
        : place_(&at), how_(at.how(O_RDONLY | O_LARGEFILE, 0)), slot_(slot)
    {}

    void prepare(abi::sqe& sqe) const noexcept
    {
        if (how_.resolve == 0)
            return op::openat{
                .directory = place_->directory(),
                .path = place_->name(),
                .flags = static_cast<int>(how_.flags),
                .slot = slot_}
                .prepare(sqe);
        const op::openat2 request{
            .directory = place_->directory(),
            .path = place_->name(),
            .how = &how_,
            .slot = slot_};
        request.prepare(sqe);
    }

private:
    const place* place_;
    abi::open_how how_;
    std::uint32_t slot_;
};

/// One member of such a chain.
template <typename Operation>
class plain_member final : public chain_member
{
public:
    explicit plain_member(const Operation& operation)
        : chain_member(&do_prepare), operation_(operation)
    {}

private:
    static void do_prepare(ring_operation& base, abi::sqe& sqe) noexcept
    {
        static_cast<plain_member&>(base).operation_.prepare(sqe);
    }

    Operation operation_;
};

/// A file that cannot be opened ends the chain; a read that is short, or fails, does not
/// keep it from closing the file.
class read_chain_request
{
public:
    static constexpr unsigned members = 3;

    read_chain_request(
        const place& at, std::uint32_t slot, boost::asio::mutable_buffer to)
        : chain_(abi::sqe_io_link),
          open_(open_in_slot(at, slot)),
          read_(op::on_slot(
              slot,
              op::read{
                  .data = to.data(),
                  .size = static_cast<std::uint32_t>(to.size()),
                  .offset = 0})),
          close_(op::close{.slot = slot})
    {
        chain_.append(open_);
        chain_.append(read_, abi::sqe_io_hardlink);
        chain_.append(close_);
    }

    read_chain_request(const read_chain_request&) = delete;
    read_chain_request& operator=(const read_chain_request&) = delete;

    request_chain& chain() noexcept { return chain_; }

    void prepare(abi::sqe&) noexcept {}

    auto result(const ring_operation& head)
    {
        boost::system::error_code ec;
        if (open_.result() < 0)
            ec = to_error_code(open_.result(), head.cancel_requested());
        else if (read_.result() < 0)
            ec = to_error_code(read_.result(), head.cancel_requested());
        return std::make_tuple(
            ec, read_chain_result{open_.result(), read_.result(), close_.result()});
    }

    void discard(const ring_operation&) noexcept {}

private:
    request_chain chain_;
    plain_member<open_in_slot> open_;
    plain_member<op::on_direct<op::read>> read_;
    plain_member<op::close> close_;
};

/// A file that is opened into a place, and stays open there.
class open_slot_request
{
public:
    open_slot_request(const place& at, std::uint32_t slot) : open_(at, slot) {}

    void prepare(abi::sqe& sqe) noexcept { open_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    open_in_slot open_;
};

/// One read of a file in a place.
class read_slot_request
{
public:
    read_slot_request(
        std::uint32_t slot, void* data, std::uint32_t size, std::uint64_t offset)
        : read_(op::on_slot(slot, op::read{.data = data, .size = size, .offset = offset}))
    {}

    void prepare(abi::sqe& sqe) noexcept { read_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    op::on_direct<op::read> read_;
};

/// Starts a Request of these arguments that has a chain.
template <typename Request, typename Executor, typename Handler, typename... Args>
void start_chain_request(
    event_loop& loop, const Executor& executor, Handler&& handler, Args&&... args)
{
    std::decay_t<Handler> stored(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(stored);
    auto op =
        make_operation<Request>(loop, stored, executor, std::forward<Args>(args)...);
    request_chain& chain = op->request().chain();
    chain.lead(*op);
    op.connect(slot, chain.first());
    op.take();
    loop.start(chain);
}

} // namespace asio_uring::detail
