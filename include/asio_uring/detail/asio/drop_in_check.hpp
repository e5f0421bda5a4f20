// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: notice, before main(), that a part of the program was compiled
// without drop_in.hpp and makes I/O objects of its own kind. Thread: the one that loads
// the program. Lifetime: static.
//
// An I/O object reaches its service through a static object that Asio keeps per service
// type. Every unit that makes an object on a service has the symbol of that static
// object. A unit with drop_in.hpp has no such symbol of the services it moves away from.
// It refers to these symbols weakly instead, and finds one only where another unit has
// brought it in. Those two units have different ideas of what is inside Asio's sockets,
// and nothing they share would work.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdio>
#include <cstdlib>

// The mangled names of a service's key and of its id. A unit without run-time type
// information has only the id. S0_ is boost::asio, S1_ its detail.
#define ASIO_URING_STOCK_SERVICE(name, mangled)                   \
    extern "C" [[gnu::weak]] const char name##_key __asm__(       \
        "_ZTIN5boost4asio6detail14typeid_wrapperI" mangled "EE"); \
    extern "C" [[gnu::weak]] const char name##_id __asm__(        \
        "_ZN5boost4asio6detail30execution_context_service_baseI" mangled "E2idE")
#define ASIO_URING_STOCK_SOCKET(name, protocol) \
    ASIO_URING_STOCK_SERVICE(name, "NS1_23reactive_socket_serviceINS0_" protocol "EEE")
#define ASIO_URING_STOCK_TIMER(name, clock)                            \
    ASIO_URING_STOCK_SERVICE(                                          \
        name,                                                          \
        "NS1_22deadline_timer_serviceINS1_18chrono_time_traitsI" clock \
        "NS0_11wait_traitsIS7_EEEEEE")
#if defined(_LIBCPP_VERSION)
#    define ASIO_URING_MANGLED_CLOCK(clock) "NSt3__16chrono" clock "E"
#else
#    define ASIO_URING_MANGLED_CLOCK(clock) "NSt6chrono3_V2" clock "E"
#endif

namespace asio_uring::detail::asio_impl {

ASIO_URING_STOCK_SOCKET(asio_uring_stock_tcp, "2ip3tcp");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_udp, "2ip3udp");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_icmp, "2ip4icmp");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_local_stream, "5local15stream_protocol");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_local_datagram, "5local17datagram_protocol");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_local_seq_packet, "5local19seq_packet_protocol");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_generic_stream, "7generic15stream_protocol");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_generic_datagram, "7generic17datagram_protocol");
ASIO_URING_STOCK_SOCKET(asio_uring_stock_generic_raw, "7generic12raw_protocol");
ASIO_URING_STOCK_SOCKET(
    asio_uring_stock_generic_seq_packet, "7generic19seq_packet_protocol");
ASIO_URING_STOCK_SERVICE(
    asio_uring_stock_descriptor, "NS1_27reactive_descriptor_serviceE");
ASIO_URING_STOCK_TIMER(
    asio_uring_stock_steady_timer, ASIO_URING_MANGLED_CLOCK("12steady_clock"));
ASIO_URING_STOCK_TIMER(
    asio_uring_stock_system_timer, ASIO_URING_MANGLED_CLOCK("12system_clock"));
ASIO_URING_STOCK_SERVICE(
    asio_uring_stock_deadline_timer,
    "NS1_22deadline_timer_serviceINS0_11time_traitsINS_10posix_time5ptimeEEEEE");

/// A kind of object, and whether a part of the program makes it without drop_in.hpp.
struct stock_object
{
    const char* kind;
    const char* key; // null, or the address of a symbol of that part
    const char* id;

    bool is_made() const noexcept { return key != nullptr || id != nullptr; }
};

#define ASIO_URING_STOCK(kind, name) \
    stock_object { kind, &name##_key, &name##_id }

// Runs before any object of static storage duration is made, because those may be I/O
// objects.
[[gnu::constructor(102)]] static void refuse_a_mixed_program()
{
    const stock_object objects[] = {
        ASIO_URING_STOCK("TCP", asio_uring_stock_tcp),
        ASIO_URING_STOCK("UDP", asio_uring_stock_udp),
        ASIO_URING_STOCK("ICMP", asio_uring_stock_icmp),
        ASIO_URING_STOCK("local stream", asio_uring_stock_local_stream),
        ASIO_URING_STOCK("local datagram", asio_uring_stock_local_datagram),
        ASIO_URING_STOCK("local seqpacket", asio_uring_stock_local_seq_packet),
        ASIO_URING_STOCK("generic stream", asio_uring_stock_generic_stream),
        ASIO_URING_STOCK("generic datagram", asio_uring_stock_generic_datagram),
        ASIO_URING_STOCK("generic raw", asio_uring_stock_generic_raw),
        ASIO_URING_STOCK("generic seqpacket", asio_uring_stock_generic_seq_packet),
        ASIO_URING_STOCK("descriptor or pipe", asio_uring_stock_descriptor),
        ASIO_URING_STOCK("steady timer", asio_uring_stock_steady_timer),
        ASIO_URING_STOCK("system timer", asio_uring_stock_system_timer),
        ASIO_URING_STOCK("deadline timer", asio_uring_stock_deadline_timer),
    };
    bool mixed = false;
    for (const stock_object& object : objects) {
        if (!object.is_made())
            continue;
        std::fprintf(
            stderr,
            mixed ? ", %s" : "asio_uring: objects made without drop_in.hpp: %s",
            object.kind);
        mixed = true;
    }
    if (!mixed)
        return;
    std::fputs(
        "\nasio_uring: this program saw asio_uring/drop_in.hpp only in part, and the two "
        "kinds of objects have the same types but not the same inside. Name every target "
        "of the program whose sources include Asio in asio_uring_drop_in(), libraries "
        "included, or use asio_uring's own names instead of drop_in.hpp.\n",
        stderr);
    std::abort();
}

#undef ASIO_URING_STOCK

} // namespace asio_uring::detail::asio_impl

#undef ASIO_URING_MANGLED_CLOCK
#undef ASIO_URING_STOCK_TIMER
#undef ASIO_URING_STOCK_SOCKET
#undef ASIO_URING_STOCK_SERVICE
