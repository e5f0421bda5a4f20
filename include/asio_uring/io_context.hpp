// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: an io_context whose ring is there from the start and whose
// executor puts objects on it. Thread: as boost::asio::io_context. Lifetime: as
// boost::asio::io_context.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>
#include <asio_uring/use_ring.hpp>

#include <boost/asio/io_context.hpp>

#include <concepts>

namespace asio_uring {

/// boost::asio::io_context on a ring.
/**
 * Where no ring is to be had, the context runs on Asio's own epoll services. With
 * fallback::forbidden the constructor throws instead. status() says which path a context
 * takes and why.
 *
 * Everything that takes a boost::asio::io_context takes this one. Its executor is
 * asio_uring::executor, so objects of asio_uring::ip::tcp and asio_uring::steady_timer
 * are made from it directly.
 *
 * @par Example
 * @code
 * asio_uring::io_context context(1);
 * asio_uring::ip::tcp::acceptor acceptor(context, {asio_uring::ip::tcp::v4(), 0});
 * @endcode
 *
 * @par Errors
 * The constructors throw what use_ring() throws: with fallback::forbidden or
 * ASIO_URING=require where the kernel refuses a ring, with either policy for options that
 * no kernel takes.
 * @par Kernel
 * 6.1; Asio's own services on an older one.
 */
class io_context : public boost::asio::io_context
{
public:
    using executor_type = executor;

    /// Makes a context whose ring has default options. Several threads may run it.
    io_context() { use_ring(*this, ring_options(), fallback::allowed); }

    /// Makes a context whose ring has the given options.
    /**
     * @param concurrency_hint  As Asio's. 1 promises that one thread at a time runs the
     * context, so that the kernel can leave that thread alone until it asks for
     * completions.
     */
    explicit io_context(
        int concurrency_hint,
        const ring_options& options = ring_options(),
        fallback policy = fallback::allowed)
        : boost::asio::io_context(concurrency_hint)
    {
        use_ring(*this, options, policy);
    }

    /// The same with a ring that has the given options. Several threads may run it.
    explicit io_context(const ring_options& options, fallback policy = fallback::allowed)
    {
        use_ring(*this, options, policy);
    }

    /// Takes what newer Boost makes a context from: a service maker, such as the settings
    /// of config_from_string or config_from_env, and an allocator for its services. The
    /// ring has default options. For other options, make a boost::asio::io_context from
    /// the same arguments and call use_ring() on it.
    template <typename First, typename... Rest>
    requires(
        !std::convertible_to<First, int> &&
        std::constructible_from<
            boost::asio::io_context,
            const First&,
            const Rest&...>) explicit io_context(const First& first, const Rest&... rest)
        : boost::asio::io_context(first, rest...)
    {
        use_ring(*this, ring_options(), fallback::allowed);
    }

    executor_type get_executor() noexcept
    {
        return boost::asio::io_context::get_executor();
    }
};

} // namespace asio_uring
