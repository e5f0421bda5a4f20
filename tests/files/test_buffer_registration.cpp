// SPDX-License-Identifier: BSL-1.0
// Registered buffers: transfers that name memory the ring has pinned, and the same
// buffers wherever the ring does not have them.
#include "../support/destroy_everywhere.hpp"
#include "../support/skip.hpp"
#include "file_kinds.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/read_at.hpp>
#include <boost/asio/write.hpp>
#include <boost/asio/write_at.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <unistd.h>

namespace asio_uring::test {

namespace {

/// Memory of its own mapping. Once other pages are mapped there, only who has pinned the
/// earlier ones still reaches them: that tells the two kinds of transfers apart.
class pages
{
public:
    explicit pages(std::size_t size = 4096) : size_(size) { map(0); }
    pages(const pages&) = delete;
    pages& operator=(const pages&) = delete;
    ~pages() { ::munmap(memory_, size_); }

    void replace() { map(MAP_FIXED); }
    asio::mutable_buffer buffer() const { return {memory_, size_}; }
    void put(std::string_view text) { std::memcpy(memory_, text.data(), text.size()); }
    std::string get(std::size_t size) const
    {
        return {static_cast<const char*>(memory_), size};
    }

private:
    void map(int how)
    {
        memory_ = ::mmap(
            memory_,
            size_,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how,
            -1,
            0);
        BOOST_TEST_REQUIRE(memory_ != MAP_FAILED);
    }

    void* memory_ = nullptr;
    std::size_t size_;
};

struct registered_fixture : file_fixture<ring_files>
{
    ring_files::random file{
        context, path(), ring_files::random::read_write | ring_files::random::create};

    /// What a write of the first four bytes of a buffer puts into the file, after other
    /// pages with the text "late" have come beneath it.
    std::string written(pages& memory, const asio::mutable_registered_buffer& buffer)
    {
        memory.put("soon");
        memory.replace();
        memory.put("late");
        file.async_write_some_at(0, asio::buffer(buffer, 4), log.io("written"));
        finish(context);
        const std::string told = log.take();
        return told == "written ok 4" ? folder.read("file").substr(0, 4) : told;
    }
};

/// By pages that were pinned, where there is a ring.
const char* by_ring() { return ring_is_forbidden() ? "late" : "soon"; }

std::string reason_of(const buffer_registration& registration)
{
    return registration.reason() ? registration.reason().message() : "none";
}

std::string text_of(const error_code& code) { return code.message(); }

/// KiB that this process has pinned. What earlier rings held may still go.
long pinned()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmPin:"))
            return std::stol(line.substr(6));
    }
    return -1;
}

/// Whether no more than that is pinned, at last: older kernels take their time.
bool comes_down_to(long kibibytes)
{
    const auto limit = std::chrono::steady_clock::now() + wait_limit;
    while (pinned() > kibibytes && std::chrono::steady_clock::now() < limit)
        std::this_thread::yield();
    return pinned() <= kibibytes;
}

template <typename Function>
int result_of_child(Function function)
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(function());
    int status = 0;
    BOOST_TEST_REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_buffer_registration, registered_fixture)

BOOST_AUTO_TEST_CASE(transfers_of_registered_buffers_move_the_bytes)
{
    std::string out = "0123456789";
    std::string in(10, '.');
    const std::array<asio::mutable_buffer, 2> both{asio::buffer(out), asio::buffer(in)};
    const auto registration = asio_uring::register_buffers(context, both);
    BOOST_TEST_REQUIRE(registration.size() == 2u);
    asio::async_write_at(file, 0, registration[0], log.io("written"));
    finish(context);
    // Two in one turn: the first may be a look into the page cache.
    asio::async_read_at(file, 2, asio::buffer(registration[1], 3), log.io("read"));
    file.async_read_some_at(5, registration[1] + 6, log.io("read"));
    finish(context);
    BOOST_TEST(log.take() == "written ok 10; read ok 3; read ok 4");
    BOOST_TEST(in == "234...5678");
    file.async_read_some_at(10, registration[1], log.io("end"));
    file.async_read_some_at(20, registration[1], log.io("end"));
    finish(context);
    file.async_read_some_at(0, asio::buffer(registration[1], 0), log.io("nothing"));
    finish(context);
    BOOST_TEST(log.take() == "end eof 0; end eof 0; nothing ok 0");
}

