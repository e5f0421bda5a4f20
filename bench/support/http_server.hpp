// SPDX-License-Identifier: BSL-1.0
// Benchmarks. What the HTTP servers have in common: Beast over Asio's objects with
// callbacks, as Beast's own examples have it, with a time limit for each request. The
// backend's header names the context and the socket types. Thread: the context's.
// Lifetime: the server's is main()'s, a session ends with its connection.
#pragma once

#include "arguments.hpp"
#include "process.hpp"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include <backend.hpp>

namespace bench {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

/// One connection. Session derives from it and has fetch(), which gives reply_ its body
/// and calls answer().
template <typename Session, typename Body>
class http_session : public std::enable_shared_from_this<Session>
{
public:
    explicit http_session(stream_socket&& peer) : stream_(std::move(peer)) {}

    void read()
    {
        request_ = {};
        stream_.expires_after(std::chrono::seconds(30));
        http::async_read(
            stream_,
            buffer_,
            request_,
            [self = this->shared_from_this()](error_code ec, std::size_t) {
                if (ec)
                    return;
                self->reply_ = {http::status::ok, self->request_.version()};
                self->fetch();
            });
    }

protected:
    void answer()
    {
        reply_.set(http::field::server, "bench");
        reply_.set(http::field::content_type, "text/plain");
        reply_.keep_alive(request_.keep_alive());
        reply_.prepare_payload();
        http::async_write(
            stream_,
            reply_,
            [self = this->shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->read();
            });
    }

    beast::basic_stream<boost::asio::ip::tcp, executor, beast::unlimited_rate_policy>
        stream_;
    http::response<Body> reply_;

private:
    beast::flat_buffer buffer_;
    http::request<http::empty_body> request_;
};

template <typename Session>
class http_server
{
public:
    explicit http_server(io_context& context)
        : acceptor_(context.get_executor(), {boost::asio::ip::address_v4::loopback(), 0}),
          peer_(context.get_executor())
    {
        announce_port(acceptor_.local_endpoint().port());
        accept_next();
    }

private:
    void accept_next()
    {
        acceptor_.async_accept(peer_, [this](error_code ec) {
            if (ec)
                fail("accept", ec.value());
            count_connection();
            peer_.set_option(boost::asio::ip::tcp::no_delay(true));
            std::make_shared<Session>(std::move(peer_))->read();
            accept_next();
        });
    }

    acceptor acceptor_;
    stream_socket peer_;
};

template <typename Session>
void run_http_server(const arguments& options)
{
    begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    io_context context(1);
    http_server<Session> server(context);
    context.run();
}

} // namespace bench
