// Operators of one int16 operand. What is a table of 256 bytes for int8 is computed for int16: rescalings and clamps, logistic, hyperbolic
// tangent and softmax by interpolated tables that do not depend on the model. Here the model's scales become their integers.
#include <cmath>

#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

Requant factor16(double factor, int32_t lo = -32768, int32_t hi = 32767) { return twice_requant({factor}, 0, {lo, hi}); }

// The operator as a rescaling, unless a factor is beyond what 32 bits hold.
Status rescaled(TfliteNode& n, Rescale op) {
    op.to = n.out_type(0).dtype;
    for (const Requant* r : {&op.requant, &op.below})
        if (!r->empty() && r->shift[0] > 15)
            return n.bad_quant("result", "scale {} is too small for an operand of scale {}", n.out_type(0).quant.scale(),
                               n.type(0).quant.scale());
    return n.result(n.emit(op, {n.value(0)}));
}

double ratio(TfliteNode& n) { return static_cast<double>(n.type(0).quant.scale()) / static_cast<double>(n.out_type(0).quant.scale()); }

// Results in Q0.15 alone.
Status unit_result(TfliteNode& n) {
    const Quant& y = n.out_type(0).quant;
    if (y == Quant::tensor(1.0f / 32768, 0)) return {};
    return n.bad_quant("result", "is declared with {}, expected q(3.0517578e-05,0)", y.text());
}
}  // namespace

Status relu16(TfliteNode& n) {
    Rescale op;
    op.requant = factor16(ratio(n), 0);
    return rescaled(n, op);
}

// Clamped in the operand's own scale; the factor is 1.
Status relu6_16(TfliteNode& n) {
    const double six = std::round(6.0f / n.type(0).quant.scale());
    Rescale op;
    op.requant = factor16(1, 0, static_cast<int32_t>(std::min(six, 32767.0)));
    return rescaled(n, op);
}

// Factors in float, as the reference has them.
Status leaky_relu16(TfliteNode& n, float alpha) {
    const float x = n.type(0).quant.scale(), y = n.out_type(0).quant.scale();
    Rescale op;
    op.requant = factor16(static_cast<double>(x / y));
    op.below = factor16(static_cast<double>(x * alpha / y));
    return rescaled(n, op);
}

Status abs16(TfliteNode& n) {
    Rescale op;
    op.magnitude = true;
    op.requant = factor16(ratio(n));
    return rescaled(n, op);
}

// QUANTIZE between int8 and int16, and of int16.
Status requantize16(TfliteNode& n) {
    GW_TRY(Quant x, n.quant(0, "operand 0"));
    GW_TRY(Quant y, n.out_quant());
    Rescale op;
    op.x_zero = x.zero_point();
    op.requant = twice_requant({ratio(n)}, y.zero_point(), range_of(n.out_type(0).dtype));
    return rescaled(n, op);
}

// The tables' unit is 1/(3·2^12). A scale of 2^-12 (and for tanh 2^-11) is brought to it exactly, others by a multiplier of 15 bits, cut.
Status sigmoid16(TfliteNode& n, UnaryKind kind) {
    GW_TRY_DO(unit_result(n));
    const float scale = n.type(0).quant.scale();
    Sigmoid16 op;
    op.kind = kind;
    int power = 0;
    const bool exact = is_power_of_two(scale, power) && (power == -12 || (kind == UnaryKind::tanh && power == -11));
    if (exact) {
        op.multiplier = 3 << (power + 12);
        return n.result(n.emit(op, {n.value(0)}));
    }
    double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
    if (multiplier > 32767) return n.bad_quant("operand 0", "scale {} is too large for a function in units of 1/12288", scale);
    for (; multiplier <= 32767.0 / 2.0 && op.shift <= 30; ++op.shift) multiplier *= 2;
    op.multiplier = static_cast<int32_t>(multiplier);
    return n.result(n.emit(op, {n.value(0)}));
}

Status softmax16(TfliteNode& n, float beta) {
    GW_TRY_DO(unit_result(n));
    const double factor = static_cast<double>(n.type(0).quant.scale()) * static_cast<double>(beta) / (10.0 / 65535.0);
    if (!(factor > 0) || factor >= 16384) return n.unsupported("a softmax with beta {} and input scale {}", beta, n.type(0).quant.scale());
    Softmax op;
    op.axis = n.type(0).shape.rank() - 1;
    op.form = SoftmaxForm::table16;
    int shift = 0;
    quantize_multiplier(factor, op.multiplier, shift);
    op.shift = shift;
    return n.result(n.emit(op, {n.value(0)}));
}

}  // namespace gw::tflite_ops
