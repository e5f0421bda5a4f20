// Layer: op. Purpose: the whole ring layer, for programs that use no Asio; nothing at all
// where there is no io_uring. Thread: any. Lifetime: none.
//
// Portable code includes this and tests the macro. Every other header of the library
// refuses to compile on another system, with a sentence that says so.
#ifndef ASIO_URING_RING_LAYER_HPP
#define ASIO_URING_RING_LAYER_HPP

#if defined(__linux__)

/// 1 where the ring layer is declared, else 0.
#    define ASIO_URING_HAS_RING 1

#    include <asio_uring/buffer_ring.hpp>
#    include <asio_uring/context_status.hpp>
#    include <asio_uring/environment.hpp>
#    include <asio_uring/error.hpp>
#    include <asio_uring/kernel_features.hpp>
#    include <asio_uring/log.hpp>
#    include <asio_uring/napi.hpp>
#    include <asio_uring/op.hpp>
#    include <asio_uring/operation_table.hpp>
#    include <asio_uring/personality.hpp>
#    include <asio_uring/provided_buffers.hpp>
#    include <asio_uring/recvmsg_result.hpp>
#    include <asio_uring/registered_buffers.hpp>
#    include <asio_uring/registered_eventfd.hpp>
#    include <asio_uring/registered_files.hpp>
#    include <asio_uring/request_filter.hpp>
#    include <asio_uring/restrictions.hpp>
#    include <asio_uring/ring.hpp>
#    include <asio_uring/ring_options.hpp>
#    include <asio_uring/sync_cancel.hpp>
#    include <asio_uring/sync_message.hpp>
#    include <asio_uring/wait_region.hpp>
#    include <asio_uring/worker_limits.hpp>
#    include <asio_uring/zero_copy_receive.hpp>

#else

#    define ASIO_URING_HAS_RING 0

#endif

#endif // ASIO_URING_RING_LAYER_HPP
