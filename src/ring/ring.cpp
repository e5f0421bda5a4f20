#include "setup.hpp"

#include <asio_uring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace asio_uring {

using boost::system::error_code;

namespace {

// What this layer relies on without a second code path: one map for both rings (5.4), no
// dropped completions (5.5), stable submissions (5.5) and the extended argument (5.11).
constexpr std::uint32_t required_features = abi::feat_single_mmap | abi::feat_nodrop |
                                            abi::feat_submit_stable | abi::feat_ext_arg;

std::size_t rings_size(const abi::setup_params& params) noexcept
{
    const std::size_t cqe_size = sizeof(abi::cqe)
                                 << ((params.flags & abi::setup_cqe32) != 0 ? 1 : 0);
    const std::size_t cqes_end = params.cq_off.cqes + params.cq_entries * cqe_size;
    if ((params.flags & abi::setup_no_sqarray) != 0)
        return cqes_end;
    const std::size_t array_end =
        params.sq_off.array + params.sq_entries * sizeof(std::uint32_t);
    return std::max(cqes_end, array_end);
}

error_code error_of(int result) noexcept { return result_error(result); }

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

ring::ring(ring&& other) noexcept { swap(other); }

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
    swap(rings_map_, other.rings_map_);
    swap(sqes_map_, other.sqes_map_);
    swap(target_, other.target_);
    swap(setup_flags_, other.setup_flags_);
    swap(features_, other.features_);
    swap(owner_process_, other.owner_process_);
    swap(enter_fd_, other.enter_fd_);
    swap(enter_flags_, other.enter_flags_);
    swap(registrant_, other.registrant_);
    swap(submission_, other.submission_);
    swap(completion_, other.completion_);
}

void ring::close() noexcept
{
    if (!fd_)
        return;
    // The maps are absent from a child of the process that made them, and the registered
    // index belongs to a thread of the parent.
    if (::getpid() != owner_process_) {
        rings_map_.forget();
        sqes_map_.forget();
    }
    else {
        unregister_ring_fd();
    }
    submission_ = {};
    completion_ = {};
    sqes_map_.reset();
    rings_map_.reset();
    target_ = {};
    fd_.reset();
    setup_flags_ = 0;
    features_ = 0;
    enter_fd_ = -1;
    enter_flags_ = 0;
    registrant_ = 0;
}

error_code ring::open(const ring_options& options) noexcept
{
    abi::setup_params params{};
    error_code ec;
    fd_.reset(detail::negotiate_setup(options, params, ec));
    if (ec)
        return ec;
    owner_process_ = ::getpid();
    target_ = detail::register_target{fd_.get()};
    enter_fd_ = fd_.get();
    setup_flags_ = params.flags;
    features_ = params.features;
    if ((features_ & required_features) != required_features)
        ec = make_error_code(errc::kernel_too_old);
    else
        ec = map(params);
    if (ec) {
        close();
        return ec;
    }
    if (options.register_ring_fd) {
        // A thread has sixteen places for ring indices; without one the descriptor
        // serves.
        [[maybe_unused]] const error_code ignored = register_ring_fd();
    }
    return {};
}

error_code ring::map(const abi::setup_params& params) noexcept
{
    error_code ec;
    const unsigned sqe_shift = (params.flags & abi::setup_sqe128) != 0 ? 1 : 0;
    const std::size_t sqes_size = (params.sq_entries * sizeof(abi::sqe)) << sqe_shift;
    const int fd = fd_.get();
    rings_map_ = detail::mapping::create(fd, abi::off_sq_ring, rings_size(params), ec);
    if (ec)
        return ec;
    sqes_map_ = detail::mapping::create(fd, abi::off_sqes, sqes_size, ec);
    if (ec)
        return ec;

    // With no_sqarray the array's offset is 0, the place of the ring words: never touch
    // it.
    if ((params.flags & abi::setup_no_sqarray) == 0) {
        auto* array = rings_map_.at<std::uint32_t>(params.sq_off.array);
        for (std::uint32_t index = 0; index != params.sq_entries; ++index)
            array[index] = index;
    }

    // The kernel's offsets count from the start of the map, which outlives the queues.
    const auto word = [this](std::uint32_t offset) {
        return rings_map_.at<std::uint32_t>(offset);
    };
    submission_ = submission_queue{submission_queue::view{
        .head = word(params.sq_off.head),
        .tail = word(params.sq_off.tail),
        .flags = word(params.sq_off.flags),
        .dropped = word(params.sq_off.dropped),
        .sqes = sqes_map_.at<abi::sqe>(0),
        .entries = params.sq_entries,
        .entry_shift = sqe_shift}};
    completion_ = completion_queue{completion_queue::view{
        .head = word(params.cq_off.head),
        .tail = word(params.cq_off.tail),
        .flags = word(params.cq_off.flags),
        .overflow = word(params.cq_off.overflow),
        .cqes = rings_map_.at<abi::cqe>(params.cq_off.cqes),
        .entries = params.cq_entries,
        .entry_shift = (params.flags & abi::setup_cqe32) != 0 ? 1U : 0U,
        .mixed = (params.flags & abi::setup_cqe_mixed) != 0}};
    return {};
}

error_code ring::enable() noexcept
{
    return error_of(register_call(abi::register_op::enable_rings, nullptr, 0));
}

error_code ring::register_ring_fd() noexcept
{
    if (!fd_)
        return make_error_code(errc::not_open);
    if (registrant_ != 0)
        return {EBUSY, boost::system::system_category()};
    abi::rsrc_update update{};
    update.offset = ~0U; // the kernel chooses the index and writes it here
    update.data = static_cast<std::uint64_t>(fd_.get());
    const int result = register_call(abi::register_op::ring_fds, &update, 1);
    if (result < 0)
        return error_of(result);
    enter_fd_ = static_cast<int>(update.offset);
    enter_flags_ = abi::enter_registered_ring;
    registrant_ = ::gettid();
    return {};
}

void ring::unregister_ring_fd() noexcept
{
    if (registrant_ == 0)
        return;
    // The index of another thread cannot be given back from here; it keeps the ring alive
    // until that thread ends.
    if (registrant_ == ::gettid()) {
        abi::rsrc_update update{};
        update.offset = static_cast<std::uint32_t>(enter_fd_);
        register_call(abi::register_op::unregister_ring_fds, &update, 1);
    }
    enter_fd_ = fd_.get();
    enter_flags_ = 0;
    registrant_ = 0;
}

error_code ring::register_eventfd(int eventfd) noexcept
{
    return error_of(register_call(abi::register_op::eventfd, &eventfd, 1));
}

error_code ring::unregister_eventfd() noexcept
{
    return error_of(register_call(abi::register_op::unregister_eventfd, nullptr, 0));
}

error_code ring::register_buffers(std::span<const iovec> buffers) noexcept
{
    return error_of(register_call(
        abi::register_op::buffers,
        buffers.data(),
        static_cast<unsigned>(buffers.size())));
}

error_code ring::unregister_buffers() noexcept
{
    return error_of(register_call(abi::register_op::unregister_buffers, nullptr, 0));
}

error_code ring::register_files(std::span<const int> files) noexcept
{
    return error_of(register_call(
        abi::register_op::files, files.data(), static_cast<unsigned>(files.size())));
}

error_code ring::unregister_files() noexcept
{
    return error_of(register_call(abi::register_op::unregister_files, nullptr, 0));
}

} // namespace asio_uring
