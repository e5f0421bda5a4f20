// SPDX-License-Identifier: BSL-1.0
// Purpose: connections, from accept to close, each one coroutine.

#include "server.hpp"

#include "document_root.hpp"
#include "reply.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/random_access_file.hpp>
#include <boost/asio/read_at.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

namespace http_server {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

// Errors come back as values: most of them only mean that the client has left.
constexpr auto with_error = asio::as_tuple(asio::use_awaitable);

constexpr std::uint32_t header_bytes_max = 8 * 1024;
constexpr std::size_t read_buffer_bytes = 2 * 1024;
constexpr std::size_t read_buffer_bytes_max = 16 * 1024;
// A file up to this size is one read and, with its header, one write.
constexpr std::size_t chunk_bytes_max = 256 * 1024;

/// The Date header, made once a second.
class date_text
{
public:
    std::string_view now()
    {
        const std::time_t seconds = std::time(nullptr);
        if (seconds != seconds_) {
            seconds_ = seconds;
            std::tm parts{};
            ::gmtime_r(&seconds, &parts);
            // The program never calls setlocale, so the names are English.
            size_ = std::strftime(
                text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        }
        return {text_.data(), size_};
    }

private:
    std::time_t seconds_ = -1;
    std::array<char, 64> text_{};
    std::size_t size_ = 0;
};

} // namespace

struct server_state
{
    server_state(asio::io_context& context, const options& chosen)
        : root(chosen.directory),
          idle_timeout(chosen.idle_timeout),
          acceptor(context),
          accept_pause(context)
    {
        acceptor.open(chosen.endpoint.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind(chosen.endpoint);
        acceptor.listen();
    }

    document_root root;
    std::chrono::seconds idle_timeout;
    tcp::acceptor acceptor;
    asio::steady_timer accept_pause;
    date_text date;
    statistics done;
    std::unordered_set<beast::tcp_stream*> streams; // of the running sessions
    // Once set, no session starts another operation.
    bool stopping = false;
};

namespace {

/// One connection, from accept to close.
class session
{
public:
    session(tcp::socket socket, std::shared_ptr<server_state> state)
        : state_(std::move(state)),
          stream_(std::move(socket)),
          buffer_(read_buffer_bytes_max)
    {
        buffer_.reserve(read_buffer_bytes); // Beast reads as much as there is room for.
        state_->streams.insert(&stream_);
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() { state_->streams.erase(&stream_); }

    asio::awaitable<void> run();

private:
    enum class next
    {
        request, // keep-alive
        finish,  // the last answer is sent
        close,   // failed, timed out, cancelled, or the client has left
    };

    asio::awaitable<next> serve_one();
    asio::awaitable<error_code> send(reply& answer);
    asio::awaitable<void> finish();
    asio::awaitable<error_code> load_chunk(reply& answer);
    asio::awaitable<error_code> read_file(reply& answer, std::span<char> buffer);

    std::shared_ptr<server_state> state_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::vector<char> content_; // grows to the largest chunk sent
#if defined(BOOST_ASIO_HAS_FILE)
    asio::random_access_file file_{stream_.get_executor()}; // whose part is being sent
#endif
};

/// The answer to what is not a request, or nothing when there is nobody to answer.
std::optional<reply> make_parse_error_reply(const error_code& error)
{
    if (error == http::error::end_of_stream || error == http::error::partial_message) {
        return std::nullopt;
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return make_text_reply(http::status::request_header_fields_too_large);
    }
    if (error == http::error::bad_version) {
        return make_text_reply(http::status::http_version_not_supported);
    }
    if (error.category() == make_error_code(http::error::bad_method).category()) {
        return make_text_reply(http::status::bad_request, error.message());
    }
    return std::nullopt;
}

asio::awaitable<void> session::run()
{
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    next then = next::request;
    while (then == next::request && !state_->stopping) {
        then = co_await serve_one();
    }
    if (then == next::finish && !state_->stopping) {
        co_await finish();
    }
    stream_.socket().close(ignored);
}

asio::awaitable<session::next> session::serve_one()
{
    http::request_parser<http::empty_body> parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(boost::none); // A body is not read, so its size does not matter.

    stream_.expires_after(state_->idle_timeout);
    const auto [error, size] =
        co_await http::async_read_header(stream_, buffer_, parser, with_error);
    if (state_->stopping) {
        co_return next::close;
    }

    bool header_only = false;
    bool keep_alive = false;
    std::optional<reply> answer;
    if (error) {
        answer = make_parse_error_reply(error);
        if (!answer) {
            co_return next::close;
        }
    }
    else {
        const request& asked = parser.get();
        answer = make_reply(state_->root, asked);
        answer->header.version(asked.version());
        header_only = asked.method() == http::verb::head;
        // Where the next request begins is known only when this one has no body.
        keep_alive = asked.keep_alive() && parser.is_done();
    }
    ++state_->done.requests;

    // The first chunk is read before the header is sent: a failure can still be told.
    if (header_only) {
        answer->header.body().more = false; // and no data: the header is all of it
    }
    else if (co_await load_chunk(*answer)) {
        answer = make_text_reply(http::status::internal_server_error);
        keep_alive = false;
        co_await load_chunk(*answer);
    }
    answer->header.set(http::field::date, state_->date.now());
    answer->header.keep_alive(keep_alive);
    if (co_await send(*answer)) {
        co_return next::close;
    }
    co_return keep_alive ? next::request : next::finish;
}

// Points the message at the next part of the body. A file goes through a buffer of the
// session rather than http::file_body, which knows no ranges and sends 4 KiB at a time.
asio::awaitable<error_code> session::load_chunk(reply& answer)
{
    auto& body = answer.header.body();
    if (!answer.is_file) {
        body.data = answer.text.data();
        body.size = answer.text.size();
        body.more = false;
        co_return error_code();
    }
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(answer.rest, chunk_bytes_max));
    if (content_.size() < size) {
        content_.resize(size);
    }
    const error_code error = co_await read_file(answer, std::span(content_).first(size));
    answer.offset += size;
    answer.rest -= size;
    body.data = size == 0 ? nullptr : content_.data();
    body.size = size;
    body.more = answer.rest != 0;
    co_return error;
}

// Where Asio has files, a disk that is slow holds up nobody but who waits for it.
asio::awaitable<error_code> session::read_file(reply& answer, std::span<char> buffer)
{
#if defined(BOOST_ASIO_HAS_FILE)
    if (answer.file.is_open()) {
        error_code error;
        if (file_.assign(answer.file.native_handle(), error); error) {
            co_return error;
        }
        answer.file.release();
    }
    const auto [failed, size] = co_await asio::async_read_at(
        file_, answer.offset, asio::buffer(buffer.data(), buffer.size()), with_error);
    if (failed || size == answer.rest) {
        error_code ignored;
        file_.close(ignored);
    }
    co_return failed;
#else
    co_return answer.file.read_exactly(answer.offset, buffer);
#endif
}

asio::awaitable<error_code> session::send(reply& answer)
{
    http::response_serializer<http::buffer_body> serializer(answer.header);
    for (;;) {
        stream_.expires_after(state_->idle_timeout);
        auto [error, size] = co_await http::async_write(stream_, serializer, with_error);
        if (error != http::error::need_buffer) {
            co_return error;
        }
        // need_buffer: the chunk is sent and the file has more.
        if (state_->stopping) {
            co_return asio::error::operation_aborted;
        }
        if (const error_code failed = co_await load_chunk(answer); failed) {
            co_return failed; // The early close tells the client.
        }
    }
}

// Ends the connection so that the client gets the last answer: closing with unread input
// would reset the connection, and the reset may overtake the answer. So the server says
// that it has ended, and reads what still comes, within limits.
asio::awaitable<void> session::finish()
{
    constexpr std::chrono::seconds patience{1};
    constexpr std::size_t discard_bytes_max = 1024 * 1024;

    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    buffer_.clear();
    std::size_t discarded = 0;
    stream_.expires_after(patience);
    while (!error && !state_->stopping && discarded < discard_bytes_max) {
        auto [failed, size] = co_await stream_.async_read_some(
            buffer_.prepare(read_buffer_bytes_max), with_error);
        error = failed;
        discarded += size;
    }
}

asio::awaitable<void>
serve_connection(tcp::socket socket, std::shared_ptr<server_state> state)
{
    session connection(std::move(socket), std::move(state));
    co_await connection.run();
}

void report_failure(std::exception_ptr failure)
{
    if (failure) {
        try {
            std::rethrow_exception(failure);
        }
        catch (const std::exception& e) {
            std::cerr << "http_server: " << e.what() << '\n';
        }
    }
}

asio::awaitable<void> accept_connections(std::shared_ptr<server_state> state)
{
    const auto executor = state->acceptor.get_executor();
    while (!state->stopping) {
        auto [error, socket] = co_await state->acceptor.async_accept(with_error);
        if (!error) {
            ++state->done.connections;
            asio::co_spawn(
                executor, serve_connection(std::move(socket), state), report_failure);
        }
        else if (!state->stopping) {
            // Out of descriptors or memory, most likely: what runs now must end first.
            std::cerr << "http_server: accept: " << error.message() << '\n';
            state->accept_pause.expires_after(std::chrono::milliseconds(100));
            co_await state->accept_pause.async_wait(with_error);
        }
    }
}

} // namespace

server::server(asio::io_context& context, const options& chosen)
    : state_(std::make_shared<server_state>(context, chosen))
{}

void server::start()
{
    asio::co_spawn(
        state_->acceptor.get_executor(), accept_connections(state_), report_failure);
}

void server::stop()
{
    state_->stopping = true;
    error_code ignored;
    state_->acceptor.close(ignored);
    state_->accept_pause.cancel();
    for (beast::tcp_stream* stream : state_->streams) {
        stream->cancel();
    }
}

tcp::endpoint server::local_endpoint() const { return state_->acceptor.local_endpoint(); }

const statistics& server::done() const { return state_->done; }

} // namespace http_server
