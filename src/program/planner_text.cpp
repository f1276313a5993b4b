// What a well-formed planning problem is, and its text form: a problem that went wrong is kept as a small file and replayed. Printing and
// parsing are inverse to each other up to the numbers of the buffers (printed by index). Nothing here knows how plans are made.
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <map>

#include "base/text.h"
#include "program/planner.h"

namespace gw {
namespace {

bool power_of_two(int64_t v) { return v > 0 && std::has_single_bit(static_cast<uint64_t>(v)); }

class ProblemCheck {
public:
    ProblemCheck(const PlanProblem& problem, Diagnostics& diag) : problem_(problem), diag_(diag) {}

    Status run() {
        const int before = diag_.errors();
        if (problem_.buffers.size() > max_plan_buffers)
            fault("{} buffers, at most {} can be planned", problem_.buffers.size(), max_plan_buffers);
        for (const PlanRegion& r : problem_.regions) {
            if (!power_of_two(r.alignment) || r.alignment > max_plan_bytes)
                fault("region {}: alignment {} is no power of two in range", r.name, r.alignment);
            if (r.capacity && *r.capacity < 0) fault("region {}: capacity {} is negative", r.name, *r.capacity);
        }
        for (size_t i = 0; i < problem_.buffers.size(); ++i) check_buffer(i);
        for (const OverlapRule& r : problem_.rules) check_rule(r);
        if (diag_.errors() == before) check_families();
        if (diag_.errors() != before) return failure;
        return {};
    }

private:
    template <class... Args>
    void fault(fmt::format_string<Args...> format, Args&&... args) {
        diag_.error(DiagId::plan_invalid, {}, format, std::forward<Args>(args)...);
    }
    std::string who(size_t i) const { return fmt::format("buffer {} \"{}\"", i, problem_.buffers[i].name); }
    bool in_range(int64_t index) const { return index >= 0 && index < static_cast<int64_t>(problem_.buffers.size()); }

    void check_buffer(size_t i) {
        const PlanBuffer& b = problem_.buffers[i];
        if (b.size <= 0 || b.size > max_plan_bytes) fault("{}: size {} is out of range", who(i), b.size);
        if (!power_of_two(b.alignment)) fault("{}: alignment {} is no power of two", who(i), b.alignment);
        if (b.region < 0 || b.region >= static_cast<int64_t>(problem_.regions.size())) {
            fault("{}: there is no region {}", who(i), b.region);
        } else if (b.alignment > problem_.regions[static_cast<size_t>(b.region)].alignment) {
            const PlanRegion& r = problem_.regions[static_cast<size_t>(b.region)];
            fault("{}: wants alignment {}, region {} is aligned to {}", who(i), b.alignment, r.name, r.alignment);
        }
        for (size_t k = 0; k < b.lifetime.size(); ++k) {
            if (b.lifetime[k].begin >= b.lifetime[k].end)
                fault("{}: lifetime {}..{} is empty", who(i), b.lifetime[k].begin, b.lifetime[k].end);
            if (k > 0 && b.lifetime[k].begin < b.lifetime[k - 1].end) fault("{}: lifetime intervals overlap or descend", who(i));
        }
        if (b.lifetime.empty() && !is_viewed(i)) fault("{}: is never live", who(i));
        if (b.pinned && (*b.pinned < 0 || *b.pinned > max_plan_bytes)) fault("{}: pinned offset {} is out of range", who(i), *b.pinned);
        if (b.view_of != -1) check_view(i);
    }

    bool is_viewed(size_t i) const {
        for (const PlanBuffer& b : problem_.buffers)
            if (b.view_of == static_cast<int64_t>(i)) return true;
        return false;
    }

