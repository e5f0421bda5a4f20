// SPDX-License-Identifier: BSL-1.0
// The one unit that holds Asio's functions when BOOST_ASIO_SEPARATE_COMPILATION keeps
// them out of its headers, and this library's loop likewise.

#include <asio_uring/src.hpp>

#include <boost/asio/impl/src.hpp>
