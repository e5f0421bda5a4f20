// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: tell the program which path a context takes.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/context/log.hpp>
