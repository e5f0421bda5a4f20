// SPDX-License-Identifier: BSL-1.0
// docs/fallback.md says of every operation what does its work without a ring, and says
// what the library does.
#include <asio_uring/detail/request/stand_in.hpp>
#include <asio_uring/op/list.hpp>

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace asio_uring::test {

namespace {

using detail::stand_in;

const std::filesystem::path root = ASIO_URING_SOURCE_DIR;

std::string name_of(stand_in by)
{
    switch (by) {
    case stand_in::none:
        return "no_ring";
    case stand_in::pool:
        return "pool";
    case stand_in::readiness:
        return "readiness";
    case stand_in::by_file:
        return "by file";
    }
    return {};
}

/// Rows of the table: operation and what stands in for the ring.
std::map<std::string, std::string> table()
{
    const std::regex row(R"(\| `(\w+)` \| (pool|readiness|by file|no_ring) \|.*)");
    std::map<std::string, std::string> found;
    std::ifstream file(root / "docs/fallback.md");
    std::string line;
    for (std::smatch match; std::getline(file, line);)
        if (std::regex_match(line, match, row))
            BOOST_TEST(found.emplace(match[1], match[2]).second, "twice: " << line);
    return found;
}

std::map<std::string, std::string> decisions()
{
    std::map<std::string, std::string> made;
    op::for_each_operation([&]<typename Operation>(const char* name, const Operation&) {
        made[name] = name_of(detail::stand_in_for<Operation>);
    });
    made["on_direct"] = name_of(detail::stand_in_for<op::on_direct<op::read>>);
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_table)

BOOST_AUTO_TEST_CASE(documentation_names_every_operation_and_what_the_library_does)
{
    const auto documented = table();
    const auto made = decisions();
    for (const auto& [name, by] : made) {
        const auto row = documented.find(name);
        BOOST_TEST((row != documented.end()), name << " has no row");
        if (row != documented.end())
            BOOST_TEST(row->second == by, name << ": " << row->second << ", is " << by);
    }
    BOOST_TEST(made.size() == documented.size());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
