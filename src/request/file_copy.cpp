// SPDX-License-Identifier: BSL-1.0
#include "sqe_fields.hpp"

#include <asio_uring/detail/request/file_copy.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace asio_uring::detail {

namespace {

// A piece takes milliseconds, so that a cancellation is not waited for.
constexpr std::size_t piece_size = 16 * 1024 * 1024;
constexpr std::size_t memory_size = 1024 * 1024;

int open_at(const place& at, int flags, unsigned mode = 0) noexcept
{
    abi::open_how how = at.how(flags | O_CLOEXEC, mode);
    for (;;) {
        const long made =
            how.resolve == 0
                ? ::openat(at.directory(), at.name(), static_cast<int>(how.flags), mode)
                : ::syscall(SYS_openat2, at.directory(), at.name(), &how, sizeof how);
        if (made >= 0)
            return static_cast<int>(made);
        if (errno != EINTR)
            return -errno;
    }
}

int status_of(const unique_fd& file, struct ::statx& found) noexcept
{
    constexpr unsigned mask = STATX_BASIC_STATS;
    return answer(::statx(file.get(), "", AT_EMPTY_PATH, mask, &found));
}

bool is_newer(const ::statx_timestamp& a, const ::statx_timestamp& b) noexcept
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/// Whether the error says that the files cannot be copied by this call, but by others.
bool says_other_way(int error) noexcept
{
    return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
           error == ENOTTY || error == EPERM || error == ETXTBSY;
}

} // namespace

int file_copy::step() noexcept
{
    try {
        switch (phase_) {
        case phase::open:
            if (const int error = open_both(); error < 0)
                return error;
            if (phase_ == phase::end)
                return 0;
            [[fallthrough]];
        case phase::clone:
            if (const int result = clone(); result <= 0)
                return result;
            [[fallthrough]];
        case phase::ranges:
            if (const int result = copy_range(); phase_ == phase::ranges || result < 0)
                return result;
            [[fallthrough]];
        case phase::transfers:
            return phase_ == phase::end ? 0 : transfer();
        case phase::end:
            return 0;
        }
        return 0;
    }
    catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
}

void file_copy::give_up() noexcept
{
    source_.reset();
    target_.reset();
    if (std::exchange(maker_, 0) != ::getpid())
        return;
    try {
        if (to_.how(0, 0).resolve == 0 || made_.narrow_to_directory() == 0)
            ::unlinkat(made_.directory(), made_.name(), 0);
    }
    catch (const std::bad_alloc&) {
    }
}

int file_copy::open_both()
{
    // Opening a pipe would wait for whoever writes to it. Files do not mind the flag.
    const int source = open_at(from_, O_RDONLY | O_NONBLOCK);
    if (source < 0)
        return source;
    source_.reset(source);
    struct ::statx found = {};
    if (const int error = status_of(source_, found); error < 0)
        return error;
    if (!S_ISREG(found.stx_mode))
        return S_ISDIR(found.stx_mode) ? -EISDIR : -EOPNOTSUPP;
    size_ = found.stx_size;
    is_sparse_ = found.stx_blocks * 512 < found.stx_size;
    bool exists = false;
    if (const int error = open_target(found.stx_mode & 07777U, exists); error < 0)
        return error;
    if (exists) {
        bool leave = false;
        if (const int error = compare_with_target(found, leave); error < 0)
            return error;
        if (leave) {
            give_up();
            phase_ = phase::end;
            return 0;
        }
        if (::ftruncate(target_.get(), 0) < 0)
            return -errno;
    }
    // What the umask has taken away.
    if (::fchmod(target_.get(), found.stx_mode & 07777U) < 0)
        return -errno;
    phase_ = phase::clone;
    return 0;
}

int file_copy::open_target(unsigned mode, bool& exists) noexcept
{
    int target = open_at(to_, O_WRONLY | O_CREAT | O_EXCL, mode);
    exists = target == -EEXIST && settings_.existing != copy_existing::fail;
    maker_ = target >= 0 ? ::getpid() : 0;
    if (exists)
        target = open_at(to_, O_WRONLY | O_NONBLOCK);
    if (target < 0)
        return target;
    target_.reset(target);
    return 0;
}

