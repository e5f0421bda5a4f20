// SPDX-License-Identifier: BSL-1.0
//
// What of Boost.Redis is compiled.

#include <boost/redis/src.hpp>
