// SPDX-License-Identifier: BSL-1.0
// Operation aggregates: what each of them writes into an entry. No ring is involved.
#include "../support/bounded_main.hpp"
