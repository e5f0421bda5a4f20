// SPDX-License-Identifier: BSL-1.0
// async_submit in a context without a ring: each operation that has a plain system call
// does what it does on a ring, with the same answer.
#include "../support/drive.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"
#include "without_ring.hpp"

#include <asio_uring/asio_uring.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <cstring>
#include <string>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using boost::system::error_code;

/// Starts operations one after the other and writes down how each ends.
class transcript
{
public:
    explicit transcript(asio_uring::io_context& context) : context_(context) {}

    /// The value of the result.
    template <typename Operation>
    int run(const std::string& name, const Operation& operation)
    {
        int result = -1;
        if (!known(Operation::code))
            return result;
        bool inside = true;
        async_submit(context_.get_executor(), operation, [&](error_code ec, int value) {
            result = value;
            log_ += name + ' ' + text(ec) + (inside ? " INLINE\n" : "\n");
        });
        inside = false;
        finish(context_);
        return result;
    }

    /// The same, with the value in the transcript.
    template <typename Operation>
    void count(const std::string& name, const Operation& operation)
    {
        const int value = run(name, operation);
        note("  " + std::to_string(value));
    }

    /// The same for what makes a descriptor.
    template <typename Operation>
    unique_fd make(const std::string& name, const Operation& operation)
    {
        const int made = run(name, operation);
        note(made > 2 ? "  a descriptor" : "  none");
        if (made > 2) {
            const int flags = ::fcntl(made, F_GETFL) & ~O_LARGEFILE;
            note("  flags " + std::to_string(flags));
        }
        return unique_fd(made > 2 ? made : -1);
    }

    void note(const std::string& line) { log_ += line + '\n'; }

    const std::string& text_of() const { return log_; }

private:
    // Where the ring lacks an operation there is nothing to compare with.
    static bool known(abi::opcode code)
    {
        return kernel_features::running().supports(code);
    }

    asio_uring::io_context& context_;
    std::string log_;
};

/// Both contexts go through the same acts, each in a folder of its own.
template <typename Acts>
void compare(Acts acts)
{
    const auto perform = [&](asio_uring::io_context& context) {
        const temporary_directory folder;
        const working_directory here(folder);
        transcript notes(context);
        acts(notes, folder);
        return notes.text_of();
    };
    const auto without = context_without_ring();
    const std::string plain = perform(*without);
    BOOST_TEST(plain.find("INLINE") == std::string::npos);
    BOOST_TEST(plain.find("asio_uring:") == std::string::npos, plain);
    asio_uring::io_context with;
    if (status(with).mode == ring_mode::fallback)
        return;
    BOOST_TEST(plain == perform(with));
}

std::string names_in(const temporary_directory& folder)
{
    std::string names;
    for (const char* name : {"a", "b", "folder", "link", "hard"})
        if (folder.has(name))
            names += std::string(name) + ' ';
    return names;
}

::sockaddr_un address_of(const char* name)
{
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
    return address;
}

const ::sockaddr* generic(const ::sockaddr_un& address)
{
    return reinterpret_cast<const ::sockaddr*>(&address);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_operations)

BOOST_AUTO_TEST_CASE(files_are_opened_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        constexpr int create = O_RDWR | O_CREAT | O_CLOEXEC;
        notes.make("new", op::openat{.path = "a", .flags = create, .mode = 0640});
        notes.make("exclusive", op::openat{.path = "a", .flags = create | O_EXCL});
        notes.make("missing", op::openat{.path = "none", .flags = O_RDONLY});
        notes.make("null", op::openat{.flags = O_RDONLY});
        notes.make("folder", op::openat{.path = ".", .flags = O_RDONLY | O_DIRECTORY});
        notes.make("path", op::openat{.path = "a", .flags = O_PATH});
        notes.make("non-blocking", op::openat{.path = "a", .flags = O_NONBLOCK});
        notes.make("below", op::openat{.directory = folder.fd(), .path = "a"});
        notes.make("of a file", op::openat{.directory = 0, .path = "a"});
        abi::open_how how{.flags = O_RDONLY, .mode = 0, .resolve = 0};
        notes.make("open2", op::openat2{.path = "a", .how = &how});
        how.resolve = 8; // RESOLVE_BENEATH
        notes.make("beneath", op::openat2{.path = "/etc", .how = &how});
        how.flags = ~0ULL;
        notes.make("flags", op::openat2{.path = "a", .how = &how});
        notes.make("null how", op::openat2{.path = "a"});
        struct ::stat info = {};
        ::stat("a", &info);
        notes.note("mode " + std::to_string(info.st_mode));
        notes.run("close", op::close{.fd = ::dup(0)});
        notes.run("close none", op::close{.fd = 100000});
    });
}

