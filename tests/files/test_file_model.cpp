// SPDX-License-Identifier: BSL-1.0
// Random operations on files against a picture of them in memory. A random-access file
// has one operation at a time in each of its regions, and any number in all; a stream
// file has operations in a line, whose order the picture knows. Half of what they touch
// is beyond 4 GiB. ASIO_URING_MODEL_STEPS makes a run longer, ASIO_URING_MODEL_SEED makes
// it another one.
#include "../support/from_environment.hpp"
#include "file_kinds.hpp"

#include <asio_uring/ring/kernel_features.hpp>

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

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

constexpr std::size_t region_size = 700;
constexpr std::size_t regions = 96;
constexpr std::uint64_t far = std::uint64_t{5} << 30;

/// What a file has from an offset on, in no more memory than that takes.
std::string bytes_at(const std::string& path, std::uint64_t offset, std::size_t size)
{
    const unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string bytes(size, '-');
    const auto got =
        ::pread(file.get(), bytes.data(), size, static_cast<::off_t>(offset));
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
}

/// What a random-access file has to be.
class random_model
{
public:
    random_model(
        asio::io_context& context, const std::string& path, unsigned seed, long steps)
        : file_(context, path, mode), path_(path), random_(seed), left_(steps)
    {
        file_.resize(all);
    }

    void start()
    {
        for (std::size_t i = 0; i != regions; ++i)
            step(i);
    }

    long done() const { return done_; }
    long wrong() const { return wrong_; }

    bool matches() const
    {
        for (std::size_t i = 0; i != regions; ++i)
            if (bytes_at(path_, place_of(i), region_size) != regions_[i].bytes)
                return false;
        return true;
    }

private:
    using file_type = asio_uring::basic_random_access_file<asio_uring::executor>;
    static constexpr auto mode = file_base::read_write | file_base::create;
    static constexpr std::uint64_t all = far + regions / 2 * region_size;

    static std::uint64_t place_of(std::size_t index) noexcept
    {
        const std::size_t half = regions / 2;
        return index < half ? index * region_size : far + (index - half) * region_size;
    }

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
        const std::uint64_t place = place_of(index) + at.offset;
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
        case 4: // behind all regions, so that none of them loses a byte
            return file_.async_resize(all + below(100'000), [this](error_code ec) {
                wrong_ += ec && ec != asio::error::operation_aborted;
            });
        case 5:
            return file_.async_sync_data([this](error_code ec) {
                wrong_ += ec && ec != asio::error::operation_aborted;
            });
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

/// What a stream file has to be: operations end in the order of their start, but for
/// those that were cancelled before they began. With Append each write is one to the end.
template <bool Append>
class stream_model
{
public:
    stream_model(
        asio::io_context& context, const std::string& path, unsigned seed, long steps)
        : file_(context, path, mode), path_(path), random_(seed), left_(steps)
    {
        file_.resize(far);
        file_.seek(static_cast<std::int64_t>(far), file_base::seek_set);
    }

    void start()
    {
        while (line_.size() != 5)
            step();
    }

    long done() const { return done_; }
    long wrong() const { return wrong_; }
    bool matches() const { return bytes_at(path_, far, bytes_.size() + 1) == bytes_; }

private:
    static constexpr auto mode = file_base::read_write | file_base::create |
                                 (Append ? file_base::append : file_base::flags{});

    enum class kind
    {
        read,
        write,
        resize,
    };

    struct operation
    {
        kind what = kind::read;
        std::string room{};
        std::size_t size = 0;
        bool may_abort = false;
        bool ended = false;
        asio::cancellation_signal signal{};
    };

    using operation_ptr = std::shared_ptr<operation>;

    std::size_t below(std::size_t limit) { return random_() % limit; }

    void step()
    {
        const auto next = line_.emplace_back(std::make_shared<operation>());
        next->room.assign(1 + below(300), static_cast<char>('a' + below(26)));
        const std::size_t which = below(60);
        next->what = which == 0 && resizes_in_line() ? kind::resize
                     : which < 40                    ? kind::read
                                                     : kind::write;
        auto transferred = asio::bind_cancellation_slot(
            next->signal.slot(),
            [this, next](error_code ec, std::size_t bytes) { ended(next, ec, bytes); });
        switch (next->what) {
        case kind::read:
            file_.async_read_some(asio::buffer(next->room), std::move(transferred));
            break;
        case kind::write:
            file_.async_write_some(asio::buffer(next->room), std::move(transferred));
            break;
        case kind::resize:
            next->size = below(2 * bytes_.size() + 100) % 200'000;
            file_.async_resize(
                far + next->size, [this, next](error_code ec) { ended(next, ec, 0); });
            break;
        }
        disturb();
    }

