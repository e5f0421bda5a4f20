// SPDX-License-Identifier: BSL-1.0
// Benchmarks. This library's ring layer and liburing behind the same few members, so that
// one loop is timed over both. Each member is what a program would write with that
// library, and nothing more. Thread: one. Lifetime: a ring owns what it registers.
#pragma once

#include "support/process.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/mman.h>
#include <sys/uio.h>

#include <liburing.h>

namespace bench {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

struct ring_settings
{
    unsigned entries = 256;
    std::uint32_t flags = 0;          // setup flags, the same for both
    std::uint32_t optional_flags = 0; // setup flags that liburing does not know
    bool register_ring_fd = false;
};

// A group of equal buffers for the kernel to choose from.
struct buffer_group
{
    static constexpr std::uint16_t id = 1;
    static constexpr unsigned count = 64;
    static constexpr unsigned size = 2048;
};

class own_ring
{
public:
    explicit own_ring(const ring_settings& settings)
        : ring_{asio_uring::ring_options{
              .entries = settings.entries,
              .flags = settings.flags,
              .optional_flags = settings.optional_flags,
              .register_ring_fd = settings.register_ring_fd}}
    {}
    own_ring(const own_ring&) = delete;
    own_ring& operator=(const own_ring&) = delete;

    void nop(std::uint64_t user_data) { push(op::nop{}, user_data); }

    void send(int fd, const void* data, unsigned size, std::uint64_t user_data)
    {
        push(op::send{.fd = fd, .data = data, .size = size}, user_data);
    }

    void receive(int fd, std::uint64_t user_data)
    {
        push(
            op::recv{.fd = fd, .size = buffer_group::size, .group = buffer_group::id},
            user_data);
    }

    void read_fixed(
        int fd, void* data, unsigned size, std::uint64_t offset, std::uint64_t user_data)
    {
        push(
            op::read_fixed{.fd = fd, .data = data, .size = size, .offset = offset},
            user_data);
    }

    void submit_and_wait(unsigned count)
    {
        const asio_uring::submit_result result = ring_.submit_and_wait(count);
        if (result.ec)
            fail("submit_and_wait", result.ec.value());
    }

    using completion = abi::cqe;

    // for_each: calls f(const completion&) for what is ready.
    template <class F>
    unsigned for_each(F f)
    {
        return ring_.for_each_completion(f);
    }

    void register_buffer(void* data, std::size_t size)
    {
        const iovec area{data, size};
        if (const auto ec = ring_.register_buffers({&area, 1}))
            fail("register_buffers", ec.value());
    }

    // register_group: the memory of a buffer_group, all of it with the kernel.
    void register_group(char* memory)
    {
        buffers_ = asio_uring::buffer_ring{
            ring_, {.group = buffer_group::id, .entries = buffer_group::count}};
        for (unsigned id = 0; id != buffer_group::count; ++id)
            buffers_.add(
                static_cast<std::uint16_t>(id),
                memory + id * buffer_group::size,
                buffer_group::size);
        buffers_.commit();
    }

    // taken: the data a completion has put into a buffer of the group.
    char* taken(const completion& done)
    {
        return reinterpret_cast<char*>(buffers_.take(done)->data.data());
    }

    // give_back: the buffer of a completion; publish_buffers() hands it over.
    void give_back(const completion& done)
    {
        buffers_.give_back(
            static_cast<std::uint16_t>(done.flags >> abi::cqe_buffer_shift));
    }

    void publish_buffers() { buffers_.commit(); }

private:
    template <class Op>
    void push(const Op& operation, std::uint64_t user_data)
    {
        if (!ring_.try_push(operation, user_data))
            fail("the submission queue is full", ENOBUFS);
    }

    asio_uring::ring ring_;
    asio_uring::buffer_ring buffers_;
};

class liburing_ring
{
public:
    explicit liburing_ring(const ring_settings& settings)
    {
        const int result =
            ::io_uring_queue_init(settings.entries, &ring_, settings.flags);
        if (result < 0)
            fail("io_uring_queue_init", -result);
        if (settings.register_ring_fd && ::io_uring_register_ring_fd(&ring_) != 1)
            fail("io_uring_register_ring_fd", EINVAL);
    }
    liburing_ring(const liburing_ring&) = delete;
    liburing_ring& operator=(const liburing_ring&) = delete;
    ~liburing_ring()
    {
        ::io_uring_queue_exit(&ring_);
        if (buffers_ != nullptr)
            ::munmap(buffers_, buffer_group::count * sizeof(io_uring_buf));
    }

