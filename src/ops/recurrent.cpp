// Recurrent layers: rnn, gru and lstm in float as ONNX defines them (operators RNN, GRU and LSTM), and in integers: the lstm of int8 or
// int16 with an int16 cell as TFLite Micro's UNIDIRECTIONAL_SEQUENCE_LSTM computes it, rnn and gru of int8 of our own in the same manner.
// One step after the other, one unit after the other: nothing is clever here.
#include "ops/recurrent.h"

#include <cmath>

#include "ops/support.h"
#include "ops/weighted.h"
#include "tensor/fixed_functions.h"

namespace gw {
using namespace detail;

namespace {
enum : size_t { op_x, op_w, op_r, op_h, op_c, op_bias, op_peephole };

Status check_operand(std::span<const Operand> in, size_t i, DType dtype, const Shape& shape, const InferContext& context) {
    const Type& t = *in[i].type;
    if (t.dtype == dtype && t.shape == shape) return {};
    return about(context, Recurrent::operands[i]).fail("{} given, expected {}{}", t.text(), dtype_name(dtype), shape.text());
}

// A requantization to int16; only that of sums of 64 bits is `wide`.
Status check_requant16(const Requant& r, int64_t channels, bool wide, std::string_view field, const InferContext& context) {
    if (r.lo != -32768 || r.hi != 32767 || r.zero_point != 0)
        return context.fail("{} clamps to [{}, {}] about {}, expected int16", field, r.lo, r.hi, r.zero_point);
    if ((r.rounding == Rounding::wide) != wide)
        return context.fail("{} rounds {}, but sums of i16 data, and those alone, are rescaled `wide`", field, rounding_name(r.rounding));
    return check_requant(r, channels, context, DType::int16);
}

Status check_float(const Recurrent& op, std::span<const Operand> in, int64_t gh, int64_t h, const InferContext& context) {
    for (const Requant* r : {&op.x_requant, &op.h_requant, &op.cell_requant, &op.requant}) GW_TRY_DO(check_float_only(*r, context));
    if (op.x_zero != 0 || op.h_zero != 0) return context.fail("has zero points {} and {}, but is a float op", op.x_zero, op.h_zero);
    if (!(op.clip > 0) || !(op.cell_clip > 0)) return context.fail("clips at {} and {}, expected positive numbers", op.clip, op.cell_clip);
    if (has(in, op_bias)) GW_TRY_DO(check_operand(in, op_bias, DType::float32, Shape{2 * gh}, context));
    if (has(in, op_peephole)) {
        if (op.kind != RecurrentKind::lstm) return about(context, "peephole").fail("an lstm alone has it");
        GW_TRY_DO(check_operand(in, op_peephole, DType::float32, Shape{3 * h}, context));
    }
    return {};
}

Status check_integer(const Recurrent& op, std::span<const Operand> in, int64_t gh, const InferContext& context) {
    if (!has_integer_form(op) || has(in, op_peephole)) return context.fail("the integer op has logistic and tanh, no clip and no peephole");
    const DType data = in[op_x].type->dtype;
    const bool lstm = op.kind == RecurrentKind::lstm, wide = data == DType::int16;
    if (wide && !lstm) return about(context, "x").fail("an lstm alone takes i16");
    if (has(in, op_bias)) GW_TRY_DO(check_operand(in, op_bias, wide ? DType::int64 : DType::int32, Shape{2 * gh}, context));
    if (has(in, op_bias) && wide) GW_TRY_DO(check_wide_bias(in[op_bias], context));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, data));
    GW_TRY_DO(check_zero_point(op.h_zero, "h_zero", context, data));
    if (!lstm && op.h_zero != 0) return context.fail("h_zero is {}, but the hidden state is in Q0.7", op.h_zero);
    if (!lstm && (op.cell_exponent != 0 || op.cell_clip != infinity || op.cell_requant.rounding != Rounding::none ||
                  op.requant.rounding != Rounding::none))
        return context.fail("an lstm alone has a cell");
    if (op.cell_exponent < -24 || op.cell_exponent > 0) return context.fail("cell_exponent {} is out of range [-24, 0]", op.cell_exponent);
    if (op.cell_clip != infinity && (op.cell_clip < 0 || op.cell_clip > 32767 || op.cell_clip != std::floor(op.cell_clip)))
        return context.fail("cell_clip {} is not an int16", op.cell_clip);
    GW_TRY_DO(check_requant16(op.x_requant, op.gates(), wide, "x_requant", context));
    GW_TRY_DO(check_requant16(op.h_requant, op.gates(), wide, "h_requant", context));
    if (!lstm) return {};
    GW_TRY_DO(check_requant16(op.cell_requant, 2, false, "cell_requant", context));
    if (op.requant.rounding == Rounding::wide) return context.fail("requant rounds wide, but a product of two gates has 32 bits");
    return check_requant(op.requant, 1, context, data);
}
}  // namespace

