// Post-training quantization: the float graph becomes an int8 graph in which every op carries its integer arithmetic explicitly (zero
// points, multipliers, shifts, clamps), so that nothing after this needs a scale. Scheme: Jacob et al. 2018, "Quantization and Training of
// Neural Networks for Efficient Integer-Arithmetic-Only Inference", with weights per output channel and symmetric.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "passes/quantize_recurrent.h"

namespace gw {
namespace {

// real value v in the integers of q, clamped to int8.
int32_t to_int8(double v, const Quant& q) {
    if (v == -static_cast<double>(infinity)) return -128;
    if (v == static_cast<double>(infinity)) return 127;
    const double i = std::nearbyint(v / static_cast<double>(q.scale())) + q.zero_point();
    return static_cast<int32_t>(std::clamp(i, -128.0, 127.0));
}

// round(v / scale) + zero point as a runtime of quantized models computes it: one float division, halves to the even number.
int32_t to_int8_exact(float v, const Quant& q) {
    const double i = static_cast<double>(std::nearbyint(v / q.scale())) + q.zero_point();
    return static_cast<int32_t>(std::clamp(i, -128.0, 127.0));
}

struct QuantizedLinear {
    Tensor w, bias;
    int32_t w_zero = 0;
    std::vector<double> real;      // rescale factor a channel
    std::vector<int64_t> max_abs;  // bound of the accumulator a channel
};

// w [O, …] and bias [O] (may be null) for an input quantized by x and a result quantized by y.
QuantizedLinear quantize_linear(const Tensor& w, const Tensor* bias, const Quant& x, const Quant& y) {
    const auto channels = static_cast<size_t>(w.shape()[0]);
    const size_t row = static_cast<size_t>(w.elements()) / channels;
    const Tensor real = w.type.dtype == DType::float32 ? w : w.dequantized();
    const auto wf = real.data<float>();
    Quant wq;
    wq.axis = 0;
    std::vector<int32_t> biases(channels);
    std::vector<int8_t> weights(wf.size());
    QuantizedLinear result;
    for (size_t o = 0; o < channels; ++o) {
        float largest = 0;
        for (size_t k = 0; k < row; ++k) largest = std::max(largest, std::fabs(wf[o * row + k]));
        double scale = largest > 0 ? static_cast<double>(largest) / 127 : 1.0;
        const double b = bias != nullptr ? static_cast<double>(bias->data<float>()[o]) : 0;
        // A bias that dwarfs its channel's weights must still fit: coarser weights are then the smaller harm. So with sums that could leave
        // 32 bits.
        scale = std::max(scale, std::fabs(b) / (static_cast<double>(x.scale()) * static_cast<double>(1 << 29)));
        int64_t acc0 = 0, high = 0, low = 0;
        float rounded = 0;
        double step = 0;
        for (;; scale *= 2) {
            rounded = static_cast<float>(scale);
            step = static_cast<double>(x.scale()) * static_cast<double>(rounded);
            high = low = acc0 = std::llround(b / step);
            for (size_t k = 0; k < row; ++k) {
                const double q = std::nearbyint(static_cast<double>(wf[o * row + k]) / static_cast<double>(rounded));
                const auto v = static_cast<int64_t>(std::clamp(q, -127.0, 127.0));
                weights[o * row + k] = static_cast<int8_t>(v);
                const int64_t most = v * (127 - x.zero_point()), least = v * (-128 - x.zero_point());
                high += std::max(most, least), low += std::min(most, least);
            }
            if (std::max(high, -low) < (int64_t{1} << 31)) break;
        }
        wq.scales.push_back(rounded);
        wq.zero_points.push_back(0);
        biases[o] = static_cast<int32_t>(acc0);
        result.real.push_back(step / static_cast<double>(y.scale()));
        result.max_abs.push_back(std::max(std::llabs(high), std::llabs(low)));
    }
    result.w = Tensor::of<int8_t>(w.shape(), weights, wq);
    result.bias = Tensor::of<int32_t>(Shape{static_cast<int64_t>(channels)}, biases);
    return result;
}

// The same for weights that are integers already; bias float, or integers in units of the products' scale.
QuantizedLinear given_linear(const Tensor& w, const Tensor* bias, const Quant& x, const Quant& y) {
    const int64_t channels = w.shape()[0], row = w.elements() / channels;
    const auto wq = w.data<int8_t>();
    QuantizedLinear result;
    std::vector<int32_t> biases;
    for (int64_t o = 0; o < channels; ++o) {
        const float step = x.scale() * w.type.quant.scale(o);
        int64_t b = 0;
        if (bias != nullptr)
            b = bias->type.dtype == DType::int32 ? bias->int_at(o)
                                                 : std::llround(std::clamp(bias->at(o) / static_cast<double>(step), -1e9, 1e9));
        biases.push_back(static_cast<int32_t>(b));
        int64_t high = b, low = b;
        for (int64_t k = 0; k < row; ++k) {
            const int64_t v = wq[static_cast<size_t>(o * row + k)] - w.type.quant.zero_point(o);
            const int64_t most = v * (127 - x.zero_point()), least = v * (-128 - x.zero_point());
            high += std::max(most, least), low += std::min(most, least);
        }
        result.real.push_back(static_cast<double>(step / y.scale()));
        result.max_abs.push_back(std::max(std::llabs(high), std::llabs(low)));
    }
    result.w = w;
    result.w_zero = w.type.quant.zero_point(0);
    result.bias = Tensor::of<int32_t>(Shape{channels}, biases);
    return result;
}

class Quantizer {
public:
    Quantizer(const Graph& g, QuantizePlan plan, const QuantizeOptions& options, Diagnostics& diag)
        : g_(g), plan_(std::move(plan)), options_(options), diag_(diag), r_(g), real_(g.values.size()), integer_(g.values.size()) {}

