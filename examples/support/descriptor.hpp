// SPDX-License-Identifier: BSL-1.0
// Purpose: a file descriptor that is closed with the object that holds it.
#pragma once

#include <utility>

#include <unistd.h>

namespace example {

class descriptor
{
public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor()
    {
        if (number_ >= 0) {
            ::close(number_);
        }
    }

    int get() const noexcept { return number_; }

    /// The descriptor is the caller's to close from now on.
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_;
};

} // namespace example
