// SPDX-License-Identifier: BSL-1.0
// Random steps on sockets, acceptors, timers and slots against the model of what Asio
// promises, and two promises more: handlers of one direction run in order, and a slot may
// be signalled after its object is gone. ASIO_URING_MODEL_SEED and ASIO_URING_MODEL_STEPS
// repeat a run.
#include "../support/destroy_everywhere.hpp"
#include "../support/from_environment.hpp"
#include "../support/loopback.hpp"
#include "../support/model.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using boost::system::error_code;
using model::byte_stream;
using model::direction_order;
using model::operation_ptr;
namespace error = asio::error;

const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t default_steps = 30'000;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t default_steps = 100'000;
#else
constexpr std::uint64_t default_steps = 1'000'000;
#endif

/// One world: a context with its objects, which take random steps until it is destroyed.
class world
{
    using socket_type = asio_uring::ip::tcp::socket;
    using acceptor_type = asio_uring::ip::tcp::acceptor;
    using timer_type = asio_uring::steady_timer;

    /// One end of a stream.
    struct end
    {
        std::unique_ptr<socket_type> socket;
        direction_order reads;
        direction_order writes;
        direction_order waits;
        byte_stream out;
        end* other = nullptr;
        bool sent_end = false; ///< closed or shut down
        unsigned life = 0;     ///< of the socket, whose handlers may come after it
    };

    struct accepting
    {
        std::unique_ptr<acceptor_type> acceptor;
        direction_order accepts;
    };

    struct timing
    {
        std::unique_ptr<timer_type> timer;
        direction_order waits;
    };

    /// A slot and the operation that listens to it, if any.
    struct signalling
    {
        asio::cancellation_signal signal;
        operation_ptr op;
    };

public:
    world(asio::io_context& context, std::mt19937_64& random, model::ledger& ledger)
        : context_(context), random_(random), ledger_(ledger), favourite_(pick(100))
    {
        for (end& e : ends_)
            e.other = &ends_[static_cast<std::size_t>(&e - ends_.data()) ^ 1];
        for (std::size_t i = 0; i != ends_.size(); i += 2)
            open(ends_[i]);
        for (accepting& a : acceptors_)
            a.acceptor = std::make_unique<acceptor_type>(context_, any_port);
        for (timing& t : timers_)
            t.timer = std::make_unique<timer_type>(context_);
    }

    /// One random step; turns of the loop only where no handler is on the stack.
    void step()
    {
        const auto choice = pick(4) == 0 ? favourite_ : pick(100);
        if (choice < 22)
            start_read(random_end());
        else if (choice < 42)
            start_write(random_end());
        else if (choice < 47)
            start_wait(random_end());
        else if (choice < 55)
            step_timer(timers_[pick(timers_.size())]);
        else if (choice < 61)
            signal(signals_[pick(signals_.size())]);
        else if (choice < 64)
            cancel(random_end());
        else if (choice < 66)
            close(random_end());
        else if (choice < 67)
            step_acceptor(acceptors_[pick(acceptors_.size())]);
        else if (choice < 68)
            post();
        else if (!loop_scope::inside())
            take_turn(choice);
    }

    /// Ends everything and settles the account.
    void settle()
    {
        for (end& e : ends_)
            cancel(e);
        for (accepting& a : acceptors_) {
            a.accepts.allow_abort();
            a.acceptor->cancel();
        }
        for (timing& t : timers_) {
            t.waits.allow_abort();
            t.timer->cancel();
        }
        quiet_ = true;
        {
            loop_scope scope;
            context_.restart();
            context_.run_for(wait_limit);
        }
        quiet_ = false;
        BOOST_TEST_REQUIRE(ledger_.pending() == "");
        for (end& e : ends_) {
            e.out.check();
            e.reads.clear();
            e.writes.clear();
            e.waits.clear();
        }
    }

private:
    std::size_t pick(std::size_t count) { return random_() % count; }
    end& random_end() { return ends_[pick(ends_.size())]; }

    /// Sometimes an operation takes a slot, if one is free.
    template <typename Handler, typename Start>
    void with_slot(const operation_ptr& op, Handler handler, Start start)
    {
        signalling& s = signals_[pick(signals_.size())];
        if (pick(4) != 0 || (s.op && !s.op->ended))
            return start(std::move(handler));
        s.op = op;
        start(asio::bind_cancellation_slot(s.signal.slot(), std::move(handler)));
    }

    /// Handlers go on with steps of their own.
    void go_on()
    {
        if (!quiet_ && pick(4) == 0)
            step();
    }