    Expected<Graph> run() {
        for (size_t i = 0; i < g_.inputs.size(); ++i) input(i);
        for (size_t i = 0; i < g_.states.size(); ++i) state(i);
        for (size_t k = 0; k < g_.nodes.size(); ++k) GW_TRY_DO(node(k));
        for (const Port& port : g_.outputs) {
            Port out = port;
            const bool floats = g_.type(port.value).dtype == DType::float32;
            out.value = !floats ? other(port.value) : options_.float_io ? real(port.value) : integer(port.value);
            r_.out.outputs.push_back(out);
        }
        for (size_t i = 0; i < g_.states.size(); ++i) r_.out.states[i].next = next_of(i);
        return drop_dead(r_.out);
    }

private:
    const Quant& quant(ValueId id) const { return plan_.quants[static_cast<size_t>(id.index)]; }

    void input(size_t i) {
        const ValueId old = g_.inputs[i].value;
        const ValueId id = r_.out.inputs[i].value;
        if (g_.type(old).dtype != DType::float32) return;
        if (options_.float_io || quant(old).empty()) {
            real_[static_cast<size_t>(old.index)] = id;
            return;
        }
        r_.out[id].type.dtype = DType::int8;
        r_.out[id].type.quant = quant(old);
        integer_[static_cast<size_t>(old.index)] = id;
    }

    // A state begins as what the plan makes of it; next_of gives what it takes.
    void state(size_t i) {
        const ValueId old = g_.states[i].value;
        State& made = r_.out.states[i];
        const auto node = static_cast<size_t>(old.index);
        if (plan_.states[i] == StateForm::same) {
            real_[node] = made.value;
        } else if (plan_.states[i] == StateForm::integer) {
            made.init = integers<int8_t>(made.init, quant(old));
            r_.out[made.value].type = made.init.type;
            integer_[node] = made.value;
        } else {
            made.init = integers<int16_t>(made.init, cell_quant(g_[g_.states[i].next].node.index));
            r_.out[made.value].type = made.init.type;
            real_[node] = r_.add(Dequantize{}, {made.value}, {});  // for a layer that stays float after all
        }
    }
    ValueId next_of(size_t i) {
        const ValueId next = g_.states[i].next;
        if (plan_.states[i] == StateForm::cell) {
            const auto known = cells_.find(next.index);
            return known != cells_.end() ? known->second
                                         : r_.add(Quantize{DType::int16, r_.out.states[i].init.type.quant}, {real(next)}, {});
        }
        if (plan_.states[i] == StateForm::integer) return requantized(integer(next), quant(g_.states[i].value), sources(integer(next)));
        return g_.type(next).dtype == DType::float32 ? real(next) : other(next);
    }
    Quant cell_quant(int32_t node) const { return Quant::tensor(std::ldexp(1.0f, plan_.cell_exponents.at(node)), 0); }
    // A float tensor in the integers of q.
    template <class T>
    static Tensor integers(const Tensor& t, const Quant& q) {
        std::vector<T> v;
        for (float f : t.data<float>()) {
            const double i = std::nearbyint(double{f} / double{q.scale()}) + q.zero_point();
            v.push_back(static_cast<T>(
                std::clamp(i, static_cast<double>(std::numeric_limits<T>::min()), static_cast<double>(std::numeric_limits<T>::max()))));
        }
        return Tensor::of<T>(t.shape(), v, q);
    }

