// SPDX-License-Identifier: BSL-1.0
// A library of someone else that uses the ring layer.

#include <asio_uring/ring/environment.hpp>

bool has_ring() { return asio_uring::environment::inspect().has_ring(); }
