// SPDX-License-Identifier: BSL-1.0
// Layer: example. Purpose: the file a program writes to, which is nobody's file unless
// the user says so. Thread: any. Lifetime: owns the descriptor.
#pragma once

#include "descriptor.hpp"

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

/// The flag that lets a program overwrite what is there.
inline constexpr std::string_view overwrite_flag = "--overwrite";

/// The failure of opening a target, with a hint when the target only is in the way.
inline std::runtime_error cannot_open(const std::string& path, int error)
{
    const std::string why = std::system_category().message(error);
    const std::string hint =
        error == EEXIST ? "; " + std::string(overwrite_flag) + " overwrites it" : "";
    return std::runtime_error("cannot open " + path + ": " + why + hint);
}

inline bool is_same_file(const struct ::stat& left, const struct ::stat& right)
{
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/// Opens a new file, or with leave to overwrite empties the one that is there, unless
/// that one is the source: its content would be lost.
inline descriptor open_target(const std::string& path, bool overwrite, int source = -1)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (overwrite ? 0 : O_EXCL);
    descriptor file(::open(path.c_str(), flags, 0600));
    if (!file) {
        throw cannot_open(path, errno);
    }
    struct ::stat target = {};
    struct ::stat other = {};
    ::fstat(file.get(), &target);
    if (source >= 0 && ::fstat(source, &other) == 0 && is_same_file(target, other)) {
        throw std::runtime_error(path + " is the source as well");
    }
    if (S_ISREG(target.st_mode) && ::ftruncate(file.get(), 0) != 0) {
        throw cannot_open(path, errno);
    }
    return file;
}

/// A name in the folder for temporary files that this process alone uses.
inline std::string temporary_path(std::string_view program)
{
    const std::string name = std::string(program) + '.' + std::to_string(::getpid());
    return std::filesystem::temp_directory_path() / name;
}
