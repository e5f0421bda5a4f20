// SPDX-License-Identifier: BSL-1.0
// Names, links, directories and attributes, against std::filesystem as the oracle.
#include "../support/backend.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/no_descriptors.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/directory_watcher.hpp>
#include <asio_uring/file_system.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/xattr.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace fs = std::filesystem;

namespace {

struct file_system_fixture
{
    temporary_directory folder;
    asio_uring::io_context context{1};

    asio_uring::executor executor() { return context.get_executor(); }

    answer<file_status> stat(file_location at, last_link link = last_link::follow)
    {
        return ask<file_status>(
            context, [&](auto handler) { async_stat(executor(), at, link, handler); });
    }
    answer<bool> remove(file_location at)
    {
        return ask<bool>(
            context, [&](auto handler) { async_remove(executor(), at, handler); });
    }
    answer<bool> create_directory(file_location at)
    {
        return ask<bool>(context, [&](auto handler) {
            async_create_directory(executor(), at, handler);
        });
    }
    answer<bool> create_directories(file_location at)
    {
        return ask<bool>(context, [&](auto handler) {
            async_create_directories(executor(), at, handler);
        });
    }
    error_code
    rename(file_location from, file_location to, rename_mode mode = rename_mode::replace)
    {
        return ask(context, [&](auto handler) {
            async_rename(executor(), from, to, mode, handler);
        });
    }
    error_code symlink(std::string target, file_location at)
    {
        return ask(context, [&](auto handler) {
            async_create_symlink(executor(), target, at, handler);
        });
    }
    error_code hard_link(file_location from, file_location to)
    {
        return ask(context, [&](auto handler) {
            async_create_hard_link(executor(), from, to, handler);
        });
    }
    answer<fs::path> read_link(file_location at)
    {
        return ask<fs::path>(
            context, [&](auto handler) { async_read_link(executor(), at, handler); });
    }
    answer<std::vector<directory_entry>> list(file_location at)
    {
        return ask<std::vector<directory_entry>>(context, [&](auto handler) {
            async_list_directory(executor(), at, handler);
        });
    }
    answer<int> open(file_location at, int flags)
    {
        return ask<int>(
            context, [&](auto handler) { async_open(executor(), at, flags, handler); });
    }
    directory_handle open_directory(file_location at)
    {
        auto got = ask<directory_handle>(context, [&](auto handler) {
            async_open_directory(executor(), at, std::move(handler));
        });
        BOOST_TEST_REQUIRE(!got.ec, got.ec.message());
        return std::move(got.value);
    }

    using any_call = std::function<error_code(file_location)>;

