// SPDX-License-Identifier: BSL-1.0
// One ring, two threads: one submits reads of a file, the other reaps them.
//
// Shows: the two sides of asio_uring::ring used at the same time, ring::wait() of the
// reaping thread, and how the submitting thread learns that a buffer is free again.
//
// Run:    ring_two_threads [PATH]    default: this program's own file; only read
// Prints: read N bytes with M requests, sum S: one thread submitted, another one reaped

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;
using boost::system::error_code;

constexpr std::uint32_t block_size = 4096;
constexpr unsigned block_count = 16;

// One thread cannot go on, and the other one would wait for it for ever.
[[noreturn]] void give_up(const std::string& why)
{
    std::cerr << "ring_two_threads: " << why << std::endl;
    std::_Exit(EXIT_FAILURE);
}

class file
{
public:
    explicit file(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        struct ::stat status
        {};
        if (fd_ < 0 || ::fstat(fd_, &status) != 0) {
            throw std::runtime_error("cannot open " + path);
        }
        size_ = static_cast<std::uint64_t>(status.st_size);
    }
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() { ::close(fd_); }

    int get() const { return fd_; }
    std::uint64_t size() const { return size_; }

private:
    int fd_;
    std::uint64_t size_ = 0;
};

// The blocks that no request uses. Both threads touch this, and nothing else but the
// ring.
class free_blocks
{
public:
    free_blocks()
    {
        for (unsigned block = 0; block != block_count; ++block) {
            blocks_.push_back(block);
        }
    }
    unsigned take()
    {
        available_.acquire();
        const std::lock_guard lock(mutex_);
        const unsigned block = blocks_.back();
        blocks_.pop_back();
        return block;
    }
    void give_back(unsigned block)
    {
        {
            const std::lock_guard lock(mutex_);
            blocks_.push_back(block);
        }
        available_.release();
    }

private:
    std::counting_semaphore<block_count> available_{block_count};
    std::mutex mutex_;
    std::vector<unsigned> blocks_;
};

class reader
{
public:
    explicit reader(const file& source)
        : source_(source), requests_((source.size() + block_size - 1) / block_size)
    {}

    void run()
    {
        std::thread submitter([this] { submit_all(); });
        reap_all();
        submitter.join();
        if (failure_) {
            throw boost::system::system_error(failure_, "read");
        }
    }

    std::uint64_t requests() const { return requests_; }
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t sum() const { return sum_; }

private:
    // The submission side: claims, publishes, enters. There are no more blocks than
    // entries, so that a claim never fails.
    void submit_all()
    {
        for (std::uint64_t number = 0; number != requests_; ++number) {
            const unsigned block = free_.take();
            const op::read read{
                .fd = source_.get(),
                .data = memory_[block].data(),
                .size = block_size,
                .offset = number * block_size};
            if (!ring_.try_push(read, block)) {
                give_up("the queue is full");
            }
            error_code ec = ring_.submit().ec;
            // For lack of memory or room: what was not consumed goes with the next call.
            while (ec.value() == EAGAIN || ec.value() == EBUSY) {
                std::this_thread::yield();
                ec = ring_.submit().ec;
            }
            if (ec) {
                give_up("submit: " + ec.message());
            }
        }
    }

    // The completion side: waits, looks, advances. It publishes nothing.
    void reap_all()
    {
        for (std::uint64_t done = 0; done != requests_;) {
            if (const error_code ec = ring_.wait()) {
                give_up("wait: " + ec.message());
            }
            done += ring_.for_each_completion([this](const abi::cqe& entry) {
                const auto block = static_cast<unsigned>(entry.user_data);
                if (const error_code ec = asio_uring::result_error(entry.res)) {
                    failure_ = ec;
                }
                const std::uint32_t size = asio_uring::result_value(entry.res);
                for (std::uint32_t at = 0; at != size; ++at) {
                    sum_ += memory_[block][at];
                }
                bytes_ += size;
                free_.give_back(block);
            });
        }
    }

    const file& source_;
    const std::uint64_t requests_;
    std::array<std::array<unsigned char, block_size>, block_count> memory_{};
    free_blocks free_;

    // A ring without setup_single_issuer, and without a registered descriptor, which one
    // thread alone could use.
    asio_uring::ring ring_{asio_uring::ring_options{.entries = block_count}};

    // The reaping thread's
    std::uint64_t bytes_ = 0;
    std::uint64_t sum_ = 0;
    error_code failure_;
};

} // namespace

int main(int argc, char** argv)
{
    try {
        const file source(argc > 1 ? argv[1] : "/proc/self/exe");
        const auto work = std::make_unique<reader>(source);
        work->run();
        std::cout << "read " << work->bytes() << " bytes with " << work->requests()
                  << " requests, sum " << work->sum()
                  << ": one thread submitted, another one reaped\n";
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "ring_two_threads: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
