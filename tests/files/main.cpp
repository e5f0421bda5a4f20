// SPDX-License-Identifier: BSL-1.0
// The files: each case runs on the ring's, and where Asio's own were built, on those.
#include "../support/bounded_main.hpp"
