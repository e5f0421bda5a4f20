// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: memory that a file past the page cache reads into and writes
// from. Thread: as any container. Lifetime: owns its memory.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace asio_uring {

/// How a file that was opened with file_base::direct is read and written.
struct direct_alignment
{
    /// Addresses of buffers are multiples of this. 0: the file cannot be read past the
    /// page cache.
    std::size_t memory = 0;
    /// Offsets and sizes are multiples of this.
    std::size_t offset = 0;
};

/// Bytes at an aligned address, all zero at first.
class aligned_buffer
{
public:
    aligned_buffer() = default;

    /// @param size       How many bytes.
    /// @param alignment  A power of two, such as direct_alignment::memory.
    aligned_buffer(std::size_t size, std::size_t alignment)
        : bytes_(
              size == 0
                  ? nullptr
                  : static_cast<char*>(::operator new(size, std::align_val_t(alignment))),
              release{alignment}),
          size_(size)
    {
        std::uninitialized_value_construct_n(bytes_.get(), size);
    }

    aligned_buffer(aligned_buffer&& other) noexcept
        : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0))
    {}
    aligned_buffer& operator=(aligned_buffer&& other) noexcept
    {
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    char* data() noexcept { return bytes_.get(); }
    const char* data() const noexcept { return bytes_.get(); }
    std::size_t size() const noexcept { return size_; }

    /// The bytes as a transfer takes them.
    boost::asio::mutable_buffer buffer() noexcept { return {data(), size()}; }
    boost::asio::const_buffer buffer() const noexcept { return {data(), size()}; }

private:
    struct release
    {
        // No initializer: the class around it is not complete where its own constructor
        // would need one.
        std::size_t alignment;

        void operator()(char* bytes) const noexcept
        {
            ::operator delete(bytes, std::align_val_t(alignment));
        }
    };

    std::unique_ptr<char[], release> bytes_;
    std::size_t size_ = 0;
};

} // namespace asio_uring
