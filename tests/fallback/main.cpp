// SPDX-License-Identifier: BSL-1.0
// Contexts that get no ring: for every reason, in a process where the reason is real.
#include "../support/bounded_main.hpp"
