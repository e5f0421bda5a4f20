// SPDX-License-Identifier: BSL-1.0
// What Asio's templates make of the objects: each executor, composed operation and idiom
// that they can meet.
#include "../support/bounded_main.hpp"
