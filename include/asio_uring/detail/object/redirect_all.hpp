// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: every socket, descriptor, pipe and timer of a program on the
// ring, whatever its executor. Thread: none. Lifetime: none.
#pragma once

// This one comes before every header of Asio.
#include <asio_uring/detail/asio/redirect_all.hpp>
#include <asio_uring/detail/object/redirect.hpp>
