// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/detail/ring/spare_ring.hpp>

#include <mutex>
#include <new>
#include <utility>

#include <sys/stat.h>

#include <pthread.h>
#include <unistd.h>

namespace asio_uring::detail {

/// A ring at rest, and what tells that its descriptor still means the ring: a program may
/// close all descriptors that it does not know.
class resting_ring
{
public:
    resting_ring() noexcept = default;

    resting_ring(ring&& used, const ring_options& options) noexcept
        : ring_{std::move(used)}, options_{options}
    {
        known_ = ::fstat(ring_.native_handle(), &file_) == 0;
    }

    resting_ring(resting_ring&&) noexcept = default;

    resting_ring& operator=(resting_ring&& other) noexcept
    {
        if (this != &other) {
            end();
            ring_ = std::move(other.ring_);
            options_ = other.options_;
            file_ = other.file_;
            known_ = other.known_;
        }
        return *this;
    }

    ~resting_ring() { end(); }

    bool is_there() const noexcept { return ring_.is_open(); }

    bool is_made_from(const ring_options& options) const noexcept
    {
        return options_.entries == options.entries &&
               options_.cq_entries == options.cq_entries &&
               options_.flags == options.flags &&
               options_.optional_flags == options.optional_flags;
    }

    /// Closed where the ring is not this process's own, or lost its descriptor.
    ring take() noexcept
    {
        if (ring_.owner_process_ == ::getpid() && means_the_ring())
            return std::move(ring_);
        end();
        return {};
    }

private:
    bool means_the_ring() const noexcept
    {
        struct ::stat now = {};
        return known_ && ::fstat(ring_.native_handle(), &now) == 0 &&
               now.st_ino == file_.st_ino && now.st_dev == file_.st_dev;
    }

    // The number of a descriptor that is not the ring's any more belongs to others.
    void end() noexcept
    {
        if (is_there() && !means_the_ring())
            ring_.fd_.release();
        ring_.close();
    }

    ring ring_;
    ring_options options_;
    struct ::stat file_ = {};
    bool known_ = false;
};

namespace {

class spare_place
{
public:
    // Never destroyed: a context may end in the destructor of another static object.
    static spare_place& of_process() noexcept
    {
        alignas(spare_place) static unsigned char memory[sizeof(spare_place)];
        static auto* const instance = new (memory) spare_place;
        return *instance;
    }

    ring take(const ring_options& options) noexcept
    {
        const std::lock_guard lock{mutex_};
        if (!kept_.is_there() || !kept_.is_made_from(options))
            return {};
        return kept_.take();
    }

    void keep(resting_ring& used) noexcept
    {
        const std::lock_guard lock{mutex_};
        if (!ended_ && !kept_.is_there())
            kept_ = std::move(used);
    }

    bool drop(bool for_good = false) noexcept
    {
        const std::lock_guard lock{mutex_};
        ended_ = ended_ || for_good;
        const bool found = kept_.is_there();
        kept_ = resting_ring{};
        return found;
    }

private:
    spare_place() noexcept
    {
        [[maybe_unused]] static const int registered =
            ::pthread_atfork(&before_fork, &in_parent, &in_child);
    }

    // The child has a copy of the place as it was when nobody changed it. A ring lives
    // until its last descriptor is closed, so the child closes its own.
    static void before_fork() { of_process().mutex_.lock(); }
    static void in_parent() { of_process().mutex_.unlock(); }
    static void in_child()
    {
        of_process().kept_ = resting_ring{};
        of_process().mutex_.unlock();
    }

    std::mutex mutex_;
    // Guarded by mutex_
    resting_ring kept_;
    bool ended_ = false;
};

/// A process that ends has no spare ring, for those who look for what it left open.
struct end_with_process
{
    ~end_with_process() { spare_place::of_process().drop(true); }
};

} // namespace

ring take_spare_ring(const ring_options& options) noexcept
{
    return spare_place::of_process().take(options);
}

void keep_spare_ring(ring&& used, const ring_options& options) noexcept
{
    static const end_with_process watch;
    resting_ring resting{std::move(used), options};
    spare_place::of_process().keep(resting);
}

bool drop_spare_ring() noexcept { return spare_place::of_process().drop(); }

} // namespace asio_uring::detail
