// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/ring/error.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/error_condition.hpp>

namespace asio_uring {

namespace {

const char* registration_message(errc value)
{
    switch (value) {
    case errc::buffers_registered:
        return "the ring already has a table of registered buffers; update it, "
               "clone into it, or unregister it first";
    case errc::files_registered:
        return "the ring already has a table of registered files; update it, "
               "or unregister it first";
    case errc::buffer_group_registered:
        return "the ring already has buffers under this group number; choose another "
               "number, or unregister that group first";
    case errc::index_out_of_range:
        return "the table of the ring has no such place; keep to its size(), or register "
               "a larger table";
    case errc::table_size_out_of_range:
        return "a table has at least one place; a ring takes up to 16384 buffers, and as "
               "many files as RLIMIT_NOFILE allows (ulimit -n)";
    case errc::tags_do_not_match:
        return "give no tag at all, or one for each buffer or file";
    case errc::locked_memory_exhausted:
        return "registered memory counts against the memory-lock limit of the user, and "
               "what is left of it is too little; raise RLIMIT_MEMLOCK (ulimit -l, "
               "LimitMEMLOCK= of a service), register less, or grant CAP_IPC_LOCK";
    case errc::ring_in_file_table:
        return "the descriptor of a ring cannot stand in a table of registered files; "
               "leave it out";
    case errc::buffer_ring_out_of_range:
        return "a buffer ring takes 1 to 32768 buffers of at least one byte, and its "
               "number of entries is a power of two";
    case errc::unsupported_buffer_ring:
        return "the running kernel does not know this kind of buffer ring; memory of the "
               "kernel needs 6.4, incremental use 6.12";
    case errc::no_ring_descriptor:
        return "this needs the descriptor of the ring, and the ring has none; create it "
               "without abi::setup_registered_fd_only and "
               "ring_options::close_descriptor, or use memory of the application";
    case errc::ring_memory_unusable:
        return "memory for the kernel has to start at a page and to be large enough: "
               "for a ring both spans of what required_ring_memory() says, for a "
               "buffer_ring 16 bytes per entry, for a wait_region whole pages";
    case errc::not_resizable:
        return "only a ring with abi::setup_defer_taskrun and setup_no_sqarray can be "
               "resized; create it with these and setup_single_issuer";
    case errc::size_too_small:
        return "the new size does not hold the entries that stand in the rings; "
               "submit and reap them first, or ask for more";
    case errc::ring_not_disabled:
        return "this has to come before enable(); create the ring with "
               "abi::setup_r_disabled";
    case errc::already_registered:
        return "the ring has such a registration; unregister it first, or create "
               "another ring where that is impossible";
    case errc::not_registered:
        return "the ring has no such registration; register one first";
    case errc::unsupported_register_call:
        return "the running kernel does not know this register call; "
               "kernel_features::running() lists those it knows";
    default:
        return "unknown error";
    }
}

class category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "asio_uring"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) {
        case errc::unsupported_setup_flag:
            return "the running kernel does not know a required setup flag";
        case errc::setup_flag_not_offered:
            return "a required setup flag is not offered by ring_options";
        case errc::conflicting_setup_flags:
            return "the required setup flags contradict each other";
        case errc::entries_out_of_range:
            return "the number of submission entries is out of range";
        case errc::cq_entries_out_of_range:
            return "the number of completion entries is out of range";
        case errc::kernel_too_old:
            return "the running kernel's io_uring is too old";
        case errc::not_open:
            return "the ring is not open";
        case errc::wrong_thread:
            return "a single-issuer ring belongs to the thread that created it, enabled "
                   "it, or first ran its context; use it there only, or leave "
                   "abi::setup_single_issuer out of ring_options (SINGLE_ISSUER out of "
                   "asio_uring_drop_in(); ASIO_URING_SINGLE_ISSUER=0 in the environment "
                   "does as much)";
        case errc::reactor_exists:
            return "the context already has a reactor, which can only watch a ring "
                   "that any thread may enter; call use_ring before the first I/O "
                   "object is made";
        case errc::several_threads:
            return "a single-issuer ring is for a context that one thread runs; pass an "
                   "io_context or a pool of one thread to use_ring, promise one thread "
                   "by the concurrency hint 1, or leave abi::setup_single_issuer out of "
                   "ring_options (SINGLE_ISSUER out of asio_uring_drop_in(); "
                   "ASIO_URING_SINGLE_ISSUER=0 in the environment does as much)";
        case errc::entry_forbidden:
            return "io_uring_setup is allowed, but io_uring_enter or io_uring_register "
                   "is not";
        case errc::switched_off:
            return "ASIO_URING=off in the environment switches io_uring off";
        case errc::valgrind:
            return "Valgrind runs one thread at a time and does not see that "
                   "io_uring_enter may block, so a program stands still whose threads "
                   "share a ring; promise one thread by the concurrency hint 1, or set "
                   "ASIO_URING=require to take the ring all the same";
        case errc::no_ring:
            return "this context runs without a ring, and the operation needs one; "
                   "asio_uring::status(context) says why there is none";
        case errc::fork_not_announced:
            return "the ring of this context is the parent's; call notify_fork() of the "
                   "context around fork(), in the parent and in the child";
        default:
            return registration_message(static_cast<errc>(value));
        }
    }

    boost::system::error_condition
    default_error_condition(int value) const noexcept override
    {
        namespace generic = boost::system::errc;
        switch (static_cast<errc>(value)) {
        case errc::buffers_registered:
        case errc::files_registered:
        case errc::already_registered:
            return generic::make_error_condition(generic::device_or_resource_busy);
        case errc::not_registered:
            return generic::make_error_condition(generic::no_such_device_or_address);
        case errc::size_too_small:
            return generic::make_error_condition(generic::value_too_large);
        case errc::unsupported_register_call:
            return generic::make_error_condition(generic::function_not_supported);
        case errc::buffer_group_registered:
            return generic::make_error_condition(generic::file_exists);
        case errc::locked_memory_exhausted:
            return generic::make_error_condition(generic::not_enough_memory);
        case errc::ring_in_file_table:
        case errc::no_ring_descriptor:
            return generic::make_error_condition(generic::bad_file_descriptor);
        case errc::index_out_of_range:
        case errc::table_size_out_of_range:
        case errc::tags_do_not_match:
        case errc::buffer_ring_out_of_range:
        case errc::unsupported_buffer_ring:
            return generic::make_error_condition(generic::invalid_argument);
        default:
            return {value, *this};
        }
    }
};

} // namespace

const boost::system::error_category& error_category() noexcept
{
    static const category instance;
    return instance;
}

} // namespace asio_uring