    void check_view(size_t i) {
        const PlanBuffer& b = problem_.buffers[i];
        if (!in_range(b.view_of)) return fault("{}: is a view of buffer {}, which does not exist", who(i), b.view_of);
        const PlanBuffer& u = problem_.buffers[static_cast<size_t>(b.view_of)];
        if (b.view_offset < 0 || b.view_offset > u.size || b.size > u.size - b.view_offset)
            fault("{}: {} bytes at {} do not lie within the {} bytes of {}", who(i), b.size, b.view_offset, u.size,
                  who(static_cast<size_t>(b.view_of)));
        if (b.region != u.region) fault("{}: lies in another region than the buffer it is a view of", who(i));
        size_t steps = 0;
        for (int64_t up = b.view_of; in_range(up) && steps <= problem_.buffers.size();
             up = problem_.buffers[static_cast<size_t>(up)].view_of)
            ++steps;
        if (steps > problem_.buffers.size()) fault("{}: is a view of itself", who(i));
    }

    void check_rule(const OverlapRule& r) {
        if (!in_range(r.a) || !in_range(r.b) || r.a == r.b) return fault("rule {} {}: does not name two buffers", r.a, r.b);
        if (!r.gap && !r.gap_descending) fault("rule {} {}: gives no gap", r.a, r.b);
        for (const auto& gap : {r.gap, r.gap_descending})
            if (gap && (*gap > max_plan_bytes || *gap < -max_plan_bytes)) fault("rule {} {}: gap {} is out of range", r.a, r.b, *gap);
    }

    // Within a family, the members' alignments and pins must agree on the root's offset.
    void check_families() {
        struct Wish {
            size_t member = 0;
            int64_t modulus = 1, residue = 0;
            std::optional<int64_t> pinned;
            size_t pinned_by = 0;
        };
        std::map<size_t, Wish> wishes;
        for (bool pins : {false, true}) {
            for (size_t i = 0; i < problem_.buffers.size(); ++i) {
                const PlanBuffer& b = problem_.buffers[i];
                size_t root = i;
                int64_t shift = 0;
                for (; problem_.buffers[root].view_of >= 0; root = static_cast<size_t>(problem_.buffers[root].view_of))
                    shift += problem_.buffers[root].view_offset;
                Wish& w = wishes[root];
                if (!pins) {
                    const int64_t residue = ((-shift) % b.alignment + b.alignment) % b.alignment;
                    if (residue % std::min(b.alignment, w.modulus) != w.residue % std::min(b.alignment, w.modulus))
                        fault("{} and {} cannot both be aligned: they lie in one buffer", who(i), who(w.member));
                    if (b.alignment > w.modulus) w = {i, b.alignment, residue, {}, 0};
                } else if (b.pinned) {
                    const int64_t at = *b.pinned - shift;
                    if (w.pinned && *w.pinned != at)
                        fault("{} and {} are pinned to places that contradict each other", who(i), who(w.pinned_by));
                    if (at < 0)
                        fault("{}: pinned to {}, so the buffer that holds it would start below 0", who(i), *b.pinned);
                    else if (at % w.modulus != w.residue)
                        fault("{}: pinned to {}, where {} is not aligned to {}", who(i), *b.pinned, who(w.member), w.modulus);
                    w.pinned = at;
                    w.pinned_by = i;
                }
            }
        }
    }

    const PlanProblem& problem_;
    Diagnostics& diag_;
};

// One line, read word by word. Faults are reported once; after one, everything reads as empty.
class Line {
public:
    Line(std::string_view text, const std::string& file, int number, Diagnostics& diag)
        : text_(text), file_(file), number_(number), diag_(diag) {}

