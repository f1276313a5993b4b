// Elementwise operators. Most are one Unary or Binary op; the rest are spelled with them. Integers appear in shape arithmetic; infer
// knows which functions they have.
#include <cmath>

#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
Expected<ValueId> maximum(NodeContext& n, ValueId x, double v) { return n.binary(BinaryKind::max, x, n.scalar(v, n.dtype(x))); }
Expected<ValueId> minimum(NodeContext& n, ValueId x, double v) { return n.binary(BinaryKind::min, x, n.scalar(v, n.dtype(x))); }
}  // namespace

Status import_unary(NodeContext& n, UnaryKind kind) { return n.result(n.unary(kind, n.in(0))); }
Status relu(NodeContext& n) { return n.result(n.unary(UnaryKind::clamp, n.in(0), 0, infinity)); }

Status clip(NodeContext& n) {
    ValueId x = n.in(0);
    double lo = -infinity, hi = infinity;
    if (n.opset < 11) {
        lo = n.number("min", -infinity), hi = n.number("max", infinity);
    } else {
        if (n.has(1)) {
            GW_TRY(lo, n.need_scalar(1, "min"));
        }
        if (n.has(2)) {
            GW_TRY(hi, n.need_scalar(2, "max"));
        }
    }
    if (!is_integer(n.dtype(x)) || n.opset < 11)
        return n.result(n.unary(UnaryKind::clamp, x, static_cast<float>(lo), static_cast<float>(hi)));
    // A float cannot hold every integer bound.
    for (size_t i = 1; i < 3; ++i) {
        if (!n.has(i)) continue;
        GW_TRY(ValueId bound, n.reshape(n.in(i), {}));
        GW_TRY(x, n.binary(i == 1 ? BinaryKind::max : BinaryKind::min, x, bound));
    }
    return n.result(x);
}

Status leaky_relu(NodeContext& n) { return n.result(n.unary(UnaryKind::leaky_relu, n.in(0), n.number("alpha", 0.01f))); }
Status elu(NodeContext& n) { return n.result(n.unary(UnaryKind::elu, n.in(0), n.number("alpha", 1.0f))); }

Status celu(NodeContext& n) {
    // max(0, x) + min(0, α·(exp(x/α) − 1)) = α·elu(x/α).
    const float alpha = n.number("alpha", 1.0f);
    if (!(alpha > 0)) return n.bad_attribute("attribute `alpha`: {} is not positive", alpha);
    GW_TRY(ValueId x, n.unary(UnaryKind::affine, n.in(0), 1 / alpha, 0));
    GW_TRY(ValueId e, n.unary(UnaryKind::elu, x, 1));
    return n.result(n.unary(UnaryKind::affine, e, alpha, 0));
}

Status selu(NodeContext& n) {
    GW_TRY(ValueId e, n.unary(UnaryKind::elu, n.in(0), n.number("alpha", 1.67326319217681884765625f)));
    return n.result(n.unary(UnaryKind::affine, e, n.number("gamma", 1.05070102214813232421875f), 0));
}

Status softsign(NodeContext& n) {
    GW_TRY(ValueId size, n.unary(UnaryKind::abs, n.in(0)));
    GW_TRY(ValueId divisor, n.unary(UnaryKind::affine, size, 1, 1));
    return n.result(n.binary(BinaryKind::div, n.in(0), divisor));
}

Status prelu(NodeContext& n) {
    // One slope is a leaky ReLU; slopes a channel are max(x, 0) + slope · min(x, 0).
    const Tensor slope = n.constant(n.in(1));
    const ValueId x = n.in(0);
    if (broadcast(n.shape(n.in(1)), n.shape(x)) != n.shape(x))
        return n.bad_operand("slope", "shape {} does not broadcast to {}", n.shape(n.in(1)).text(), n.shape(x).text());
    if (slope.valid() && slope.elements() == 1) return n.result(n.unary(UnaryKind::leaky_relu, x, static_cast<float>(slope.at(0))));
    GW_TRY(ValueId positive, maximum(n, x, 0));
    GW_TRY(ValueId negative, minimum(n, x, 0));
    GW_TRY(ValueId sloped, n.binary(BinaryKind::mul, negative, n.in(1)));
    return n.result(n.binary(BinaryKind::add, positive, sloped));
}

Status hard_sigmoid(NodeContext& n) {
    return n.result(n.unary(UnaryKind::hard_sigmoid, n.in(0), n.number("alpha", 0.2f), n.number("beta", 0.5f)));
}

Status shrink(NodeContext& n) { return n.result(n.unary(UnaryKind::shrink, n.in(0), n.number("lambd", 0.5f), n.number("bias", 0.0f))); }
Status thresholded_relu(NodeContext& n) { return n.result(n.unary(UnaryKind::thresholded_relu, n.in(0), n.number("alpha", 1.0f))); }

