// SPDX-License-Identifier: BSL-1.0
// Benchmarks, http-file: a keep-alive server that answers each request with the content
// of one file, opened anew each time. On this library async_read_file brings it. With
// BENCH_FILE_BODY it is Beast's file_body, whose calls are synchronous.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <backend.hpp>

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

#ifdef BENCH_FILE_BODY
using body = http::file_body;
#else
using body = http::string_body;
#endif

std::string path;

class session : public std::enable_shared_from_this<session>
{
public:
    explicit session(bench::stream_socket&& peer) : stream_(std::move(peer)) {}

    void read()
    {
        request_ = {};
        stream_.expires_after(std::chrono::seconds(30));
        http::async_read(
            stream_,
            buffer_,
            request_,
            [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->fetch();
            });
    }

private:
    void fetch()
    {
        reply_ = {http::status::ok, request_.version()};
#ifdef BENCH_FILE_BODY
        error_code ec;
        reply_.body().open(path.c_str(), beast::file_mode::scan, ec);
        answer(ec);
#else
        asio_uring::async_read_file(
            stream_.get_executor(),
            path,
            [self = shared_from_this()](error_code ec, std::string content) {
                self->reply_.body() = std::move(content);
                self->answer(ec);
            });
#endif
    }

    void answer(error_code failed)
    {
        if (failed)
            bench::fail("the file", failed.value());
        reply_.set(http::field::server, "bench");
        reply_.set(http::field::content_type, "text/plain");
        reply_.keep_alive(request_.keep_alive());
        reply_.prepare_payload();
        http::async_write(
            stream_, reply_, [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->read();
            });
    }

    beast::
        basic_stream<boost::asio::ip::tcp, bench::executor, beast::unlimited_rate_policy>
            stream_;
    beast::flat_buffer buffer_;
    http::request<http::empty_body> request_;
    http::response<body> reply_;
};

class server
{
public:
    explicit server(bench::io_context& context)
        : acceptor_(context.get_executor(), {boost::asio::ip::address_v4::loopback(), 0}),
          peer_(context.get_executor())
    {
        bench::announce_port(acceptor_.local_endpoint().port());
        accept_next();
    }

private:
    void accept_next()
    {
        acceptor_.async_accept(peer_, [this](error_code ec) {
            if (ec)
                bench::fail("accept", ec.value());
            bench::count_connection();
            peer_.set_option(boost::asio::ip::tcp::no_delay(true));
            std::make_shared<session>(std::move(peer_))->read();
            accept_next();
        });
    }

    bench::acceptor acceptor_;
    bench::stream_socket peer_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--path"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    path = options.text("--path", "");
    bench::io_context context(1);
    server http(context);
    context.run();
}