BOOST_AUTO_TEST_CASE(stream_file_takes_registered_buffers_in_turn)
{
    std::string text = "abcdefgh";
    std::string in(8, '.');
    const std::array<asio::mutable_buffer, 2> both{asio::buffer(text), asio::buffer(in)};
    const auto registration = asio_uring::register_buffers(context.get_executor(), both);
    const asio::const_registered_buffer out(registration[0]);
    ring_files::stream stream(context, path(), ring_files::stream::read_write);
    stream.async_write_some(asio::buffer(out, 4), log.io("written"));
    asio::async_write(stream, out + 4, log.io("written"));
    finish(context);
    BOOST_TEST(log.take() == "written ok 4; written ok 4");
    stream.seek(0, file_base::seek_set);
    stream.async_read_some(asio::buffer(registration[1], 3), log.io("read"));
    asio::async_read(stream, registration[1] + 3, log.io("read"));
    finish(context);
    BOOST_TEST(log.take() == "read ok 3; read ok 5");
    BOOST_TEST(in == text);
}

BOOST_AUTO_TEST_CASE(transfers_use_the_pages_that_were_registered)
{
    pages memory;
    const auto registration = asio_uring::register_buffers(context, memory.buffer());
    BOOST_TEST(registration.is_registered() == !ring_is_forbidden());
    BOOST_TEST(written(memory, registration[0]) == by_ring());
    memory.put("none");
    folder.write("file", "next");
    // The first read of a turn may be a look into the page cache.
    std::string first(4, '.');
    file.async_read_some_at(0, asio::buffer(first), log.io("read"));
    file.async_read_some_at(0, asio::buffer(registration[0], 4), log.io("read"));
    finish(context);
    BOOST_TEST(log.take() == "read ok 4; read ok 4");
    BOOST_TEST(memory.get(4) == (ring_is_forbidden() ? "next" : "none"));
}

BOOST_AUTO_TEST_CASE(stream_file_uses_the_pages_that_were_registered)
{
    pages memory;
    const auto registration = asio_uring::register_buffers(context, memory.buffer());
    ring_files::stream stream(context, path(), ring_files::stream::read_write);
    memory.put("soon");
    memory.replace();
    memory.put("late");
    stream.async_write_some(asio::buffer(registration[0], 4), log.io("written"));
    finish(context);
    BOOST_TEST(folder.read("file") == by_ring());
}

BOOST_AUTO_TEST_CASE(buffer_of_an_ended_registration_is_like_any_other)
{
    pages memory;
    std::optional<asio_uring::buffer_registration> registration(
        std::in_place, context, memory.buffer());
    const asio::mutable_registered_buffer buffer = (*registration)[0];
    registration.reset();
    BOOST_TEST(written(memory, buffer) == "late");
    // Its place is another's now.
    pages other;
    registration.emplace(context, other.buffer());
    BOOST_TEST((*registration)[0].id().native_handle() == buffer.id().native_handle());
    BOOST_TEST((ring_is_forbidden() || (*registration)[0].id() != buffer.id()));
    BOOST_TEST(written(memory, buffer) == "late");
    BOOST_TEST(written(other, (*registration)[0]) == by_ring());
}

// A stream file's operations wait for their turn.
BOOST_AUTO_TEST_CASE(transfer_behind_the_end_of_its_registration_moves_the_bytes)
{
    std::string text = "01234567";
    std::optional<asio_uring::buffer_registration> registration(
        std::in_place, context, asio::buffer(text));
    ring_files::stream stream(context, path(), ring_files::stream::read_write);
    stream.async_write_some(asio::buffer((*registration)[0], 4), log.io("written"));
    finish(context);
    BOOST_TEST(log.take() == "written ok 4");
    const asio::mutable_registered_buffer kept = (*registration)[0];
    registration.reset();
    stream.async_write_some(kept + 4, log.io("first"));
    stream.async_write_some(kept, log.io("second"));
    finish(context);
    BOOST_TEST(log.take() == "first ok 4; second ok 8");
}

BOOST_AUTO_TEST_CASE(buffer_of_another_context_is_like_any_other)
{
    pages memory;
    pages other;
    ring_files::context elsewhere;
    const auto theirs = asio_uring::register_buffers(elsewhere, memory.buffer());
    BOOST_TEST(written(memory, theirs[0]) == "late");
    const auto ours = asio_uring::register_buffers(context, other.buffer());
    BOOST_TEST(written(memory, theirs[0]) == "late");
    BOOST_TEST(written(other, ours[0]) == by_ring());
}

BOOST_AUTO_TEST_CASE(registration_moves_with_its_buffers)
{
    pages memory;
    pages other;
    auto first = asio_uring::register_buffers(context, memory.buffer());
    auto second = std::move(first);
    BOOST_TEST(first.empty());
    BOOST_TEST(!first.is_registered());
    BOOST_TEST(second.is_registered() == !ring_is_forbidden());
    first = asio_uring::register_buffers(context, other.buffer());
    BOOST_TEST(written(memory, second[0]) == by_ring());
    const asio::mutable_registered_buffer earlier = second.at(0);
    second = buffer_registration();
    BOOST_TEST(second.empty());
    BOOST_TEST(written(memory, earlier) == "late");
    BOOST_TEST(written(other, first[0]) == by_ring());
    BOOST_CHECK_THROW(static_cast<void>(first.at(1)), std::out_of_range);
    static_assert(!std::is_copy_constructible_v<buffer_registration>);
}