    // The new value that holds an old float value as int8.
    ValueId integer(ValueId old) {
        ValueId& id = integer_[static_cast<size_t>(old.index)];
        if (id.valid()) return id;
        if (const auto given = plan_.given.find(old.index); given != plan_.given.end() && given->second.type.dtype == DType::int8)
            return id = r_.out.add_constant(given->second, g_[old].source);
        if (const Tensor* c = g_.constant(old)) {
            const Tensor f = c->dequantized();
            double lo = 0, hi = 0;
            for (float v : f.data<float>()) lo = std::min(lo, static_cast<double>(v)), hi = std::max(hi, static_cast<double>(v));
            return id = constant(old, activation_quant(lo, hi));
        }
        const ValueId x = real(old);
        id = r_.add(Quantize{DType::int8, quant(old)}, {x}, sources(x));
        r_.out[id].source = g_[old].source;
        return id;
    }
    ValueId constant(ValueId old, const Quant& q) { return r_.out.add_constant(integers<int8_t>(*g_.constant(old), q), g_[old].source); }
    // … and as float.
    ValueId real(ValueId old) {
        ValueId& id = real_[static_cast<size_t>(old.index)];
        if (id.valid()) return id;
        if (g_.constant(old) != nullptr) return id = r_.map(old);
        const ValueId x = integer_[static_cast<size_t>(old.index)];
        GW_CHECK(x.valid(), "a float value is read before it was made");
        id = r_.add(Dequantize{}, {x}, sources(x));
        r_.out[id].source = g_[old].source;
        return id;
    }
    ValueId other(ValueId old) { return old.valid() ? r_.map(old) : old; }
    std::vector<Source> sources(ValueId id) const {
        const Node* n = r_.out.producer(id);
        return n != nullptr ? n->sources : std::vector<Source>{};
    }

    void define(const Node& n, ValueId y, const Quant& q) {
        r_.out[y].type.quant = q;
        r_.out[y].source = g_[n.outputs[0]].source;
        integer_[static_cast<size_t>(n.outputs[0].index)] = y;
    }
    // int8 → int8 with another quantization.
    ValueId requantized(ValueId x, const Quant& to, const std::vector<Source>& from) {
        const Quant& q = r_.out.type(x).quant;
        if (q == to) return x;
        const ValueId table = lookup_table(q, to, [](float v) { return v; });
        const ValueId y = r_.add(Lookup{}, {x, table}, from);
        r_.out[y].type.quant = to;
        return y;
    }
    template <class F>
    ValueId lookup_table(const Quant& from, const Quant& to, F&& f) {
        std::vector<int8_t> table;
        for (int32_t i = -128; i < 128; ++i) {
            const float x = static_cast<float>(i - from.zero_point()) * from.scale();
            const float y = f(x);
            const int32_t exact = plan_.exact ? to_int8_exact(y, to) : to_int8(static_cast<double>(y), to);
            table.push_back(static_cast<int8_t>(std::isnan(y) ? to.zero_point() : exact));
        }
        return r_.out.add_constant(Tensor::of<int8_t>(Shape{256}, table));
    }

    void set_clamp(int32_t& lo, int32_t& hi, float act_lo, float act_hi, const Quant& y) {
        lo = to_int8(static_cast<double>(act_lo), y);
        hi = to_int8(static_cast<double>(act_hi), y);
    }

