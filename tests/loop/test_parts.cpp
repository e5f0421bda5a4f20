// SPDX-License-Identifier: BSL-1.0
// Chains and sources of many results against a scripted kernel: orders of completions,
// full queues, cancellations and refusals that the real kernel shows only by chance.
#include "../support/counting_allocator.hpp"
#include "../support/scripted_loop.hpp"

#include <asio_uring/detail/loop/request_chain.hpp>
#include <asio_uring/detail/loop/result_source.hpp>

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

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
namespace kernel = asio_uring::abi;
using service::ring_operation;

class scripted_member final : public service::chain_member
{
public:
    explicit scripted_member(int id) noexcept : chain_member(&prepare), id_(id) {}

private:
    static void prepare(ring_operation& base, kernel::sqe& entry) noexcept
    {
        entry.opcode = static_cast<std::uint8_t>(kernel::opcode::recv);
        entry.fd = static_cast<scripted_member&>(base).id_;
    }

    int id_;
};

/// The head of a chain with its members. It writes down how each member ended.
class scripted_chain final : public ring_operation
{
public:
    scripted_chain(std::vector<std::string>& journal, int first, int count)
        : ring_operation(&deliver, nullptr), journal_(journal)
    {
        for (int id = first; id != first + count; ++id)
            chain_.append(members_.emplace_back(id));
        chain_.lead(*this);
    }

    service::request_chain& chain() noexcept { return chain_; }
    ring_operation& member(std::size_t index) { return members_.at(index); }

private:
    static void deliver(
        void* owner,
        service::asio_impl::scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t)
    {
        std::unique_ptr<scripted_chain> self(static_cast<scripted_chain*>(base));
        std::string text = owner == nullptr ? "chain destroyed" : "chain";
        for (const scripted_member& member : self->members_)
            text += ' ' + std::to_string(member.result());
        self->journal_.push_back(text);
    }

    std::vector<std::string>& journal_;
    std::deque<scripted_member> members_;
    service::request_chain chain_{kernel::sqe_io_link};
};

/// A source that writes down that it is freed.
class scripted_source final : public service::result_source
{
public:
    scripted_source(
        std::vector<std::string>& journal,
        int id,
        std::size_t capacity,
        asio_uring::op::descriptors makes = asio_uring::op::descriptors::none)
        : result_source(&prepare, &release, capacity, makes), journal_(journal), id_(id)
    {}

    bool ends_at_zero = false;
    std::function<void()> when_asked;

private:
    static void prepare(ring_operation& base, kernel::sqe& entry) noexcept
    {
        entry.opcode = static_cast<std::uint8_t>(kernel::opcode::recv);
        entry.fd = static_cast<scripted_source&>(base).id_;
    }

    static void release(result_source& base)
    {
        std::unique_ptr<scripted_source> self(static_cast<scripted_source*>(&base));
        self->journal_.push_back(std::to_string(self->id_) + " freed");
    }

    int result_of(int value) const noexcept override
    {
        if (when_asked)
            when_asked();
        return value;
    }

    bool ends_with(int value) const noexcept override
    {
        return ends_at_zero && value == 0;
    }

    std::vector<std::string>& journal_;
    int id_;
};

struct parts_fixture : scripted_fixture
{
    parts_fixture() { first_turn(); }

    scripted_chain& start_chain(int first, int count)
    {
        auto* head = new scripted_chain(journal, first, count);
        loop->start(head->chain());
        return *head;
    }

    scripted_source& start_source(int id, std::size_t capacity = 4)
    {
        auto* source = new scripted_source(journal, id, capacity);
        loop->start(*source);
        return *source;
    }

    scripted_operation& next(service::result_source& source, int id)
    {
        auto* op = new scripted_operation(journal, id);
        loop->next(source, *op);
        return *op;
    }

    void bring(const ring_operation& source, int result)
    {
        script.post(name(source), result, kernel::cqe_f_more);
    }

    void turn_and_deliver()
    {
        turn();
        deliver();
    }

