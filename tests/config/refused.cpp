// SPDX-License-Identifier: BSL-1.0
// What a build that the library cannot sit under says first.
// ASIO_URING_TEST_BOOST_VERSION plays an older Boost.

#ifdef ASIO_URING_TEST_BOOST_VERSION
#    define BOOST_VERSION_HPP
#    define BOOST_VERSION ASIO_URING_TEST_BOOST_VERSION
#    define BOOST_LIB_VERSION "1_80"
#endif

#include ASIO_URING_TEST_HEADER
