// SPDX-License-Identifier: BSL-1.0
// Random chains and streams on the real kernel, ended in every way a program can: each
// handler is called once or destroyed once, results come in order, and no descriptor is
// left behind. A seed names a run.
#include "../support/destroy_everywhere.hpp"
#include "../support/loopback.hpp"

#include <asio_uring/detail/ring/spare_ring.hpp>
#include <asio_uring/link.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/result_stream.hpp>
#include <asio_uring/submit.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio_uring::result_stream;
using asio_uring::stream_result;
using boost::system::error_code;
namespace op = asio_uring::op;
namespace kernel = asio_uring::abi;

/// What became of all handlers and results. The checks come when no thread runs.
struct tally
{
    std::atomic<int> started{0};
    std::atomic<int> called{0};
    std::atomic<int> destroyed{0};
    std::atomic<int> called_twice{0};
    std::atomic<int> out_of_order{0};
    std::atomic<int> results{0};
};

/// A part of a handler that knows whether it was called.
class once
{
public:
    explicit once(tally& counts) : counts_(&counts) { ++counts.started; }
    once(once&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), called_(other.called_)
    {}
    once& operator=(once&&) = delete;
    ~once()
    {
        if (counts_ != nullptr && !called_)
            ++counts_->destroyed;
    }

    void call()
    {
        counts_->called_twice += called_;
        called_ = true;
        ++counts_->called;
    }

private:
    tally* counts_;
    bool called_ = false;
};

/// What the kernel may write into, longer than any context.
struct buffer_store
{
    using buffers = std::array<unsigned char, 16>;

    buffers& add()
    {
        const std::lock_guard lock(mutex);
        return all.emplace_back();
    }

    std::mutex mutex;
    std::deque<buffers> all;
};

/// Does one random thing after the other on its strand.
class actor : public std::enable_shared_from_this<actor>
{
public:
    enum class source
    {
        bytes,
        connections,
        ticks,
    };

    actor(
        asio::io_context& context,
        const asio::any_io_executor& executor,
        source what,
        tally& counts,
        buffer_store& store,
        std::uint32_t seed)
        : context_(context),
          strand_(executor),
          what_(what),
          closes_(seed % 2 != 0),
          counts_(counts),
          store_(store),
          stream_(context, 1 + seed % 4),
          random_(seed)
    {
        BOOST_TEST_REQUIRE(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_) == 0);
    }

    ~actor()
    {
        for (const int descriptor : pair_)
            ::close(descriptor);
    }

    void start(int steps)
    {
        asio::post(strand_, [self = shared_from_this(), steps] { self->step(steps); });
    }

    /// Ends what would stand for ever.
    void finish()
    {
        asio::post(strand_, [self = shared_from_this()] {
            self->finished_ = true;
            self->stream_.close();
            for (auto& signal : self->signals_)
                signal->emit(asio::cancellation_type::terminal);
        });
    }

