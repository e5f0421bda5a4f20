// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: version, platform check and assert macro.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/ring/config.hpp>
