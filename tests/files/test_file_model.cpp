// SPDX-License-Identifier: BSL-1.0
// Random operations on files against a picture of them in memory. A random-access file
// has one operation at a time in each of its regions, and any number in all; a stream
// file has operations in a line, whose order the picture knows.
#include "../support/from_environment.hpp"
#include "file_kinds.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace asio_uring::test {

namespace {

constexpr std::size_t region_size = 700;
constexpr std::size_t regions = 96;

/// What a random-access file has to be.
class random_model
{
public:
    random_model(
        asio::io_context& context, const std::string& path, unsigned seed, long steps)
        : file_(context, path, mode), path_(path), random_(seed), left_(steps)
    {
        file_.resize(region_size * regions);
    }

    void start()
    {
        for (std::size_t i = 0; i != regions; ++i)
            step(i);
    }

    long done() const { return done_; }
    long wrong() const { return wrong_; }

    bool matches(const std::string& bytes) const
    {
        std::string whole;
        for (const region& each : regions_)
            whole += each.bytes;
        return whole == bytes;
    }

private:
    using file_type = asio_uring::basic_random_access_file<asio_uring::executor>;
    static constexpr auto mode = file_base::read_write | file_base::create;

    struct region
    {
        std::string bytes = std::string(region_size, '\0');
        std::string room = std::string(region_size, '.');
        std::size_t offset = 0;
        std::size_t size = 0;
        asio::cancellation_signal signal;
    };

    std::size_t below(std::size_t limit) { return random_() % limit; }

    void step(std::size_t index)
    {
        if (left_-- <= 0)
            return;
        region& at = regions_[index];
        at.offset = below(region_size);
        at.size = 1 + below(region_size - at.offset);
        const std::uint64_t place = index * region_size + at.offset;
        const bool reads = below(2) == 0;
        auto handler = asio::bind_cancellation_slot(
            at.signal.slot(), [this, index, reads](error_code ec, std::size_t bytes) {
                reads ? read(index, ec, bytes) : written(index, ec, bytes);
            });
        const std::size_t half = at.size / 2;
        const std::array<asio::mutable_buffer, 2> parts{
            asio::buffer(at.room.data(), half),
            asio::buffer(at.room.data() + half, at.size - half)};
        const asio::mutable_buffer one = asio::buffer(at.room.data(), at.size);
        const bool in_parts = below(4) == 0;
        if (reads) {
            std::fill(at.room.begin(), at.room.end(), '.');
            in_parts ? file_.async_read_some_at(place, parts, std::move(handler))
                     : file_.async_read_some_at(place, one, std::move(handler));
        }
        else {
            for (std::size_t i = 0; i != at.size; ++i)
                at.room[i] = static_cast<char>('a' + below(26));
            in_parts ? file_.async_write_some_at(place, parts, std::move(handler))
                     : file_.async_write_some_at(place, one, std::move(handler));
        }
        disturb();
    }

    void disturb()
    {
        switch (below(400)) {
        case 0:
            return file_.cancel();
        case 1: {
            file_type moved(std::move(file_));
            file_ = std::move(moved);
            return;
        }
        case 2:
            file_.close();
            return file_.open(path_, mode);
        case 3:
            return file_.assign(file_.release());
        default:
            if (below(20) == 0)
                regions_[below(regions)].signal.emit(asio::cancellation_type::total);
        }
    }

    void read(std::size_t index, error_code ec, std::size_t bytes)
    {
        region& at = regions_[index];
        const bool as_it_is = bytes == at.size &&
                              at.room.compare(0, bytes, at.bytes, at.offset, bytes) == 0;
        note(ec ? bytes == 0 && ec == asio::error::operation_aborted : as_it_is);
        step(index);
    }

    void written(std::size_t index, error_code ec, std::size_t bytes)
    {
        region& at = regions_[index];
        at.bytes.replace(at.offset, bytes, at.room, 0, bytes);
        note(ec ? bytes == 0 && ec == asio::error::operation_aborted : bytes == at.size);
        step(index);
    }

    void note(bool right)
    {
        ++done_;
        wrong_ += !right;
    }

    file_type file_;
    std::string path_;
    std::minstd_rand random_;
    long left_;
    long done_ = 0;
    long wrong_ = 0;
    std::array<region, regions> regions_;
};

/// What a stream file has to be: operations end in the order of their start.
class stream_model
{
public:
    stream_model(
        asio::io_context& context, const std::string& path, unsigned seed, long steps)
        : file_(context, path, file_base::read_write | file_base::create),
          random_(seed),
          left_(steps)
    {}

    void start()
    {
        while (line_.size() != 5)
            step();
    }

    long done() const { return done_; }
    long wrong() const { return wrong_; }
    bool matches(const std::string& bytes) const { return bytes == bytes_; }

private:
    struct operation
    {
        bool reads = false;
        std::string room;
    };

    std::size_t below(std::size_t limit) { return random_() % limit; }

    void step()
    {
        operation& next = line_.emplace_back();
        next.reads = below(3) != 0;
        next.room.assign(1 + below(300), static_cast<char>('a' + below(26)));
        auto handler = [this](error_code ec, std::size_t bytes) { ended(ec, bytes); };
        if (next.reads)
            file_.async_read_some(asio::buffer(next.room), std::move(handler));
        else
            file_.async_write_some(asio::buffer(next.room), std::move(handler));
    }

    void ended(error_code ec, std::size_t bytes)
    {
        const operation& first = line_.front();
        const std::size_t size = first.room.size();
        const std::size_t there = bytes_.size() - position_;
        if (!first.reads) {
            bytes_.resize(std::max(bytes_.size(), position_ + bytes));
            bytes_.replace(position_, bytes, first.room, 0, bytes);
            note(!ec && bytes == size);
        }
        else if (there == 0)
            note(ec == asio::error::eof && bytes == 0);
        else
            note(
                !ec && bytes == std::min(size, there) &&
                first.room.compare(0, bytes, bytes_, position_, bytes) == 0);
        position_ += bytes;
        line_.pop_front();
        if (--left_ > 0)
            start_next();
    }

    // The position is the file's while nothing of it is in flight.
    void start_next()
    {
        if (line_.empty() || below(50) != 0) {
            if (line_.empty()) {
                position_ = below(bytes_.size() + 1);
                file_.seek(static_cast<std::int64_t>(position_), file_base::seek_set);
                start();
            }
            else
                step();
        }
    }

    void note(bool right)
    {
        ++done_;
        wrong_ += !right;
    }

    asio_uring::basic_stream_file<asio_uring::executor> file_;
    std::minstd_rand random_;
    long left_;
    long done_ = 0;
    long wrong_ = 0;
    std::size_t position_ = 0;
    std::string bytes_;
    std::deque<operation> line_;
};

template <typename Model>
void run_model(long steps)
{
    for (const int hint : {1, 2}) {
        const temporary_directory folder;
        asio_uring::io_context context(hint);
        Model model(context, folder.path("file"), 7u + unsigned(hint), steps);
        model.start();
        context.run();
        BOOST_TEST(model.wrong() == 0);
        BOOST_TEST(model.done() >= steps);
        BOOST_TEST(model.matches(folder.read("file")));
    }
}

long model_steps() { return long(from_environment("ASIO_URING_MODEL_STEPS", 60'000)); }

} // namespace

BOOST_AUTO_TEST_SUITE(test_file_model)

BOOST_AUTO_TEST_CASE(random_access_file_is_what_the_picture_says)
{
    run_model<random_model>(model_steps());
}

BOOST_AUTO_TEST_CASE(stream_file_is_what_the_picture_says)
{
    run_model<stream_model>(model_steps() / 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
