// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: how a ring is set up.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/ring/ring_options.hpp>
