// An operator that the user supplies. What its results are is not known here: --custom NAME=TYPES says it, or the model's value_info. Its
// attributes become the options that the user's function sees: one line "name=value" each, in the model's order, and a zero byte.
#include <fmt/ranges.h>

#include "base/text.h"
#include "frontend/onnx/importer.h"

namespace gw {
namespace {

template <class List>
std::string floats_text(const List& list) {
    std::string s;
    for (const float v : list) s += (s.empty() ? "" : ",") + format_float(v);
    return s;
}

// Nothing for tensors, graphs and types.
std::optional<std::string> attribute_text(const onnx::AttributeProto& a) {
    switch (a.type()) {
        case onnx::AttributeProto::FLOAT:
            return format_float(a.f());
        case onnx::AttributeProto::INT:
            return std::to_string(a.i());
        case onnx::AttributeProto::STRING:
            return a.s();
        case onnx::AttributeProto::FLOATS:
            return floats_text(a.floats());
        case onnx::AttributeProto::INTS:
            return fmt::format("{}", fmt::join(a.ints(), ","));
        case onnx::AttributeProto::STRINGS:
            return fmt::format("{}", fmt::join(a.strings(), ","));
        default:
            return std::nullopt;
    }
}

}  // namespace

Status Importer::import_custom(const onnx::NodeProto& node, const Location& where, Environment& env, const std::vector<ValueId>& operands) {
    Custom op;
    op.function = c_identifier(node.op_type());
    std::string options;
    for (const auto& a : node.attribute()) {
        const auto text = attribute_text(a);
        if (!text || text->find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
            return diag.error(DiagId::onnx_attribute, where,
                              "attribute `{}` cannot be given to a custom operator: numbers, strings of one "
                              "line and lists of them can",
                              a.name());
        options += a.name() + "=" + *text + "\n";
    }
    if (!options.empty()) options += '\0';
    for (const char c : options) op.options.push_back(static_cast<uint8_t>(c));
    const std::vector<Type>& stated = options_.custom.at(node.op_type());
    if (!stated.empty() && static_cast<int>(stated.size()) != node.output_size())
        return diag.error(DiagId::bad_option, where, "--custom {} states {} results, and the node has {}", node.op_type(), stated.size(),
                          node.output_size());
    for (int i = 0; i < node.output_size(); ++i) {
        if (!stated.empty()) {
            op.results.push_back(stated[static_cast<size_t>(i)]);
            continue;
        }
        const auto found = env.prefix.empty() ? value_info_.find(node.output(i)) : value_info_.end();
        if (found == value_info_.end() || !found->second->type().has_tensor_type())
            return diag.error(DiagId::onnx_operand, where.with_operand(node.output(i)),
                              "the model does not state the result's type: --custom {}=TYPE does, f32[1,10] for example", node.op_type());
        const auto dtype = dtype_of_onnx(found->second->type().tensor_type().elem_type());
        if (!dtype) return diag.error(DiagId::onnx_type, where.with_operand(node.output(i)), "the result's element type is not supported");
        GW_TRY(Shape shape, input_shape(*found->second));
        op.results.push_back({*dtype, std::move(shape), {}});
    }
    GW_TRY(const std::vector<ValueId> results, graph.add(std::move(op), operands, {{where.node_name, node.op_type(), where.node}}, diag));
    for (int i = 0; i < node.output_size(); ++i) {
        if (!node.output(i).empty()) graph[results[static_cast<size_t>(i)]].source = node.output(i);
        bind(node.output(i), results[static_cast<size_t>(i)], where, env.scope);
    }
    return {};
}

}  // namespace gw