bool has_integer_form(const Recurrent& op) {
    const bool lstm = op.kind == RecurrentKind::lstm, rnn = op.kind == RecurrentKind::rnn;
    return op.f == (rnn ? UnaryKind::tanh : UnaryKind::sigmoid) && (rnn || op.g == UnaryKind::tanh) && (!lstm || op.k == UnaryKind::tanh) &&
           op.clip == infinity;
}

Expected<std::vector<Type>> infer(const Recurrent& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 4, context));
    const Type &x = *in[op_x].type, &w = *in[op_w].type;
    if (x.dtype != DType::float32 && !is_quantized_int(x.dtype))
        return about(context, "x").fail("{} has element type {}, expected f32, i8 or i16", x.text(), dtype_name(x.dtype));
    GW_TRY_DO(check_rank(x, 3, "x", "(T, N, I)", context));
    GW_TRY_DO(check_rank(w, 2, "w", "(gates * H, I)", context));
    const int64_t gates = op.gates(), gh = w.shape[0], h = gh / gates, n = x.shape[1];
    if (h < 1 || gh % gates != 0) return about(context, "w").fail("{} is not {} gates of one size", w.text(), gates);
    const bool lstm = op.kind == RecurrentKind::lstm, integer = x.dtype != DType::float32;
    const DType weights = integer ? DType::int8 : DType::float32;
    GW_TRY_DO(check_operand(in, op_w, weights, Shape{gh, x.shape[2]}, context));
    GW_TRY_DO(check_operand(in, op_r, weights, Shape{gh, h}, context));
    GW_TRY_DO(check_operand(in, op_h, x.dtype, Shape{n, h}, context));
    if (lstm != has(in, op_c)) return about(context, "c").fail("{}", lstm ? "an lstm needs it" : "an lstm alone has it");
    const DType cell = integer ? DType::int16 : DType::float32;
    if (lstm) GW_TRY_DO(check_operand(in, op_c, cell, Shape{n, h}, context));
    if (integer)
        GW_TRY_DO(check_integer(op, in, gh, context));
    else
        GW_TRY_DO(check_float(op, in, gh, h, context));
    GW_TRY(std::vector<Type> results, one({x.dtype, Shape{x.shape[0], n, h}, {}}, context));
    results.push_back({x.dtype, Shape{n, h}, {}});
    if (lstm) results.push_back({cell, Shape{n, h}, {}});
    return results;
}

namespace {
// One layer at one step for one of the batch, in float.
class FloatCell {
public:
    FloatCell(const Recurrent& op, std::span<const Tensor* const> in)
        : op_(op), hidden_(in[op_r]->shape()[1]), inputs_(in[op_w]->shape()[1]), w_(in[op_w]->data<float>()), r_(in[op_r]->data<float>()) {
        if (const Tensor* b = given(in, op_bias)) bias_ = b->data<float>();
        if (const Tensor* p = given(in, op_peephole)) peephole_ = p->data<float>();
    }

    void step(const float* x, float* h, float* c) const {
        const std::vector<float> old(h, h + hidden_);
        switch (op_.kind) {
            case RecurrentKind::rnn:
                for (int64_t j = 0; j < hidden_; ++j) h[j] = apply(0, from_x(0, j, x) + from_h(0, j, old));
                return;
            case RecurrentKind::gru:
                return gru(x, old, h);
            case RecurrentKind::lstm:
                for (int64_t j = 0; j < hidden_; ++j) lstm(j, x, old, h, c);
        }
    }

private:
    float dot(std::span<const float> m, int64_t row, int64_t n, const float* v) const {
        float sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += m[static_cast<size_t>(row * n + i)] * v[i];
        return sum;
    }
    float bias(int64_t i) const { return bias_.empty() ? 0.0f : bias_[static_cast<size_t>(i)]; }
    float from_x(int64_t gate, int64_t j, const float* x) const {
        return dot(w_, gate * hidden_ + j, inputs_, x) + bias(gate * hidden_ + j);
    }
    float from_h(int64_t gate, int64_t j, const std::vector<float>& h) const {
        return dot(r_, gate * hidden_ + j, hidden_, h.data()) + bias((op_.gates() + gate) * hidden_ + j);
    }
    float apply(size_t function, float v) const { return apply_unary(op_.function(function), clamp_to(v, -op_.clip, op_.clip)); }
    float peephole(int64_t gate, int64_t j, float c) const {
        return peephole_.empty() ? 0.0f : peephole_[static_cast<size_t>(gate * hidden_ + j)] * c;
    }

