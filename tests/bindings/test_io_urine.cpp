// SPDX-License-Identifier: BSL-1.0
// The promises of io_urine, first part: the ring and its queues, files, time, sockets.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <link.h>
#include <poll.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// The ring maps of this process.
int count_ring_maps()
{
    std::ifstream maps{"/proc/self/maps"};
    int count = 0;
    for (std::string line; std::getline(maps, line);)
        count += line.find("anon_inode:[io_uring]") != std::string::npos ? 1 : 0;
    return count;
}

/// The memory of rings closed a moment ago comes back to the lock limit late.
ring create_patiently(const ring_options& options)
{
    boost::system::error_code ec;
    const auto deadline = end_of_patience();
    for (;;) {
        ring made = ring::create(options, ec);
        if (!ec || ec.value() != ENOMEM || steady_clock::now() > deadline) {
            BOOST_REQUIRE_MESSAGE(!ec, explain_setup_error(ec, options));
            return made;
        }
    }
}

int note_library(::dl_phdr_info* info, std::size_t, void* names)
{
    static_cast<std::vector<std::string>*>(names)->push_back(info->dlpi_name);
    return 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_io_urine)

// What the library itself needs is checked on the built archive, outside this program.
BOOST_AUTO_TEST_CASE(u01_ring_works_in_a_program_that_loads_no_liburing)
{
    std::vector<std::string> libraries;
    ::dl_iterate_phdr(note_library, &libraries);
    BOOST_TEST(libraries.size() > 2);
    for (const std::string& name : libraries)
        BOOST_TEST(name.find("liburing") == std::string::npos, name);
    ring r{{.entries = 1}};
    BOOST_TEST(result_of(r, op::nop{}) == 0);
}

BOOST_AUTO_TEST_CASE(u02_ring_of_every_size_is_mapped_and_unmapped)
{
    const int maps_before = count_ring_maps();
    for (unsigned entries = 1; entries <= abi::sq_entries_max; entries *= 2) {
        for (unsigned asked : {entries, entries == 1 ? 1 : entries - entries / 4}) {
            ring r = create_patiently({.entries = asked});
            BOOST_TEST(r.sq_entries() == entries);
            BOOST_TEST(r.cq_entries() == 2 * entries);
            // One map for both queues, one for the entries.
            BOOST_TEST(count_ring_maps() == maps_before + 2);
            BOOST_TEST(result_of(r, op::nop{}) == 0);
        }
        BOOST_TEST(count_ring_maps() == maps_before);
    }
}

BOOST_AUTO_TEST_CASE(u03_get_sqe_submit_and_enter_and_full_queue_is_reported)
{
    ring r{{.entries = 2}};
    abi::sqe* first = r.try_claim();
    abi::sqe* second = r.try_claim();
    BOOST_REQUIRE(first != nullptr);
    BOOST_REQUIRE(second != nullptr);
    BOOST_TEST(r.try_claim() == nullptr);
    BOOST_TEST(!r.try_push(op::nop{}, 3));
    op::nop{}.prepare(*first);
    first->user_data = 1;
    op::nop{}.prepare(*second);
    second->user_data = 2;
    BOOST_TEST(r.submit().submitted == 2);
    BOOST_TEST(r.ready() == 2);
    r.advance(2);
    // The same with the wait in the call, and with the bare kernel entry.
    push(r, op::nop{}, 3);
    BOOST_TEST(r.submit_and_wait(1).submitted == 1);
    BOOST_TEST(r.peek()->user_data == 3);
    r.advance(1);
    push(r, op::nop{}, 4);
    BOOST_TEST(r.publish() == 1);
    BOOST_TEST(r.enter(1, 1, abi::enter_getevents) == 1);
    BOOST_TEST(r.peek()->user_data == 4);
}

