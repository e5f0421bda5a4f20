// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the executors that put objects on the ring.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/asio/executor.hpp>
