// Nodes of opset 6 as nodes of opset 7. The problem: models of 2017 state by attributes how the second operand of an elementwise operator
// is broadcast, where later ones follow numpy. The idea: give that operand the shape that numpy's rule wants; every other difference of the
// two sets is an attribute that means nothing for inference.
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
// Operand 1 with `axis` leading dimensions of operand 0 in front and ones behind.
Status align_at(NodeContext& n, int64_t axis) {
    std::vector<int64_t> dims = n.shape(n.in(1)).dims();
    const int64_t behind = n.rank(n.in(0)) - axis - static_cast<int64_t>(dims.size());
    if (behind < 0) return n.bad_attribute("axis {}: {} does not fit {}", axis, n.shape(n.in(1)).text(), n.shape(n.in(0)).text());
    dims.insert(dims.end(), static_cast<size_t>(behind), 1);
    GW_TRY(ValueId aligned, n.reshape(n.in(1), std::move(dims)));
    n.replace_in(1, aligned);
    return {};
}
}  // namespace

Status from_opset_6(NodeContext& n) {
    const std::string& op = n.proto.op_type();
    const bool elementwise = op == "Add" || op == "Sub" || op == "Mul" || op == "Div" || op == "Pow" || op == "And" || op == "Or" ||
                             op == "Xor" || op == "Greater" || op == "Less" || op == "Equal";
    if (elementwise && n.has(1) && n.attribute("axis") != nullptr && n.integer("broadcast", 0) != 0) {
        GW_TRY(const int64_t axis, n.axis(n.integer("axis", 0), n.rank(n.in(0))));
        return align_at(n, axis);
    }
    // Slopes a channel are a list.
    if (op == "PRelu" && n.has(1) && n.rank(n.in(1)) == 1 && n.rank(n.in(0)) > 2 && n.shape(n.in(1))[0] != 1) return align_at(n, 1);
    if (op == "BatchNormalization" && n.integer("is_test", 0) == 0 && n.outputs() > 1)
        return n.unsupported("training mode is not supported");
    return {};
}

}  // namespace gw::onnx_ops
