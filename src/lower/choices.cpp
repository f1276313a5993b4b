// Keys of candidates, and the text form of choices: lines of words, sorted by key, so that two files compare line by line.
#include "lower/choices.h"

#include <charconv>
#include <sstream>

#include "base/files.h"
#include "base/text.h"

namespace gw {
namespace {

constexpr std::string_view first_line = "glowworm choices 1";

bool is_key(std::string_view word) { return word.size() == 16 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

}  // namespace

std::string candidate_key(const KernelRow& row, const Candidate& c, const Graph& graph) {
    std::string all = fmt::format("{} {} {}\n{}\n", row.set, row.name, c.batch, c.scalar);
    for (const auto& [name, value] : c.constants) all += fmt::format("{}={}\n", name, value);
    for (const auto& [name, type] : c.types) all += fmt::format("{}:{}\n", name, type);
    for (const KernelArgument& a : c.arguments) {
        all += fmt::format("{} {} {} {} ", static_cast<int>(a.kind), a.role, a.align, a.stride);
        if (a.data.valid())
            all += a.data.type.text() + std::string(a.data.bytes());
        else if (a.value.valid())
            all += graph.type(a.value).text();
        else
            all += std::to_string(a.scratch_bytes);
        all += "\n";
    }
    return sha256_hex(all).substr(0, 16);
}

std::string choices_text(const Choices& choices) {
    std::string text = fmt::format("{}\ncore {}\noptimize {}\ncompiler {}\n", first_line, choices.core, choices.optimize, choices.compiler);
    for (const auto& [key, e] : choices.entries) text += fmt::format("{} {} {} {}\n", key, e.cycles, e.kernel, e.layer);
    for (const auto& [name, loads] : choices.loads) text += fmt::format("data {} {}\n", loads, name);
    return text;
}

Expected<Choices> parse_choices(std::string_view text, const std::string& file, Diagnostics& diag) {
    Choices choices;
    std::istringstream lines{std::string(text)};
    std::string line;
    int number = 0;
    const auto wrong = [&](std::string_view expected) {
        return diag.error(DiagId::choices_invalid, {.file = file}, "line {}: expected {}, found `{}`", number, expected,
                          line.substr(0, 60));
    };
    const auto next = [&] { return ++number, static_cast<bool>(std::getline(lines, line)); };
    if (!next() || line != first_line) return wrong(fmt::format("`{}`", first_line));
    for (auto [name, value] : {std::pair("core ", &choices.core), {"optimize ", &choices.optimize}, {"compiler ", &choices.compiler}}) {
        if (!next() || !line.starts_with(name)) return wrong(fmt::format("a line `{}…`", name));
        *value = line.substr(std::string_view(name).size());
    }
    while (next()) {
        std::istringstream words(line);
        std::string key, cycles;
        Choices::Entry e;
        words >> key >> cycles >> e.kernel >> std::ws;
        std::getline(words, e.layer);
        const char* end = cycles.data() + cycles.size();
        const auto [read, fault] = std::from_chars(cycles.data(), end, e.cycles);
        if (key == "data" && fault == std::errc() && read == end && e.cycles >= 0 && !e.kernel.empty() && e.layer.empty()) {
            if (!choices.loads.emplace(e.kernel, e.cycles).second) return wrong("every constant once");
            continue;
        }
        if (!is_key(key) || fault != std::errc() || read != end || e.cycles < 0 || e.kernel.empty())
            return wrong("a candidate's key, its cycles and its kernel");
        if (!choices.entries.emplace(key, std::move(e)).second) return wrong("every candidate once");
    }
    return choices;
}

}  // namespace gw