private:
    void step(int left)
    {
        if (finished_)
            return;
        switch (random_() % 12) {
        case 0:
            stream_.cancel();
            break;
        case 1:
            if (closes_)
                close_stream();
            break;
        case 2: {
            result_stream moved = std::move(stream_);
            stream_ = std::move(moved);
            break;
        }
        case 3:
        case 4:
            if (!stream_.is_open())
                open_stream();
            break;
        case 5:
        case 6:
            feed();
            break;
        case 7:
            start_chain();
            break;
        case 8:
            if (!signals_.empty())
                signals_[random_() % signals_.size()]->emit(
                    asio::cancellation_type::terminal);
            break;
        default:
            ask();
        }
        if (left > 1)
            start(left - 1);
    }

    void close_stream()
    {
        stream_.close();
        closed_ = true;
    }

    // A slot of its own for each operation: what is emitted late finds nothing.
    asio::cancellation_slot slot()
    {
        return signals_.emplace_back(std::make_unique<asio::cancellation_signal>())
            ->slot();
    }

    template <typename Handler>
    auto bound(Handler handler)
    {
        return asio::bind_cancellation_slot(
            slot(), asio::bind_executor(strand_, std::move(handler)));
    }

    void start_chain()
    {
        static constexpr kernel::kernel_timespec brief{.sec = 0, .nsec = 50000};
        static constexpr kernel::kernel_timespec ever{.sec = 3600, .nsec = 0};
        const auto handler = [&] {
            return bound([self = shared_from_this(), alive = once(counts_)](
                             error_code, const auto&) mutable { alive.call(); });
        };
        const auto executor = context_.get_executor();
        switch (random_() % 4) {
        case 0:
            return asio_uring::async_submit(
                executor, asio_uring::link(op::nop{}, op::nop{}), handler());
        case 1:
            return asio_uring::async_submit(
                executor,
                asio_uring::hard_link(
                    op::timeout{.expiry = &brief}, op::timeout{.expiry = &brief}),
                handler());
        case 2:
            return asio_uring::async_submit(
                executor,
                asio_uring::link(op::timeout{.expiry = &ever}, op::nop{}),
                handler());
        default:
            return asio_uring::async_submit(
                executor,
                asio_uring::hard_link(
                    op::nop{},
                    op::timeout{.expiry = &ever},
                    op::timeout{.expiry = &ever}),
                handler());
        }
    }

    void open_stream()
    {
        static constexpr kernel::kernel_timespec tick{.sec = 0, .nsec = 100000};
        switch (what_) {
        case source::bytes:
            return provide();
        case source::connections:
            return async_submit(
                stream_,
                op::accept{.fd = listener_.fd(), .ioprio = kernel::accept_multishot});
        case source::ticks:
            return async_submit(
                stream_,
                op::timeout{
                    .expiry = &tick,
                    .count = static_cast<std::uint32_t>(random_() % 2 * 5),
                    .flags = kernel::timeout_multishot});
        }
    }

    // Buffers of one byte each, in a group that is never used again.
    void provide()
    {
        auto& fresh = store_.add();
        const auto group = next_group();
        asio_uring::async_submit(
            context_.get_executor(),
            op::provide_buffers{
                .data = fresh.data(), .size = 1, .count = 16, .group = group},
            bound([self = shared_from_this(), alive = once(counts_), &fresh, group](
                      error_code ec, int) mutable {
                alive.call();
                if (ec || self->finished_)
                    return;
                if (self->stream_.is_open())
                    self->close_stream();
                self->bytes_ = &fresh;
                async_submit(
                    self->stream_,
                    op::recv{
                        .fd = self->pair_[0],
                        .ioprio = kernel::recv_multishot,
                        .group = group});
            }));
    }

    static std::uint16_t next_group()
    {
        static std::atomic<std::uint16_t> last{0};
        return ++last;
    }

    void feed()
    {
        if (what_ == source::bytes && sent_ - taken_ < 100) {
            const auto byte = static_cast<unsigned char>(sent_++);
            ::send(pair_[1], &byte, 1, MSG_DONTWAIT);
        }
        if (what_ == source::connections) {
            if (peers_.size() == 32)
                peers_.pop_front();
            connect();
        }
    }

    void connect()
    {
        peer& client = peers_.emplace_back(
            ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto target = listener_.endpoint();
        ::connect(client.fd(), target.data(), static_cast<::socklen_t>(target.size()));
    }

    void ask()
    {
        stream_.async_next(
            bound([self = shared_from_this(), alive = once(counts_), bytes = bytes_](
                      error_code ec, stream_result result) mutable {
                alive.call();
                self->take(ec, result, bytes);
            }));
    }

    void take(error_code ec, stream_result result, const buffer_store::buffers* bytes)
    {
        if (ec)
            return;
        ++counts_.results;
        if (what_ == source::connections)
            ::close(result.value);
        if (what_ != source::bytes || result.value == 0)
            return;
        const std::uint32_t byte = bytes->at(result.flags >> kernel::cqe_buffer_shift);
        const std::uint32_t ahead = (byte - taken_) & 0xff;
        if (ahead > (closed_ ? 100u : 0u))
            ++counts_.out_of_order;
        taken_ += ahead + 1;
    }

    asio::io_context& context_;
    // Of a context that one thread runs, which keeps no results in its queues
    asio::any_io_executor strand_;
    source what_;
    bool closes_;
    tally& counts_;
    buffer_store& store_;
    result_stream stream_;
    std::mt19937 random_;
    int pair_[2];
    listener listener_;
    std::deque<peer> peers_;
    std::deque<std::unique_ptr<asio::cancellation_signal>> signals_;
    buffer_store::buffers* bytes_ = nullptr;
    std::uint32_t sent_ = 0;
    std::uint32_t taken_ = 0;
    // What a closed stream took is lost, even after the next was opened.
    bool closed_ = false;
    bool finished_ = false;
};

