// A reader of our text forms: words, numbers, strings and punctuation, with the line for error messages. ';' starts a comment.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostics.h"

namespace gw {

class Lexer {
public:
    Lexer(std::string_view text, std::string file, Diagnostics& diag) : text_(text), file_(std::move(file)), diag_(diag) {}
    bool at_end();
    bool accept(std::string_view symbol);  // punctuation or a whole word, if it comes next
    bool next_is(std::string_view symbol);
    Status expect(std::string_view symbol);
    Expected<std::string> word();    // [A-Za-z0-9_.-]+
    Expected<std::string> string();  // "…"
    Expected<int64_t> integer();
    Expected<double> number();  // also inf, -inf, nan
    // Characters up to the next white space or end of line outside brackets and quotes.
    Expected<std::string> raw();
    // Everything up to `end`, which is consumed; for base64.
    Expected<std::string_view> until(char end);
    int64_t characters_left() const { return static_cast<int64_t>(text_.size() - at_); }
    // To be asked before values are made that the text does not spell out: all of a text together may have 2^22, so that a short one cannot
    // take much memory.
    Status make_values(int64_t values);
    template <class... Args>
    Failure fail(fmt::format_string<Args...> format, Args&&... args) {
        return diag_.error(DiagId::text_syntax, {.file = file_ + ":" + std::to_string(line())}, format, std::forward<Args>(args)...);
    }
    Diagnostics& diag() { return diag_; }
    const std::string& file() const { return file_; }
    int64_t line() const;

private:
    void skip();
    std::string_view text_;
    size_t at_ = 0;
    int64_t values_left_ = int64_t{1} << 22;
    std::string file_;
    Diagnostics& diag_;
};

}  // namespace gw
