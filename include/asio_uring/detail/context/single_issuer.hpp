// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: whether each context of this program is run by one thread for
// good, which makes all of their rings single-issuer ones. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

extern "C" {
/// Its address says that a part of the program was compiled with
/// ASIO_URING_SINGLE_ISSUER. The linker fills it in, because a context may be made before
/// any constructor of that part has run.
[[gnu::weak, gnu::visibility("default")]] extern const char asio_uring_single_issuer;
}

namespace asio_uring::detail {

/// Whether the program promises one thread to each of its contexts. The environment
/// variable ASIO_URING_SINGLE_ISSUER says so, or else the program's build.
ASIO_URING_DECL bool program_promises_single_issuer() noexcept;

} // namespace asio_uring::detail
