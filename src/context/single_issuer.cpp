// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/detail/context/single_issuer.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace asio_uring::detail {

bool program_promises_single_issuer() noexcept
{
    static const bool promised = [] {
        const char* value = ::secure_getenv("ASIO_URING_SINGLE_ISSUER");
        const std::string_view text = value != nullptr ? value : "";
        if (text == "1" || text == "0")
            return text == "1";
        // Whoever sets it means to change something, and must not be left to think so.
        if (!text.empty())
            std::fprintf(
                stderr,
                "asio_uring: ASIO_URING_SINGLE_ISSUER=%s is not known and changes "
                "nothing; it is \"1\" or \"0\"\n",
                value);
        return &asio_uring_single_issuer != nullptr;
    }();
    return promised;
}

} // namespace asio_uring::detail
