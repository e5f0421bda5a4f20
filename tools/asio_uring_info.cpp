// SPDX-License-Identifier: BSL-1.0
// asio-uring-info: what io_uring offers here, and whether a context would run on it.
#include "json_writer.hpp"
#include "operation_table.hpp"

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/environment.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using asio_uring::environment;
using asio_uring::kernel_feature;
using asio_uring::resource_limit;
using tools::json_writer;
using tools::to_string;

constexpr const char* usage =
    "usage: asio-uring-info [--long | --operations] [--json] [--brief]\n"
    "       asio-uring-info --help | --version\n"
    "\n"
    "Prints whether an asio_uring context gets a ring here, and if not, why and what\n"
    "helps.\n"
    "\n"
    "  --long        what a ring costs, the limits and policies in force, and each\n"
    "                operation, register call and flag with the first kernel that has\n"
    "                it, and whether this kernel has it\n"
    "  --operations  the facts of each operation, see below\n"
    "  --json        all of it as one JSON object, or the operations alone\n"
    "  --brief       with --long and --json: without operations, calls and flags\n"
    "  --help        this text\n"
    "  --version     the version of the library\n"
    "\n"
    "The columns of --operations; \"or\" stands where the arguments decide:\n"
    "  results     completions: one, many, or two stages (the result, then the release\n"
    "              of the data)\n"
    "  descriptor  whether a result is a descriptor that the program closes; \"two\":\n"
    "              of a pair of them\n"
    "  worker      whether the kernel hands the operation to a worker thread; \"may\":\n"
    "              where it would block otherwise\n"
    "  kernel      the first that has it\n"
    "  here        whether the running kernel has it\n"
    "\n"
    "\"by version\" marks what can be neither asked for nor tried, and is inferred from\n"
    "the kernel's version.\n"
    "\n"
    "Exit status: 0 if a context gets a ring, 1 if not, 2 for wrong arguments.\n";

struct request
{
    bool json = false;
    bool brief = false;
    bool operations = false;
    bool all = false;
};

std::string version()
{
    return std::to_string(ASIO_URING_VERSION_MAJOR) + '.' +
           std::to_string(ASIO_URING_VERSION_MINOR) + '.' +
           std::to_string(ASIO_URING_VERSION_PATCH);
}

void write_limit(json_writer& json, std::string_view name, const resource_limit& limit)
{
    json.open_object(name);
    for (const auto& [member, value] :
         {std::pair{"soft", limit.soft}, std::pair{"hard", limit.hard}})
    {
        if (value == resource_limit::unlimited)
            json.null(member);
        else
            json.number(member, value);
    }
    json.close_object();
}

void write_optional(json_writer& json, std::string_view name, const auto& value)
{
    if (value)
        json.number(name, static_cast<std::int64_t>(*value));
    else
        json.null(name);
}

void write_ring(json_writer& json, const environment& found)
{
    json.open_object("ring");
    json.boolean("available", found.has_ring());
    if (found.has_ring()) {
        json.number("sq_entries", std::uint64_t{found.cost.sq_entries});
        json.number("cq_entries", std::uint64_t{found.cost.cq_entries});
        json.number("setup_flags", std::uint64_t{found.cost.setup_flags});
        json.number("locked_bytes", std::uint64_t{found.cost.locked_bytes});
        json.number("create_destroy_ns", std::int64_t{found.cost.time.count()});
        const std::uint64_t fit = found.rings_within_limit();
        if (fit == resource_limit::unlimited)
            json.null("rings_within_limit");
        else
            json.number("rings_within_limit", fit);
    }
    else {
        json.text("error", found.error.message());
        json.number("error_value", std::int64_t{found.error.value()});
        json.text("error_category", found.error.category().name());
        json.text("explanation", found.explanation);
    }
    json.close_object();
}

const char* seccomp_name(asio_uring::seccomp_mode mode)
{
    switch (mode) {
    case asio_uring::seccomp_mode::off:
        return "off";
    case asio_uring::seccomp_mode::strict:
        return "strict";
    case asio_uring::seccomp_mode::filter:
        return "filter";
    case asio_uring::seccomp_mode::unknown:
        break;
    }
    return "unknown";
}

