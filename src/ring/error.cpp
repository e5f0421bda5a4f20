#include <asio_uring/error.hpp>

namespace asio_uring {

namespace {

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
            return "a single-issuer ring belongs to the first thread that ran its "
                   "context; run it "
                   "there only, or leave abi::setup_single_issuer out of ring_options";
        case errc::reactor_exists:
            return "the context already has a reactor, which can only watch a ring that "
                   "any thread "
                   "may enter; call use_ring before the first I/O object is made";
        case errc::entry_forbidden:
            return "io_uring_setup is allowed, but io_uring_enter or io_uring_register "
                   "is not";
        case errc::switched_off:
            return "ASIO_URING=off in the environment switches io_uring off";
        case errc::no_ring:
            return "this context runs without a ring, and the operation needs one; "
                   "asio_uring::status(context) says why there is none";
        }
        return "unknown error";
    }
};

} // namespace

const boost::system::error_category& error_category() noexcept
{
    static const category instance;
    return instance;
}

} // namespace asio_uring
