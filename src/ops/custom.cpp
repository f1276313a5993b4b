// Operators that the compiler does not know: the model says what types they take and give, and the user's C function does the rest. All
// that may be assumed is what keeps every other op's passes right: a result depends on all of each operand, and a call has no other effect.
#include "ops/support.h"

namespace gw {
using namespace detail;

Expected<std::vector<Type>> infer(const Custom& op, std::span<const Operand> in, const InferContext& context) {
    if (in.size() > custom_operands_at_most)
        return context.fail("{} operands given, expected at most {}", in.size(), custom_operands_at_most);
    for (size_t i = 0; i < in.size(); ++i)
        if (has(in, i)) GW_TRY_DO(check_extent(*in[i].type, "operand", about(context, fmt::format("x[{}]", i))));
    if (op.function.empty()) return context.fail("no function is named");
    if (op.results.empty() || op.results.size() > custom_operands_at_most)
        return context.fail("{} results, expected 1 to {}", op.results.size(), custom_operands_at_most);
    for (const int32_t byte : op.options)
        if (byte < 0 || byte > 255) return context.fail("{} among the options is not a byte", byte);
    std::vector<Type> types;
    for (const Type& type : op.results) {
        GW_TRY(std::vector<Type> checked, one({type.dtype, type.shape, {}}, context));
        if (bits(type.dtype) < 8) return context.fail("a result of type {}: elements must be whole bytes", type.text());
        types.push_back(std::move(checked[0]));
    }
    return types;
}

void evaluate(const Custom& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    GW_CHECK(op.code != nullptr, "a custom operator is evaluated without its code");
    (*op.code)(in, out);
}

Work work(const Custom&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Custom&, std::span<const Type* const>, const Type&, const Box&, size_t) { return std::nullopt; }

}  // namespace gw