    Status node(size_t k) {
        const Node& n = g_.nodes[k];
        switch (plan_.forms[k]) {
            case IntegerForm::absorbed:
                return {};
            case IntegerForm::lookup:
                return lookup(n);
            case IntegerForm::linear:
                return linear(n);
            case IntegerForm::matmul:
                return matmul(n);
            case IntegerForm::pool:
                return pool(n);
            case IntegerForm::reduce:
                return reduce(n);
            case IntegerForm::add:
                return add(n);
            case IntegerForm::multiply:
                return multiply(n);
            case IntegerForm::minmax:
                return minmax(n);
            case IntegerForm::softmax:
                return softmax(n);
            case IntegerForm::recurrent:
                return recurrent(n, k);
            case IntegerForm::movement:
                return movement(n);
            case IntegerForm::given:
                return given(n);
            case IntegerForm::copy:
                r_.copy(n);
                return {};
            case IntegerForm::none:
                return island(n);
        }
        return {};
    }

    float evaluate_region(ValueId id, ValueId root, float x) const {
        if (id == root) return x;
        if (const Tensor* c = g_.constant(id)) return c->data<float>()[0];
        const Node& n = *g_.producer(id);
        if (const Unary* u = get_if<Unary>(n.op)) return apply_unary(*u, evaluate_region(n.inputs[0], root, x));
        const Binary& b = *get_if<Binary>(n.op);
        const float v = apply_binary(b.kind, evaluate_region(n.inputs[0], root, x), evaluate_region(n.inputs[1], root, x));
        return std::min(std::max(v, b.act_lo), b.act_hi);
    }

    std::vector<Source> region_sources(ValueId id, ValueId root) const {
        if (id == root || g_.constant(id) != nullptr) return {};
        const Node& n = *g_.producer(id);
        std::vector<Source> all;
        for (ValueId in : n.inputs) all = join(all, region_sources(in, root));
        return join(all, n.sources);
    }

    Status lookup(const Node& n) {
        const ValueId y = n.outputs[0];
        const ValueId root = plan_.roots[static_cast<size_t>(y.index)];
        const ValueId x = integer(root);
        const ValueId table = lookup_table(r_.out.type(x).quant, quant(y), [&](float v) { return evaluate_region(y, root, v); });
        define(n, r_.add(Lookup{}, {x, table}, region_sources(y, root)), quant(y));
        return {};
    }

    // What the model gives as integers is at its edge: int8 as it is, uint8 128 higher.
    Status given(const Node& n) {
        if (get_if<Dequantize>(n.op) != nullptr) {
            const ValueId y = n.outputs[0];
            integer_[static_cast<size_t>(y.index)] = shifted(r_.map(n.inputs[0]), DType::int8, quant(y), n.sources);
            return {};
        }
        const Quantize& op = *get_if<Quantize>(n.op);
        r_.replace(n.outputs[0], shifted(integer(n.inputs[0]), op.to, op.quant, n.sources));
        return {};
    }
    ValueId shifted(ValueId x, DType to, const Quant& q, const std::vector<Source>& from) {
        if (r_.out.type(x).dtype == to) return x;
        Tensor table = Tensor::zeros({to, Shape{256}, {}});
        for (int64_t i = 0; i < 256; ++i) table.set(i, static_cast<double>(i + lowest(to)));
        const ValueId y = r_.add(Lookup{}, {x, r_.out.add_constant(std::move(table))}, from);
        r_.out[y].type.quant = q;
        return y;
    }

    double factor(double a, double b, double y) const {
        if (!plan_.exact) return a * b / y;
        return static_cast<double>(static_cast<float>(a) * static_cast<float>(b) / static_cast<float>(y));
    }

    Status linear(const Node& n) {
        const ValueId x = integer(n.inputs[0]);
        const Quant& yq = quant(n.outputs[0]);
        const Tensor* bias = n.inputs.size() > 2 ? g_.constant(n.inputs[2]) : nullptr;
        QuantizedLinear q;
        if (const auto w = plan_.given.find(n.inputs[1].index); w != plan_.given.end()) {
            const auto b = bias != nullptr ? plan_.given.find(n.inputs[2].index) : plan_.given.end();
            q = given_linear(w->second, b != plan_.given.end() ? &b->second : bias, r_.out.type(x).quant, yq);
        } else {
            q = quantize_linear(*g_.constant(n.inputs[1]), bias, r_.out.type(x).quant, yq);
        }
        int32_t lo = 0, hi = 0;
        Op op = n.op;
        float act_lo = 0, act_hi = 0;
        if (const Conv2D* c = get_if<Conv2D>(op)) act_lo = c->act_lo, act_hi = c->act_hi;
        if (const Dense* d = get_if<Dense>(op)) act_lo = d->act_lo, act_hi = d->act_hi;
        set_clamp(lo, hi, act_lo, act_hi, yq);
        const Requant requant = make_requant(options_.rounding, q.real, q.max_abs, yq.zero_point(), lo, hi);
        auto fill = [&](auto& f) {
            f.act_lo = -infinity, f.act_hi = infinity;
            f.x_zero = r_.out.type(x).quant.zero_point();
            f.w_zero = q.w_zero;
            f.requant = requant;
        };
        if (Conv2D* c = get_if<Conv2D>(op)) fill(*c);
        if (Dense* d = get_if<Dense>(op)) fill(*d);
        const ValueId w = r_.out.add_constant(q.w, g_[n.inputs[1]].source);
        const ValueId b = r_.out.add_constant(q.bias, bias != nullptr ? g_[n.inputs[2]].source : "");
        define(n, r_.add(op, {x, w, b}, n.sources), yq);
        return {};
    }

