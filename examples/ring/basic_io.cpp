// SPDX-License-Identifier: BSL-1.0
// A file from its creation to its removal, each step one request of the ring.
//
// Shows: asio_uring::ring with openat, write, fsync, statx, read, close and unlinkat;
// results as error codes.
//
// Run:    ring_basic_io [--overwrite] [PATH]    (--help says more)
// Prints: wrote N bytes, read them back, removed PATH

#include "command_line.hpp"
#include "target_file.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <fcntl.h>

namespace {

namespace op = asio_uring::op;

// Submits one operation and waits for it: what a blocking system call would do.
template <class Op>
std::uint32_t run(asio_uring::ring& ring, const char* what, const Op& operation)
{
    if (!ring.try_push(operation, 0)) {
        throw std::runtime_error("the queue is full");
    }
    while (ring.peek() == nullptr) {
        if (const auto ec = ring.submit_and_wait(1).ec) {
            throw boost::system::system_error(ec, "submit");
        }
    }
    const std::int32_t result = ring.peek()->res;
    ring.advance(1);
    if (const auto ec = asio_uring::result_error(result)) {
        throw boost::system::system_error(ec, what);
    }
    return asio_uring::result_value(result);
}

void check(bool holds, const char* what)
{
    if (!holds) {
        throw std::runtime_error(what);
    }
}

// Without leave to overwrite, only a name that is free becomes a file.
int create(asio_uring::ring& ring, const std::string& path, bool overwrite)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL);
    const op::openat open{.path = path.c_str(), .flags = flags, .mode = 0600};
    try {
        return static_cast<int>(run(ring, "open", open));
    }
    catch (const boost::system::system_error& e) {
        throw cannot_open(path, e.code().value());
    }
}

void write_and_read_back(const std::string& path, bool overwrite, std::string_view text)
{
    asio_uring::ring ring({.entries = 4});
    const int file = create(ring, path, overwrite);
    const auto size = static_cast<std::uint32_t>(text.size());
    const op::write write{.fd = file, .data = text.data(), .size = size, .offset = 0};
    check(run(ring, "write", write) == size, "a short write");
    run(ring, "fsync", op::fsync{.fd = file});

    struct ::statx status
    {};
    const op::statx ask{.path = path.c_str(), .mask = STATX_SIZE, .result = &status};
    run(ring, "statx", ask);
    check(status.stx_size == size, "the file has another size");

    std::array<char, 256> memory;
    const op::read read{
        .fd = file, .data = memory.data(), .size = memory.size(), .offset = 0};
    const std::string_view back{memory.data(), run(ring, "read", read)};
    check(back == text, "the file holds something else");
    run(ring, "close", op::close{.fd = file});
    run(ring, "unlink", op::unlinkat{.path = path.c_str()});
}

const program self{
    "ring_basic_io",
    "ring_basic_io [--overwrite] [PATH]\n"
    "Creates PATH, writes to it, reads it back and removes it.\n"
    "  PATH         a name that is free; default: a new file for temporary files\n"
    "  --overwrite  PATH may be a file: it is overwritten, and removed as well\n",
    {overwrite_flag},
    1};

} // namespace

int main(int argc, char** argv)
{
    return run_program(self, argc, argv, [](const command_line& arguments) {
        const std::string path =
            arguments.size() == 1 ? arguments[0] : temporary_path(self.name);
        const std::string_view text = "written, synced and read by one ring\n";
        write_and_read_back(path, arguments.has(overwrite_flag), text);
        std::cout << "wrote " << text.size() << " bytes, read them back, removed " << path
                  << '\n';
    });
}
