// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a context with a ring for each of several threads, instead of
// one context for all of them. Thread: see each function. Lifetime: the pool owns its
// contexts and threads, and outlives the objects that are made on them.
#pragma once

#include <asio_uring/executor.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/ip/tcp.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/socket_base.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <pthread.h>
#include <sched.h>

namespace asio_uring {

/// How a context_pool is made. Every member may be left at its default.
struct context_pool_options
{
    /// Contexts, and threads; 0: as many as the process may use processors.
    std::size_t size = 0;

    /// Each thread runs on one processor alone: the first on the first that the process
    /// may use, and so on, and from the beginning again where there are fewer.
    bool pinned = false;

    /// The ring of each context. One thread runs it for good, so it may be a
    /// single-issuer one.
    ring_options ring{};

    /// What happens where no ring is to be had.
    fallback policy = fallback::allowed;
};

/// Several contexts, each with a thread of its own that runs it.
/**
 * A context that several threads run hands every completion from thread to thread, and
 * all of them share its locks. Here an object lives on one context and all of its
 * handlers run in that context's thread, so they need no strand, and what the threads
 * share is the kernel. In return the objects have to be spread, and a handler that
 * computes for long holds up its own context alone.
 *
 * The threads run from construction on, and contexts without work wait. A handler that
 * throws ends the program, as in boost::asio::thread_pool.
 *
 * @par Example
 * @code
 * asio_uring::context_pool pool;
 * auto acceptors = asio_uring::listen_on_all(pool, {tcp::v4(), 7000});
 * @endcode
 *
 * @par Errors
 * The constructor throws what io_context's does, and std::system_error where a thread
 * cannot be made or pinned.
 * @par Kernel
 * 6.1; Asio's own services on an older one.
 */
class context_pool
{
    /// A context, what keeps it from ending, and the thread that runs it.
    class member
    {
        struct context_type : io_context
        {
            using io_context::io_context;
            using io_context::shutdown;
        };

    public:
        member(context_pool& pool, const context_pool_options& options)
            : pool_(pool),
              context_(1, options.ring, options.policy),
              work_(std::in_place, context_.get_executor())
        {}

        ~member()
        {
            context_.stop();
            join();
        }

        context_pool& pool() noexcept { return pool_; }
        io_context& context() noexcept { return context_; }

        void start()
        {
            thread_ = std::thread([this]() noexcept {
                current() = this;
                context_.run();
            });
        }

        void pin(int processor)
        {
            ::cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(processor, &set);
            const int failed =
                ::pthread_setaffinity_np(thread_.native_handle(), sizeof(set), &set);
            if (failed != 0)
                throw std::system_error(
                    failed, std::generic_category(), "asio_uring: pinning a thread");
        }

        void let_end() noexcept { work_.reset(); }

        void join()
        {
            if (thread_.joinable())
                thread_.join();
        }

        void shut_down() { context_.shutdown(); }

    private:
        context_pool& pool_;
        context_type context_;
        std::optional<boost::asio::executor_work_guard<executor>> work_;
        std::thread thread_;
    };

public:
    using executor_type = executor;

    explicit context_pool(const context_pool_options& options = {})
    {
        const std::vector<int> processors = usable_processors();
        const std::size_t size = options.size != 0 ? options.size : processors.size();
        for (std::size_t i = 0; i != size; ++i)
            members_.push_back(std::make_unique<member>(*this, options));
        for (std::size_t i = 0; i != size; ++i) {
            members_[i]->start();
            if (options.pinned)
                members_[i]->pin(processors[i % processors.size()]);
        }
    }

    context_pool(const context_pool&) = delete;
    context_pool& operator=(const context_pool&) = delete;

    /// Stops the contexts, joins the threads, and destroys the handlers that were not
    /// called, those of all contexts before the first context: a handler on one may own
    /// an object on another.
    ~context_pool()
    {
        stop();
        join();
        for (const auto& each : members_)
            each->shut_down();
    }

