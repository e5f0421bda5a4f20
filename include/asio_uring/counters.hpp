// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: what a context's ring has done, in numbers.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/loop/counters.hpp>