// Waiting for the other end would take a worker for as long as there is none.
BOOST_AUTO_TEST_CASE(named_pipe_is_opened_without_waiting)
{
    compare([](transcript& notes, const temporary_directory&) {
        ::mkfifo("pipe", 0600);
        notes.make("no reader", op::openat{.path = "pipe", .flags = O_WRONLY});
        const auto reader =
            notes.make("reader", op::openat{.path = "pipe", .flags = O_RDONLY});
        notes.make("writer", op::openat{.path = "pipe", .flags = O_WRONLY});
    });
}

BOOST_AUTO_TEST_CASE(file_is_read_and_written_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        const auto file = folder.open("a");
        const int fd = file.get();
        char data[16] = {};
        notes.count("write", op::write{.fd = fd, .data = "0123456789", .size = 10});
        notes.count("at", op::write{.fd = fd, .data = "ab", .size = 2, .offset = 4});
        notes.count("behind", op::write{.fd = fd, .data = "xy", .size = 2});
        ::iovec parts[] = {{data, 3}, {data + 3, 4}};
        notes.count(
            "readv", op::readv{.fd = fd, .buffers = parts, .count = 2, .offset = 1});
        notes.note(data);
        notes.count("at the end", op::read{.fd = fd, .data = data, .size = 16});
        notes.count("read", op::read{.fd = fd, .data = data, .size = 4, .offset = 8});
        notes.note(data);
        notes.count(
            "writev", op::writev{.fd = fd, .buffers = parts, .count = 2, .offset = 20});
        notes.note(folder.read("a"));
        notes.count("nothing", op::read{.fd = fd, .data = data, .size = 0});
        notes.count("no memory", op::read{.fd = fd, .size = 4, .offset = 0});
        notes.count("no file", op::read{.fd = 100000, .data = data, .size = 4});
        notes.count(
            "folder", op::read{.fd = folder.fd(), .data = data, .size = 4, .offset = 0});
        notes.count(
            "offset", op::read{.fd = fd, .data = data, .size = 4, .offset = 1ULL << 63});
        notes.count(
            "flags", op::read{.fd = fd, .data = data, .size = 4, .flags = 1U << 30});
        const unique_fd zero(::open("/dev/zero", O_RDWR | O_CLOEXEC));
        notes.count("zero", op::read{.fd = zero.get(), .data = data, .size = 16});
        notes.count("sink", op::write{.fd = zero.get(), .data = data, .size = 16});
    });
}

BOOST_AUTO_TEST_CASE(file_is_synced_and_sized_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        const auto file = folder.open("a");
        const int fd = file.get();
        const unique_fd pipe_like(::eventfd(0, EFD_CLOEXEC));
        notes.count("fsync", op::fsync{.fd = fd});
        notes.count("data", op::fsync{.fd = fd, .flags = abi::fsync_datasync});
        notes.count("range", op::fsync{.fd = fd, .offset = 4096, .size = 4096});
        notes.count("flags", op::fsync{.fd = fd, .flags = 8});
        notes.count("event", op::fsync{.fd = pipe_like.get()});
        notes.count("allocate", op::fallocate{.fd = fd, .offset = 0, .size = 8192});
        notes.count("none", op::fallocate{.fd = fd, .offset = 0, .size = 0});
        notes.count(
            "sync range",
            op::sync_file_range{.fd = fd, .size = 8192, .flags = SYNC_FILE_RANGE_WRITE});
        notes.count("truncate", op::ftruncate{.fd = fd, .size = 100});
        notes.count("truncate event", op::ftruncate{.fd = pipe_like.get(), .size = 1});
        notes.count("advise", op::fadvise{.fd = fd, .size = 100, .advice = 3});
        notes.count("advise far", op::fadvise{.fd = fd, .size = 1ULL << 33, .advice = 3});
        notes.count("advise wrongly", op::fadvise{.fd = fd, .size = 100, .advice = 77});
        void* const page = ::mmap(
            nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        notes.count(
            "memory",
            op::madvise{.address = page, .size = 4096, .advice = MADV_DONTNEED});
        notes.count(
            "memory wrongly", op::madvise{.address = page, .size = 4096, .advice = 777});
        ::munmap(page, 4096);
        struct ::statx info = {};
        notes.count("stat", op::statx{.path = "a", .mask = STATX_SIZE, .result = &info});
        notes.note("size " + std::to_string(info.stx_size));
        notes.count(
            "stat descriptor",
            op::statx{
                .directory = fd,
                .path = "",
                .flags = AT_EMPTY_PATH,
                .mask = STATX_SIZE,
                .result = &info});
        notes.count("stat none", op::statx{.path = "b", .result = &info});
    });
}

