// Operators of one operand. In int8 each is a function of one byte, so it becomes a table whose entries are computed here by the
// reference's own integer arithmetic; int16 goes to ops_int16.cpp. Softmax is here too.
#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

Status lookup(TfliteNode& n, Expected<Tensor> table) {
    if (!table) return failure;
    const ValueId entries = n.add(*std::move(table));
    return n.result(n.emit(Lookup{}, {n.value(0), entries}));
}

enum class Kind { real, int8, int16 };
// One operand and result of the same type, f32 or, with one scale each, i8 and where the operator has it i16.
Expected<Kind> kind_of(TfliteNode& n, bool has_int16 = false) {
    GW_TRY_DO(n.operands(1, 1));
    if (n.out_type(0).dtype != n.type(0).dtype) return n.bad_types();
    if (n.is(0, DType::float32)) return Kind::real;
    const bool wide = has_int16 && n.is(0, DType::int16);
    if (!n.is(0, DType::int8) && !wide) return n.bad_types();
    GW_TRY(Quant x, n.quant(0, "operand 0"));
    GW_TRY(Quant y, n.out_quant());
    return wide ? Kind::int16 : Kind::int8;
}

// The result's quantization must be the one that the operator is defined for.
Status fixed_result(TfliteNode& n, float scale, int32_t zero_point) {
    const Quant& y = n.out_type(0).quant;
    if (y.scale() == scale && y.zero_point() == zero_point) return {};
    return n.bad_quant("result", "scale {} and zero point {}, expected {} and {}", y.scale(), y.zero_point(), scale, zero_point);
}
}  // namespace

Status import_float(TfliteNode& n, UnaryKind kind) {
    GW_TRY_DO(n.operands(1, 1));
    const bool exact = kind == UnaryKind::abs || kind == UnaryKind::neg || kind == UnaryKind::sign;
    const DType t = n.type(0).dtype;
    if (t != DType::float32 && !(exact && (t == DType::int32 || t == DType::int64))) return n.bad_types();
    return n.result(n.emit(Unary{kind, 0, 0}, {n.value(0)}));
}

namespace {
Status by_table(TfliteNode& n, UnaryKind kind, Tensor (*table)(const Quant& x, const Quant& y)) {
    if (!n.is(0, DType::int8)) return import_float(n, kind);
    GW_TRY_DO(kind_of(n));
    return lookup(n, table(n.type(0).quant, n.out_type(0).quant));
}
}  // namespace

Status abs(TfliteNode& n) {
    if (!n.is(0, DType::int16)) return by_table(n, UnaryKind::abs, abs_table);
    GW_TRY_DO(kind_of(n, true));
    return abs16(n);
}
Status rsqrt(TfliteNode& n) { return by_table(n, UnaryKind::rsqrt, rsqrt_table); }
Status exp(TfliteNode& n) { return by_table(n, UnaryKind::exp, exp_table); }

Status square(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    if (!n.is(0, DType::float32)) return n.bad_types();
    Binary times;
    times.kind = BinaryKind::mul;
    return n.result(n.emit(times, {n.value(0), n.value(0)}));
}

Status logical_not(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    if (!n.is(0, DType::boolean)) return n.bad_types();
    return n.result(n.emit(Unary{UnaryKind::logical_not, 0, 0}, {n.value(0)}));
}

Status relu(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    if (kind == Kind::int16) return relu16(n);
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::clamp, 0, infinity}, {n.value(0)}));
    return lookup(n, relu_table(n.type(0).quant, n.out_type(0).quant, {0, infinity}));
}
Status relu_n1_to_1(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n));
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::clamp, -1, 1}, {n.value(0)}));
    return lookup(n, relu_table(n.type(0).quant, n.out_type(0).quant, {-1, 1}));
}
Status relu6(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    if (kind == Kind::int16) return relu6_16(n);
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::clamp, 0, 6}, {n.value(0)}));
    return lookup(n, relu6_table(n.type(0).quant));
}
Status logistic(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    if (kind == Kind::int16) return sigmoid16(n, UnaryKind::sigmoid);
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::sigmoid, 0, 0}, {n.value(0)}));
    GW_TRY_DO(fixed_result(n, 1.0f / 256, -128));
    return lookup(n, logistic_table(n.type(0).quant));
}
Status tanh(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    if (kind == Kind::int16) return sigmoid16(n, UnaryKind::tanh);
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::tanh, 0, 0}, {n.value(0)}));
    GW_TRY_DO(fixed_result(n, 1.0f / 128, 0));
    return lookup(n, tanh_table(n.type(0).quant));
}
Status hard_swish(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n));
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::hard_swish, 0, 0}, {n.value(0)}));
    return lookup(n, hard_swish_table(n, n.type(0).quant, n.out_type(0).quant));
}
Status leaky_relu(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    const auto* o = n.options<tfl::LeakyReluOptions>();
    const float alpha = o == nullptr ? 0 : o->alpha();
    if (!(alpha >= 0) || alpha > 1e6f) return n.unsupported("slope {} is not supported", alpha);
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::leaky_relu, alpha, 0}, {n.value(0)}));
    if (kind == Kind::int16) return leaky_relu16(n, alpha);
    return lookup(n, leaky_relu_table(n.type(0).quant, n.out_type(0).quant, alpha));
}
Status elu(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n));
    if (kind == Kind::real) return n.result(n.emit(Unary{UnaryKind::elu, 1, 0}, {n.value(0)}));
    return lookup(n, elu_table(n.type(0).quant, n.out_type(0).quant));
}

