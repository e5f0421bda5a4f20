// SPDX-License-Identifier: BSL-1.0
// An event loop over a scripted kernel, and operations that write down how they ended.
#pragma once

#include "scripted_ring.hpp"

#include <asio_uring/detail/context/loop_watch.hpp>
#include <asio_uring/detail/loop/event_loop.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asio_uring::test {

namespace service = asio_uring::detail;

using service::direction;
using service::internal_request;
using service::operation_state;
using service::user_data;
using scripted_event_loop = service::basic_event_loop<scripted_ring>;
using operation_queue = service::asio_impl::operation_queue;

/// A request on a made-up descriptor. It frees itself when it is delivered or destroyed,
/// as real ones do, so that a late look at it is a finding of the address sanitizer.
class scripted_operation final : public service::ring_operation
{
public:
    scripted_operation(std::vector<std::string>& journal, int id) noexcept
        : ring_operation(&deliver, &prepare), journal_(journal), id_(id)
    {}

private:
    static void prepare(ring_operation& base, abi::sqe& entry) noexcept
    {
        entry.opcode = static_cast<std::uint8_t>(abi::opcode::recv);
        entry.fd = static_cast<scripted_operation&>(base).id_;
    }

    static void deliver(
        void* owner,
        service::asio_impl::scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t)
    {
        std::unique_ptr<scripted_operation> self(static_cast<scripted_operation*>(base));
        const std::string id = std::to_string(self->id_);
        if (owner == nullptr)
            self->journal_.push_back(id + " destroyed");
        else
            self->journal_.push_back(id + ' ' + std::to_string(self->result()));
    }

    std::vector<std::string>& journal_;
    int id_;
};

/// A transfer on a made-up descriptor. A request of it brings as many of its bytes as its
/// result says; a call gives the answers that stand ready, and then -EAGAIN.
class scripted_transfer final : public service::ring_operation
{
public:
    scripted_transfer(std::vector<std::string>& journal, int id) noexcept
        : ring_operation(&deliver, functions), journal_(journal), id_(id)
    {}

    /// What each attempt finds, in order.
    std::deque<int> answers;
    /// Called within the next attempt.
    std::function<void()> during_attempt;
    /// The end of this operation keeps nothing: there is no memory.
    bool lacks_memory = false;
    /// Where the bytes are that a request brings, and where kept ones go.
    std::string text;

private:
    static scripted_transfer& of(ring_operation& base)
    {
        return static_cast<scripted_transfer&>(base);
    }

    static void prepare(ring_operation& base, abi::sqe& entry) noexcept
    {
        entry.opcode = static_cast<std::uint8_t>(abi::opcode::recv);
        entry.fd = of(base).id_;
    }

    static int attempt(ring_operation& base) noexcept
    {
        auto& self = of(base);
        if (const auto hook = std::exchange(self.during_attempt, nullptr))
            hook();
        if (self.answers.empty())
            return -EAGAIN;
        const int answer = self.answers.front();
        self.answers.pop_front();
        return answer;
    }

    static bool keep(ring_operation& base, service::kept_input& kept) noexcept
    {
        auto& self = of(base);
        if (self.lacks_memory)
            return false;
        if (self.result() < 0) {
            kept.keep_error(self.result());
            return true;
        }
        const ::iovec bytes{self.text.data(), self.text.size()};
        return kept.keep(&bytes, 1, static_cast<std::size_t>(self.result()));
    }

    static int serve(ring_operation& base, service::kept_input& kept) noexcept
    {
        auto& self = of(base);
        const ::iovec bytes{self.text.data(), self.text.size()};
        return kept.take(&bytes, 1, false);
    }

    static void deliver(
        void* owner,
        service::asio_impl::scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t)
    {
        auto& waiting = *static_cast<scripted_transfer*>(base);
        if (owner != nullptr && !waiting.may_pass())
            return;
        const std::unique_ptr<scripted_transfer> self(&waiting);
        const std::string id = std::to_string(self->id_);
        if (owner == nullptr)
            self->journal_.push_back(id + " destroyed");
        else
            self->journal_.push_back(id + ' ' + std::to_string(self->result()));
        const auto bytes = static_cast<std::size_t>(std::max(self->result(), 0));
        if (owner != nullptr && bytes != 0 && bytes <= self->text.size())
            self->journal_.back() += ' ' + self->text.substr(0, bytes);
    }

    static constexpr service::transfer_functions functions{
        &prepare, &attempt, &keep, &serve, nullptr};

    std::vector<std::string>& journal_;
    int id_;
};

/// The settings of a loop that takes no turns: the context's reactor watches it.
inline constexpr service::loop_settings attached{.epoll_descriptor = -1};