BOOST_AUTO_TEST_CASE(names_change_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        folder.write("a", "text");
        notes.count("mkdir", op::mkdirat{.path = "folder", .mode = 0700});
        notes.count("again", op::mkdirat{.path = "folder", .mode = 0700});
        notes.count("symlink", op::symlinkat{.target = "a", .path = "link"});
        notes.count("link", op::linkat{.old_path = "a", .new_path = "hard"});
        notes.note(names_in(folder));
        notes.count(
            "keep",
            op::renameat{.old_path = "a", .new_path = "hard", .flags = RENAME_NOREPLACE});
        notes.count("rename", op::renameat{.old_path = "a", .new_path = "b"});
        notes.count("missing", op::renameat{.old_path = "a", .new_path = "b"});
        notes.note(names_in(folder));
        notes.count("unlink folder", op::unlinkat{.path = "folder"});
        notes.count("rmdir", op::unlinkat{.path = "folder", .flags = AT_REMOVEDIR});
        notes.count("unlink", op::unlinkat{.path = "b"});
        notes.count("unlink none", op::unlinkat{.path = "b"});
        notes.note(names_in(folder));
    });
}

BOOST_AUTO_TEST_CASE(attributes_are_set_and_got_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        const auto file = folder.open("a");
        const char* const name = "user.asio_uring";
        char value[8] = {};
        notes.count(
            "set", op::setxattr{.path = "a", .name = name, .value = "one", .size = 3});
        notes.count(
            "create",
            op::fsetxattr{
                .fd = file.get(),
                .name = name,
                .value = "four",
                .size = 4,
                .flags = XATTR_CREATE});
        notes.count(
            "get", op::getxattr{.path = "a", .name = name, .value = value, .size = 8});
        notes.note(value);
        notes.count(
            "small",
            op::fgetxattr{.fd = file.get(), .name = name, .value = value, .size = 1});
        notes.count(
            "none",
            op::fgetxattr{
                .fd = file.get(), .name = "user.none", .value = value, .size = 8});
    });
}

BOOST_AUTO_TEST_CASE(sockets_are_made_and_used_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory&) {
        constexpr int stream = SOCK_STREAM | SOCK_CLOEXEC;
        const ::sockaddr_un address = address_of("socket");
        const auto listener =
            notes.make("socket", op::socket{.domain = AF_UNIX, .type = stream});
        notes.make("no domain", op::socket{.domain = 999, .type = stream});
        const int fd = listener.get();
        const op::bind bind{
            .fd = fd, .address = generic(address), .address_size = sizeof(address)};
        notes.count("bind", bind);
        notes.count("bind again", bind);
        notes.count("listen", op::listen{.fd = fd, .backlog = 4});
        const auto client =
            notes.make("client", op::socket{.domain = AF_UNIX, .type = stream});
        const op::connect connect{
            .fd = client.get(),
            .address = generic(address),
            .address_size = sizeof(address)};
        notes.count("connect", connect);
        notes.count("connect again", connect);
        const auto server = notes.make("accept", op::accept{.fd = fd});
        notes.make("nobody", op::accept{.fd = fd, .ioprio = abi::accept_dontwait});
        notes.count("send", op::send{.fd = client.get(), .data = "hello", .size = 5});
        char data[8] = {};
        notes.count(
            "peek",
            op::recv{.fd = server.get(), .data = data, .size = 8, .flags = MSG_PEEK});
        notes.count("read", op::read{.fd = server.get(), .data = data, .size = 8});
        notes.note(data);
        notes.count(
            "not now",
            op::recv{.fd = server.get(), .data = data, .size = 8, .flags = MSG_DONTWAIT});
        int type = 0;
        notes.count(
            "option",
            op::getsockopt{
                .fd = fd, .name = SO_TYPE, .value = &type, .size = sizeof(type)});
        notes.note(type == SOCK_STREAM ? "stream" : "not stream");
        notes.count(
            "set option",
            op::setsockopt{
                .fd = fd, .name = SO_RCVBUF, .value = &type, .size = sizeof(type)});
        notes.count("shutdown", op::shutdown{.fd = server.get(), .how = SHUT_RDWR});
        notes.count("end", op::recv{.fd = client.get(), .data = data, .size = 8});
        notes.count("broken", op::send{.fd = client.get(), .data = data, .size = 8});
        notes.count("not a socket", op::shutdown{.fd = 0, .how = SHUT_RDWR});
    });
}

