// SPDX-License-Identifier: BSL-1.0
// The typed suite "one suite over both": every case runs on Asio's objects and on the
// ring's.
#include "../support/bounded_main.hpp"
