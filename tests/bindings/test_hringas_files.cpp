// SPDX-License-Identifier: BSL-1.0
// The promises of hringas, second part: files and names.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

constexpr std::uint64_t pipe_side = ~0ULL;

template <std::size_t Size>
::iovec whole(std::array<char, Size>& memory)
{
    return {memory.data(), memory.size()};
}

template <std::size_t Size>
std::array<char, Size> filled(char value)
{
    std::array<char, Size> memory;
    memory.fill(value);
    return memory;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_hringas_files)

BOOST_AUTO_TEST_CASE(h04_writev_fsync_readv_in_one_chain)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 4}};
    auto out = filled<128>(42);
    auto in = filled<128>(0);
    const ::iovec write_vector = whole(out);
    const ::iovec read_vector = whole(in);
    const op::writev write{
        .fd = file.get(), .buffers = &write_vector, .count = 1, .offset = 17};
    const op::readv read{
        .fd = file.get(), .buffers = &read_vector, .count = 1, .offset = 17};
    push(r, write, 0xdddddddd, abi::sqe_io_link);
    push(r, op::fsync{.fd = file.get()}, 0xeeeeeeee, abi::sqe_io_link);
    push(r, read, 0xffffffff);
    BOOST_TEST(r.claimed() - r.published() == 3);
    const submit_result submitted =
        r.submit_and_wait(wait_options{.min_complete = 3, .deadline = end_of_patience()});
    BOOST_TEST(!submitted.ec);
    BOOST_TEST(submitted.submitted == 3);
    BOOST_TEST(r.unconsumed() == 0);

    unsigned left = 3;
    for (const auto& [user_data, result] :
         {std::pair{0xddddddddU, 128}, {0xeeeeeeeeU, 0}, {0xffffffffU, 128}})
    {
        BOOST_TEST(r.ready() == left--);
        BOOST_REQUIRE(r.peek() != nullptr);
        BOOST_TEST(r.peek()->user_data == user_data);
        BOOST_TEST(r.peek()->res == result);
        BOOST_TEST(r.peek()->flags == 0);
        r.advance(1);
    }
    BOOST_TEST(r.ready() == 0);
    BOOST_TEST(out == in);
    BOOST_TEST(folder.read("f").size() == 17 + 128);
}

BOOST_AUTO_TEST_CASE(h05_write_read_in_one_chain)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 2}};
    const auto out = filled<20>(97);
    auto in = filled<20>(98);
    const op::write write{
        .fd = file.get(), .data = out.data(), .size = out.size(), .offset = 10};
    const op::read read{
        .fd = file.get(), .data = in.data(), .size = in.size(), .offset = 10};
    push(r, write, 0x11111111, abi::sqe_io_link);
    push(r, read, 0x22222222);
    const completions done = reap(r, 2);
    BOOST_TEST(done[0].user_data == 0x11111111);
    BOOST_TEST(done[0].res == 20);
    BOOST_TEST(done[1].user_data == 0x22222222);
    BOOST_TEST(done[1].res == 20);
    BOOST_TEST(out == in);
}

BOOST_AUTO_TEST_CASE(h06_splice_through_a_pipe_then_read)
{
    const temporary_directory folder;
    folder.write("source", std::string(20, 'a'));
    const unique_fd source = folder.open("source");
    const unique_fd target = folder.open("target");
    const pipe_pair pipe = make_pipe();
    ring r{{.entries = 4}};
    auto in = filled<20>('b');
    const op::splice into_pipe{
        .fd_in = source.get(), .offset_in = 0, .fd_out = pipe.in.get(), .size = 20};
    const op::splice from_pipe{
        .fd_in = pipe.out.get(), .fd_out = target.get(), .offset_out = 10, .size = 20};
    push(r, into_pipe, 0x11, abi::sqe_io_link);
    push(r, from_pipe, 0x22, abi::sqe_io_link);
    push(
        r,
        op::read{.fd = target.get(), .data = in.data(), .size = in.size(), .offset = 10},
        0x33);
    const abi::sqe& first = r.sqe_at(0);
    BOOST_TEST((first.off == pipe_side && first.splice_off_in == 0));
    BOOST_TEST((first.fd == pipe.in.get() && first.splice_fd_in == source.get()));
    const abi::sqe& second = r.sqe_at(1);
    BOOST_TEST((second.off == 10 && second.splice_off_in == pipe_side));

    const completions done = reap(r, 3);
    BOOST_TEST(done.res_of(0x11) == 20);
    BOOST_TEST(done.res_of(0x22) == 20);
    BOOST_TEST(done.res_of(0x33) == 20);
    BOOST_TEST(in == filled<20>('a'));
    std::string expected(10, '\0');
    expected.append(20, 'a');
    BOOST_TEST(folder.read("target") == expected);
}

