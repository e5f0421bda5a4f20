// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: every operation aggregate.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/op/buffers.hpp>
#include <asio_uring/op/cancel.hpp>
#include <asio_uring/op/command.hpp>
#include <asio_uring/op/common.hpp>
#include <asio_uring/op/descriptor.hpp>
#include <asio_uring/op/directory.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/futex.hpp>
#include <asio_uring/op/list.hpp>
#include <asio_uring/op/message.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/op/pipe.hpp>
#include <asio_uring/op/poll.hpp>
#include <asio_uring/op/process.hpp>
#include <asio_uring/op/read_write.hpp>
#include <asio_uring/op/receive.hpp>
#include <asio_uring/op/registered.hpp>
#include <asio_uring/op/send.hpp>
#include <asio_uring/op/socket.hpp>
#include <asio_uring/op/timeout.hpp>
#include <asio_uring/op/xattr.hpp>