    void nop(std::uint64_t user_data)
    {
        io_uring_sqe* const entry = claim();
        ::io_uring_prep_nop(entry);
        ::io_uring_sqe_set_data64(entry, user_data);
    }

    void send(int fd, const void* data, unsigned size, std::uint64_t user_data)
    {
        io_uring_sqe* const entry = claim();
        ::io_uring_prep_send(entry, fd, data, size, 0);
        ::io_uring_sqe_set_data64(entry, user_data);
    }

    void receive(int fd, std::uint64_t user_data)
    {
        io_uring_sqe* const entry = claim();
        ::io_uring_prep_recv(entry, fd, nullptr, buffer_group::size, 0);
        entry->flags = IOSQE_BUFFER_SELECT;
        entry->buf_group = buffer_group::id;
        ::io_uring_sqe_set_data64(entry, user_data);
    }

    void read_fixed(
        int fd, void* data, unsigned size, std::uint64_t offset, std::uint64_t user_data)
    {
        io_uring_sqe* const entry = claim();
        ::io_uring_prep_read_fixed(entry, fd, data, size, offset, 0);
        ::io_uring_sqe_set_data64(entry, user_data);
    }

    void submit_and_wait(unsigned count)
    {
        const int result = ::io_uring_submit_and_wait(&ring_, count);
        if (result < 0)
            fail("io_uring_submit_and_wait", -result);
    }

    using completion = io_uring_cqe;

    template <class F>
    unsigned for_each(F f)
    {
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* done = nullptr;
        io_uring_for_each_cqe(&ring_, head, done)
        {
            ++count;
            f(*done);
        }
        ::io_uring_cq_advance(&ring_, count);
        return count;
    }

    void register_buffer(void* data, std::size_t size)
    {
        const iovec area{data, size};
        const int result = ::io_uring_register_buffers(&ring_, &area, 1);
        if (result < 0)
            fail("io_uring_register_buffers", -result);
    }

    void register_group(char* memory)
    {
        memory_ = memory;
        void* const entries = ::mmap(
            nullptr,
            buffer_group::count * sizeof(io_uring_buf),
            PROT_READ | PROT_WRITE,
            MAP_ANONYMOUS | MAP_PRIVATE,
            -1,
            0);
        if (entries == MAP_FAILED)
            fail("mmap", errno);
        buffers_ = static_cast<io_uring_buf_ring*>(entries);
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
        registration.ring_entries = buffer_group::count;
        registration.bgid = buffer_group::id;
        const int result = ::io_uring_register_buf_ring(&ring_, &registration, 0);
        if (result < 0)
            fail("io_uring_register_buf_ring", -result);
        ::io_uring_buf_ring_init(buffers_);
        for (unsigned id = 0; id != buffer_group::count; ++id)
            add_buffer(static_cast<std::uint16_t>(id));
        publish_buffers();
    }

    char* taken(const completion& done) const
    {
        return memory_ + (done.flags >> IORING_CQE_BUFFER_SHIFT) * buffer_group::size;
    }

    void give_back(const completion& done)
    {
        add_buffer(static_cast<std::uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT));
    }

    void publish_buffers()
    {
        ::io_uring_buf_ring_advance(buffers_, added_);
        added_ = 0;
    }

private:
    void add_buffer(std::uint16_t id)
    {
        ::io_uring_buf_ring_add(
            buffers_,
            memory_ + id * buffer_group::size,
            buffer_group::size,
            id,
            ::io_uring_buf_ring_mask(buffer_group::count),
            added_++);
    }

    io_uring_sqe* claim()
    {
        io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
        if (entry == nullptr)
            fail("the submission queue is full", ENOBUFS);
        return entry;
    }

    io_uring ring_{};
    char* memory_ = nullptr;
    io_uring_buf_ring* buffers_ = nullptr;
    int added_ = 0; // and not yet handed over
};

} // namespace bench
