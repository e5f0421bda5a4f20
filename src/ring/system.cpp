// SPDX-License-Identifier: BSL-1.0

#include "system.hpp"

#include <charconv>
#include <cstdint>
#include <fstream>

#include <sys/resource.h>

namespace asio_uring::detail {

namespace {

/// The value of "Name:\tvalue" in the status of the calling thread, or nothing.
std::string status_of_thread(const std::string& name)
{
    std::ifstream status{"/proc/thread-self/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.compare(0, name.size() + 2, name + ":\t") == 0)
            return line.substr(name.size() + 2);
    }
    return {};
}

std::uint64_t portable(::rlim_t value) noexcept
{
    return value == RLIM_INFINITY ? resource_limit::unlimited : value;
}

// The type of the resource differs between C libraries.
template <class Resource>
resource_limit read_limit(Resource resource) noexcept
{
    ::rlimit found{};
    if (::getrlimit(resource, &found) != 0)
        return {};
    return {portable(found.rlim_cur), portable(found.rlim_max)};
}

} // namespace

resource_limit limit_of(limit which) noexcept
{
    switch (which) {
    case limit::locked_memory:
        return read_limit(RLIMIT_MEMLOCK);
    case limit::descriptors:
        return read_limit(RLIMIT_NOFILE);
    case limit::processes:
        break;
    }
    return read_limit(RLIMIT_NPROC);
}

std::string limit_text(std::uint64_t value, const char* unit)
{
    return value == resource_limit::unlimited ? "unlimited"
                                              : std::to_string(value) + unit;
}

std::string first_line(const char* path)
{
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

std::optional<long> number_in(const char* path)
{
    const std::string text = first_line(path);
    long value = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, value).ptr != end || text.empty())
        return std::nullopt;
    return value;
}

seccomp_mode seccomp_of_thread()
{
    const std::string mode = status_of_thread("Seccomp");
    if (mode == "0")
        return seccomp_mode::off;
    if (mode == "1")
        return seccomp_mode::strict;
    return mode == "2" ? seccomp_mode::filter : seccomp_mode::unknown;
}

bool has_capability(unsigned number)
{
    const std::string text = status_of_thread("CapEff");
    std::uint64_t capabilities = 0;
    std::from_chars(text.data(), text.data() + text.size(), capabilities, 16);
    return (capabilities >> number & 1) != 0;
}

} // namespace asio_uring::detail
