// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the path a context takes, as a value.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/context/context_status.hpp>
