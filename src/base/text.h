// Small text helpers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gw {

// Shortest decimal that reads back to the same value; "inf", "-inf", "nan".
std::string format_float(float v);
std::string format_double(double v);
// As a C99 literal: "1.5f", "INFINITY" never appears (callers must not pass non-finite values).
std::string c_float_literal(float v);
// `text` with every character that a C identifier cannot hold replaced by '_'; never empty, never starts with a digit.
std::string c_identifier(std::string_view text);
std::string to_upper(std::string_view text);
// 12345678 → "12,345,678"
std::string with_commas(int64_t v);
std::vector<std::string> split(std::string_view text, char separator);
// "…" with \" \\ \n \t and \xHH escapes.
std::string quote(std::string_view text);

}  // namespace gw