    bool good() const { return good_; }
    bool done() {
        skip();
        return at_ >= text_.size();
    }
    void fault(const std::string& what) {
        Location where;
        where.file = fmt::format("{}:{}", file_, number_);
        if (good_) diag_.error(DiagId::plan_syntax, where, "{}", what);
        good_ = false;
        at_ = text_.size();
    }
    std::string word() {
        skip();
        const size_t start = at_;
        while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '\t') ++at_;
        if (start == at_) fault("the line ends too early");
        return std::string(text_.substr(start, at_ - start));
    }
    void expect(std::string_view what) {
        const std::string got = word();
        if (good_ && got != what) fault(fmt::format("expected `{}`, found `{}`", what, got));
    }
    int64_t number(const std::string& token) {
        int64_t v = 0;
        const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), v);
        if (good_ && (error != std::errc() || end != token.data() + token.size())) fault(fmt::format("`{}` is not a number", token));
        return v;
    }
    int64_t number() { return number(word()); }
    std::string quoted() {
        skip();
        std::string out;
        if (at_ >= text_.size() || text_[at_] != '"') return fault("expected a quoted name"), out;
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) out += text_[at_] == '\\' ? escaped() : text_[at_];
        if (at_ >= text_.size())
            fault("the quoted name does not end");
        else
            ++at_;
        return out;
    }

private:
    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
        if (at_ < text_.size() && text_[at_] == '#') at_ = text_.size();
    }
    char escaped() {  // at the backslash; leaves at the escape's last character
        ++at_;
        if (at_ >= text_.size()) return '\0';
        if (text_[at_] == 'n') return '\n';
        if (text_[at_] == 't') return '\t';
        if (text_[at_] != 'x') return text_[at_];
        unsigned v = 0;
        const std::string_view digits = text_.substr(at_ + 1, 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
        if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2)
            return fault("`\\x` wants two hexadecimal digits"), '\0';
        at_ += 2;
        return static_cast<char>(v);
    }

    std::string_view text_;
    const std::string& file_;
    int number_;
    Diagnostics& diag_;
    size_t at_ = 0;
    bool good_ = true;
};

class ProblemParser {
public:
    ProblemParser(const std::string& file, Diagnostics& diag) : file_(file), diag_(diag) {}

    Expected<PlanProblem> parse(std::string_view text) {
        const int before = diag_.errors();
        int number = 0;
        // Rules and views may name buffers of later lines: they are read in a second round.
        const std::vector<std::string> lines = split(text, '\n');
        for (bool second : {false, true}) {
            number = 0;
            for (const std::string& content : lines) {
                Line line(content, file_, ++number, diag_);
                if (!line.done()) read(line, second);
            }
            if (diag_.errors() != before) return failure;
        }
        return std::move(problem_);
    }

private:
    void read(Line& line, bool second) {
        const std::string kind = line.word();
        const bool late = kind == "rule" || kind == "view";
        if (!late && kind != "region" && kind != "buffer") return line.fault(fmt::format("unknown item `{}`", kind));
        if (late != second) return;
        if (kind == "region") read_region(line);
        if (kind == "buffer") read_buffer(line);
        if (kind == "rule") read_rule(line);
        if (kind == "view") read_view(line);
        if (line.good() && !line.done()) line.fault(fmt::format("`{}` was not expected here", line.word()));
    }

    void read_region(Line& line) {
        PlanRegion r;
        r.name = line.word();
        const std::string size = line.word();
        if (size == "capacity")
            r.capacity = line.number();
        else if (line.good() && size != "unlimited")
            line.fault(fmt::format("expected `capacity` or `unlimited`, found `{}`", size));
        line.expect("align");
        r.alignment = line.number();
        if (!line.good()) return;
        if (!regions_.emplace(r.name, problem_.regions.size()).second) return line.fault(fmt::format("region {} appears twice", r.name));
        problem_.regions.push_back(std::move(r));
    }

    void read_buffer(Line& line) {
        PlanBuffer b;
        const int64_t id = line.number();
        b.name = line.quoted();
        line.expect("size");
        b.size = line.number();
        line.expect("align");
        b.alignment = line.number();
        line.expect("region");
        const std::string region = line.word();
        line.expect("live");
        const std::string live = line.good() ? line.word() : "";
        if (!line.good()) return;
        if (live != "never") {
            for (const std::string& interval : split(live, ',')) {
                const size_t dots = interval.find("..");
                if (dots == std::string::npos)
                    return line.fault(fmt::format("`{}` is no lifetime; write 2..4 or 2..4,7..9 or never", live));
                const int64_t begin = line.number(interval.substr(0, dots)), end = line.number(interval.substr(dots + 2));
                b.lifetime.push_back({begin, end});
            }
        }
        if (line.good() && !line.done()) {
            line.expect("pinned");
            b.pinned = line.number();
        }
        if (!line.good()) return;
        const auto r = regions_.find(region);
        if (r == regions_.end()) return line.fault(fmt::format("there is no region {} above this line", region));
        b.region = static_cast<int64_t>(r->second);
        if (!buffers_.emplace(id, problem_.buffers.size()).second) return line.fault(fmt::format("buffer {} appears twice", id));
        problem_.buffers.push_back(std::move(b));
    }

