// SPDX-License-Identifier: BSL-1.0
// Cases with more than one thread; the program is also run under the thread sanitizer.
#include "../support/bounded_main.hpp"
