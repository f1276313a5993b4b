// Random float networks as an importer delivers them: values in NCHW, spatial ops in NHWC between transposes, batch normalization and
// HardSwish in pieces, residual additions, concatenations, squeeze-and-excitation. The same seed gives the same graph.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "calibrate/collect.h"
#include "graph/graph.h"
#include "interp/interp.h"
#include "passes/passes.h"

namespace gw::testing {

class RandomGraph {
public:
    struct Options {
        int64_t batch = 1;
        int blocks = 5;
        int inputs = 1;
        bool extra_output = false;
        bool smooth = true;      // with sigmoid, tanh, softmax and the like
        bool recurrent = false;  // with a recurrent layer, and values kept between runs
    };

    RandomGraph(uint32_t seed, Options options) : random_(seed), o_(options) {}

    Graph make() {
        g_.file = "random.onnx";
        const int64_t c = pick(1, 4), h = pick(5, 9), w = pick(5, 9);
        for (int i = 0; i < o_.inputs; ++i) {
            const std::string name = i == 0 ? "x" : "x" + std::to_string(i);
            x_.push_back(g_.add_input(name, {DType::float32, Shape{o_.batch, c, h, w}, {}}));
        }
        ValueId y = x_[0];
        for (int i = 1; i < o_.inputs; ++i) y = add(Binary{BinaryKind::add}, {y, x_[static_cast<size_t>(i)]}, "Add");
        for (int k = 0; k < o_.blocks; ++k) y = block(y);
        if (o_.recurrent) y = recurrent(pick(0, 2) == 0 ? delayed(y) : y);
        if (o_.extra_output) g_.add_output("features", block(y));
        g_.add_output("y", head(y));
        return g_;
    }

