// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the whole ring layer, for programs that use no Asio; nothing at
// all where there is no io_uring. Thread: any. Lifetime: none.
//
// Portable code includes this header and tests the macro. On another system every other
// header of the library refuses to compile, with a sentence that says so.
#pragma once

#if defined(__linux__)

/// 1 where the ring layer is declared, else 0.
#    define ASIO_URING_HAS_RING 1

#    include <asio_uring/op.hpp>
#    include <asio_uring/ring/abi.hpp>
#    include <asio_uring/ring/buffer_ring.hpp>
#    include <asio_uring/ring/completion_queue.hpp>
#    include <asio_uring/ring/config.hpp>
#    include <asio_uring/ring/environment.hpp>
#    include <asio_uring/ring/error.hpp>
#    include <asio_uring/ring/fixed_buffer.hpp>
#    include <asio_uring/ring/kernel_features.hpp>
#    include <asio_uring/ring/napi.hpp>
#    include <asio_uring/ring/operation_table.hpp>
#    include <asio_uring/ring/personality.hpp>
#    include <asio_uring/ring/provided_buffers.hpp>
#    include <asio_uring/ring/raw.hpp>
#    include <asio_uring/ring/recvmsg_result.hpp>
#    include <asio_uring/ring/registered_buffers.hpp>
#    include <asio_uring/ring/registered_eventfd.hpp>
#    include <asio_uring/ring/registered_files.hpp>
#    include <asio_uring/ring/request_filter.hpp>
#    include <asio_uring/ring/restrictions.hpp>
#    include <asio_uring/ring/ring.hpp>
#    include <asio_uring/ring/ring_options.hpp>
#    include <asio_uring/ring/submission_queue.hpp>
#    include <asio_uring/ring/sync_cancel.hpp>
#    include <asio_uring/ring/sync_message.hpp>
#    include <asio_uring/ring/timespec.hpp>
#    include <asio_uring/ring/tx_timestamp_result.hpp>
#    include <asio_uring/ring/update_result.hpp>
#    include <asio_uring/ring/wait_region.hpp>
#    include <asio_uring/ring/worker_limits.hpp>
#    include <asio_uring/ring/zero_copy_receive.hpp>

#else

#    define ASIO_URING_HAS_RING 0

#endif