    Status matmul(const Node& n) {
        const ValueId a = integer(n.inputs[0]), b = integer(n.inputs[1]);
        const Quant &aq = r_.out.type(a).quant, &bq = r_.out.type(b).quant, &yq = quant(n.outputs[0]);
        const int64_t k = g_.type(n.inputs[0]).shape.back();
        MatMul op = *get_if<MatMul>(n.op);
        op.a_zero = aq.zero_point(), op.b_zero = bq.zero_point();
        op.requant =
            make_requant(options_.rounding, {factor(aq.scale(), bq.scale(), yq.scale())}, {k * 255 * 255}, yq.zero_point(), -128, 127);
        define(n, r_.add(op, {a, b}, n.sources), yq);
        return {};
    }

    Status pool(const Node& n) {
        const Quant& yq = quant(n.outputs[0]);
        Pool2D op = *get_if<Pool2D>(n.op);
        if (plan_.exact && op.kind == PoolKind::average) return clipped(n, op) ? clipped_average(n, op) : average(n, op);
        const ValueId x = requantized(integer(n.inputs[0]), yq, n.sources);
        set_clamp(op.lo, op.hi, op.act_lo, op.act_hi, yq);
        op.act_lo = -infinity, op.act_hi = infinity;
        op.x_zero = yq.zero_point();
        define(n, r_.add(op, {x}, n.sources), yq);
        return {};
    }

    // Whether some windows lie partly outside and count only what lies inside.
    bool clipped(const Node& n, const Pool2D& op) const {
        const Shape& x = g_.type(n.inputs[0]).shape;
        const Shape& y = g_.type(n.outputs[0]).shape;
        bool over = false;
        for (size_t i = 0; i < 2; ++i) {
            const auto d = static_cast<int64_t>(i + 1);
            over = over || op.pad[i] > 0 || (y[d] - 1) * op.stride[i] + (op.kernel[i] - 1) * op.dilation[i] >= x[d];
        }
        return over && !op.count_pad;
    }

    // An average with one rounding, from the sum to the result's scale: of whole pictures as a reduction, otherwise as a depthwise
    // convolution by ones.
    Status average(const Node& n, const Pool2D& op) {
        const ValueId x = integer(n.inputs[0]);
        const Quant &xq = r_.out.type(x).quant, &yq = quant(n.outputs[0]);
        const Shape& s = g_.type(n.inputs[0]).shape;
        int32_t lo = 0, hi = 0;
        set_clamp(lo, hi, op.act_lo, op.act_hi, yq);
        const int64_t count = op.kernel[0] * op.kernel[1], channels = s[3];
        const double real = double{xq.scale()} / double{yq.scale()} / static_cast<double>(count);
        const Requant requant = make_requant(options_.rounding, {real}, {count * 255}, yq.zero_point(), lo, hi);
        if (op.kernel == Pair{s[1], s[2]} && op.dilation == Pair{1, 1} && op.pad == Pads{0, 0, 0, 0}) {
            define(n, r_.add(Reduce{ReduceKind::mean, {1, 2}, true, xq.zero_point(), requant}, {x}, n.sources), yq);
            return {};
        }
        Conv2D conv;
        conv.stride = op.stride, conv.dilation = op.dilation, conv.pad = op.pad, conv.groups = channels;
        conv.x_zero = xq.zero_point(), conv.requant = requant;
        const Shape ones{channels, op.kernel[0], op.kernel[1], 1};
        const ValueId w = r_.out.add_constant(Tensor::of<int8_t>(ones, std::vector<int8_t>(static_cast<size_t>(ones.elements()), 1)));
        const ValueId b = r_.out.add_constant(Tensor::zeros({DType::int32, Shape{channels}, {}}));
        define(n, r_.add(conv, {x, w, b}, n.sources), yq);
        return {};
    }