BOOST_AUTO_TEST_CASE(context_has_room_for_many_buffers_and_says_where_it_ends)
{
    pages memory;
    const auto several = [&](std::size_t count) {
        return asio_uring::register_buffers(
            context, std::vector<asio::mutable_buffer>(count, memory.buffer()));
    };
    const auto nothing = several(0);
    BOOST_TEST(nothing.empty());
    BOOST_TEST(!nothing.is_registered());
    const auto one = several(1);
    BOOST_TEST(
        text_of(several(1025).reason()) ==
        text_of(
            ring_is_forbidden() ? make_error_code(errc::no_ring)
                                : error_code(asio::error::no_buffer_space)));
    if (ring_is_forbidden())
        return;
    auto most = several(1000);
    BOOST_TEST(reason_of(most) == "none");
    const auto too_many = several(24);
    BOOST_TEST(!too_many.is_registered());
    BOOST_TEST((too_many.reason() == asio::error::no_buffer_space));
    BOOST_TEST(several(23).is_registered());
    most = {};
    BOOST_TEST(several(1023).is_registered());
    BOOST_TEST(written(memory, too_many[0]) == "late");
}

BOOST_AUTO_TEST_CASE(refused_buffer_leaves_none_registered_and_all_of_use)
{
    if (sizeof(std::size_t) < 8)
        return;
    pages memory;
    pages large((std::size_t{1} << 30) + 4096);
    const std::array<asio::mutable_buffer, 2> both{memory.buffer(), large.buffer()};
    const auto refused = asio_uring::register_buffers(context, both);
    BOOST_TEST(!refused.is_registered());
    BOOST_TEST((ring_is_forbidden() || refused.reason().value() == EFAULT));
    BOOST_TEST(written(memory, refused[0]) == "late");
    BOOST_TEST(written(large, refused[1]) == "late");
    const auto one = asio_uring::register_buffers(context, memory.buffer());
    BOOST_TEST((ring_is_forbidden() || one[0].id().native_handle() == 0));
    BOOST_TEST(written(memory, one[0]) == by_ring());
}

BOOST_AUTO_TEST_CASE(ended_and_refused_registrations_pin_nothing)
{
    if (ring_is_forbidden() || sizeof(std::size_t) < 8)
        return;
    constexpr long kibibytes = 4096;
    const pages memory(kibibytes * 1024);
    const pages large((std::size_t{1} << 30) + 4096);
    const long before = pinned();
    const std::array<asio::mutable_buffer, 2> both{memory.buffer(), large.buffer()};
    const auto refused = asio_uring::register_buffers(context, both);
    BOOST_TEST(!refused.is_registered());
    BOOST_TEST(comes_down_to(before));
    auto ended = asio_uring::register_buffers(context, memory.buffer());
    const long held = pinned();
    BOOST_TEST(held >= kibibytes);
    ended = {};
    BOOST_TEST(comes_down_to(held - kibibytes));
}

BOOST_AUTO_TEST_CASE(empty_buffer_is_registered_with_its_neighbours)
{
    pages memory;
    const std::array<asio::mutable_buffer, 2> both{
        asio::mutable_buffer(memory.buffer().data(), 0), memory.buffer()};
    const auto registration = asio_uring::register_buffers(context, both);
    BOOST_TEST(registration.is_registered() == !ring_is_forbidden());
    file.async_write_some_at(0, registration[0], log.io("nothing"));
    finish(context);
    BOOST_TEST(log.take() == "nothing ok 0");
    BOOST_TEST(written(memory, registration[1]) == by_ring());
}

BOOST_AUTO_TEST_CASE(sockets_and_calls_take_registered_buffers_as_any_others)
{
    std::string out = "0123";
    std::string in(4, '.');
    const std::array<asio::mutable_buffer, 2> both{asio::buffer(out), asio::buffer(in)};
    const auto registration = asio_uring::register_buffers(context, both);
    asio_uring::local::stream_protocol::socket near(context);
    asio_uring::local::stream_protocol::socket far(context);
    asio_uring::local::connect_pair(near, far);
    asio::async_read(far, registration[1], log.io("read"));
    asio::async_write(near, registration[0], log.io("written"));
    finish(context);
    BOOST_TEST(in == "0123");
    BOOST_TEST(file.write_some_at(0, registration[0]) == 4u);
    BOOST_TEST(file.read_some_at(1, registration[1]) == 3u);
    BOOST_TEST(in == "1233");
}

