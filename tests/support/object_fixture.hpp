// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: what most cases of the object suites start with, a
// context, an object on it and a recorder. Thread: the test's own. Lifetime: the context
// outlives the object and the recorder.
//
//     auto [context, link, log] = fixture<Backend>();
//     auto [context, timer, log] = fixture<Backend, steady_timer>(1h);
//
// A case takes the parts by name, so that the name says what the object is. Boost.Test's
// own fixtures are base classes: the cases are templates and would have to write `this->`
// before each part, and a base class is not made afresh in each turn of a loop.
#pragma once

#include "backend.hpp"
#include "loopback.hpp"
#include "recorder.hpp"

#include <utility>

namespace asio_uring::test {

/// A context, an object made with it and the arguments, and a recorder.
template <typename Backend, template <typename> class Object = loopback>
struct fixture
{
    template <typename... Args>
    explicit fixture(Args&&... args) : object(context, std::forward<Args>(args)...)
    {}

    typename Backend::io_context context;
    Object<Backend> object;
    recorder log;
};

/// A TCP socket that is not open yet.
template <typename Backend>
using stream_socket = typename Backend::socket;

template <typename Backend>
using stream_acceptor = typename Backend::acceptor;

} // namespace asio_uring::test
