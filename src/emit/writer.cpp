// Pieces of C text, each the same on every machine.
#include "emit/writer.h"

#include <cctype>
#include <cmath>

#include "base/text.h"
#include "kernels/kernel.h"

namespace gw {
namespace {
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string element(const Tensor& t, int64_t i) {
    if (t.type.dtype == DType::float32) {
        const float v = static_cast<float>(t.at(i));
        // Not finite: C99 has no constant for it without <math.h>; a division of constants gives it.
        if (std::isnan(v)) return "(0.0f / 0.0f)";
        if (std::isinf(v)) return v > 0 ? "(1.0f / 0.0f)" : "(-1.0f / 0.0f)";
        return c_float_literal(v);
    }
    const int64_t v = t.int_at(i);
    if (t.type.dtype == DType::int32 && v == lowest(DType::int32)) return "(-2147483647 - 1)";
    if (t.type.dtype == DType::uint32) return std::to_string(v) + "u";
    if (t.type.dtype == DType::int64) return v == lowest(DType::int64) ? "(-9223372036854775807LL - 1)" : std::to_string(v) + "LL";
    return std::to_string(v);
}
}  // namespace

std::string comment_text(std::string_view text) {
    std::string s;
    for (char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
        if (!s.empty() && ((s.back() == '*' && c == '/') || (s.back() == '/' && c == '*') || (s.back() == '?' && c == '?'))) s += ' ';
        s += c;
    }
    if (!s.empty() && s.back() == '\\') s += ' ';
    return s;
}

std::string rename_prefix(std::string_view text, std::string_view from, std::string_view to) {
    std::string s;
    s.reserve(text.size() + text.size() / 8);
    for (size_t i = 0; i < text.size();) {
        const bool starts = (i == 0 || !is_word(text[i - 1])) && text.substr(i, from.size()) == from;
        if (starts) {
            s += to;
            i += from.size();
        } else {
            s += text[i++];
        }
    }
    return s;
}

std::string wrapped_call(const std::string& function, const std::vector<std::string>& arguments) {
    constexpr size_t columns = 140;
    const std::string hang(function.size() + 1, ' ');
    std::string s = function + "(";
    size_t line = s.size();
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string piece = arguments[i] + (i + 1 < arguments.size() ? "," : ");");
        if (i > 0 && line + 1 + piece.size() > columns) {
            s += "\n" + hang;
            line = hang.size();
        } else if (i > 0) {
            s += " ";
            ++line;
        }
        s += piece;
        line += piece.size();
    }
    return s + "\n";
}

std::string array_body(const Tensor& t) {
    std::string s, line = "   ";
    const int64_t n = bits(t.type.dtype) < 8 ? t.type.bytes() : t.elements();
    const Tensor view = bits(t.type.dtype) < 8 ? t.with_type({DType::uint8, Shape{t.type.bytes()}, {}}) : t;
    for (int64_t i = 0; i < std::max<int64_t>(n, 1); ++i) {
        const std::string e = n == 0 ? "0" : element(view, i);
        if (line.size() + e.size() + 2 > 120) {
            s += line + "\n";
            line = "   ";
        }
        line += " " + e + ",";
    }
    return s + line + "\n";
}

std::string kernel_header_body() {
    std::string_view text = kernel_text("", "gw_kernel.h");
    const size_t start = text.find("#include");
    const size_t end = text.rfind("#endif");
    return "\n" + std::string(text.substr(start, end - start));
}

}  // namespace gw
