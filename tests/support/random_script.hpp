// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a random program as data, so that two players perform the
// same one, and so that a failing one is printed and made smaller. Thread: any. Lifetime:
// values.
//
// A script is a list of turns. The steps of a turn follow each other with no turn of the
// loop between them; after a turn the loop runs until nothing more happens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace asio_uring::test::script {

/// The kinds of object under test.
enum kind : std::uint8_t
{
    local_stream,
    tcp_stream,
    descriptor,
    pipe_reader,
    pipe_writer,
    local_datagram,
    udp_datagram,
    acceptor,
    kind_count,
};

struct kind_facts
{
    const char* name;
    bool reads;
    bool writes;
    bool stream;    ///< bytes, where others have messages or connections
    bool socket;    ///< has available()
    bool shut_down; ///< has shutdown()
    bool resets;    ///< its far end may close
    std::size_t largest;
};

/// TCP stays far below the sizes of its buffers: how much of a longer write it takes
/// depends on when acknowledgements come.
inline constexpr std::array<kind_facts, kind_count> facts{{
    {"local", true, true, true, true, true, true, 300'000},
    {"tcp", true, true, true, true, true, true, 1000},
    {"descriptor", true, true, true, false, false, true, 300'000},
    {"pipe_reader", true, false, true, false, false, true, 300'000},
    {"pipe_writer", false, true, true, false, false, true, 300'000},
    {"local_datagram", true, true, false, true, false, false, 1000},
    {"udp", true, true, false, true, false, false, 1000},
    {"acceptor", true, false, false, false, false, false, 1000},
}};

enum class verb : std::uint8_t
{
    read, ///< of an acceptor: accept
    write,
    wait_read,
    wait_write,
    cancel,
    signal, ///< the slot of one of the pending operations
    close,
    reopen, ///< destroys the object and makes one with a new far end
    shutdown,
    reassign, ///< release() and assign() of the same descriptor
    move,
    sync_read,
    sync_write,
    available,
    far_write, ///< of an acceptor: a client connects
    far_read,
    far_end,   ///< the far end closes half
    far_reset, ///< the far end closes, where it is TCP with a reset
    stop,      ///< of the context, which is restarted at once
    race,      ///< what ends first is free, what it ends with is not
};

inline constexpr std::array<const char*, 20> verb_names{
    "read",     "write",     "wait_read",  "wait_write", "cancel",
    "signal",   "close",     "reopen",     "shutdown",   "reassign",
    "move",     "sync_read", "sync_write", "available",  "far_write",
    "far_read", "far_end",   "far_reset",  "stop",       "race"};

/// What the handler of an operation does.
enum class follow_up : std::uint8_t
{
    none,
    again,  ///< the same operation
    answer, ///< a write
    cancel, ///< its own object
    stop,
    raise, ///< an exception, which leaves run()
};

inline constexpr std::array<const char*, 6> follow_up_names{
    "", " then again", " then answer", " then cancel", " then stop", " then raise"};

struct step
{
    unsigned number;
    verb does;
    std::size_t subject;
    std::size_t size;
    unsigned choice;
    follow_up next;
    bool slotted;
};

/// Who takes the steps of a turn.
enum class scene : std::uint8_t
{
    outside,      ///< the program, between two calls of run()
    handler,      ///< one posted handler
    two_handlers, ///< two posted handlers, the first half and the second
    two_timers,   ///< likewise two timers that have expired
};

inline constexpr std::array<const char*, 4> scene_names{
    "outside", "in a handler", "in two handlers", "in two timers"};

struct turn
{
    scene where;
    bool one_by_one; ///< poll_one() instead of poll()
    std::vector<step> steps;
};

/// How a program ends.
enum class ending : std::uint8_t
{
    orderly,            ///< cancels everything
    objects_first,      ///< writes, destroys the objects and runs
    without_a_last_run, ///< writes, destroys the objects and the context
};

struct script
{
    std::vector<kind> subjects;
    std::vector<turn> turns;
    ending end;
};

/// Makes a script. The same seed makes the same one.
class generator
{
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    script make()
    {
        script made;
        for (int i = 0; i != 3; ++i)
            made.subjects.push_back(static_cast<kind>(pick(kind_count)));
        for (std::size_t turns = 4 + pick(14); turns != 0; --turns)
            made.turns.push_back(make_turn(made.subjects));
        made.end = static_cast<ending>(pick(3));
        return made;
    }

private:
    std::size_t pick(std::size_t count) { return random_() % count; }
    bool one_in(std::size_t count) { return pick(count) == 0; }

    turn make_turn(const std::vector<kind>& subjects)
    {
        constexpr std::array scenes{
            scene::outside,
            scene::outside,
            scene::outside,
            scene::handler,
            scene::handler,
            scene::handler,
            scene::two_handlers,
            scene::two_timers};
        turn made{scenes[pick(scenes.size())], one_in(4), {}};
        // Steps meet where they are of one object.
        const std::size_t favourite = pick(subjects.size());
        for (std::size_t steps = 1 + pick(5); steps != 0; --steps) {
            const std::size_t subject = one_in(3) ? pick(subjects.size()) : favourite;
            made.steps.push_back(make_step(subject, facts[subjects[subject]]));
        }
        return made;
    }

    step make_step(std::size_t subject, const kind_facts& of)
    {
        step made{};
        made.number = ++steps_;
        made.subject = subject;
        do
            made.does = random_verb();
        while (!fits(made.does, of));
        made.size = random_size(made.does, of);
        made.choice = static_cast<unsigned>(pick(1000));
        if (one_in(4))
            made.next = static_cast<follow_up>(1 + pick(follow_up_names.size() - 1));
        made.slotted = one_in(2);
        return made;
    }

    verb random_verb()
    {
        // In the order of the verbs.
        constexpr std::array<unsigned, verb_names.size()> weights{
            22, 16, 5, 4, 7, 7, 1, 2, 2, 3, 5, 5, 2, 3, 18, 11, 1, 1, 2, 3};
        std::discrete_distribution<unsigned> any(weights.begin(), weights.end());
        return static_cast<verb>(any(random_));
    }

    static bool fits(verb does, const kind_facts& of)
    {
        switch (does) {
        case verb::read:
        case verb::wait_read:
        case verb::sync_read:
        case verb::far_write:
        case verb::race:
            return of.reads;
        case verb::write:
        case verb::wait_write:
        case verb::sync_write:
        case verb::far_read:
            return of.writes;
        case verb::available:
            return of.socket;
        case verb::shutdown:
            return of.shut_down;
        case verb::far_end:
            return of.reads && of.resets && of.writes;
        case verb::far_reset:
            return of.resets;
        default:
            return true;
        }
    }

    std::size_t random_size(verb does, const kind_facts& of)
    {
        std::size_t size = 1 + pick(200);
        if (one_in(8))
            size = 3000;
        if (one_in(8))
            size = does == verb::far_write ? 60'000 : of.largest;
        // Nothing but a datagram that is too long for its reader is cut off.
        return does == verb::read || size < of.largest ? size : of.largest;
    }

    std::mt19937_64 random_;
    unsigned steps_ = 0;
};

/// The script in words, a line a turn.
inline std::string to_text(const script& of)
{
    std::ostringstream text;
    for (const turn& each : of.turns) {
        text << scene_names[static_cast<std::size_t>(each.where)]
             << (each.one_by_one ? ", one by one:" : ":");
        for (const step& s : each.steps) {
            text << "  " << s.number << ' '
                 << verb_names[static_cast<std::size_t>(s.does)] << ' ' << s.subject
                 << ':' << facts[of.subjects[s.subject]].name << ' ' << s.size
                 << (s.slotted ? " slotted" : "")
                 << follow_up_names[static_cast<std::size_t>(s.next)] << ';';
        }
        text << '\n';
    }
    text << "ending " << static_cast<int>(of.end) << '\n';
    return text.str();
}

} // namespace asio_uring::test::script
