// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the position of a file behind a request that ended short. The
// kernel goes on with such a request in a worker, and where that fails it reports what
// was moved before, but leaves the position where it was: the next transfer would write
// over what is written. Thread: under the loop's mutex. Lifetime: a value.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

#include <unistd.h>

namespace asio_uring::detail {

class file_position
{
public:
    /// Before the request. A pipe has no position.
    void note(int descriptor) noexcept { before_ = ::lseek(descriptor, 0, SEEK_CUR); }

    /// Behind a request that was asked for `size` bytes.
    void tidy(int descriptor, std::size_t moved, std::size_t size) const noexcept
    {
        if (moved < size && before_ >= 0)
            move(descriptor, moved);
    }

private:
    ASIO_URING_DECL void move(int descriptor, std::size_t moved) const noexcept;

    ::off_t before_ = -1;
};

} // namespace asio_uring::detail