/// A context, a loop and its script. The test's thread is the one that takes turns.
struct scripted_fixture
{
    static constexpr int epoll_descriptor = 1000;

    explicit scripted_fixture(
        unsigned entries = 8,
        const service::loop_settings& settings = {.epoll_descriptor = epoll_descriptor})
        : script(entries)
    {
        loop.emplace(scheduler, scripted_ring(script), settings);
        if (settings.epoll_descriptor < 0)
            watch.emplace(
                boost::asio::use_service<service::asio_impl::epoll_reactor>(context),
                *loop);
    }
    scripted_fixture(const scripted_fixture&) = delete;
    scripted_fixture& operator=(const scripted_fixture&) = delete;
    ~scripted_fixture()
    {
        if (loop)
            shut_down();
    }

    /// Ends everything, as ~io_context does.
    void shut_down()
    {
        script.refusal = 0;
        script.answers.clear();
        script.during_wait = nullptr;
        script.during_entry = nullptr;
        script.obey_cancels = true;
        watch.reset();
        {
            operation_queue ops;
            loop->shutdown(ops);
        }
        loop.reset();
    }

    service::request_owner& owner(int descriptor) { return loop->open_owner(descriptor); }

    scripted_operation&
    start(int id, service::request_owner& of, direction way = direction::none)
    {
        auto* op = new scripted_operation(journal, id);
        loop->start(*op, of, way);
        return *op;
    }

    scripted_transfer& transfer(int id) { return *new scripted_transfer(journal, id); }

    /// A read that waits as a request.
    scripted_transfer&
    start_read(int id, service::request_owner& of, std::string text = "........")
    {
        auto& op = transfer(id);
        op.text = std::move(text);
        loop->start(op, of, direction::read);
        return op;
    }

    /// A transfer that waits for readiness, and is then done by a call.
    scripted_transfer&
    start_call(int id, service::request_owner& of, direction way, std::deque<int> answers)
    {
        auto& op = transfer(id);
        op.answers = std::move(answers);
        op.go_by_call();
        loop->start(op, of, way);
        return op;
    }

    /// One turn of the loop; what it finished waits for its delivery.
    void turn_without_delivery()
    {
        operation_queue ops;
        loop->turn(0, ops);
        scheduler.post_deferred_completions(ops);
    }

    /// One turn of the loop; what it finished is delivered.
    bool turn(long usec = 0)
    {
        operation_queue ops;
        const bool epoll_ready = loop->turn(usec, ops);
        scheduler.post_deferred_completions(ops);
        deliver();
        return epoll_ready;
    }

    void deliver()
    {
        context.restart();
        context.poll();
    }

    /// The first turn arms the loop's own polls; afterwards the record starts afresh.
    void first_turn()
    {
        turn();
        script.taken.clear();
        script.enters.clear();
    }

    static std::uint64_t name(const service::ring_operation& op)
    {
        return reinterpret_cast<std::uintptr_t>(&op);
    }

    /// What the kernel has taken since the last look, the loop's own polls left out: the
    /// descriptors of requests, "nop" and "cancel", in order.
    std::string taken()
    {
        std::string text;
        for (const abi::sqe& entry : std::exchange(script.taken, {})) {
            const user_data data{entry.user_data};
            std::string word = std::to_string(entry.fd);
            if (entry.opcode == static_cast<std::uint8_t>(abi::opcode::nop))
                word = "nop";
            else if (entry.opcode == static_cast<std::uint8_t>(abi::opcode::poll_add))
                word = "poll:" + word;
            else if (entry.opcode == static_cast<std::uint8_t>(abi::opcode::async_cancel))
                word = "cancel";
            if (data.is_internal() && word != "cancel")
                continue;
            text += (text.empty() ? "" : " ") + word;
        }
        return text;
    }

    /// The deliveries since the last look.
    std::string journal_text()
    {
        std::string text;
        for (const std::string& line : std::exchange(journal, {}))
            text += (text.empty() ? "" : "; ") + line;
        return text;
    }

    /// The loop's own requests of one kind that stand in the kernel.
    std::vector<std::uint64_t> armed(internal_request request) const
    {
        std::vector<std::uint64_t> found;
        for (const auto& [bits, entry] : script.in_flight) {
            const user_data data{bits};
            if (data.is_internal() && data.request() == request)
                found.push_back(bits);
        }
        return found;
    }

    // What waits for its delivery is destroyed with the context, and writes here.
    std::vector<std::string> journal;
    boost::asio::io_context context;
    service::asio_impl::scheduler& scheduler =
        boost::asio::use_service<service::asio_impl::scheduler>(context);
    ring_script script;
    std::optional<scripted_event_loop> loop;
    std::optional<service::basic_loop_watch<scripted_event_loop>> watch;
};

} // namespace asio_uring::test
