// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: move every socket, acceptor and timer of a program onto the
// ring, with no change to its source. Thread: none. Lifetime: none.
#pragma once

// Included ahead of everything else in every translation unit of a program; the CMake
// function asio_uring_drop_in(target) does that. A program in which only some translation
// units saw it has two definitions of Asio's I/O objects and is ill-formed: apply it to
// the whole program, its libraries that instantiate Asio included; most of what is
// forgotten is noticed when the program is linked or started. Macros that configure Asio
// belong on the command line then, because this header comes before the first line of the
// source file.
#include <asio_uring/detail/object/redirect_all.hpp>
