// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: what changes in directories, as events that are asked for one
// at a time. Thread: distinct objects any; a shared object one thread at a time.
// Lifetime: the object's state lives until its last operation has ended.
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/detail/request/watch_table.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sys/inotify.h>

namespace asio_uring {

namespace detail {

/// What a watcher and its operations share.
template <typename Executor>
struct watch_state
{
    explicit watch_state(const Executor& executor)
        : table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC))), reader(executor)
    {
        const int copy = ::fcntl(table.descriptor(), F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            throw boost::system::system_error(
                errno, boost::asio::error::get_system_category(), "directory_watcher");
        reader.assign(copy);
    }

    watch_table table;
    boost::asio::posix::basic_stream_descriptor<Executor> reader;
    // How often the waits were ended: between two of its requests a wait has nothing
    // that a cancellation could end.
    unsigned cancels = 0;
    // Room for many events, each with the longest name
    alignas(8) std::array<char, 16 * 1024> input;
};

/// What walks a tree, for a worker.
template <typename Executor>
class watch_call
{
public:
    watch_call(std::shared_ptr<watch_state<Executor>> state, std::string path, bool deep)
        : state_(std::move(state)), path_(std::move(path)), deep_(deep)
    {}

    /// Looks into new directories.
    explicit watch_call(std::shared_ptr<watch_state<Executor>> state)
        : state_(std::move(state)), scans_(true)
    {}

    template <typename... Args>
    static constexpr bool needs_worker(const Args&...) noexcept
    {
        return true;
    }

    void prepare(abi::sqe& sqe) noexcept { prepare_function(sqe, &run, this); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    static int run(void* of) noexcept
    {
        watch_call& self = *static_cast<watch_call*>(of);
        try {
            watch_table& table = self.state_->table;
            return self.scans_ ? table.scan() : table.add(self.path_, self.deep_);
        }
        catch (const std::bad_alloc&) {
            return -ENOMEM;
        }
    }

    std::shared_ptr<watch_state<Executor>> state_;
    std::string path_;
    bool deep_ = false;
    bool scans_ = false;
};

/// The next event: one that is there, or that the descriptor brings.
template <typename Executor>
class next_event_steps
{
    using error_code = boost::system::error_code;

public:
    next_event_steps(
        const Executor& executor, std::shared_ptr<watch_state<Executor>> state)
        : executor_(executor), state_(std::move(state))
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        if (!begun_) {
            begun_ = true;
            cancels_ = state_->cancels;
            accept_cancellation(self);
            if (!state_->reader.is_open() || state_->table.has_events())
                return boost::asio::post(executor_, std::move(self));
        }
        go_on(self);
    }

    // scanned
    template <typename Self>
    void operator()(Self& self, error_code ec)
    {
        if (ec)
            return end(self, ec);
        go_on(self);
    }

    // read
    template <typename Self>
    void operator()(Self& self, error_code ec, std::size_t size)
    {
        if (ec)
            return end(self, ec);
        state_->table.take(state_->input.data(), size);
        go_on(self);
    }

private:
    template <typename Self>
    void go_on(Self& self)
    {
        watch_state<Executor>& at = *state_;
        if (!at.reader.is_open())
            return end(self, boost::asio::error::bad_descriptor);
        if (is_cancelled(self) || at.cancels != cancels_)
            return end(self, boost::asio::error::operation_aborted);
        watch_event event;
        const Executor executor = executor_;
        if (at.table.pop(event)) {
            state_.reset();
            return self.complete(error_code(), std::move(event));
        }
        if (at.table.needs_scan()) {
            auto state = state_;
            return start_pool_call<watch_call<Executor>>(
                executor, std::move(self), std::move(state));
        }
        at.reader.async_read_some(boost::asio::buffer(at.input), std::move(self));
    }

    template <typename Self>
    void end(Self& self, error_code ec)
    {
        state_.reset();
        self.complete(ec, watch_event());
    }

    Executor executor_;
    std::shared_ptr<watch_state<Executor>> state_;
    bool begun_ = false;
    unsigned cancels_ = 0;
};

} // namespace detail

/// Tells what changes in files and directories, by inotify(7).
/**
 * async_watch() says what to watch, async_next() brings one event after the other. With
 * `recursive` all directories below are watched as well, also those that are made later:
 * what was in such a directory before it was watched is told as created, once. A
 * directory that moves within what is watched keeps its watch under its new path.
 *
 * Where the kernel has no room for more events (fs.inotify.max_queued_events), it drops
 * some, and the watcher tells so by watch_change::events_dropped: the program then has to
 * look for itself. Of a file that is written to many times some equal events may come as
 * one. Events of a network file system tell of this machine's changes alone.
 *
 * @code
 * asio_uring::directory_watcher watcher(context);
 * co_await watcher.async_watch("/etc", {.recursive = true}, asio::use_awaitable);
 * for (;;) {
 *     const auto event = co_await watcher.async_next(asio::use_awaitable);
 *     std::cout << event.path << '\n';
 * }
 * @endcode
 *
 * @par Thread safety
 * Distinct objects: safe. Shared object: unsafe.
 * @par Without a ring
 * The same: the context's reactor waits for the events.
 */
