// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/detail/ring/mapping.hpp>

#include <cerrno>

#include <sys/mman.h>

namespace asio_uring::detail {

mapping mapping::create(
    int fd,
    std::uint64_t offset,
    std::size_t size,
    boost::system::error_code& ec) noexcept
{
    void* address = ::mmap(
        nullptr,
        size,
        PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_POPULATE,
        fd,
        static_cast<off_t>(offset));
    return adopt(address, size, ec);
}

mapping mapping::anonymous(std::size_t size, boost::system::error_code& ec) noexcept
{
    void* address =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return adopt(address, size, ec);
}

mapping
mapping::adopt(void* address, std::size_t size, boost::system::error_code& ec) noexcept
{
    if (address == MAP_FAILED) {
        ec = {errno, boost::system::system_category()};
        return {};
    }
    mapping result;
    result.data_ = static_cast<std::byte*>(address);
    result.size_ = size;
    if (::madvise(address, size, MADV_DONTFORK) != 0) {
        ec = {errno, boost::system::system_category()};
        return {};
    }
    ec.clear();
    return result;
}

void mapping::reset() noexcept
{
    if (data_ != nullptr)
        ::munmap(data_, size_);
    forget();
}

} // namespace asio_uring::detail
