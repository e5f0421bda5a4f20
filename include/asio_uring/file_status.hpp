// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: what async_stat() tells of a file.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/request/file_status.hpp>
