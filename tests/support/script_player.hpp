// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: performs a random script on the objects of one backend,
// and records what the program sees. Thread: the test's own. Lifetime: the player
// outlives the context, because far ends are read after it.
//
// Two players of one script see the same only where Asio leaves no choice, so the player
// keeps away from what Asio leaves open:
//  - Asio tries a transfer within its initiating function if the last one before it found
//    enough; else it leaves the transfer to the reactor. Where one could be made at
//    once, the loop turns before anything else happens to its object (`settle`).
//  - A read takes what is there when it is made, and a write what there is room for. The
//    far end acts once between two turns on an object with a pending operation.
//  - Which of several objects is first in a turn is free. Handlers act on their own
//    object; a race, in which they act on others, compares what all of it came to.
//  - Which of several operations hears of a reset, and which of the end, is free.
//  - A call that reads by itself while a read is pending may go before or after it.
//  - A wait behind a read may end for the read's data.
//  - A request of the ring takes a stream's bytes when they come. A far end whose bytes
//    nobody read hears of the end where it would hear of a reset.
//  - What stands behind a transfer that failed for good may wait for one more event.
#pragma once

#include "drive.hpp"
#include "random_script.hpp"
#include "script_subject.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asio_uring::test::script {

/// What a program saw.
struct record
{
    std::map<std::string, std::string> seen; ///< by the name of the operation or step
    std::vector<std::size_t> handlers;       ///< in each run of the loop
};

/// The exception of a handler.
struct raised
{};

/// A number that tells texts apart, with a space before it; nothing of an empty text.
inline std::string digest(std::string_view text)
{
    if (text.empty())
        return {};
    std::uint32_t hash = 2166136261u;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return ' ' + std::to_string(hash);
}

/// What is sent under a name: no two pieces of it are alike.
inline std::string content(const std::string& name, std::size_t size)
{
    std::string text(size, '\0');
    std::uint32_t state = static_cast<std::uint32_t>(std::stoul(digest(name)));
    for (char& c : text) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>('0' + (state >> 25));
    }
    return text;
}

/// A count of the kernel's statistics of a connection, by its place in `struct tcp_info`,
/// of which the C library knows the beginning alone.
inline std::uint64_t tcp_count(int fd, std::size_t offset)
{
    char info[256] = {};
    ::socklen_t size = sizeof(info);
    std::uint64_t count = 0;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0 &&
        offset + sizeof(count) <= size)
        std::memcpy(&count, info + offset, sizeof(count));
    return count;
}

/// Waits until what one end of a connection has sent is with the other.
inline void await_delivery(int from, int to)
{
    constexpr std::size_t bytes_received = 128;
    constexpr std::size_t bytes_sent = 200;
    const auto limit = std::chrono::steady_clock::now() + wait_limit;
    const auto unsent = [from] {
        int size = 0;
        ::ioctl(from, SIOCOUTQNSD, &size);
        return size != 0;
    };
    while ((unsent() || tcp_count(to, bytes_received) < tcp_count(from, bytes_sent)) &&
           std::chrono::steady_clock::now() < limit)
        ::poll(nullptr, 0, 0);
}

class player final : public listener_to_ends
{
public:
    /// Starts a timer of the backend that calls the function.
    using timer_starter = std::function<void(
        std::size_t which, std::chrono::microseconds, std::function<void()>)>;

    /// `handlers` are those of a run before this one, so the player knows what to wait
    /// for.
    player(const script& of, const std::vector<std::size_t>* handlers)
        : script_(of), expected_(handlers)
    {}

    template <typename Executor>
    void open(asio::io_context& context, timer_starter start_timer)
    {
        context_ = &context;
        start_timer_ = std::move(start_timer);
        for (const kind each : script_.subjects) {
            subjects_.push_back(make_subject<Executor>(each, context));
            subjects_.back()->open();
        }
    }

    /// All but what comes after the context.
    void play()
    {
        for (const turn& each : script_.turns) {
            if (late_)
                break;
            play(each);
        }
        if (script_.end == ending::orderly) {
            for (auto& s : subjects_)
                s->cancel();
            drive();
            for (auto& s : subjects_)
                note_rest(*s);
        }
        else {
            for (auto& s : subjects_)
                say_farewell(*s);
        }
        over_ = true;
        for (auto& s : subjects_)
            s->destroy();
        if (script_.end != ending::without_a_last_run)
            drive();
    }

