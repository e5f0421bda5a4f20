// SPDX-License-Identifier: BSL-1.0
// The one unit that holds Asio's functions when BOOST_ASIO_SEPARATE_COMPILATION keeps
// them out of its headers.

#include <boost/asio/impl/src.hpp>
