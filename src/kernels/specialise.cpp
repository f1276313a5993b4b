// Specialisation: the text of a kernel's C file becomes the text of one function for one call.
//
// A kernel is written, compiled, checked and debugged as an ordinary C file with example values. Here its marked lines get the call's
// values, its name becomes the call's, and what only the file needs (licence line, include, layout notes, marks) is dropped. The work is
// done on tokens, so that strings, comments and identifiers that merely contain the name stay whole. It is strict: an enumerator or a type
// that the file has and the row does not give, or the other way round, is our own bug and ends the program with the names of both.
#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "kernels/kernel.h"

namespace gw {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
    while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
    return s;
}

// Every identifier of `text` that is `name` or begins with `name` and '_' gets `symbol` in its place; comments and literals are left alone.
std::string renamed(std::string_view text, std::string_view name, std::string_view symbol) {
    std::string out;
    out.reserve(text.size() + 256);
    for (size_t i = 0; i < text.size();) {
        const std::string_view rest = text.substr(i);
        size_t length = 1;
        if (rest.starts_with("/*")) {
            length = std::min(rest.size(), rest.find("*/", 2) == std::string_view::npos ? rest.size() : rest.find("*/", 2) + 2);
        } else if (rest.starts_with("//")) {
            length = std::min(rest.size(), rest.find('\n'));
        } else if (rest[0] == '"' || rest[0] == '\'') {
            while (length < rest.size() && rest[length] != rest[0]) length += rest[length] == '\\' ? 2 : 1;
            length = std::min(rest.size(), length + 1);
        } else if (is_word(rest[0])) {
            while (length < rest.size() && is_word(rest[length])) ++length;
            const std::string_view word = rest.substr(0, length);
            if (word.starts_with(name) && (word.size() == name.size() || word[name.size()] == '_')) {
                out += symbol;
                out += word.substr(name.size());
                i += length;
                continue;
            }
        }
        out += rest.substr(0, length);
        i += length;
    }
    return out;
}

// The file's head comment (after the licence line) cut down to its first paragraph, then the rest without the include.
std::string without_head(std::string_view text, std::string_view what) {
    std::string out;
    size_t at = 0;
    if (const size_t licence = text.find("SPDX-License-Identifier"); licence != std::string_view::npos) at = text.find('\n', licence) + 1;
    const std::string_view head = text.substr(at);
    GW_CHECK(head.starts_with("/* "), fmt::format("kernel {}: a head comment must follow the licence line", what));
    const size_t end = head.find("*/");
    GW_CHECK(end != std::string_view::npos, fmt::format("kernel {}: head comment does not end", what));
    size_t paragraph = end;
    for (size_t line = 0; (line = head.find('\n', line)) < end; ++line) {
        const size_t next = head.find('\n', line + 1);
        const std::string_view content = trimmed(head.substr(line + 1, next == std::string_view::npos ? next : next - line - 1));
        if (content == "*" || content.empty()) {
            paragraph = line;
            break;
        }
    }
    out += trimmed(head.substr(0, paragraph));
    out += " */\n";
    std::string_view body = head.substr(end + 2);
    constexpr std::string_view include = "#include \"gw_kernel.h\"";
    const size_t line = body.find(include);
    GW_CHECK(line != std::string_view::npos, fmt::format("kernel {}: {} is missing", what, include));
    out += trimmed(body.substr(line + include.size()));
    out += '\n';
    return out;
}

struct Specialiser {
    const KernelRow& row;
    const Call& call;
    std::set<std::string, std::less<>> used;
    bool scalar_done = false;

    [[noreturn]] void fail(const std::string& why) const {
        check_failed(__FILE__, __LINE__, "specialise", fmt::format("kernel {}: {}", row.name, why));
    }

    static std::string value_text(int64_t v) {
        // C's enumerators are ints, and −2^31 has no literal of that type.
        return v == -2147483648LL ? "-2147483647 - 1" : std::to_string(v);
    }