    /// What has arrived at the far ends.
    record finish()
    {
        for (auto& s : subjects_) {
            outcome last;
            if (s->far && facts[s->what].writes)
                last = s->far_read(1'000'000);
            if (last.ec == asio::error::connection_reset)
                last.ec = error_code();
            note("far end", *s, last);
        }
        return std::move(record_);
    }

    void ended(const operation_ptr& op, const error_code& ec, std::size_t n) override
    {
        ++handled_;
        subject& of = *subjects_[op->subject];
        if (op->ended)
            record_.seen[op->name] += " and again";
        op->ended = true;
        leave(*op, of);
        const bool reads = op->stands_in == line::reads && !op->is_wait;
        const std::string data = reads ? op->data.substr(0, n) : std::string();
        if (reads && !ec && op->life == of.life)
            of.taken += facts[of.what].stream ? n : 1;
        if (op->stands_in == line::writes && !op->is_wait && (ec || n != op->data.size()))
            of.refused = true;
        if (ec && ec != asio::error::operation_aborted && !op->is_wait &&
            op->life == of.life)
            of.failed[static_cast<std::size_t>(op->stands_in)] = true;
        if (op->racing) {
            if (!ec || of.dead)
                raced_[op->subject] += data;
            else if (ec != asio::error::operation_aborted)
                record_.seen[op->name] = text(ec);
            return;
        }
        record_.seen[op->name] += words(of, ec) + ' ' + std::to_string(n) + digest(data) +
                                  " in run " + std::to_string(record_.handlers.size()) +
                                  (loop_scope::inside() ? "" : " INLINE");
        std::string& order = record_.seen[order_of(*op)];
        order += ' ' + op->name;
        if (!over_)
            follow(op, of, ec);
    }

private:
    /// Lets the loop run until nothing more happens.
    void drive(bool one_by_one = false)
    {
        const std::size_t before = handled_;
        const std::size_t run = record_.handlers.size();
        const std::size_t wanted =
            expected_ != nullptr && run < expected_->size() ? (*expected_)[run] : 0;
        drive_until([&] { return handled_ - before >= wanted; }, one_by_one);
        record_.handlers.push_back(handled_ - before);
        for (auto& s : subjects_) {
            s->unsettled = s->fed = s->emptied = false;
            s->writing = s->pending[1] != 0;
        }
    }

    template <typename Predicate>
    void drive_until(Predicate enough, bool one_by_one = false)
    {
        constexpr auto patience = std::chrono::milliseconds(300);
        loop_scope scope;
        const auto limit = std::chrono::steady_clock::now() + patience;
        for (;;) {
            context_->restart();
            std::size_t handlers = 0;
            try {
                handlers = one_by_one ? context_->poll_one() : context_->poll();
                if (handlers == 0) {
                    if (enough())
                        return;
                    late_ = late_ || std::chrono::steady_clock::now() >= limit;
                    if (late_)
                        return void(record_.seen["late"] = "yes");
                    context_->run_one_until(limit);
                }
            }
            catch (const raised&) {
            }
        }
    }

    void play(const turn& of)
    {
        const auto whole = std::pair(of.steps.begin(), of.steps.end());
        const auto middle =
            of.steps.begin() + static_cast<std::ptrdiff_t>(of.steps.size() / 2);
        const auto part = [this](auto from, auto to) {
            return [this, from, to] {
                ++handled_;
                for (auto step = from; step != to; ++step)
                    play(*step, true);
            };
        };
        const auto first = part(whole.first, middle);
        const auto second = part(middle, whole.second);
        switch (of.where) {
        case scene::outside:
            for (const step& each : of.steps)
                play(each, false);
            break;
        case scene::handler:
            asio::post(*context_, part(whole.first, whole.second));
            break;
        case scene::two_handlers:
            asio::post(*context_, first);
            asio::post(*context_, second);
            break;
        case scene::two_timers:
            start_timer_(0, std::chrono::microseconds(-2), first);
            start_timer_(1, std::chrono::microseconds(-1), second);
            break;
        }
        drive(of.one_by_one);
    }

    void play(const step& of, bool inside)
    {
        subject& on = *subjects_[of.subject];
        switch (of.does) {
        case verb::read:
        case verb::write:
        case verb::wait_read:
        case verb::wait_write:
            return start(of, on);
        case verb::stop:
            return context_->stop();
        case verb::race:
            if (!inside)
                race(of, on);
            return;
        default:
            break;
        }
        if (settle(on, inside))
            act(of, on, inside);
    }

    /// Whether everything about the object is certain, if need be after a turn.
    bool settle(const subject& on, bool inside)
    {
        if (!on.unsettled)
            return true;
        if (!inside)
            drive();
        return !inside;
    }

