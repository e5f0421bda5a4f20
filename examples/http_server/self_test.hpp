// SPDX-License-Identifier: BSL-1.0
// Purpose: the server against a client of the same process.
#pragma once

namespace http_server {

/// Serves a temporary directory to a client in this process and says on standard output
/// what went wrong, if anything; then the statistics. True when every answer was right.
bool self_test();

} // namespace http_server
