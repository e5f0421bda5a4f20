// SPDX-License-Identifier: BSL-1.0
//
// A server by RESTinio: restinio_server PORT. It ends on the path /end.

#define RESTINIO_USE_BOOST_ASIO static

#include <cstdlib>
#include <string>

#include <restinio/all.hpp>

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    restinio::asio_ns::io_context context;
    restinio::http_server_t<> server{
        restinio::external_io_context(context), [&](auto& settings) {
            settings.address("127.0.0.1")
                .port(static_cast<std::uint16_t>(std::atoi(argv[1])))
                .max_pipelined_requests(10)
                .handle_request_timeout(std::chrono::seconds(30))
                .request_handler([&](restinio::request_handle_t request) {
                    const std::string path(request->header().path());
                    if (path == "/end")
                        restinio::asio_ns::post(context, [&] { context.stop(); });
                    return request
                        ->create_response(
                            path == "/missing" ? restinio::status_not_found()
                                               : restinio::status_ok())
                        .append_header(restinio::http_field::content_type, "text/plain")
                        .set_body(
                            path == "/large" ? std::string(1'000'000, 'x')
                                             : path + request->body())
                        .done();
                });
        }};
    server.open_async([] {}, [](auto error) { std::rethrow_exception(error); });
    context.run();
}