    void act(const step& of, subject& on, bool inside)
    {
        switch (of.does) {
        case verb::cancel:
            return note(name_of(of), on, {on.cancel(), {}, 0});
        case verb::signal:
            return signal(of, on);
        case verb::close:
            return on.close();
        case verb::reopen:
            on.destroy();
            return on.open();
        case verb::shutdown:
            // What waits for room may hear of its own end at once, or never.
            if (!may_fail(on) || on.pending[1] != 0)
                return;
            on.refused = on.far_ended = on.failed[1] = true;
            return note(name_of(of), on, {on.shutdown(of.choice % 3), {}, 0});
        case verb::reassign:
            return on.reassign();
        case verb::move:
            return on.move();
        default:
            break;
        }
        if (of.does == verb::sync_write) {
            if (on.pending[1] == 0)
                sync_write(of, on);
        }
        else if (of.does == verb::sync_read || of.does == verb::available) {
            if (on.pending[0] == 0)
                sync_read(of, on);
        }
        else {
            act_at_far_end(of, on, inside);
        }
    }

    void start(const step& of, subject& on)
    {
        const bool is_wait = of.does == verb::wait_read || of.does == verb::wait_write;
        const bool reads = of.does == verb::read || of.does == verb::wait_read;
        auto op = std::make_shared<operation>();
        op->name = name_of(of);
        op->subject = of.subject;
        op->stands_in = reads ? line::reads : line::writes;
        op->is_wait = is_wait;
        op->next = of.next;
        op->slotted = of.slotted;
        op->data = reads ? std::string(of.size, '.') : content(op->name, of.size);
        start(op, on);
    }

    void start(const operation_ptr& op, subject& on)
    {
        const auto in = static_cast<std::size_t>(op->stands_in);
        on.writing = on.writing || (in == 1 && !op->is_answer);
        const bool behind = on.transfers(in) != 0 && (in == 1 || on.far_ended);
        if (op->is_wait ? behind || (on.what == acceptor && in == 1)
                        : on.failed[in] || (on.far_ended && on.transfers(in) != 0))
            return;
        op->life = on.life;
        op->place = on.place;
        operations_.push_back(op);
        const bool maybe =
            in == 0 ? on.has_data() : on.refused || on.far_ended || on.waits[in] != 0;
        if (!op->is_wait && maybe)
            on.unsettled = true;
        ++on.pending[in];
        on.waits[in] += op->is_wait ? 1 : 0;
        const completion done{this, op};
        if (op->is_wait)
            on.wait(done);
        else if (in == 0)
            on.read(done);
        else
            on.write(done);
    }

    static void leave(const operation& op, subject& of)
    {
        const auto in = static_cast<std::size_t>(op.stands_in);
        --of.pending[in];
        of.waits[in] -= op.is_wait ? 1 : 0;
    }

    /// What the handler of an operation does. Which of the two lines is first in a turn
    /// is free, so a read leaves alone what is written in the same turn.
    void follow(const operation_ptr& op, subject& of, const error_code& ec)
    {
        switch (op->next) {
        case follow_up::again:
            if (op->depth < 2 && ec != asio::error::operation_aborted)
                start(follower(*op, op->stands_in, op->is_wait, op->data.size()), of);
            break;
        case follow_up::answer:
            if (facts[of.what].writes && !of.writing) {
                const operation_ptr answer = follower(*op, line::writes, false, 50);
                answer->next = follow_up::none;
                answer->is_answer = true;
                start(answer, of);
            }
            break;
        case follow_up::cancel:
            // What came in the same turn may have ended already.
            if (!of.unsettled && !of.has_data() && !of.refused && of.waits[0] == 0 &&
                !of.writing)
                of.cancel();
            break;
        case follow_up::stop:
            context_->stop();
            break;
        case follow_up::raise:
            throw raised();
        case follow_up::none:
            break;
        }
    }

    static operation_ptr
    follower(const operation& op, line in, bool is_wait, std::size_t size)
    {
        auto next = std::make_shared<operation>();
        next->name = op.name + "'";
        next->subject = op.subject;
        next->stands_in = in;
        next->is_wait = is_wait;
        next->next = op.next;
        next->depth = op.depth + 1;
        next->data =
            in == line::reads ? std::string(size, '.') : content(next->name, size);
        return next;
    }

