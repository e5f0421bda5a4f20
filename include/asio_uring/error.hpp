// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the errors of the library.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/ring/error.hpp>
