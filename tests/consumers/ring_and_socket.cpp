// SPDX-License-Identifier: BSL-1.0
// A program of someone else: the ring layer alone, beside an Asio socket.

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <iostream>

namespace {

bool complete_nop()
{
    boost::system::error_code ec;
    auto ring = asio_uring::ring::create({.entries = 4}, ec);
    if (ec) {
        std::cout << "no ring here: " << ec.message() << "\n";
        return true;
    }
    auto* sqe = ring.try_claim();
    asio_uring::op::nop{}.prepare(*sqe);
    sqe->user_data = 7;
    const auto count = ring.publish();
    if (ring.enter(count, 1, asio_uring::abi::enter_getevents) != 1) {
        return false;
    }
    bool seen = false;
    ring.for_each_completion([&](const asio_uring::abi::cqe& completion) {
        seen = completion.user_data == 7 && completion.res == 0;
    });
    return seen;
}

} // namespace

int main()
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket{context, boost::asio::ip::tcp::v4()};
    const bool passed = complete_nop() && socket.is_open();
    std::cout << (passed ? "ok" : "failed") << "\n";
    return passed ? 0 : 1;
}
