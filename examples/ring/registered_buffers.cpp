// SPDX-License-Identifier: BSL-1.0
// Copies a file through buffers that the kernel has pinned once.
//
// Shows: asio_uring::registered_buffers, op::read_into and op::write_from, several blocks
// under way at a time.
//
// Run:    ring_registered_buffers [--overwrite] [SOURCE TARGET]    (--help says more)
// Prints: copied N bytes in K blocks

#include "command_line.hpp"
#include "descriptor.hpp"
#include "target_file.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
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
            ring_.for_each_completion([this](const abi::cqe& entry) { finish(entry); });
        }
        // Only now: until its last completion the kernel uses the memory of a request.
        if (failure_) {
            throw boost::system::system_error(failure_, "copy");
        }
    }

    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t blocks() const { return blocks_; }

private:
    // The part of the file that one buffer carries.
    struct block
    {
        std::uint64_t offset = 0;
        std::uint32_t filled = 0;  // bytes read
        std::uint32_t written = 0; // bytes of these that are in the target
        bool at_end = false;       // the source has no more
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
        blocks_of_[index] = {.offset = next_};
        next_ += block_size;
        go_on(index);
    }

    // The kernel may carry less than it was asked to: the block goes on behind that, so
    // that the copy has no hole. Only a read of nothing is the end of the source.
    void go_on(std::size_t index)
    {
        const block& current = blocks_of_[index];
        const asio_uring::fixed_buffer whole = buffers_[index];
        if (current.filled != block_size && !current.at_end) {
            const auto rest = whole.from(current.filled);
            push(op::read_into(rest, source_, current.offset + current.filled), index);
        }
        else if (current.written != current.filled) {
            const auto rest = whole.first(current.filled).from(current.written);
            push(op::write_from(rest, target_, current.offset + current.written), index);
        }
        else {
            bytes_ += current.filled;
            blocks_ += current.filled != 0 ? 1 : 0;
            if (!current.at_end) {
                start_read(index);
            }
        }
    }

    void finish(const abi::cqe& entry)
    {
        --under_way_;
        const std::size_t index = entry.user_data;
        block& current = blocks_of_[index];
        const bool reading = current.filled != block_size && !current.at_end;
        if (entry.res < 0 || (entry.res == 0 && !reading)) {
            failure_ = asio_uring::result_error(entry.res < 0 ? entry.res : -EIO);
        }
        if (failure_) {
            return;
        }
        const std::uint32_t size = asio_uring::result_value(entry.res);
        (reading ? current.filled : current.written) += size;
        current.at_end = current.at_end || size == 0;
        go_on(index);
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

// Opened once more, so that it is read from its beginning, whatever its name is.
std::string content_of(const descriptor& file)
{
    std::ifstream again("/proc/self/fd/" + std::to_string(file.get()), std::ios::binary);
    return {std::istreambuf_iterator<char>(again), {}};
}

const program self{
    "ring_registered_buffers",
    "ring_registered_buffers [--overwrite] [SOURCE TARGET]\n"
    "Copies SOURCE to TARGET, and compares the two.\n"
    "  SOURCE TARGET  default: this program to a file without a name\n"
    "  --overwrite    TARGET may be a file: it is overwritten\n",
    {overwrite_flag},
    2};

} // namespace

int main(int argc, char** argv)
{
    return run_program(self, argc, argv, [](const command_line& arguments) {
        if (arguments.size() == 1) {
            throw std::invalid_argument("'" + arguments[0] + "' has no target");
        }
        const bool own = arguments.size() == 0;
        const std::string source = own ? "/proc/self/exe" : arguments[0];
        const std::string target = own ? temporary_path(self.name) : arguments[1];
        const descriptor from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
        if (!from) {
            throw cannot_open(source, errno);
        }
        const bool overwrite = !own && arguments.has(overwrite_flag);
        const descriptor to = open_target(target, overwrite, from.get());
        if (own) {
            ::unlink(target.c_str());
        }
        const copy done(from.get(), to.get());
        if (content_of(from) != content_of(to)) {
            throw std::runtime_error("the copy differs");
        }
        std::cout << "copied " << done.bytes() << " bytes in " << done.blocks()
                  << " blocks\n";
    });
}
