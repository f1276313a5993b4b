// glowworm boards: the boards that we know, and, given a model or a bundle, which of them it fits.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/planned.h"

namespace gw {
namespace {

Json board_json(const Board& b) {
    return {{"name", b.name},           {"chip", b.chip},     {"core", b.core}, {"clock_hz", b.clock_hz}, {"flash_bytes", b.flash_bytes},
            {"ram_bytes", b.ram_bytes}, {"source", b.source}, {"note", b.note}};
}

int list_boards(Session& s) {
    Json list = Json::array();
    s.say(fmt::format("{:<20} {:<14} {:>6} {:>12} {:>11}  {:<14} {}", "board", "core", "MHz", "flash B", "RAM B", "chip", "source; note"));
    for (const Board& b : boards()) {
        list.push_back(board_json(b));
        s.say(fmt::format("{:<20} {:<14} {:>6} {:>12} {:>11}  {:<14} {}{}{}", b.name, b.core, static_cast<double>(b.clock_hz) / 1e6,
                          with_commas(b.flash_bytes), with_commas(b.ram_bytes), b.chip, b.source, b.note.empty() ? "" : "; ", b.note));
    }
    s.result = Json{{"boards", std::move(list)}};
    return exit_done;
}

int boards_command(const CommonOptions& o, Session& s) {
    if (o.model.empty()) return list_boards(s);
    std::error_code ec;
    std::vector<BoardVerdict> all;
    if (std::filesystem::is_directory(o.model, ec)) {
        const auto bundle = load_bundle(o.model, s.diag);
        if (!bundle) return exit_wrong;
        all = board_verdicts(*bundle);
    } else {
        const auto model = sized_model(o, false, s);
        if (!model) return exit_wrong;
        const auto verdicts = board_verdicts(*model, s);
        if (!verdicts) return exit_wrong;
        all = *verdicts;
    }
    s.result = Json{{"boards", verdicts_json(all)}};
    say_verdicts(all, s);
    return exit_done;
}

}  // namespace

void add_boards(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<CommonOptions>();
    CLI::App* sub = app.add_subcommand("boards", "list the known boards, or say which of them a model or bundle fits");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, a .gw graph, or a bundle's folder; without it the boards are listed");
    add_define_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return boards_command(*o, s); }; });
}

}  // namespace gw