    std::size_t size() const noexcept { return members_.size(); }

    /// One of the contexts. REQUIRES: index < size().
    io_context& context(std::size_t index) noexcept { return members_[index]->context(); }

    /// The executor of the next context, in turn. Any thread.
    executor_type next() noexcept
    {
        const std::size_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
        return members_[turn % members_.size()]->context().get_executor();
    }

    /// The executor of the context that the calling thread runs, so that what is made on
    /// it stays with that thread. On a thread that is not the pool's it is next().
    executor_type here() noexcept
    {
        if (current() != nullptr && &current()->pool() == this)
            return current()->context().get_executor();
        return next();
    }

    /// Asks every context to stop; handlers that run come to their end. Any thread.
    void stop() noexcept
    {
        for (const auto& each : members_)
            each->context().stop();
    }

    /// Waits until every context is stopped or out of work. No context waits for work
    /// from here on: one that runs out of it has ended, and calls nothing that comes
    /// later. What still goes from one context to another holds a work guard of the
    /// other, or the pool is stopped. REQUIRES: no thread of the pool calls it.
    void join()
    {
        for (const auto& each : members_)
            each->let_end();
        for (const auto& each : members_)
            each->join();
    }

private:
    static member*& current() noexcept
    {
        static thread_local member* found = nullptr;
        return found;
    }

    static std::vector<int> usable_processors()
    {
        ::cpu_set_t set;
        CPU_ZERO(&set);
        std::vector<int> found;
        if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
            for (int i = 0; i != CPU_SETSIZE; ++i) {
                if (CPU_ISSET(i, &set))
                    found.push_back(i);
            }
        }
        if (found.empty())
            found.push_back(0);
        return found;
    }

    std::vector<std::unique_ptr<member>> members_;
    std::atomic<std::size_t> turn_ = 0;
};

/// The socket option SO_REUSEPORT: several listeners share an address, and the kernel
/// chooses one for each connection.
class reuse_port
{
public:
    explicit reuse_port(bool on) noexcept : value_(on ? 1 : 0) {}

    template <typename Protocol>
    static int level(const Protocol&) noexcept
    {
        return SOL_SOCKET;
    }

    template <typename Protocol>
    static int name(const Protocol&) noexcept
    {
        return SO_REUSEPORT;
    }

    template <typename Protocol>
    const void* data(const Protocol&) const noexcept
    {
        return &value_;
    }

    template <typename Protocol>
    static std::size_t size(const Protocol&) noexcept
    {
        return sizeof(int);
    }

private:
    int value_;
};

/// A listener on each context of a pool, all of them on one address.
/**
 * The kernel spreads connections over them by their addresses, so with few clients some
 * contexts get more. A server that wants them in turn has one acceptor instead, which
 * accepts for the pool's executors: `acceptor.async_accept(pool.next(), token)`.
 *
 * @param endpoint  With port 0 all of them share the port that the first one gets.
 * @return The acceptors in the order of the contexts, listening. They go before the pool.
 *
 * @par Errors
 * Throws boost::system::system_error, as open(), bind() and listen() do.
 * @par Thread safety
 * Safe while the pool runs.
 */
template <typename Protocol = ip::tcp>
std::vector<typename Protocol::template acceptor_on<executor>> listen_on_all(
    context_pool& pool,
    typename Protocol::endpoint endpoint,
    int backlog = boost::asio::socket_base::max_listen_connections)
{
    std::vector<typename Protocol::template acceptor_on<executor>> acceptors;
    for (std::size_t i = 0; i != pool.size(); ++i) {
        auto& acceptor = acceptors.emplace_back(pool.context(i));
        acceptor.open(endpoint.protocol());
        acceptor.set_option(boost::asio::socket_base::reuse_address(true));
        acceptor.set_option(reuse_port(true));
        acceptor.bind(endpoint);
        acceptor.listen(backlog);
        endpoint = acceptor.local_endpoint();
    }
    return acceptors;
}

} // namespace asio_uring