Status softmax(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n, true));
    const auto* o = n.options<tfl::SoftmaxOptions>();
    const float beta = o == nullptr ? 1.0f : o->beta();
    const Type& x = n.type(0);
    if (x.shape.rank() < 1) return n.malformed("operand 0 is a scalar");
    Softmax op;
    op.axis = x.shape.rank() - 1;
    ValueId data = n.value(0);
    if (kind == Kind::real) {
        if (!(beta == beta) || beta == infinity || beta == -infinity) return n.malformed("beta {} is not a number", beta);
        if (beta != 1) {
            GW_TRY(data, n.emit(Unary{UnaryKind::affine, beta, 0}, {data}));
        }
        return n.result(n.emit(op, {data}));
    }
    if (kind == Kind::int16) return softmax16(n, beta);
    GW_TRY_DO(fixed_result(n, 1.0f / 256, -128));
    GW_TRY(Tensor table, softmax_table(n, beta, x.quant.scale()));
    op.form = SoftmaxForm::reciprocal;
    return n.result(n.emit(op, {data, n.add(std::move(table))}));
}

Status log_softmax(TfliteNode& n) {
    GW_TRY(Kind kind, kind_of(n));
    if (n.type(0).shape.rank() < 1) return n.malformed("operand 0 is a scalar");
    Softmax op;
    op.axis = n.type(0).shape.rank() - 1;
    op.log = true;
    if (kind == Kind::real) return n.result(n.emit(op, {n.value(0)}));
    GW_TRY_DO(fixed_result(n, 16.0f / 256, 127));
    GW_TRY(Tensor table, log_softmax_table(n, n.type(0).quant.scale()));
    op.form = SoftmaxForm::reciprocal;
    return n.result(n.emit(op, {n.value(0), n.add(std::move(table))}));
}

// --- changes of element type ----------------------------------------------------------------------------------------------------------
Status cast(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    return n.result(n.emit(Cast{n.out_type(0).dtype}, {n.value(0)}));
}

Status quantize(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    const DType to = n.out_type(0).dtype;
    if (to != DType::int8 && to != DType::int16) return n.bad_types();
    GW_TRY(Quant y, n.out_quant());
    if (n.is(0, DType::float32)) return n.result(n.emit(Quantize{to, y, Ties::away}, {n.value(0)}));
    if (!n.is(0, DType::int8) && !n.is(0, DType::int16)) return n.bad_types();
    GW_TRY(Quant x, n.quant(0, "operand 0"));
    if (!n.is(0, to) || (to == DType::int16 && x != y)) return requantize16(n);
    if (x == y) return n.result(n.emit(Reshape{n.type(0).shape.dims()}, {n.value(0)}));
    return lookup(n, requantize_table(x, y));
}

// Constants of half precision are weights that the file keeps small.
Status dequantize(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    if (n.out_type(0).dtype != DType::float32) return n.bad_types();
    if (n.is(0, DType::float16) && n.constant(0) != nullptr) return n.result(n.emit(Cast{DType::float32}, {n.value(0)}));
    if (!n.is(0, DType::int8) && !n.is(0, DType::int16)) return n.bad_types();
    if (n.type(0).quant.empty()) return n.bad_quant("operand 0", "{} has no scale", n.type(0).text());
    return n.result(n.emit(Dequantize{}, {n.value(0)}));
}

}  // namespace gw::tflite_ops
