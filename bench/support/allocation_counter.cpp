// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Preloaded into a server in a run of its own: counts every heap allocation
// in a file that the driver maps, so that neither side disturbs the other. It interposes
// the C functions because Asio takes its memory from aligned_alloc, which no replacement
// of operator new would see. Freeing is left to the C library. Thread: any. Lifetime: the
// process.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <sys/mman.h>

#include <fcntl.h>
#include <unistd.h>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

// Constant-initialised: malloc is called before any constructor of this library.
constinit std::atomic<std::uint64_t> before_mapping{0};
constinit std::atomic<std::atomic<std::uint64_t>*> allocation_count{&before_mapping};

void count_one() noexcept
{
    // Relaxed: a plain event count, ordered with nothing.
    allocation_count.load(std::memory_order_relaxed)
        ->fetch_add(1, std::memory_order_relaxed);
}

[[gnu::constructor]] void map_counter()
{
    const char* const path = std::getenv("ASIO_URING_BENCH_ALLOCATIONS");
    if (path == nullptr)
        return;
    const int fd = ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void* const page =
        ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (page != MAP_FAILED)
        allocation_count.store(static_cast<std::atomic<std::uint64_t>*>(page));
}

} // namespace

extern "C" {

void* malloc(std::size_t size) noexcept
{
    count_one();
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept
{
    count_one();
    return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) noexcept
{
    count_one();
    return __libc_realloc(memory, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept
{
    count_one();
    return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    count_one();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept
{
    count_one();
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}

} // extern "C"
