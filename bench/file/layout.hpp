// SPDX-License-Identifier: BSL-1.0
// Benchmarks, files. What file_prepare makes and the other programs expect: a file of
// blocks that begin with their number, or a tree of small files.
// Thread: any. Lifetime: values.
#pragma once

#include "support/process.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace bench {

inline constexpr std::size_t block_size = 4096;
inline constexpr std::uint64_t block_count = 1024; // 4 MiB
inline constexpr std::uint64_t files_per_folder = 100;

// check_block: ends the program where a read has brought something else.
inline void check_block(const char* data, std::uint64_t number)
{
    std::uint64_t found = 0;
    std::memcpy(&found, data, sizeof found);
    if (found != number)
        fail("a block is not the one that was read", EPROTO);
}

inline std::string folder_of(const std::string& root, std::uint64_t file)
{
    return root + "/" + std::to_string(file / files_per_folder);
}

inline std::string name_of(const std::string& root, std::uint64_t file)
{
    return folder_of(root, file) + "/" + std::to_string(file);
}

// random_blocks: the same sequence of numbers in each column (xorshift).
class random_blocks
{
public:
    std::uint64_t next() noexcept
    {
        state_ ^= state_ << 13u;
        state_ ^= state_ >> 7u;
        state_ ^= state_ << 17u;
        return state_ % block_count;
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

} // namespace bench
