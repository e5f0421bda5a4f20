// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: version, platform check, the mark of exported names and the
// assert macro. Thread: any. Lifetime: none.
#pragma once

#if !defined(__linux__)
#    error "asio_uring needs Linux: io_uring is a Linux system call interface."
#    define ASIO_URING_REFUSED
#elif __SIZEOF_POINTER__ < 8
#    error "asio_uring needs a 64-bit system: compile without -m32 and -mx32."
#    define ASIO_URING_REFUSED
#elif __cplusplus < 202002L
#    error "asio_uring needs C++20: compile with -std=c++20 or newer."
#    define ASIO_URING_REFUSED
#endif

// A compiler goes on after #error, and hundreds of errors would follow. It does not go on
// without a file.
#if defined(ASIO_URING_REFUSED)
#    include <asio_uring/ring/the_error_above_ends_the_compilation>
#endif

#include <cassert>

#define ASIO_URING_VERSION_MAJOR 0
#define ASIO_URING_VERSION_MINOR 1
#define ASIO_URING_VERSION_PATCH 0

/// The version as one comparable number: major * 10000 + minor * 100 + patch.
#define ASIO_URING_VERSION                                               \
    (ASIO_URING_VERSION_MAJOR * 10000 + ASIO_URING_VERSION_MINOR * 100 + \
     ASIO_URING_VERSION_PATCH)

/// Marks a class or function of an installed header that the compiled part defines. A
/// shared library hides every name without this mark. The mark is the same for a shared
/// and a static library, so a program defines nothing to choose between the two.
#define ASIO_URING_DECL [[gnu::visibility("default")]]

/// Checks an invariant of the library. A failure is a defect of the caller or of the
/// library, never a condition of the running system; those are error codes.
#if !defined(ASIO_URING_ASSERT)
#    define ASIO_URING_ASSERT(expression) assert(expression)
#endif
