// glowworm supported-ops, boards, cores: lists made from the tables that the compiler itself works with.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/cli.h"
#include "frontend/onnx/onnx.h"
#include "frontend/tflite/tflite.h"
#include "target/board.h"

namespace gw {
namespace {

int supported_ops(Session& s) {
    Json list = Json::array();
    s.say(fmt::format("{:<24} {:<8} {}", "ONNX operator", "opsets", "limits"));
    for (const SupportedOp& op : supported_onnx_ops()) {
        list.push_back({{"name", op.name}, {"min_opset", op.min_opset}, {"max_opset", op.max_opset}, {"note", op.note}});
        s.say(fmt::format("{:<24} {:<8} {}", op.name, fmt::format("{}-{}", op.min_opset, op.max_opset), op.note));
    }
    Json tflite = Json::array();
    s.say(fmt::format("\n{:<24} {:<24} {}", "TFLite operator", "types", "limits"));
    for (const SupportedTfliteOp& op : supported_tflite_ops()) {
        tflite.push_back({{"name", op.name}, {"types", op.types}, {"note", op.note}});
        s.say(fmt::format("{:<24} {:<24} {}", op.name, op.types, op.note));
    }
    s.result = Json{{"onnx", std::move(list)}, {"tflite", std::move(tflite)}};
    return exit_done;
}

int list_boards(Session& s) {
    Json list = Json::array();
    s.say(fmt::format("{:<20} {:<18} {:>9} {:>12} {:>10}  {}", "board", "core", "MHz", "flash B", "RAM B", "chip"));
    for (const Board& b : boards()) {
        list.push_back({{"name", b.name},
                        {"chip", b.chip},
                        {"core", b.core},
                        {"clock_hz", b.clock_hz},
                        {"flash_bytes", b.flash_bytes},
                        {"ram_bytes", b.ram_bytes}});
        s.say(fmt::format("{:<20} {:<18} {:>9} {:>12} {:>10}  {}", b.name, b.core, static_cast<double>(b.clock_hz) / 1e6,
                          with_commas(b.flash_bytes), with_commas(b.ram_bytes), b.chip));
    }
    s.result = Json{{"boards", std::move(list)}};
    return exit_done;
}

int list_cores(Session& s) {
    Json list = Json::array();
    s.say(fmt::format("{:<18} {:<14} {:<14} {}", "core", "architecture", "emulated on", "cycles priced by"));
    for (const std::string& name : core_names()) {
        const Core* c = find_core(name);
        list.push_back({{"name", name}, {"architecture", c->architecture}, {"machine", c->machine}, {"price_document", c->price_document}});
        s.say(fmt::format("{:<18} {:<14} {:<14} {}", name, c->architecture, c->machine, c->price_document));
    }
    s.result = Json{{"cores", std::move(list)}};
    return exit_done;
}

}  // namespace

void add_lists(CLI::App& app, Command& chosen) {
    app.add_subcommand("supported-ops", "the operators that are read")->callback([&chosen] { chosen = supported_ops; });
    app.add_subcommand("boards", "known boards")->callback([&chosen] { chosen = list_boards; });
    app.add_subcommand("cores", "known cores")->callback([&chosen] { chosen = list_cores; });
}

}  // namespace gw
