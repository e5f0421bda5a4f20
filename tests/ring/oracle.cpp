// SPDX-License-Identifier: BSL-1.0

#include "oracle.hpp"

#include <liburing.h>

std::bitset<256> asio_uring::test::oracle_opcodes()
{
    std::bitset<256> known;
    io_uring_probe* probe = io_uring_get_probe();
    if (probe == nullptr)
        return known;
    for (int opcode = 0; opcode != 256; ++opcode)
        known[static_cast<unsigned>(opcode)] =
            io_uring_opcode_supported(probe, opcode) != 0;
    io_uring_free_probe(probe);
    return known;
}