    Tensor constant(Shape shape, float scale, float offset = 0) {
        Tensor t = Tensor::zeros({DType::float32, std::move(shape), {}});
        for (float& v : t.mutable_data<float>()) v = offset + scale * uniform();
        return t;
    }

private:
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1)); }
    float uniform() { return static_cast<float>(random_()) / 2147483648.0f - 1; }  // the generator's own bits: the same on every host
    Shape shape(ValueId id) const { return g_.type(id).shape; }                    // a copy: the graph grows

    ValueId add(Op op, std::vector<ValueId> in, const std::string& kind) {
        const std::string name = kind + "_" + std::to_string(count_++);
        const ValueId y = g_.must_add(std::move(op), std::move(in), {{name, kind, count_}});
        g_[y].source = name + "_out";
        return y;
    }
    ValueId value(Tensor t) { return g_.add_constant(std::move(t), "c" + std::to_string(count_++)); }
    ValueId nhwc(ValueId x) { return g_.must_add(Transpose{{0, 2, 3, 1}}, {x}, {}); }
    ValueId nchw(ValueId x, const std::string& kind) { return add(Transpose{{0, 3, 1, 2}}, {x}, kind); }

    ValueId conv(ValueId x, int64_t out, int64_t kernel, int64_t stride, bool depthwise) {
        const int64_t in = shape(x)[1];
        Conv2D op;
        op.stride = {stride, stride};
        const int64_t p = kernel / 2;
        op.pad = {p, p, p, p};
        op.groups = depthwise ? in : 1;
        if (depthwise) out = in;
        const int64_t each = depthwise ? 1 : in;
        const float scale = 1.7f / std::sqrt(static_cast<float>(kernel * kernel * each));
        std::vector<ValueId> operands{nhwc(x), value(constant(Shape{out, kernel, kernel, each}, scale))};
        if (pick(0, 3) > 0)
            operands.push_back(value(constant(Shape{out}, 0.3f)));
        else
            operands.emplace_back();
        return nchw(g_.must_add(op, operands, {{"Conv_" + std::to_string(count_), "Conv", count_}}), "Conv");
    }
    ValueId batch_norm(ValueId x) {
        const int64_t c = shape(x)[1];
        const ValueId m = add(Binary{BinaryKind::mul}, {x, value(constant(Shape{1, c, 1, 1}, 0.4f, 1))}, "BatchNormalization");
        return add(Binary{BinaryKind::add}, {m, value(constant(Shape{c, 1, 1}, 0.2f))}, "BatchNormalization");
    }
    ValueId scalar(BinaryKind kind, ValueId x, float v) { return add(Binary{kind}, {x, value(Tensor::of<float>(Shape{}, {v}))}, "Scalar"); }
    ValueId relu(ValueId x) { return add(Unary{UnaryKind::clamp, 0, infinity}, {x}, "Relu"); }

    ValueId activation(ValueId x) {
        switch (pick(0, o_.smooth ? 6 : 2)) {
            case 0:
                return relu(x);
            case 1:
                return add(Unary{UnaryKind::clamp, 0, 6}, {x}, "Clip");
            case 2:
                return add(Unary{UnaryKind::leaky_relu, 0.1f, 0}, {x}, "LeakyRelu");
            case 3:
                return add(Unary{UnaryKind::sigmoid, 0, 0}, {x}, "Sigmoid");
            case 4:
                return add(Unary{UnaryKind::tanh, 0, 0}, {x}, "Tanh");
            case 5: {  // HardSwish as old exporters write it
                const ValueId inner = add(Unary{UnaryKind::clamp, 0, 6}, {scalar(BinaryKind::add, x, 3)}, "Clip");
                return scalar(BinaryKind::div, add(Binary{BinaryKind::mul}, {x, inner}, "Mul"), 6);
            }
            default:
                return add(Binary{BinaryKind::mul}, {x, add(Unary{UnaryKind::sigmoid, 0, 0}, {x}, "Sigmoid")}, "Mul");
        }
    }

    ValueId pool(ValueId x) {
        if (shape(x)[2] < 2 || shape(x)[3] < 2) return x;
        Pool2D op;
        op.kind = pick(0, 1) == 0 ? PoolKind::max : PoolKind::average;
        op.kernel = {2, 2};
        op.stride = {pick(1, 2), pick(1, 2)};
        if (pick(0, 2) == 0) op.pad = {0, 0, 1, 1};
        op.count_pad = op.kind == PoolKind::average && pick(0, 1) == 0;
        return nchw(g_.must_add(op, {nhwc(x)}, {}), "Pool");
    }

    ValueId squeeze_excite(ValueId x) {
        const int64_t c = shape(x)[1];
        const ValueId mean = add(Reduce{ReduceKind::mean, {2, 3}, true, 0, {}}, {x}, "GlobalAveragePool");
        const ValueId gate = add(Unary{UnaryKind::sigmoid, 0, 0}, {conv(relu(conv(mean, 2, 1, 1, false)), c, 1, 1, false)}, "Sigmoid");
        return add(Binary{BinaryKind::mul}, {x, gate}, "Mul");
    }

    ValueId block(ValueId x) {
        const int64_t c = shape(x)[1];
        switch (pick(0, 11)) {
            case 0:
                return activation(batch_norm(conv(x, pick(2, 6), 3, 1, false)));
            case 1:
                return relu(conv(x, pick(2, 6), 3, 2, false));
            case 2:
                return relu(batch_norm(conv(x, c, 3, 1, true)));
            case 3:
                return pool(x);
            case 4: {
                const ValueId y = conv(activation(conv(x, c, 1, 1, false)), c, 3, 1, false);
                return relu(add(Binary{BinaryKind::add}, {x, y}, "Add"));
            }
            case 5:
                return add(Concat{1}, {conv(x, pick(1, 3), 1, 1, false), conv(x, pick(1, 3), 3, 1, false)}, "Concat");
            case 6:
                return squeeze_excite(x);
            case 7: {
                const Pad pad{{0, 0, 1, 0}, {0, 0, 0, 1}, PadMode::constant, 0};
                return conv(add(pad, {x}, "Pad"), pick(2, 4), 3, 1, false);
            }
            case 8: {
                if (c < 2) return activation(x);
                const Shape s = shape(x);
                const ValueId a = add(Slice{{0, 0, 0, 0}, {s[0], 1, s[2], s[3]}, {1, 1, 1, 1}}, {x}, "Split");
                const ValueId b = add(Slice{{0, 1, 0, 0}, {s[0], c - 1, s[2], s[3]}, {1, 1, 1, 1}}, {x}, "Split");
                return add(Concat{1}, {b, a}, "Concat");
            }
            case 9: {
                Resize op;
                op.size = {shape(x)[2] + 2, shape(x)[3] * 2};
                op.scale = {static_cast<float>(op.size[0]) / static_cast<float>(shape(x)[2]), 2};
                op.mode = pick(0, 1) == 0 ? ResizeMode::nearest : ResizeMode::linear;
                return pool(nchw(g_.must_add(op, {nhwc(x)}, {}), "Resize"));
            }
            case 10:
                return scalar(BinaryKind::sub, scalar(BinaryKind::mul, conv(x, c, 1, 1, false), 0.7f), 0.1f);
            default:
                return o_.smooth ? add(Softmax{1, false}, {conv(x, c + 1, 1, 1, false)}, "Softmax") : batch_norm(conv(x, c, 1, 1, false));
        }
    }

    // The sum with what came in the run before.
    ValueId delayed(ValueId x) {
        const ValueId before = g_.add_state("s" + std::to_string(count_++), constant(shape(x), 0.5f));
        g_.states.back().next = x;
        return add(Binary{BinaryKind::add}, {x, before}, "Add");
    }

    // The rows of the picture one after the other.
    ValueId recurrent(ValueId x) {
        const Shape s = shape(x);
        const int64_t inputs = s[1] * s[3], units = pick(1, 6);
        Recurrent op;
        op.kind = static_cast<RecurrentKind>(pick(0, 2));
        op.reverse = pick(0, 2) == 0;
        op.linear_before_reset = op.kind == RecurrentKind::gru && pick(0, 1) == 0;
        if (op.kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
        if (pick(0, 5) == 0) op.f = UnaryKind::hard_sigmoid, op.alpha[0] = 0.2f, op.beta[0] = 0.5f;  // has no integer form
        const bool lstm = op.kind == RecurrentKind::lstm, stateful = pick(0, 2) > 0;
        const int64_t gh = op.gates() * units;
        const auto memory = [&] {
            const Tensor init = constant(Shape{s[0], units}, 0.5f);
            return stateful ? g_.add_state("s" + std::to_string(count_++), init) : value(init);
        };
        const auto first = g_.states.size();
        const ValueId h = memory(), c = lstm ? memory() : ValueId{};
        std::vector<ValueId> in{add(Reshape{{s[2], s[0], inputs}}, {x}, "Reshape"),
                                value(constant(Shape{gh, inputs}, 1.7f / std::sqrt(static_cast<float>(inputs)))),
                                value(constant(Shape{gh, units}, 1)), h, c};
        if (pick(0, 3) > 0) in.push_back(value(constant(Shape{2 * gh}, 0.3f)));
        Diagnostics diag;
        const std::string name = "Recurrent_" + std::to_string(count_++);
        const auto made = g_.add(op, in, {{name, "Recurrent", count_}}, diag);
        GW_CHECK(made.ok(), "a random recurrent layer is refused");
        if (stateful)
            for (size_t i = 1; i < made->size(); ++i) g_.states[first + i - 1].next = (*made)[i];
        return add(Reshape{{s[0], units, s[2], 1}}, {made->front()}, "Reshape");
    }

    ValueId head(ValueId x) {
        const Shape s = shape(x);
        const int64_t classes = pick(2, 5);
        ValueId flat;
        switch (pick(0, 3)) {
            case 0:
                return x;
            case 1:
                flat = add(Reduce{ReduceKind::mean, {2, 3}, false, 0, {}}, {x}, "GlobalAveragePool");
                break;
            case 2:
                flat = add(Reduce{ReduceKind::max, {2, 3}, false, 0, {}}, {x}, "GlobalMaxPool");
                break;
            default:
                flat = relu(add(Reshape{{s[0], s[1] * s[2] * s[3]}}, {x}, "Flatten"));
        }
        const int64_t k = shape(flat)[1];
        const ValueId w = value(constant(Shape{classes, k}, 1.7f / std::sqrt(static_cast<float>(k))));
        return add(Dense{}, {flat, w, value(constant(Shape{classes}, 0.1f))}, "Gemm");
    }

    std::mt19937 random_;
    Options o_;
    Graph g_;
    std::vector<ValueId> x_;
    int64_t count_ = 0;
};

