// Softmax over one axis. Float subtracts the largest value first, so no exponential overflows. Int8 takes its exponentials from a table
// that the maker scaled such that all sums fit 32 bits, and divides with rounding or, as TFLite does, multiplies by a fixed-point
// reciprocal; its logarithm, TFLite's too, takes a fixed-point logarithm of the sum. Int16, TFLite's alone, interpolates both in tables.
#include <bit>
#include <cmath>

#include "ops/support.h"
#include "tensor/fixed_functions.h"

namespace gw {
using namespace detail;
namespace {
// Calls f(first element, stride, number) for every line along the axis.
template <class F>
void each_line(const Shape& s, int64_t axis, F f) {
    const int64_t outer = product(s, 0, axis);
    const int64_t inner = product(s, axis + 1, s.rank());
    for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < inner; ++i) f(o * s[axis] * inner + i, inner, s[axis]);
}

void float_line(bool log, const float* x, float* y, int64_t stride, int64_t n) {
    float highest = x[0];
    for (int64_t k = 1; k < n; ++k) highest = std::max(highest, x[k * stride]);
    float sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += y[k * stride] = std::exp(x[k * stride] - highest);
    const float log_sum = std::log(sum);
    for (int64_t k = 0; k < n; ++k) y[k * stride] = log ? x[k * stride] - highest - log_sum : y[k * stride] / sum;
}

void reciprocal_line(const uint32_t* table, const int8_t* x, int8_t* y, int64_t stride, int64_t n) {
    constexpr int sum_bits = 12;  // integer bits of the sum
    int32_t highest = x[0];
    for (int64_t k = 1; k < n; ++k) highest = std::max<int32_t>(highest, x[k * stride]);
    int32_t sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += static_cast<int32_t>((table[highest - x[k * stride]] + (1u << (sum_bits - 1))) >> sum_bits);
    const FixedReciprocal r = fixed_reciprocal(std::max(sum, 1), sum_bits);
    const int shift = r.bits_over_unit + 23;  // 4 or more
    for (int64_t k = 0; k < n; ++k) {
        const int32_t product = saturating_rounding_doubling_high_mul(r.scale, static_cast<int32_t>(table[highest - x[k * stride]]));
        const int32_t q = shift > 31 ? 0 : rounding_divide_by_power_of_two(product, shift);
        y[k * stride] = static_cast<int8_t>(std::min<int32_t>(127, q - 128));
    }
}

void log_line(const uint32_t* table, const int8_t* x, int8_t* y, int64_t stride, int64_t n) {
    const uint32_t* distances = table + 256;
    int32_t highest = x[0], sum = 0;
    for (int64_t k = 1; k < n; ++k) highest = std::max<int32_t>(highest, x[k * stride]);
    for (int64_t k = 0; k < n; ++k) sum += static_cast<int32_t>((table[highest - x[k * stride]] + (1u << 11)) >> 12);
    const int32_t log_sum = fixed_log(std::max(sum, 1));
    for (int64_t k = 0; k < n; ++k) {
        const int32_t q5 = -static_cast<int32_t>(distances[highest - x[k * stride]]) - log_sum;
        y[k * stride] = static_cast<int8_t>(std::clamp(127 + rounding_divide_by_power_of_two(q5, 22), -128, 127));
    }
}

void table16_line(const Softmax& op, const int16_t* x, int16_t* y, int64_t stride, int64_t n) {
    int32_t highest = x[0], sum = 0;
    for (int64_t k = 1; k < n; ++k) highest = std::max<int32_t>(highest, x[k * stride]);
    const auto clamp16 = [](int32_t v) { return static_cast<int16_t>(std::clamp(v, -32768, 32767)); };
    for (int64_t k = 0; k < n; ++k) {
        const int32_t d = multiply_by_quantized_multiplier(x[k * stride] - highest, op.multiplier, op.shift);
        sum += y[k * stride] = interpolated16(exp_table16(), clamp16(d + 32767));
    }
    const int headroom = std::countl_zero(static_cast<uint32_t>(sum)) - 1;
    const auto shifted = static_cast<int32_t>(((int64_t{sum} << headroom) + (1 << 13)) >> 14);
    const int32_t reciprocal = interpolated16(one_over_one_plus_table16(), clamp16(shifted - 98304));
    for (int64_t k = 0; k < n; ++k)
        y[k * stride] =
            static_cast<int16_t>(std::clamp((y[k * stride] * reciprocal + (1 << (29 - headroom))) >> (30 - headroom), 0, 32767));
}

void int_line(const uint32_t* table, const int8_t* x, int8_t* y, int64_t stride, int64_t n) {
    int32_t highest = x[0];
    for (int64_t k = 1; k < n; ++k) highest = std::max<int32_t>(highest, x[k * stride]);
    uint32_t sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += table[highest - x[k * stride]];
    for (int64_t k = 0; k < n; ++k) {
        const uint32_t e = table[highest - x[k * stride]];
        const uint32_t q = sum == 0 ? 0 : (e * 256 + sum / 2) / sum;
        y[k * stride] = static_cast<int8_t>(std::min<int32_t>(127, static_cast<int32_t>(q) - 128));
    }
}
}  // namespace

