// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: where the content of a file goes when it is read whole: a
// string, a buffer that grows, or memory of one size. Thread: one at a time, that of a
// request's handler or a worker. Lifetime: a string is the sink's own, all else is the
// caller's until the handler is called.
#pragma once

#include <asio_uring/detail/request/place.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio_uring::detail {

/// What the steps of a read, and a worker, do with a sink.
class file_sink
{
public:
    file_sink(file_sink&&) noexcept = default;
    file_sink& operator=(file_sink&&) = delete;

    /// Memory for the next bytes, perhaps fewer than wanted; none where the sink is full.
    virtual boost::asio::mutable_buffer room(std::size_t wanted) = 0;

    /// Where the first bytes go, of which there are few: `memory`, or room of its own.
    virtual boost::asio::mutable_buffer first(char* memory, std::size_t size) = 0;

    /// Takes what has come to first().
    virtual void take_first(const char* memory, std::size_t size) = 0;

    /// Forgets all, to begin anew.
    virtual void clear() = 0;

    /// Gives room back that nothing came to.
    virtual void trim() = 0;

    void commit(std::size_t size) noexcept { filled_ += size; }

    /// Leaves what may come. REQUIRES: trimmed.
    void cut() noexcept { filled_ = std::min(filled_, limit_); }

    std::size_t filled() const noexcept { return filled_; }

    /// Whether more came than may.
    bool is_over() const noexcept { return filled_ > limit_; }

    /// Whether nothing more can come.
    bool is_full() const noexcept { return fixed_ && filled_ == limit_; }

    virtual ~file_sink() = default;

protected:
    file_sink(std::size_t limit, bool fixed) noexcept : limit_(limit), fixed_(fixed) {}

    /// How much of what is wanted may come. One byte beyond the limit tells that there is
    /// more.
    std::size_t may_take(std::size_t wanted) const noexcept
    {
        const bool tells = !fixed_ && limit_ != std::numeric_limits<std::size_t>::max();
        return std::min(wanted, limit_ - std::min(filled_, limit_) + (tells ? 1 : 0));
    }

    std::size_t limit_;
    std::size_t filled_ = 0;

private:
    bool fixed_;
};

/// The end of a buffer that grows.
template <typename DynamicBuffer>
class growing_sink : public file_sink
{
public:
    growing_sink(DynamicBuffer buffer, std::size_t limit)
        : file_sink(std::min(limit, buffer.max_size() - buffer.size()), false),
          buffer_(std::move(buffer)),
          base_(buffer_.size())
    {}

    boost::asio::mutable_buffer room(std::size_t wanted) override
    {
        const std::size_t begin = base_ + filled_;
        const std::size_t left = buffer_.max_size() - begin;
        if (left == 0)
            return {&beyond_, 1};
        const std::size_t size = std::min(may_take(wanted), left);
        if (buffer_.size() - begin < size)
            buffer_.grow(begin + size - buffer_.size());
        const auto all = buffer_.data(begin, size);
        return *boost::asio::buffer_sequence_begin(all);
    }

    boost::asio::mutable_buffer first(char* memory, std::size_t size) override
    {
        return {memory, may_take(size)};
    }

    void take_first(const char* memory, std::size_t size) override
    {
        const std::size_t kept = std::min(size, limit_);
        buffer_.grow(kept);
        boost::asio::buffer_copy(
            buffer_.data(base_, kept), boost::asio::buffer(memory, kept));
        commit(size);
    }

    void clear() override
    {
        filled_ = 0;
        trim();
    }

    void trim() override
    {
        const std::size_t kept = base_ + std::min(filled_, limit_);
        if (buffer_.size() > kept)
            buffer_.shrink(buffer_.size() - kept);
    }

private:
    DynamicBuffer buffer_;
    std::size_t base_;
    char beyond_ = 0; // tells that there is more than the buffer may hold
};

/// A string of its own.
class string_sink final : public file_sink
{
public:
    explicit string_sink(std::size_t limit) noexcept : file_sink(limit, false) {}

    boost::asio::mutable_buffer room(std::size_t wanted) override
    {
        const std::size_t size = may_take(wanted);
        if (content_.size() - filled_ < size)
            content_.resize(filled_ + size);
        return {content_.data() + filled_, size};
    }

    boost::asio::mutable_buffer first(char* memory, std::size_t size) override
    {
        return {memory, may_take(size)};
    }

    void take_first(const char* memory, std::size_t size) override
    {
        content_ = std::string(memory, std::min(size, limit_));
        commit(size);
    }

    void clear() override
    {
        filled_ = 0;
        content_.clear();
    }

    void trim() override { content_.resize(std::min(filled_, limit_)); }

    std::string take() noexcept { return std::move(content_); }

private:
    std::string content_;
};

/// Memory of one size.
class fixed_sink final : public file_sink
{
public:
    explicit fixed_sink(boost::asio::mutable_buffer buffer) noexcept
        : file_sink(buffer.size(), true), buffer_(buffer)
    {}

    boost::asio::mutable_buffer room(std::size_t wanted) override
    {
        return boost::asio::buffer(buffer_ + filled_, wanted);
    }

    boost::asio::mutable_buffer first(char*, std::size_t) override
    {
        return boost::asio::buffer(buffer_, std::size_t{1} << 30);
    }

    void take_first(const char*, std::size_t size) override { commit(size); }
    void clear() override { filled_ = 0; }
    void trim() override {}

private:
    boost::asio::mutable_buffer buffer_;
};

/// Runs what may need memory; returns 0, or -ENOMEM where there is none.
template <typename Function>
int with_memory(Function function) noexcept
{
    try {
        function();
        return 0;
    }
    catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    catch (const std::length_error&) {
        return -ENOMEM;
    }
}

/// How much a read of a larger file asks for, where `size` is what is known of the file's
/// size.
constexpr std::size_t next_read(std::size_t filled, std::uint64_t size) noexcept
{
    constexpr std::size_t at_least = 64 * 1024;
    constexpr std::size_t at_most = 1 << 30;
    // One byte more finds the end of the file behind what is known of it.
    if (size != 0 && filled <= size)
        return std::min(static_cast<std::size_t>(size - filled) + 1, at_most);
    const auto beyond = filled - static_cast<std::size_t>(size);
    return std::clamp(beyond / 2, at_least, at_most);
}

/// Opens a file and reads all of it, for a worker. Returns 0 or a negated errno.
ASIO_URING_DECL int call_read_file(place& at, file_sink& sink);

} // namespace asio_uring::detail
