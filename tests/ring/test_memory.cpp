// SPDX-License-Identifier: BSL-1.0
// Rings in memory of their own or of the caller, and rings without a descriptor.
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/kernel_features.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

#include <sys/mman.h>

#include <unistd.h>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t no_descriptor =
    abi::setup_no_mmap | abi::setup_registered_fd_only;

bool kernel_takes_memory()
{
    return kernel_features::running().supports_setup(no_descriptor);
}

struct unmap
{
    std::size_t size;
    void operator()(std::byte* address) const { ::munmap(address, size); }
};
using pages = std::unique_ptr<std::byte, unmap>;

pages make_pages(std::size_t size)
{
    void* address =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return {static_cast<std::byte*>(address), unmap{size}};
}

bool lies_in(const void* address, const pages& memory)
{
    const auto* byte = static_cast<const std::byte*>(address);
    return byte >= memory.get() && byte < memory.get() + memory.get_deleter().size;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_memory)

BOOST_AUTO_TEST_CASE(ring_in_its_own_memory_works_in_every_layout)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("the kernel allocates all ring memory (6.5)");
    for (std::uint32_t layout :
         {std::uint32_t{0},
          abi::setup_sqe128,
          abi::setup_cqe32,
          abi::setup_sqe128 | abi::setup_cqe32})
    {
        for (std::uint32_t optional : {std::uint32_t{0}, abi::setup_no_sqarray}) {
            for (unsigned entries : {1U, 3U, 256U}) {
                ring r{ring_options{
                    .entries = entries,
                    .cq_entries = 4 * entries,
                    .flags = abi::setup_no_mmap | layout,
                    .optional_flags = optional}};
                BOOST_TEST((r.setup_flags() & abi::setup_no_mmap) != 0);
                bool all = true;
                for (unsigned round = 0; round != 3 * r.sq_entries(); ++round)
                    all = works(r) && all;
                BOOST_TEST(all, entries << " entries, layout " << layout);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(ring_in_its_own_memory_can_be_optional_and_moved)
{
    ring first{ring_options{
        .entries = 4,
        .optional_flags = ring_options{}.optional_flags | abi::setup_no_mmap}};
    BOOST_TEST(
        ((first.setup_flags() & abi::setup_no_mmap) != 0) == kernel_takes_memory());
    BOOST_REQUIRE(first.try_push(op::nop{}, 17));
    ring second{std::move(first)};
    BOOST_TEST(!first.is_open());
    BOOST_TEST(second.submit_and_wait(1).submitted == 1);
    BOOST_TEST(reap(second).size() == 1);
    first = std::move(second);
    BOOST_TEST(works(first));
}

BOOST_AUTO_TEST_CASE(memory_of_the_caller_holds_the_rings_and_is_given_back)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("the kernel allocates all ring memory (6.5)");
    ring_options options{.entries = 8, .flags = abi::setup_no_mmap};
    const ring_memory_size needed = required_ring_memory(options);
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    BOOST_TEST(needed.rings % page == 0);
    BOOST_TEST(needed.entries == page);
    const pages rings = make_pages(needed.rings);
    const pages entries = make_pages(needed.entries);
    options.ring_memory = {rings.get(), needed.rings};
    options.entry_memory = {entries.get(), needed.entries};
    {
        ring r{options};
        abi::sqe* entry = r.try_claim();
        BOOST_TEST(lies_in(entry, entries));
        BOOST_TEST(!r.submit_and_wait(1).ec);
        BOOST_TEST(lies_in(r.peek(), rings));
        BOOST_TEST(reap(r).size() == 1);
        BOOST_TEST(works(r));
    }
    // Still mapped: the ring took nothing away that was not its own.
    rings.get()[0] = std::byte{1};
    entries.get()[0] = std::byte{1};
}

BOOST_AUTO_TEST_CASE(unusable_memory_is_refused_with_what_it_needs)
{
    ring_options options{.entries = 256, .flags = abi::setup_no_mmap};
    const ring_memory_size needed = required_ring_memory(options);
    const pages memory = make_pages(needed.rings + needed.entries + 4096);
    const auto refused = [&](std::span<std::byte> rings, std::span<std::byte> entries) {
        options.ring_memory = rings;
        options.entry_memory = entries;
        boost::system::error_code ec;
        BOOST_TEST(!ring::create(options, ec).is_open());
        BOOST_TEST(ec == make_error_code(errc::ring_memory_unusable));
        return explain_setup_error(ec, options);
    };
    std::byte* start = memory.get();
    const std::string small =
        refused({start, needed.rings - 1}, {start + needed.rings, needed.entries});
    BOOST_TEST(contains(small, "needs " + std::to_string(needed.rings)));
    BOOST_TEST(contains(small, "allocate"));
    refused({start + 64, needed.rings}, {start + needed.rings, needed.entries});
    refused({start, needed.rings}, {});
    refused({}, {start, needed.entries});
}

BOOST_AUTO_TEST_CASE(ring_memory_is_absent_from_a_child)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("the kernel allocates all ring memory (6.5)");
    ring r{ring_options{.entries = 64, .flags = abi::setup_no_mmap}};
    const auto address = reinterpret_cast<std::uintptr_t>(r.try_claim()) & ~4095UL;
    const std::string verdict = in_child([&]() -> std::string {
        unsigned char resident = 0;
        if (::mincore(reinterpret_cast<void*>(address), 1, &resident) == 0)
            return "the memory exists in the child";
        r.close();
        return "";
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST(!r.submit_and_wait(1).ec);
    BOOST_TEST(reap(r).size() == 1);
}

BOOST_AUTO_TEST_CASE(ring_without_descriptor_works_and_gives_its_index_back)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("every ring of this kernel has a descriptor (6.5)");
    // More rings than a thread has places for: the places come back with each ring.
    for (int count = 0; count != 40; ++count) {
        ring r{ring_options{.entries = 4, .flags = no_descriptor}};
        BOOST_TEST(r.is_open());
        BOOST_TEST(r.native_handle() == -1);
        BOOST_TEST(r.has_registered_ring_fd());
        BOOST_TEST(works(r));
        BOOST_TEST(r.register_ring_fd() == make_error_code(errc::already_registered));
        r.unregister_ring_fd();
        ring moved{std::move(r)};
        BOOST_TEST(!r.is_open());
        BOOST_TEST(works(moved));
        moved.close();
        BOOST_TEST(!moved.is_open());
        BOOST_TEST(moved.enter(0, 0, 0) == -EBADF);
    }
}

BOOST_AUTO_TEST_CASE(ring_without_descriptor_registers_through_its_index)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("every ring of this kernel has a descriptor (6.5)");
    ring r{ring_options{.entries = 4, .flags = no_descriptor}};
    socket_pair sockets;
    const int files[] = {sockets.left.get()};
    BOOST_TEST(!r.register_files(files));
    BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
    char byte = 0;
    BOOST_REQUIRE(
        r.try_push(op::recv{.fd = 0, .data = &byte, .size = 1}, 3, abi::sqe_fixed_file));
    BOOST_TEST(reap_sorted(r, 1).at(0).res == 1);
    BOOST_TEST(!r.unregister_files());
}

BOOST_AUTO_TEST_CASE(ring_without_descriptor_refuses_register_calls_of_another_thread)
{
    if (!kernel_takes_memory())
        ASIO_URING_SKIP("every ring of this kernel has a descriptor (6.5)");
    ring r{ring_options{.entries = 4, .flags = no_descriptor}};
    boost::system::error_code ec;
    std::thread{[&] {
        // A ring with the same index in this thread's table must not be hit.
        const ring own{ring_options{.entries = 4, .flags = no_descriptor}};
        ec = r.unregister_files();
    }}.join();
    BOOST_TEST(ec == make_error_code(errc::wrong_thread));
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(setup_flags_of_newer_kernels_are_refused_with_the_kernel)
{
    const std::pair<std::uint32_t, std::string> newer[] = {
        {abi::setup_sqe_mixed, "sqe_mixed needs kernel 6.19"},
        {abi::setup_sq_rewind, "sq_rewind needs kernel 7.0"}};
    for (const auto& [flag, text] : newer) {
        const ring_options options{.entries = 4, .flags = flag};
        boost::system::error_code ec;
        ring r = ring::create(options, ec);
        if (kernel_features::running().supports_setup(flag)) {
            BOOST_TEST(works(r));
            continue;
        }
        BOOST_TEST(ec == make_error_code(errc::unsupported_setup_flag));
        BOOST_TEST(contains(explain_setup_error(ec, options), text));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
