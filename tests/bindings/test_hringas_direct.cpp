// SPDX-License-Identifier: BSL-1.0
// The promises of hringas, fifth part: direct descriptors.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <vector>

#include <fcntl.h>

namespace asio_uring::test {

namespace {

/// A client's bytes come out of the connection in that slot.
void check_slot_receives(ring& r, std::uint32_t slot, const unique_fd& client)
{
    std::array<char, 16> in{};
    BOOST_REQUIRE(::send(client.get(), "buffer0123456789", 16, MSG_NOSIGNAL) == 16);
    const op::recv receive{.data = in.data(), .size = 16, .flags = MSG_WAITALL};
    BOOST_TEST(result_of(r, op::on_slot(slot, receive)) == 16);
    BOOST_TEST((std::string_view{in.data(), 16} == "buffer0123456789"));
}

void clear_all(registered_files& files)
{
    const std::vector<int> none(files.size(), -1);
    const update_result cleared = files.update(0, none);
    BOOST_TEST(!cleared.ec);
    BOOST_TEST(cleared.updated == files.size());
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_hringas_direct)

BOOST_AUTO_TEST_CASE(h03_readv_of_a_registered_file)
{
    ring r{{.entries = 1}};
    unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    const int descriptors[] = {zero.get()};
    registered_files files{r, descriptors};
    // The table holds the file by itself.
    zero.reset();
    std::array<char, 128> memory;
    memory.fill(42);
    const ::iovec vector{memory.data(), memory.size()};
    const op::readv read{.buffers = &vector, .count = 1, .offset = 0};
    push(r, op::on_slot(0, read), 0xcccccccc);
    BOOST_TEST((r.sqe_at(0).flags == abi::sqe_fixed_file && r.sqe_at(0).fd == 0));
    // The queue has one place.
    BOOST_TEST(r.try_claim() == nullptr);
    BOOST_TEST(!r.try_push(op::nop{}, 1));
    const completions done = reap(r, 1);
    BOOST_TEST(done.res_of(0xcccccccc) == 128);
    BOOST_TEST(done[0].flags == 0);
    BOOST_TEST(std::count(memory.begin(), memory.end(), '\0') == 128);
    BOOST_TEST(!files.unregister());
    BOOST_TEST(result_of(r, op::on_slot(0, read)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(h19_register_files_update_fills_and_clears_slots)
{
    ring r{{.entries = 1}};
    const unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    const int both[] = {zero.get(), -1};
    registered_files files{r, both};
    const unique_fd second{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    std::array<char, 128> memory;
    const op::read read{.data = memory.data(), .size = 128, .offset = 0};
    const auto check_reads = [&](std::uint32_t slot) {
        memory.fill(42);
        BOOST_TEST(result_of(r, op::on_slot(slot, read)) == 128);
        BOOST_TEST(std::count(memory.begin(), memory.end(), '\0') == 128);
    };
    const int replacement[] = {second.get()};
    BOOST_TEST(files.update(0, replacement).updated == 1);
    check_reads(0);
    BOOST_TEST(result_of(r, op::on_slot(1, read)) == -EBADF);
    // Only the second slot; the first stays as it is.
    BOOST_TEST(files.update(1, replacement).updated == 1);
    check_reads(0);
    check_reads(1);
    BOOST_TEST(!files.clear(0));
    BOOST_TEST(result_of(r, op::on_slot(0, read)) == -EBADF);
    check_reads(1);
    BOOST_TEST(!files.unregister());
    BOOST_TEST(result_of(r, op::on_slot(1, read)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(h31_accept_direct_into_allocated_slots)
{
    ring r{{.entries = 2}};
    registered_files files = registered_files::sparse(r, 2);
    const bound_socket listener = make_listener();
    const op::accept accept{.fd = listener.get(), .slot = abi::file_index_alloc};
    for (int round = 0; round != 2; ++round) {
        std::set<int> slots;
        for (int count = 0; count != 2; ++count) {
            push(r, accept, 0xaaaaaaaa);
            BOOST_TEST(r.submit().submitted == 1);
            const unique_fd client = connect_to(listener);
            const abi::cqe done = reap_one(r);
            BOOST_TEST(done.user_data == 0xaaaaaaaa);
            slots.insert(done.res);
            check_slot_receives(r, static_cast<std::uint32_t>(done.res), client);
        }
        BOOST_TEST((slots == std::set<int>{0, 1}));
        push(r, accept, 0xaaaaaaaa);
        BOOST_TEST(r.submit().submitted == 1);
        const unique_fd client = connect_to(listener);
        BOOST_TEST(reap_one(r).res == -ENFILE);
        clear_all(files);
    }
}

BOOST_AUTO_TEST_CASE(h32_accept_multishot_direct_until_the_table_is_full)
{
    ring r{{.entries = 2}};
    registered_files files = registered_files::sparse(r, 2);
    const bound_socket listener = make_listener();
    const op::accept accept{
        .fd = listener.get(),
        .ioprio = abi::accept_multishot,
        .slot = abi::file_index_alloc};
    for (int round = 0; round != 2; ++round) {
        push(r, accept, 0xaaaaaaaa);
        BOOST_TEST(r.submit().submitted == 1);
        std::set<int> slots;
        for (int count = 0; count != 2; ++count) {
            const unique_fd client = connect_to(listener);
            const abi::cqe done = reap_one(r);
            BOOST_TEST(has_more(done));
            slots.insert(done.res);
            check_slot_receives(r, static_cast<std::uint32_t>(done.res), client);
        }
        BOOST_TEST((slots == std::set<int>{0, 1}));
        const unique_fd too_many = connect_to(listener);
        const abi::cqe last = reap_one(r);
        BOOST_TEST(last.user_data == 0xaaaaaaaa);
        BOOST_TEST(last.res == -ENFILE);
        BOOST_TEST(!has_more(last));
        clear_all(files);
    }
}

BOOST_AUTO_TEST_CASE(h34_socket_direct_and_allocated_and_close_direct)
{
    ring r{{.entries = 4}};
    const registered_files files = registered_files::sparse(r, 3);
    const bound_socket listener = make_listener();
    op::socket make{.domain = AF_INET, .type = SOCK_STREAM, .slot = 0};
    BOOST_TEST(result_of(r, make) == 0);
    make.slot = 1;
    BOOST_TEST(result_of(r, make) == 0);
    make.slot = abi::file_index_alloc;
    BOOST_TEST(result_of(r, make) == 2);
    BOOST_TEST(result_of(r, make) == -ENFILE);

    const op::connect connect{
        .address = listener.address.get(), .address_size = listener.address.size};
    for (std::uint32_t slot = 0; slot != 3; ++slot) {
        push(r, op::accept{.fd = listener.get(), .flags = SOCK_CLOEXEC}, 1);
        push(r, op::on_slot(slot, connect), 2);
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(2) == 0);
        const unique_fd server{done.res_of(1)};
        BOOST_REQUIRE(server.get() > 2);
        check_slot_receives(r, slot, server);
    }
    for (std::uint32_t slot = 0; slot != 3; ++slot) {
        BOOST_TEST(result_of(r, op::close{.slot = slot}) == 0);
        BOOST_TEST(result_of(r, op::on_slot(slot, connect)) == -EBADF);
    }
}

BOOST_AUTO_TEST_CASE(h35_openat_direct_and_allocated_and_close_direct)
{
    const temporary_directory folder;
    ring r{{.entries = 2}};
    const registered_files files = registered_files::sparse(r, 3);
    op::openat open{
        .directory = folder.fd(),
        .path = "f",
        .flags = O_RDWR | O_CREAT,
        .mode = 0600,
        .slot = 0};
    BOOST_TEST(result_of(r, open) == 0);
    open.slot = 1;
    BOOST_TEST(result_of(r, open) == 0);
    open.slot = abi::file_index_alloc;
    BOOST_TEST(result_of(r, open) == 2);
    // Each slot is the file.
    const op::write write{.data = "text", .size = 4, .offset = 0};
    BOOST_TEST(result_of(r, op::on_slot(2, write)) == 4);
    std::array<char, 4> in{};
    const op::read read{.data = in.data(), .size = 4, .offset = 0};
    for (std::uint32_t slot = 0; slot != 3; ++slot) {
        BOOST_TEST(result_of(r, op::on_slot(slot, read)) == 4);
        BOOST_TEST((std::string_view{in.data(), 4} == "text"));
        BOOST_TEST(result_of(r, op::close{.slot = slot}) == 0);
        BOOST_TEST(result_of(r, op::on_slot(slot, read)) == -EBADF);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
