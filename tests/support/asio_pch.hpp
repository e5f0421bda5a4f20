// SPDX-License-Identifier: BSL-1.0

#pragma once

// Layer: test support.
// Purpose: what every test program over Asio includes, compiled once for all of them.
// Thread: any.
// Lifetime: none.

#include <boost/asio.hpp>
#include <boost/test/unit_test.hpp>
