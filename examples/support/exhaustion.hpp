// SPDX-License-Identifier: BSL-1.0
// Purpose: what a server does where an accept fails for want of descriptors or memory.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>

namespace example {

/// Whether others have to give something back before the next accept can succeed. Trying
/// again at once would only burn the processor.
inline bool is_exhausted(const boost::system::error_code& error)
{
    namespace errc = boost::system::errc;
    return error == errc::too_many_files_open ||
           error == errc::too_many_files_open_in_system ||
           error == errc::no_buffer_space || error == errc::not_enough_memory;
}

/// How long to wait before that.
constexpr std::chrono::milliseconds exhaustion_pause{100};

} // namespace example