    void gru(const float* x, const std::vector<float>& old, float* h) const {
        std::vector<float> z, reset, kept;
        for (int64_t j = 0; j < hidden_; ++j) {
            z.push_back(apply(0, from_x(0, j, x) + from_h(0, j, old)));
            reset.push_back(apply(0, from_x(1, j, x) + from_h(1, j, old)));
            kept.push_back(reset.back() * old[static_cast<size_t>(j)]);
        }
        for (int64_t j = 0; j < hidden_; ++j) {
            const auto k = static_cast<size_t>(j);
            const float n = apply(1, from_x(2, j, x) + (op_.linear_before_reset ? reset[k] * from_h(2, j, old) : from_h(2, j, kept)));
            h[j] = (1 - z[k]) * n + z[k] * old[k];
        }
    }

    void lstm(int64_t j, const float* x, const std::vector<float>& old, float* h, float* c) const {
        const float i = apply(0, from_x(0, j, x) + from_h(0, j, old) + peephole(0, j, c[j]));
        const float f = apply(0, from_x(2, j, x) + from_h(2, j, old) + peephole(2, j, c[j]));
        const float g = apply(1, from_x(3, j, x) + from_h(3, j, old));
        c[j] = clamp_to(f * c[j] + i * g, -op_.cell_clip, op_.cell_clip);
        const float o = apply(0, from_x(1, j, x) + from_h(1, j, old) + peephole(1, j, c[j]));
        h[j] = o * apply_unary(op_.function(2), c[j]);
    }

    const Recurrent& op_;
    int64_t hidden_, inputs_;
    std::span<const float> w_, r_, bias_, peephole_;
};

int32_t saturated16(int32_t v) { return std::clamp(v, -32768, 32767); }
int8_t saturated8(int32_t v) { return static_cast<int8_t>(std::clamp(v, -128, 127)); }
// Q0.15 as Q0.7.
int8_t q7(int32_t v) { return saturated8((v + (1 << 7)) >> 8); }

// The same in integers, data of T. A gru keeps its hidden state with 16 bits, `wide`, during the steps of one call.
template <class T>
class IntCell {
    using Sum = std::conditional_t<std::is_same_v<T, int16_t>, int64_t, int32_t>;

public:
    IntCell(const Recurrent& op, std::span<const Tensor* const> in)
        : op_(op),
          hidden_(in[op_r]->shape()[1]),
          inputs_(in[op_w]->shape()[1]),
          w_(in[op_w]->data<int8_t>()),
          r_(in[op_r]->data<int8_t>()) {
        if (const Tensor* b = given(in, op_bias)) bias_ = b->data<Sum>();
        if (op.kind != RecurrentKind::gru) return;
        for (T h : in[op_h]->data<T>()) wide_.push_back(static_cast<int16_t>(h * 256));
    }

    // h and c of one of the batch, which begins at number `at` of all states.
    void step(const T* x, T* h, int16_t* c, int64_t at) {
        const std::vector<T> old(h, h + hidden_);
        switch (op_.kind) {
            case RecurrentKind::rnn:
                for (int64_t j = 0; j < hidden_; ++j) h[j] = q7(fixed_tanh16(3 * sum(0, j, x, old)));
                return;
            case RecurrentKind::gru:
                return gru(x, old, h, wide_.data() + at);
            case RecurrentKind::lstm:
                for (int64_t j = 0; j < hidden_; ++j) lstm(j, x, old, h, c);
        }
    }

private:
    Sum products(std::span<const int8_t> m, int64_t row, int64_t n, const T* v, int32_t zero, int64_t bias) const {
        Sum acc = bias_.empty() ? 0 : bias_[static_cast<size_t>(bias)];
        for (int64_t i = 0; i < n; ++i) acc += (v[i] - zero) * m[static_cast<size_t>(row * n + i)];
        return acc;
    }
    int32_t from_x(int64_t gate, int64_t j, const T* x) const {
        const int64_t row = gate * hidden_ + j;
        return op_.x_requant.apply(products(w_, row, inputs_, x, op_.x_zero, row), gate);
    }
    int32_t from_h(int64_t gate, int64_t j, const std::vector<T>& h) const {
        const int64_t row = gate * hidden_ + j;
        return op_.h_requant.apply(products(r_, row, hidden_, h.data(), op_.h_zero, op_.gates() * hidden_ + row), gate);
    }
    int32_t sum(int64_t gate, int64_t j, const T* x, const std::vector<T>& h) const {
        return saturated16(from_x(gate, j, x) + from_h(gate, j, h));
    }

