// SPDX-License-Identifier: BSL-1.0
// Who allocates what: calls of operator new, and the memory of handlers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace asio_uring::test {

/// Calls of operator new and, without sanitizers, of aligned_alloc (Asio takes memory
/// of operations from it) by this thread so far. Counted in main.cpp of the program.
std::uint64_t heap_allocations() noexcept;

/// While it stands, operator new fails in this thread. For programs whose main.cpp
/// counts.
class no_memory
{
public:
    no_memory() noexcept;
    no_memory(const no_memory&) = delete;
    no_memory& operator=(const no_memory&) = delete;
    ~no_memory();
};

/// The nth allocation of this thread from here on fails; the first one is 1.
class one_failure
{
public:
    explicit one_failure(unsigned nth) noexcept;
    one_failure(const one_failure&) = delete;
    one_failure& operator=(const one_failure&) = delete;
    ~one_failure();

    bool happened() const noexcept;
};

/// Memory for one operation at a time, and what became of it.
class handler_memory
{
public:
    handler_memory() = default;
    handler_memory(const handler_memory&) = delete;
    handler_memory& operator=(const handler_memory&) = delete;

    void* allocate(std::size_t size)
    {
        ++allocations_;
        if (!in_use_ && size <= sizeof(storage_)) {
            in_use_ = true;
            return storage_;
        }
        ++misses_;
        return ::operator new(size);
    }

    void deallocate(void* memory)
    {
        if (memory == storage_)
            in_use_ = false;
        else
            ::operator delete(memory);
    }

    bool in_use() const { return in_use_; }
    std::size_t allocations() const { return allocations_; }
    /// Allocations that came while the memory was in use, or were too large for it.
    std::size_t misses() const { return misses_; }

private:
    alignas(std::max_align_t) unsigned char storage_[1024];
    bool in_use_ = false;
    std::size_t allocations_ = 0;
    std::size_t misses_ = 0;
};

/// The allocator over it, to be bound to a handler.
template <typename T = void>
class handler_allocator
{
public:
    using value_type = T;

    explicit handler_allocator(handler_memory& memory) noexcept : memory_(&memory) {}
    template <typename U>
    handler_allocator(const handler_allocator<U>& other) noexcept : memory_(other.memory_)
    {}

    T* allocate(std::size_t count) const
    {
        return static_cast<T*>(memory_->allocate(count * sizeof(T)));
    }
    void deallocate(T* memory, std::size_t) const { memory_->deallocate(memory); }

    friend bool
    operator==(const handler_allocator& a, const handler_allocator& b) noexcept
    {
        return a.memory_ == b.memory_;
    }

private:
    template <typename>
    friend class handler_allocator;

    handler_memory* memory_;
};

} // namespace asio_uring::test
