// Layer: public. Purpose: every public header, nothing else. Thread: none. Lifetime:
// none.
#pragma once

#include <asio_uring/config.hpp>
#include <asio_uring/context_status.hpp>
#include <asio_uring/counters.hpp>
#include <asio_uring/error.hpp>
#include <asio_uring/executor.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/ip/tcp.hpp>
#include <asio_uring/log.hpp>
#include <asio_uring/ring.hpp>
#include <asio_uring/ring_options.hpp>
#include <asio_uring/splice.hpp>
#include <asio_uring/status.hpp>
#include <asio_uring/submit.hpp>
#include <asio_uring/timers.hpp>
#include <asio_uring/use_ring.hpp>