BOOST_AUTO_TEST_CASE(h08_openat_creates_relative_to_a_folder)
{
    const temporary_directory folder;
    ring r{{.entries = 1}};
    const char* const name = "created";
    const op::openat open{
        .directory = folder.fd(),
        .path = name,
        .flags = O_CLOEXEC | O_RDWR | O_CREAT,
        .mode = 0600};
    push(r, open, 0x33333333);
    abi::sqe expected{};
    expected.opcode = 18;
    expected.fd = folder.fd();
    expected.addr = reinterpret_cast<std::uintptr_t>(name);
    expected.len = 0600;
    expected.open_flags = O_CLOEXEC | O_RDWR | O_CREAT;
    expected.user_data = 0x33333333;
    BOOST_TEST(std::memcmp(&r.sqe_at(0), &expected, sizeof expected) == 0);

    const completions done = reap(r, 1);
    const unique_fd opened{done.res_of(0x33333333)};
    BOOST_TEST(opened.get() > 2);
    BOOST_TEST(done[0].flags == 0);
    BOOST_TEST(folder.has("created"));
    BOOST_TEST(::write(opened.get(), "x", 1) == 1);
    BOOST_TEST((::fcntl(opened.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(h09_close_of_a_fresh_file)
{
    const temporary_directory folder;
    unique_fd file = folder.open("f");
    const int number = file.release();
    ring r{{.entries = 1}};
    BOOST_TEST(result_of(r, op::close{.fd = number}) == 0);
    BOOST_TEST(::fcntl(number, F_GETFD) == -1);
    BOOST_TEST(errno == EBADF);
}

BOOST_AUTO_TEST_CASE(h16_fallocate_gives_an_empty_file_its_size)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 1}};
    struct ::stat status
    {};
    BOOST_TEST(::fstat(file.get(), &status) == 0);
    BOOST_TEST(status.st_size == 0);
    const op::fallocate grow{.fd = file.get(), .size = 65536};
    BOOST_TEST(result_of(r, grow) == 0);
    BOOST_TEST(::fstat(file.get(), &status) == 0);
    BOOST_TEST(status.st_size == 65536);
    BOOST_TEST(status.st_blocks * 512 >= 65536);
}

BOOST_AUTO_TEST_CASE(h17_statx_reports_the_size_asked_for)
{
    const temporary_directory folder;
    folder.write("f", "foobar");
    ring r{{.entries = 1}};
    struct ::statx status
    {};
    const op::statx ask{
        .directory = folder.fd(), .path = "f", .mask = STATX_SIZE, .result = &status};
    BOOST_TEST(result_of(r, ask) == 0);
    BOOST_TEST((status.stx_mask & STATX_SIZE) == STATX_SIZE);
    BOOST_TEST(status.stx_size == 6);
}

BOOST_AUTO_TEST_CASE(h21_renameat_moves_the_name_and_keeps_the_content)
{
    const temporary_directory folder;
    folder.write("old", "hello");
    ring r{{.entries = 1}};
    const op::renameat rename{
        .old_directory = folder.fd(),
        .old_path = "old",
        .new_directory = folder.fd(),
        .new_path = "new"};
    BOOST_TEST(result_of(r, rename) == 0);
    BOOST_TEST(!folder.has("old"));
    BOOST_TEST(folder.read("new") == "hello");
}

BOOST_AUTO_TEST_CASE(h22_unlinkat_removes_the_file)
{
    const temporary_directory folder;
    folder.write("f", "");
    ring r{{.entries = 1}};
    const op::unlinkat remove{.directory = folder.fd(), .path = "f"};
    BOOST_TEST(result_of(r, remove) == 0);
    BOOST_TEST(!folder.has("f"));
    BOOST_TEST(result_of(r, remove) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(h23_mkdirat_makes_a_folder)
{
    const temporary_directory folder;
    ring r{{.entries = 1}};
    const op::mkdirat make{.directory = folder.fd(), .path = "made", .mode = 0755};
    BOOST_TEST(result_of(r, make) == 0);
    BOOST_TEST(std::filesystem::is_directory(folder.path("made")));
    BOOST_TEST(result_of(r, make) == -EEXIST);
}

BOOST_AUTO_TEST_CASE(h24_symlinkat_makes_a_link_that_opens_its_target)
{
    const temporary_directory folder;
    folder.write("target", "found");
    ring r{{.entries = 1}};
    const op::symlinkat make{
        .target = "target", .directory = folder.fd(), .path = "link"};
    BOOST_TEST(result_of(r, make) == 0);
    BOOST_TEST(std::filesystem::is_symlink(folder.path("link")));
    BOOST_TEST(folder.read("link") == "found");
}

BOOST_AUTO_TEST_CASE(h25_linkat_makes_a_second_name_of_the_same_content)
{
    const temporary_directory folder;
    folder.write("first", "hello");
    ring r{{.entries = 1}};
    const op::linkat make{
        .old_directory = folder.fd(),
        .old_path = "first",
        .new_directory = folder.fd(),
        .new_path = "second"};
    BOOST_TEST(result_of(r, make) == 0);
    BOOST_TEST(folder.read("second") == "hello");
    BOOST_TEST(std::filesystem::hard_link_count(folder.path("first")) == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
