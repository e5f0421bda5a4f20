// SPDX-License-Identifier: BSL-1.0
// Tools. The facts of every operation, one row each. Thread: one. Lifetime: values.
#pragma once

#include <asio_uring/op/list.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace tools {

namespace op = asio_uring::op;

/// An operation, with every value its facts take for some of its arguments.
struct operation_row
{
    std::string_view name;
    asio_uring::abi::opcode code{};
    std::vector<op::results> results{};
    std::vector<op::descriptors> descriptors{};
    std::vector<op::worker> workers{};
    op::kernel_version first_kernel{};
    bool present = false; ///< the running kernel has it
    /// The kernel cannot be asked for it, only for its opcode and its own version.
    bool derived = false;
};

inline std::string to_string(op::kernel_version kernel)
{
    return std::to_string(kernel.version) + '.' + std::to_string(kernel.patch_level);
}

constexpr std::string_view to_string(op::results value)
{
    switch (value) {
    case op::results::one:
        return "one";
    case op::results::many:
        return "many";
    case op::results::two_stage:
        return "two stages";
    }
    return "";
}

constexpr std::string_view to_string(op::descriptors value)
{
    switch (value) {
    case op::descriptors::none:
        return "no";
    case op::descriptors::result:
        return "yes";
    case op::descriptors::pair:
        return "two";
    }
    return "";
}

constexpr std::string_view to_string(op::worker value)
{
    switch (value) {
    case op::worker::never:
        return "never";
    case op::worker::may:
        return "may";
    case op::worker::always:
        return "always";
    }
    return "";
}

/// The version in "6.18.44-generic"; {0, 0} where there is none.
inline op::kernel_version version_of(const std::string& release)
{
    op::kernel_version found;
    if (std::sscanf(release.c_str(), "%u.%u", &found.version, &found.patch_level) != 2)
        return {};
    return found;
}

template <typename T>
void add_once(std::vector<T>& values, T value)
{
    if (std::ranges::find(values, value) == values.end())
        values.push_back(value);
}

/// All operations, in the order of their opcodes.
inline std::vector<operation_row>
operation_table(const asio_uring::kernel_features& kernel)
{
    std::vector<operation_row> rows;
    op::for_each_operation([&]<op::operation Op>(std::string_view name, const Op& form) {
        if (rows.empty() || rows.back().name != name) {
            const std::string first = to_string(Op::first_kernel);
            const bool newer = first != asio_uring::opcode_first_kernel(Op::code);
            const bool has_version =
                version_of(kernel.release()) >= Op::first_kernel || !newer;
            rows.push_back(
                {.name = name,
                 .code = Op::code,
                 .first_kernel = Op::first_kernel,
                 .present = kernel.supports(Op::code) && has_version,
                 .derived = newer});
        }
        add_once(rows.back().results, form.results());
        add_once(rows.back().descriptors, form.makes_descriptors());
        add_once(rows.back().workers, form.worker());
    });
    std::ranges::sort(rows, {}, [](const operation_row& row) {
        return std::tuple(row.code, row.first_kernel, row.name);
    });
    return rows;
}

/// "one or many".
template <typename T>
std::string joined(const std::vector<T>& values)
{
    std::string text;
    for (const T value : values)
        text.append(text.empty() ? "" : " or ").append(to_string(value));
    return text;
}

/// One line of the table; the last cell takes the room it needs.
inline std::string table_line(const std::array<std::string, 7>& cells)
{
    constexpr std::array<std::size_t, 6> widths{18, 21, 13, 12, 17, 8};
    std::string text;
    for (std::size_t column = 0; column != widths.size(); ++column) {
        const std::size_t size = cells[column].size();
        text += cells[column];
        text.append(size < widths[column] ? widths[column] - size : 1, ' ');
    }
    return text + cells.back() + '\n';
}

/// The table as text.
inline std::string operations_text(const asio_uring::kernel_features& kernel)
{
    std::string text = table_line(
        {"operation", "opcode", "results", "descriptor", "worker", "kernel", "here"});
    for (const operation_row& row : operation_table(kernel)) {
        const auto number = static_cast<unsigned>(row.code);
        text += table_line(
            {std::string{row.name},
             std::to_string(number) + ' ' +
                 std::string{asio_uring::opcode_name(row.code)},
             joined(row.results),
             joined(row.descriptors),
             joined(row.workers),
             to_string(row.first_kernel),
             std::string{row.present ? "yes" : "no"} +
                 (row.derived ? " (by version)" : "")});
    }
    return text;
}

} // namespace tools
