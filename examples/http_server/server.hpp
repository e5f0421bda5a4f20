// SPDX-License-Identifier: BSL-1.0
// Purpose: the server, as main() sees it.
#pragma once

#include "options.hpp"
#include "statistics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace http_server {

struct server_state;

/// A static file server on one io_context, run by one thread.
class server
{
public:
    /// Listens; throws boost::system::system_error or std::filesystem::filesystem_error.
    server(boost::asio::io_context& context, const options& chosen);

    /// Starts to accept connections. Returns at once; the context does the work.
    void start();

    /// Stops accepting and cancels every session, so that the context runs out of work.
    void stop();

    boost::asio::ip::tcp::endpoint local_endpoint() const;
    const statistics& done() const;

private:
    // Sessions own the state together with the server: their coroutines are destroyed
    // with the context, which may outlive this object.
    std::shared_ptr<server_state> state_;
};

} // namespace http_server
