// SPDX-License-Identifier: BSL-1.0

#include "registration.hpp"

namespace asio_uring::detail {

update_result update_table(
    const register_target& target,
    abi::register_op opcode,
    std::uint32_t offset,
    const void* elements,
    std::size_t element_size,
    std::uint32_t count,
    std::span<const std::uint64_t> tags) noexcept
{
    update_result result;
    const auto* bytes = static_cast<const std::byte*>(elements);
    while (result.updated != count) {
        const std::uint32_t done = result.updated;
        abi::rsrc_update2 argument{};
        argument.offset = offset + done;
        argument.data = address_of(bytes + done * element_size);
        argument.tags = tags.empty() ? 0 : address_of(tags.data() + done);
        argument.nr = count - done;
        const int updated = target.call(opcode, &argument, sizeof argument);
        if (updated <= 0) {
            result.ec = result_error(updated == 0 ? -EINVAL : updated);
            return result;
        }
        result.updated += static_cast<std::uint32_t>(updated);
    }
    return result;
}

} // namespace asio_uring::detail
