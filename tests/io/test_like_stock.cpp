// SPDX-License-Identifier: BSL-1.0
// Random programs see on the ring what they see on Asio's own services: the same
// operations end in the same turn, with the same errors, bytes and order. The player says
// where Asio leaves a choice. ASIO_URING_MODEL_SEED and ASIO_URING_MODEL_STEPS repeat a
// run, or make it longer.
#include "../support/backend.hpp"
#include "../support/from_environment.hpp"
#include "../support/no_descriptors.hpp"
#include "../support/script_player.hpp"
#include "../support/stock_reactor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <random>
#include <string>

namespace {

using namespace asio_uring::test;
using script::record;

#ifdef ASIO_URING_DROP_IN
using reference = drop_in;
using subject = drop_in;

/// In a program in which every object is on the ring, a context that was refused one has
/// Asio's own services.
struct reference_context : no_descriptors, asio_uring::io_context
{
    explicit reference_context(int hint) : asio_uring::io_context(hint)
    {
        no_descriptors::end();
        BOOST_TEST_REQUIRE(!has_ring(*this));
    }
};
#else
using reference = stock;
using subject = ring;
using reference_context = stock::io_context;
#endif

/// A context whose completions do not wait for one thread.
struct context_of_threads : subject::io_context
{
    explicit context_of_threads(int) {}
};

struct single_issuer_context : asio_uring::io_context
{
    explicit single_issuer_context(int hint)
        : asio_uring::io_context(hint, {.flags = asio_uring::abi::setup_single_issuer})
    {}
};

/// A context whose reactor watches the ring.
struct attached_context : asio::io_context
{
    explicit attached_context(int hint) : asio::io_context(hint)
    {
        make_stock_reactor(*this);
    }
};

/// The names that the two saw differently, with what they saw.
std::string difference(const record& expected, const record& got)
{
    std::string text;
    auto names = expected.seen;
    names.insert(got.seen.begin(), got.seen.end());
    const auto seen = [](const record& by, const std::string& name) {
        const auto found = by.seen.find(name);
        return found == by.seen.end() ? std::string("nothing") : found->second;
    };
    for (const auto& [name, ignored] : names) {
        if (seen(expected, name) != seen(got, name) || name == "late")
            text += name + ": stock " + seen(expected, name) + ", here " +
                    seen(got, name) + '\n';
    }
    return text;
}

template <typename Context, typename Backend>
std::string compare(const script::script& of)
{
    const record expected = script::perform<reference_context, reference>(of);
    return difference(
        expected, script::perform<Context, Backend>(of, &expected.handlers));
}

std::size_t steps_of(const script::script& counted)
{
    std::size_t steps = 0;
    for (const script::turn& each : counted.turns)
        steps += each.steps.size();
    return steps;
}

/// Takes steps away as long as the rest still fails.
template <typename Context, typename Backend>
script::script smaller(script::script of)
{
    const auto limit = std::chrono::steady_clock::now() + wait_limit;
    const auto fails = [&](const script::script& candidate) {
        return std::chrono::steady_clock::now() < limit &&
               !compare<Context, Backend>(candidate).empty();
    };
    for (std::size_t before = 0; before != steps_of(of) + of.turns.size();) {
        before = steps_of(of) + of.turns.size();
        for (std::size_t i = of.turns.size(); i-- != 0;) {
            script::script without = of;
            without.turns.erase(without.turns.begin() + static_cast<std::ptrdiff_t>(i));
            if (fails(without))
                of = without;
        }
        for (std::size_t i = of.turns.size(); i-- != 0;) {
            for (std::size_t j = of.turns[i].steps.size(); j-- != 0;) {
                script::script without = of;
                auto& steps = without.turns[i].steps;
                steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(j));
                if (fails(without))
                    of = without;
            }
        }
    }
    return of;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t default_steps = 1'500;
#else
constexpr std::uint64_t default_steps = 5'000;
#endif

/// A machine with other things to do takes fewer steps.
constexpr auto longest_run = std::chrono::seconds(30);

template <typename Context, typename Backend>
void play_random_programs()
{
    ::signal(SIGPIPE, SIG_IGN);
    const auto steps = from_environment("ASIO_URING_MODEL_STEPS", default_steps);
    // The same programs each time, so that a failure is one of the change that it is met
    // with; a long run takes others.
    const bool is_long = steps > default_steps;
    auto seed =
        from_environment("ASIO_URING_MODEL_SEED", is_long ? std::random_device{}() : 1);
    const auto limit = std::chrono::steady_clock::now() + longest_run;
    for (std::uint64_t taken = 0;
         taken < steps && std::chrono::steady_clock::now() < limit;
         ++seed)
    {
        const script::script random = script::generator(seed).make();
        taken += steps_of(random);
        const std::string first = compare<Context, Backend>(random);
        if (first.empty())
            continue;
        const script::script least = smaller<Context, Backend>(random);
        const std::string found = compare<Context, Backend>(least);
        BOOST_ERROR(
            "ASIO_URING_MODEL_SEED=" << seed << " ASIO_URING_MODEL_STEPS=1\n"
                                     << to_text(least) << found
                                     << "of the whole program:\n"
                                     << first);
        return;
    }
    BOOST_TEST(true);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_like_stock)

// What the comparison is worth: Asio is like itself.
BOOST_AUTO_TEST_CASE(random_programs_see_the_same_twice_on_stock)
{
    play_random_programs<reference_context, reference>();
}

BOOST_AUTO_TEST_CASE(random_programs_see_the_same_as_on_stock)
{
    play_random_programs<subject::io_context, subject>();
}

BOOST_AUTO_TEST_CASE(random_programs_see_the_same_where_threads_may_run)
{
    play_random_programs<context_of_threads, subject>();
}

BOOST_AUTO_TEST_CASE(random_programs_see_the_same_on_a_single_issuer_ring)
{
    play_random_programs<single_issuer_context, subject>();
}

BOOST_AUTO_TEST_CASE(random_programs_see_the_same_where_a_reactor_was_there_before)
{
    play_random_programs<attached_context, subject>();
}

BOOST_AUTO_TEST_SUITE_END()
