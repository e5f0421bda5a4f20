// SPDX-License-Identifier: BSL-1.0
// Layer: example. Purpose: what the programs on the ring alone take from their command
// line: words, flags, numbers, and --help. Thread: any. Lifetime: points into argv.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

class command_line
{
public:
    /// Throws for an option that is not in `flags` and for more than `most` words.
    command_line(
        int argc,
        char** argv,
        const std::vector<std::string_view>& flags,
        std::size_t most)
    {
        bool options_end = false;
        for (int index = 1; index < argc; ++index) {
            const std::string_view word = argv[index];
            if (options_end || word.size() < 2 || word[0] != '-') {
                words_.emplace_back(word);
            }
            else if (word == "--") {
                options_end = true;
            }
            else if (std::find(flags.begin(), flags.end(), word) != flags.end()) {
                given_.push_back(word);
            }
            else {
                throw std::invalid_argument("unknown option '" + std::string(word) + "'");
            }
        }
        if (words_.size() > most) {
            throw std::invalid_argument("too many words: '" + words_[most] + "'");
        }
    }

    bool has(std::string_view flag) const
    {
        return std::find(given_.begin(), given_.end(), flag) != given_.end();
    }
    std::size_t size() const { return words_.size(); }
    const std::string& operator[](std::size_t index) const { return words_.at(index); }

    /// A word as a number; throws, with the name of the word, for all else.
    int number(std::size_t index, const char* name, int least, int greatest) const
    {
        const std::string& word = words_.at(index);
        const char* const end = word.data() + word.size();
        int value = 0;
        const auto [stop, error] = std::from_chars(word.data(), end, value);
        if (error != std::errc{} || stop != end || value < least || value > greatest) {
            throw std::invalid_argument(
                std::string(name) + " is a number from " + std::to_string(least) +
                " to " + std::to_string(greatest) + ", not '" + word + "'");
        }
        return value;
    }

private:
    std::vector<std::string> words_;
    std::vector<std::string_view> given_;
};

/// What a program is called, what --help prints, which flags it knows, how many words it
/// takes at most.
struct program
{
    const char* name;
    const char* usage;
    std::vector<std::string_view> flags;
    std::size_t most_words;
};

/// The body of main: prints the usage when --help is asked for, calls `body` with the
/// command line otherwise, and prints what `body` throws. Returns the exit status.
template <class Body>
int run_program(const program& self, int argc, char** argv, Body body)
{
    try {
        for (int index = 1; index < argc; ++index) {
            if (std::string_view(argv[index]) == "--help") {
                std::cout << self.usage;
                return EXIT_SUCCESS;
            }
        }
        body(command_line(argc, argv, self.flags, self.most_words));
        return EXIT_SUCCESS;
    }
    catch (const std::invalid_argument& e) {
        std::cerr << self.name << ": " << e.what() << "; --help shows the command line\n";
    }
    catch (const std::exception& e) {
        std::cerr << self.name << ": " << e.what() << '\n';
    }
    return EXIT_FAILURE;
}
