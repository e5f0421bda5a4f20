// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: requests that the kernel carries out one after the other, started
// and submitted as one. Thread: guarded by the loop's mutex until the last member ended.
// Lifetime: a part of the operation at its head, which ends when every member has.
#pragma once

#include <asio_uring/detail/loop/part_operation.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace asio_uring::detail {

class request_chain;

/// One request of a chain.
class chain_member : public part_operation
{
protected:
    explicit chain_member(prepare_function prepare) noexcept
        : part_operation(&do_destroy, prepare, part_kind::member)
    {
        // The result of a member, and its effect on the members behind it, are the
        // chain's result.
        never_repeat();
    }

    ~chain_member() = default;

private:
    template <typename Ring>
    friend class basic_event_loop;
    friend class request_chain;

    static void do_destroy(
        void* owner,
        scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t);

    request_chain* chain_ = nullptr;
    chain_member* next_member_ = nullptr;
    std::uint8_t link_flag_ = 0;
};

/// The members in their order, and the operation that ends when all of them have.
class request_chain
{
public:
    /// `link_flag` is abi::sqe_io_link, or abi::sqe_io_hardlink for members that begin
    /// whether the member before succeeded or failed.
    explicit request_chain(std::uint8_t link_flag) noexcept : link_flag_(link_flag) {}

    request_chain(const request_chain&) = delete;
    request_chain& operator=(const request_chain&) = delete;

    /// Sets the operation that ends when every member has. REQUIRES: not started.
    void lead(ring_operation& head) noexcept { head_ = &head; }

    /// Puts a member at the end. REQUIRES: not started.
    void append(chain_member& member) noexcept { append(member, link_flag_); }

    /// The same, with a flag of its own for what comes behind it.
    void append(chain_member& member, std::uint8_t link_flag) noexcept
    {
        member.link_flag_ = link_flag;
        (last_ == nullptr ? first_ : last_->next_member_) = &member;
        last_ = &member;
        member.chain_ = this;
        ++size_;
    }

    ring_operation& head() const noexcept { return *head_; }
    chain_member& first() const noexcept { return *first_; }
    unsigned size() const noexcept { return size_; }

private:
    template <typename Ring>
    friend class basic_event_loop;
    friend class chain_member;

    /// The first member from `from` on that stands, or nullptr.
    static chain_member* standing(chain_member* from) noexcept
    {
        while (from != nullptr && !from->stands())
            from = from->next_member_;
        return from;
    }

    ring_operation* head_ = nullptr;
    chain_member* first_ = nullptr;
    chain_member* last_ = nullptr;
    unsigned size_ = 0;
    unsigned standing_ = 0;
    std::uint8_t link_flag_;
    bool cancelled_ = false;
};

// The last of the members to go destroys the head.
inline void chain_member::do_destroy(
    [[maybe_unused]] void* owner,
    scheduler_operation* base,
    const boost::system::error_code&,
    std::size_t)
{
    ASIO_URING_ASSERT(owner == nullptr);
    request_chain& chain = *static_cast<chain_member*>(base)->chain_;
    if (--chain.standing_ == 0)
        chain.head().destroy();
}

} // namespace asio_uring::detail
