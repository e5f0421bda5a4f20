// SPDX-License-Identifier: BSL-1.0
// The ring layer with no Asio in sight: setup, queues, waits, probing, error texts.
#include "../support/bounded_main.hpp"
