// SPDX-License-Identifier: BSL-1.0
// Purpose: a new directory for a self-test, removed with the object that made it.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include <stdlib.h>

namespace example {

class temporary_directory
{
public:
    /// Throws std::system_error when there is no place for it.
    temporary_directory()
    {
        std::string name = std::filesystem::temp_directory_path() / "example_XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(), name);
        }
        path_ = name;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace example