    int64_t buffer(Line& line) {
        const int64_t id = line.number();
        const auto found = buffers_.find(id);
        if (found != buffers_.end()) return static_cast<int64_t>(found->second);
        line.fault(fmt::format("there is no buffer {}", id));
        return -1;
    }

    void read_rule(Line& line) {
        OverlapRule r;
        r.a = buffer(line);
        r.b = buffer(line);
        while (line.good() && !line.done()) {
            const std::string what = line.word();
            if (what == "gap")
                r.gap = line.number();
            else if (what == "descending")
                r.gap_descending = line.number();
            else if (what == "step")
                r.step = line.number();
            else
                line.fault(fmt::format("expected `gap`, `descending` or `step`, found `{}`", what));
        }
        problem_.rules.push_back(r);
    }

    void read_view(Line& line) {
        const int64_t v = buffer(line);
        line.expect("of");
        const int64_t u = line.good() ? buffer(line) : -1;
        line.expect("at");
        const int64_t at = line.number();
        if (!line.good()) return;
        PlanBuffer& b = problem_.buffers[static_cast<size_t>(v)];
        if (b.view_of >= 0) return line.fault("this buffer is a view of another one already");
        b.view_of = u;
        b.view_offset = at;
    }

    const std::string& file_;
    Diagnostics& diag_;
    PlanProblem problem_;
    std::map<std::string, size_t> regions_;
    std::map<int64_t, size_t> buffers_;
};

}  // namespace

Status check_plan_problem(const PlanProblem& problem, Diagnostics& diag) { return ProblemCheck(problem, diag).run(); }

std::string print_plan_problem(const PlanProblem& problem) {
    std::string out;
    for (const PlanRegion& r : problem.regions)
        out +=
            fmt::format("region {} {} align {}\n", r.name, r.capacity ? fmt::format("capacity {}", *r.capacity) : "unlimited", r.alignment);
    for (size_t i = 0; i < problem.buffers.size(); ++i) {
        const PlanBuffer& b = problem.buffers[i];
        std::string live;
        for (const LiveInterval& l : b.lifetime) live += fmt::format("{}{}..{}", live.empty() ? "" : ",", l.begin, l.end);
        out += fmt::format("buffer {} {} size {} align {} region {} live {}{}\n", i, quote(b.name), b.size, b.alignment,
                           problem.regions[static_cast<size_t>(b.region)].name, live.empty() ? "never" : live,
                           b.pinned ? fmt::format(" pinned {}", *b.pinned) : "");
    }
    for (size_t i = 0; i < problem.buffers.size(); ++i)
        if (problem.buffers[i].view_of >= 0)
            out += fmt::format("view {} of {} at {}\n", i, problem.buffers[i].view_of, problem.buffers[i].view_offset);
    for (const OverlapRule& r : problem.rules)
        out += fmt::format("rule {} {}{}{}{}\n", r.a, r.b, r.gap ? fmt::format(" gap {}", *r.gap) : "",
                           r.gap_descending ? fmt::format(" descending {}", *r.gap_descending) : "",
                           r.step != 0 ? fmt::format(" step {}", r.step) : "");
    return out;
}

Expected<PlanProblem> parse_plan_problem(std::string_view text, const std::string& file, Diagnostics& diag) {
    return ProblemParser(file, diag).parse(text);
}

}  // namespace gw