// Inputs in the model's own order, uniform in [−1, 1].
inline std::vector<Tensor> random_inputs(const Graph& model, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Tensor> all;
    for (const Port& port : model.inputs) {
        Tensor t = Tensor::zeros(model.type(port.value));
        for (int64_t i = 0; i < t.elements(); ++i) t.set(i, static_cast<double>(static_cast<float>(random()) / 2147483648.0f - 1));
        all.push_back(to_model_order(port, t));
    }
    return all;
}

// Outputs, in the model's own order and real, for inputs in the model's own order.
inline std::vector<Tensor> run_model(const Graph& g, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> in;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const Type& type = g.type(g.inputs[i].value);
        Tensor t = to_graph_order(g.inputs[i], inputs[i]);
        if (t.type.dtype == DType::float32 && is_integer(type.dtype)) {
            std::vector<Tensor> q{Tensor::zeros(type)};
            const Tensor* from[] = {&t};
            evaluate(Quantize{type.dtype, type.quant}, from, q);
            t = q[0];
        }
        in.push_back(t.with_type(type));
    }
    std::vector<Tensor> out = interpret(g, in);
    for (size_t i = 0; i < out.size(); ++i) {
        out[i].type.quant = g.type(g.outputs[i].value).quant;
        if (!out[i].type.quant.empty()) out[i] = out[i].dequantized();
        out[i] = to_model_order(g.outputs[i], out[i]);
    }
    return out;
}

