// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"

#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <new>
#include <utility>

#include <unistd.h>

namespace asio_uring {

using boost::system::error_code;

namespace {

// What this layer relies on without a second code path: one map for both rings (5.4), no
// dropped completions (5.5), stable submissions (5.5) and the extended argument (5.11).
constexpr std::uint32_t required_features = abi::feat_single_mmap | abi::feat_nodrop |
                                            abi::feat_submit_stable | abi::feat_ext_arg;

} // namespace

ring::ring(const ring_options& options)
{
    const error_code ec = open(options);
    if (ec)
        throw boost::system::system_error(ec, explain_setup_error(ec, options));
}

ring ring::create(const ring_options& options, error_code& ec)
{
    ring result;
    ec = result.open(options);
    return result;
}

ring::ring(ring&& other) noexcept
    : fd_{std::move(other.fd_)},
      memory_{std::move(other.memory_)},
      unshared_tail_{std::move(other.unshared_tail_)},
      target_{other.target_},
      setup_flags_{other.setup_flags_},
      features_{other.features_},
      owner_process_{other.owner_process_},
      enter_fd_{other.enter_fd_},
      enter_flags_{other.enter_flags_},
      registrant_{other.registrant_},
      clock_{other.clock_},
      submission_{other.submission_},
      completion_{other.completion_}
{
    other.forget();
}

ring& ring::operator=(ring&& other) noexcept
{
    if (this != &other) {
        close();
        swap(other);
    }
    return *this;
}

void ring::swap(ring& other) noexcept
{
    using std::swap;
    swap(fd_, other.fd_);
    memory_.swap(other.memory_);
    swap(unshared_tail_, other.unshared_tail_);
    swap(target_, other.target_);
    swap(setup_flags_, other.setup_flags_);
    swap(features_, other.features_);
    swap(owner_process_, other.owner_process_);
    swap(enter_fd_, other.enter_fd_);
    swap(enter_flags_, other.enter_flags_);
    swap(registrant_, other.registrant_);
    swap(clock_, other.clock_);
    swap(submission_, other.submission_);
    swap(completion_, other.completion_);
}

void ring::close() noexcept
{
    if (!target_)
        return;
    // The maps are absent from a child of the process that made them, and a registered
    // index belongs to a thread of the parent.
    if (::getpid() != owner_process_)
        memory_.forget();
    else if (target_.is_index())
        detail::give_back_index(target_);
    else
        unregister_ring_fd();
    forget();
}

// Also of a ring that another object has taken.
void ring::forget() noexcept
{
    submission_ = {};
    completion_ = {};
    memory_ = {};
    unshared_tail_.reset();
    target_ = {};
    fd_.reset();
    setup_flags_ = 0;
    features_ = 0;
    enter_fd_ = -1;
    enter_flags_ = 0;
    registrant_ = 0;
    clock_ = wait_clock::monotonic;
}

error_code ring::open(const ring_options& options) noexcept
{
    error_code ec;
    detail::ring_memory memory;
    if (((options.flags | options.optional_flags) & abi::setup_no_mmap) != 0) {
        if (options.ring_memory.empty())
            memory = detail::ring_memory::allocate(required_ring_memory(options), ec);
        else
            memory = detail::ring_memory::lent(options);
    }
    if (!ec)
        ec = open_with(options, std::move(memory));
    if (ec) {
        close();
        return ec;
    }
    // A thread has sixteen places for ring indices; without one the descriptor serves.
    if ((options.register_ring_fd || options.close_descriptor) && !target_.is_index() &&
        !register_ring_fd() && options.close_descriptor)
        close_descriptor();
    return {};
}

// Before anybody has a copy of target_: a number that is closed may soon be another file.
void ring::close_descriptor() noexcept
{
    if ((features_ & abi::feat_reg_reg_ring) == 0)
        return;
    target_ = detail::register_target::registered(enter_fd_);
    fd_.reset();
}

ring ring::adopt(int fd, const abi::setup_params& params, error_code& ec)
{
    ring result;
    ec = result.take_over(fd, params);
    return ec ? ring{} : std::move(result);
}

error_code ring::take_over(int fd, const abi::setup_params& params) noexcept
{
    constexpr std::uint32_t unmapped = abi::setup_no_mmap | abi::setup_registered_fd_only;
    if ((params.flags & unmapped) != 0)
        return make_error_code(errc::no_ring_descriptor);
    if ((params.features & required_features) != required_features)
        return make_error_code(errc::kernel_too_old);
    error_code ec;
    detail::ring_memory memory =
        detail::ring_memory::map(fd, detail::size_of(params), ec);
    if (!ec) {
        setup_flags_ = params.flags;
        ec = attach(params, std::move(memory));
    }
    if (ec)
        return ec;
    features_ = params.features;
    owner_process_ = ::getpid();
    enter_fd_ = fd;
    target_ = detail::register_target{fd};
    fd_.reset(fd);
    return {};
}

error_code
ring::open_with(const ring_options& options, detail::ring_memory memory) noexcept
{
    abi::setup_params params{};
    params.sq_off.user_addr = reinterpret_cast<std::uintptr_t>(memory.entries());
    params.cq_off.user_addr = reinterpret_cast<std::uintptr_t>(memory.rings());
    error_code ec;
    const int handle = detail::negotiate_setup(options, params, ec);
    if (ec)
        return ec;
    owner_process_ = ::getpid();
    enter_fd_ = handle;
    if ((params.flags & abi::setup_registered_fd_only) != 0) {
        target_ = detail::register_target::registered(handle);
        enter_flags_ = abi::enter_registered_ring;
        registrant_ = ::gettid();
    }
    else {
        target_ = detail::register_target{handle};
        fd_.reset(handle);
    }
    setup_flags_ = params.flags;
    features_ = params.features;
    if ((features_ & required_features) != required_features)
        return make_error_code(errc::kernel_too_old);
    if ((params.flags & abi::setup_no_mmap) == 0)
        memory = detail::ring_memory::map(handle, detail::size_of(params), ec);
    return ec ? ec : attach(params, std::move(memory));
}

error_code
ring::attach(const abi::setup_params& params, detail::ring_memory memory) noexcept
{
    memory_ = std::move(memory);
    // The kernel's offsets count from the start of the map, which outlives the queues.
    const auto word = [this](std::uint32_t offset) {
        return reinterpret_cast<std::uint32_t*>(memory_.rings() + offset);
    };
    // With no_sqarray the array's offset is 0, the place of the ring words: never touch
    // it.
    if ((params.flags & abi::setup_no_sqarray) == 0) {
        std::uint32_t* array = word(params.sq_off.array);
        for (std::uint32_t index = 0; index != params.sq_entries; ++index)
            array[index] = index;
    }
    // KERNEL 7.0: with sq_rewind the kernel reads neither head nor tail, and both have to
    // stay zero. Our own tail then lies elsewhere.
    std::uint32_t* tail = word(params.sq_off.tail);
    if ((params.flags & abi::setup_sq_rewind) != 0) {
        unshared_tail_.reset(new (std::nothrow) std::uint32_t{0});
        if (!unshared_tail_)
            return {ENOMEM, boost::system::system_category()};
        tail = unshared_tail_.get();
    }
    submission_ = submission_queue{submission_queue::view{
        .head = word(params.sq_off.head),
        .tail = tail,
        .flags = word(params.sq_off.flags),
        .dropped = word(params.sq_off.dropped),
        .sqes = reinterpret_cast<abi::sqe*>(memory_.entries()),
        .entries = params.sq_entries,
        .entry_shift = (params.flags & abi::setup_sqe128) != 0 ? 1U : 0U,
        .mixed = (params.flags & abi::setup_sqe_mixed) != 0}};
    completion_ = completion_queue{completion_queue::view{
        .head = word(params.cq_off.head),
        .tail = word(params.cq_off.tail),
        .flags = word(params.cq_off.flags),
        .overflow = word(params.cq_off.overflow),
        .cqes = reinterpret_cast<abi::cqe*>(memory_.rings() + params.cq_off.cqes),
        .entries = params.cq_entries,
        .entry_shift = (params.flags & abi::setup_cqe32) != 0 ? 1U : 0U,
        .mixed = (params.flags & abi::setup_cqe_mixed) != 0}};
    return {};
}

} // namespace asio_uring
