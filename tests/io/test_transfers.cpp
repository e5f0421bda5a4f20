// SPDX-License-Identifier: BSL-1.0
// What programs rely on when they start a transfer and do not wait for it: it is tried at
// once, costs no thread of the kernel, and asks its handler's allocator for one object.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio::ip::tcp;
using boost::system::error_code;
using socket_base = asio::socket_base;

template <typename Backend>
using stream_descriptor =
    asio::posix::basic_stream_descriptor<typename Backend::executor>;

/// Memory for one operation, as programs have it that know the size of each at compile
/// time. It counts what it is asked for beyond that.
struct one_object_memory
{
    std::size_t objects = 0;
    std::size_t other_requests = 0;
};

template <typename T>
class one_object_allocator
{
public:
    using value_type = T;

    explicit one_object_allocator(one_object_memory& memory) noexcept : memory_(&memory)
    {}
    template <typename U>
    explicit one_object_allocator(const one_object_allocator<U>& other) noexcept
        : memory_(other.memory_)
    {}

    T* allocate(std::size_t count)
    {
        // An operation has at least a pointer to its function and a link.
        const bool one = count == 1 && sizeof(T) > 2 * sizeof(void*);
        ++(one ? memory_->objects : memory_->other_requests);
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* memory, std::size_t count) noexcept
    {
        std::allocator<T>().deallocate(memory, count);
    }
    template <typename U>
    bool operator==(const one_object_allocator<U>& other) const noexcept
    {
        return memory_ == other.memory_;
    }

private:
    template <typename U>
    friend class one_object_allocator;

    one_object_memory* memory_;
};

struct counted_handler
{
    using allocator_type = one_object_allocator<void*>;

    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }
    template <typename... Results>
    void operator()(error_code, const Results&...) const
    {}

    one_object_memory* memory;
};

std::size_t threads_of_this_process()
{
    const std::unique_ptr<::DIR, int (*)(::DIR*)> tasks(
        ::opendir("/proc/self/task"), &::closedir);
    std::size_t count = 0;
    while (const ::dirent* entry = ::readdir(tasks.get()))
        count += entry->d_name[0] != '.' ? 1 : 0;
    return count;
}

