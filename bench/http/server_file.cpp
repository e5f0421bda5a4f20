// SPDX-License-Identifier: BSL-1.0
// Benchmarks, http-file: a keep-alive server that answers each request with the content
// of one file, opened anew each time. On this library async_read_file brings it. With
// BENCH_FILE_BODY it is Beast's file_body, whose calls are synchronous.
#include "support/http_server.hpp"

#include <string>
#include <utility>

namespace {

using bench::error_code;

#ifdef BENCH_FILE_BODY
using body = bench::http::file_body;
#else
using body = bench::http::string_body;
#endif

std::string path;

class session : public bench::http_session<session, body>
{
public:
    using http_session::http_session;

    void fetch()
    {
#ifdef BENCH_FILE_BODY
        error_code ec;
        reply_.body().open(path.c_str(), bench::beast::file_mode::scan, ec);
        answer_with_file(ec);
#else
        asio_uring::async_read_file(
            stream_.get_executor(),
            path,
            [self = shared_from_this()](error_code ec, std::string content) {
                self->reply_.body() = std::move(content);
                self->answer_with_file(ec);
            });
#endif
    }

private:
    void answer_with_file(error_code failed)
    {
        if (failed)
            bench::fail("the file", failed.value());
        answer();
    }
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--path"});
    path = options.text("--path", "");
    bench::run_http_server<session>(options);
}
