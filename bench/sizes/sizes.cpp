// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The memory of Asio's objects and of their operations, on the backend whose
// header is included: sizeof of the objects, and what an operation takes from its
// handler's allocator and from the heap. Prints one line of JSON.
#include "support/process.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/local/connect_pair.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <backend.hpp>

namespace {

using boost::system::error_code;

std::size_t heap_allocations = 0;

struct account
{
    std::size_t bytes = 0;
    std::size_t allocations = 0;
};

/// Books what an operation takes.
template <typename T>
class booking_allocator
{
public:
    using value_type = T;

    explicit booking_allocator(account& book) noexcept : book_(&book) {}

    template <typename U>
    booking_allocator(const booking_allocator<U>& other) noexcept : book_(other.book())
    {}

    T* allocate(std::size_t count)
    {
        book_->bytes += count * sizeof(T);
        ++book_->allocations;
        return static_cast<T*>(std::aligned_alloc(
            alignof(std::max_align_t),
            (count * sizeof(T) + alignof(std::max_align_t) - 1) /
                alignof(std::max_align_t) * alignof(std::max_align_t)));
    }

    void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }

    account* book() const noexcept { return book_; }

    friend bool operator==(booking_allocator a, booking_allocator b) noexcept
    {
        return a.book_ == b.book_;
    }

private:
    account* book_;
};

class report
{
public:
    void add(const char* kind, const char* name, std::size_t value)
    {
        std::printf("%s\"%s %s\": %zu", separator_, kind, name, value);
        separator_ = ", ";
    }

    ~report() { std::printf("}\n"); }

private:
    const char* separator_ = "{";
};

/// One operation, started by start(handler) and run to its end.
template <typename Start>
void measure(bench::io_context& context, report& to, const char* name, Start start)
{
    account book;
    bool done = false;
    const std::size_t before = heap_allocations;
    start(boost::asio::bind_allocator(
        booking_allocator<void*>(book),
        [&done](error_code, std::size_t = 0) { done = true; }));
    const std::size_t from_heap = heap_allocations - before;
    context.restart();
    while (!done)
        context.run_one();
    to.add("operation", name, book.bytes);
    to.add("allocations", name, book.allocations + from_heap);
}

void add_objects(report& to)
{
    to.add("object", "tcp socket", sizeof(bench::stream_socket));
    to.add("object", "tcp acceptor", sizeof(bench::acceptor));
    to.add("object", "udp socket", sizeof(bench::datagram_socket));
    to.add("object", "local socket", sizeof(bench::local_socket));
    to.add("object", "readable pipe", sizeof(bench::readable_pipe));
    to.add("object", "stream descriptor", sizeof(bench::stream_descriptor));
    to.add("object", "steady timer", sizeof(bench::steady_timer));
}

void add_stream_operations(bench::io_context& context, report& to)
{
    bench::local_socket first(context.get_executor());
    bench::local_socket second(context.get_executor());
    boost::asio::local::connect_pair(first, second);
    char data[64] = {};
    const boost::asio::const_buffer one = boost::asio::buffer(data, 4);
    const std::array<boost::asio::const_buffer, 2> two{one, one};
    const std::vector<boost::asio::const_buffer> several(4, one);
    // Twice: what the first operation of a kind makes for all that follow is no part of
    // it.
    const auto write = [&](const char* name, const auto& buffers) {
        first.async_write_some(buffers, [](error_code, std::size_t) {});
        context.restart();
        context.run();
        measure(context, to, name, [&](auto handler) {
            first.async_write_some(buffers, std::move(handler));
        });
    };
    write("write of a buffer", one);
    write("write of an array of 2", two);
    write("write of a vector of 4", several);
    measure(context, to, "read of a buffer", [&](auto handler) {
        second.async_read_some(boost::asio::buffer(data), std::move(handler));
    });
    measure(context, to, "wait", [&](auto handler) {
        first.async_wait(bench::local_socket::wait_write, std::move(handler));
    });
}

void add_other_operations(bench::io_context& context, report& to)
{
    using boost::asio::ip::udp;
    char data[64] = {};
    const auto buffer = boost::asio::buffer(data);
    bench::datagram_socket socket(
        context.get_executor(),
        udp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    udp::endpoint peer = socket.local_endpoint();
    measure(context, to, "send_to", [&](auto handler) {
        socket.async_send_to(buffer, peer, std::move(handler));
    });
    measure(context, to, "receive_from", [&](auto handler) {
        socket.async_receive_from(buffer, peer, std::move(handler));
    });
    bench::readable_pipe reader(context.get_executor());
    bench::writable_pipe writer(context.get_executor());
    boost::asio::connect_pipe(reader, writer);
    measure(context, to, "pipe write", [&](auto handler) {
        writer.async_write_some(buffer, std::move(handler));
    });
    measure(context, to, "pipe read", [&](auto handler) {
        reader.async_read_some(buffer, std::move(handler));
    });
    bench::steady_timer timer(context.get_executor(), std::chrono::seconds(0));
    measure(context, to, "timer wait", [&](auto handler) {
        timer.async_wait(std::move(handler));
    });
}

} // namespace

// Not inlined: the compiler would take one of a pair for the library's.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    ++heap_allocations;
    if (void* const memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

int main()
{
    bench::bound_lifetime(60);
    bench::io_context context(1);
    report to;
    add_objects(to);
    add_stream_operations(context, to);
    add_other_operations(context, to);
}
