// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: move every socket, acceptor, descriptor, pipe, timer and file
// of a program onto the ring, with no change to its source. Thread: none. Lifetime: none.
#pragma once

// Every translation unit of a program includes this header ahead of everything else; the
// CMake function asio_uring_drop_in(target) sees to that. A program in which only some
// translation units include it has two definitions of Asio's I/O objects and is
// ill-formed. So the whole program includes it, with all of its libraries that
// instantiate Asio. Linking or starting the program reports most of the units that were
// forgotten. Macros that configure Asio belong on the command line, because this header
// comes before the first line of the source file.
#include <asio_uring/detail/object/redirect_all.hpp>
// This one comes before Asio's headers of files.
#include <asio_uring/detail/asio/file_headers.hpp>
#include <asio_uring/file_base.hpp>
#include <asio_uring/random_access_file.hpp>
#include <asio_uring/stream_file.hpp>

#include <boost/asio/any_io_executor.hpp>

// A program whose contexts are each run by one thread for good. One unit says it for all.
#if defined(ASIO_URING_SINGLE_ISSUER) && ASIO_URING_SINGLE_ISSUER
#    include <asio_uring/detail/context/single_issuer_build.hpp>
#endif

// Asio has files only beside an io_uring of its own. A program that uses them by their
// names gets the ring's.
#if !defined(BOOST_ASIO_DISABLE_FILE)

namespace boost::asio {

using file_base = asio_uring::file_base;

template <typename Executor = any_io_executor>
using basic_file = asio_uring::basic_file<Executor>;

template <typename Executor = any_io_executor>
using basic_random_access_file = asio_uring::basic_random_access_file<Executor>;

template <typename Executor = any_io_executor>
using basic_stream_file = asio_uring::basic_stream_file<Executor>;

using random_access_file = basic_random_access_file<>;
using stream_file = basic_stream_file<>;

} // namespace boost::asio

#endif
