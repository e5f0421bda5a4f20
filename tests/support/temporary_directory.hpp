// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a folder for the files of one test. Thread: the test's
// own. Lifetime: removes the folder and all that is in it.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

using asio_uring::detail::unique_fd;

class temporary_directory
{
public:
    temporary_directory()
    {
        std::string name = std::filesystem::temp_directory_path() / "asio_uring.XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        fd_.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        BOOST_REQUIRE(fd_.get() >= 0);
    }
    ~temporary_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    int fd() const { return fd_.get(); }
    std::string path(std::string_view name) const { return path_ / name; }
    bool has(std::string_view name) const
    {
        return std::filesystem::exists(std::filesystem::symlink_status(path(name)));
    }

    void write(std::string_view name, std::string_view text) const
    {
        std::ofstream{path(name), std::ios::binary} << text;
    }
    std::string read(std::string_view name) const
    {
        std::ifstream file{path(name), std::ios::binary};
        BOOST_REQUIRE(file.good());
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    unique_fd open(std::string_view name, int flags = O_RDWR | O_CREAT) const
    {
        unique_fd file{::open(path(name).c_str(), flags | O_CLOEXEC, 0600)};
        BOOST_REQUIRE(file.get() >= 0);
        return file;
    }

private:
    std::filesystem::path path_;
    unique_fd fd_;
};

/// The process stands in that folder while it lives, so that plain names mean files
/// there.
class working_directory
{
public:
    explicit working_directory(const temporary_directory& folder)
        : before_{std::filesystem::current_path()}
    {
        BOOST_REQUIRE(::fchdir(folder.fd()) == 0);
    }
    ~working_directory()
    {
        std::error_code ignored;
        std::filesystem::current_path(before_, ignored);
    }
    working_directory(const working_directory&) = delete;
    working_directory& operator=(const working_directory&) = delete;

private:
    std::filesystem::path before_;
};

} // namespace asio_uring::test
