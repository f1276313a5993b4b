// Elementwise ops of two operands with broadcasting: float, int8 with its own arithmetic, exact int32 and int64 for the shape arithmetic of
// exported models, and bool.
#include <cmath>

#include "ops/support.h"
#include "tensor/fixed_functions.h"

namespace gw {
using namespace detail;

float apply_binary(BinaryKind kind, float a, float b) {
    switch (kind) {
        case BinaryKind::add:
            return a + b;
        case BinaryKind::sub:
            return a - b;
        case BinaryKind::mul:
            return a * b;
        case BinaryKind::div:
            return a / b;
        case BinaryKind::pow:
            return std::pow(a, b);
        case BinaryKind::min:
            return std::min(a, b);
        case BinaryKind::max:
            return std::max(a, b);
        case BinaryKind::mod:
            return std::fmod(a, b);
        case BinaryKind::squared_difference:
            return (a - b) * (a - b);
        case BinaryKind::equal:
            return a == b ? 1.0f : 0.0f;
        case BinaryKind::less:
            return a < b ? 1.0f : 0.0f;
        case BinaryKind::greater:
            return a > b ? 1.0f : 0.0f;
        case BinaryKind::logical_and:
            return a != 0 && b != 0 ? 1.0f : 0.0f;
        case BinaryKind::logical_or:
            return a != 0 || b != 0 ? 1.0f : 0.0f;
    }
    return 0;
}

namespace {
bool is_comparison(BinaryKind k) { return k == BinaryKind::equal || k == BinaryKind::less || k == BinaryKind::greater; }
bool is_logical(BinaryKind k) { return k == BinaryKind::logical_and || k == BinaryKind::logical_or; }
bool is_rescaled(BinaryKind k) {
    return k == BinaryKind::add || k == BinaryKind::sub || k == BinaryKind::mul || k == BinaryKind::squared_difference;
}

// base^exponent, wrapping; a negative exponent gives the truncated reciprocal.
template <class T>
T integer_power(T base, T exponent) {
    if (exponent < 0) return base == 1 ? T{1} : base == -1 ? static_cast<T>(exponent % 2 == 0 ? 1 : -1) : T{0};
    T result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 != 0) result *= base;
        base *= base;
    }
    return result;
}

// Division truncates as ONNX and C do; the remainder has the divisor's sign, as ONNX's Mod. A divisor 0 gives 0 for both, and the one
// quotient that does not fit wraps.
template <class T>
T apply_integer(BinaryKind kind, T a, T b) {
    switch (kind) {
        case BinaryKind::add:
            return a + b;
        case BinaryKind::sub:
            return a - b;
        case BinaryKind::mul:
            return a * b;
        case BinaryKind::div:
            return b == 0 ? T{0} : b == -1 ? -a : a / b;
        case BinaryKind::pow:
            return integer_power(a, b);
        case BinaryKind::min:
            return std::min(a, b);
        case BinaryKind::max:
            return std::max(a, b);
        case BinaryKind::mod: {
            if (b == 0 || b == -1) return T{0};
            const T r = a % b;
            return r != 0 && (r < 0) != (b < 0) ? r + b : r;
        }
        case BinaryKind::squared_difference:
            return (a - b) * (a - b);
        case BinaryKind::equal:
            return a == b;
        case BinaryKind::less:
            return a < b;
        case BinaryKind::greater:
            return a > b;
        case BinaryKind::logical_and:
            return a != 0 && b != 0;
        case BinaryKind::logical_or:
            return a != 0 || b != 0;
    }
    return 0;
}

// Whether each operand is rescaled by itself before the two meet.
bool rescales_operands(const Binary& op) {
    return op.left_shift > 0 || op.kind == BinaryKind::squared_difference || is_comparison(op.kind);
}

// TFLite's quotient of two centred bytes: a, moved up by all its leading sign bits, times the fixed-point reciprocal of b; both shifts are
// taken back in the final rescaling. A divisor 0, which the reference excludes, gives 0.
int32_t divide_int8(const Requant& r, int32_t a, int32_t b) {
    if (b == 0 || a == 0) return 0;
    if (b < 0) a = -a, b = -b;
    const FixedReciprocal reciprocal = fixed_reciprocal(b, 31);
    int headroom = 0;
    while (a >= 0 ? a < 1 << 30 : a >= -(1 << 30)) a *= 2, ++headroom;
    const int32_t quotient = saturating_rounding_doubling_high_mul(a, reciprocal.scale);
    const int right = reciprocal.bits_over_unit + headroom - r.shift[0];
    return right > 31 ? 0 : rounding_divide_by_power_of_two(saturating_rounding_doubling_high_mul(quotient, r.multiplier[0]), right);
}

