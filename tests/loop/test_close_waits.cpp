// SPDX-License-Identifier: BSL-1.0
// close() waits for the kernel where an address may be wanted again: shortly, and all
// closes together no longer than one.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/scripted_loop.hpp"

#include <asio_uring/detail/ring/wait_budget.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio_uring::ip::udp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

const asio::ip::udp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

} // namespace

BOOST_AUTO_TEST_SUITE(test_close_waits)

BOOST_AUTO_TEST_CASE(budget_is_for_all_waits_of_a_second)
{
    asio_uring::detail::wait_budget budget(50ms);
    const clock::time_point begin{10s};
    BOOST_TEST((budget.left(begin) == 50ms));
    budget.spend(20ms);
    BOOST_TEST((budget.left(begin + 20ms) == 30ms));
    budget.spend(40ms);
    BOOST_TEST((budget.left(begin + 60ms) == 0ms));
    BOOST_TEST((budget.left(begin + 999ms) == 0ms));
    BOOST_TEST((budget.left(begin + 1s) == 50ms));
}

// The kernel that lets go of nothing.
BOOST_FIXTURE_TEST_CASE(closes_in_a_row_wait_no_longer_than_one, scripted_fixture)
{
    constexpr int count = 20;
    first_turn();
    script.obey_cancels = false;
    std::vector<asio_uring::detail::unique_fd> sockets;
    std::vector<service::request_owner*> owners;
    for (int i = 0; i != count; ++i) {
        sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        owners.push_back(&owner(sockets.back().get()));
        start(i, *owners.back(), direction::read);
    }
    turn();
    const auto begin = clock::now();
    for (service::request_owner* one : owners)
        loop->close_owner(*one);
    BOOST_TEST((clock::now() - begin < count * 50ms / 3));
    // Nothing is lost: they end when the kernel says so.
    script.obey_cancels = true;
    turn();
    const auto names = script.in_flight;
    for (const auto& [bits, entry] : names)
        if (entry.opcode == static_cast<std::uint8_t>(asio_uring::abi::opcode::recv))
            script.post(bits, -ECANCELED);
    turn();
    BOOST_TEST(journal.size() == static_cast<std::size_t>(count));
}

// A thread that computes passes through the kernel with the next tick of its clock only,
// unless the closing thread sees to it.
BOOST_AUTO_TEST_CASE(closes_beside_a_handler_that_computes_are_quick)
{
    constexpr int count = 200;
    for (const int hint : {0, 1}) {
        asio_uring::io_context context(hint);
        std::vector<udp::socket> sockets;
        std::array<char, 8> data;
        asio::ip::udp::endpoint sender;
        int ended = 0;
        for (int i = 0; i != count; ++i) {
            sockets.emplace_back(context, any_port);
            sockets.back().async_receive_from(
                asio::buffer(data), sender, [&](error_code, std::size_t) { ++ended; });
        }
        turn(context);
        std::promise<void> computes;
        std::atomic<bool> stop{false};
        asio::post(context, [&] {
            computes.set_value();
            while (!stop) {
            }
        });
        std::thread runner([&] {
            context.restart();
            context.run_for(wait_limit);
        });
        computes.get_future().wait();
        const auto begin = clock::now();
        for (udp::socket& socket : sockets)
            socket.close();
        const auto time = clock::now() - begin;
        stop = true;
        runner.join();
        BOOST_TEST((time < 1s));
        BOOST_TEST(ended == count);
    }
}

BOOST_AUTO_TEST_SUITE_END()
