// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: everything a program over Asio uses: the objects, the functions
// and the operations. The bare ring has ring_layer.hpp. Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/aligned_buffer.hpp>
#include <asio_uring/basic_file.hpp>
#include <asio_uring/config.hpp>
#include <asio_uring/connect_pipe.hpp>
#include <asio_uring/context_pool.hpp>
#include <asio_uring/context_status.hpp>
#include <asio_uring/counters.hpp>
#include <asio_uring/error.hpp>
#include <asio_uring/executor.hpp>
#include <asio_uring/file_base.hpp>
#include <asio_uring/file_slot.hpp>
#include <asio_uring/generic/datagram_protocol.hpp>
#include <asio_uring/generic/raw_protocol.hpp>
#include <asio_uring/generic/seq_packet_protocol.hpp>
#include <asio_uring/generic/stream_protocol.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/ip/icmp.hpp>
#include <asio_uring/ip/tcp.hpp>
#include <asio_uring/ip/udp.hpp>
#include <asio_uring/leave_ring.hpp>
#include <asio_uring/link.hpp>
#include <asio_uring/local/connect_pair.hpp>
#include <asio_uring/local/datagram_protocol.hpp>
#include <asio_uring/local/seq_packet_protocol.hpp>
#include <asio_uring/local/stream_protocol.hpp>
#include <asio_uring/log.hpp>
#include <asio_uring/object_counters.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/posix/descriptor.hpp>
#include <asio_uring/posix/stream_descriptor.hpp>
#include <asio_uring/random_access_file.hpp>
#include <asio_uring/readable_pipe.hpp>
#include <asio_uring/result_stream.hpp>
#include <asio_uring/ring_options.hpp>
#include <asio_uring/serial_port.hpp>
#include <asio_uring/signal_set.hpp>
#include <asio_uring/splice.hpp>
#include <asio_uring/status.hpp>
#include <asio_uring/stream_file.hpp>
#include <asio_uring/submit.hpp>
#include <asio_uring/timers.hpp>
#include <asio_uring/use_ring.hpp>
#include <asio_uring/writable_pipe.hpp>
