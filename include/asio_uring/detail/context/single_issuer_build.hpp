// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the promise of a program that is compiled with
// ASIO_URING_SINGLE_ISSUER. Thread: none. Lifetime: static.
#pragma once

#include <asio_uring/detail/context/single_issuer.hpp>

extern "C" {
const char asio_uring_single_issuer = 1;
}