    std::string flags_taken() const
    {
        std::string text;
        for (const kernel::sqe& entry : script.taken)
            text += (entry.flags & kernel::sqe_io_link) != 0 ? 'L' : '.';
        return text;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_parts, parts_fixture)

// Chains

BOOST_AUTO_TEST_CASE(chain_is_submitted_with_links_and_ends_with_its_last_member)
{
    auto& head = start_chain(1, 3);
    turn();
    BOOST_TEST(flags_taken() == "LL.");
    BOOST_TEST(taken() == "1 2 3");
    script.post(name(head.member(0)), 10);
    script.post(name(head.member(1)), 20);
    turn();
    BOOST_TEST(journal_text() == "");
    script.post(name(head.member(2)), 30);
    turn();
    BOOST_TEST(journal_text() == "chain 10 20 30");
}

BOOST_AUTO_TEST_CASE(chain_with_a_nearly_full_queue_is_never_cut)
{
    auto& all = owner(1);
    for (int id = 10; id != 16; ++id)
        start(id, all);
    auto& head = start_chain(1, 3);
    // Two places are left, so the queue is submitted first, and then all three go.
    BOOST_TEST(taken() == "10 11 12 13 14 15");
    turn();
    BOOST_TEST(script.enters.back().to_submit == 3u);
    BOOST_TEST(taken() == "1 2 3");
    for (std::size_t index = 0; index != 3; ++index)
        script.post(name(head.member(index)), 0);
    turn();
    BOOST_TEST(journal_text() == "chain 0 0 0");
}

BOOST_AUTO_TEST_CASE(chain_that_finds_no_room_waits_whole)
{
    auto& all = owner(1);
    script.refusal = -EAGAIN;
    for (int id = 10; id != 16; ++id)
        start(id, all);
    auto& head = start_chain(1, 3);
    turn();
    BOOST_TEST(taken() == "");
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(taken() == "10 11 12 13 14 15 1 2 3");
    for (std::size_t index = 0; index != 3; ++index)
        script.post(name(head.member(index)), 0);
    turn();
    BOOST_TEST(journal_text() == "chain 0 0 0");
}

BOOST_AUTO_TEST_CASE(chain_longer_than_the_queue_is_refused)
{
    start_chain(1, 9);
    deliver();
    const std::string each = ' ' + std::to_string(-EINVAL);
    std::string expected = "chain";
    for (int index = 0; index != 9; ++index)
        expected += each;
    BOOST_TEST(journal_text() == expected);
}

BOOST_AUTO_TEST_CASE(chain_cancelled_before_the_kernel_saw_it_does_nothing)
{
    auto& head = start_chain(1, 3);
    loop->cancel(loop->register_cancellation(head.member(0)));
    turn();
    BOOST_TEST(flags_taken() == "...");
    BOOST_TEST(taken() == "nop nop nop");
    turn();
    const std::string aborted = ' ' + std::to_string(-ECANCELED);
    BOOST_TEST(journal_text() == "chain" + aborted + aborted + aborted);
}

BOOST_AUTO_TEST_CASE(chain_cancelled_in_the_kernel_asks_for_its_first_standing_member)
{
    script.obey_cancels = false;
    auto& head = start_chain(1, 3);
    const auto ticket = loop->register_cancellation(head.member(0));
    turn();
    taken();
    script.post(name(head.member(0)), 10);
    turn();
    loop->cancel(ticket);
    turn();
    BOOST_TEST(script.taken.size() == 1u);
    BOOST_TEST(script.taken.at(0).addr == name(head.member(1)));
    script.post(name(head.member(1)), -ECANCELED);
    script.post(name(head.member(2)), -ECANCELED);
    turn();
    const std::string aborted = ' ' + std::to_string(-ECANCELED);
    BOOST_TEST(journal_text() == "chain 10" + aborted + aborted);
}

BOOST_AUTO_TEST_CASE(cancelled_chain_asks_for_each_member_that_goes_on)
{
    script.obey_cancels = false;
    auto& head = start_chain(1, 2);
    turn();
    loop->cancel(loop->register_cancellation(head.member(0)));
    turn();
    taken();
    // It was done before it heard of the wish, and the kernel begins the next.
    script.post(name(head.member(0)), 10);
    turn();
    turn();
    BOOST_TEST(script.taken.size() == 1u);
    BOOST_TEST(script.taken.at(0).addr == name(head.member(1)));
    script.post(name(head.member(1)), -ECANCELED);
    turn();
    BOOST_TEST(journal_text() == "chain 10 " + std::to_string(-ECANCELED));
}

// The kernel had moved on when the cancellation came, and both are reaped together.
BOOST_AUTO_TEST_CASE(chain_that_moved_on_is_asked_once_and_hides_nobody)
{
    script.obey_cancels = false;
    auto& first = start_chain(1, 2);
    auto& second = start_chain(3, 2);
    turn();
    script.taken.clear();
    loop->cancel(loop->register_cancellation(first.member(0)));
    loop->cancel(loop->register_cancellation(second.member(0)));
    turn();
    BOOST_TEST_REQUIRE(script.taken.size() == 2u);
    const std::uint64_t missed = script.taken.at(0).user_data;
    script.taken.clear();
    script.post(name(first.member(0)), 10);
    script.post(name(second.member(0)), 30);
    script.post(missed, -ENOENT);
    turn();
    turn();
    BOOST_TEST_REQUIRE(script.taken.size() == 2u);
    BOOST_TEST(script.taken.at(0).addr == name(first.member(1)));
    BOOST_TEST(script.taken.at(1).addr == name(second.member(1)));
    script.post(name(first.member(1)), -ECANCELED);
    script.post(name(second.member(1)), -ECANCELED);
    turn();
    const std::string aborted = ' ' + std::to_string(-ECANCELED);
    BOOST_TEST(journal_text() == "chain 10" + aborted + "; chain 30" + aborted);
}

BOOST_AUTO_TEST_CASE(refused_chain_has_no_name_any_more)
{
    auto* head = new scripted_chain(journal, 1, 9);
    const auto ticket = loop->register_cancellation(head->member(0));
    loop->start(head->chain());
    deliver();
    loop->cancel(ticket);
    auto& next_chain = start_chain(1, 2);
    BOOST_TEST(loop->register_cancellation(next_chain.member(0)).index == ticket.index);
}

BOOST_AUTO_TEST_CASE(queued_chain_cancelled_ends_whole)
{
    auto& all = owner(1);
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, all);
    auto& head = start_chain(1, 3);
    loop->cancel(loop->register_cancellation(head.member(0)));
    deliver();
    const std::string aborted = ' ' + std::to_string(-ECANCELED);
    BOOST_TEST(journal_text() == "chain" + aborted + aborted + aborted);
}

