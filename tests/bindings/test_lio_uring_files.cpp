// SPDX-License-Identifier: BSL-1.0
// The promises of lio-uring, second part: operations on files, names and pipes.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fcntl.h>

namespace asio_uring::test {

BOOST_AUTO_TEST_SUITE(test_lio_uring_files)

BOOST_AUTO_TEST_CASE(l12_read_write_in_all_three_forms_at_positions_and_in_sequence)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    const int fd = file.get();
    ring r{{.entries = 2}};
    std::array<char, 8> memory{'4', '5', '6', '7'};
    const ::iovec whole{memory.data(), memory.size()};
    const registered_buffers buffers{r, {&whole, 1}};
    // Without an offset the file's own position moves on.
    BOOST_TEST(result_of(r, op::write{.fd = fd, .data = "01", .size = 2}) == 2);
    char two[] = "2";
    char three[] = "3";
    const ::iovec out[]{{two, 1}, {three, 1}};
    BOOST_TEST(result_of(r, op::writev{.fd = fd, .buffers = out, .count = 2}) == 2);
    BOOST_TEST(result_of(r, op::write_from(buffers[0].first(4), fd)) == 4);
    BOOST_TEST(folder.read("f") == "01234567");
    BOOST_TEST(::lseek(fd, 0, SEEK_CUR) == 8);

    std::array<char, 9> in{};
    BOOST_TEST(
        result_of(r, op::read{.fd = fd, .data = in.data(), .size = 3, .offset = 1}) == 3);
    const ::iovec scattered[]{{in.data() + 3, 2}, {in.data() + 5, 3}};
    BOOST_TEST(
        result_of(
            r, op::readv{.fd = fd, .buffers = scattered, .count = 2, .offset = 4}) == 4);
    BOOST_TEST(std::string_view{in.data()} == "1234567");
    memory.fill('-');
    BOOST_TEST(result_of(r, op::read_into(buffers[0].from(5), fd, 0)) == 3);
    BOOST_TEST((std::string_view{memory.data(), 8} == "-----012"));
    // At the end there is nothing.
    BOOST_TEST(
        result_of(r, op::read{.fd = fd, .data = in.data(), .size = 3, .offset = 8}) == 0);
}

