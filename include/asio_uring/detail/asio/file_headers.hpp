// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: take the names of Asio's files, for drop_in.hpp to give them to
// the ring's. Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/detail/config.hpp>

#if !defined(BOOST_ASIO_DISABLE_FILE)

#    if defined(BOOST_ASIO_FILE_BASE_HPP) || defined(BOOST_ASIO_STREAM_FILE_HPP) || \
        defined(BOOST_ASIO_RANDOM_ACCESS_FILE_HPP)
#        error "asio_uring/drop_in.hpp comes before every header of Asio."
#    endif

// Asio's own headers have nothing to say from here. Where Asio was built with its
// io_uring, its files would run on a second ring.
#    define BOOST_ASIO_FILE_BASE_HPP
#    define BOOST_ASIO_BASIC_FILE_HPP
#    define BOOST_ASIO_BASIC_RANDOM_ACCESS_FILE_HPP
#    define BOOST_ASIO_BASIC_STREAM_FILE_HPP
#    define BOOST_ASIO_RANDOM_ACCESS_FILE_HPP
#    define BOOST_ASIO_STREAM_FILE_HPP

// Programs ask by this macro whether there are files.
#    if !defined(BOOST_ASIO_HAS_FILE)
#        define BOOST_ASIO_HAS_FILE 1
#    endif

#endif