BOOST_AUTO_TEST_CASE(i06_chains_are_destroyed_once_wherever_they_stand)
{
    start_chain(1, 3);
    turn();
    auto& half = start_chain(4, 2);
    turn();
    script.post(name(half.member(0)), 10);
    turn();
    script.refusal = -EAGAIN;
    start_chain(6, 2);
    auto& all = owner(1);
    for (int id = 10; id != 16; ++id)
        start(id, all);
    start_chain(8, 2);
    journal_text();
    shut_down();
    const std::string text = journal_text();
    std::size_t chains = 0;
    for (std::size_t at = text.find("chain"); at != std::string::npos;
         at = text.find("chain", at + 1))
        ++chains;
    BOOST_TEST(chains == 4u, text);
}

// Sources

BOOST_AUTO_TEST_CASE(results_go_to_whoever_asks_in_order)
{
    auto& source = start_source(5);
    turn();
    next(source, 1);
    next(source, 2);
    bring(source, 10);
    bring(source, 20);
    bring(source, 30);
    turn();
    BOOST_TEST(journal_text() == "1 10; 2 20");
    next(source, 3);
    deliver();
    BOOST_TEST(journal_text() == "3 30");
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(full_source_is_cancelled_and_submitted_again_when_half_is_taken)
{
    script.obey_cancels = false;
    auto& source = start_source(5, 4);
    turn();
    BOOST_TEST(taken() == "5");
    for (int value = 1; value != 5; ++value)
        bring(source, value);
    turn();
    turn();
    BOOST_TEST(taken() == "cancel");
    bring(source, 5); // before the kernel heard of it
    script.post(name(source), -ECANCELED);
    turn();
    turn();
    BOOST_TEST(taken() == "");
    for (int id = 1; id != 3; ++id)
        next(source, id);
    turn();
    BOOST_TEST(taken() == "");
    next(source, 3);
    turn();
    BOOST_TEST(taken() == "5");
    next(source, 4);
    next(source, 5);
    next(source, 6);
    deliver();
    bring(source, 6);
    turn();
    BOOST_TEST(journal_text() == "1 1; 2 2; 3 3; 4 4; 5 5; 6 6");
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(source_whose_last_result_is_no_end_is_submitted_again)
{
    auto& source = start_source(5);
    turn();
    taken();
    script.post(name(source), 10);
    turn();
    turn();
    BOOST_TEST(taken() == "5");
    script.post(name(source), -ECANCELED); // nobody asked for that
    turn();
    turn();
    BOOST_TEST(taken() == "5");
    next(source, 1);
    deliver();
    BOOST_TEST(journal_text() == "1 10");
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(end_and_errors_come_behind_the_results)
{
    auto& ends = start_source(5);
    ends.ends_at_zero = true;
    auto& fails = start_source(6);
    turn();
    bring(ends, 10);
    script.post(name(ends), 0);
    bring(fails, 20);
    script.post(name(fails), -ENOBUFS);
    turn();
    for (int id = 1; id != 4; ++id)
        next(ends, id);
    for (int id = 4; id != 7; ++id)
        next(fails, id);
    deliver();
    const std::string end = std::to_string(service::end_of_results);
    const std::string error = std::to_string(-ENOBUFS);
    BOOST_TEST(
        journal_text() ==
        "1 10; 2 " + end + "; 3 " + end + "; 4 20; 5 " + error + "; 6 " + error);
    loop->close(ends);
    loop->close(fails);
    BOOST_TEST(journal_text() == "5 freed; 6 freed");
}

BOOST_AUTO_TEST_CASE(cancelled_wait_leaves_its_result_to_the_next)
{
    auto& source = start_source(5);
    turn();
    auto& op = next(source, 1);
    next(source, 2);
    loop->cancel(loop->register_cancellation(op));
    deliver();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-ECANCELED));
    bring(source, 10);
    turn();
    BOOST_TEST(journal_text() == "2 10");
    next(source, 3);
    loop->cancel(source);
    deliver();
    BOOST_TEST(journal_text() == "3 " + std::to_string(-ECANCELED));
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(wait_for_a_refused_source_has_no_name_any_more)
{
    auto* source = new scripted_source(journal, 5, 4);
    source->refuse(-EINVAL);
    auto* op = new scripted_operation(journal, 1);
    const auto ticket = loop->register_cancellation(*op);
    loop->next(*source, *op);
    deliver();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-EINVAL));
    loop->cancel(ticket);
    auto& other = start(2, owner(1));
    BOOST_TEST(loop->register_cancellation(other).index == ticket.index);
    loop->close(*source);
}

