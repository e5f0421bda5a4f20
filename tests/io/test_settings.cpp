// SPDX-License-Identifier: BSL-1.0
// What a context is made of in newer Boost: settings by name since 1.87, an allocator
// since 1.89.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/recorder.hpp"

#include <boost/version.hpp>

#if BOOST_VERSION >= 108700

#    include <boost/asio/config.hpp>
#    include <boost/test/unit_test.hpp>

#    include <chrono>
#    include <cstddef>
#    include <cstdlib>
#    include <memory>
#    include <string>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio_uring::detail::asio_impl::concurrency_hint;
using asio_uring::detail::asio_impl::hint_is_locking;
using boost::system::error_code;

bool is_cooperative(boost::asio::execution_context& context)
{
    const auto flags = asio_uring::status(context).setup_flags;
    return (flags & asio_uring::abi::setup_coop_taskrun) != 0;
}

/// Reads and waits once.
template <typename Context>
std::string converse(Context& context)
{
    listener server;
    asio_uring::ip::tcp::socket socket(context);
    asio_uring::steady_timer timer(context, 1ms);
    recorder log;
    char data[4];
    socket.connect(server.endpoint());
    peer remote = server.accept();
    socket.async_read_some(asio::buffer(data), log.io("read"));
    timer.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        remote.send("x");
    });
    finish(context);
    return log.take();
}

const std::string conversation = "timer ok; read ok 1";

} // namespace

BOOST_AUTO_TEST_SUITE(test_settings)

BOOST_AUTO_TEST_CASE(settings_decide_what_a_hint_decides)
{
    const struct
    {
        const char* settings;
        bool locking;
        bool cooperative;
    } cases[] = {
        {"", true, false},
        {"scheduler.concurrency_hint=1", true, true},
        {"scheduler.concurrency_hint=8", true, false},
        {"scheduler.locking=0", false, true},
        {"reactor.io_locking=0", false, true},
        {"scheduler.locking=0\nreactor.io_locking=0\nreactor.registration_locking=0",
         false,
         true},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.settings)
        {
            asio::io_context context{asio::config_from_string(each.settings)};
            BOOST_TEST(hint_is_locking(concurrency_hint(context)) == each.locking);
            asio_uring::use_ring(context, {}, asio_uring::fallback::allowed);
            if (has_ring(context))
                BOOST_TEST(is_cooperative(context) == each.cooperative);
            BOOST_TEST(converse(context) == conversation);
        }
    }
}

BOOST_AUTO_TEST_CASE(settings_of_the_environment_count)
{
    ::setenv("RINGTEST_SCHEDULER_CONCURRENCY_HINT", "1", 1);
    asio::io_context context{asio::config_from_env("ringtest")};
    BOOST_TEST(concurrency_hint(context) == 1);
    BOOST_TEST(converse(context) == conversation);
    BOOST_TEST(is_cooperative(context) == has_ring(context));
    ::unsetenv("RINGTEST_SCHEDULER_CONCURRENCY_HINT");
}

BOOST_AUTO_TEST_CASE(context_of_ours_takes_settings)
{
    asio_uring::io_context context{
        asio::config_from_string("scheduler.concurrency_hint=1")};
    BOOST_TEST(is_cooperative(context) == has_ring(context));
    BOOST_TEST(converse(context) == conversation);
}

BOOST_AUTO_TEST_CASE(hints_are_settings)
{
    asio_uring::io_context one(1);
    asio_uring::io_context any;
    asio_uring::io_context unsafe(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
    BOOST_TEST(concurrency_hint(one) == 1);
    BOOST_TEST(hint_is_locking(concurrency_hint(any)));
    BOOST_TEST(!hint_is_locking(concurrency_hint(unsafe)));
}

#    if BOOST_VERSION >= 108900

/// Memory of a context, counted.
template <typename T>
class counted_allocator
{
public:
    using value_type = T;

    explicit counted_allocator(std::ptrdiff_t& account) noexcept : bytes(&account) {}

    template <typename U>
    counted_allocator(const counted_allocator<U>& other) noexcept : bytes(other.bytes)
    {}

    T* allocate(std::size_t count)
    {
        T* memory = std::allocator<T>().allocate(count);
        *bytes += static_cast<std::ptrdiff_t>(count * sizeof(T));
        return memory;
    }

    void deallocate(T* memory, std::size_t count) noexcept
    {
        std::allocator<T>().deallocate(memory, count);
        *bytes -= static_cast<std::ptrdiff_t>(count * sizeof(T));
    }

    template <typename U>
    friend bool operator==(const counted_allocator& a, const counted_allocator<U>& b)
    {
        return a.bytes == b.bytes;
    }

    std::ptrdiff_t* bytes;
};

BOOST_AUTO_TEST_CASE(services_take_their_contexts_memory)
{
    std::ptrdiff_t bytes = 0;
    {
        asio::io_context context(std::allocator_arg, counted_allocator<void>(bytes));
        const std::ptrdiff_t bare = bytes;
        asio_uring::use_ring(context, {}, asio_uring::fallback::allowed);
        BOOST_TEST(bytes > bare);
        BOOST_TEST(converse(context) == conversation);
    }
    BOOST_TEST(bytes == 0);
    {
        asio_uring::io_context context(
            std::allocator_arg,
            counted_allocator<void>(bytes),
            asio::config_from_string("scheduler.concurrency_hint=1"));
        BOOST_TEST(converse(context) == conversation);
        BOOST_TEST(is_cooperative(context) == has_ring(context));
    }
    BOOST_TEST(bytes == 0);
}

#    endif

BOOST_AUTO_TEST_SUITE_END()

#endif