    /// Signals one of the slots that an operation listens to.
    void signal(const step& of, const subject& on)
    {
        std::vector<operation*> listening;
        for (const operation_ptr& op : operations_) {
            if (op->subject == of.subject && op->slotted && !op->ended &&
                op->place == on.place)
                listening.push_back(op.get());
        }
        if (listening.empty())
            return;
        constexpr asio::cancellation_type types[] = {
            asio::cancellation_type::terminal,
            asio::cancellation_type::partial,
            asio::cancellation_type::total};
        listening[of.choice % listening.size()]->signal.emit(types[of.choice % 3]);
    }

    void sync_write(const step& of, subject& on)
    {
        const outcome sent = on.sync_write(content(name_of(of), of.size));
        on.refused = on.refused || sent.size != of.size;
        note(name_of(of), on, sent);
    }

    void sync_read(const step& of, subject& on)
    {
        if (of.does == verb::available)
            return note(name_of(of), on, on.available());
        const outcome got = on.sync_read(of.size);
        if (!got.ec)
            on.taken += facts[on.what].stream ? got.size : 1;
        note(name_of(of), on, got);
    }

    void act_at_far_end(const step& of, subject& on, bool inside)
    {
        // The port of an acceptor that was closed may be anybody's.
        if (on.what == acceptor ? on.native() < 0 : !on.far)
            return;
        if (of.does == verb::far_read)
            return far_read(of, on, inside);
        if (of.does == verb::far_write)
            return far_write(of, on, inside);
        if (!may_fail(on))
            return;
        if (of.does == verb::far_end)
            on.far_end();
        else
            on.far_reset();
        if (on.what == tcp_stream && on.native() >= 0) {
            ::pollfd entry{on.native(), POLLRDHUP, 0};
            ::poll(&entry, 1, 1000);
        }
    }

    /// At most one transfer of each line is there to fail.
    static bool may_fail(const subject& on)
    {
        return on.transfers(0) <= 1 && on.transfers(1) <= 1;
    }

    void far_write(const step& of, subject& on, bool inside)
    {
        if (on.fed && on.pending[0] != 0) {
            if (inside)
                return;
            drive();
        }
        on.fed = true;
        const outcome sent = on.far_write(content("far " + name_of(of), of.size));
        if (!sent.ec)
            on.given += facts[on.what].stream ? sent.size : 1;
        if (on.what == tcp_stream && on.native() >= 0)
            await_delivery(on.far.get(), on.native());
        note_far(of, on, sent);
    }

    void far_read(const step& of, subject& on, bool inside)
    {
        if (on.emptied && on.pending[1] != 0) {
            if (inside)
                return;
            drive();
        }
        on.emptied = true;
        if (on.what == tcp_stream && on.native() >= 0)
            await_delivery(on.native(), on.far.get());
        note_far(of, on, on.far_read(of.size));
    }

    // Whether the far end of a closed object hears of a reset is free.
    void note_far(const step& of, subject& on, outcome got)
    {
        if (on.native() < 0)
            got.ec = error_code();
        if (on.native() >= 0 || of.does == verb::far_read)
            note(name_of(of), on, got);
    }

    /// A read ends for its data, or because of another handler of the same turn. Which of
    /// the two is first is free; what the program gets in the end is not.
    void race(const step& of, subject& on)
    {
        subject& other = *subjects_[(of.subject + 1 + of.choice % 2) % subjects_.size()];
        if (!facts[other.what].reads || on.native() < 0 || other.native() < 0 ||
            on.far_ended || other.far_ended || on.failed[0] || other.failed[0])
            return;
        if (on.unsettled || other.unsettled)
            drive();
        // A handler may go on once more.
        for (int i = 0; i != 2; ++i) {
            on.cancel();
            other.cancel();
            drive();
        }
        raced_.clear();
        const operation_ptr first = start_racing(of, on, "first");
        const operation_ptr second = start_racing(of, other, "second");
        const bool by_slot = of.choice % 3 == 0;
        const auto end_other = [&, by_slot] {
            if (by_slot && !second->ended)
                second->signal.emit(asio::cancellation_type::terminal);
            else
                other.cancel();
        };
        if (of.choice % 2 == 0)
            start_timer_(0, std::chrono::microseconds(-1), [this, end_other] {
                ++handled_;
                end_other();
            });
        else
            asio::post(*context_, [this, end_other] {
                ++handled_;
                end_other();
            });
        if (of.choice % 5 < 3)
            feed_racing(of, other);
        feed_racing(of, on);
        drive_until([&] { return first->ended; });
        other.cancel();
        drive_until([&] { return first->ended && second->ended; });
        record_.handlers.push_back(0);
        for (subject* each : {&on, &other})
            note_rest(*each, name_of(of) + ' ');
    }

