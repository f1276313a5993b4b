// A limit that is passed deserves more than "no". For each we say by how much, try the options that could help (in the order in which they
// cost least elsewhere) by really compiling with them, and name the layer that holds most of what there is too much of.
#include "cli/limits.h"

#include "base/text.h"
#include "report/usage.h"

namespace gw {
namespace {

struct Question {
    std::string limit_text;  // "--ram-limit 4,096"
    int64_t limit;
    std::string unit;                         // " bytes"
    Json figure;                              // what the bundle needs; null: not measured
    std::string reason;                       // why it was not
    std::function<Json(const Json&)> of;      // the same figure of another report
    std::vector<OptionChanges> alternatives;  // least intrusive first
    bool measured;                            // alternatives must be measured, not only planned
    std::string blame;
};

std::string options_text(const OptionChanges& changes) {
    std::string s;
    // The order in which a person would type them.
    for (const char* name : {"optimize", "input", "output"})
        if (const auto it = changes.find(name); it != changes.end()) s += fmt::format("{}--{} {}", s.empty() ? "" : " ", name, it->second);
    return s;
}

// Leaves out what the bundle was compiled with anyway, and alternatives that change nothing.
std::vector<OptionChanges> without_given(std::vector<OptionChanges> all, const Json& options) {
    std::vector<OptionChanges> out;
    for (OptionChanges& changes : all) {
        std::erase_if(changes, [&](const auto& c) { return options.value(c.first, std::string()) == c.second; });
        if (!changes.empty() && std::find(out.begin(), out.end(), changes) == out.end()) out.push_back(std::move(changes));
    }
    return out;
}

// Tries the alternatives; the first that fits ends the search.
std::string advice(const Question& q, const Recompile& recompile, Json& tried) {
    std::string best;
    int64_t least = -1;
    for (const OptionChanges& changes : q.alternatives) {
        const Json report = recompile(changes, q.measured);
        const Json figure = report.is_null() ? Json() : q.of(report);
        if (figure.is_null()) continue;
        const auto n = figure.get<int64_t>();
        tried.push_back({{"options", options_text(changes)}, {"needs", n}, {"fits", n <= q.limit}});
        if (n <= q.limit) return fmt::format("{} would fit, with {}", options_text(changes), with_commas(n));
        if (least < 0 || n < least) least = n, best = options_text(changes);
    }
    if (least < 0) return "no option that is known here makes it smaller";
    return fmt::format("no option would fit: {} comes to {}, still {} too many", best, with_commas(least), with_commas(least - q.limit));
}

int answer(const Question& q, const Recompile& recompile, Session& s) {
    Json entry{{"limit", q.limit_text}, {"allowed", q.limit}, {"needs", q.figure}};
    int status = exit_done;
    if (q.figure.is_null()) {
        s.diag.error(DiagId::limit_exceeded, {}, "{} cannot be checked: it was not measured ({})", q.limit_text, q.reason);
        status = exit_wrong;
    } else if (const auto n = q.figure.get<int64_t>(); n > q.limit) {
        Json tried = Json::array();
        const std::string help = advice(q, recompile, tried);
        entry["over"] = n - q.limit;
        entry["tried"] = std::move(tried);
        entry["blame"] = q.blame;
        s.diag.error(DiagId::limit_exceeded, {}, "{}: the bundle needs {}{}, {} too many; {}{}", q.limit_text, with_commas(n), q.unit,
                     with_commas(n - q.limit), help, q.blame.empty() ? "" : "; " + q.blame);
        status = exit_verdict_no;
    }
    s.result["limits"].push_back(std::move(entry));
    return status;
}

// "layer 3 `conv1` has most of them, 12,000 of 15,000" of a figure that steps add up to.
std::string largest_step(const Json& report, const std::function<int64_t(const Json&)>& of, const Json& total) {
    const Json* most = nullptr;
    for (const Json& step : report["steps"])
        if (most == nullptr || of(step) > of(*most)) most = &step;
    if (most == nullptr || of(*most) <= 0 || total.is_null()) return "";
    return fmt::format("layer {} `{}` has most of them, {} of {}", (*most)["id"].get<int64_t>(),
                       short_name((*most)["name"].get<std::string>()), with_commas(of(*most)), with_commas(total.get<int64_t>()));
}

int64_t number(const Json& step, const char* key) { return step[key].is_null() ? 0 : step[key].get<int64_t>(); }

Json flash_total(const Json& report) {
    const Json& flash = report["flash"];
    return flash["total_bytes"];
}

std::string ram_blame(const Program& p, const Json& report) {
    const std::vector<StepUsage> usage = arena_usage(p);
    const int64_t k = busiest_step(usage);
    const int64_t outside = report["ram"]["io_outside_arena_bytes"].get<int64_t>();
    if (k < 0 || usage[static_cast<size_t>(k)].bytes == 0) return fmt::format("inputs and outputs alone take {}", with_commas(outside));
    std::string s =
        fmt::format("layer {} `{}` is to blame: it needs {} of the arena ({})", k, short_name(p.steps[static_cast<size_t>(k)].name),
                    with_commas(usage[static_cast<size_t>(k)].bytes), usage_text(p, usage[static_cast<size_t>(k)]));
    if (outside > 0) s += fmt::format(", and inputs and outputs outside it take {}", with_commas(outside));
    if (p.state_bytes() > 0) s += fmt::format(", and the state takes {}", with_commas(p.state_bytes()));
    return s;
}

}  // namespace

int check_limits(const Limits& l, const Program& program, const Json& r, const Recompile& recompile, Session& s) {
    const Json& options = r["options"];
    std::vector<Question> questions;
    auto named = [&](bool of_board, const char* option, const char* memory, int64_t limit) {
        return of_board ? fmt::format("--board {} with {} bytes of {}", l.board, with_commas(limit), memory)
                        : fmt::format("{} {}", option, limit);
    };
    if (l.ram >= 0) {
        auto ram = [](const Json& report) { return report["ram"]["total_bytes"]; };
        const OptionChanges small{{"optimize", "ram"}}, arena{{"input", "arena"}, {"output", "arena"}},
            both{{"optimize", "ram"}, {"input", "arena"}, {"output", "arena"}};
        questions.push_back({named(l.ram_of_board, "--ram-limit", "RAM", l.ram), l.ram, " bytes", ram(r), "", ram,
                             without_given({small, arena, both}, options), false, ram_blame(program, r)});
    }
    if (l.flash >= 0) {
        const int64_t data = number(r["flash"], "weights_bytes") + number(r["flash"], "tables_bytes");
        Json figure = flash_total(r);
        // What is known may be too much already, whatever the code takes.
        if (figure.is_null() && data > l.flash) figure = data;
        questions.push_back({named(l.flash_of_board, "--flash-limit", "flash", l.flash), l.flash,
                             flash_total(r).is_null() ? " bytes for weights and tables alone" : " bytes", figure,
                             r["flash"].value("reason", std::string("no measurement")), flash_total,
                             without_given({{{"optimize", "size"}}}, options), true,
                             largest_step(
                                 r, [](const Json& step) { return number(step, "weights_bytes") + number(step, "code_bytes"); }, figure)});
    }
    if (l.cycles >= 0) {
        auto cycles = [](const Json& report) { return report["cycles"]["total"]; };
        questions.push_back({fmt::format("--cycle-limit {}", l.cycles), l.cycles, " cycles", cycles(r),
                             r["cycles"].value("reason", std::string("no measurement")), cycles,
                             without_given({{{"optimize", "speed"}}}, options), true,
                             largest_step(
                                 r, [](const Json& step) { return number(step, "cycles"); }, cycles(r))});
    }
    int status = exit_done;
    for (const Question& q : questions) {
        const int one = answer(q, recompile, s);
        // Wrong use is reported before a verdict.
        if (one == exit_wrong || status == exit_done) status = one;
    }
    return status;
}

}  // namespace gw