BOOST_AUTO_TEST_CASE(result_that_somebody_waits_for_fills_nothing)
{
    auto& source = start_source(5, 1);
    turn();
    taken();
    for (int id = 1; id != 4; ++id) {
        next(source, id);
        bring(source, id);
        turn();
        turn();
    }
    BOOST_TEST(taken() == "");
    BOOST_TEST(journal_text() == "1 1; 2 2; 3 3");
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(closed_source_is_freed_with_its_last_completion)
{
    script.obey_cancels = false;
    auto& source = start_source(5);
    turn();
    next(source, 1);
    loop->close(source);
    deliver();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-ECANCELED));
    turn();
    bring(source, 10);
    turn();
    BOOST_TEST(journal_text() == "");
    script.post(name(source), -ECANCELED);
    turn();
    BOOST_TEST(journal_text() == "5 freed");
}

// A full completion queue ends a request with a result.
BOOST_AUTO_TEST_CASE(closed_source_closes_descriptors_of_every_completion)
{
    script.obey_cancels = false;
    auto* source =
        new scripted_source(journal, 5, 4, asio_uring::op::descriptors::result);
    loop->start(*source);
    turn();
    std::vector<int> descriptors(3);
    for (int& one : descriptors)
        BOOST_TEST_REQUIRE((one = ::dup(STDERR_FILENO)) >= 0);
    bring(*source, descriptors[0]);
    turn();
    loop->close(*source);
    bring(*source, descriptors[1]);
    script.post(name(*source), descriptors[2]);
    turn();
    BOOST_TEST(journal_text() == "5 freed");
    for (const int one : descriptors)
        BOOST_TEST(::fcntl(one, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(source_closed_before_the_kernel_saw_it_is_withdrawn)
{
    auto& source = start_source(5);
    loop->close(source);
    turn();
    turn();
    BOOST_TEST(taken() == "nop");
    BOOST_TEST(journal_text() == "5 freed");
}

BOOST_AUTO_TEST_CASE(i06_sources_are_freed_wherever_they_stand)
{
    auto& in_kernel = start_source(5);
    auto& with_wait = start_source(6);
    turn();
    next(with_wait, 1);
    auto& unseen = start_source(7);
    script.obey_cancels = false;
    loop->close(in_kernel);
    journal_text();
    // What stands in a handler is let go while the context is destroyed.
    {
        script.obey_cancels = true;
        operation_queue ops;
        loop->shutdown(ops);
        loop->close(unseen);
        loop->close(with_wait);
    }
    std::sort(journal.begin(), journal.end());
    BOOST_TEST(journal_text() == "1 destroyed; 5 freed; 6 freed; 7 freed");
    loop.reset();
}

BOOST_AUTO_TEST_CASE(source_started_after_shutdown_brings_the_end_only)
{
    {
        operation_queue ops;
        loop->shutdown(ops);
    }
    auto& source = start_source(5);
    next(source, 1);
    deliver();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-ECANCELED));
    loop->close(source);
    BOOST_TEST(journal_text() == "5 freed");
    loop.reset();
}

// The child of a fork

BOOST_AUTO_TEST_CASE(source_that_pauses_in_a_fork_doubles_no_result)
{
    auto& source = start_source(5, 2);
    turn();
    script.post(name(source), 10); // the kernel wants to be asked again
    turn();
    turn();
    script.obey_cancels = false;
    bring(source, 20);
    turn();
    turn();
    ring_script fresh(8);
    loop->restart(scripted_ring(fresh), epoll_descriptor);
    for (int id = 1; id != 4; ++id)
        next(source, id);
    turn();
    BOOST_TEST(journal_text() == "1 10; 2 20");
    loop->close(source);
    deliver();
    shut_down();
}

BOOST_AUTO_TEST_CASE(source_closed_before_the_fork_is_announced_is_not_asked_again)
{
    auto& source = start_source(5);
    turn();
    ++service::fork_depth;
    loop->close(source);
    ring_script fresh(8);
    loop->restart(scripted_ring(fresh), epoll_descriptor);
    BOOST_TEST(journal_text() == "5 freed");
    turn();
    BOOST_TEST(fresh.in_flight.count(name(source)) == 0u);
    shut_down();
}

// A loop that another reactor watches submits by an operation of the scheduler's.
BOOST_AUTO_TEST_CASE(fork_child_does_not_touch_the_ring_before_it_is_told)
{
    shut_down();
    loop.emplace(scheduler, scripted_ring(script), service::loop_settings{});
    auto& source = start_source(5);
    ++service::fork_depth;
    deliver();
    loop->close(source);
    deliver();
    BOOST_TEST(taken() == "");
    ring_script fresh(8);
    loop->restart(scripted_ring(fresh), -1);
    BOOST_TEST(journal_text() == "5 freed");
    shut_down();
}

BOOST_AUTO_TEST_CASE(source_goes_on_where_a_lost_ring_comes_back)
{
    auto& stands = start_source(5, 2);
    auto& paused = start_source(6, 2);
    turn();
    bring(stands, 10);
    bring(paused, 20);
    bring(paused, 30);
    turn();
    turn();
    turn();
    loop->abort_all(make_error_code(boost::system::errc::permission_denied));
    ring_script fresh(8);
    loop->restart(scripted_ring(fresh), epoll_descriptor);
    for (int id = 1; id != 3; ++id)
        next(stands, id);
    for (int id = 3; id != 6; ++id)
        next(paused, id);
    turn();
    BOOST_TEST(
        journal_text() == "1 10; 2 " + std::to_string(-ECANCELED) + "; 3 20; 4 30");
    fresh.post(name(paused), 40, kernel::cqe_f_more);
    turn();
    BOOST_TEST(journal_text() == "5 40");
    loop->close(stands);
    loop->close(paused);
    shut_down();
}

BOOST_AUTO_TEST_CASE(send_on_its_way_in_a_fork_is_not_sent_again)
{
    auto& op = start(5, owner(5), direction::write);
    turn();
    script.post(name(op), 100, kernel::cqe_f_more);
    turn();
    ring_script fresh(8);
    loop->restart(scripted_ring(fresh), epoll_descriptor);
    turn();
    BOOST_TEST(journal_text() == "5 100");
    shut_down();
}

// Without memory

BOOST_AUTO_TEST_CASE(closing_and_cancelling_take_no_memory)
{
    script.obey_cancels = false;
    std::vector<ring_operation*> ops;
    auto& all = owner(1);
    for (int id = 1; id != 4; ++id)
        ops.push_back(&start(id, all));
    auto& source = start_source(5);
    turn();
    script.taken.clear();
    // The script would need memory for what it records.
    script.enters.reserve(script.enters.size() + 8);
    script.refusal = -EAGAIN;
    {
        const no_memory here;
        loop->cancel(all);
        loop->close(source);
    }
    script.refusal = 0;
    turn();
    BOOST_TEST_REQUIRE(script.taken.size() == 4u);
    // Who has no name is found all the same when it was missed.
    const std::vector<kernel::sqe> cancels = std::exchange(script.taken, {});
    for (const kernel::sqe& cancel : cancels)
        script.post(cancel.user_data, -ENOENT);
    turn();
    turn();
    BOOST_TEST(taken() == "cancel cancel cancel cancel");
    for (const kernel::sqe& cancel : cancels)
        script.post(cancel.addr, -ECANCELED);
    turn();
    BOOST_TEST(journal.size() == 4u);
}

BOOST_AUTO_TEST_CASE(source_without_memory_for_a_result_ends_behind_the_others)
{
    auto& source = start_source(5, 1000);
    turn();
    taken();
    for (int value = 0; value != 200; ++value)
        bring(source, value);
    std::optional<no_memory> gone;
    source.when_asked = [&] {
        if (!gone)
            gone.emplace();
    };
    operation_queue ops;
    loop->turn(0, ops);
    gone.reset();
    source.when_asked = nullptr;
    turn();
    BOOST_TEST(taken() == "cancel");
    turn();
    const std::string error = std::to_string(-ENOMEM);
    for (int id = 0; journal.empty() || !journal.back().ends_with(error); ++id) {
        BOOST_TEST_REQUIRE(id < 200);
        next(source, id);
        deliver();
    }
    for (std::size_t id = 0; id + 1 < journal.size(); ++id)
        BOOST_TEST(journal[id] == std::to_string(id) + ' ' + std::to_string(id));
    journal.clear();
    loop->close(source);
    BOOST_TEST(journal_text() == "5 freed");
}

// Two stages
// Two stages

BOOST_AUTO_TEST_CASE(source_of_two_stages_gives_its_result_and_then_its_end)
{
    auto& source = start_source(5, 2);
    source.ends_at_zero = true;
    turn();
    taken();
    next(source, 1);
    next(source, 2);
    bring(source, 100);
    turn();
    BOOST_TEST(journal_text() == "1 100");
    script.post(name(source), 0, kernel::cqe_f_notif);
    turn();
    turn();
    BOOST_TEST(taken() == "");
    BOOST_TEST(journal_text() == "2 " + std::to_string(service::end_of_results));
    loop->close(source);
}

BOOST_AUTO_TEST_CASE(cancelled_send_waits_for_its_notification_in_peace)
{
    script.obey_cancels = false;
    auto& op = start(5, owner(5), direction::write);
    turn();
    taken();
    script.post(name(op), 100, kernel::cqe_f_more);
    turn();
    loop->cancel(owner(5));
    loop->cancel(loop->register_cancellation(op));
    turn();
    BOOST_TEST(script.taken.size() == 1u);
    const std::uint64_t cancel = script.taken.at(0).user_data;
    script.taken.clear();
    script.post(cancel, -ENOENT);
    turn();
    turn();
    BOOST_TEST(taken() == "");
    script.post(name(op), 0, kernel::cqe_f_notif);
    turn();
    BOOST_TEST(journal_text() == "5 100");
}

BOOST_AUTO_TEST_SUITE_END()