/// The two ends of a new pseudo-terminal.
struct terminal
{
    terminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK))
    {
        BOOST_TEST_REQUIRE(master.fd() >= 0);
        BOOST_TEST_REQUIRE(::grantpt(master.fd()) == 0);
        BOOST_TEST_REQUIRE(::unlockpt(master.fd()) == 0);
        char name[64];
        BOOST_TEST_REQUIRE(::ptsname_r(master.fd(), name, sizeof(name)) == 0);
        slave = peer(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
        BOOST_TEST_REQUIRE(slave.fd() >= 0);
    }

    peer master;
    peer slave;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_transfers)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    operation_asks_its_allocator_for_one_object, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    one_object_memory memory;
    const counted_handler handler{&memory};
    std::array<char, 8> bytes[6] = {};
    std::vector<asio::mutable_buffer> many;
    for (auto& part : bytes)
        many.push_back(asio::buffer(part));

    link.socket.async_read_some(asio::buffer(bytes[0]), handler);
    link.socket.async_read_some(many, handler);
    link.socket.async_write_some(asio::buffer(bytes[0]), handler);
    link.socket.async_write_some(many, handler);
    link.socket.async_wait(socket_base::wait_write, handler);
    link.remote.send("0123456789");
    finish(context);
    BOOST_TEST(memory.objects == 5u);
    BOOST_TEST(memory.other_requests == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_is_with_the_kernel_when_it_returns, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_write_some(asio::buffer("hello", 5), log.io("write"));
    BOOST_TEST(link.remote.receive(5) == "hello");
    BOOST_TEST(log.count() == 0u);
    finish(context);
    BOOST_TEST(log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    operation_aborted_by_close_ends_before_what_is_posted_next, Backend, backends)
{
    for (const stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        char data[4];

        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        reach(context, when);
        link.socket.close();
        recorder& lines = log;
        asio::post(context, [&lines] { lines.note("posted"); });
        finish(context);
        BOOST_TEST(log.take() == "read operation_aborted 0; posted");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(terminal_gets_what_is_written_at_once, Backend, backends)
{
    auto [context, near, log] = fixture<Backend, stream_descriptor>();
    terminal screen;

    near.assign(screen.slave.release());
    near.async_write_some(asio::buffer("hello", 5), log.io("write"));
    near.close();
    char data[8];
    BOOST_TEST(::read(screen.master.fd(), data, sizeof(data)) == 5);
    finish(context);
    BOOST_TEST(log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    writers_without_room_cost_no_thread_of_the_kernel, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    const std::string much(1 << 20, 'x');
    std::vector<std::unique_ptr<stream_descriptor<Backend>>> writers;
    std::vector<peer> readers;
    const auto add = [&](int writer, int reader) {
        writers.push_back(std::make_unique<stream_descriptor<Backend>>(context));
        writers.back()->assign(writer);
        readers.emplace_back(reader);
        asio::async_write(*writers.back(), asio::buffer(much), log.io("write"));
    };
    turn(context);
    const std::size_t before = threads_of_this_process();
    for (int i = 0; i != 20; ++i) {
        int pipe[2];
        BOOST_TEST_REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
        add(pipe[1], pipe[0]);
        int pair[2];
        BOOST_TEST_REQUIRE(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        ::shutdown(pair[1], SHUT_WR);
        add(pair[0], pair[1]);
    }
    for (int i = 0; i != 10; ++i)
        turn(context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(threads_of_this_process() == before);
    for (auto& writer : writers)
        writer->close();
    finish(context);
    BOOST_TEST(log.count() == writers.size());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    urgent_data_asked_for_first_comes_through_a_read, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char urgent[2];
    char data[16];

    link.socket.async_receive(
        asio::buffer(urgent), socket_base::message_out_of_band, log.io("urgent"));
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.remote.send("U", MSG_OOB);
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "urgent ok 1");
    BOOST_TEST(urgent[0] == 'U');
    link.remote.send("normal");
    finish(context);
    BOOST_TEST(log.take() == "read ok 6");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sender_with_the_longest_path_is_told_of, Backend, backends)
{
    using protocol = asio::local::datagram_protocol;
    using socket_type = asio::basic_datagram_socket<protocol, typename Backend::executor>;
    typename Backend::io_context context;
    recorder log;
    socket_type socket(context, protocol::endpoint());
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "/tmp/" + std::to_string(::getpid()) + std::string(108, 'x');
    name.copy(address.sun_path, sizeof(address.sun_path));
    peer far(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    BOOST_TEST_REQUIRE(
        ::bind(far.fd(), reinterpret_cast<::sockaddr*>(&address), sizeof(address)) == 0);
    auto to = socket.local_endpoint();
    BOOST_TEST_REQUIRE(
        ::sendto(far.fd(), "hi", 2, 0, to.data(), static_cast<::socklen_t>(to.size())) ==
        2);
    ::unlink(std::string(address.sun_path, sizeof(address.sun_path)).c_str());

    // Asio's own service throws.
    if (!Backend::on_ring || !has_ring(context))
        return;
    char data[8];
    protocol::endpoint sender;
    auto alive = std::make_shared<int>();
    socket.async_receive_from(
        asio::buffer(data),
        sender,
        [alive, done = log.io("receive")](auto... results) mutable { done(results...); });
    finish(context);
    BOOST_TEST(log.take() == "receive ok 2");
    BOOST_TEST(sender.size() == sizeof(address));
    BOOST_TEST(alive.use_count() == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(port_of_a_killed_server_is_free, Backend, backends)
{
    for (int round = 0; round != 5; ++round) {
        int ready_end[2];
        BOOST_TEST_REQUIRE(::pipe2(ready_end, O_CLOEXEC) == 0);
        const tcp::endpoint endpoint = listener().endpoint();
        const ::pid_t child = ::fork();
        if (child == 0) {
            typename Backend::io_context context;
            typename Backend::acceptor acceptor(context, endpoint);
            acceptor.async_accept([](error_code, auto) {});
            asio::post(context, [&] {
                const char ready = '!';
                if (::write(ready_end[1], &ready, 1) != 1)
                    ::_exit(1);
            });
            context.run_for(std::chrono::seconds(10));
            ::_exit(1);
        }
        peer told(ready_end[0]);
        peer teller(ready_end[1]);
        BOOST_TEST_REQUIRE(child > 0);
        BOOST_TEST_REQUIRE(ready(told.fd(), POLLIN));
        ::kill(child, SIGKILL);
        BOOST_TEST_REQUIRE(::waitpid(child, nullptr, 0) == child);
        asio::io_context context;
        asio::basic_socket_acceptor<tcp, asio::io_context::executor_type> next(context);
        next.open(tcp::v4());
        next.set_option(socket_base::reuse_address(true));
        error_code ec;
        next.bind(endpoint, ec);
        if (!ec)
            next.listen(socket_base::max_listen_connections, ec);
        BOOST_TEST(!ec, "round " << round << ": " << ec.message());
    }
}

BOOST_AUTO_TEST_SUITE_END()
