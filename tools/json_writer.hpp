// SPDX-License-Identifier: BSL-1.0
// Tools. JSON text, built from the outside in. Thread: one. Lifetime: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tools {

/// Writes one JSON document. The caller opens and closes objects and arrays in pairs, and
/// gives a name to every member of an object and to no element of an array.
class json_writer
{
public:
    void open_object(std::string_view name = {}) { open(name, '{'); }
    void close_object() { close('}'); }
    void open_array(std::string_view name) { open(name, '['); }
    void close_array() { close(']'); }

    void text(std::string_view name, std::string_view value)
    {
        start(name);
        quote(value);
    }
    void number(std::string_view name, std::uint64_t value) { raw(name, value); }
    void number(std::string_view name, std::int64_t value) { raw(name, value); }
    void boolean(std::string_view name, bool value)
    {
        start(name);
        text_ += value ? "true" : "false";
    }
    void null(std::string_view name)
    {
        start(name);
        text_ += "null";
    }

    const std::string& str() const noexcept { return text_; }

private:
    void raw(std::string_view name, auto value)
    {
        start(name);
        text_ += std::to_string(value);
    }

    void open(std::string_view name, char bracket)
    {
        start(name);
        text_ += bracket;
        ++depth_;
        first_ = true;
    }

    void close(char bracket)
    {
        --depth_;
        if (!first_)
            new_line();
        text_ += bracket;
        first_ = false;
    }

    void start(std::string_view name)
    {
        if (!first_)
            text_ += ',';
        if (depth_ != 0)
            new_line();
        first_ = false;
        if (!name.empty()) {
            quote(name);
            text_ += ": ";
        }
    }

    void new_line()
    {
        text_ += '\n';
        text_.append(depth_, ' ');
    }

    void quote(std::string_view value)
    {
        text_ += '"';
        for (const char character : value) {
            if (character == '"' || character == '\\')
                text_ += '\\';
            if (static_cast<unsigned char>(character) < 0x20) {
                char escape[8];
                std::snprintf(escape, sizeof escape, "\\u%04x", character);
                text_ += escape;
            }
            else {
                text_ += character;
            }
        }
        text_ += '"';
    }

    std::string text_;
    std::size_t depth_ = 0;
    bool first_ = true;
};

} // namespace tools