int file_copy::compare_with_target(const struct ::statx& source, bool& leave) noexcept
{
    struct ::statx found = {};
    if (const int error = status_of(target_, found); error < 0)
        return error;
    if (!S_ISREG(found.stx_mode))
        return -EOPNOTSUPP;
    if (found.stx_ino == source.stx_ino && found.stx_dev_major == source.stx_dev_major &&
        found.stx_dev_minor == source.stx_dev_minor)
        return -EEXIST;
    leave = settings_.existing == copy_existing::skip ||
            (settings_.existing == copy_existing::update &&
             !is_newer(source.stx_mtime, found.stx_mtime));
    return 0;
}

int file_copy::clone() noexcept
{
    phase_ = phase::ranges;
    if (settings_.reflink == copy_reflink::never)
        return 1;
    if (::ioctl(target_.get(), FICLONE, source_.get()) == 0) {
        offset_ = size_;
        return finish();
    }
    const int error = errno;
    if (settings_.reflink == copy_reflink::always || !says_other_way(error))
        return -error;
    return 1;
}

/// Goes over a hole, and tells how far the data goes. Returns 0 where there is no more.
int file_copy::find_data(std::uint64_t& data_end) noexcept
{
    data_end = std::numeric_limits<std::uint64_t>::max();
    if (!is_sparse_)
        return 1;
    const auto data = ::lseek(source_.get(), static_cast<::off_t>(offset_), SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        return 0;
    if (data < 0) {
        is_sparse_ = false; // a file system that does not tell
        return 1;
    }
    offset_ = static_cast<std::uint64_t>(data);
    const auto hole = ::lseek(source_.get(), data, SEEK_HOLE);
    if (hole >= 0)
        data_end = static_cast<std::uint64_t>(hole);
    return 1;
}

int file_copy::copy_range() noexcept
{
    for (std::size_t left = piece_size; left != 0;) {
        std::uint64_t data_end = 0;
        if (find_data(data_end) == 0)
            return finish();
        auto in = static_cast<::off64_t>(offset_);
        auto out = in;
        const std::size_t wanted = std::min<std::uint64_t>(left, data_end - offset_);
        const auto got =
            ::copy_file_range(source_.get(), &in, target_.get(), &out, wanted, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && !says_other_way(errno))
            return -errno;
        // A file that seems empty may be one of a pseudo file system.
        if (got < 0 || (got == 0 && offset_ == 0)) {
            phase_ = phase::transfers;
            return 1;
        }
        if (got == 0)
            return finish();
        offset_ += static_cast<std::uint64_t>(got);
        left -= static_cast<std::size_t>(got);
        if (offset_ == size_ && !is_sparse_ && size_ < piece_size)
            return finish();
    }
    return 1;
}

int file_copy::transfer()
{
    if (!memory_)
        memory_ = std::make_unique_for_overwrite<char[]>(memory_size);
    for (std::size_t left = piece_size; left != 0;) {
        std::uint64_t data_end = 0;
        if (find_data(data_end) == 0)
            return finish();
        const std::size_t wanted =
            std::min<std::uint64_t>(memory_size, data_end - offset_);
        const auto got =
            ::pread(source_.get(), memory_.get(), wanted, static_cast<::off_t>(offset_));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return finish();
        for (ssize_t written = 0; written != got;) {
            const auto put = ::pwrite(
                target_.get(),
                memory_.get() + written,
                static_cast<std::size_t>(got - written),
                static_cast<::off_t>(offset_));
            if (put < 0 && errno != EINTR)
                return -errno;
            written += std::max<ssize_t>(put, 0);
            offset_ += static_cast<std::uint64_t>(std::max<ssize_t>(put, 0));
        }
        left -= std::min(left, static_cast<std::size_t>(got));
    }
    return 1;
}

int file_copy::finish() noexcept
{
    struct ::statx found = {};
    // A hole at the end has no data that would make the file as long as it is.
    if (is_sparse_) {
        if (const int error = status_of(source_, found); error < 0)
            return error;
        offset_ = std::max<std::uint64_t>(offset_, found.stx_size);
        if (::ftruncate(target_.get(), static_cast<::off_t>(offset_)) < 0)
            return -errno;
    }
    if (settings_.sync && ::fsync(target_.get()) < 0)
        return -errno;
    maker_ = 0;
    copied_ = true;
    phase_ = phase::end;
    give_up();
    return 0;
}

} // namespace asio_uring::detail
