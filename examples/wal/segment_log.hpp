// SPDX-License-Identifier: BSL-1.0
// Purpose: a log of records for any number of writers, in files of bounded size. A record
// that was acknowledged is on the disk, and so are all before it.
//
// Writers write at places of their own at the same time, and each then asks for a sync.
// async_sync_data() shares the kernel's work, so that many writers pay for one sync. A
// record counts only if no record before it is missing, so a writer asks for its sync
// when everything up to its own record is written.
#pragma once

#include "record.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wal {

namespace asio = boost::asio;
using asio_uring::file_base;

/// One thread runs the executor.
class segment_log
{
public:
    segment_log(
        const asio::any_io_executor& executor,
        std::filesystem::path directory,
        std::uint64_t segment_size)
        : executor_(executor),
          directory_(std::move(directory)),
          segment_size_(segment_size),
          file_(executor),
          changed_(executor, asio::steady_timer::time_point::max())
    {}

    /// Calls visit(const record&) for every record that is whole, in order, drops what a
    /// crash has left behind them, and begins a new segment.
    template <typename Visit>
    asio::awaitable<void> open(Visit visit)
    {
        for (const std::string& name : co_await segments()) {
            last_segment_ = number_of(name);
            co_await recover(directory_ / name, visit);
        }
        co_await begin_segment();
    }

    /// Adds a record, and returns its sequence number when it is on the disk. Throws what
    /// the disk says; from then on nobody knows what is on it, and the log takes no more.
    asio::awaitable<std::uint64_t> append(std::string payload)
    {
        const std::size_t size = record_size(payload.size());
        co_await make_room(size);
        // From here to the write nobody else runs, so places and numbers agree.
        const std::uint64_t sequence = next_sequence_++;
        const std::uint64_t place = std::exchange(tail_, tail_ + size);
        ++writers_;
        try {
            const std::string bytes = encode(sequence, payload);
            co_await asio::async_write_at(
                file_, place, asio::buffer(bytes), asio::use_awaitable);
            note_written(place, size);
            while (written_ < place + size) {
                co_await change();
            }
            co_await file_.async_sync_data(asio::use_awaitable);
        }
        catch (...) {
            fail(std::current_exception());
        }
        --writers_;
        tell();
        throw_if_failed();
        co_return sequence;
    }

    std::uint32_t last_segment() const noexcept { return last_segment_; }

private:
    static std::string name_of(std::uint32_t number)
    {
        char name[16];
        std::snprintf(name, sizeof(name), "%08u.wal", number);
        return name;
    }

    static std::uint32_t number_of(const std::string& name)
    {
        return static_cast<std::uint32_t>(std::stoul(name));
    }

    asio::awaitable<std::vector<std::string>> segments()
    {
        std::vector<std::string> names;
        for (auto& entry : co_await asio_uring::async_list_directory(
                 executor_, directory_, asio::use_awaitable))
        {
            if (entry.name.size() == name_of(0).size() && entry.name.ends_with(".wal")) {
                names.push_back(std::move(entry.name));
            }
        }
        std::sort(names.begin(), names.end());
        co_return names;
    }

    // Behind the last whole record of a segment the numbers go on in the next segment.
    template <typename Visit>
    asio::awaitable<void> recover(std::filesystem::path path, Visit& visit)
    {
        const std::string bytes =
            co_await asio_uring::async_read_file(executor_, path, asio::use_awaitable);
        std::size_t end = 0;
        while (const auto found = decode(bytes, end)) {
            if (found->sequence != next_sequence_) {
                break;
            }
            visit(*found);
            ++next_sequence_;
            end = found->end;
        }
        if (end != bytes.size()) {
            asio_uring::random_access_file segment(executor_);
            co_await segment.async_open(path, file_base::write_only, asio::use_awaitable);
            co_await segment.async_resize(end, asio::use_awaitable);
            co_await segment.async_sync_all(asio::use_awaitable);
        }
    }

    // A new name is on the disk when its directory is.
    asio::awaitable<void> begin_segment()
    {
        asio_uring::random_access_file next(executor_);
        co_await next.async_open(
            directory_ / name_of(last_segment_ + 1),
            file_base::write_only | file_base::create | file_base::exclusive,
            asio::use_awaitable);
        asio_uring::random_access_file names(executor_);
        co_await names.async_open(directory_, file_base::read_only, asio::use_awaitable);
        co_await names.async_sync_all(asio::use_awaitable);
        file_ = std::move(next);
        ++last_segment_;
        tail_ = written_ = 0;
    }

    // The first who finds the segment full begins the next one, when all records of the
    // full one are on the disk; the others wait for that.
    asio::awaitable<void> make_room(std::size_t size)
    {
        throw_if_failed();
        while (rotating_ || (tail_ != 0 && tail_ + size > segment_size_)) {
            if (!std::exchange(rotating_, true)) {
                while (writers_ != 0) {
                    co_await change();
                }
                try {
                    throw_if_failed();
                    co_await begin_segment();
                }
                catch (...) {
                    fail(std::current_exception());
                }
                rotating_ = false;
                tell();
            }
            else {
                co_await change();
            }
            throw_if_failed();
        }
    }

    // Writes end in any order; what counts is the place up to which nothing is missing.
    void note_written(std::uint64_t place, std::uint64_t size)
    {
        ahead_.emplace(place, place + size);
        while (!ahead_.empty() && ahead_.begin()->first == written_) {
            written_ = ahead_.begin()->second;
            ahead_.erase(ahead_.begin());
        }
        tell();
    }

    // A timer that never expires and is cancelled wakes all who wait for it.
    asio::awaitable<void> change()
    {
        co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        throw_if_failed();
    }

    void tell() { changed_.cancel(); }

    void fail(std::exception_ptr reason)
    {
        if (!failure_) {
            failure_ = std::move(reason);
        }
        tell();
    }

    void throw_if_failed() const
    {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    asio::any_io_executor executor_;
    std::filesystem::path directory_;
    std::uint64_t segment_size_;
    asio_uring::random_access_file file_;
    std::uint32_t last_segment_ = 0;
    std::uint64_t next_sequence_ = 1;

    // Of the segment: where the next record goes, and up to where all are written
    std::uint64_t tail_ = 0;
    std::uint64_t written_ = 0;
    std::map<std::uint64_t, std::uint64_t> ahead_;

    std::size_t writers_ = 0;
    bool rotating_ = false;
    std::exception_ptr failure_;
    asio::steady_timer changed_;
};

} // namespace wal
