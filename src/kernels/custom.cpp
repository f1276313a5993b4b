// The row of custom operators. Their function is the user's; what stands in the bundle is a wrapper that tells it the types of its operands
// and results, as constants. How many there are differs from node to node, so the wrapper's text is generated. A call carries the types as
// text under the names x0, x1, … and y0, y1, …, and the function's name as its scalar expression.
#include <fmt/ranges.h>

#include "base/text.h"
#include "kernels/row_help.h"
#include "tensor/type_text.h"

namespace gw {
namespace {

// The name in glowworm_custom.h; empty for types that no C type stands for.
std::string_view type_name(DType t) {
    switch (t) {
        case DType::float32:
            return "GLOWWORM_FLOAT32";
        case DType::int8:
            return "GLOWWORM_INT8";
        case DType::uint8:
            return "GLOWWORM_UINT8";
        case DType::int16:
            return "GLOWWORM_INT16";
        case DType::uint16:
            return "GLOWWORM_UINT16";
        case DType::int32:
            return "GLOWWORM_INT32";
        case DType::uint32:
            return "GLOWWORM_UINT32";
        case DType::int64:
            return "GLOWWORM_INT64";
        case DType::boolean:
            return "GLOWWORM_BOOL";
        default:
            return {};
    }
}

Match match_custom(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Custom& op = *get_if<Custom>(node.op);
    Candidate c;
    c.scalar = op.function;
    const auto add = [&](const std::string& name, ValueId id, bool result) -> std::string {
        const Type* type = id.valid() ? &graph.type(id) : nullptr;
        c.types.emplace_back(name, type == nullptr ? "none" : type->text());
        if (type == nullptr) return {};
        if (type_name(type->dtype).empty()) return fmt::format("{} has no type in C", type->text());
        if (!type->quant.empty() && !type->quant.per_tensor()) return fmt::format("{} is not quantized per tensor", type->text());
        const int64_t align = bits(type->dtype) / 8;
        if (const Tensor* t = result ? nullptr : graph.constant(id))
            c.arguments.push_back(typed_weights(*t, name, id));
        else
            c.arguments.push_back(result ? KernelArgument::output(id, align) : KernelArgument::input(id, align));
        return {};
    };
    for (size_t i = 0; i < node.inputs.size(); ++i)
        if (const std::string why = add(fmt::format("x{}", i), node.inputs[i], false); !why.empty()) return why;
    for (size_t i = 0; i < node.outputs.size(); ++i)
        if (const std::string why = add(fmt::format("y{}", i), node.outputs[i], true); !why.empty()) return why;
    if (!op.options.empty()) {
        const std::vector<uint8_t> bytes(op.options.begin(), op.options.end());
        const auto n = static_cast<int64_t>(bytes.size());
        c.arguments.push_back(KernelArgument::table(Tensor::of<uint8_t>(Shape{n}, bytes), "options"));
        c.constants.emplace_back("OPTIONS_BYTES", n);
    }
    c.covers = {root};
    return c;
}

// {GLOWWORM_INT8, 2, dims + 0, 0.5f, -3}, the dimensions appended to `dims`.
std::string type_text(const std::string& text, std::vector<int64_t>& dims) {
    if (text == "none") return "{0, 0, 0, 0.0f, 0}";
    Diagnostics diag;
    Lexer in(text, "", diag);
    const auto type = parse_type(in);
    GW_CHECK(type.ok(), "a custom call's type is no type");
    const size_t at = dims.size();
    dims.insert(dims.end(), type->shape.dims().begin(), type->shape.dims().end());
    const bool quantized = type->quant.per_tensor();
    return fmt::format("{{{}, {}, dims + {}, {}, {}}}", type_name(type->dtype), type->shape.rank(), at,
                       quantized ? c_float_literal(type->quant.scale()) : "0.0f", quantized ? type->quant.zero_point() : 0);
}

std::string generate_custom(const Call& call, const std::string& symbol) {
    std::vector<std::string> parameters, types[2], places[2];  // [0]: operands, [1]: results
    std::vector<int64_t> dims;
    for (const auto& [name, text] : call.types) {
        const bool result = name[0] == 'y';
        types[result].push_back(type_text(text, dims));
        places[result].push_back(text == "none" ? "0" : name);
        if (text != "none") parameters.push_back((result ? "void *" : "const void *") + name);
    }
    const bool options = !call.constants.empty();
    if (options) parameters.emplace_back("const uint8_t *options");
    if (dims.empty()) dims.push_back(1);  // all are scalars
    const bool operands = !types[0].empty();
    std::string s = fmt::format("/* Calls glowworm_custom_{}, which the firmware supplies. */\n", call.scalar);
    s += fmt::format("static void {}({})\n{{\n", symbol, fmt::join(parameters, ", "));
    s += fmt::format("    static const int32_t dims[] = {{{}}};\n", fmt::join(dims, ", "));
    if (operands)
        s += fmt::format("    static const glowworm_type input_types[] = {{\n        {},\n    }};\n", fmt::join(types[0], ",\n        "));
    s += fmt::format("    static const glowworm_type output_types[] = {{\n        {},\n    }};\n", fmt::join(types[1], ",\n        "));
    if (operands) s += fmt::format("    const void *inputs[{}];\n", places[0].size());
    s += fmt::format("    void *outputs[{}];\n    glowworm_call call;\n", places[1].size());
    for (size_t i = 0; i < places[0].size(); ++i) s += fmt::format("    inputs[{}] = {};\n", i, places[0][i]);
    for (size_t i = 0; i < places[1].size(); ++i) s += fmt::format("    outputs[{}] = {};\n", i, places[1][i]);
    s += fmt::format("    call.inputs = {};\n    call.outputs = outputs;\n", operands ? "inputs" : "0");
    s += fmt::format("    call.input_types = {};\n    call.output_types = output_types;\n", operands ? "input_types" : "0");
    s += fmt::format("    call.input_count = {};\n    call.output_count = {};\n", types[0].size(), types[1].size());
    s += fmt::format("    call.options = {};\n    call.options_bytes = {}u;\n", options ? "options" : "0",
                     options ? call.constants.front().second : 0);
    return s + fmt::format("    glowworm_custom_{}(&call);\n}}\n", call.scalar);
}

constexpr KernelRow rows[] = {
    {"custom", "", "custom", match_custom, false, {}, generate_custom},
};

}  // namespace

std::span<const KernelRow> custom_rows() { return rows; }

}  // namespace gw