    void open(end& e)
    {
        int pair[2];
        BOOST_TEST_REQUIRE(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        int next = 0;
        for (end* each : {&e, e.other}) {
            each->socket = std::make_unique<socket_type>(context_);
            each->socket->assign(asio::ip::tcp::v4(), pair[next++]);
            each->reads.clear();
            each->writes.clear();
            each->waits.clear();
            each->out.clear();
            each->sent_end = false;
            ++each->life;
        }
    }

    void start_read(end& e)
    {
        auto op = ledger_.started("read");
        e.reads.started(op);
        auto data = std::make_shared<std::array<char, 96>>();
        const std::size_t size = 1 + pick(data->size());
        auto handler =
            [this, &e, life = e.life, op, data](error_code ec, std::size_t bytes) {
                ledger_.ended(*op, ec);
                if (life == e.life)
                    read_ended(e, *op, ec, std::string_view(data->data(), bytes));
                go_on();
            };
        with_slot(op, std::move(handler), [&](auto&& h) {
            auto first = asio::buffer(data->data(), size / 2);
            auto second = asio::buffer(data->data() + size / 2, size - size / 2);
            if (size % 3 == 0)
                e.socket->async_receive(std::array{first, second}, std::move(h));
            else
                e.socket->async_receive(asio::buffer(data->data(), size), std::move(h));
        });
    }

    void read_ended(
        end& e, const model::operation& op, const error_code& ec, std::string_view bytes)
    {
        using model::ledger;
        if (!ec) {
            ledger::require(!bytes.empty(), op, ec, "received nothing");
            e.reads.succeeded(op);
            e.other->out.received(bytes);
        }
        else {
            ledger::require(bytes.empty(), op, ec, "failed with bytes");
            const bool expected = ec == error::operation_aborted || e.other->sent_end;
            ledger::require(expected, op, ec, "failed for no reason");
        }
    }

    void start_write(end& e)
    {
        auto op = ledger_.started("write");
        e.writes.started(op);
        const std::size_t size = pick(50) == 0 ? 300'000 : 1 + pick(200);
        auto data =
            std::make_shared<std::string>(size, static_cast<char>('a' + pick(26)));
        auto handler =
            [this, &e, life = e.life, op, data](error_code ec, std::size_t bytes) {
                ledger_.ended(*op, ec);
                if (life == e.life)
                    write_ended(e, *op, ec, std::string_view(*data).substr(0, bytes));
                go_on();
            };
        with_slot(op, std::move(handler), [&](auto&& h) {
            e.socket->async_send(asio::buffer(*data), std::move(h));
        });
    }

    void write_ended(
        end& e, const model::operation& op, const error_code& ec, std::string_view bytes)
    {
        using model::ledger;
        if (!ec) {
            ledger::require(!bytes.empty(), op, ec, "sent nothing");
            e.writes.succeeded(op);
            e.out.sent(bytes);
        }
        else {
            ledger::require(bytes.empty(), op, ec, "failed with bytes");
            const bool expected =
                ec == error::operation_aborted || e.sent_end || e.other->sent_end;
            ledger::require(expected, op, ec, "failed for no reason");
        }
    }

    void start_wait(end& e)
    {
        auto op = ledger_.started("wait");
        e.waits.started(op);
        auto handler = [this, op](error_code ec) {
            ledger_.ended(*op, ec);
            const bool expected = !ec || ec == error::operation_aborted;
            model::ledger::require(expected, *op, ec, "failed for no reason");
            go_on();
        };
        const auto type =
            pick(2) == 0 ? asio::socket_base::wait_read : asio::socket_base::wait_write;
        with_slot(op, std::move(handler), [&](auto&& h) {
            e.socket->async_wait(type, std::move(h));
        });
    }

    void signal(signalling& s)
    {
        if (!s.op)
            return;
        s.op->may_abort = true;
        s.signal.emit(asio::cancellation_type::terminal);
    }

    void cancel(end& e)
    {
        allow_abort(e);
        e.socket->cancel();
    }

    static void allow_abort(end& e)
    {
        e.reads.allow_abort();
        e.writes.allow_abort();
        e.waits.allow_abort();
    }

    void close(end& e)
    {
        allow_abort(e);
        allow_abort(*e.other);
        error_code ignored;
        switch (pick(4)) {
        case 0:
            e.sent_end = true;
            e.socket->shutdown(asio::socket_base::shutdown_send, ignored);
            return;
        case 1:
            e.sent_end = true;
            e.socket->close();
            e.other->sent_end = true;
            e.other->socket->close();
            break;
        default:
            break;
        }
        // New descriptors, as a rule with the same numbers.
        e.socket.reset();
        e.other->socket.reset();
        open(e);
    }

    void step_timer(timing& t)
    {
        constexpr std::chrono::microseconds delays[] = {-1us, 0us, 20us, 300us, 1h};
        switch (pick(4)) {
        case 0:
            t.waits.allow_abort();
            t.timer->expires_after(delays[pick(5)]);
            return;
        case 1:
            t.waits.allow_abort();
            pick(2) == 0 ? t.timer->cancel() : t.timer->cancel_one();
            return;
        default:
            break;
        }
        auto op = ledger_.started("timer");
        t.waits.started(op);
        auto handler = [this, &t, op](error_code ec) {
            ledger_.ended(*op, ec);
            if (!ec)
                t.waits.succeeded(*op);
            go_on();
        };
        with_slot(
            op, std::move(handler), [&](auto&& h) { t.timer->async_wait(std::move(h)); });
    }

    // An accept is Asio's own, and its signal must not outlive its acceptor. The slot of
    // an accept that is pending elsewhere stays: Asio knows that accept by the memory of
    // its slot, which would go to another slot.
    void forget_signals_of_accepts(const accepting& a)
    {
        for (signalling& s : signals_) {
            if (s.op && a.accepts.contains(*s.op))
                s.signal.slot().clear();
        }
    }

    void step_acceptor(accepting& a)
    {
        switch (pick(8)) {
        case 0:
            a.accepts.allow_abort();
            a.acceptor->cancel();
            return;
        case 1:
            a.accepts.allow_abort();
            forget_signals_of_accepts(a);
            a.acceptor = std::make_unique<acceptor_type>(context_, any_port);
            return;
        case 2:
        case 3: {
            auto op = ledger_.started("connect");
            auto client = std::make_shared<socket_type>(context_);
            client->async_connect(
                a.acceptor->local_endpoint(), [this, op, client](error_code ec) {
                    ledger_.ended(*op, ec);
                    client->set_option(asio::socket_base::linger(true, 0), ec);
                    go_on();
                });
            return;
        }
        default:
            break;
        }
        auto op = ledger_.started("accept");
        a.accepts.started(op);
        auto handler = [this, op](error_code ec, auto peer) {
            ledger_.ended(*op, ec);
            model::ledger::require(
                peer.is_open() == !ec, *op, ec, "with the wrong socket");
            go_on();
        };
        with_slot(op, std::move(handler), [&](auto&& h) {
            a.acceptor->async_accept(std::move(h));
        });
    }

    void post()
    {
        auto op = ledger_.started("post");
        asio::post(context_, [this, op] {
            ledger_.ended(*op, {});
            go_on();
        });
    }

    void take_turn(std::size_t choice)
    {
        loop_scope scope;
        context_.restart();
        if (choice < 84)
            context_.poll();
        else if (choice < 96)
            context_.poll_one();
        else
            context_.run_one_for(20us);
    }

    asio::io_context& context_;
    std::mt19937_64& random_;
    model::ledger& ledger_;
    /// One kind of step that this world takes oftener, or its usual mix of turns.
    const std::size_t favourite_;
    std::array<end, 6> ends_;
    std::array<accepting, 2> acceptors_;
    std::array<timing, 4> timers_;
    std::array<signalling, 6> signals_;
    bool quiet_ = false;
};

void take_random_steps(std::uint64_t steps, std::uint64_t seed)
{
    constexpr std::uint64_t steps_of_a_world = 5000;
    constexpr auto time_limit = 25s;
    BOOST_TEST_MESSAGE("seed " << seed << ", steps " << steps);
    const auto limit = std::chrono::steady_clock::now() + time_limit;
    std::mt19937_64 random(seed);
    model::ledger ledger;
    std::uint64_t taken = 0;
    for (std::size_t kind = 0; taken < steps; ++kind) {
        if (std::chrono::steady_clock::now() > limit)
            break;
        auto context =
            make_context(all_context_kinds[kind % std::size(all_context_kinds)]);
        std::optional<world> objects(std::in_place, *context, random, ledger);
        BOOST_TEST_CONTEXT(
            name_of(all_context_kinds[kind % std::size(all_context_kinds)]))
        for (std::uint64_t i = 0; i != steps_of_a_world; ++i, ++taken) {
            objects->step();
            if (random() % 1500 == 0)
                objects->settle();
        }
        // Half of the worlds end in the middle of everything.
        if (random() % 2 == 0)
            objects->settle();
        objects.reset();
        context.reset();
        ledger.forget_pending();
    }
    BOOST_TEST_MESSAGE(
        "took " << taken << " steps, " << ledger.started() << " operations");
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_model)

BOOST_AUTO_TEST_CASE(random_steps_keep_every_promise)
{
    const auto steps = from_environment("ASIO_URING_MODEL_STEPS", default_steps);
    const auto seed = from_environment("ASIO_URING_MODEL_SEED", std::random_device{}());
    BOOST_TEST_CONTEXT("ASIO_URING_MODEL_SEED=" << seed)
    take_random_steps(steps, seed);
}

BOOST_AUTO_TEST_SUITE_END()