    // How many positions the windows of a pool have inside x: every count that occurs, along H or W.
    std::set<int64_t> counts_inside(const Node& n, const Pool2D& op, size_t axis) const {
        const auto d = static_cast<int64_t>(axis + 1);
        std::set<int64_t> counts;
        for (int64_t o = 0; o < g_.type(n.outputs[0]).shape[d]; ++o) {
            int64_t inside = 0;
            for (int64_t k = 0; k < op.kernel[axis]; ++k) {
                const int64_t i = o * op.stride[axis] - op.pad[axis] + k * op.dilation[axis];
                inside += i >= 0 && i < g_.type(n.inputs[0]).shape[d];
            }
            counts.insert(inside);
        }
        return counts;
    }

    // An average whose divisor differs from place to place: of int16 that hold up to 128 steps for one of int8, so many that all divisors
    // go into them where that can be. Then the only rounding is that to the result's scale; otherwise it is the one that counts.
    Status clipped_average(const Node& n, Pool2D op) {
        constexpr int64_t most = 128;
        int64_t divisor = 1;
        for (const int64_t rows : counts_inside(n, op, 0))
            for (const int64_t columns : counts_inside(n, op, 1)) divisor = std::min(most + 1, std::lcm(divisor, rows * columns));
        const auto steps = static_cast<double>(divisor <= most ? most / divisor * divisor : most);
        const ValueId x = integer(n.inputs[0]);
        const Quant &xq = r_.out.type(x).quant, &yq = quant(n.outputs[0]);
        Rescale in{DType::int16, xq.zero_point()}, out{DType::int8};
        in.requant = make_requant(Rounding::single, {steps}, {255}, 0, -32768, 32767);
        const double real = double{xq.scale()} / double{yq.scale()} / steps;
        out.requant = make_requant(options_.rounding == Rounding::even ? Rounding::even : Rounding::single, {real}, {32768},
                                   yq.zero_point(), -128, 127);
        set_clamp(out.requant.lo, out.requant.hi, op.act_lo, op.act_hi, yq);
        op.act_lo = -infinity, op.act_hi = infinity;
        op.x_zero = 0, op.lo = -32768, op.hi = 32767;
        define(n, r_.add(out, {r_.add(op, {r_.add(in, {x}, n.sources)}, n.sources)}, n.sources), yq);
        return {};
    }

    Status reduce(const Node& n) {
        Reduce op = *get_if<Reduce>(n.op);
        const Quant& yq = quant(n.outputs[0]);
        ValueId x = integer(n.inputs[0]);
        if (op.kind == ReduceKind::max || op.kind == ReduceKind::min) {
            define(n, r_.add(op, {requantized(x, yq, n.sources)}, n.sources), yq);
            return {};
        }
        const Quant& xq = r_.out.type(x).quant;
        int64_t count = 1;
        for (int64_t a : op.axes) count *= g_.type(n.inputs[0]).shape[a];
        op.x_zero = xq.zero_point();
        const double real = double{xq.scale()} / double{yq.scale()} / (op.kind == ReduceKind::mean ? static_cast<double>(count) : 1.0);
        op.requant = make_requant(options_.rounding, {real}, {count * 255}, yq.zero_point(), -128, 127);
        define(n, r_.add(op, {x}, n.sources), yq);
        return {};
    }

