// SPDX-License-Identifier: BSL-1.0
// Benchmarks. A closed loop of N connections to one server: on each a message is in
// flight, and its reply starts the next. Every byte of a reply is compared.
// Thread: one. Lifetime: ends the program on any error.
#pragma once

#include "load/client.hpp"
#include "support/http.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

enum class exchange
{
    echo,  // the reply is the message
    churn, // the same, by a connection of its own
    http,  // a request and what the server of http-64 answers
    file,  // a request and a file of as many bytes as a message would have
};

class exchange_client : public client
{
public:
    exchange_client(
        transport kind,
        unsigned short port,
        exchange what,
        std::size_t connection_count,
        std::size_t message_size)
        : kind_(kind),
          port_(port),
          what_(what),
          expected_(
              what == exchange::file   ? http_file_reply(message_size)
              : what == exchange::http ? std::string(http_reply)
                                       : std::string()),
          connections_(connection_count)
    {
        for (std::size_t index = 0; index < connection_count; ++index) {
            connection& owner = connections_[index];
            owner.message = message(index, message_size);
            owner.reply.resize(is_http() ? expected_.size() : message_size);
            if (what_ != exchange::churn)
                open(owner);
        }
    }

    void start(std::uint64_t limit) override
    {
        to_start_ = limit;
        for (connection& owner : connections_)
            start_next(owner);
    }

    void stop_starting() override { to_start_ = 0; }

protected:
    struct connection
    {
        int fd = -1;
        std::size_t received = 0;
        std::uint64_t started_ns = 0;
        std::string message;
        std::string reply;
    };

    bool busy() const override { return in_flight_ > 0; }

    void turn() override
    {
        for_each_ready(-1, [this](void* owner, unsigned) {
            receive(*static_cast<connection*>(owner));
        });
    }

    // finished_one: called at the end of each operation.
    virtual void finished_one() {}

private:
    bool is_http() const { return !expected_.empty(); }

    std::string message(std::size_t index, std::size_t size) const
    {
        if (is_http())
            return std::string(http_request);
        std::string result(size, ' ');
        for (std::size_t at = 0; at < size; ++at)
            result[at] = static_cast<char>('!' + (at + index) % 90);
        return result;
    }

    // Edge-triggered is enough, because a reply's size is known, and keeps the load
    // cheaper than the servers it measures.
    void open(connection& owner)
    {
        owner.fd = connect_to(kind_, port_);
        watch(owner.fd, EPOLLIN | EPOLLET, &owner);
    }

    // start_next: an echo's message differs from the one before, so that a stale echo
    // shows.
    void start_next(connection& owner)
    {
        if (to_start_ == 0)
            return;
        --to_start_;
        ++in_flight_;
        owner.received = 0;
        owner.started_ns = read_clock(CLOCK_MONOTONIC);
        if (what_ == exchange::churn)
            open(owner);
        if (!is_http())
            owner.message[0] = static_cast<char>(owner.message[0] + 1);
        for (std::size_t sent = 0; sent < owner.message.size();) {
            const ssize_t result = ::send(
                owner.fd,
                owner.message.data() + sent,
                owner.message.size() - sent,
                MSG_NOSIGNAL);
            sent += static_cast<std::size_t>(check(static_cast<int>(result), "send"));
        }
    }

    void receive(connection& owner)
    {
        const ssize_t received = ::recv(
            owner.fd,
            owner.reply.data() + owner.received,
            owner.reply.size() - owner.received,
            MSG_DONTWAIT);
        if (received < 0 && errno == EAGAIN)
            return;
        if (received == 0)
            fail("the server closed a connection", ECONNRESET);
        owner.received +=
            static_cast<std::size_t>(check(static_cast<int>(received), "recv"));
        if (owner.received < owner.reply.size())
            return;
        if (owner.reply != (is_http() ? expected_ : owner.message))
            fail("the reply is not the one that was expected", EBADMSG);
        if (what_ == exchange::churn)
            end_by_reset(owner);
        count_since(owner.started_ns);
        --in_flight_;
        finished_one();
        start_next(owner);
    }

    // end_by_reset: the address of a connection that ends in another way is taken for a
    // minute, and there are 28,000 of them.
    static void end_by_reset(connection& owner)
    {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        check(
            ::setsockopt(owner.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
            "SO_LINGER");
        ::close(owner.fd);
    }

    transport kind_;
    unsigned short port_;
    exchange what_;
    std::string expected_; // the reply to a request; empty where a message is echoed
    std::vector<connection> connections_;
    std::uint64_t in_flight_ = 0;
    std::uint64_t to_start_ = 0; // messages that may still be started
};

} // namespace bench
