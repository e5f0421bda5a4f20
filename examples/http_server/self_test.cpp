// SPDX-License-Identifier: BSL-1.0
// Purpose: the server against a client of the same process, which knows each answer.

#include "self_test.hpp"

#include "../support/temporary_directory.hpp"
#include "options.hpp"
#include "server.hpp"
#include "statistics.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace http_server {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

/// A temporary directory with a few files.
class temporary_site
{
public:
    temporary_site()
    {
        big_.reserve(big_bytes);
        for (std::size_t i = 0; i < big_bytes; ++i) {
            big_.push_back(static_cast<char>(i * 31 + i / 251));
        }
        std::filesystem::create_directory(path() / "sub");
        write("index.html", "<p>index</p>");
        write("empty", "");
        write("a b.txt", "spaces");
        write("sub/index.html", "<p>sub</p>");
        write("big.bin", big_);
        std::filesystem::create_symlink("/etc/passwd", path() / "escape");
    }

    const std::filesystem::path& path() const { return directory_.path(); }
    const std::string& big() const { return big_; }

private:
    // More than two of the server's chunks.
    static constexpr std::size_t big_bytes = 600'000;

    void write(const char* name, std::string_view content)
    {
        std::ofstream file(path() / name, std::ios::binary);
        file.write(content.data(), static_cast<std::streamsize>(content.size()));
        file.close();
        if (!file) {
            throw std::runtime_error("cannot write into the temporary directory");
        }
    }

    example::temporary_directory directory_;
    std::string big_;
};

/// Sends text on a new connection and returns what comes back until the server closes it.
std::string talk(const tcp::endpoint& server, std::string_view text)
{
    asio::io_context context{1};
    tcp::socket socket(context);
    socket.connect(server);
    asio::write(socket, asio::buffer(text));
    std::string answer;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    if (error != asio::error::eof) {
        throw boost::system::system_error(error);
    }
    return answer;
}

struct expectation
{
    std::string_view request; // the line and further headers
    std::string_view status;
    std::string_view body;
};

bool check(const tcp::endpoint& server, const expectation& expected)
{
    std::string text(expected.request);
    text += "\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const std::string answer = talk(server, text);
    const auto end_of_header = answer.find("\r\n\r\n");
    const bool right = answer.starts_with("HTTP/1.1 " + std::string(expected.status)) &&
                       end_of_header != std::string::npos &&
                       answer.substr(end_of_header + 4) == expected.body;
    if (!right) {
        std::cout << "wrong: " << expected.request << " gave "
                  << answer.substr(0, end_of_header) << '\n';
    }
    return right;
}

bool check_all(const tcp::endpoint& server, const temporary_site& site)
{
    const std::string_view big = site.big();
    const auto expectations = std::to_array<expectation>({
        {"GET / HTTP/1.1", "200 OK", "<p>index</p>"},
        {"HEAD / HTTP/1.1", "200 OK", ""},
        {"GET /empty HTTP/1.1", "200 OK", ""},
        {"GET /a%20b.txt?query HTTP/1.1", "200 OK", "spaces"},
        {"GET /sub/ HTTP/1.1", "200 OK", "<p>sub</p>"},
        {"HEAD /sub HTTP/1.1", "301 Moved Permanently", ""},
        {"GET /big.bin HTTP/1.1", "200 OK", big},
        {"GET /big.bin HTTP/1.1\r\nRange: bytes=-9", "206 Partial", big.substr(599'991)},
        {"GET /big.bin HTTP/1.1\r\nRange: bytes=1-3", "206 Partial", big.substr(1, 3)},
        {"GET /big.bin HTTP/1.1\r\nRange: bytes=600000-",
         "416 ",
         "416 Range Not Satisfiable\n"},
        {"HEAD /none HTTP/1.1", "404 Not Found", ""},
        {"HEAD /escape HTTP/1.1", "403 Forbidden", ""},
        {"HEAD /sub/%2e%2e/index.html HTTP/1.1", "400 Bad Request", ""},
        {"POST / HTTP/1.1\r\nContent-Length: 9", "405 ", "405 Method Not Allowed\n"},
    });
    bool right = true;
    for (const expectation& expected : expectations) {
        right = check(server, expected) && right;
    }
    return right;
}

} // namespace

bool self_test()
{
    const temporary_site site;
    options chosen;
    chosen.directory = site.path();
    chosen.endpoint = example::loopback(0);
    chosen.idle_timeout = std::chrono::seconds(10);

    asio::io_context context{1};
    server tested(context, chosen);
    tested.start();

    bool right = false;
    std::thread client([&, endpoint = tested.local_endpoint()] {
        try {
            right = check_all(endpoint, site);
        }
        catch (const std::exception& e) {
            std::cout << "client: " << e.what() << '\n';
        }
        asio::post(context, [&] { tested.stop(); });
    });
    context.run();
    client.join();

    print_statistics(std::cout, context, tested.done());
    std::cout << "self-test: " << (right ? "passed" : "failed") << '\n';
    return right;
}

} // namespace http_server
