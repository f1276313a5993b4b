// Operators of two operands, with broadcasting. Sums first bring both operands to twice the larger scale, 20 bits up (int16: 15), and round
// at each of the three rescalings; the reference computes the factors of ADD in double and those of SUB in float.
#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

struct SumFactors {
    double a, b, out;
};

Status sum(TfliteNode& n, BinaryKind kind, tfl::Activation activation, SumFactors (*factors)(float a, float b, float y, int left)) {
    GW_TRY_DO(n.operands(2, 2));
    const DType t = n.type(0).dtype;
    if (n.type(1).dtype != t || n.out_type(0).dtype != t) return n.bad_types();
    Binary op;
    op.kind = kind;
    if (t == DType::float32) {
        GW_TRY(FloatRange act, float_activation(n, activation));
        op.act_lo = act.lo, op.act_hi = act.hi;
    } else if (t == DType::int8 || t == DType::int16) {
        GW_TRY(Quant a, n.quant(0, "operand 0"));
        GW_TRY(Quant b, n.quant(1, "operand 1"));
        GW_TRY(Quant y, n.out_quant());
        GW_TRY(IntRange act, int_activation(n, activation, y, t));
        const int left = t == DType::int8 ? 20 : 15;
        const SumFactors f = factors(a.scale(), b.scale(), y.scale(), left);
        if (!(f.out < 1))
            return n.bad_quant("result", "scale {} is too small for operands of scale {} and {}", y.scale(), a.scale(), b.scale());
        int shift = 0;
        op.left_shift = left;
        op.a_zero = a.zero_point(), op.b_zero = b.zero_point();
        quantize_multiplier(f.a, op.a_multiplier, shift);
        op.a_shift = shift;
        quantize_multiplier(f.b, op.b_multiplier, shift);
        op.b_shift = shift;
        op.requant = twice_requant({f.out}, y.zero_point(), act);
    } else if ((t != DType::int32 && t != DType::int64) || activation != tfl::Activation::none) {
        return n.bad_types();
    }
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

SumFactors in_double(float a, float b, float y, int left) {
    const double twice_larger = 2 * static_cast<double>(std::max(a, b));
    return {static_cast<double>(a) / twice_larger, static_cast<double>(b) / twice_larger,
            twice_larger / ((1 << left) * static_cast<double>(y))};
}
SumFactors in_float(float a, float b, float y, int left) {
    const float twice_larger = 2 * std::max(a, b);
    return {static_cast<double>(a / twice_larger), static_cast<double>(b / twice_larger),
            static_cast<double>(twice_larger / (static_cast<float>(1 << left) * y))};
}

// Operands and result of one type without arithmetic of its own.
Status plain(TfliteNode& n, BinaryKind kind, bool integers, tfl::Activation activation) {
    GW_TRY_DO(n.operands(2, 2));
    const DType t = n.type(0).dtype;
    if (n.type(1).dtype != t || n.out_type(0).dtype != t) return n.bad_types();
    Binary op;
    op.kind = kind;
    if (t == DType::float32) {
        GW_TRY(FloatRange act, float_activation(n, activation));
        op.act_lo = act.lo, op.act_hi = act.hi;
    } else if (!integers || (t != DType::int32 && t != DType::int64) || activation != tfl::Activation::none) {
        return n.bad_types();
    }
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

template <class Options>
tfl::Activation activation_of(TfliteNode& n) {
    const auto* o = n.options<Options>();
    return o == nullptr ? tfl::Activation::none : o->activation();
}
}  // namespace

Status add(TfliteNode& n) { return sum(n, BinaryKind::add, activation_of<tfl::AddOptions>(n), in_double); }
Status sub(TfliteNode& n) { return sum(n, BinaryKind::sub, activation_of<tfl::SubOptions>(n), in_float); }
// Each operand is rescaled to a common unit, `left` bits up, before the two meet.
Status rescale_operands(TfliteNode& n, Binary& op, double a_factor, double b_factor, int left) {
    GW_TRY(Quant a, n.quant(0, "operand 0"));
    GW_TRY(Quant b, n.quant(1, "operand 1"));
    int shift = 0;
    op.left_shift = left;
    op.a_zero = a.zero_point(), op.b_zero = b.zero_point();
    quantize_multiplier(a_factor, op.a_multiplier, shift);
    op.a_shift = shift;
    quantize_multiplier(b_factor, op.b_multiplier, shift);
    op.b_shift = shift;
    return {};
}

Status div(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const tfl::Activation activation = activation_of<tfl::DivOptions>(n);
    if (!n.is(0, DType::int8) || !n.is(1, DType::int8) || n.out_type(0).dtype != DType::int8)
        return plain(n, BinaryKind::div, true, activation);
    GW_TRY(Quant a, n.quant(0, "operand 0"));
    GW_TRY(Quant b, n.quant(1, "operand 1"));
    GW_TRY(Quant y, n.out_quant());
    GW_TRY(IntRange act, int_activation(n, activation, y, DType::int8));
    Binary op;
    op.kind = BinaryKind::div;
    op.a_zero = a.zero_point(), op.b_zero = b.zero_point();
    op.requant = twice_requant({static_cast<double>(a.scale() / (b.scale() * y.scale()))}, y.zero_point(), act);
    if (op.requant.shift[0] > 23) return n.bad_quant("result", "scale {} is too small for a quotient", y.scale());
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

Status pow(TfliteNode& n) { return plain(n, BinaryKind::pow, false, tfl::Activation::none); }

Status mul(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const tfl::Activation activation = activation_of<tfl::MulOptions>(n);
    if (!quantized_pair(n)) return plain(n, BinaryKind::mul, true, activation);
    const DType t = n.type(0).dtype;
    GW_TRY(Quant a, n.quant(0, "operand 0"));
    GW_TRY(Quant b, n.quant(1, "operand 1"));
    GW_TRY(Quant y, n.out_quant());
    GW_TRY(IntRange act, int_activation(n, activation, y, t));
    Binary op;
    op.kind = BinaryKind::mul;
    op.a_zero = a.zero_point(), op.b_zero = b.zero_point();
    const double factor = static_cast<double>(a.scale()) * static_cast<double>(b.scale()) / static_cast<double>(y.scale());
    op.requant = twice_requant({factor}, y.zero_point(), act);
    if (t == DType::int16 && op.requant.shift[0] > 0)
        return n.bad_quant("result", "scale {} is too small for a product of scales {} and {}", y.scale(), a.scale(), b.scale());
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

// int8: operands and result have one scale.
Status import_extreme(TfliteNode& n, BinaryKind kind) {
    GW_TRY_DO(n.operands(2, 2));
    if (!quantized_pair(n)) return plain(n, kind, true, tfl::Activation::none);
    if (n.type(0).quant != n.type(1).quant)
        return n.bad_quant("operand 1", "{} is quantized differently from {}", n.type(1).text(), n.type(0).text());
    Binary op;
    op.kind = kind;
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

Status import_comparison(TfliteNode& n, Comparison comparison) {
    GW_TRY_DO(n.operands(2, 2));
    const DType t = n.type(0).dtype;
    const bool equality = comparison == Comparison::equal || comparison == Comparison::not_equal;
    const bool quantized = t == DType::int8 || t == DType::int16;
    const bool plain = t == DType::float32 || t == DType::int32 || t == DType::int64 || (equality && t == DType::boolean);
    if (n.type(1).dtype != t || !(quantized || plain)) return n.bad_types();
    Binary base;
    if (quantized) {
        GW_TRY(Quant a, n.quant(0, "operand 0"));
        GW_TRY(Quant b, n.quant(1, "operand 1"));
        if (!(a.scale() < 1) || !(b.scale() < 1))
            return n.bad_quant("operand 0", "scales {} and {}; a comparison is defined for scales below 1", a.scale(), b.scale());
        GW_TRY_DO(rescale_operands(n, base, a.scale(), b.scale(), 8));
    }
    const auto compare = [&](BinaryKind kind) {
        Binary op = base;
        op.kind = kind;
        return n.emit(op, {n.value(0), n.value(1)});
    };
    switch (comparison) {
        case Comparison::equal:
            return n.result(compare(BinaryKind::equal));
        case Comparison::less:
            return n.result(compare(BinaryKind::less));
        case Comparison::greater:
            return n.result(compare(BinaryKind::greater));
        case Comparison::not_equal: {
            GW_TRY(ValueId y, compare(BinaryKind::equal));
            return n.result(n.emit(Unary{UnaryKind::logical_not, 0, 0}, {y}));
        }
        default:
            break;
    }
    // Not the opposite inverted: what is not a number is neither.
    GW_TRY(ValueId strictly, compare(comparison == Comparison::less_equal ? BinaryKind::less : BinaryKind::greater));
    GW_TRY(ValueId equal, compare(BinaryKind::equal));
    Binary either;
    either.kind = BinaryKind::logical_or;
    return n.result(n.emit(either, {strictly, equal}));
}

Status import_logical(TfliteNode& n, BinaryKind kind) {
    GW_TRY_DO(n.operands(2, 2));
    if (!n.is(0, DType::boolean) || !n.is(1, DType::boolean)) return n.bad_types();
    Binary op;
    op.kind = kind;
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

Status squared_difference(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    if (!quantized_pair(n)) return plain(n, BinaryKind::squared_difference, true, tfl::Activation::none);
    const DType t = n.type(0).dtype;
    GW_TRY(Quant a, n.quant(0, "operand 0"));
    GW_TRY(Quant b, n.quant(1, "operand 1"));
    GW_TRY(Quant y, n.out_quant());
    Binary op;
    op.kind = BinaryKind::squared_difference;
    const int left = t == DType::int8 ? 7 : 0;
    const double twice_larger = 2 * static_cast<double>(std::max(a.scale(), b.scale()));
    GW_TRY_DO(rescale_operands(n, op, a.scale() / twice_larger, b.scale() / twice_larger, left));
    const double factor = twice_larger * twice_larger / static_cast<double>(static_cast<float>(1 << (2 * left)) * y.scale());
    op.requant = twice_requant({factor}, y.zero_point(), range_of(t));
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

namespace {
// What is not negative is rescaled by itself, the rest times its slope. Either is 0, the zero point, where the other is not, so that their
// sum less the zero point is the result: three tables and products of bytes.
Status prelu_int8(TfliteNode& n) {
    GW_TRY(Quant x, n.quant(0, "operand 0"));
    GW_TRY(Quant slope, n.quant(1, "operand 1"));
    GW_TRY(Quant y, n.out_quant());
    const auto table = [&](const Tensor& t) { return n.emit(Lookup{}, {n.value(0), n.add(t)}); };
    GW_TRY(ValueId above, table(relu_table(x, y, {0, infinity})));
    GW_TRY(ValueId below, table(minimum_table(x)));
    Binary times, plus;
    times.kind = BinaryKind::mul;
    times.a_zero = x.zero_point(), times.b_zero = slope.zero_point();
    const double factor = static_cast<double>(x.scale()) * static_cast<double>(slope.scale()) / static_cast<double>(y.scale());
    times.requant = twice_requant({factor}, y.zero_point(), {});
    GW_TRY(ValueId product, n.emit(times, {below, n.value(1)}));
    plus.kind = BinaryKind::add;
    plus.a_zero = plus.b_zero = y.zero_point();
    plus.requant = Requant{Rounding::narrow, 0, {2}, {1}, y.zero_point(), -128, 127};
    return n.result(n.emit(plus, {above, product}));
}
}  // namespace

// max(x, 0) + slope · min(x, 0).
Status prelu(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    if (n.is(0, DType::int8) && n.is(1, DType::int8) && n.out_type(0).dtype == DType::int8) return prelu_int8(n);
    if (!n.is(0, DType::float32) || !n.is(1, DType::float32)) return n.bad_types();
    Binary plus, times;
    plus.kind = BinaryKind::add, times.kind = BinaryKind::mul;
    GW_TRY(ValueId above, n.emit(Unary{UnaryKind::clamp, 0, infinity}, {n.value(0)}));
    GW_TRY(ValueId below, n.emit(Unary{UnaryKind::clamp, -infinity, 0}, {n.value(0)}));
    GW_TRY(below, n.emit(times, {below, n.value(1)}));
    return n.result(n.emit(plus, {above, below}));
}

Status batch_matmul(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const auto* o = n.options<tfl::BatchMatMulOptions>();
    const Type &a = n.type(0), &b = n.type(1), &y = n.out_type(0);
    if (a.shape.rank() < 2 || b.shape.rank() < 2) return n.malformed("operands {} and {}, expected at least rank 2", a.text(), b.text());
    if (a.dtype != b.dtype || y.dtype != a.dtype || (a.dtype != DType::float32 && !quantized_pair(n))) return n.bad_types();
    const auto turned = [&](ValueId id, bool turn) -> Expected<ValueId> {
        if (!turn) return id;
        std::vector<int64_t> perm(n.importer.graph.type(id).shape.dims().size());
        for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
        std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
        return n.emit(Transpose{perm}, {id});
    };
    GW_TRY(ValueId left, turned(n.value(0), o != nullptr && o->adj_x()));
    GW_TRY(ValueId right, turned(n.value(1), o != nullptr && o->adj_y()));
    MatMul op;
    if (a.dtype != DType::float32) {
        GW_TRY(Quant qa, n.quant(0, "operand 0"));
        GW_TRY(Quant qb, n.quant(1, "operand 1"));
        GW_TRY(Quant qy, n.out_quant());
        op.a_zero = qa.zero_point(), op.b_zero = qb.zero_point();
        const double factor = static_cast<double>(qa.scale() * qb.scale()) / static_cast<double>(qy.scale());
        op.requant = twice_requant({factor}, qy.zero_point(), {});
        if (a.dtype == DType::int16) {
            GW_TRY(op.requant, wide_requant(n, {factor}, range_of(DType::int16)));
        }
    }
    return n.result(n.emit(op, {left, right}));
}

}  // namespace gw::tflite_ops