// Of i8 or i16 elements; a comparison gives 0 or 1.
int32_t apply_quantized(const Binary& op, int32_t a, int32_t b) {
    switch (op.kind) {
        case BinaryKind::min:
            return std::min(a, b);
        case BinaryKind::max:
            return std::max(a, b);
        default:
            break;
    }
    a -= op.a_zero, b -= op.b_zero;
    int32_t acc = 0;
    if (op.kind == BinaryKind::div) {
        return static_cast<int32_t>(
            std::clamp<int64_t>(int64_t{divide_int8(op.requant, a, b)} + op.requant.zero_point, op.requant.lo, op.requant.hi));
    }
    if (op.kind == BinaryKind::mul) {
        acc = a * b;
    } else if (rescales_operands(op)) {
        acc = multiply_by_quantized_multiplier(a * (1 << op.left_shift), op.a_multiplier, op.a_shift);
        const int32_t right = multiply_by_quantized_multiplier(b * (1 << op.left_shift), op.b_multiplier, op.b_shift);
        if (is_comparison(op.kind)) return apply_integer(op.kind, acc, right);
        acc = op.kind == BinaryKind::add ? acc + right : acc - right;
        if (op.kind == BinaryKind::squared_difference) acc *= acc;
    } else {
        acc = a * op.a_multiplier + (op.kind == BinaryKind::add ? 1 : -1) * (b * op.b_multiplier);
    }
    return op.requant.apply(acc, 0);
}

template <class In, class Out, class F>
void each_pair(const Tensor& a, const Tensor& b, Tensor& y, F f) {
    const In* pa = raw<In>(a);
    const In* pb = raw<In>(b);
    Out* to = raw<Out>(y);
    const int64_t n = y.elements();
    if (a.shape() == b.shape()) {
        for (int64_t i = 0; i < n; ++i) to[i] = f(pa[i], pb[i]);
        return;
    }
    const std::vector<int64_t>& dims = y.shape().dims();
    std::vector<In> left(static_cast<size_t>(n));
    walk(dims, broadcast_strides(a.shape(), y.shape()), 0, [&](int64_t i, int64_t j) { left[static_cast<size_t>(i)] = pa[j]; });
    walk(dims, broadcast_strides(b.shape(), y.shape()), 0, [&](int64_t i, int64_t j) { to[i] = f(left[static_cast<size_t>(i)], pb[j]); });
}

template <class T>
void evaluate_integers(const Binary& op, const Tensor& a, const Tensor& b, Tensor& y) {
    const auto f = [&](T p, T q) { return apply_integer<T>(op.kind, p, q); };
    if (y.type.dtype == DType::boolean) {
        each_pair<T, uint8_t>(a, b, y, [&](T p, T q) { return static_cast<uint8_t>(f(p, q)); });
    } else {
        each_pair<T, T>(a, b, y, f);
    }
}

// |a − a_zero| is at most 255, or 2^15 for i16, so each shifted operand stays below 2^30, and the rescalings do not enlarge it. The square
// of the difference of two below 255·2^7 is below 2^32, and where each is halved, as readers do it, below 2^30; so is a sum of i16.
Status check_operand_rescaling(const Binary& op, bool wide, const InferContext& context) {
    if (op.kind == BinaryKind::mul) return context.fail("left_shift is for sums, differences and comparisons only");
    const bool square = op.kind == BinaryKind::squared_difference;
    const int32_t most = wide ? (square ? 0 : 15) : square ? 7 : 21;
    if (op.left_shift < 0 || op.left_shift > most) return context.fail("left_shift {} is out of range [0, {}]", op.left_shift, most);
    for (const auto& [multiplier, shift] : {std::pair(op.a_multiplier, op.a_shift), std::pair(op.b_multiplier, op.b_shift)}) {
        if (multiplier < 0 || shift < -31 || shift > 0)
            return context.fail("multiplier {} with shift {} is not a rescaling by at most 1", multiplier, shift);
        if ((square || (wide && !is_comparison(op.kind))) && shift == 0 && multiplier > 1 << 30)
            return context.fail("the operands of a {} are not halved", square ? "squared difference" : "sum of i16");
    }
    if (!is_comparison(op.kind) && op.requant.rounding != Rounding::twice)
        return context.fail("left_shift needs a requantization of the form `twice`");
    return {};
}

Status check_quantized(const Binary& op, DType dtype, const InferContext& context) {
    if (op.kind == BinaryKind::min || op.kind == BinaryKind::max) return check_float_only(op.requant, context);
    const bool quotient = op.kind == BinaryKind::div, wide = dtype == DType::int16;
    if (!is_rescaled(op.kind) && !is_comparison(op.kind) && !(quotient && !wide))
        return context.fail("{} of {} is not defined", enum_name(op.kind), dtype_name(dtype));
    GW_TRY_DO(check_zero_point(op.a_zero, "a_zero", context, dtype));
    GW_TRY_DO(check_zero_point(op.b_zero, "b_zero", context, dtype));
    GW_TRY_DO(is_comparison(op.kind) ? check_float_only(op.requant, context) : check_requant(op.requant, 1, context, dtype));
    if (op.requant.rounding == Rounding::wide) return context.fail("values of 32 bits are not requantized `wide`");
    if (quotient && (op.requant.rounding != Rounding::twice || op.requant.shift[0] > 23 || op.left_shift != 0))
        return context.fail("a quotient needs a requantization of the form `twice` by less than 2^23, and no left_shift");
    // i16 squares are taken without a shift.
    if (op.left_shift != 0 || (wide && op.kind == BinaryKind::squared_difference)) return check_operand_rescaling(op, wide, context);
    if (is_comparison(op.kind) || op.kind == BinaryKind::squared_difference || (wide && op.kind != BinaryKind::mul))
        return context.fail("{} of {} needs a left_shift", enum_name(op.kind), dtype_name(dtype));
    if (op.a_shift != 0 || op.b_shift != 0) return context.fail("a_shift and b_shift are for left_shift > 0");
    if (wide && op.requant.rounding == Rounding::twice && op.requant.shift[0] > 0)  // a product may be 2^30
        return context.fail("shift {} lets a product of i16 overflow", op.requant.shift[0]);
    // |a − a_zero| ≤ 255, so this bounds the accumulator.
    const int64_t reach = 255 * (std::abs(int64_t{op.a_multiplier}) + std::abs(int64_t{op.b_multiplier}));
    if (reach > std::numeric_limits<int32_t>::max()) {
        return context.fail("multipliers {} and {} let the accumulator overflow", op.a_multiplier, op.b_multiplier);
    }
    return {};
}