    // `    enum { A = 1, B = 2 };` with the call's values.
    std::string constants_line(std::string_view line) {
        const size_t open = line.find('{'), close = line.rfind('}');
        if (open == std::string_view::npos || close == std::string_view::npos) fail("a @constants line is not an enum");
        std::string out(line.substr(0, open + 1));
        bool first = true;
        for (const std::string& item : split(line.substr(open + 1, close - open - 1), ',')) {
            const std::string name(trimmed(std::string_view(item).substr(0, item.find('='))));
            const auto given = std::find_if(call.constants.begin(), call.constants.end(), [&](const auto& c) { return c.first == name; });
            if (given == call.constants.end()) fail(fmt::format("the row gives no value for the enumerator {}", name));
            if (given->second < -2147483648LL || given->second > 2147483647LL) {
                fail(fmt::format("{} = {} does not fit an enumerator", name, given->second));
            }
            used.insert(name);  // a file with helper functions may repeat an enumerator in each that needs it
            out += fmt::format("{}{} = {}", first ? " " : ", ", name, value_text(given->second));
            first = false;
        }
        return out + " };";
    }

    // `typedef int16_t conv2d_s8_mult;` with the call's type.
    std::string type_line(std::string_view line) {
        const std::string_view code = trimmed(line);
        const size_t semicolon = code.rfind(';');
        if (!code.starts_with("typedef ") || semicolon == std::string_view::npos) fail("a @type line is not a typedef");
        size_t begin = semicolon;
        while (begin > 0 && is_word(code[begin - 1])) --begin;
        const std::string_view name = code.substr(begin, semicolon - begin);
        const std::string prefix = std::string(row.source()) + "_";
        if (!name.starts_with(prefix)) fail(fmt::format("the type {} does not begin with the kernel's name", name));
        const std::string_view key = name.substr(prefix.size());
        const auto given = std::find_if(call.types.begin(), call.types.end(), [&](const auto& t) { return t.first == key; });
        if (given == call.types.end()) fail(fmt::format("the row gives no type for {}", key));
        if (!used.insert("type " + given->first).second) fail(fmt::format("the type {} appears twice", key));
        return fmt::format("typedef {} {};", given->second, name);
    }

    std::string scalar_line(std::string_view line) {
        const size_t open = line.find('{');
        if (open == std::string_view::npos) fail("a @scalar line is not a function");
        if (call.scalar.empty()) fail("the row gives no scalar expression");
        scalar_done = true;
        return fmt::format("{} return {}; }}", line.substr(0, open + 1), call.scalar);
    }

    std::string marked_lines(std::string_view text) {
        std::string out;
        for (size_t at = 0; at < text.size();) {
            const size_t end = std::min(text.find('\n', at), text.size());
            const std::string_view line = text.substr(at, end - at);
            at = end + 1;
            const size_t mark = line.rfind("// @");
            const std::string_view what = mark == std::string_view::npos ? std::string_view() : trimmed(line.substr(mark + 4));
            const std::string_view code = line.substr(0, mark);
            if (what.empty())
                out += line;
            else if (what == "constants")
                out += constants_line(code);
            else if (what == "type")
                out += type_line(code);
            else if (what == "scalar")
                out += scalar_line(code);
            else if (what == "libm")
                continue;  // the bundle includes <math.h> once: needs_libm
            else
                fail(fmt::format("unknown mark @{}", what));
            out += '\n';
        }
        for (const auto& [name, value] : call.constants)
            if (!used.contains(name)) fail(fmt::format("the file has no enumerator {}", name));
        for (const auto& [name, type] : call.types)
            if (!used.contains("type " + name)) fail(fmt::format("the file has no type {}", name));
        if (!call.scalar.empty() && !scalar_done) fail("the file has no @scalar line");
        return out;
    }
};

}  // namespace

bool needs_libm(const KernelRow& row) {
    return row.generate == nullptr && kernel_text(row.set, row.source()).find("// @libm") != std::string_view::npos;
}

std::string specialise(const KernelRow& row, const Call& call, const std::string& symbol) {
    if (row.generate != nullptr) return row.generate(call, symbol);
    Specialiser work{row, call, {}, false};
    std::string text = without_head(work.marked_lines(kernel_text(row.set, row.source())), row.name);
    // The one function without `static` is the kernel; it starts at the beginning of a line.
    const std::string head = fmt::format("\nvoid {}(", row.source());
    const size_t at = text.find(head);
    if (at == std::string::npos) work.fail("the file does not define the function");
    text.insert(at + 1, "static ");
    return renamed(text, row.source(), symbol);
}

}  // namespace gw
