// SPDX-License-Identifier: BSL-1.0
// Opening, moving, closing, and what is done at once: the interface of Asio's files.
#include "file_kinds.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <sys/resource.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

constexpr int read_write = O_RDWR | O_CREAT;

std::string system_text(int error)
{
    return text({error, boost::asio::error::get_system_category()});
}

bool is_open_descriptor(int descriptor) { return ::fcntl(descriptor, F_GETFD) != -1; }

} // namespace

BOOST_AUTO_TEST_SUITE(test_file)

BOOST_AUTO_TEST_CASE_TEMPLATE(file_is_made_in_every_way_asio_has, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using stream = typename Files::stream;
    file_fixture<Files> f;
    f.folder.write("file", "0123456789");
    const std::string path = f.path();
    const typename random::executor_type executor(f.context.get_executor());

    BOOST_TEST(!random(f.context).is_open());
    BOOST_TEST(!random(executor).is_open());
    BOOST_TEST(random(f.context, path, random::read_only).size() == 10u);
    BOOST_TEST(random(f.context, path.c_str(), random::read_only).size() == 10u);
    BOOST_TEST(random(executor, path, random::read_only).size() == 10u);
    BOOST_TEST(random(executor, path.c_str(), random::read_only).size() == 10u);
    BOOST_TEST(random(f.context, ::open(path.c_str(), O_RDONLY)).size() == 10u);
    BOOST_TEST(random(executor, ::open(path.c_str(), O_RDONLY)).size() == 10u);
    BOOST_TEST(!stream(f.context).is_open());
    BOOST_TEST(!stream(executor).is_open());
    BOOST_TEST(stream(f.context, path, stream::read_only).size() == 10u);
    BOOST_TEST(stream(f.context, path.c_str(), stream::read_only).size() == 10u);
    BOOST_TEST(stream(executor, path, stream::read_only).size() == 10u);
    BOOST_TEST(stream(executor, path.c_str(), stream::read_only).size() == 10u);
    BOOST_TEST(stream(f.context, ::open(path.c_str(), O_RDONLY)).size() == 10u);
    BOOST_TEST(stream(executor, ::open(path.c_str(), O_RDONLY)).size() == 10u);

    random file(f.context);
    file.open(path, random::read_only);
    BOOST_TEST((file.get_executor() == executor));
    BOOST_CHECK_THROW(file.open(path, random::read_only), boost::system::system_error);
    error_code ec;
    file.open(path.c_str(), random::read_only, ec);
    BOOST_TEST(text(ec) == "already_open");
    file.assign(0, ec);
    BOOST_TEST(text(ec) == "already_open");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(types_are_those_of_asio, Files, file_kinds)
{
    using random = typename Files::random;
    using stream = typename Files::stream;
    using native = typename Files::executor;
    using other_random = typename random::template rebind_executor<native>::other;
    using other_stream = typename stream::template rebind_executor<native>::other;
    static_assert(std::same_as<other_random, typename Files::template random_of<native>>);
    static_assert(std::same_as<other_stream, typename Files::template stream_of<native>>);
    static_assert(std::same_as<typename random::native_handle_type, int>);
    static_assert(std::is_nothrow_move_constructible_v<random>);
    static_assert(!std::is_copy_constructible_v<random>);
    static_assert(!std::is_copy_assignable_v<stream>);
    static_assert(std::constructible_from<random, other_random&&>);
    static_assert(!std::constructible_from<other_random, random&&>);
    static_assert(!std::constructible_from<random, stream&&>);
    BOOST_TEST((random::read_write | random::create) == read_write);
    auto flags = random::read_write | random::append;
    flags &= ~random::append;
    BOOST_TEST(flags == random::read_write);
    flags |= random::truncate;
    flags ^= random::truncate;
    BOOST_TEST(flags == random::read_write);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(open_reports_what_the_system_says, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    random file(f.context);
    error_code ec;
    file.open(f.path(), random::read_only, ec);
    BOOST_TEST(text(ec) == system_text(ENOENT));
    BOOST_TEST(!file.is_open());
    file.open(f.path(std::string(300, 'x').c_str()), random::read_only, ec);
    BOOST_TEST(text(ec) == system_text(ENAMETOOLONG));
    BOOST_CHECK_THROW(
        random(f.context, f.path(), random::read_only), boost::system::system_error);
    file.assign(1 << 20, ec);
    BOOST_TEST(bool(ec) == Files::is_ours);
    if (!ec)
        file.release();

    const auto made = random::read_write | random::create | random::exclusive;
    file.open(f.path(), made, ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(file.write_some_at(0, asio::buffer("text", 4)) == 4u);
    file.close();
    file.open(f.path(), made, ec);
    BOOST_TEST(text(ec) == system_text(EEXIST));
    file.open(f.path(), random::write_only | random::truncate, ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(file.size() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    file_is_usable_after_no_descriptor_was_left, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    f.folder.write("file", "text");
    random file(f.context);
    file.open(f.path(), random::read_only);
    file.close();
    ::rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    const ::rlimit full{static_cast<::rlim_t>(next), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &full);
    error_code ec;
    file.open(f.path(), random::read_only, ec);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(text(ec) == system_text(EMFILE));
    BOOST_TEST(!file.is_open());
    file.open(f.path(), random::read_only);
    BOOST_TEST(file.size() == 4u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_file_says_so, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    file_fixture<Files> f;
    typename Files::random random(f.context);
    typename Files::stream stream(f.context);
    std::array<char, 4> room{};
    error_code ec;
    random.read_some_at(0, asio::buffer(room), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.write_some_at(0, asio::buffer(room), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    stream.read_some(asio::buffer(room), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    stream.write_some(asio::buffer(room), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.size(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.resize(1, ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.sync_all(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.sync_data(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    stream.seek(0, Files::stream::seek_set, ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.cancel(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    random.close(ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_CHECK_THROW(random.size(), boost::system::system_error);
    BOOST_CHECK_THROW(random.sync_all(), boost::system::system_error);
    BOOST_CHECK_THROW(stream.read_some(asio::buffer(room)), boost::system::system_error);

    random.async_read_some_at(0, asio::buffer(room), f.log.io("read"));
    random.async_write_some_at(0, asio::buffer(room), f.log.io("write"));
    random.async_read_some_at(0, asio::buffer(room, 0), f.log.io("nothing"));
    BOOST_TEST(f.log.take() == "");
    finish(f.context);
    BOOST_TEST(
        f.log.take() == "read bad_descriptor 0; write bad_descriptor 0; nothing ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(synchronous_members_do_what_they_say, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using stream = typename Files::stream;
    file_fixture<Files> f;
    random file(f.context, f.path(), random::read_write | random::create);
    const std::array<asio::const_buffer, 2> parts{
        asio::buffer("0123", 4), asio::buffer("456789", 6)};
    BOOST_TEST(file.write_some_at(2, parts) == 10u);
    BOOST_TEST(file.size() == 12u);
    file.resize(8);
    BOOST_TEST(file.size() == 8u);
    file.sync_all();
    file.sync_data();
    std::string read(16, '.');
    BOOST_TEST(file.read_some_at(2, asio::buffer(read)) == 6u);
    BOOST_TEST(read == "012345..........");
    error_code ec;
    BOOST_TEST(file.read_some_at(8, asio::buffer(read), ec) == 0u);
    BOOST_TEST(text(ec) == "eof");
    BOOST_TEST(file.read_some_at(8, asio::buffer(read, 0), ec) == 0u);
    BOOST_TEST(text(ec) == "ok");

    stream lines(f.context, f.path(), stream::read_write);
    BOOST_TEST(lines.seek(-3, stream::seek_end) == 5u);
    BOOST_TEST(lines.read_some(asio::buffer(read)) == 3u);
    BOOST_TEST(lines.read_some(asio::buffer(read), ec) == 0u);
    BOOST_TEST(text(ec) == "eof");
    BOOST_TEST(lines.seek(-8, stream::seek_cur) == 0u);
    BOOST_TEST(lines.write_some(asio::buffer("ab", 2)) == 2u);
    BOOST_TEST(lines.seek(0, stream::seek_cur) == 2u);
    lines.seek(-1, stream::seek_set, ec);
    BOOST_TEST(text(ec) == "invalid_argument");
    stream tail(f.context, f.path(), stream::write_only | stream::append);
    BOOST_TEST(tail.write_some(asio::buffer("end", 3)) == 3u);
    BOOST_TEST(
        f.folder.read("file") == std::string("ab0123"
                                             "45"
                                             "end"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(descriptor_changes_hands, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    f.folder.write("file", "text");
    random file(f.context, f.path(), random::read_only);
    const int descriptor = file.native_handle();
    BOOST_TEST(file.release() == descriptor);
    BOOST_TEST(!file.is_open());
    BOOST_TEST(is_open_descriptor(descriptor));
    file.assign(descriptor);
    BOOST_TEST(file.is_open());
    BOOST_TEST(file.native_handle() == descriptor);

    random taken(std::move(file));
    BOOST_TEST(!file.is_open());
    BOOST_TEST(taken.native_handle() == descriptor);
    file.open(f.path(), random::read_only);
    const int second = file.native_handle();
    file = std::move(taken);
    BOOST_TEST(!is_open_descriptor(second));
    BOOST_TEST(file.native_handle() == descriptor);
    {
        random last(std::move(file));
        BOOST_TEST(last.size() == 4u);
    }
    BOOST_TEST(!is_open_descriptor(descriptor));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_moves_to_another_executor_type, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using native = typename Files::executor;
    using random = typename Files::template random_of<native>;
    using stream = typename Files::template stream_of<native>;
    file_fixture<Files> f;
    f.folder.write("file", "text");
    random file(f.context.get_executor(), f.path(), random::read_only);
    std::string read(4, '.');
    file.async_read_some_at(0, asio::buffer(read), f.log.io("read"));
    typename Files::random any(std::move(file));
    BOOST_TEST(!file.is_open());
    finish(f.context);
    BOOST_TEST(f.log.take() == "read ok 4");
    BOOST_TEST(read == "text");
    file.open(f.path(), random::read_only);
    any = std::move(file);
    BOOST_TEST(any.size() == 4u);

    stream lines(f.context.get_executor(), f.path(), stream::read_only);
    typename Files::stream any_lines(std::move(lines));
    BOOST_TEST(any_lines.read_some(asio::buffer(read)) == 4u);
    stream more(f.context.get_executor(), f.path(), stream::read_only);
    any_lines = std::move(more);
    BOOST_TEST(any_lines.read_some(asio::buffer(read)) == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