template <typename Executor = any_io_executor>
class basic_directory_watcher
{
public:
    using executor_type = Executor;

    /// How async_watch() watches.
    struct options
    {
        /// All directories below as well.
        bool recursive = false;
    };

    /// Watches nothing yet.
    /**
     * @throws boost::system::system_error  Where no inotify descriptor is to be had
     * (fs.inotify.max_user_instances, RLIMIT_NOFILE).
     */
    explicit basic_directory_watcher(const Executor& io_executor)
        : executor_(io_executor),
          state_(std::make_shared<detail::watch_state<Executor>>(io_executor))
    {}

    /// The same on the executor of an execution context.
    template <typename ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, boost::asio::execution_context&>
    explicit basic_directory_watcher(ExecutionContext& context)
        : basic_directory_watcher(Executor(context.get_executor()))
    {}

    /// Takes over what another object watches; only assignment and destruction are left
    /// to do with that.
    basic_directory_watcher(basic_directory_watcher&&) noexcept = default;

    /// The same, and ends what this object watched.
    basic_directory_watcher& operator=(basic_directory_watcher&& other) noexcept
    {
        std::swap(executor_, other.executor_);
        std::swap(state_, other.state_);
        return *this;
    }

    /// Ends the wait for an event, as close() does.
    ~basic_directory_watcher()
    {
        if (state_)
            close();
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Watch a file or a directory.
    /**
     * @param path   What to watch. Events name it, and what is below it, by this path.
     * @param how    Whether directories below are watched as well.
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When the path is watched; what changes from then on has an event. Never from within
     * this function.
     * @par Executor
     * The handler runs on its associated executor, by default that of the watcher.
     * @par Object lifetimes
     * The operation owns the path. The watcher may be moved or destroyed meanwhile.
     * @par Concurrency
     * As all members: one thread at a time. An async_next() may be pending.
     * @par Cancellation
     * terminal, partial and total end it as long as no worker has begun.
     * @par Errors
     * no_such_file_or_directory, permission_denied and others of inotify_add_watch(2);
     * no_space_on_device where the user watches as much as fs.inotify.max_user_watches
     * permits; those of opendir(3) and readdir(3), for example too_many_files_open, of a
     * directory below; operation_aborted when cancelled. After an error of a recursive
     * watch the rest of the tree is watched. A directory below that the user may not read
     * is not watched, and is no error.
     * @par Kernel
     * Any. A worker of the context walks the tree, with and without a ring.
     */
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
    auto async_watch(std::filesystem::path path, options how, Token&& token)
    {
        using call = detail::watch_call<Executor>;
        return detail::start_file_request<call, detail::void_signature>(
            executor_,
            std::forward<Token>(token),
            state_,
            std::string(path.native()),
            how.recursive);
    }

    /// The same without what is below.
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
    auto async_watch(std::filesystem::path path, Token&& token)
    {
        return async_watch(std::move(path), options(), std::forward<Token>(token));
    }

    /// Wait for the next event.
    /**
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code, asio_uring::watch_event) @endcode
     * @par Completion
     * With an event that was read before, or with the next one. Never from within this
     * function.
     * @par Executor
     * The handler runs on its associated executor, by default that of the watcher.
     * @par Object lifetimes
     * The watcher may be moved or destroyed meanwhile; its destruction ends the wait.
     * @par Concurrency
     * As all members: one thread at a time, and one wait at a time.
     * @par Cancellation
     * terminal, partial and total end the wait with operation_aborted. No event is lost.
     * @par Errors
     * operation_aborted where cancel(), close() or a slot ended the wait; bad_descriptor
     * behind close(); those of async_watch() where a new directory below a recursive
     * watch cannot be watched or looked into, after which the watcher goes on.
     * @par Kernel
     * Any; without a ring the context's reactor waits.
     */
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, watch_event)) Token>
    auto async_next(Token&& token)
    {
        return boost::asio::
            async_compose<Token, void(boost::system::error_code, watch_event)>(
                detail::next_event_steps<Executor>(executor_, state_), token, executor_);
    }

    /// Ends a wait for an event with operation_aborted.
    void cancel()
    {
        ++state_->cancels;
        boost::system::error_code ignored;
        state_->reader.cancel(ignored);
    }

    /// Ends the wait, and watches nothing any more.
    void close() noexcept
    {
        boost::system::error_code ignored;
        state_->reader.close(ignored);
    }

private:
    Executor executor_;
    std::shared_ptr<detail::watch_state<Executor>> state_;
};

/// A watcher on the ring's executor.
using directory_watcher = basic_directory_watcher<>;

} // namespace asio_uring
