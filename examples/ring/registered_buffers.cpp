// SPDX-License-Identifier: BSL-1.0
// Copies a file through buffers that the kernel has pinned once.
//
// Shows: asio_uring::registered_buffers, op::read_into and op::write_from, several blocks
// under way at a time.
//
// Run:    ring_registered_buffers [SOURCE TARGET]    default: this program to a file in
//                                                    /tmp, compared and removed
// Prints: copied N bytes in K blocks

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;
using asio_uring::detail::unique_fd;

// Few and small: they count against the limit of locked memory.
constexpr std::size_t block_count = 4;
constexpr std::size_t block_size = 16 * 1024;

class copy
{
public:
    copy(int source, int target) : source_(source), target_(target)
    {
        for (std::size_t index = 0; index != block_count; ++index) {
            start_read(index);
        }
        while (under_way_ != 0) {
            if (const auto ec = ring_.submit_and_wait(1).ec) {
                throw boost::system::system_error(ec, "submit");
            }
            ring_.for_each_completion([this](const abi::cqe& entry) { go_on(entry); });
        }
        // Only now: until its last completion the kernel uses the memory of a request.
        if (failure_) {
            throw boost::system::system_error(failure_, "copy");
        }
    }

    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t blocks() const { return blocks_; }

private:
    struct block
    {
        std::uint64_t offset = 0;
        std::uint32_t writing = 0; // bytes, or 0 while it is read
    };

    static std::array<iovec, block_count> split(std::byte* memory)
    {
        std::array<iovec, block_count> blocks;
        for (std::size_t index = 0; index != block_count; ++index) {
            blocks[index] = {memory + index * block_size, block_size};
        }
        return blocks;
    }

    template <class Op>
    void push(const Op& operation, std::size_t index)
    {
        if (!ring_.try_push(operation, index)) {
            throw std::runtime_error("more requests than blocks");
        }
        ++under_way_;
    }

    void start_read(std::size_t index)
    {
        blocks_of_[index] = {next_, 0};
        next_ += block_size;
        push(op::read_into(buffers_[index], source_, blocks_of_[index].offset), index);
    }

    // What was read is written, what was written makes room for the next read.
    void go_on(const abi::cqe& entry)
    {
        --under_way_;
        const std::size_t index = entry.user_data;
        block& current = blocks_of_[index];
        const std::uint32_t size = asio_uring::result_value(entry.res);
        if (entry.res < 0 || size < current.writing) {
            failure_ = asio_uring::result_error(entry.res < 0 ? entry.res : -EIO);
        }
        if (failure_) {
            return;
        }
        if (current.writing != 0) {
            bytes_ += size;
            ++blocks_;
            start_read(index);
        }
        else if (size != 0) { // At the end of the file this block has done its part.
            current.writing = size;
            const asio_uring::fixed_buffer filled = buffers_[index].first(size);
            push(op::write_from(filled, target_, current.offset), index);
        }
    }

    int source_;
    int target_;
    std::unique_ptr<std::byte[]> memory_ =
        std::make_unique<std::byte[]>(block_count * block_size);
    asio_uring::ring ring_{{.entries = block_count}};
    asio_uring::registered_buffers buffers_{ring_, split(memory_.get())};
    std::array<block, block_count> blocks_of_{};
    std::uint64_t next_ = 0;
    std::size_t under_way_ = 0;
    boost::system::error_code failure_;
    std::uint64_t bytes_ = 0;
    std::uint64_t blocks_ = 0;
};

std::string content_of(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const std::string own = "/tmp/ring_registered." + std::to_string(::getpid());
        const std::string source = argc == 3 ? argv[1] : "/proc/self/exe";
        const std::string target = argc == 3 ? argv[2] : own;
        const unique_fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
        const unique_fd to(
            ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!from || !to) {
            throw std::runtime_error("cannot open " + (from ? target : source));
        }
        const copy done(from.get(), to.get());
        const bool same = content_of(source) == content_of(target);
        if (argc != 3) {
            ::unlink(target.c_str());
        }
        if (!same) {
            throw std::runtime_error("the copy differs");
        }
        std::cout << "copied " << done.bytes() << " bytes in " << done.blocks()
                  << " blocks\n";
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "ring_registered_buffers: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