    // acc = (a − a_zero)·ma ± (b − b_zero)·mb with ma/2^k = scale_a/scale_y: one rounding, at the end.
    Status add(const Node& n) {
        Binary op = *get_if<Binary>(n.op);
        const ValueId a = integer(n.inputs[0]), b = integer(n.inputs[1]);
        const Quant &aq = r_.out.type(a).quant, &bq = r_.out.type(b).quant, &yq = quant(n.outputs[0]);
        const double ra = double{aq.scale()} / double{yq.scale()}, rb = double{bq.scale()} / double{yq.scale()};
        // The cheap form has 15 bits of multiplier; the exact one as many as keep the sum within 32 bits.
        const double most = plan_.exact ? 1 << 21 : 32767;
        int shift = plan_.exact ? 24 : 20;
        while (shift > 1 && std::ldexp(std::max(ra, rb), shift) > most) --shift;
        op.a_zero = aq.zero_point(), op.b_zero = bq.zero_point();
        op.a_multiplier = static_cast<int32_t>(std::lround(std::min(most, std::ldexp(ra, shift))));
        op.b_multiplier = static_cast<int32_t>(std::lround(std::min(most, std::ldexp(rb, shift))));
        op.requant = Requant{Rounding::narrow, 0, {1}, {shift}, yq.zero_point(), -128, 127};
        set_clamp(op.requant.lo, op.requant.hi, op.act_lo, op.act_hi, yq);
        op.act_lo = -infinity, op.act_hi = infinity;
        define(n, r_.add(op, {a, b}, n.sources), yq);
        return {};
    }

    Status multiply(const Node& n) {
        Binary op = *get_if<Binary>(n.op);
        const ValueId a = integer(n.inputs[0]), b = integer(n.inputs[1]);
        const Quant &aq = r_.out.type(a).quant, &bq = r_.out.type(b).quant, &yq = quant(n.outputs[0]);
        int32_t lo = 0, hi = 0;
        set_clamp(lo, hi, op.act_lo, op.act_hi, yq);
        op.a_zero = aq.zero_point(), op.b_zero = bq.zero_point();
        op.requant = make_requant(options_.rounding, {factor(aq.scale(), bq.scale(), yq.scale())}, {255 * 255}, yq.zero_point(), lo, hi);
        op.act_lo = -infinity, op.act_hi = infinity;
        define(n, r_.add(op, {a, b}, n.sources), yq);
        return {};
    }

    Status minmax(const Node& n) {
        Binary op = *get_if<Binary>(n.op);
        const Quant& yq = quant(n.outputs[0]);
        const ValueId a = requantized(integer(n.inputs[0]), yq, n.sources), b = requantized(integer(n.inputs[1]), yq, n.sources);
        define(n, r_.add(Binary{op.kind}, {a, b}, n.sources), yq);
        return {};
    }

    Status softmax(const Node& n) {
        const ValueId x = integer(n.inputs[0]);
        const int64_t k = g_.type(n.inputs[0]).shape.back();
        int power = 23;
        while (power > 8 && k > ((int64_t{1} << 31) - 1) >> power) --power;
        std::vector<uint32_t> table;
        for (int d = 0; d < 256; ++d)
            table.push_back(
                static_cast<uint32_t>(std::llround(std::ldexp(std::exp(-d * static_cast<double>(r_.out.type(x).quant.scale())), power))));
        const ValueId t = r_.out.add_constant(Tensor::of<uint32_t>(Shape{256}, table));
        const ValueId y = r_.add(n.op, {x, t}, n.sources);
        const Quant own = Quant::tensor(1.0f / 256, -128);
        r_.out[y].type.quant = own;
        define(n, quant(n.outputs[0]) == own ? y : requantized(y, quant(n.outputs[0]), n.sources), quant(n.outputs[0]));
        return {};
    }

    // A state operand of a recurrent layer: constants as they are wanted, others rescaled.
    ValueId hidden(ValueId old, const Quant& q, const std::vector<Source>& from) {
        return g_.constant(old) != nullptr ? constant(old, q) : requantized(integer(old), q, from);
    }
    // A cell has 16 bits; outside the layer and a state of its own it is float.
    ValueId cell(ValueId old, const Quant& q, const std::vector<Source>& from) {
        if (const Tensor* c = g_.constant(old)) return r_.out.add_constant(integers<int16_t>(*c, q), g_[old].source);
        if (g_[old].is_state() && plan_.states[static_cast<size_t>(g_[old].state)] == StateForm::cell) return r_.map(old);
        return r_.add(Quantize{DType::int16, q}, {real(old)}, from);
    }