Status check_dtype(const Binary& op, DType dtype, const InferContext& context) {
    switch (dtype) {
        case DType::float32:
            if (is_logical(op.kind)) return context.fail("{} takes bool operands, not f32", enum_name(op.kind));
            if (op.act_lo > op.act_hi) return context.fail("act_lo {} is above act_hi {}", op.act_lo, op.act_hi);
            if (is_comparison(op.kind)) GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
            return check_float_only(op.requant, context);
        case DType::int32:
        case DType::int64:
            if (is_logical(op.kind)) return context.fail("{} takes bool operands, not {}", enum_name(op.kind), dtype_name(dtype));
            GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
            return check_float_only(op.requant, context);
        case DType::int8:
        case DType::int16:
            GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
            return check_quantized(op, dtype, context);
        case DType::boolean:
            if (!is_logical(op.kind) && op.kind != BinaryKind::equal) return context.fail("{} of bool is not defined", enum_name(op.kind));
            GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
            return check_float_only(op.requant, context);
        default:
            return about(context, "a").fail("element type {} given, expected f32, i8, i16, i32, i64 or bool", dtype_name(dtype));
    }
}
}  // namespace

Expected<std::vector<Type>> infer(const Binary& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& a = *in[0].type;
    const Type& b = *in[1].type;
    if (a.dtype != b.dtype) return about(context, "b").fail("{} has another element type than a {}", b.text(), a.text());
    GW_TRY_DO(check_dtype(op, a.dtype, context));
    const std::optional<Shape> shape = broadcast(a.shape, b.shape);
    if (!shape) return context.fail("shapes of a {} and b {} do not broadcast", a.text(), b.text());
    if (is_integer(b.dtype) && (op.kind == BinaryKind::div || op.kind == BinaryKind::mod) && in[1].value != nullptr) {
        for (int64_t v : in[1].value->ints())
            if (v == 0) return about(context, "b").fail("division by a constant 0");
    }
    Type y{is_comparison(op.kind) || is_logical(op.kind) ? DType::boolean : a.dtype, *shape, {}};
    if (is_quantized_int(a.dtype) && (op.kind == BinaryKind::min || op.kind == BinaryKind::max)) y.quant = a.quant;
    return one(std::move(y), context);
}

void evaluate(const Binary& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& a = *in[0];
    const Tensor& b = *in[1];
    Tensor& y = out[0];
    switch (a.type.dtype) {
        case DType::int32:
            evaluate_integers<int32_t>(op, a, b, y);
            return;
        case DType::int64:
            evaluate_integers<int64_t>(op, a, b, y);
            return;
        case DType::int8:
            each_pair<int8_t, int8_t>(a, b, y, [&](int8_t p, int8_t q) { return static_cast<int8_t>(apply_quantized(op, p, q)); });
            return;
        case DType::int16:
            if (y.type.dtype == DType::boolean) {
                each_pair<int16_t, uint8_t>(a, b, y, [&](int16_t p, int16_t q) { return static_cast<uint8_t>(apply_quantized(op, p, q)); });
            } else {
                each_pair<int16_t, int16_t>(a, b, y, [&](int16_t p, int16_t q) { return static_cast<int16_t>(apply_quantized(op, p, q)); });
            }
            return;
        case DType::boolean:
            each_pair<uint8_t, uint8_t>(a, b, y,
                                        [&](uint8_t p, uint8_t q) { return apply_integer<int32_t>(op.kind, p != 0, q != 0) != 0; });
            return;
        default:
            break;
    }
    if (y.type.dtype == DType::boolean) {
        each_pair<float, uint8_t>(a, b, y, [&](float p, float q) { return apply_binary(op.kind, p, q) != 0; });
    } else {
        each_pair<float, float>(a, b, y, [&](float p, float q) { return clamp_to(apply_binary(op.kind, p, q), op.act_lo, op.act_hi); });
    }
}

Work work(const Binary&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Binary&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    return broadcast_box(in[operand]->shape, out_box);
}

}  // namespace gw
