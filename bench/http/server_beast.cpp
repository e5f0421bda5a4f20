// SPDX-License-Identifier: BSL-1.0
// Benchmarks. HTTP keep-alive server with an answer from memory. Nothing differs between
// the columns but the backend's header.
#include "support/http.hpp"
#include "support/http_server.hpp"

namespace {

class session : public bench::http_session<session, bench::http::string_body>
{
public:
    using http_session::http_session;

    void fetch()
    {
        reply_.body() = bench::http_body;
        answer();
    }
};

} // namespace

int main(int argc, char** argv)
{
    bench::run_http_server<session>(
        bench::arguments(argc, argv, {"--lifetime", "--connection-limit"}));
}
