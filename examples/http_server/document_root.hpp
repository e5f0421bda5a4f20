// SPDX-License-Identifier: BSL-1.0
// Purpose: the served directory and its open files.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace http_server {

/// An open file and what one fstat says about it.
class open_file
{
public:
    open_file() noexcept = default;
    explicit open_file(int descriptor) noexcept : descriptor_(descriptor) {}
    open_file(open_file&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)),
          size_(other.size_),
          kind_(other.kind_)
    {}
    open_file& operator=(open_file other) noexcept
    {
        std::swap(descriptor_, other.descriptor_);
        size_ = other.size_;
        kind_ = other.kind_;
        return *this;
    }
    ~open_file();

    bool is_open() const noexcept { return descriptor_ >= 0; }
    int native_handle() const noexcept { return descriptor_; }

    /// The descriptor is the caller's to close from now on.
    int release() noexcept { return std::exchange(descriptor_, -1); }

    std::uint64_t size() const noexcept { return size_; }
    bool is_directory() const noexcept { return kind_ == kind::directory; }
    bool is_regular() const noexcept { return kind_ == kind::regular; }

    /// Asks the kernel for size and kind.
    boost::system::error_code refresh() noexcept;

    /// Fills the buffer from `offset`; fewer bytes than that are an error.
    boost::system::error_code
    read_exactly(std::uint64_t offset, std::span<char> buffer) const noexcept;

private:
    enum class kind
    {
        other,
        regular,
        directory,
    };

    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    kind kind_ = kind::other;
};

/// The served directory. Nothing outside it can be opened through it.
class document_root
{
public:
    /// Throws std::filesystem::filesystem_error when the directory cannot be opened.
    explicit document_root(const std::filesystem::path& directory);

    /// Opens a path below the directory for reading; "" is the directory itself.
    /**
     * Symbolic links are followed as long as they end inside. One that leads out fails
     * with permission_denied.
     */
    open_file open(const std::string& relative, boost::system::error_code& error) const;

private:
    int open_beneath(const std::string& relative) const noexcept;
    int open_checked(const std::string& relative) const;

    std::filesystem::path canonical_;
    open_file directory_;
};

} // namespace http_server