BOOST_AUTO_TEST_CASE(exhausted_locked_memory_leaves_buffers_of_use)
{
    if (ring_is_forbidden())
        return;
    const int result = result_of_child([this] {
        constexpr int alone = 45123;
        constexpr ::rlim_t bytes = 8 << 20;
        const ::rlimit limit{bytes, bytes};
        if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
            (::geteuid() == 0 && ::setuid(alone) != 0))
            return 100;
        ring_files::context poor;
        if (status(poor).mode == ring_mode::fallback)
            return 101;
        pages memory(2 * bytes);
        const auto registration = asio_uring::register_buffers(poor, memory.buffer());
        if (registration.is_registered() ||
            registration.reason() != errc::locked_memory_exhausted)
            return 1;
        const int descriptor = ::dup(file.native_handle());
        ring_files::random other(poor, descriptor);
        other.async_write_some_at(0, asio::buffer(registration[0], 4), log.io("done"));
        finish(poor);
        pages small;
        return log.take() != "done ok 4"                                             ? 2
               : !asio_uring::register_buffers(poor, small.buffer()).is_registered() ? 3
                                                                                     : 0;
    });
    if (result >= 100)
        ASIO_URING_SKIP("cannot become a user with little locked memory");
    BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_CASE(fork_child_has_buffers_like_any_others)
{
    pages memory;
    std::optional<asio_uring::buffer_registration> registration(
        std::in_place, context, memory.buffer());
    memory.put("soon");
    context.notify_fork(asio::execution_context::fork_prepare);
    const int announced = result_of_child([&] {
        context.notify_fork(asio::execution_context::fork_child);
        if (registration->is_registered())
            return 1;
        if (written(memory, (*registration)[0]) != "late")
            return 2;
        const asio::mutable_registered_buffer earlier = (*registration)[0];
        const auto again = asio_uring::register_buffers(context, memory.buffer());
        if (written(memory, again[0]) != by_ring())
            return 3;
        registration.reset();
        return written(memory, earlier) != "late" ? 4 : 0;
    });
    context.notify_fork(asio::execution_context::fork_parent);
    BOOST_TEST(announced == 0);
    const int late = result_of_child([&] {
        registration.reset();
        const auto refused = asio_uring::register_buffers(context, memory.buffer());
        return refused.reason() == errc::no_ring ? 0 : 1;
    });
    BOOST_TEST(late == 0);
    BOOST_TEST(written(memory, (*registration)[0]) == by_ring());
}

BOOST_AUTO_TEST_CASE(single_issuer_ring_registers_in_its_own_thread)
{
    if (ring_is_forbidden())
        return;
    ring_options options;
    options.flags = abi::setup_single_issuer;
    asio_uring::io_context strict(1, options);
    pages memory;
    auto ours = asio_uring::register_buffers(strict, memory.buffer());
    asio::post(strict, [] {});
    finish(strict);
    BOOST_TEST(ours.is_registered());
    std::thread([&] {
        const auto theirs = asio_uring::register_buffers(strict, memory.buffer());
        BOOST_TEST((theirs.reason() == errc::wrong_thread));
        // Ends there; the place is not lent again.
        const auto taken = std::move(ours);
    }).join();
    BOOST_TEST(!ours.is_registered());
    const auto next = asio_uring::register_buffers(strict, memory.buffer());
    BOOST_TEST(next.is_registered());
    BOOST_TEST(next[0].id().native_handle() == 1);
}

BOOST_AUTO_TEST_CASE(context_dies_at_every_step_with_its_registrations)
{
    folder.write("file", std::string(4096, '.'));
    const scenario start = [this](asio::io_context& with, witness& seen) {
        struct objects
        {
            objects(asio::io_context& c, const std::string& path)
                : file(c, path, file_base::read_write),
                  registration(asio_uring::register_buffers(c, asio::buffer(memory)))
            {}
            std::array<char, 4096> memory{};
            ring_files::random file;
            buffer_registration registration;
            int left = 8;
        };
        auto made = std::make_shared<objects>(with, path());
        const auto step = [made, &seen, token = seen.token()](error_code, std::size_t) {
            seen.step();
            if (--made->left == 0)
                seen.complete();
        };
        for (std::size_t i = 0; i != 4; ++i) {
            const auto part = asio::buffer(made->registration[0] + i * 1024, 1024);
            made->file.async_read_some_at(i * 1024, part, step);
            made->file.async_write_some_at(i * 1024, part, step);
        }
        return made;
    };
    for (const context_kind kind : all_context_kinds) {
        if (ring_is_forbidden() && insists_on_ring(kind))
            continue;
        for (const teardown order : {teardown::objects_first, teardown::handlers_own}) {
            unsigned steps = 0;
            while (!run_and_destroy(start, kind, order, steps))
                BOOST_TEST_REQUIRE(++steps < 1000u);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
