// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column libuv: the TCP echo server on libuv, as its documentation writes
// one, with what a careful program adds: a write is tried before a request is made.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <cstddef>

#include <uv.h>

namespace {

// The memory of a connection: a read starts again when its bytes are written.
struct connection
{
    uv_tcp_t socket;
    uv_write_t write;
    uv_buf_t rest;
    char buffer[bench::connection_buffer_size];
};

int check(int result, const char* what)
{
    if (result < 0)
        bench::fail(what, -result);
    return result;
}

connection& owner_of(uv_handle_t* handle)
{
    return *static_cast<connection*>(handle->data);
}

void end(connection& owner)
{
    uv_close(reinterpret_cast<uv_handle_t*>(&owner.socket), [](uv_handle_t* handle) {
        delete static_cast<connection*>(handle->data);
    });
}

void allocate(uv_handle_t* handle, std::size_t, uv_buf_t* buffer)
{
    *buffer = uv_buf_init(owner_of(handle).buffer, bench::connection_buffer_size);
}

void received(uv_stream_t* stream, ssize_t size, const uv_buf_t*);

void sent(uv_write_t* request, int status)
{
    connection& owner = owner_of(reinterpret_cast<uv_handle_t*>(request->handle));
    if (status < 0)
        end(owner);
    else
        check(uv_read_start(request->handle, allocate, received), "uv_read_start");
}

void received(uv_stream_t* stream, ssize_t size, const uv_buf_t*)
{
    if (size == 0)
        return;
    connection& owner = owner_of(reinterpret_cast<uv_handle_t*>(stream));
    if (size < 0) {
        end(owner);
        return;
    }
    owner.rest = uv_buf_init(owner.buffer, static_cast<unsigned>(size));
    const int written = uv_try_write(stream, &owner.rest, 1);
    if (written == size)
        return;
    if (written > 0) {
        owner.rest.base += written;
        owner.rest.len -= static_cast<std::size_t>(written);
    }
    uv_read_stop(stream);
    check(uv_write(&owner.write, stream, &owner.rest, 1, sent), "uv_write");
}

void connected(uv_stream_t* listener, int status)
{
    check(status, "accept");
    bench::count_connection();
    auto* const owner = new connection;
    check(uv_tcp_init(listener->loop, &owner->socket), "uv_tcp_init");
    owner->socket.data = owner;
    auto* const stream = reinterpret_cast<uv_stream_t*>(&owner->socket);
    check(uv_accept(listener, stream), "uv_accept");
    check(uv_tcp_nodelay(&owner->socket, 1), "uv_tcp_nodelay");
    check(uv_read_start(stream, allocate, received), "uv_read_start");
}

unsigned short listen_on(uv_tcp_t& listener)
{
    sockaddr_in address{};
    check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    check(uv_tcp_bind(&listener, generic, 0), "uv_tcp_bind");
    check(
        uv_listen(reinterpret_cast<uv_stream_t*>(&listener), SOMAXCONN, connected),
        "uv_listen");
    int size = sizeof address;
    check(uv_tcp_getsockname(&listener, generic, &size), "uv_tcp_getsockname");
    return ::ntohs(address.sin_port);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--lifetime", "--connection-limit"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    uv_loop_t* const loop = uv_default_loop();
    uv_tcp_t listener;
    check(uv_tcp_init(loop, &listener), "uv_tcp_init");
    bench::announce_port(listen_on(listener));
    uv_run(loop, UV_RUN_DEFAULT);
}