    Status recurrent(const Node& n, size_t k) {
        enum : size_t { op_x, op_w, op_r, op_h, op_c, op_bias };
        const Recurrent& op = *get_if<Recurrent>(n.op);
        const bool lstm = op.kind == RecurrentKind::lstm;
        const ValueId x = integer(n.inputs[op_x]);
        const Quant &yq = quant(n.outputs[0]), &hq = quant(n.outputs[1]);
        const int32_t exponent = lstm ? plan_.cell_exponents.at(static_cast<int32_t>(k)) : 0;
        const ValueId bias = n.inputs.size() > op_bias ? n.inputs[op_bias] : ValueId{};
        const auto q = quantize_recurrent(op, *g_.constant(n.inputs[op_w]), *g_.constant(n.inputs[op_r]), g_.constant(bias),
                                          r_.out.type(x).quant, yq, exponent);
        if (!q) return island(n);
        const Quant cq = lstm ? cell_quant(static_cast<int32_t>(k)) : Quant{};
        const ValueId h = hidden(n.inputs[op_h], yq, n.sources), c = lstm ? cell(n.inputs[op_c], cq, n.sources) : ValueId{};
        const std::vector<ValueId> operands{x,
                                            r_.out.add_constant(q->w, g_[n.inputs[op_w]].source),
                                            r_.out.add_constant(q->r, g_[n.inputs[op_r]].source),
                                            h,
                                            c,
                                            r_.out.add_constant(q->bias, bias.valid() ? g_[bias].source : "")};
        Diagnostics broken;
        const auto made = r_.out.add(q->op, operands, n.sources, broken);
        GW_CHECK(made.ok(), broken.all().empty() ? "infer failed" : broken.all().front().text());
        const Quant quants[] = {yq, hq, cq};
        for (size_t i = 0; i < made->size(); ++i) {
            const ValueId y = (*made)[i];
            r_.out[y].type.quant = quants[i];
            r_.out[y].source = g_[n.outputs[i]].source;
            if (i == 2) cells_[n.outputs[i].index] = y;
            if (i < 2)
                integer_[static_cast<size_t>(n.outputs[i].index)] = y;
            else
                real_[static_cast<size_t>(n.outputs[i].index)] = r_.add(Dequantize{}, {y}, n.sources);
        }
        return {};
    }

    Status movement(const Node& n) {
        const Quant& yq = quant(n.outputs[0]);
        Op op = n.op;
        if (Pad* p = get_if<Pad>(op)) p->value = static_cast<float>(to_int8(static_cast<double>(p->value), yq));
        std::vector<ValueId> in;
        for (ValueId id : n.inputs) {
            if (g_.type(id).dtype != DType::float32)
                in.push_back(other(id));
            else if (g_.constant(id) != nullptr)
                in.push_back(plan_.exact ? requantized(integer(id), yq, n.sources) : constant(id, yq));
            else
                in.push_back(requantized(integer(id), yq, n.sources));
        }
        define(n, r_.add(op, std::move(in), n.sources), yq);
        return {};
    }

    // Float arithmetic between integers, said aloud.
    Status island(const Node& n) {
        if (!get_if<Quantize>(n.op) && !get_if<Dequantize>(n.op) && !get_if<Cast>(n.op) && !get_if<Reshape>(n.op))
            diag_.note(DiagId::quantize_left_float, g_.where(n), "has no integer form here and stays float32");
        Node copy = n;
        for (ValueId id : n.inputs)
            if (id.valid()) r_.replace(id, g_.type(id).dtype == DType::float32 ? real(id) : other(id));
        r_.copy(copy);
        for (ValueId id : n.outputs)
            if (g_.type(id).dtype == DType::float32) real_[static_cast<size_t>(id.index)] = r_.map(id);
        return {};
    }

    const Graph& g_;
    QuantizePlan plan_;
    const QuantizeOptions& options_;
    Diagnostics& diag_;
    Rewriter r_;
    std::vector<ValueId> real_, integer_;
    std::map<int32_t, ValueId> cells_;  // an old lstm's cell, by number: its 16 bits
};

}  // namespace

Expected<Graph> quantize(const Graph& graph, const Profile& profile, const QuantizeOptions& options, Diagnostics& diag) {
    GW_TRY(QuantizePlan plan, plan_quantization(graph, profile, options, diag));
    return apply_plan(graph, std::move(plan), options, diag);
}

Expected<Graph> apply_plan(const Graph& graph, QuantizePlan plan, const QuantizeOptions& options, Diagnostics& diag) {
    return Quantizer(graph, std::move(plan), options, diag).run();
}

}  // namespace gw
