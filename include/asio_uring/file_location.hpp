// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: directory_handle, and where a file is from there.
// The definition stands in the lowest layer that needs it. Thread, lifetime: see there.
#pragma once

#include <asio_uring/detail/request/file_location.hpp>
