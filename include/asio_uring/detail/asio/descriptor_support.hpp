// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's own service of descriptors and pipes, and the three
// private members of its implementation that the redirected service sets itself. Thread:
// as Asio's descriptors. Lifetime: services live as long as their execution context.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>

#include <boost/asio/detail/buffer_sequence_adapter.hpp>
#include <boost/asio/detail/descriptor_ops.hpp>
#include <boost/asio/detail/reactive_descriptor_service.hpp>

namespace asio_uring::detail::asio_impl {

namespace descriptor_ops = boost::asio::detail::descriptor_ops;

using boost::asio::detail::reactive_descriptor_service;

using descriptor_implementation = reactive_descriptor_service::implementation_type;

// As in reactor_access.hpp: an explicit instantiation may name private members, and a
// Boost release that renames or retypes one fails to build here.
template <auto Descriptor, auto State, auto ReactorData>
struct descriptor_member_reader
{
    friend int& descriptor_of(descriptor_implementation& impl)
    {
        return impl.*Descriptor;
    }

    friend descriptor_ops::state_type& state_of(descriptor_implementation& impl)
    {
        return impl.*State;
    }

    friend epoll_reactor::per_descriptor_data&
    reactor_data_of(descriptor_implementation& impl)
    {
        return impl.*ReactorData;
    }
};

int& descriptor_of(descriptor_implementation& impl);
descriptor_ops::state_type& state_of(descriptor_implementation& impl);
epoll_reactor::per_descriptor_data& reactor_data_of(descriptor_implementation& impl);

template struct descriptor_member_reader<
    &descriptor_implementation::descriptor_,
    &descriptor_implementation::state_,
    &descriptor_implementation::reactor_data_>;

} // namespace asio_uring::detail::asio_impl