    static constexpr std::size_t longest_racing = 50;

    operation_ptr start_racing(const step& of, subject& on, const char* which)
    {
        auto op = std::make_shared<operation>();
        op->name = name_of(of) + ' ' + which;
        op->subject = index_of(on);
        op->stands_in = line::reads;
        op->racing = true;
        op->slotted = true;
        // Room for all that may have come, so that no datagram is cut off.
        op->data = std::string(std::max<std::size_t>(of.size, 10'000), '.');
        start(op, on);
        return op;
    }

    void feed_racing(const step& of, subject& on)
    {
        const std::string data =
            content("race " + name_of(of), 1 + of.choice % longest_racing);
        const outcome sent = on.far_write(data);
        if (!sent.ec)
            on.given += facts[on.what].stream ? sent.size : 1;
        if (on.what == tcp_stream)
            await_delivery(on.far.get(), on.native());
    }

    /// All that the program has got of an object in a race or can still get.
    void note_rest(subject& on, const std::string& race = {})
    {
        if (!facts[on.what].reads || on.native() < 0)
            return;
        std::string all = std::exchange(raced_[index_of(on)], {});
        for (int i = 0; i != 1000; ++i) {
            const outcome got = on.sync_read(100'000);
            if (got.ec || got.size == 0)
                break;
            on.taken += facts[on.what].stream ? got.size : 1;
            all += got.data;
        }
        note(race + "rest", on, {{}, all, all.size()});
    }

    /// What a program writes last, and Asio sends within the initiating function.
    void say_farewell(subject& on)
    {
        if (!facts[on.what].writes || on.refused || on.far_ended || on.failed[1] ||
            on.pending[1] != 0)
            return;
        step last{};
        last.number = 1000 + static_cast<unsigned>(index_of(on));
        last.does = verb::write;
        last.subject = index_of(on);
        last.size = 30;
        start(last, on);
    }

    std::size_t index_of(const subject& on) const
    {
        const auto place = std::find_if(
            subjects_.begin(), subjects_.end(), [&](auto& s) { return s.get() == &on; });
        return static_cast<std::size_t>(place - subjects_.begin());
    }

    static std::string name_of(const step& of)
    {
        std::string number = std::to_string(of.number);
        return std::string(4 - std::min<std::size_t>(4, number.size()), ' ') + number +
               ' ' + verb_names[static_cast<std::size_t>(of.does)];
    }

    std::string order_of(const operation& op) const
    {
        return "order of " + std::to_string(op.subject) +
               (op.stands_in == line::reads ? " reads" : " writes");
    }

    static std::string words(const subject& of, const error_code& ec)
    {
        const bool end = ec == asio::error::eof || ec == asio::error::broken_pipe ||
                         ec == asio::error::connection_reset;
        return of.dead && end ? "dead" : text(ec);
    }

    void note(const std::string& name, const subject& of, const outcome& got)
    {
        record_.seen[name + " of " + std::to_string(index_of(of))] =
            words(of, got.ec) + ' ' + std::to_string(got.size) + digest(got.data);
    }

    const script& script_;
    const std::vector<std::size_t>* expected_;
    asio::io_context* context_ = nullptr;
    timer_starter start_timer_;
    std::vector<std::unique_ptr<subject>> subjects_;
    std::vector<operation_ptr> operations_;
    std::map<std::size_t, std::string> raced_;
    record record_;
    std::size_t handled_ = 0;
    bool late_ = false;
    bool over_ = false; ///< there are no objects any more
};

/// Performs a script on objects of the backend, in a context of the given type.
template <typename Context, typename Backend>
record perform(const script& of, const std::vector<std::size_t>* handlers = nullptr)
{
    player performs(of, handlers);
    {
        Context context(1);
        // A context that is out of work may leave an event behind, which Asio then takes
        // for one of the next object in its place.
        const asio::executor_work_guard<asio::io_context::executor_type> work(
            static_cast<asio::io_context&>(context).get_executor());
        std::array<steady_timer<Backend>, 2> timers{
            steady_timer<Backend>(context), steady_timer<Backend>(context)};
        performs.template open<typename Backend::executor>(
            context, [&](std::size_t which, auto delay, std::function<void()> call) {
                timers[which].expires_after(delay);
                timers[which].async_wait(
                    [call = std::move(call)](const error_code&) { call(); });
            });
        performs.play();
    }
    return performs.finish();
}

} // namespace asio_uring::test::script
