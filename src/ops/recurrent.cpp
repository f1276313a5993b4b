// Recurrent layers: rnn, gru and lstm in float as ONNX defines them (operators RNN, GRU and LSTM), and the int8 lstm with an int16 cell as
// TFLite Micro's UNIDIRECTIONAL_SEQUENCE_LSTM computes it. One step after the other, one unit after the other: nothing is clever here.
#include <cmath>

#include "ops/support.h"
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

// A requantization to int16.
Status check_requant16(Requant r, int64_t channels, std::string_view field, const InferContext& context) {
    if (r.lo != -32768 || r.hi != 32767 || r.zero_point != 0)
        return context.fail("{} clamps to [{}, {}] about {}, expected int16", field, r.lo, r.hi, r.zero_point);
    r.lo = -128, r.hi = 127;
    return check_requant(r, channels, context);
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
    const bool plain = op.kind == RecurrentKind::lstm && op.f == UnaryKind::sigmoid && op.g == UnaryKind::tanh && op.k == UnaryKind::tanh &&
                       op.clip == infinity && !has(in, op_peephole);
    if (!plain) return context.fail("the integer op is an lstm with logistic and tanh, without clip and peephole");
    if (has(in, op_bias)) GW_TRY_DO(check_operand(in, op_bias, DType::int32, Shape{gh}, context));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context));
    GW_TRY_DO(check_zero_point(op.h_zero, "h_zero", context));
    if (op.cell_exponent < -24 || op.cell_exponent > 0) return context.fail("cell_exponent {} is out of range [-24, 0]", op.cell_exponent);
    if (op.cell_clip != infinity && (op.cell_clip < 0 || op.cell_clip > 32767 || op.cell_clip != std::floor(op.cell_clip)))
        return context.fail("cell_clip {} is not an int16", op.cell_clip);
    GW_TRY_DO(check_requant16(op.x_requant, 4, "x_requant", context));
    GW_TRY_DO(check_requant16(op.h_requant, 4, "h_requant", context));
    GW_TRY_DO(check_requant16(op.cell_requant, 2, "cell_requant", context));
    return check_requant(op.requant, 1, context);
}
}  // namespace

Expected<std::vector<Type>> infer(const Recurrent& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 4, context));
    const Type &x = *in[op_x].type, &w = *in[op_w].type;
    if (x.dtype != DType::float32 && x.dtype != DType::int8)
        return about(context, "x").fail("{} has element type {}, expected f32 or i8", x.text(), dtype_name(x.dtype));
    GW_TRY_DO(check_rank(x, 3, "x", "(T, N, I)", context));
    GW_TRY_DO(check_rank(w, 2, "w", "(gates * H, I)", context));
    const int64_t gates = op.gates(), gh = w.shape[0], h = gh / gates, n = x.shape[1];
    if (h < 1 || gh % gates != 0) return about(context, "w").fail("{} is not {} gates of one size", w.text(), gates);
    GW_TRY_DO(check_operand(in, op_w, x.dtype, Shape{gh, x.shape[2]}, context));
    GW_TRY_DO(check_operand(in, op_r, x.dtype, Shape{gh, h}, context));
    GW_TRY_DO(check_operand(in, op_h, x.dtype, Shape{n, h}, context));
    const bool lstm = op.kind == RecurrentKind::lstm, integer = x.dtype == DType::int8;
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

// The same of the integer lstm.
void int_step(const Recurrent& op, std::span<const Tensor* const> in, const int8_t* x, int8_t* h, int16_t* c) {
    const int64_t hidden = in[op_r]->shape()[1], inputs = in[op_w]->shape()[1];
    const int8_t *w = in[op_w]->data<int8_t>().data(), *r = in[op_r]->data<int8_t>().data();
    const Tensor* bias = given(in, op_bias);
    const std::vector<int8_t> old(h, h + hidden);
    for (int64_t j = 0; j < hidden; ++j) {
        std::array<int32_t, 4> gate{};  // i o f c
        for (int64_t k = 0; k < 4; ++k) {
            const int64_t row = k * hidden + j;
            int32_t from_x = bias != nullptr ? bias->data<int32_t>()[static_cast<size_t>(row)] : 0, from_h = 0;
            for (int64_t i = 0; i < inputs; ++i) from_x += (x[i] - op.x_zero) * w[row * inputs + i];
            for (int64_t i = 0; i < hidden; ++i) from_h += (old[static_cast<size_t>(i)] - op.h_zero) * r[row * hidden + i];
            const int32_t s = saturated16(op.x_requant.apply(from_x, k) + op.h_requant.apply(from_h, k));
            gate[static_cast<size_t>(k)] = k == 3 ? fixed_tanh16(3 * s) : fixed_logistic16(3 * s);
        }
        int32_t cell = saturated16(op.cell_requant.apply(gate[2] * c[j], 0) + op.cell_requant.apply(gate[0] * gate[3], 1));
        if (op.cell_clip != infinity) cell = std::clamp(cell, -static_cast<int32_t>(op.cell_clip), static_cast<int32_t>(op.cell_clip));
        c[j] = static_cast<int16_t>(cell);
        h[j] = static_cast<int8_t>(op.requant.apply(gate[1] * fixed_tanh16(tanh16_argument(cell, op.cell_exponent)), 0));
    }
}

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
    int16_t* c = out[2].mutable_data<int16_t>().data();
    all_steps<int8_t>(op, *in[op_x], out, [&](const int8_t* x, int8_t* h, int64_t at) { int_step(op, in, x, h, c + at); });
}

Work work(const Recurrent&, std::span<const Type* const> in, std::span<const Type* const>) {
    return {.macs = in[op_x]->shape[0] * in[op_x]->shape[1] * (in[op_w]->elements() + in[op_r]->elements())};
}

// Everything that came before.
std::optional<Box> needs(const Recurrent&, std::span<const Type* const>, const Type&, const Box&, size_t) { return std::nullopt; }

}  // namespace gw
