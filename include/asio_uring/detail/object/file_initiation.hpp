// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what the initiating functions of a file give to a completion
// token: the file's executor, and the call that starts the operation.
// Thread: the initiating one. Lifetime: the file outlives the start.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/system/system_error.hpp>

#include <type_traits>
#include <utility>

namespace asio_uring::detail {

/// Throws what a member without an error_code& reports.
inline void throw_if(const boost::system::error_code& ec, const char* what)
{
    if (ec)
        throw boost::system::system_error(ec, what);
}

/// Start is a function of the I/O object, the handler and the arguments.
template <typename Object, typename Start>
class file_initiation
{
public:
    using executor_type = typename Object::executor_type;

    file_initiation(Object& object, Start start) : object_(&object), start_(start) {}

    const executor_type& get_executor() const noexcept { return object_->get_executor(); }

    template <typename Handler, typename... Args>
    void operator()(Handler&& handler, Args&&... args) const
    {
        // The operation moves from its handler, which a caller may still need.
        if constexpr (std::is_lvalue_reference_v<Handler> || std::is_const_v<Handler>) {
            std::decay_t<Handler> stored(handler);
            start_(*object_, stored, std::forward<Args>(args)...);
        }
        else {
            start_(*object_, handler, std::forward<Args>(args)...);
        }
    }

private:
    Object* object_;
    [[no_unique_address]] Start start_;
};

} // namespace asio_uring::detail
