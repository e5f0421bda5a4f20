// SPDX-License-Identifier: BSL-1.0
// What a program of someone else compiles once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <iostream>
