// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: several operations of the op layer that the kernel carries out
// one after the other, ended by one handler with the result of each. Thread: as the
// operation it is part of. Lifetime: what the operations point to is the caller's until
// the handler is called.
#pragma once

#include <asio_uring/detail/loop/event_loop.hpp>
#include <asio_uring/detail/request/initiate.hpp>
#include <asio_uring/detail/request/one_shot.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace asio_uring {

/// The result of one operation of several.
struct operation_result
{
    /// No error where the operation succeeded.
    boost::system::error_code error{};
    /// The kernel's result where it is not negative (bytes, a descriptor, 0), else 0.
    int value = 0;
};

namespace detail {

/// One operation, as a member of a chain.
template <typename Operation>
class member_request final : public chain_member
{
public:
    explicit member_request(const Operation& operation)
        : chain_member(&do_prepare), request_(operation)
    {}

    bool one_result() const noexcept { return request_.one_result(); }

    operation_result result() const
    {
        const auto [error, value] = request_.result(*this);
        return {error, value};
    }

    /// A link timeout that did not expire is no failure of its chain.
    static constexpr bool may_be_cancelled = Operation::code == abi::opcode::link_timeout;

    void adapt(event_loop& loop) { one_shot<Operation>::adapt(loop, *this); }
    void discard() noexcept { request_.discard(*this); }

private:
    static void do_prepare(ring_operation& base, abi::sqe& sqe) noexcept
    {
        static_cast<member_request&>(base).request_.prepare(sqe);
    }

    one_shot<Operation> request_;
};

template <typename... Operations>
class chain_request
{
public:
    static constexpr std::size_t size = sizeof...(Operations);
    using results = std::array<operation_result, size>;

    chain_request(std::uint8_t link_flag, const std::tuple<Operations...>& operations)
        : chain_(link_flag), members_(operations)
    {
        for_each([&](auto& member) { chain_.append(member); });
    }

    chain_request(const chain_request&) = delete;
    chain_request& operator=(const chain_request&) = delete;

    request_chain& chain() noexcept { return chain_; }

    bool one_result_each() noexcept
    {
        bool all = true;
        for_each([&](auto& member) { all = all && member.one_result(); });
        return all;
    }

    void adapt(event_loop& loop)
    {
        for_each([&](auto& member) { member.adapt(loop); });
    }

    void prepare(abi::sqe&) noexcept {}

    auto result(const ring_operation& head)
    {
        results each{};
        boost::system::error_code first;
        if (head.result() < 0)
            first = operation_error(head);
        std::size_t index = 0;
        for_each([&]<typename Member>(Member& member) {
            const operation_result& result = each[index++] = member.result();
            const bool aborted = result.error == boost::asio::error::operation_aborted;
            if (aborted && Member::may_be_cancelled)
                return;
            // An error that follows from another member's failure is not the cause.
            if (!first || (first == boost::asio::error::operation_aborted && !aborted))
                first = result.error ? result.error : first;
        });
        return std::make_tuple(first, each);
    }

    void discard(const ring_operation&) noexcept
    {
        for_each([](auto& member) { member.discard(); });
    }

private:
    template <typename F>
    void for_each(F f)
    {
        std::apply([&](auto&... member) { (f(member), ...); }, members_);
    }

    request_chain chain_;
    std::tuple<member_request<Operations>...> members_;
};

/// Starts a chain on the ring of an executor's context.
template <typename Executor, typename Handler, typename... Operations>
void start_chain(
    event_loop& loop,
    const Executor& executor,
    Handler&& handler,
    std::uint8_t link_flag,
    const std::tuple<Operations...>& operations)
{
    using request = chain_request<Operations...>;
    std::decay_t<Handler> stored(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(stored);
    auto op = make_operation<request>(loop, stored, executor, link_flag, operations);
    request_chain& chain = op->request().chain();
    chain.lead(*op);
    if (!op->request().one_result_each())
        return op.complete(-EINVAL, false);
    op.connect(slot, chain.first());
    op->request().adapt(loop);
    op.take();
    loop.start(chain);
}

} // namespace detail
} // namespace asio_uring
