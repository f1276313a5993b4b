// Elementwise functions of one operand, and lookup, which is every such function of an int8 value.
#include <cmath>

#include "ops/support.h"

namespace gw {
using namespace detail;

float apply_unary(const Unary& op, float x) {
    const float alpha = op.alpha;
    const float beta = op.beta;
    switch (op.kind) {
        case UnaryKind::clamp:
            return clamp_to(x, alpha, beta);
        case UnaryKind::sigmoid:
            return 1.0f / (1.0f + std::exp(-x));
        case UnaryKind::tanh:
            return std::tanh(x);
        case UnaryKind::erf:
            return std::erf(x);
        case UnaryKind::exp:
            return std::exp(x);
        case UnaryKind::log:
            return std::log(x);
        case UnaryKind::sqrt:
            return std::sqrt(x);
        case UnaryKind::rsqrt:
            return 1.0f / std::sqrt(x);
        case UnaryKind::reciprocal:
            return 1.0f / x;
        case UnaryKind::abs:
            return std::fabs(x);
        case UnaryKind::neg:
            return -x;
        case UnaryKind::floor:
            return std::floor(x);
        case UnaryKind::ceil:
            return std::ceil(x);
        case UnaryKind::round:
            return std::nearbyint(x);  // half to even
        case UnaryKind::sign:
            return x > 0 ? 1.0f : x < 0 ? -1.0f : x;
        case UnaryKind::sin:
            return std::sin(x);
        case UnaryKind::cos:
            return std::cos(x);
        case UnaryKind::tan:
            return std::tan(x);
        case UnaryKind::asin:
            return std::asin(x);
        case UnaryKind::acos:
            return std::acos(x);
        case UnaryKind::atan:
            return std::atan(x);
        case UnaryKind::sinh:
            return std::sinh(x);
        case UnaryKind::cosh:
            return std::cosh(x);
        case UnaryKind::asinh:
            return std::asinh(x);
        case UnaryKind::acosh:
            return std::acosh(x);
        case UnaryKind::atanh:
            return std::atanh(x);
        case UnaryKind::leaky_relu:
            return x >= 0 ? x : alpha * x;
        case UnaryKind::elu:
            return x >= 0 ? x : alpha * std::expm1(x);
        case UnaryKind::hard_sigmoid:
            return clamp_to(alpha * x + beta, 0.0f, 1.0f);
        case UnaryKind::hard_swish:
            return x * clamp_to(x / 6.0f + 0.5f, 0.0f, 1.0f);
        case UnaryKind::softplus:
            return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
        case UnaryKind::gelu:
            return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f));
        case UnaryKind::silu:
            return x / (1.0f + std::exp(-x));
        case UnaryKind::affine:
            return alpha * x + beta;
        case UnaryKind::power:
            return std::pow(x, alpha);
        case UnaryKind::shrink:
            return x < -alpha ? x + beta : x > alpha ? x - beta : 0.0f;
        case UnaryKind::thresholded_relu:
            return x > alpha ? x : 0.0f;
        case UnaryKind::logical_not:
            return x == 0 ? 1.0f : 0.0f;
    }
    return x;
}

namespace {
bool is_exact(UnaryKind k) { return k == UnaryKind::neg || k == UnaryKind::abs || k == UnaryKind::clamp || k == UnaryKind::sign; }

// A bound of clamp as an integer: rounded inward, so that the result is what the real comparison gives.
template <class T>
T integer_bound(float v, bool lower) {
    const double r = lower ? std::ceil(static_cast<double>(v)) : std::floor(static_cast<double>(v));
    if (r <= static_cast<double>(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
    if (r >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(r);
}

template <class T>
void evaluate_integers(const Unary& op, const Tensor& x, Tensor& y) {
    const T lo = integer_bound<T>(op.alpha, true);
    const T hi = integer_bound<T>(op.beta, false);
    const T* from = raw<T>(x);
    T* to = raw<T>(y);
    for (int64_t i = 0; i < x.elements(); ++i) {
        const T v = from[i];
        switch (op.kind) {
            case UnaryKind::neg:
                to[i] = -v;
                break;
            case UnaryKind::abs:
                to[i] = v < 0 ? -v : v;
                break;
            case UnaryKind::sign:
                to[i] = static_cast<T>((v > 0) - (v < 0));
                break;
            default:
                to[i] = std::min(std::max(v, lo), hi);
                break;
        }
    }
}
}  // namespace

Expected<std::vector<Type>> infer(const Unary& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    const bool logical = op.kind == UnaryKind::logical_not;
    const bool fits = logical                                              ? x.dtype == DType::boolean
                      : x.dtype == DType::int32 || x.dtype == DType::int64 ? is_exact(op.kind)
                                                                           : x.dtype == DType::float32;
    if (!fits) {
        const char* expected = logical ? "bool" : is_exact(op.kind) ? "f32, i32 or i64" : "f32";
        return about(context, "x")
            .fail("{} has element type {}, expected {} for {}", x.text(), dtype_name(x.dtype), expected, enum_name(op.kind));
    }
    return one({x.dtype, x.shape, {}}, context);
}

void evaluate(const Unary& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    Tensor& y = out[0];
    const int64_t n = x.elements();
    switch (x.type.dtype) {
        case DType::int32:
            evaluate_integers<int32_t>(op, x, y);
            return;
        case DType::int64:
            evaluate_integers<int64_t>(op, x, y);
            return;
        case DType::boolean:
            for (int64_t i = 0; i < n; ++i) raw<uint8_t>(y)[i] = raw<uint8_t>(x)[i] == 0;
            return;
        default:
            break;
    }
    const float* from = raw<float>(x);
    float* to = raw<float>(y);
    if (op.kind == UnaryKind::clamp) {  // the one that is in every model: worth a loop that vectorises
        for (int64_t i = 0; i < n; ++i) to[i] = clamp_to(from[i], op.alpha, op.beta);
        return;
    }
    for (int64_t i = 0; i < n; ++i) to[i] = apply_unary(op, from[i]);
}

Work work(const Unary&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Unary&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

Expected<std::vector<Type>> infer(const Lookup& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& x = *in[0].type;
    const Type& table = *in[1].type;
    const auto byte = [](DType t) { return t == DType::int8 || t == DType::uint8; };
    if (!byte(x.dtype)) return about(context, "x").fail("{} has element type {}, expected i8 or u8", x.text(), dtype_name(x.dtype));
    if (!byte(table.dtype) || table.shape != Shape{256})
        return about(context, "table").fail("{} given, expected i8[256] or u8[256]", table.text());
    return one({table.dtype, x.shape, {}}, context);
}

void evaluate(const Lookup&, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const uint8_t* x = raw<uint8_t>(*in[0]);
    const uint8_t* table = raw<uint8_t>(*in[1]);
    uint8_t* y = raw<uint8_t>(out[0]);
    const uint8_t turn = in[0]->type.dtype == DType::int8 ? 128 : 0;  // the lowest value has the first entry
    for (int64_t i = 0; i < in[0]->elements(); ++i) y[i] = table[x[i] ^ turn];
}

Work work(const Lookup&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Lookup&, std::span<const Type* const>, const Type&, const Box& out_box, size_t operand) {
    if (operand == 1) return std::nullopt;
    return out_box;
}

}  // namespace gw
