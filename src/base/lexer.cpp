// Reads the text forms of graphs and programs. Nothing here knows either language.
#include "base/lexer.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace gw {
namespace {
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' || c == '+'; }
}  // namespace

int64_t Lexer::line() const {
    return 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n');
}

void Lexer::skip() {
    while (at_ < text_.size()) {
        if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
            ++at_;
        } else if (text_[at_] == ';') {
            while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        } else {
            return;
        }
    }
}

bool Lexer::at_end() {
    skip();
    return at_ >= text_.size();
}

bool Lexer::next_is(std::string_view symbol) {
    skip();
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    const size_t after = at_ + symbol.size();
    return !is_word(symbol.back()) || after >= text_.size() || !is_word(text_[after]);
}

bool Lexer::accept(std::string_view symbol) {
    if (!next_is(symbol)) return false;
    at_ += symbol.size();
    return true;
}

Status Lexer::expect(std::string_view symbol) {
    if (accept(symbol)) return {};
    skip();
    const std::string_view rest = text_.substr(at_, 20);
    return fail("expected `{}`, found `{}`", symbol, rest.substr(0, rest.find('\n')));
}

Expected<std::string> Lexer::word() {
    skip();
    const size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == start) return fail("a word was expected, found `{}`", text_.substr(at_, 1));
    return std::string(text_.substr(start, at_ - start));
}

Expected<std::string> Lexer::string() {
    skip();
    if (at_ >= text_.size() || text_[at_] != '"') return fail("a string was expected");
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        char c = text_[at_];
        if (c == '\\' && at_ + 1 < text_.size()) {
            c = text_[++at_];
            if (c == 'n')
                c = '\n';
            else if (c == 't')
                c = '\t';
            else if (c == 'x' && at_ + 2 < text_.size()) {
                const std::string hex(text_.substr(at_ + 1, 2));
                c = static_cast<char>(std::strtol(hex.c_str(), nullptr, 16));
                at_ += 2;
            }
        }
        out += c;
    }
    if (at_ >= text_.size()) return fail("string without end");
    ++at_;
    return out;
}

Expected<int64_t> Lexer::integer() {
    GW_TRY(std::string w, word());
    int64_t v = 0;
    const char* first = w.c_str() + (w[0] == '+' ? 1 : 0);
    const auto [end, error] = std::from_chars(first, w.c_str() + w.size(), v);
    if (error != std::errc() || end != w.c_str() + w.size()) return fail("`{}` is not an integer", w);
    return v;
}

Expected<double> Lexer::number() {
    GW_TRY(std::string w, word());
    if (w == "inf") return static_cast<double>(INFINITY);
    if (w == "-inf") return -static_cast<double>(INFINITY);
    if (w == "nan") return static_cast<double>(NAN);
    double v = 0;
    const auto [end, error] = std::from_chars(w.c_str(), w.c_str() + w.size(), v);
    if (error != std::errc() || end != w.c_str() + w.size()) return fail("`{}` is not a number", w);
    return v;
}

Expected<std::string> Lexer::raw() {
    skip();
    const size_t start = at_;
    int depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
        const char c = text_[at_];
        if (c == '\n') break;
        if (quoted) {
            if (c == '\\')
                ++at_;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '(' || c == '{') {
            ++depth;
        } else if (c == ']' || c == ')' || c == '}') {
            if (depth-- == 0) break;
        } else if (depth == 0 && std::isspace(static_cast<unsigned char>(c))) {
            break;
        }
    }
    if (at_ == start) return fail("a value was expected");
    return std::string(text_.substr(start, at_ - start));
}

Expected<std::string_view> Lexer::until(char end) {
    const size_t stop = text_.find(end, at_);
    if (stop == std::string_view::npos) return fail("`{}` was expected", end);
    const std::string_view part = text_.substr(at_, stop - at_);
    at_ = stop + 1;
    return part;
}

Status Lexer::make_values(int64_t values) {
    if (values > values_left_) return fail("{} values that are not written out are too many: at most 2^22 in a file", values);
    values_left_ -= values;
    return {};
}

}  // namespace gw
