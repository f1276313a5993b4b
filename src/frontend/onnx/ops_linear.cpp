// Matrix products. The problem: ONNX has one product with a constant matrix in several dresses, and a Dense op wants weights [O, K] and a
// bias [O]. The idea: fold transposition, alpha and beta into constant weights here, and keep what cannot be folded (a bias for each row, a
// matrix from another node) as ops of its own. After it: dense for constant weights, matmul otherwise.
#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
// The C operand of Gemm as a bias [outputs], or nothing when its values differ from row to row or are not constant.
std::optional<Weight> bias_vector(const NodeContext& n, ValueId c, int64_t outputs, float beta) {
    auto w = n.weight(c);
    if (!w) return std::nullopt;
    Tensor& t = w->tensor;
    const bool row = t.elements() == outputs && (t.shape().rank() == 0 || t.shape().back() == outputs);
    if (w->dequantize) {
        if (!row || beta != 1) return std::nullopt;
        t = reshaped_axis(t, {outputs}, 0);
        return w;
    }
    if ((!row && t.elements() != 1) || (beta != 1 && !is_float(t.type.dtype))) return std::nullopt;
    t = row ? t.reshaped({outputs}) : filled(t.type.dtype, {outputs}, t.at(0));
    if (beta != 1) t = scaled(t, beta);
    return w;
}
}  // namespace

Status gemm(NodeContext& n) {
    const float alpha = n.number("alpha", 1), beta = n.number("beta", 1);
    const bool transpose_a = n.integer("transA", 0) != 0, transpose_b = n.integer("transB", 0) != 0;
    const Shape a = n.shape(n.in(0)), b = n.shape(n.in(1));
    if (a.rank() != 2) return n.bad_operand("A", "rank {}, expected 2", a.rank());
    if (b.rank() != 2) return n.bad_operand("B", "rank {}, expected 2", b.rank());
    const int64_t rows = a[transpose_a ? 1 : 0], depth = a[transpose_a ? 0 : 1], columns = b[transpose_b ? 0 : 1];
    if (b[transpose_b ? 1 : 0] != depth) return n.bad_operand("B", "shape {} does not fit A's {}", b.text(), a.text());
    const bool has_c = n.has(2) && beta != 0;
    if (has_c && broadcast(n.shape(n.in(2)), {rows, columns}) != Shape{rows, columns})
        return n.bad_operand("C", "shape {} does not broadcast to [{},{}]", n.shape(n.in(2)).text(), rows, columns);
    ValueId x = n.in(0), y, bias;
    if (transpose_a) {
        GW_TRY(x, n.transpose(x, {1, 0}));
    }
    auto w = n.weight(n.in(1));
    if (w && (alpha == 1 || (!w->dequantize && is_float(w->tensor.type.dtype)))) {
        if (!transpose_b) w->tensor = permuted(w->tensor, {1, 0});
        if (alpha != 1) w->tensor = scaled(w->tensor, alpha);
        GW_TRY(ValueId weights, n.add(*std::move(w)));
        if (has_c && n.shape(n.in(2)).elements() == 1) GW_TRY_DO(n.check_computed({columns}));
        if (auto vector = has_c ? bias_vector(n, n.in(2), columns, beta) : std::nullopt) {
            GW_TRY(bias, n.add(*std::move(vector)));
        }
        GW_TRY(y, n.emit(Dense{}, {x, weights, bias}));
    } else {
        ValueId m = n.in(1);
        if (transpose_b) {
            GW_TRY(m, n.transpose(m, {1, 0}));
        }
        GW_TRY(y, n.emit(MatMul{}, {x, m}));
        if (alpha != 1) {
            GW_TRY(y, n.unary(UnaryKind::affine, y, alpha, 0));
        }
    }
    if (has_c && !bias.valid()) {
        ValueId c = n.in(2);
        if (beta != 1) {
            GW_TRY(c, n.unary(UnaryKind::affine, c, beta, 0));
        }
        GW_TRY(y, n.binary(BinaryKind::add, y, c));
    }
    return n.result(y);
}

Status matmul(NodeContext& n) { return multiply(n, n.in(0), n.weight(n.in(1)), n.in(1), {}); }

Status multiply(NodeContext& n, ValueId x, std::optional<Weight> w, ValueId m, Dense dense) {
    const Shape a = n.shape(n.in(0)), b = n.shape(n.in(1));
    if (a.rank() < 1) return n.bad_operand("A", "a scalar");
    if (b.rank() < 1) return n.bad_operand("B", "a scalar");
    if (a.back() != b[b.rank() >= 2 ? b.rank() - 2 : 0]) return n.bad_operand("B", "shape {} does not fit A's {}", b.text(), a.text());
    // numpy's rule: a vector on the left is a row, on the right a column, and the extra dimension vanishes from the result.
    ValueId y;
    if (a.rank() == 1) {
        GW_TRY(x, n.reshape(x, {1, a[0]}));
    }
    if (w && b.rank() <= 2) {
        w->tensor = b.rank() == 2 ? permuted(w->tensor, {1, 0}) : reshaped_axis(w->tensor, {1, b[0]}, 1);
        GW_TRY(ValueId weights, n.add(*std::move(w)));
        GW_TRY(y, n.emit(dense, {x, weights, {}}));
    } else {
        if (b.rank() == 1) {
            GW_TRY(m, n.reshape(m, {b[0], 1}));
        }
        GW_TRY(y, n.emit(MatMul{}, {x, m}));
    }
    std::vector<int64_t> dims = n.shape(y).dims();
    if (b.rank() == 1) dims.pop_back();
    if (a.rank() == 1) dims.erase(dims.end() - (b.rank() == 1 ? 1 : 2));
    return n.result(n.reshape(y, std::move(dims)));
}

}  // namespace gw::onnx_ops