/// The ring that is kept for the next context is left out.
std::size_t open_descriptors()
{
    asio_uring::detail::drop_spare_ring();
    std::size_t count = 0;
    for (int fd = 0; fd != 512; ++fd)
        count += ::fcntl(fd, F_GETFD) != -1;
    return count;
}

/// Whether the run ends by itself, or its context dies with everything in flight.
enum class ending
{
    drained,
    destroyed,
};

void run(context_kind kind, ending end, std::uint32_t seed, unsigned threads)
{
    constexpr int steps = 150;
    const std::size_t descriptors = open_descriptors();
    tally counts;
    buffer_store store;
    {
        const auto context = make_context(kind);
        std::vector<std::shared_ptr<actor>> actors;
        for (std::uint32_t index = 0; index != 6; ++index)
            actors.push_back(std::make_shared<actor>(
                *context,
                threads == 1 ? asio::any_io_executor(context->get_executor())
                             : asio::any_io_executor(asio::make_strand(*context)),
                static_cast<actor::source>(index % 3),
                counts,
                store,
                seed * 16 + index));
        const auto go = [&](int handlers) {
            std::vector<std::thread> others;
            const auto take = [&] {
                for (int count = 0; count != handlers; ++count)
                    if (context->run_one_for(wait_limit) == 0)
                        return;
            };
            for (unsigned index = 1; index != threads; ++index)
                others.emplace_back(take);
            take();
            for (std::thread& thread : others)
                thread.join();
            context->restart();
        };
        for (const auto& one : actors)
            one->start(steps);
        if (end == ending::destroyed)
            go(static_cast<int>(steps * 3 + seed % 100) / static_cast<int>(threads));
        else {
            auto work = asio::make_work_guard(*context);
            go(steps * 6 / static_cast<int>(threads));
            for (const auto& one : actors)
                one->finish();
            work.reset();
            go(-1);
        }
        // What handlers hold of them ends with the context.
        actors.clear();
    }
    BOOST_TEST(counts.called + counts.destroyed == counts.started);
    BOOST_TEST(counts.called_twice == 0);
    // Of waits that overlap, several threads may begin the handlers in another order.
    if (threads == 1)
        BOOST_TEST(counts.out_of_order == 0);
    if (end == ending::drained)
        BOOST_TEST(counts.results > 0);
    // A descriptor that is on its way to a strand is the program's.
    if (end == ending::drained || threads == 1)
        BOOST_TEST(open_descriptors() == descriptors);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_parts_model)

BOOST_AUTO_TEST_CASE(random_chains_and_streams_end_once_and_in_order)
{
    for (const context_kind kind : all_context_kinds) {
        const bool several =
            kind != context_kind::one_thread && kind != context_kind::single_issuer;
        for (const ending end : {ending::drained, ending::destroyed}) {
            for (std::uint32_t seed = 1; seed != 5; ++seed) {
                const unsigned threads = several ? 1 + seed % 3 : 1;
                BOOST_TEST_CONTEXT(
                    name_of(kind) << ", ending " << static_cast<int>(end) << ", seed "
                                  << seed << ", threads " << threads)
                run(kind, end, seed, threads);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
