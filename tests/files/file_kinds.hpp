// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the subjects of the file suites. Asio's own files run on
// its own io_uring and show that an expectation is Asio's. Thread: none. Lifetime: types.
#pragma once

#include "../support/drive.hpp"
#include "../support/forbidden_ring.hpp"
#include "../support/recorder.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/io_context.hpp>
#ifdef BOOST_ASIO_HAS_IO_URING
#    include <boost/asio/random_access_file.hpp>
#    include <boost/asio/stream_file.hpp>
#endif
#include <boost/test/unit_test.hpp>

#include <string>
#include <tuple>
#include <utility>

namespace asio_uring::test {

namespace asio = boost::asio;
using boost::system::error_code;

/// By the type that names no context's kind.
struct ring_files
{
    static constexpr bool is_ours = true;
    using context = asio_uring::io_context;
    using random = asio_uring::random_access_file;
    using stream = asio_uring::stream_file;
    template <typename Executor>
    using random_of = asio_uring::basic_random_access_file<Executor>;
    template <typename Executor>
    using stream_of = asio_uring::basic_stream_file<Executor>;
    using executor = asio_uring::executor;
};

#ifdef BOOST_ASIO_HAS_IO_URING
struct stock_files
{
    static constexpr bool is_ours = false;
    using context = asio::io_context;
    using random = asio::random_access_file;
    using stream = asio::stream_file;
    template <typename Executor>
    using random_of = asio::basic_random_access_file<Executor>;
    template <typename Executor>
    using stream_of = asio::basic_stream_file<Executor>;
    using executor = asio::io_context::executor_type;
};

using file_kinds = std::tuple<stock_files, ring_files>;
#else
using file_kinds = std::tuple<ring_files>;
#endif

/// Asio's own files throw where there is no io_uring.
template <typename Files>
bool has_files()
{
    return Files::is_ours || !ring_is_forbidden();
}

/// A context, a folder, and a recorder.
template <typename Files>
struct file_fixture
{
    temporary_directory folder;
    typename Files::context context;
    recorder log;

    std::string path(const char* name = "file") const { return folder.path(name); }
};

} // namespace asio_uring::test