// Largest difference in units of the reference's range.
inline double relative_difference(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape()) return INFINITY;
    double lo = 0, hi = 1e-30, worst = 0;
    for (int64_t i = 0; i < a.elements(); ++i) lo = std::min(lo, a.at(i)), hi = std::max(hi, a.at(i));
    for (int64_t i = 0; i < a.elements(); ++i) worst = std::max(worst, std::fabs(a.at(i) - b.at(i)));
    return worst / (hi - lo);
}

inline double sqnr(const Tensor& a, const Tensor& b) {
    double signal = 1e-30, noise = 1e-30;
    for (int64_t i = 0; i < a.elements(); ++i) signal += a.at(i) * a.at(i), noise += (a.at(i) - b.at(i)) * (a.at(i) - b.at(i));
    return 10 * std::log10(signal / noise);
}

inline Graph optimised(const Graph& g) {
    PassRunner run;
    Diagnostics diag;
    auto result = optimise(g, false, run, diag);
    EXPECT_TRUE(result.ok());
    return *result;
}

// A profile of an optimised graph over `n` random samples.
inline Profile profile_of(const Graph& g, int n = 8) {
    Module module;
    module.graphs = {g};
    module.file = g.file, module.sha256 = "0";
    SampleSet set;
    for (int k = 0; k < n; ++k) set.samples.push_back(random_inputs(g, 1000 + static_cast<uint32_t>(k)));
    Diagnostics diag;
    auto p = collect(module, set, {}, diag, {});
    EXPECT_TRUE(p.ok());
    return *p;
}

inline Graph quantized(const Graph& optimised_graph, Diagnostics& diag, QuantizeOptions options = {}) {
    PassRunner run;
    auto q = quantise(optimised_graph, profile_of(optimised_graph), options, run, diag);
    EXPECT_TRUE(q.ok()) << (diag.all().empty() ? "" : diag.all().front().text());
    return *q;
}

}  // namespace gw::testing