    void gru(const T* x, const std::vector<T>& old, T* h, int16_t* wide) const {
        std::vector<int32_t> z, reset;
        std::vector<T> kept;
        for (int64_t j = 0; j < hidden_; ++j) {
            z.push_back(fixed_logistic16(3 * sum(0, j, x, old)));
            reset.push_back(fixed_logistic16(3 * sum(1, j, x, old)));
            kept.push_back(saturated8((reset.back() * wide[j] + (1 << 22)) >> 23));
        }
        for (int64_t j = 0; j < hidden_; ++j) {
            const auto k = static_cast<size_t>(j);
            const int32_t b = op_.linear_before_reset ? (reset[k] * from_h(2, j, old) + (1 << 14)) >> 15 : from_h(2, j, kept);
            const int32_t n = fixed_tanh16(3 * saturated16(from_x(2, j, x) + b));
            wide[j] = static_cast<int16_t>((z[k] * wide[j] + (32768 - z[k]) * n + (1 << 14)) >> 15);
            h[j] = q7(wide[j]);
        }
    }

    void lstm(int64_t j, const T* x, const std::vector<T>& old, T* h, int16_t* c) const {
        std::array<int32_t, 4> gate{};  // i o f c
        for (int64_t k = 0; k < 4; ++k) {
            const int32_t s = 3 * sum(k, j, x, old);
            gate[static_cast<size_t>(k)] = k == 3 ? fixed_tanh16(s) : fixed_logistic16(s);
        }
        int32_t cell = saturated16(op_.cell_requant.apply(gate[2] * c[j], 0) + op_.cell_requant.apply(gate[0] * gate[3], 1));
        if (op_.cell_clip != infinity) cell = std::clamp(cell, -static_cast<int32_t>(op_.cell_clip), static_cast<int32_t>(op_.cell_clip));
        c[j] = static_cast<int16_t>(cell);
        h[j] = static_cast<T>(op_.requant.apply(gate[1] * fixed_tanh16(tanh16_argument(cell, op_.cell_exponent)), 0));
    }

    const Recurrent& op_;
    int64_t hidden_, inputs_;
    std::span<const int8_t> w_, r_;
    std::span<const Sum> bias_;
    std::vector<int16_t> wide_;
};

template <class T, class Step>
void all_steps(const Recurrent& op, const Tensor& x, std::span<Tensor> out, const Step& step) {
    const int64_t steps = x.shape()[0], batch = x.shape()[1], inputs = x.shape()[2], hidden = out[1].shape()[1];
    T *y = out[0].mutable_data<T>().data(), *h = out[1].mutable_data<T>().data();
    for (int64_t k = 0; k < steps; ++k) {
        const int64_t t = op.reverse ? steps - 1 - k : k;
        for (int64_t n = 0; n < batch; ++n) {
            step(x.data<T>().data() + (t * batch + n) * inputs, h + n * hidden, n * hidden);
            std::copy_n(h + n * hidden, hidden, y + (t * batch + n) * hidden);
        }
    }
}
}  // namespace

void evaluate(const Recurrent& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    std::memcpy(raw<char>(out[1]), in[op_h]->bytes().data(), in[op_h]->bytes().size());
    if (op.kind == RecurrentKind::lstm) std::memcpy(raw<char>(out[2]), in[op_c]->bytes().data(), in[op_c]->bytes().size());
    if (in[op_x]->type.dtype == DType::float32) {
        const FloatCell cell(op, in);
        float* c = op.kind == RecurrentKind::lstm ? out[2].mutable_data<float>().data() : nullptr;
        all_steps<float>(op, *in[op_x], out, [&](const float* x, float* h, int64_t at) { cell.step(x, h, c == nullptr ? c : c + at); });
        return;
    }
    int16_t* c = op.kind == RecurrentKind::lstm ? out[2].mutable_data<int16_t>().data() : nullptr;
    const auto run = [&](auto element) {
        using T = decltype(element);
        IntCell<T> cell(op, in);
        all_steps<T>(op, *in[op_x], out, [&](const T* x, T* h, int64_t at) { cell.step(x, h, c == nullptr ? c : c + at, at); });
    };
    in[op_x]->type.dtype == DType::int8 ? run(int8_t{}) : run(int16_t{});
}

Work work(const Recurrent&, std::span<const Type* const> in, std::span<const Type* const>) {
    return {.macs = in[op_x]->shape[0] * in[op_x]->shape[1] * (in[op_w]->elements() + in[op_r]->elements())};
}

// Everything that came before.
std::optional<Box> needs(const Recurrent&, std::span<const Type* const>, const Type&, const Box&, size_t) { return std::nullopt; }

}  // namespace gw
