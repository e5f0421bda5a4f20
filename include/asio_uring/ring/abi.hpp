// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the kernel's io_uring binary interface, in our own words.
// Thread: any. Lifetime: none; constants and plain structs only.
//
// These are own definitions, not the system's <linux/io_uring.h>: the header of the build
// machine says nothing about the running kernel, and its names are macros. A name here is
// the kernel's name in lower case without its IORING_ prefix; IOSQE_X is sqe_x.
#pragma once

#include <asio_uring/ring/abi/entries.hpp>
#include <asio_uring/ring/abi/flags.hpp>
#include <asio_uring/ring/abi/op_flags.hpp>
#include <asio_uring/ring/abi/opcode.hpp>
#include <asio_uring/ring/abi/registration.hpp>
#include <asio_uring/ring/abi/setup.hpp>
