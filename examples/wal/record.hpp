// SPDX-License-Identifier: BSL-1.0
// Purpose: what a record of the log looks like in its file: a header, then the payload.
#pragma once

#include <boost/crc.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace wal {

/// Numbers are in the byte order of the machine: a log stays where it was written.
struct record_header
{
    std::uint32_t size;     ///< of the payload
    std::uint32_t checksum; ///< CRC-32C of the sequence number and the payload
    std::uint64_t sequence; ///< one more than that of the record before
};

struct record
{
    std::uint64_t sequence;
    std::string_view payload;
    std::size_t end; ///< where the next record begins
};

constexpr std::size_t record_size(std::size_t payload) noexcept
{
    return sizeof(record_header) + payload;
}

inline std::uint32_t checksum_of(std::uint64_t sequence, std::string_view payload)
{
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(&sequence, sizeof(sequence));
    crc.process_bytes(payload.data(), payload.size());
    return crc.checksum();
}

inline std::string encode(std::uint64_t sequence, std::string_view payload)
{
    const record_header header{
        static_cast<std::uint32_t>(payload.size()),
        checksum_of(sequence, payload),
        sequence};
    std::string bytes(record_size(payload.size()), '\0');
    std::memcpy(bytes.data(), &header, sizeof(header));
    payload.copy(bytes.data() + sizeof(header), payload.size());
    return bytes;
}

/// The record that begins at a place of a segment, if there is a whole one.
inline std::optional<record> decode(std::string_view segment, std::size_t place)
{
    const std::string_view rest = segment.substr(place);
    record_header header;
    if (rest.size() < sizeof(header)) {
        return std::nullopt;
    }
    std::memcpy(&header, rest.data(), sizeof(header));
    if (header.size > rest.size() - sizeof(header)) {
        return std::nullopt;
    }
    const std::string_view payload = rest.substr(sizeof(header), header.size);
    if (header.checksum != checksum_of(header.sequence, payload)) {
        return std::nullopt;
    }
    return record{header.sequence, payload, place + record_size(header.size)};
}

} // namespace wal