BOOST_AUTO_TEST_CASE(u04_peek_copy_and_seen_over_the_wrap)
{
    ring r{{.entries = 4, .cq_entries = 4}};
    std::uint64_t next = 1;
    std::uint64_t expected = 1;
    BOOST_TEST(r.peek() == nullptr);
    for (int round = 0; round != 7; ++round) {
        for (int count = 0; count != 3; ++count)
            push(r, op::nop{}, next++);
        BOOST_TEST(r.submit().submitted == 3);
        // One by one: looking twice shows the same, seen moves on.
        BOOST_REQUIRE(r.peek() != nullptr);
        BOOST_TEST(r.peek()->user_data == expected);
        BOOST_TEST(r.peek()->user_data == expected);
        r.advance(1);
        ++expected;
        // The rest as a copy.
        std::vector<abi::cqe> copies;
        BOOST_TEST(r.for_each_completion([&copies](const abi::cqe& entry) {
            copies.push_back(entry);
        }) == 2);
        for (const abi::cqe& entry : copies)
            BOOST_TEST(entry.user_data == expected++);
        BOOST_TEST(r.ready() == 0);
        BOOST_TEST(r.peek() == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(u05_nop_read_write_vectors_fixed_fsync_close)
{
    const temporary_directory folder;
    unique_fd file = folder.open("f");
    ring r{{.entries = 4}};
    std::array<char, 16> memory{};
    const ::iovec registered{memory.data(), memory.size()};
    BOOST_REQUIRE(!r.register_buffers({&registered, 1}));
    const int fd = file.get();

    BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(
        result_of(r, op::write{.fd = fd, .data = "abcd", .size = 4, .offset = 0}) == 4);
    char ef[] = "ef";
    char gh[] = "gh";
    const ::iovec out[]{{ef, 2}, {gh, 2}};
    BOOST_TEST(
        result_of(r, op::writev{.fd = fd, .buffers = out, .count = 2, .offset = 4}) == 4);
    std::memcpy(memory.data(), "ijkl", 4);
    BOOST_TEST(
        result_of(
            r,
            op::write_fixed{.fd = fd, .data = memory.data(), .size = 4, .offset = 8}) ==
        4);
    BOOST_TEST(result_of(r, op::fsync{.fd = fd}) == 0);
    BOOST_TEST(result_of(r, op::fsync{.fd = fd, .flags = abi::fsync_datasync}) == 0);
    const pipe_pair pipe = make_pipe();
    BOOST_TEST(result_of(r, op::fsync{.fd = pipe.in.get()}) == -EINVAL);
    BOOST_TEST(folder.read("f") == "abcdefghijkl");

    char text[8]{};
    BOOST_TEST(
        result_of(r, op::read{.fd = fd, .data = text, .size = 4, .offset = 6}) == 4);
    BOOST_TEST(std::string_view(text) == "ghij");
    const ::iovec in[]{{text, 1}, {text + 1, 3}};
    BOOST_TEST(
        result_of(r, op::readv{.fd = fd, .buffers = in, .count = 2, .offset = 0}) == 4);
    BOOST_TEST(std::string_view(text) == "abcd");
    BOOST_TEST(
        result_of(
            r,
            op::read_fixed{
                .fd = fd, .data = memory.data() + 8, .size = 8, .offset = 4}) == 8);
    BOOST_TEST(std::string_view(memory.data() + 8, 8) == "efghijkl");

    BOOST_TEST(result_of(r, op::close{.fd = file.release()}) == 0);
    BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(u06_openat_close_direct_statx)
{
    const temporary_directory folder;
    folder.write("f", "12345");
    ring r{{.entries = 4}};
    const int empty[] = {-1, -1};
    BOOST_REQUIRE(!r.register_files(empty));
    const op::openat open{.directory = folder.fd(), .path = "f", .flags = O_RDONLY};
    const unique_fd plain{result_of(r, open)};
    BOOST_TEST(plain.get() > 2);
    op::openat into_slot = open;
    into_slot.slot = 1;
    BOOST_TEST(result_of(r, into_slot) == 0);

    char text[5]{};
    const op::read read{.fd = 1, .data = text, .size = 5, .offset = 0};
    BOOST_TEST(result_of(r, read, abi::sqe_fixed_file) == 5);
    BOOST_TEST(std::string_view(text, 5) == "12345");
    BOOST_TEST(result_of(r, op::close{.slot = 1}) == 0);
    BOOST_TEST(result_of(r, read, abi::sqe_fixed_file) == -EBADF);
    BOOST_TEST(result_of(r, op::close{.slot = 1}) == -EBADF);

    struct ::statx status
    {};
    const op::statx ask{
        .directory = folder.fd(),
        .path = "f",
        .mask = STATX_SIZE | STATX_TYPE,
        .result = &status};
    BOOST_TEST(result_of(r, ask) == 0);
    BOOST_TEST(status.stx_size == 5);
    BOOST_TEST(S_ISREG(status.stx_mode));
}

BOOST_AUTO_TEST_CASE(u07_fallocate_fadvise_madvise_do_what_they_say)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 2}};
    BOOST_TEST(result_of(r, op::fallocate{.fd = file.get(), .size = 8192}) == 0);
    BOOST_TEST(folder.read("f") == std::string(8192, '\0'));

    op::fadvise advise{.fd = file.get(), .size = 4096, .advice = POSIX_FADV_SEQUENTIAL};
    BOOST_TEST(result_of(r, advise) == 0);
    advise.advice = 99;
    BOOST_TEST(result_of(r, advise) == -EINVAL);
    const pipe_pair pipe = make_pipe();
    BOOST_TEST(result_of(r, op::fadvise{.fd = pipe.out.get()}) == -ESPIPE);

    // Anonymous pages that are not needed any more read as zero.
    constexpr std::size_t page = 4096;
    void* memory =
        ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(memory != MAP_FAILED);
    std::memset(memory, 'x', page);
    const op::madvise forget{.address = memory, .size = page, .advice = MADV_DONTNEED};
    BOOST_TEST(result_of(r, forget) == 0);
    BOOST_TEST(static_cast<const char*>(memory)[17] == '\0');
    ::munmap(memory, page);
}

BOOST_AUTO_TEST_CASE(u08_unlink_rename_mkdir_with_and_without_a_folder)
{
    const temporary_directory folder;
    folder.write("a", "text");
    ring r{{.entries = 2}};
    BOOST_TEST(
        result_of(
            r, op::mkdirat{.directory = folder.fd(), .path = "sub", .mode = 0700}) == 0);
    const unique_fd sub = folder.open("sub", O_RDONLY | O_DIRECTORY);
    op::renameat move{
        .old_directory = folder.fd(),
        .old_path = "a",
        .new_directory = sub.get(),
        .new_path = "b"};
    BOOST_TEST(result_of(r, move) == 0);
    BOOST_TEST(!folder.has("a"));
    BOOST_TEST(folder.read("sub/b") == "text");
    BOOST_TEST(result_of(r, op::unlinkat{.directory = sub.get(), .path = "b"}) == 0);
    BOOST_TEST(!folder.has("sub/b"));

    // The same with names of the folder the process stands in.
    const working_directory here{folder};
    BOOST_TEST(result_of(r, op::mkdirat{.path = "second", .mode = 0700}) == 0);
    BOOST_TEST(
        result_of(r, op::renameat{.old_path = "second", .new_path = "third"}) == 0);
    BOOST_TEST(folder.has("third"));
    const op::unlinkat as_file{.path = "third"};
    BOOST_TEST(result_of(r, as_file) == -EISDIR);
    BOOST_TEST(result_of(r, op::unlinkat{.path = "third", .flags = AT_REMOVEDIR}) == 0);
    BOOST_TEST(!folder.has("third"));
}

BOOST_AUTO_TEST_CASE(u09_symlink_and_link_with_and_without_a_folder)
{
    const temporary_directory folder;
    folder.write("file", "text");
    ring r{{.entries = 2}};
    BOOST_TEST(
        result_of(
            r, op::symlinkat{.target = "file", .directory = folder.fd(), .path = "s1"}) ==
        0);
    const op::linkat follow{
        .old_directory = folder.fd(),
        .old_path = "s1",
        .new_directory = folder.fd(),
        .new_path = "h1",
        .flags = AT_SYMLINK_FOLLOW};
    BOOST_TEST(result_of(r, follow) == 0);
    BOOST_TEST(std::filesystem::read_symlink(folder.path("s1")) == "file");
    BOOST_TEST(!std::filesystem::is_symlink(folder.path("h1")));
    BOOST_TEST(folder.read("h1") == "text");

    const working_directory here{folder};
    BOOST_TEST(result_of(r, op::symlinkat{.target = "h1", .path = "s2"}) == 0);
    BOOST_TEST(result_of(r, op::linkat{.old_path = "s2", .new_path = "h2"}) == 0);
    BOOST_TEST(folder.read("s2") == "text");
    // Without the flag the link itself gets the second name.
    BOOST_TEST(std::filesystem::is_symlink(folder.path("h2")));
}

BOOST_AUTO_TEST_CASE(u10_poll_add_reports_events_and_poll_remove_ends_it)
{
    ring r{{.entries = 4}};
    const pipe_pair pipe = make_pipe();
    BOOST_TEST(
        result_of(r, op::poll_add{.fd = pipe.in.get(), .events = POLLOUT}) == POLLOUT);
    push(r, op::poll_add{.fd = pipe.out.get(), .events = POLLIN}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(is_quiet(r));
    BOOST_TEST(::write(pipe.in.get(), "x", 1) == 1);
    BOOST_TEST(reap(r, 1).res_of(1) == POLLIN);

    const pipe_pair silent = make_pipe();
    push(r, op::poll_add{.fd = silent.out.get(), .events = POLLIN}, 2);
    push(r, op::poll_remove{.user_data = 2}, 3);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(2) == -ECANCELED);
    BOOST_TEST(done.res_of(3) == 0);
    BOOST_TEST(result_of(r, op::poll_remove{.user_data = 2}) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(u11_timeouts_relative_absolute_counted_and_removed)
{
    ring r{{.entries = 4}};
    const auto begin = steady_clock::now();
    const abi::kernel_timespec relative = to_timespec(milliseconds{5});
    BOOST_TEST(result_of(r, op::timeout{.expiry = &relative}) == -ETIME);
    BOOST_TEST((steady_clock::now() >= begin + milliseconds{5}));

    const auto when = steady_clock::now() + milliseconds{5};
    const abi::kernel_timespec absolute = to_timespec(when);
    BOOST_TEST(
        result_of(r, op::timeout{.expiry = &absolute, .flags = abi::timeout_abs}) ==
        -ETIME);
    BOOST_TEST((steady_clock::now() >= when));
    BOOST_TEST((steady_clock::now() < when + seconds{5}));

    // Two completions end it, not one.
    const abi::kernel_timespec long_time = to_timespec(seconds{100});
    push(r, op::timeout{.expiry = &long_time, .count = 2}, 1);
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(is_quiet(r));
    push(r, op::nop{}, 2);
    BOOST_TEST(reap(r, 2).res_of(1) == 0);

    push(r, op::timeout{.expiry = &long_time}, 3);
    push(r, op::timeout_remove{.user_data = 3}, 4);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(3) == -ECANCELED);
    BOOST_TEST(done.res_of(4) == 0);
    BOOST_TEST(result_of(r, op::timeout_remove{.user_data = 3}) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(u12_link_timeout_bounds_the_operation_before_it)
{
    ring r{{.entries = 4}};
    const pipe_pair pipe = make_pipe();
    char byte = 0;
    const op::read read{.fd = pipe.out.get(), .data = &byte, .size = 1};
    // It fires, relative and absolute.
    const abi::kernel_timespec soon = to_timespec(milliseconds{2});
    const abi::kernel_timespec then = to_timespec(steady_clock::now() + milliseconds{2});
    for (const op::link_timeout& limit :
         {op::link_timeout{.expiry = &soon},
          op::link_timeout{.expiry = &then, .flags = abi::timeout_abs}})
    {
        push(r, read, 1, abi::sqe_io_link);
        push(r, limit, 2);
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(1) == -ECANCELED);
        BOOST_TEST(done.res_of(2) == -ETIME);
    }
    // The operation is done first.
    const abi::kernel_timespec late = to_timespec(seconds{100});
    BOOST_TEST(::write(pipe.in.get(), "x", 1) == 1);
    push(r, read, 3, abi::sqe_io_link);
    push(r, op::link_timeout{.expiry = &late}, 4);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(3) == 1);
    BOOST_TEST(done.res_of(4) == -ECANCELED);
}

BOOST_AUTO_TEST_CASE(u13_send_recv_sendmsg_recvmsg)
{
    ring r{{.entries = 4}};
    const fd_pair pair = socket_pair();
    char text[16]{};
    BOOST_TEST(
        result_of(r, op::send{.fd = pair.first.get(), .data = "hello", .size = 5}) == 5);
    BOOST_TEST(
        result_of(r, op::recv{.fd = pair.second.get(), .data = text, .size = 16}) == 5);
    BOOST_TEST(std::string_view(text) == "hello");

    char one[] = "wor";
    char two[] = "ld";
    ::iovec out[]{{one, 3}, {two, 2}};
    ::msghdr message{};
    message.msg_iov = out;
    message.msg_iovlen = 2;
    BOOST_TEST(
        result_of(r, op::sendmsg{.fd = pair.second.get(), .message = &message}) == 5);
    ::iovec in[]{{text, 1}, {text + 1, 15}};
    message.msg_iov = in;
    BOOST_TEST(
        result_of(r, op::recvmsg{.fd = pair.first.get(), .message = &message}) == 5);
    BOOST_TEST(std::string_view(text) == "world");
    // The peer's end is an error to a sender, never a signal.
    fd_pair broken = socket_pair();
    broken.second.reset();
    BOOST_TEST(
        result_of(r, op::send{.fd = broken.first.get(), .data = "x", .size = 1}) ==
        -EPIPE);
}

BOOST_AUTO_TEST_CASE(u14_accept_connect_shutdown)
{
    ring r{{.entries = 4}};
    const bound_socket listener = make_listener();
    const unique_fd client = make_socket(SOCK_STREAM);
    loopback_address peer;
    ::socklen_t peer_size = peer.size;
    push(
        r,
        op::accept{
            .fd = listener.get(),
            .address = peer.get(),
            .address_size = &peer_size,
            .flags = SOCK_CLOEXEC},
        1);
    push(
        r,
        op::connect{
            .fd = client.get(),
            .address = listener.address.get(),
            .address_size = listener.address.size},
        2);
    const completions joined = reap(r, 2);
    const unique_fd server{joined.res_of(1)};
    BOOST_REQUIRE(server.get() > 2);
    BOOST_TEST(joined.res_of(2) == 0);
    BOOST_TEST(peer.value.sin_port == loopback_address::of(client.get()).value.sin_port);
    BOOST_TEST((::fcntl(server.get(), F_GETFD) & FD_CLOEXEC) != 0);

    // The peer of a shut-down writer sees the end.
    BOOST_TEST(result_of(r, op::shutdown{.fd = client.get(), .how = SHUT_WR}) == 0);
    char byte = 0;
    BOOST_TEST(result_of(r, op::recv{.fd = server.get(), .data = &byte, .size = 1}) == 0);
    // Nobody listens any more.
    const unique_fd late = make_socket(SOCK_STREAM);
    BOOST_TEST(result_of(r, op::shutdown{.fd = listener.get()}) == 0);
    BOOST_TEST(
        result_of(
            r,
            op::connect{
                .fd = late.get(),
                .address = listener.address.get(),
                .address_size = listener.address.size}) == -ECONNREFUSED);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