Expected<std::vector<Type>> infer(const Softmax& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (op.axis < 0 || op.axis >= x.shape.rank()) return context.fail("axis {} is out of range for x {}", op.axis, x.text());
    if (x.dtype == DType::float32) {
        if (has(in, 1)) return about(context, "table").fail("given, but a float softmax takes none");
        return one({DType::float32, x.shape, {}}, context);
    }
    if (!is_quantized_int(x.dtype))
        return about(context, "x").fail("{} has element type {}, expected f32, i8 or i16", x.text(), dtype_name(x.dtype));
    if ((x.dtype == DType::int16) != (op.form == SoftmaxForm::table16))
        return context.fail("the form {} is not for {}", enum_name(op.form), dtype_name(x.dtype));
    if (op.log && op.form != SoftmaxForm::reciprocal)
        return context.fail("the logarithm of an integer softmax has the form reciprocal alone");
    if (x.dtype == DType::int16) {
        if (has(in, 1)) return about(context, "table").fail("given, but an i16 softmax takes none");
        // |x − max| is below 2^16.
        if (op.multiplier < 0 || op.shift < -31 || op.shift > 14)
            return context.fail("multiplier {} with shift {} is not a rescaling by less than 2^14", op.multiplier, op.shift);
        if (x.shape[op.axis] > 65535) return context.fail("axis {} of x {} has more than 65535 elements", op.axis, x.text());
        return one({DType::int16, x.shape, Quant::tensor(1.0f / 32768, 0)}, context);
    }
    const Shape entries_of = op.log ? Shape{2, 256} : Shape{256};
    if (!has(in, 1)) return about(context, "table").fail("missing; an i8 softmax needs u32{}", entries_of.text());
    const Type& table = *in[1].type;
    if (table.dtype != DType::uint32 || table.shape != entries_of)
        return about(context, "table").fail("{} given, expected u32{}", table.text(), entries_of.text());
    if (in[1].value != nullptr) {  // what keeps the arithmetic within 32 bits
        const auto all = in[1].value->data<uint32_t>();
        const auto entries = all.first(256), distances = all.subspan(256);
        if (!distances.empty() && *std::max_element(distances.begin(), distances.end()) > uint32_t{17} << 26)
            return about(context, "table").fail("a distance is more than 17 in Q5.26");
        const int64_t highest = *std::max_element(entries.begin(), entries.end());
        if (op.form == SoftmaxForm::reciprocal) {
            if (highest >= (int64_t{1} << 31)) return about(context, "table").fail("entries up to {} are not in Q0.31", highest);
        } else if (highest > (int64_t{1} << 23) || highest * x.shape[op.axis] >= (int64_t{1} << 31)) {
            return about(context, "table").fail("entries up to {} let sums of {} overflow", highest, x.shape[op.axis]);
        }
    }
    if (op.form == SoftmaxForm::reciprocal && x.shape[op.axis] > 4095)
        return context.fail("axis {} of x {} has more than 4095 elements", op.axis, x.text());
    return one({DType::int8, x.shape, op.log ? Quant::tensor(1.0f / 16, 127) : Quant::tensor(1.0f / 256, -128)}, context);
}

void evaluate(const Softmax& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    each_line(x.shape(), op.axis, [&](int64_t first, int64_t stride, int64_t n) {
        if (op.form == SoftmaxForm::table16) {
            table16_line(op, raw<int16_t>(x) + first, raw<int16_t>(out[0]) + first, stride, n);
        } else if (x.type.dtype == DType::int8 && op.form == SoftmaxForm::reciprocal) {
            (op.log ? log_line : reciprocal_line)(raw<uint32_t>(*in[1]), raw<int8_t>(x) + first, raw<int8_t>(out[0]) + first, stride, n);
        } else if (x.type.dtype == DType::float32) {
            float_line(op.log, raw<float>(x) + first, raw<float>(out[0]) + first, stride, n);
        } else {
            int_line(raw<uint32_t>(*in[1]), raw<int8_t>(x) + first, raw<int8_t>(out[0]) + first, stride, n);
        }
    });
}

Work work(const Softmax&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Softmax& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    if (operand == 1) return std::nullopt;
    Box b = out_box;
    const auto axis = static_cast<size_t>(op.axis);
    b.begin[axis] = 0, b.end[axis] = in[0]->shape[op.axis];
    return b;
}

}  // namespace gw