    // Before kernel 6.9 a ring's resize overtakes what is before it.
    static bool resizes_in_line()
    {
        static const bool has_request =
            kernel_features::running().supports(abi::opcode::ftruncate);
        return has_request || ring_is_forbidden();
    }

    void disturb()
    {
        const std::size_t which = below(200);
        if (which == 0) {
            for (const operation_ptr& each : line_)
                each->may_abort = true;
            file_.cancel();
        }
        else if (which < 10) {
            const operation_ptr one = line_[below(line_.size())];
            one->may_abort |= one->what != kind::resize;
            one->signal.emit(asio::cancellation_type::total);
        }
    }

    void ended(const operation_ptr& at, error_code ec, std::size_t bytes)
    {
        at->ended = true;
        if (ec == asio::error::operation_aborted)
            note(at->may_abort && bytes == 0);
        else {
            // Nothing overtakes what the program has not ended.
            for (const operation_ptr& each : line_)
                if (each == at)
                    break;
                else
                    wrong_ += !each->ended && !each->may_abort;
            apply(*at, ec, bytes);
        }
        while (!line_.empty() && line_.front()->ended)
            line_.pop_front();
        if (--left_ > 0)
            start_next();
    }

    void apply(const operation& at, error_code ec, std::size_t bytes)
    {
        const std::size_t size = at.room.size();
        if (at.what == kind::resize) {
            bytes_.resize(at.size);
            return note(!ec);
        }
        if (at.what == kind::write) {
            if (Append)
                position_ = bytes_.size();
            bytes_.resize(std::max(bytes_.size(), position_ + bytes));
            bytes_.replace(position_, bytes, at.room, 0, bytes);
            position_ += bytes;
            return note(!ec && bytes == size);
        }
        const std::size_t there = bytes_.size() - std::min(position_, bytes_.size());
        if (there == 0)
            return note(ec == asio::error::eof && bytes == 0);
        // A read that is cancelled behind its first part tells of that part.
        const std::size_t wanted = std::min(size, there);
        const bool is_whole = bytes == wanted || (at.may_abort && bytes < wanted);
        note(
            !ec && is_whole && bytes != 0 &&
            at.room.compare(0, bytes, bytes_, position_, bytes) == 0);
        position_ += bytes;
    }

    // The position is the file's while nothing of it is in flight.
    void start_next()
    {
        if (line_.empty()) {
            position_ = below(bytes_.size() + 1);
            file_.seek(static_cast<std::int64_t>(far + position_), file_base::seek_set);
            start();
        }
        else if (below(50) != 0)
            step();
    }

    void note(bool right)
    {
        ++done_;
        wrong_ += !right;
    }

    asio_uring::basic_stream_file<asio_uring::executor> file_;
    std::string path_;
    std::minstd_rand random_;
    long left_;
    long done_ = 0;
    long wrong_ = 0;
    std::size_t position_ = 0;
    std::string bytes_; // from the far offset on
    std::deque<operation_ptr> line_;
};

unsigned model_seed() { return unsigned(from_environment("ASIO_URING_MODEL_SEED", 7)); }

template <typename Model>
void run_model(long steps)
{
    for (const int hint : {1, 2}) {
        const temporary_directory folder;
        asio_uring::io_context context(hint);
        Model model(context, folder.path("file"), model_seed() + unsigned(hint), steps);
        model.start();
        context.run();
        BOOST_TEST(model.wrong() == 0);
        BOOST_TEST(model.done() >= steps);
        BOOST_TEST(model.matches());
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
    run_model<stream_model<false>>(model_steps() / 2);
}

BOOST_AUTO_TEST_CASE(stream_file_that_appends_is_what_the_picture_says)
{
    run_model<stream_model<true>>(model_steps() / 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