    /// Every function that touches the file system, each as one that ends with an error
    /// where there is nothing to touch.
    std::vector<std::pair<std::string, any_call>> all_calls(const directory_handle& root)
    {
        return {
            {"stat", [&](file_location at) { return stat(at).ec; }},
            {"open", [&](file_location at) { return open(at, O_RDONLY).ec; }},
            {"remove",
             [&](file_location at) {
                 const auto got = remove(at);
                 return got.ec || got.value
                            ? got.ec
                            : make_error_code(
                                  boost::system::errc::no_such_file_or_directory);
             }},
            {"list", [&](file_location at) { return list(at).ec; }},
            {"mkdir", [&](file_location at) { return create_directory(at).ec; }},
            {"read_link", [&](file_location at) { return read_link(at).ec; }},
            {"symlink", [&](file_location at) { return symlink("x", at); }},
            {"rename",
             [&](file_location at) {
                 return rename(at, {root, "own"});
             }},
            {"rename to",
             [&](file_location at) {
                 return rename({root, "own"}, at);
             }},
            {"link",
             [&](file_location at) {
                 return hard_link(at, {root, "mine"});
             }},
            {"link to", [&](file_location at) {
                 return hard_link({root, "own"}, at);
             }}};
    }
};

/// Whether an error is the one that std::filesystem gives, none included.
bool same(const error_code& ours, const std::error_code& oracle)
{
    return oracle ? ours.value() == oracle.value() &&
                        ours == static_cast<std::errc>(oracle.value())
                  : !ours;
}

/// Requests are an ordinary user's while it lives.
class ordinary_user
{
public:
    ordinary_user()
    {
        if (root_)
            BOOST_TEST_REQUIRE(::seteuid(65534) == 0);
    }
    ordinary_user(const ordinary_user&) = delete;
    ordinary_user& operator=(const ordinary_user&) = delete;
    ~ordinary_user()
    {
        if (root_)
            BOOST_TEST(::seteuid(0) == 0);
    }

private:
    const bool root_ = ::geteuid() == 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_file_system, file_system_fixture)

BOOST_AUTO_TEST_CASE(stat_of_each_kind_agrees_with_the_oracle)
{
    folder.write("file", std::string(10'000, 'x'));
    fs::create_directory(folder.path("directory"));
    fs::create_symlink("file", folder.path("link"));
    fs::create_symlink("nowhere", folder.path("dangling"));
    fs::create_hard_link(folder.path("file"), folder.path("twin"));
    BOOST_REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    fs::permissions(folder.path("file"), fs::perms(0640));
    for (const char* name : {"file", "directory", "link", "twin", "fifo", "missing"}) {
        std::error_code oracle;
        const auto expected = fs::status(folder.path(name), oracle);
        const auto got = stat(folder.path(name));
        BOOST_TEST_CONTEXT(name)
        {
            if (!fs::exists(expected)) {
                BOOST_TEST((got.ec == std::errc::no_such_file_or_directory));
                BOOST_TEST((got.value.type == fs::file_type::none));
                continue;
            }
            BOOST_TEST(!got.ec);
            BOOST_TEST((got.value.type == expected.type()));
            BOOST_TEST((got.value.permissions == expected.permissions()));
            BOOST_TEST(got.value.links == fs::hard_link_count(folder.path(name)));
        }
    }
    const auto file = stat(folder.path("file")).value;
    struct ::stat plain = {};
    BOOST_REQUIRE(::stat(folder.path("file").c_str(), &plain) == 0);
    BOOST_TEST(file.size == 10'000U);
    BOOST_TEST(file.inode == plain.st_ino);
    BOOST_TEST(file.device == plain.st_dev);
    BOOST_TEST(file.block_size == plain.st_blksize);
    BOOST_TEST(file.allocated == static_cast<std::uint64_t>(plain.st_blocks) * 512);
    BOOST_TEST(file.owner == plain.st_uid);
    const auto modified = file.modified.time_since_epoch().count();
    BOOST_TEST(
        modified == plain.st_mtim.tv_sec * 1'000'000'000LL + plain.st_mtim.tv_nsec);
    const auto link = stat(folder.path("link"), last_link::stay).value;
    BOOST_TEST((link.type == fs::file_type::symlink));
    BOOST_TEST(
        (stat(folder.path("dangling")).ec == std::errc::no_such_file_or_directory));
    BOOST_TEST((stat("/dev/null").value.type == fs::file_type::character));
    BOOST_TEST(stat("/dev/null").value.represents == makedev(1, 3));
}

BOOST_AUTO_TEST_CASE(rename_modes_replace_keep_and_exchange)
{
    folder.write("a", "a");
    folder.write("b", "b");
    BOOST_TEST(
        (rename(folder.path("a"), folder.path("b"), rename_mode::no_replace) ==
         std::errc::file_exists));
    BOOST_TEST(!rename(folder.path("a"), folder.path("b"), rename_mode::exchange));
    BOOST_TEST(folder.read("a") == "b");
    BOOST_TEST(folder.read("b") == "a");
    BOOST_TEST(!rename(folder.path("a"), folder.path("b")));
    BOOST_TEST(!folder.has("a"));
    BOOST_TEST(folder.read("b") == "b");
    BOOST_TEST(!rename(folder.path("b"), folder.path("c"), rename_mode::no_replace));
    BOOST_TEST(
        (rename(folder.path("b"), folder.path("d")) ==
         std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(remove_of_each_kind_agrees_with_the_oracle)
{
    const auto prepare = [&](const std::string& root) {
        fs::create_directories(folder.path(root + "/full/inner"));
        fs::create_directory(folder.path(root + "/empty"));
        folder.write(root + "/file", "");
        fs::create_symlink("full", folder.path(root + "/link"));
    };
    prepare("ours");
    prepare("oracle");
    for (const char* name :
         {"/file",
          "/empty",
          "/full",
          "/link",
          "/missing",
          "/file/below",
          "/full/inner",
          "/full",
          ""})
    {
        std::error_code ec;
        const bool removed = fs::remove(folder.path(std::string("oracle") + name), ec);
        const auto got = remove(folder.path(std::string("ours") + name));
        BOOST_TEST_CONTEXT(name << ": " << got.ec.message())
        {
            BOOST_TEST(got.value == removed);
            BOOST_TEST(same(got.ec, ec));
        }
    }
    BOOST_TEST(!folder.has("ours"));
}

BOOST_AUTO_TEST_CASE(creating_directories_agrees_with_the_oracle)
{
    const auto prepare = [&](const std::string& root) {
        fs::create_directory(folder.path(root));
        fs::create_directory(folder.path(root + "/there"));
        folder.write(root + "/file", "");
        fs::create_symlink("there", folder.path(root + "/link"));
    };
    prepare("ours");
    prepare("oracle");
    for (const char* name :
         {"/one",
          "/one",
          "/there",
          "/file",
          "/link",
          "/link/new",
          "/missing/below",
          "/file/below"})
    {
        std::error_code ec;
        const std::string oracle = folder.path(std::string("oracle") + name);
        const bool created = fs::create_directory(oracle, ec);
        const auto got = create_directory(folder.path(std::string("ours") + name));
        BOOST_TEST_CONTEXT(name << ": " << got.ec.message())
        {
            BOOST_TEST(got.value == created);
            BOOST_TEST(same(got.ec, ec));
        }
    }
    for (const char* name :
         {"/x/y/z",
          "/x/y/z",
          "/x//w///v//",
          "/there",
          "/file",
          "/file/below/more",
          "/link/a/b",
          "/one/two",
          "/"})
    {
        std::error_code ec;
        const std::string oracle = folder.path(std::string("oracle") + name);
        const bool created = fs::create_directories(oracle, ec);
        const auto got = create_directories(folder.path(std::string("ours") + name));
        BOOST_TEST_CONTEXT(name << ": " << got.ec.message())
        {
            BOOST_TEST(got.value == created);
            BOOST_TEST(same(got.ec, ec));
        }
    }
    std::vector<std::string> made;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path("ours")))
        made.push_back(entry.path().lexically_relative(folder.path("ours")));
    for (const auto& entry : fs::recursive_directory_iterator(folder.path("oracle"))) {
        const fs::path name = entry.path().lexically_relative(folder.path("oracle"));
        BOOST_TEST(std::erase(made, name.string()) == 1U, name);
    }
    BOOST_TEST(made.empty());
}

BOOST_AUTO_TEST_CASE(links_lead_where_they_say)
{
    folder.write("file", "text");
    BOOST_TEST(!symlink("file", folder.path("link")));
    BOOST_TEST(fs::read_symlink(folder.path("link")) == "file");
    BOOST_TEST((symlink("other", folder.path("link")) == std::errc::file_exists));
    BOOST_TEST(read_link(folder.path("link")).value == "file");
    BOOST_TEST((read_link(folder.path("file")).ec == std::errc::invalid_argument));
    const std::string far(4000, 'f');
    BOOST_TEST(!symlink(far, folder.path("far")));
    BOOST_TEST(read_link(folder.path("far")).value == far);
    BOOST_TEST(!hard_link(folder.path("file"), folder.path("twin")));
    BOOST_TEST(fs::equivalent(folder.path("file"), folder.path("twin")));
    BOOST_TEST(
        (hard_link(folder.path("file"), folder.path("twin")) == std::errc::file_exists));
}

BOOST_AUTO_TEST_CASE(listing_agrees_with_the_oracle)
{
    for (int i = 0; i != 300; ++i)
        folder.write("file" + std::to_string(i), "");
    fs::create_directory(folder.path("directory"));
    const auto got = list(folder.path(""));
    BOOST_TEST(!got.ec);
    std::vector<std::string> names;
    for (const directory_entry& entry : got.value) {
        names.push_back(entry.name);
        BOOST_TEST((entry.type == fs::symlink_status(folder.path(entry.name)).type()));
    }
    std::vector<std::string> expected;
    for (const auto& entry : fs::directory_iterator(folder.path("")))
        expected.push_back(entry.path().filename());
    BOOST_TEST(names == expected, boost::test_tools::per_element());
    BOOST_TEST((list(folder.path("file1")).ec == std::errc::not_a_directory));
    BOOST_TEST((list(folder.path("none")).ec == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(attributes_are_set_got_listed_and_removed)
{
    folder.write("file", "");
    const directory_handle root = open_directory(folder.path(""));
    const auto set = [&](file_location at, std::string value, xattr_mode mode) {
        return ask(context, [&](auto handler) {
            async_set_xattr(executor(), at, "user.kind", value, mode, handler);
        });
    };
    const auto get = [&](file_location at) {
        return ask<std::string>(context, [&](auto handler) {
            async_get_xattr(executor(), at, "user.kind", handler);
        });
    };
    const error_code first = set(folder.path("file"), "text", xattr_mode::create);
    if (first == std::errc::not_supported)
        return; // the file system of the temporary files keeps no attributes
    BOOST_TEST(!first, first.message());
    BOOST_TEST(get(folder.path("file")).value == "text");
    BOOST_TEST(
        (set({root, "file"}, "more", xattr_mode::create) == std::errc::file_exists));
    BOOST_TEST(!set({root, "file"}, std::string("\0b", 2), xattr_mode::replace));
    for (const resolve ways : {resolve::anywhere, resolve::beneath}) {
        const auto at = file_location(root, "file", ways);
        BOOST_TEST(get(at).value == std::string("\0b", 2));
        BOOST_TEST(!set(at, "", xattr_mode::create_or_replace));
        BOOST_TEST(get(at).value.empty());
        BOOST_TEST(!set(at, std::string("\0b", 2), xattr_mode::create_or_replace));
        const auto names = ask<std::vector<std::string>>(
            context, [&](auto handler) { async_list_xattr(executor(), at, handler); });
        BOOST_TEST(std::ranges::count(names.value, "user.kind") == 1);
    }
    const auto remove_it = [&](file_location at) {
        return ask(context, [&](auto handler) {
            async_remove_xattr(executor(), at, "user.kind", handler);
        });
    };
    BOOST_TEST(!remove_it({root, "file"}));
    BOOST_TEST((remove_it(folder.path("file")) == std::errc::no_message_available));
    BOOST_TEST((get(folder.path("file")).ec == std::errc::no_message_available));
    BOOST_TEST(
        (get(file_location(root, "../x", resolve::beneath)).ec ==
         std::errc::cross_device_link));
}

// A handle goes on to mean its directory when that is moved.
BOOST_AUTO_TEST_CASE(every_function_starts_from_a_directory)
{
    fs::create_directory(folder.path("before"));
    const directory_handle root = open_directory(folder.path("before"));
    fs::rename(folder.path("before"), folder.path("after"));
    for (const resolve ways : {resolve::anywhere, resolve::beneath, resolve::in_root}) {
        const auto at = [&](std::string path) {
            return file_location(root, std::move(path), ways);
        };
        const auto made = open(at("file"), O_WRONLY | O_CREAT | O_EXCL);
        BOOST_TEST_REQUIRE(!made.ec, made.ec.message());
        BOOST_TEST(::fcntl(made.value, F_GETFD) == FD_CLOEXEC);
        ::close(made.value);
        BOOST_TEST(create_directory(at("d")).value);
        BOOST_TEST(!create_directory(at("d")).value);
        BOOST_TEST(create_directories(at("d/e/f/")).value);
        BOOST_TEST(!rename(at("file"), at("d/e/f/file")));
        BOOST_TEST(!symlink("e/f/file", at("d/link")));
        BOOST_TEST(read_link(at("d/link")).value == "e/f/file");
        BOOST_TEST(!hard_link(at("d/e/f/file"), at("twin")));
        BOOST_TEST(stat(at("d/link")).value.links == 2U);
        const auto link = stat(at("d/link"), last_link::stay);
        BOOST_TEST((link.value.type == fs::file_type::symlink));
        BOOST_TEST(list(at(".")).value.size() == 2U);
        BOOST_TEST(list(at("d")).value.size() == 2U);
        BOOST_TEST(fs::exists(folder.path("after/d/e/f/file")));
        for (const char* name : {"d/e/f/file", "d/e/f", "d/e", "d/link", "d", "twin"})
            BOOST_TEST(remove(at(name)).value, name);
        BOOST_TEST(!remove(at("twin")).value);
    }
    BOOST_TEST((stat({root, ""}).value.type == fs::file_type::directory));
}

// What a client of a file server may send, for each function: nothing of it touches what
// is outside of the root.
BOOST_AUTO_TEST_CASE(restricted_path_never_leaves_its_root)
{
    fs::create_directories(folder.path("root/inner"));
    fs::create_directory(folder.path("outside"));
    folder.write("outside/secret", "secret");
    fs::create_symlink("../outside", folder.path("root/out"));
    fs::create_symlink(folder.path("outside"), folder.path("root/absolute"));
    fs::create_symlink("../../outside/secret", folder.path("root/inner/secret"));
    folder.write("root/own", "own");
    const directory_handle root = open_directory(folder.path("root"));
    const std::vector<std::string> escapes = {
        "../outside/secret",
        "inner/../../outside/secret",
        folder.path("outside/secret"),
        "out/secret",
        "absolute/secret"};
    const auto all = all_calls(root);
    for (const std::string& path : escapes)
        for (const auto& [name, call] : all)
            BOOST_TEST_CONTEXT(name << " " << path)
            {
                const error_code beneath = call({root, path, resolve::beneath});
                BOOST_TEST((beneath == std::errc::cross_device_link), beneath.message());
                const error_code in_root = call({root, path, resolve::in_root});
                BOOST_TEST(
                    (in_root == std::errc::no_such_file_or_directory), in_root.message());
            }
    // The last name is a link itself.
    for (const resolve ways : {resolve::beneath, resolve::in_root}) {
        BOOST_TEST(stat({root, "inner/secret", ways}).ec);
        BOOST_TEST(open({root, "inner/secret", ways}, O_RDONLY).ec);
        BOOST_TEST(open({root, "inner/secret", ways}, O_WRONLY | O_CREAT).ec);
        BOOST_TEST(!stat({root, "inner/secret", ways}, last_link::stay).ec);
        BOOST_TEST(!read_link({root, "inner/secret", ways}).ec);
    }
    BOOST_TEST(
        (stat({root, "inner/secret", resolve::no_symlinks}).ec ==
         std::errc::too_many_symbolic_link_levels));
    BOOST_TEST(
        (rename({root, "inner/..", resolve::beneath}, {root, "x"}) ==
         std::errc::invalid_argument));
    BOOST_TEST(folder.read("outside/secret") == "secret");
    BOOST_TEST(folder.read("root/own") == "own");
    BOOST_TEST(fs::is_empty(folder.path("outside")) == false);
    BOOST_TEST(!stat({root, "/own", resolve::in_root}).ec);
    BOOST_TEST(!stat({root, "../../own", resolve::in_root}).ec);
}

BOOST_AUTO_TEST_CASE(errors_of_the_system_arrive_as_they_are)
{
    const std::string longest(300, 'n');
    BOOST_TEST((stat(folder.path(longest)).ec == std::errc::filename_too_long));
    BOOST_TEST(
        (create_directories(folder.path(longest)).ec == std::errc::filename_too_long));
    BOOST_TEST((stat("").ec == std::errc::no_such_file_or_directory));
    folder.write("file", "");
    BOOST_TEST((stat(folder.path("file/x")).ec == std::errc::not_a_directory));
    stat(folder.path("file")); // the context has its ring, or its workers
    {
        const no_descriptors none;
        BOOST_TEST(
            (open(folder.path("file"), O_RDONLY).ec == std::errc::too_many_files_open));
        BOOST_TEST((list(folder.path("")).ec == std::errc::too_many_files_open));
    }
    const auto after = open(folder.path("file"), O_RDONLY);
    BOOST_TEST(!after.ec);
    ::close(after.value);
}

// Each function, for each error that a path can have.
BOOST_AUTO_TEST_CASE(path_that_leads_nowhere_is_told_by_every_function)
{
    folder.write("own", "own");
    folder.write("file", "");
    fs::create_directory(folder.path("gone"));
    fs::create_symlink("loop", folder.path("loop"));
    const directory_handle root = open_directory(folder.path(""));
    const directory_handle gone = open_directory(folder.path("gone"));
    fs::remove(folder.path("gone"));
    const std::pair<file_location, std::errc> paths[] = {
        {{root, std::string(300, 'n')}, std::errc::filename_too_long},
        {{root, std::string(5000, '/') + "x"}, std::errc::filename_too_long},
        {{root, "loop/x"}, std::errc::too_many_symbolic_link_levels},
        {{root, "file/x"}, std::errc::not_a_directory},
        {{gone, "x"}, std::errc::no_such_file_or_directory}};
    for (const auto& [path, error] : paths)
        for (const auto& [name, call] : all_calls(root))
            BOOST_TEST_CONTEXT(name << ' ' << path.path().substr(0, 20))
    BOOST_TEST((call(path) == error));
    // A directory that is removed while it is held can still be asked for itself.
    BOOST_TEST(!stat({gone, "."}).ec);
    BOOST_TEST(folder.read("own") == "own");
    asio_uring::directory_watcher watcher(context);
    const auto watch = [&](const std::string& name) {
        return ask(context, [&](auto handler) {
            watcher.async_watch(folder.path(name), {.recursive = true}, handler);
        });
    };
    BOOST_TEST((watch("gone") == std::errc::no_such_file_or_directory));
    BOOST_TEST((watch("loop/x") == std::errc::too_many_symbolic_link_levels));
    BOOST_TEST((watch(std::string(300, 'n')) == std::errc::filename_too_long));
    BOOST_TEST((watch("file/x") == std::errc::not_a_directory));
}

BOOST_AUTO_TEST_CASE(ordinary_user_is_denied_what_permissions_deny)
{
    fs::create_directory(folder.path("closed"));
    folder.write("closed/file", "");
    fs::permissions(folder.path("closed"), fs::perms::none);
    fs::permissions(folder.path(""), fs::perms(0711));
    {
        const ordinary_user user;
        const std::string file = folder.path("closed/file");
        BOOST_TEST((stat(file).ec == std::errc::permission_denied));
        BOOST_TEST((open(file, O_RDONLY).ec == std::errc::permission_denied));
        BOOST_TEST((remove(file).ec == std::errc::permission_denied));
        BOOST_TEST(
            (create_directory(folder.path("closed/x")).ec ==
             std::errc::permission_denied));
        BOOST_TEST((list(folder.path("closed")).ec == std::errc::permission_denied));
    }
    fs::permissions(folder.path("closed"), fs::perms::owner_all);
}

// Whatever the stage, the handler is called once, with what was done or with
// operation_aborted and nothing done.
BOOST_AUTO_TEST_CASE(cancelled_operation_is_done_or_aborted)
{
    for (const stage reached : stages) {
        fs::create_directory(folder.path("gone"));
        asio::cancellation_signal cancel;
        int calls = 0;
        error_code ended;
        bool removed = false;
        async_remove(
            executor(),
            folder.path("gone"),
            asio::bind_cancellation_slot(cancel.slot(), [&](error_code ec, bool done) {
                ++calls;
                ended = ec;
                removed = done;
            }));
        reach(context, reached);
        cancel.emit(asio::cancellation_type::total);
        finish(context);
        BOOST_TEST(calls == 1);
        BOOST_TEST(removed != folder.has("gone"));
        BOOST_TEST((removed ? !ended : ended == asio::error::operation_aborted));
        fs::remove(folder.path("gone"));
    }
}

BOOST_AUTO_TEST_CASE(destroyed_context_leaves_nothing_behind)
{
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        const asio_uring::executor to(on.get_executor());
        fs::remove_all(folder.path("d"));
        auto token = seen.token();
        async_create_directories(
            to, folder.path("d/e/f"), [&, to, token](error_code, bool) {
                seen.step();
                async_list_directory(
                    to,
                    folder.path("d/e"),
                    [&, to, token](error_code, const std::vector<directory_entry>&) {
                        seen.step();
                        async_open_directory(
                            to,
                            folder.path("d"),
                            [&, to, token](error_code, directory_handle) {
                                seen.step();
                                async_remove(
                                    to,
                                    folder.path("d/e/f"),
                                    [&, token](error_code, bool) {
                                        seen.step();
                                        seen.complete();
                                    });
                            });
                    });
            });
        return std::shared_ptr<void>();
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
