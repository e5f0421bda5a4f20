// SPDX-License-Identifier: BSL-1.0
// One case per promise of five other io_uring bindings; docs/coverage.md lists them.
#include "../support/bounded_main.hpp"