void write_surroundings(json_writer& json, const environment& found)
{
    json.open_object("limits");
    write_limit(json, "locked_memory_bytes", found.locked_memory);
    json.boolean("memory_lock_ignored", found.memory_lock_ignored);
    write_limit(json, "descriptors", found.descriptors);
    write_limit(json, "processes", found.processes);
    write_optional(json, "bounded_workers", found.bounded_workers);
    write_optional(json, "unbounded_workers", found.unbounded_workers);
    json.close_object();
    json.open_object("policy");
    write_optional(json, "io_uring_disabled", found.io_uring_disabled);
    write_optional(json, "io_uring_group", found.io_uring_group);
    json.text("seccomp", seccomp_name(found.seccomp));
    json.close_object();
}

void write_features(json_writer& json, const environment& found)
{
    json.open_array("features");
    for (const kernel_feature& row : found.kernel.table()) {
        json.open_object();
        json.text("group", row.group);
        json.text("name", row.name);
        json.text("first_kernel", row.first_kernel);
        json.boolean("present", row.present);
        json.boolean("derived", row.derived);
        json.close_object();
    }
    json.close_array();
}

template <typename T>
void write_values(json_writer& json, std::string_view name, const std::vector<T>& values)
{
    json.open_array(name);
    for (const T value : values)
        json.text({}, to_string(value));
    json.close_array();
}

void write_operations(json_writer& json, const environment& found)
{
    json.open_array("operations");
    for (const tools::operation_row& row : tools::operation_table(found.kernel)) {
        json.open_object();
        json.text("name", row.name);
        json.text("opcode", asio_uring::opcode_name(row.code));
        json.number("code", std::uint64_t{static_cast<std::uint8_t>(row.code)});
        write_values(json, "results", row.results);
        write_values(json, "descriptor", row.descriptors);
        write_values(json, "worker", row.workers);
        json.text("first_kernel", to_string(row.first_kernel));
        json.boolean("present", row.present);
        json.boolean("derived", row.derived);
        json.close_object();
    }
    json.close_array();
}

std::string as_json(const environment& found, const request& wanted)
{
    json_writer json;
    json.open_object();
    json.text("version", version());
    json.text("kernel", found.kernel.release());
    json.boolean("kernel_asked", found.kernel.asked());
    if (!wanted.operations) {
        write_ring(json, found);
        write_surroundings(json, found);
    }
    if (!wanted.operations && !wanted.brief)
        write_features(json, found);
    if (wanted.operations || !wanted.brief)
        write_operations(json, found);
    json.close_object();
    return json.str() + '\n';
}

std::string as_text(const environment& found, const request& wanted)
{
    if (wanted.operations)
        return tools::operations_text(found.kernel);
    if (!wanted.all)
        return found.verdict();
    std::string text = found.to_string();
    if (!wanted.brief && found.kernel.available())
        text += found.kernel.to_string();
    return text;
}

// Returns the exit status, or -1 to go on.
int read_arguments(int argc, char** argv, request& wanted)
{
    for (int index = 1; index < argc; ++index) {
        const std::string_view argument{argv[index]};
        if (argument == "--json") {
            wanted.json = true;
        }
        else if (argument == "--brief") {
            wanted.brief = true;
        }
        else if (argument == "--long") {
            wanted.all = true;
        }
        else if (argument == "--operations") {
            wanted.operations = true;
        }
        else if (argument == "--help" || argument == "-h") {
            std::fputs(usage, stdout);
            return 0;
        }
        else if (argument == "--version") {
            std::puts(version().c_str());
            return 0;
        }
        else {
            std::fprintf(
                stderr, "asio-uring-info: unknown argument %s\n%s", argv[index], usage);
            return 2;
        }
    }
    return -1;
}

int run(const request& wanted)
{
    const environment found = environment::inspect();
    const std::string text =
        wanted.json ? as_json(found, wanted) : as_text(found, wanted);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return found.has_ring() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    request wanted;
    const int status = read_arguments(argc, argv, wanted);
    if (status >= 0)
        return status;
    try {
        return run(wanted);
    }
    catch (const std::exception& error) {
        std::fprintf(stderr, "asio-uring-info: %s\n", error.what());
        return 1;
    }
}