BOOST_AUTO_TEST_CASE(messages_and_tcp_go_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory&) {
        const auto [near, far] = socket_pair(SOCK_DGRAM);
        char data[8] = {'d', 'a', 't', 'a'};
        ::iovec part{data, 4};
        ::msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        notes.count("sendmsg", op::sendmsg{.fd = near.get(), .message = &message});
        part.iov_len = 8;
        notes.count("recvmsg", op::recvmsg{.fd = far.get(), .message = &message});
        notes.count("empty", op::send{.fd = near.get()});
        notes.count("receive it", op::recv{.fd = far.get(), .data = data, .size = 8});

        const bound_socket listener = make_bound(SOCK_STREAM);
        const loopback_address& to = listener.address;
        const unique_fd refused = make_socket(SOCK_STREAM);
        notes.count(
            "refused",
            op::connect{
                .fd = refused.get(), .address = to.get(), .address_size = to.size});
        BOOST_TEST_REQUIRE(::listen(listener.get(), 4) == 0);
        const unique_fd client = make_socket(SOCK_STREAM);
        notes.count(
            "connect",
            op::connect{
                .fd = client.get(), .address = to.get(), .address_size = to.size});
        const auto server = notes.make("accept", op::accept{.fd = listener.get()});
        notes.count(
            "write", op::write{.fd = server.get(), .data = "12345678", .size = 8});
        notes.count("queue", op::socket_queue{.fd = client.get()});
        notes.count("read", op::read{.fd = client.get(), .data = data, .size = 8});
        notes.note(std::string(data, 8));
    });
}

BOOST_AUTO_TEST_CASE(pipes_move_bytes_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory& folder) {
        int from[2] = {-1, -1};
        int to[2] = {-1, -1};
        notes.count("pipe", op::pipe{.descriptors = from, .flags = O_CLOEXEC});
        notes.count("flags", op::pipe{.descriptors = to, .flags = O_APPEND});
        if (from[0] < 0)
            return;
        const unique_fd ends[] = {unique_fd(from[0]), unique_fd(from[1])};
        const pipe_pair second = make_pipe();
        char data[8] = {};
        notes.count(
            "nothing yet",
            op::read{.fd = from[0], .data = data, .size = 2, .flags = RWF_NOWAIT});
        notes.count("write", op::write{.fd = from[1], .data = "abcd", .size = 4});
        notes.count(
            "offset", op::write{.fd = from[1], .data = "efgh", .size = 4, .offset = 3});
        notes.count(
            "tee", op::tee{.fd_in = from[0], .fd_out = second.in.get(), .size = 3});
        notes.count(
            "splice", op::splice{.fd_in = from[0], .fd_out = second.in.get(), .size = 2});
        notes.count("read", op::read{.fd = second.out.get(), .data = data, .size = 8});
        notes.note(data);
        notes.count(
            "not now",
            op::splice{
                .fd_in = second.out.get(),
                .fd_out = from[1],
                .size = 2,
                .flags = SPLICE_F_NONBLOCK});
        const auto file = folder.open("a");
        notes.count(
            "two files",
            op::splice{
                .fd_in = file.get(), .offset_in = 0, .fd_out = file.get(), .size = 2});
    });
}

BOOST_AUTO_TEST_CASE(events_are_asked_for_as_on_a_ring)
{
    compare([](transcript& notes, const temporary_directory&) {
        const unique_fd set(::epoll_create1(EPOLL_CLOEXEC));
        const unique_fd event(::eventfd(7, EFD_CLOEXEC));
        ::epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.u64 = 5;
        const op::epoll_ctl add{
            .epoll_fd = set.get(),
            .operation = EPOLL_CTL_ADD,
            .fd = event.get(),
            .event = &wanted};
        notes.count("add", add);
        notes.count("add again", add);
        ::epoll_event got{};
        notes.count("wait", op::epoll_wait{.fd = set.get(), .events = &got, .count = 1});
        std::uint64_t value = 0;
        notes.count("read", op::read{.fd = event.get(), .data = &value, .size = 8});
        notes.note(std::to_string(value));
        value = 9;
        notes.count("write", op::write{.fd = event.get(), .data = &value, .size = 8});
        notes.count("short", op::read{.fd = event.get(), .data = &value, .size = 3});
        notes.count("nop", op::nop{});
        notes.count("value", op::nop{.flags = abi::nop_inject_result, .result = 42});
        notes.count("error", op::nop{.flags = abi::nop_inject_result, .result = -EXDEV});
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
