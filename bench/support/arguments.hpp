// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The `--name value` options of the programs here.
// Thread: any. Lifetime: refers to argv, which outlives main.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace bench {

class arguments
{
public:
    // Ends the program with a message when an option is unknown or has no value, so that
    // a misspelt option never measures something else in silence.
    arguments(int argc, char** argv, std::initializer_list<std::string_view> known)
    {
        for (int index = 1; index < argc; index += 2) {
            const std::string_view name{argv[index]};
            bool found = false;
            for (const std::string_view candidate : known)
                found = found || candidate == name;
            if (!found || index + 1 == argc) {
                std::fprintf(
                    stderr,
                    "%s: unknown or incomplete option %s\n",
                    argv[0],
                    argv[index]);
                std::exit(2);
            }
            values_[name] = argv[index + 1];
        }
    }

    std::string text(std::string_view name, std::string_view otherwise) const
    {
        const auto found = values_.find(name);
        return std::string{found == values_.end() ? otherwise : found->second};
    }

    long long integer(std::string_view name, long long otherwise) const
    {
        const auto found = values_.find(name);
        return found == values_.end() ? otherwise
                                      : std::atoll(std::string{found->second}.c_str());
    }

    double real(std::string_view name, double otherwise) const
    {
        const auto found = values_.find(name);
        return found == values_.end() ? otherwise
                                      : std::atof(std::string{found->second}.c_str());
    }

private:
    std::map<std::string_view, std::string_view> values_;
};

} // namespace bench