BOOST_AUTO_TEST_CASE(l13_openat_openat2_close_and_close_of_a_slot)
{
    const temporary_directory folder;
    folder.write("f", "text");
    ring r{{.entries = 2}};
    const op::openat open{.directory = folder.fd(), .path = "f", .flags = O_CLOEXEC};
    unique_fd opened{result_of(r, open)};
    BOOST_TEST(opened.get() > 2);
    BOOST_TEST(result_of(r, op::close{.fd = opened.release()}) == 0);

    // The second form refuses a way out of the folder.
    const abi::open_how beneath{
        .flags = O_RDONLY | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH};
    op::openat2 inside{.directory = folder.fd(), .path = "f", .how = &beneath};
    const unique_fd kept{result_of(r, inside)};
    BOOST_TEST(kept.get() > 2);
    inside.path = "../f";
    BOOST_TEST(result_of(r, inside) == -EXDEV);

    const registered_files files = registered_files::sparse(r, 1);
    inside.path = "f";
    inside.slot = 0;
    const abi::open_how no_flags{.flags = O_RDONLY, .mode = 0, .resolve = 0};
    inside.how = &no_flags;
    BOOST_TEST(result_of(r, inside) == 0);
    std::array<char, 4> in{};
    const op::read read{.data = in.data(), .size = 4, .offset = 0};
    BOOST_TEST(result_of(r, op::on_slot(0, read)) == 4);
    BOOST_TEST(result_of(r, op::close{.slot = 0}) == 0);
    BOOST_TEST(result_of(r, op::on_slot(0, read)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(l14_fsync_fadvise_fallocate_ftruncate_statx)
{
    const temporary_directory folder;
    folder.write("f", std::string(16384, 'x'));
    const unique_fd file = folder.open("f");
    const int fd = file.get();
    ring r{{.entries = 2}};
    const pipe_pair pipe = make_pipe();
    BOOST_TEST(result_of(r, op::fsync{.fd = fd}) == 0);
    BOOST_TEST(result_of(r, op::fsync{.fd = pipe.in.get()}) == -EINVAL);
    op::fadvise advise{.fd = fd, .size = 16384, .advice = POSIX_FADV_WILLNEED};
    BOOST_TEST(result_of(r, advise) == 0);
    advise.fd = pipe.out.get();
    BOOST_TEST(result_of(r, advise) == -ESPIPE);
    // A hole reads as zeros and keeps the size.
    const op::fallocate hole{
        .fd = fd,
        .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        .offset = 4096,
        .size = 4096};
    BOOST_TEST(result_of(r, hole) == 0);
    const std::string content = folder.read("f");
    BOOST_TEST(content.size() == 16384);
    BOOST_TEST(content.substr(4096, 4096) == std::string(4096, '\0'));
    BOOST_TEST(content.substr(8192) == std::string(8192, 'x'));

    struct ::statx status
    {};
    const op::statx ask{
        .directory = fd,
        .path = "",
        .flags = AT_EMPTY_PATH,
        .mask = STATX_SIZE,
        .result = &status};
    if (kernel_features::running().supports(abi::opcode::ftruncate)) {
        BOOST_TEST(result_of(r, op::ftruncate{.fd = fd, .size = 5000}) == 0);
        BOOST_TEST(result_of(r, ask) == 0);
        BOOST_TEST(status.stx_size == 5000);
    }
    BOOST_TEST(result_of(r, op::fallocate{.fd = fd, .size = 20000}) == 0);
    BOOST_TEST(result_of(r, ask) == 0);
    BOOST_TEST(status.stx_size == 20000);
}

BOOST_AUTO_TEST_CASE(l20_unlinkat_renameat_mkdirat_linkat_symlinkat)
{
    const temporary_directory folder;
    folder.write("a", "A");
    folder.write("b", "B");
    ring r{{.entries = 2}};
    const int base = folder.fd();
    BOOST_TEST(
        result_of(r, op::mkdirat{.directory = base, .path = "sub", .mode = 0700}) == 0);
    BOOST_TEST(
        (std::filesystem::status(folder.path("sub")).permissions() ==
         std::filesystem::perms::owner_all));
    op::renameat rename{
        .old_directory = base,
        .old_path = "a",
        .new_directory = base,
        .new_path = "b",
        .flags = RENAME_NOREPLACE};
    BOOST_TEST(result_of(r, rename) == -EEXIST);
    rename.flags = RENAME_EXCHANGE;
    BOOST_TEST(result_of(r, rename) == 0);
    BOOST_TEST(folder.read("a") == "B");
    BOOST_TEST(folder.read("b") == "A");
    const op::linkat link{
        .old_directory = base,
        .old_path = "a",
        .new_directory = base,
        .new_path = "sub/c"};
    BOOST_TEST(result_of(r, link) == 0);
    BOOST_TEST(folder.read("sub/c") == "B");
    const op::symlinkat symlink{.target = "../b", .directory = base, .path = "sub/d"};
    BOOST_TEST(result_of(r, symlink) == 0);
    BOOST_TEST(folder.read("sub/d") == "A");
    BOOST_TEST(result_of(r, op::unlinkat{.directory = base, .path = "a"}) == 0);
    BOOST_TEST(folder.read("sub/c") == "B");
    op::unlinkat remove{.directory = base, .path = "sub", .flags = AT_REMOVEDIR};
    BOOST_TEST(result_of(r, remove) == -ENOTEMPTY);
}

BOOST_AUTO_TEST_CASE(l21_extended_attributes_are_set_and_read_by_path_and_descriptor)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    const std::string path = folder.path("f");
    ring r{{.entries = 2}};
    std::array<char, 8> value{};
    const op::setxattr set{
        .path = path.c_str(), .name = "user.one", .value = "1", .size = 1};
    const int first = result_of(r, set);
    if (first == -EOPNOTSUPP)
        ASIO_URING_SKIP("the temporary folder's file system has no attributes of users");
    BOOST_TEST(first == 0);
    const op::fgetxattr fget{
        .fd = file.get(), .name = "user.one", .value = value.data(), .size = 8};
    BOOST_TEST(result_of(r, fget) == 1);
    BOOST_TEST(value[0] == '1');

    const op::fsetxattr create{
        .fd = file.get(),
        .name = "user.two",
        .value = "second",
        .size = 6,
        .flags = XATTR_CREATE};
    BOOST_TEST(result_of(r, create) == 0);
    BOOST_TEST(result_of(r, create) == -EEXIST);
    op::getxattr get{
        .path = path.c_str(), .name = "user.two", .value = value.data(), .size = 8};
    BOOST_TEST(result_of(r, get) == 6);
    BOOST_TEST((std::string_view{value.data(), 6} == "second"));
    get.size = 3;
    BOOST_TEST(result_of(r, get) == -ERANGE);
    get.name = "user.three";
    BOOST_TEST(result_of(r, get) == -ENODATA);
}

BOOST_AUTO_TEST_CASE(l25_splice_tee_sync_file_range)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    const pipe_pair from = make_pipe();
    const pipe_pair to = make_pipe();
    ring r{{.entries = 2}};
    BOOST_REQUIRE(::write(from.in.get(), "abcdef", 6) == 6);
    const op::tee tee{.fd_in = from.out.get(), .fd_out = to.in.get(), .size = 100};
    BOOST_TEST(result_of(r, tee) == 6);
    // Both pipes hold the bytes now; one goes into the file, at two places.
    op::splice splice{
        .fd_in = from.out.get(), .fd_out = file.get(), .offset_out = 6, .size = 6};
    BOOST_TEST(result_of(r, splice) == 6);
    splice.fd_in = to.out.get();
    splice.offset_out = 0;
    BOOST_TEST(result_of(r, splice) == 6);
    BOOST_TEST(folder.read("f") == "abcdefabcdef");
    op::sync_file_range sync{
        .fd = file.get(),
        .size = 12,
        .flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                 SYNC_FILE_RANGE_WAIT_AFTER};
    BOOST_TEST(result_of(r, sync) == 0);
    sync.fd = from.out.get();
    BOOST_TEST(result_of(r, sync) == -ESPIPE);
}

BOOST_AUTO_TEST_CASE(l28_provided_buffers_are_provided_picked_and_removed)
{
    ring r{{.entries = 4}};
    const pipe_pair pipe = make_pipe();
    std::array<char, 3 * 16> memory{};
    const op::provide_buffers provide{
        .data = memory.data(), .size = 16, .count = 3, .group = 0, .first_id = 5};
    BOOST_TEST(result_of(r, provide) == 0);
    BOOST_REQUIRE(::write(pipe.in.get(), "picked", 6) == 6);
    // The buffer is picked when there is data; the size asked for may be smaller.
    const abi::cqe entry = run(r, op::read{.fd = pipe.out.get(), .size = 4, .group = 0});
    BOOST_TEST(entry.res == 4);
    const unsigned id = buffer_id(entry);
    BOOST_REQUIRE((id >= 5 && id <= 7));
    const char* const data = memory.data() + std::size_t{id - 5} * 16;
    BOOST_TEST((std::string_view{data, 4} == "pick"));
    BOOST_TEST(result_of(r, op::remove_buffers{.count = 1, .group = 0}) == 1);
    BOOST_TEST(result_of(r, op::remove_buffers{.count = 9, .group = 0}) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
