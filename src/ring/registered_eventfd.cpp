// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/registered_eventfd.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>

#include <sys/eventfd.h>

#include <unistd.h>

namespace asio_uring {

using boost::system::error_code;

registered_eventfd::registered_eventfd(ring& target, eventfd_mode mode)
{
    error_code ec;
    *this = create(target, mode, ec);
    if (ec)
        throw boost::system::system_error(
            ec, explain_register_error(ec, abi::register_op::eventfd));
}

registered_eventfd
registered_eventfd::create(ring& target, eventfd_mode mode, error_code& ec) noexcept
{
    registered_eventfd result;
    detail::unique_fd made{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!made) {
        ec = {errno, boost::system::system_category()};
        return result;
    }
    ec = mode == eventfd_mode::every ? target.register_eventfd(made.get())
                                     : target.register_eventfd_async(made.get());
    if (!ec) {
        result.target_ = target.target();
        result.fd_ = std::move(made);
    }
    return result;
}

std::uint64_t registered_eventfd::read() noexcept
{
    const int caller_errno = errno;
    std::uint64_t count = 0;
    if (::read(fd_.get(), &count, sizeof count) != sizeof count)
        count = 0;
    errno = caller_errno;
    return count;
}

void registered_eventfd::reset() noexcept
{
    if (target_.is_ours())
        target_.call(abi::register_op::unregister_eventfd, nullptr, 0);
    target_ = {};
    fd_.reset();
}

} // namespace asio_uring