Status gelu(NodeContext& n) {
    const std::string form = n.text("approximate", "none");
    const ValueId x = n.in(0);
    if (form == "none") return n.result(n.unary(UnaryKind::gelu, x));
    if (form != "tanh") return n.bad_attribute("attribute `approximate`: `{}` is unknown", form);
    // x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))
    GW_TRY(ValueId square, n.binary(BinaryKind::mul, x, x));
    GW_TRY(ValueId slope, n.unary(UnaryKind::affine, square, 0.044715f * 0.7978845608f, 0.7978845608f));
    GW_TRY(ValueId argument, n.binary(BinaryKind::mul, x, slope));
    GW_TRY(ValueId t, n.unary(UnaryKind::tanh, argument));
    GW_TRY(ValueId factor, n.unary(UnaryKind::affine, t, 0.5f, 0.5f));
    return n.result(n.binary(BinaryKind::mul, x, factor));
}

Status mish(NodeContext& n) {
    GW_TRY(ValueId s, n.unary(UnaryKind::softplus, n.in(0)));
    GW_TRY(ValueId t, n.unary(UnaryKind::tanh, s));
    return n.result(n.binary(BinaryKind::mul, n.in(0), t));
}

Status pow(NodeContext& n) {
    const ValueId x = n.in(0);
    ValueId exponent = n.in(1);
    const Tensor e = n.constant(exponent);
    const bool one = e.valid() && e.elements() == 1 && e.shape().rank() <= n.rank(x);
    if (one && e.at(0) == 2) return n.result(n.binary(BinaryKind::mul, x, x));
    if (one && e.at(0) == 1) return n.result(x);
    if (one && is_float(n.dtype(x))) {
        if (e.at(0) == 0.5) return n.result(n.unary(UnaryKind::sqrt, x));
        return n.result(n.unary(UnaryKind::power, x, static_cast<float>(e.at(0))));
    }
    // The result has the base's type; integers with a float exponent are computed as floats.
    if (n.dtype(x) == n.dtype(exponent)) return n.result(n.binary(BinaryKind::pow, x, exponent));
    GW_TRY(ValueId base, n.to_float(x));
    GW_TRY(exponent, n.to_float(exponent));
    GW_TRY(ValueId y, n.binary(BinaryKind::pow, base, exponent));
    return n.result(n.emit(Cast{n.dtype(x)}, {y}));
}

Status mod(NodeContext& n) {
    // fmod = 0: the sign of the divisor, a − b·floor(a/b), integers only; fmod = 1: the sign of the dividend, as C's fmod.
    const bool c_style = n.integer("fmod", 0) != 0;
    const DType t = n.dtype(n.in(0));
    if (is_float(t) && !c_style) return n.bad_attribute("floats need attribute `fmod` = 1");
    if (is_float(t) || !c_style) return n.result(n.binary(BinaryKind::mod, n.in(0), n.in(1)));
    GW_TRY(ValueId quotient, n.binary(BinaryKind::div, n.in(0), n.in(1)));
    GW_TRY(ValueId product, n.binary(BinaryKind::mul, quotient, n.in(1)));
    return n.result(n.binary(BinaryKind::sub, n.in(0), product));
}

Status greater_or_equal(NodeContext& n) {
    GW_TRY(ValueId more, n.binary(BinaryKind::greater, n.in(0), n.in(1)));
    GW_TRY(ValueId same, n.binary(BinaryKind::equal, n.in(0), n.in(1)));
    return n.result(n.binary(BinaryKind::logical_or, more, same));
}

Status less_or_equal(NodeContext& n) {
    GW_TRY(ValueId less, n.binary(BinaryKind::less, n.in(0), n.in(1)));
    GW_TRY(ValueId same, n.binary(BinaryKind::equal, n.in(0), n.in(1)));
    return n.result(n.binary(BinaryKind::logical_or, less, same));
}

Status logical_not(NodeContext& n) { return n.result(n.unary(UnaryKind::logical_not, n.in(0))); }

Status logical_xor(NodeContext& n) {
    GW_TRY(ValueId either, n.binary(BinaryKind::logical_or, n.in(0), n.in(1)));
    GW_TRY(ValueId both, n.binary(BinaryKind::logical_and, n.in(0), n.in(1)));
    GW_TRY(ValueId not_both, n.unary(UnaryKind::logical_not, both));
    return n.result(n.binary(BinaryKind::logical_and, either, not_both));
}

// Min, Max, Sum and Mean take any number of operands.
Status import_chain(NodeContext& n, BinaryKind kind, bool mean) {
    ValueId y = n.in(0);
    for (size_t i = 1; i < n.inputs(); ++i) {
        if (!n.has(i)) return n.bad_operand("", "operand {} is missing", i);
        GW_TRY(y, n.binary(kind, y, n.in(i)));
    }
    if (mean && n.inputs() > 1) {
        GW_TRY(y, n.unary(UnaryKind::affine, y, 1.0f / static_cast<float>(n.inputs()), 0));
    }
    return n.result(y);
}

}  // namespace gw::onnx_ops
