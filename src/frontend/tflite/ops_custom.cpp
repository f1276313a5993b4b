// An operator that is none of the format's: the file states the types of its operands and results, and its options are bytes that only the
// user's function understands. All of that is handed over as it is.
#include "base/text.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {

Status custom(TfliteNode& n) {
    GW_TRY_DO(n.operands(0, custom_operands_at_most, -1));
    Custom op;
    op.function = c_identifier(n.where.op);
    if (const auto* options = n.proto.custom_options()) op.options.assign(options->begin(), options->end());
    for (size_t i = 0; i < n.outputs(); ++i) op.results.push_back({n.out_type(i).dtype, n.out_type(i).shape, {}});
    std::vector<ValueId> in;
    for (size_t i = 0; i < n.inputs(); ++i) in.push_back(n.value(i));
    GW_TRY(std::vector<ValueId> out, n.emit_all(std::move(op), std::move(in)));
    for (size_t i = 0; i < out.size(); ++i) GW_TRY_DO(n.result(out[i], i));
    return {};
}

}  // namespace gw::tflite_ops
