// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the part of the library that a program may compile once,
// instead of in each unit with an object of the ring. Thread: none. Lifetime: none.
#pragma once

// What touches Asio is compiled with the program's own Boost and Asio's macros, so the
// compiled library cannot have it. A program that defines ASIO_URING_SEPARATE_COMPILATION
// for all of its units includes this header in exactly one source file. It does for this
// library what boost/asio/impl/src.hpp does for Asio, and neither needs the other.
#ifndef ASIO_URING_SEPARATE_COMPILATION
#    define ASIO_URING_SEPARATE_COMPILATION
#endif

#include <asio_uring/detail/loop/event_loop.hpp>

namespace asio_uring::detail {

template class basic_event_loop<ring>;

} // namespace asio_uring::detail
