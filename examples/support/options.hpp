// SPDX-License-Identifier: BSL-1.0
// Purpose: the command line of an example program, on Boost.Program_options.
//
// Every example answers --help with its options and exit status 0, and a wrong command
// line with one sentence on the standard error output and exit status 2.
#pragma once

#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include <charconv>
#include <concepts>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace example {

/// A whole number and nothing else, within the limits.
template <std::integral Number>
std::optional<Number> to_number(const std::string& text, Number smallest, Number largest)
{
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || value < smallest || value > largest) {
        return std::nullopt;
    }
    return value;
}

/// The options of one program, each with a variable that holds its default and then its
/// value.
class options
{
public:
    options(std::string program, std::string purpose)
        : program_(std::move(program)), purpose_(std::move(purpose))
    {
        description_.add_options()("help,h", "print this text");
    }

    /// An option without a value; the variable says whether it was given.
    void flag(const std::string& name, bool& variable, const std::string& meaning)
    {
        namespace po = boost::program_options;
        description_.add_options()(
            name.c_str(), po::bool_switch(&variable), meaning.c_str());
    }

    /// A text, taken as it is.
    void text(
        const std::string& name,
        const std::string& placeholder,
        std::string& variable,
        const std::string& meaning)
    {
        const auto store = [&variable](const std::string& given) {
            variable = given;
            return true;
        };
        value(name, placeholder, "a value: " + meaning, variable, store, meaning);
    }

    /// A whole number with its limits.
    template <std::integral Number>
    void number(
        const std::string& name,
        Number& variable,
        std::type_identity_t<Number> smallest,
        std::type_identity_t<Number> largest,
        const std::string& meaning)
    {
        const auto store = [&variable, smallest, largest](const std::string& given) {
            const std::optional<Number> read = to_number(given, smallest, largest);
            variable = read.value_or(variable);
            return read.has_value();
        };
        const std::string takes = "a number from " + std::to_string(smallest) + " to " +
                                  std::to_string(largest);
        value(name, "N", takes, std::to_string(variable), store, meaning);
    }

    /// Any other value. `store` takes the text of the user, or returns false for a wrong
    /// one; `takes` says what a right one is.
    void value(
        const std::string& name,
        const std::string& placeholder,
        const std::string& takes,
        const std::string& initial,
        std::function<bool(const std::string&)> store,
        const std::string& meaning)
    {
        namespace po = boost::program_options;
        const auto check = [name, takes, store](const std::string& given) {
            if (!store(given)) {
                throw po::error(
                    "--" + name + " takes " + takes + ", not '" + given + "'");
            }
        };
        auto* const semantic = po::value<std::string>();
        semantic->value_name(placeholder)->default_value(initial)->notifier(check);
        description_.add_options()(name.c_str(), semantic, meaning.c_str());
        takes_["--" + name] = takes;
    }

    /// Fills the variables. Returns the exit status of a program that has to end now.
    std::optional<int> parse(int argc, const char* const* argv) const
    {
        namespace po = boost::program_options;
        try {
            return read(argc, argv);
        }
        catch (const po::invalid_command_line_syntax& e) {
            const auto known = takes_.find(e.get_option_name());
            return refuse(
                known == takes_.end() ? e.what()
                                      : known->first + " takes " + known->second);
        }
        catch (const po::error& e) {
            return refuse(e.what());
        }
    }

private:
    std::optional<int> read(int argc, const char* const* argv) const
    {
        namespace po = boost::program_options;
        // An abbreviation would change its meaning with the next option that is added.
        const int style =
            po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
        const po::parsed_options parsed =
            po::command_line_parser(argc, argv).options(description_).style(style).run();
        for (const auto& each : parsed.options) {
            if (each.string_key.empty()) {
                throw po::error("'" + each.value.front() + "' is not an option");
            }
        }
        po::variables_map values;
        po::store(parsed, values);
        if (values.count("help") != 0) {
            std::cout << "Usage: " << program_ << " [OPTION...]\n"
                      << purpose_ << "\n\n"
                      << description_;
            return EXIT_SUCCESS;
        }
        po::notify(values);
        return std::nullopt;
    }

    int refuse(const std::string& sentence) const
    {
        std::cerr << program_ << ": " << sentence << "; --help lists the options\n";
        return 2;
    }

    std::string program_;
    std::string purpose_;
    boost::program_options::options_description description_;
    std::map<std::string, std::string> takes_;
};

} // namespace example
