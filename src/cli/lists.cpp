// glowworm supported-ops, cores: lists made from the tables that the compiler itself works with.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/cli.h"
#include "frontend/onnx/onnx.h"
#include "frontend/tflite/tflite.h"
#include "kernels/kernel.h"
#include "target/core.h"

namespace gw {
namespace {

std::string_view element_type(std::string_view kernel) {
    constexpr std::pair<std::string_view, std::string_view> marks[] = {{"_s8", "int8"}, {"_s16", "int16"}, {"_f32", "float32"}};
    for (const auto& [mark, type] : marks)
        if (kernel.find(mark) != std::string_view::npos) return type;
    return "any type";
}

// What the readers' operators become, and which kernels compute that. A kernel's name ends with the element type that it works on; those
// without one move elements of any type.
Json kernel_list(Session& s) {
    std::map<std::string_view, std::vector<const KernelRow*>> by_op;
    for (const KernelRow* row : kernel_rows()) by_op[row->op].push_back(row);
    Json list = Json::array();
    s.say(fmt::format("\n{:<24} {}", "graph op (docs/ir.md)", "kernels: type of element, cores"));
    for (const auto& [op, rows] : by_op) {
        std::string text;
        for (const KernelRow* row : rows) {
            const std::string_view type = element_type(row->name);
            const std::string_view cores = row->set == "any" ? "every core" : row->set == "v6m" ? "cortex-m0, -m0plus" : row->set;
            list.push_back({{"op", op}, {"kernel", row->name}, {"type", type}, {"set", row->set}});
            text += fmt::format("{}{} ({}, {})", text.empty() ? "" : "; ", row->name, type, cores);
        }
        s.say(fmt::format("{:<24} {}", op, text));
    }
    return list;
}

int supported_ops(Session& s) {
    Json list = Json::array();
    s.say("ONNX: float32 tensors, which quantization makes int8, and integer and bool tensors where the operator has them.");
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
    s.result = Json{{"onnx", std::move(list)}, {"tflite", std::move(tflite)}, {"kernels", kernel_list(s)}};
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
    app.add_subcommand("cores", "known cores")->callback([&chosen] { chosen = list_cores; });
}

}  // namespace gw
