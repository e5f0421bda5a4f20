// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what the kernel had already given to reads that were cancelled:
// the next reads of the same object take it first. Thread: guarded by the loop's mutex.
// Lifetime: made when there is something to keep; as its owner.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <sys/uio.h>

namespace asio_uring::detail {

class kept_input
{
public:
    bool empty() const noexcept { return size() == 0 && error_ == 0; }
    std::size_t size() const noexcept { return bytes_.size() - first_; }

    /// Puts `size` bytes of the buffers behind what is kept. Returns false, and keeps
    /// nothing of them, where there is no memory.
    bool keep(const ::iovec* buffers, std::size_t count, std::size_t size) noexcept
    {
        try {
            bytes_.reserve(bytes_.size() + size);
        }
        catch (const std::bad_alloc&) {
            return false;
        }
        for (; count != 0 && size != 0; ++buffers, --count) {
            const std::size_t part = size < buffers->iov_len ? size : buffers->iov_len;
            const auto* const data = static_cast<const unsigned char*>(buffers->iov_base);
            bytes_.insert(bytes_.end(), data, data + part);
            size -= part;
        }
        return true;
    }

    /// The failure of a read is told once by the kernel, and so once by us.
    void keep_error(int result) noexcept { error_ = result; }

    /// The result of a read: bytes before the error, a negated errno. The bytes stay
    /// where the read only peeks. REQUIRES: not empty.
    int take(const ::iovec* buffers, std::size_t count, bool peeks) noexcept
    {
        if (size() == 0)
            return peeks ? error_ : std::exchange(error_, 0);
        std::size_t taken = 0;
        for (; count != 0 && taken != size(); ++buffers, --count) {
            const std::size_t left = size() - taken;
            const std::size_t part = left < buffers->iov_len ? left : buffers->iov_len;
            if (part != 0)
                std::memcpy(buffers->iov_base, bytes_.data() + first_ + taken, part);
            taken += part;
        }
        if (!peeks)
            drop(taken);
        return static_cast<int>(taken);
    }

private:
    void drop(std::size_t taken) noexcept
    {
        first_ += taken;
        if (size() != 0)
            return;
        bytes_.clear();
        first_ = 0;
    }

    std::vector<unsigned char> bytes_;
    std::size_t first_ = 0;
    int error_ = 0;
};

} // namespace asio_uring::detail
