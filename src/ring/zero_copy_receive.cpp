// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"
#include "setup.hpp"

#include <asio_uring/ring/zero_copy_receive.hpp>

#include <boost/system/system_error.hpp>

#include <atomic>
#include <bit>
#include <cerrno>

namespace asio_uring {

using boost::system::error_code;

namespace {

constexpr auto call = abi::register_op::zcrx_ifq;

// Data is named by its place in the area, below the bits that name the area.
constexpr std::uint64_t place_mask = (std::uint64_t{1} << abi::zcrx_area_shift) - 1;

std::uint64_t place_of(const abi::cqe& entry) noexcept
{
    // The second half of a 32-byte completion.
    const auto* more = reinterpret_cast<const abi::zcrx_cqe*>(&entry + 1);
    return more->off & place_mask;
}

} // namespace

zero_copy_receive_queue::zero_copy_receive_queue(
    ring& target, const zero_copy_receive_options& options)
{
    error_code ec;
    *this = create(target, options, ec);
    if (ec)
        throw boost::system::system_error(ec, explain_register_error(ec, call));
}

zero_copy_receive_queue zero_copy_receive_queue::create(
    ring& target, const zero_copy_receive_options& options, error_code& ec) noexcept
{
    zero_copy_receive_queue result;
    const std::size_t page = detail::page_size();
    ec = {EINVAL, boost::system::system_category()};
    if (!std::has_single_bit(options.refill_entries) || options.area_size == 0 ||
        options.area_size % page != 0)
        return result;
    // One page for the words in front of the entries.
    const std::size_t entries_size = options.refill_entries * sizeof(abi::zcrx_rqe);
    const std::size_t refill_size = page + (entries_size + page - 1) / page * page;
    result.refill_ = detail::mapping::anonymous(refill_size, ec);
    if (!ec)
        result.area_ = detail::mapping::anonymous(options.area_size, ec);
    if (ec)
        return {};

    abi::zcrx_area_reg area{};
    area.addr = reinterpret_cast<std::uintptr_t>(result.area_.data());
    area.len = options.area_size;
    abi::region_desc region{};
    region.user_addr = reinterpret_cast<std::uintptr_t>(result.refill_.data());
    region.size = refill_size;
    region.flags = abi::mem_region_type_user;
    abi::zcrx_ifq_reg argument{};
    argument.if_idx = options.interface_index;
    argument.if_rxq = options.receive_queue;
    argument.rq_entries = options.refill_entries;
    argument.area_ptr = reinterpret_cast<std::uintptr_t>(&area);
    argument.region_ptr = reinterpret_cast<std::uintptr_t>(&region);
    const int answer = target.register_call(call, &argument, 1);
    // A queue in use says the same as a thread that is not the issuer.
    ec = answer == -EEXIST ? result_error(answer) : detail::register_error(answer, call);
    if (ec)
        return {};
    result.target_ = target.target();
    result.attach(argument, area.rq_area_token);
    return result;
}

void zero_copy_receive_queue::attach(
    const abi::zcrx_ifq_reg& answer, std::uint64_t token) noexcept
{
    area_token_ = token;
    // The kernel's offsets count from the start of the region, which lives as long as
    // this and holds rq_entries entries.
    head_ = refill_.at<std::uint32_t>(answer.offsets.head);
    tail_ = refill_.at<std::uint32_t>(answer.offsets.tail);
    entries_ = refill_.at<abi::zcrx_rqe>(answer.offsets.rqes);
    entry_count_ = answer.rq_entries;
    id_ = answer.zcrx_id;
}

std::span<std::byte> zero_copy_receive_queue::data(const abi::cqe& entry) const noexcept
{
    ASIO_URING_ASSERT(entry.res > 0);
    const auto size = static_cast<std::size_t>(entry.res);
    ASIO_URING_ASSERT(place_of(entry) + size <= area_.size());
    return {area_.data() + place_of(entry), size};
}

bool zero_copy_receive_queue::try_give_back(const abi::cqe& entry) noexcept
{
    // Acquire: an entry is written again only after the kernel has read it.
    const std::uint32_t head = std::atomic_ref{*head_}.load(std::memory_order_acquire);
    if (given_back_ - head == entry_count_)
        return false;
    entries_[given_back_ & (entry_count_ - 1)] = {
        .off = place_of(entry) | area_token_,
        .len = static_cast<std::uint32_t>(entry.res),
        .pad = 0};
    // Release: the entry is written before the tail that covers it.
    std::atomic_ref{*tail_}.store(++given_back_, std::memory_order_release);
    return true;
}

error_code zero_copy_receive_queue::flush() noexcept
{
    constexpr auto control = abi::register_op::zcrx_ctrl;
    abi::zcrx_ctrl argument{};
    argument.zcrx_id = id_;
    argument.op = abi::zcrx_ctrl_flush_rq;
    return detail::register_error(target_.call(control, &argument, 0), control);
}

void zero_copy_receive_queue::swap(zero_copy_receive_queue& other) noexcept
{
    using std::swap;
    swap(target_, other.target_);
    swap(area_, other.area_);
    swap(refill_, other.refill_);
    swap(area_token_, other.area_token_);
    swap(entries_, other.entries_);
    swap(head_, other.head_);
    swap(tail_, other.tail_);
    swap(entry_count_, other.entry_count_);
    swap(given_back_, other.given_back_);
    swap(id_, other.id_);
}

} // namespace asio_uring
