// SPDX-License-Identifier: BSL-1.0
// What the operations say of the kernel's worker threads, against the running kernel.
#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/registered_eventfd.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

/// A ring, and an eventfd that tells only of what workers ended.
struct watched_ring
{
    ring one{ring_options{.entries = 8}};
    registered_eventfd from_worker{one, eventfd_mode::from_worker};

    /// Whether a worker ends the operation, whatever its result. It is told right after
    /// the completion was posted, so that only a yes has to be waited for.
    template <class Op>
    bool ends_in_worker(const Op& operation, int patience_ms)
    {
        BOOST_REQUIRE(one.try_push(operation, 1));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (one.peek() == nullptr) {
            const submit_result done = one.submit_and_wait({.deadline = deadline});
            BOOST_REQUIRE(!done.ec);
        }
        one.advance(1);
        ::pollfd watch{from_worker.native_handle(), POLLIN, 0};
        const bool told = ::poll(&watch, 1, patience_ms) == 1;
        from_worker.read();
        return told;
    }
};

/// A file in a folder of its own, both gone afterwards.
struct scratch_file
{
    scratch_file()
    {
        BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
        path = folder + "/file";
        fd = detail::unique_fd{::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
        BOOST_REQUIRE(fd.get() >= 0);
    }
    ~scratch_file()
    {
        ::unlink(path.c_str());
        ::rmdir(folder.c_str());
    }

    std::string folder = "/tmp/asio_uring_workers_XXXXXX";
    std::string path;
    detail::unique_fd fd;
};

/// Checks that an operation takes a worker exactly as it says; `may` is free to do both.
template <class Op>
void check(watched_ring& r, const char* name, const Op& operation)
{
    if (!kernel_features::running().supports(Op::code))
        return;
    const bool always = operation.worker() == op::worker::always;
    BOOST_TEST((operation.worker() != op::worker::may), name);
    BOOST_TEST(r.ends_in_worker(operation, always ? 5000 : 0) == always, name);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_workers)

BOOST_AUTO_TEST_CASE(operation_on_a_file_takes_a_worker_as_it_says)
{
    watched_ring r;
    scratch_file file;
    const int fd = file.fd.get();
    std::array<char, 64> text{};
    std::array<char, 4096> page{};

    check(r, "fsync", op::fsync{.fd = fd});
    check(r, "sync_file_range", op::sync_file_range{.fd = fd});
    check(r, "fallocate", op::fallocate{.fd = fd, .size = 4096});
    check(r, "ftruncate", op::ftruncate{.fd = fd, .size = 4096});
    check(r, "fadvise", op::fadvise{.fd = fd, .size = 1, .advice = POSIX_FADV_WILLNEED});
    check(r, "fadvise", op::fadvise{.fd = fd, .size = 1, .advice = POSIX_FADV_RANDOM});
    check(r, "madvise", op::madvise{page.data(), 0, MADV_NORMAL});
    check(r, "fsetxattr", op::fsetxattr{fd, "user.a", text.data(), 1, 0});
    check(r, "fgetxattr", op::fgetxattr{fd, "user.a", text.data(), 64});
    check(r, "setxattr", op::setxattr{file.path.c_str(), "user.b", text.data(), 1, 0});
    check(r, "getxattr", op::getxattr{file.path.c_str(), "user.b", text.data(), 64});
}

BOOST_AUTO_TEST_CASE(operation_on_a_name_takes_a_worker_as_it_says)
{
    watched_ring r;
    scratch_file file;
    const std::string other = file.folder + "/other";
    const char* here = file.path.c_str();
    const char* there = other.c_str();
    alignas(8) std::array<std::byte, 512> status{};

    check(
        r,
        "statx",
        op::statx{.path = here, .result = reinterpret_cast<struct ::statx*>(&status)});
    check(r, "openat", op::openat{.path = here, .flags = O_CREAT | O_EXCL});
    check(r, "openat", op::openat{.path = there, .flags = O_TRUNC | O_WRONLY});
    check(r, "linkat", op::linkat{.old_path = here, .new_path = there});
    check(r, "unlinkat", op::unlinkat{.path = there});
    check(r, "renameat", op::renameat{.old_path = here, .new_path = there});
    check(r, "unlinkat", op::unlinkat{.path = there});
    check(r, "mkdirat", op::mkdirat{.path = there, .mode = 0700});
    check(r, "unlinkat", op::unlinkat{.path = there, .flags = AT_REMOVEDIR});
    check(r, "symlinkat", op::symlinkat{.target = here, .path = there});
    check(r, "unlinkat", op::unlinkat{.path = there});
}

BOOST_AUTO_TEST_CASE(operation_on_sockets_and_pipes_takes_a_worker_as_it_says)
{
    watched_ring r;
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const detail::unique_fd left{ends[0]};
    const detail::unique_fd right{ends[1]};
    int pipe[2] = {-1, -1};
    BOOST_REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    const detail::unique_fd pipe_out{pipe[0]};
    const detail::unique_fd pipe_in{pipe[1]};
    std::array<char, 8> text{};
    int made[2] = {-1, -1};

    check(r, "send", op::send{.fd = ends[0], .data = "12345678", .size = 8});
    check(r, "recv", op::recv{.fd = ends[1], .data = text.data(), .size = 4});
    check(r, "poll_add", op::poll_add{.fd = ends[1], .events = POLLIN});
    check(r, "tee", op::tee{pipe[0], pipe[1], 1, SPLICE_F_NONBLOCK});
    check(r, "splice", op::splice{.fd_in = ends[1], .fd_out = pipe[1], .size = 4});
    check(r, "shutdown", op::shutdown{.fd = ends[0]});
    check(r, "listen", op::listen{.fd = ends[0]});
    check(r, "socket_queue", op::socket_queue{.fd = ends[0]});
    check(r, "pipe", op::pipe{.descriptors = made, .flags = O_CLOEXEC});
    for (const int descriptor : made)
        if (descriptor >= 0)
            ::close(descriptor);
    check(r, "nop", op::nop{});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
