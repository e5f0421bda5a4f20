// SPDX-License-Identifier: BSL-1.0
// The loop between Asio and the ring: against a scripted kernel, and its invariants
// against the real one.
#include "../support/bounded_main.hpp"
#include "../support/counting_allocator.hpp"

#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

thread_local std::uint64_t allocations = 0;
thread_local bool memory_is_gone = false;
thread_local std::uint64_t failing_allocation = 0;

void* counted_allocation(std::size_t size)
{
    ++allocations;
    if (!memory_is_gone && allocations != failing_allocation)
        if (void* memory = std::malloc(size != 0 ? size : 1))
            return memory;
    throw std::bad_alloc();
}

} // namespace

std::uint64_t asio_uring::test::heap_allocations() noexcept { return allocations; }

asio_uring::test::no_memory::no_memory() noexcept { memory_is_gone = true; }
asio_uring::test::no_memory::~no_memory() { memory_is_gone = false; }

asio_uring::test::one_failure::one_failure(unsigned nth) noexcept
{
    failing_allocation = allocations + nth;
}
asio_uring::test::one_failure::~one_failure() { failing_allocation = 0; }
bool asio_uring::test::one_failure::happened() const noexcept
{
    return allocations >= failing_allocation;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Asio's recycling allocator does not go through operator new.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    ++allocations;
    return ::memalign(alignment, size);
}

#endif

void* operator new(std::size_t size) { return counted_allocation(size); }
void* operator new[](std::size_t size) { return counted_allocation(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
