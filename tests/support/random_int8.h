// Random int8 networks with their integer arithmetic written out, as a reader of quantized models delivers them: odd zero points, one scale
// a tensor or a channel, all three roundings, strides, dilations, groups, uneven pads, residual branches, concatenations, slices, pools,
// tables, several inputs and outputs, islands of exact float arithmetic; on request also what few networks have: recurrent layers, states,
// comparisons and the like. Scales are chosen so that results spread over the int8 range. The same seed gives the same graph.
#pragma once
#include <cmath>
#include <random>

#include "graph/graph.h"
#include "support/log_softmax_table.h"

namespace gw::testing {

class RandomInt8 {
public:
    // rounding: none draws one for each op. rare: some blocks are of the ops that few networks have.
    RandomInt8(uint32_t seed, Rounding rounding, int blocks, bool rare = false)
        : random_(seed), rounding_(rounding), blocks_(blocks), rare_(rare) {}

    Graph make() {
        g_.file = "random.tflite";
        const bool nchw = chance(15);
        whole_words_ = chance(40);
        const int64_t n = chance(8) ? 2 : 1, h = pick(1, 8), w = pick(1, 8), c = channels(chance(15) ? pick(12, 24) : pick(1, 8));
        const Quant q = quant();
        ValueId x = input("x", nchw ? Shape{n, c, h, w} : Shape{n, h, w, c}, q);
        if (nchw) x = add(Transpose{{0, 2, 3, 1}}, {x});
        if (chance(20)) x = binary(x, input("x1", shape(x), quant()));
        for (int k = 0; k < blocks_; ++k) {
            x = rare_ && chance(60) ? rare(x) : block(x);
            if (chance(10)) outputs_.push_back(x);
        }
        if (chance(50)) x = head(x);
        if (nchw && shape(x).rank() == 4) x = add(Transpose{{0, 3, 1, 2}}, {x});
        g_.add_output("y", x);
        for (size_t i = 0; i < outputs_.size(); ++i)
            if (outputs_[i] != x) g_.add_output("extra" + std::to_string(i), outputs_[i]);
        return drop_dead(g_);
    }

private:
    uint32_t bits() { return static_cast<uint32_t>(random_()); }
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(bits() % static_cast<uint64_t>(hi - lo + 1)); }
    bool chance(int percent) { return pick(1, 100) <= percent; }
    // Real networks have many layers whose channels fill whole words, and kernels of their own for those.
    int64_t channels(int64_t n) const { return whole_words_ ? (n + 3) / 4 * 4 : n; }
    double between(double lo, double hi) { return lo + (hi - lo) * (static_cast<double>(bits()) / 4294967296.0); }
    Shape shape(ValueId id) const { return g_.type(id).shape; }
    Quant q_of(ValueId id) const { return g_.type(id).quant; }

    int32_t zero_point() {
        const int64_t form = pick(0, 5);
        return static_cast<int32_t>(form == 0 ? -128 : form == 1 ? 127 : form == 2 ? 0 : pick(-128, 127));
    }
    Quant quant() { return Quant::tensor(static_cast<float>(std::exp2(between(-9, -3))), zero_point()); }
    Quant quant(double scale) { return Quant::tensor(static_cast<float>(scale), zero_point()); }

    ValueId input(const std::string& name, Shape s, const Quant& q) { return g_.add_input(name, {DType::int8, std::move(s), q}); }
    ValueId add(Op op, std::vector<ValueId> in) {
        const std::string kind(op_name(op));
        const std::string name = kind + "_" + std::to_string(count_++);
        const ValueId y = g_.must_add(std::move(op), std::move(in), {{name, kind, count_}});
        g_[y].source = name + "_out";
        return y;
    }
    ValueId add(Op op, std::vector<ValueId> in, const Quant& q) {
        const ValueId y = add(std::move(op), std::move(in));
        g_[y].type.quant = q;
        return y;
    }
    ValueId constant(Tensor t) { return g_.add_constant(std::move(t), "c" + std::to_string(count_++)); }

    Rounding rounding() { return rounding_ != Rounding::none ? rounding_ : static_cast<Rounding>(pick(1, 3)); }
    // acc · real[c], clamped as a fused activation would.
    Requant requant(const std::vector<double>& real, const std::vector<int64_t>& max_abs, int32_t zero) {
        int32_t lo = -128, hi = 127;
        if (chance(30)) lo = zero;
        if (chance(15)) hi = static_cast<int32_t>(pick(lo, 127));
        return make_requant(rounding(), real, max_abs, zero, lo, hi);
    }
    static int64_t farthest(int32_t zero) { return std::max(std::abs(-128 - zero), std::abs(127 - zero)); }

    // Weights [rows, …] of full range, small, sparse, or with rows or columns that are all zero.
    Tensor weights(Shape s) {
        Tensor t = Tensor::zeros({DType::int8, s, {}});
        const int64_t rows = s[0], inner = s.back(), form = pick(0, 5);
        auto w = t.mutable_data<int8_t>();
        const int64_t most = form == 1 ? 3 : 127;
        for (auto& v : w) v = static_cast<int8_t>(form == 2 && chance(70) ? 0 : pick(-most, most));
        const int64_t row = static_cast<int64_t>(w.size()) / rows;
        if (form == 3)
            for (int64_t o = 0; o < rows; ++o)
                if (chance(30)) std::fill_n(w.begin() + o * row, row, int8_t{0});
        if (form == 4 && inner > 1) {
            const int64_t dead = pick(0, inner - 1);
            for (int64_t i = dead; i < static_cast<int64_t>(w.size()); i += inner) w[static_cast<size_t>(i)] = 0;
        }
        return t;
    }

    // The common part of conv2d and dense: weights, bias, scales, requantization.
    template <class T>
    ValueId weighted(T op, ValueId x, Shape ws) {
        const Quant q = q_of(x);
        op.x_zero = q.zero_point();
        Tensor w = weights(ws);
        const int64_t rows = ws[0], depth = w.elements() / rows;
        const bool has_bias = chance(75);
        Tensor b = Tensor::zeros({DType::int32, Shape{rows}, {}});
        if (has_bias)
            for (int32_t& v : b.mutable_data<int32_t>()) v = static_cast<int32_t>(pick(-3000, 3000));
        const double base = std::exp2(between(-9, -5)),
                     spread = std::sqrt(static_cast<double>(depth)) * 74 * 74 / 40 * std::exp2(between(-2, 1.5));
        const double y_scale = q.scale() * base * spread;
        Quant wq;
        wq.axis = chance(65) ? 0 : -1;
        std::vector<double> real;
        for (int64_t o = 0; o < (wq.axis < 0 ? 1 : rows); ++o) {
            wq.scales.push_back(static_cast<float>(base * between(0.4, 1.6)));
            wq.zero_points.push_back(0);
            real.push_back(static_cast<double>(q.scale()) * wq.scales.back() / y_scale);
        }
        std::vector<int64_t> max_abs(real.size(), 0);
        for (int64_t o = 0; o < rows; ++o) {
            int64_t sum = std::abs(b.int_at(o));
            for (int64_t i = 0; i < depth; ++i) sum += std::abs(w.int_at(o * depth + i)) * farthest(op.x_zero);
            int64_t& most = max_abs[real.size() == 1 ? 0 : static_cast<size_t>(o)];
            most = std::max(most, sum);
        }
        const Quant yq = quant(y_scale);
        op.requant = requant(real, max_abs, yq.zero_point());
        w.type.quant = wq;
        std::vector<ValueId> operands{x, constant(w)};
        if (has_bias) operands.push_back(constant(b));
        return add(op, operands, yq);
    }

    ValueId conv(ValueId x, bool depthwise) {
        const Shape s = shape(x);
        Conv2D op;
        op.stride = {pick(1, 2), pick(1, 2)};
        if (chance(20)) op.dilation = {pick(1, 2), pick(1, 2)};
        Pair kernel{pick(1, 3), pick(1, 3)};
        if (chance(40)) kernel = {3, 3};
        const int64_t most = chance(50) ? 1 : 0;
        for (int64_t& p : op.pad) p = pick(0, chance(5) ? 3 : most);
        for (size_t i = 0; i < 2; ++i)
            while (op.dilation[i] * (kernel[i] - 1) + 1 > s[static_cast<int64_t>(i) + 1] + op.pad[i] + op.pad[i + 2]) --kernel[i];
        if (depthwise) {
            if (whole_words_ && s[1] > 2 && s[2] > 2) {  // the window of real depthwise layers
                kernel = {3, 3}, op.dilation = {1, 1};
                op.stride[1] = op.stride[0];
            }
            op.groups = s[3];
            return weighted(op, x, Shape{s[3] * (chance(20) ? 2 : 1), kernel[0], kernel[1], 1});
        }
        if (s[3] > 1 && chance(12)) {
            for (op.groups = pick(2, s[3]); s[3] % op.groups != 0;) --op.groups;
        }
        const int64_t out = channels(chance(15) ? pick(12, 20) : pick(1, 9));
        return weighted(op, x, Shape{op.groups == 1 ? out : op.groups * pick(1, 3), kernel[0], kernel[1], s[3] / op.groups});
    }

    ValueId dense(ValueId x) { return weighted(Dense{}, x, Shape{pick(1, 12), shape(x).back()}); }

    ValueId matmul(ValueId x) {
        const Shape s = shape(x);
        const ValueId a = add(Reshape{{s[0], s[1] * s[2], s[3]}}, {x});
        const ValueId b = add(Transpose{{0, 2, 1}}, {chance(50) ? a : add(Reshape{{s[0], s[1] * s[2], s[3]}}, {table(x)})});
        MatMul op;
        op.a_zero = q_of(a).zero_point(), op.b_zero = q_of(b).zero_point();
        const double product = static_cast<double>(q_of(a).scale()) * q_of(b).scale();
        const double real = 40 / (std::sqrt(static_cast<double>(s[3])) * 74 * 74) * std::exp2(between(-1, 2));
        const Quant q = quant(product / real);
        op.requant = requant({real}, {s[3] * farthest(op.a_zero) * farthest(op.b_zero)}, q.zero_point());
        const ValueId y = add(op, {a, b}, q);
        return add(Reshape{{s[0], s[1], s[2], s[1] * s[2]}}, {y});
    }

    // A table of any function: monotone, random, or a rescaling.
    ValueId table(ValueId x) {
        Tensor t = Tensor::zeros({DType::int8, Shape{256}, {}});
        auto v = t.mutable_data<int8_t>();
        const int64_t form = pick(0, 2);
        const double slope = between(-1.5, 1.5), offset = between(-60, 60);
        for (int i = 0; i < 256; ++i) {
            const double real = form == 0 ? 127 * std::tanh((i - 128) * slope / 64) : (i - 128) * slope + offset;
            v[static_cast<size_t>(i)] =
                form == 2 ? static_cast<int8_t>(bits()) : static_cast<int8_t>(std::clamp(std::round(real), -128.0, 127.0));
        }
        return add(Lookup{}, {x, constant(t)}, quant());
    }

    // Both operands to twice the larger scale, shifted up.
    static void rescale_operands(Binary& op, const Quant& qa, const Quant& qb, int32_t left_shift) {
        const double unit = 2.0 * std::max(qa.scale(), qb.scale());
        int shift = 0;
        op.a_zero = qa.zero_point(), op.b_zero = qb.zero_point(), op.left_shift = left_shift;
        quantize_multiplier(qa.scale() / unit, op.a_multiplier, shift);
        op.a_shift = shift;
        quantize_multiplier(qb.scale() / unit, op.b_multiplier, shift);
        op.b_shift = shift;
    }

    // Sum, difference, product, extreme; the second operand may be broadcast or constant.
    ValueId binary(ValueId a, ValueId b) {
        Binary op;
        const Quant qa = q_of(a), qb = q_of(b);
        op.kind = chance(50) ? BinaryKind::add : chance(40) ? BinaryKind::sub : BinaryKind::mul;
        op.a_zero = qa.zero_point(), op.b_zero = qb.zero_point();
        if (op.kind == BinaryKind::mul) {
            const double real = between(0.2, 1.5) / 74;
            const Quant q = quant(static_cast<double>(qa.scale()) * qb.scale() / real);
            op.requant = requant({real}, {farthest(op.a_zero) * farthest(op.b_zero)}, q.zero_point());
            return add(op, {a, b}, q);
        }
        const double larger = std::max(qa.scale(), qb.scale());
        const Quant q = quant(larger * between(0.6, 2.5));
        if (chance(50)) {  // as TFLite: both operands rescaled by themselves
            rescale_operands(op, qa, qb, 20);
            const Requant r = requant({2 * larger / ((1 << 20) * static_cast<double>(q.scale()))}, {1}, q.zero_point());
            op.requant =
                make_requant(Rounding::twice, {2 * larger / ((1 << 20) * static_cast<double>(q.scale()))}, {1}, r.zero_point, r.lo, r.hi);
            return add(op, {a, b}, q);
        }
        const int64_t unit = pick(8, 4000);
        const auto part = [&](const Quant& o) { return static_cast<int32_t>(std::max(1.0, std::round(unit * o.scale() / larger))); };
        op.a_multiplier = part(qa), op.b_multiplier = part(qb);
        op.requant = requant({larger / (static_cast<double>(unit) * q.scale())},
                             {farthest(op.a_zero) * op.a_multiplier + farthest(op.b_zero) * op.b_multiplier}, q.zero_point());
        return add(op, {a, b}, q);
    }

    ValueId extreme(ValueId a, ValueId b) {  // one scale for all three
        return add(Binary{chance(50) ? BinaryKind::min : BinaryKind::max}, {a, b}, q_of(a));
    }

    ValueId pool(ValueId x) {
        const Shape s = shape(x);
        Pool2D op;
        op.kind = chance(50) ? PoolKind::max : PoolKind::average;
        for (size_t i = 0; i < 2; ++i) {
            op.kernel[i] = pick(1, std::min<int64_t>(3, s[static_cast<int64_t>(i) + 1]));
            op.stride[i] = pick(1, 3);
            if (chance(30) && op.kernel[i] > 1) op.pad[i] = pick(0, 1), op.pad[i + 2] = pick(0, 1);
        }
        if (op.kind == PoolKind::average) {
            op.count_pad = chance(30);
            op.x_zero = q_of(x).zero_point();
        }
        if (chance(20)) op.lo = q_of(x).zero_point();
        return add(op, {x}, q_of(x));
    }

    ValueId reduce(ValueId x, std::vector<int64_t> axes, bool keep) {
        Reduce op;
        op.kind = static_cast<ReduceKind>(pick(0, 3));
        op.axes = std::move(axes), op.keep_dims = keep;
        if (op.kind == ReduceKind::max || op.kind == ReduceKind::min) return add(op, {x}, q_of(x));
        op.x_zero = q_of(x).zero_point();
        int64_t n = 1;
        for (int64_t a : op.axes) n *= shape(x)[a];
        const double real = (op.kind == ReduceKind::mean ? 1.0 : 1 / std::sqrt(static_cast<double>(n))) /
                            static_cast<double>(op.kind == ReduceKind::mean ? n : 1) * between(0.5, 1.5);
        const Quant q = quant(q_of(x).scale() / real / (op.kind == ReduceKind::mean ? static_cast<double>(n) : 1.0));
        op.requant = requant({real}, {n * farthest(op.x_zero)}, q.zero_point());
        return add(op, {x}, q);
    }

    ValueId softmax(ValueId x) {
        Softmax op;
        op.axis = shape(x).rank() - 1;
        op.form = chance(50) ? SoftmaxForm::ratio : SoftmaxForm::reciprocal;
        const int64_t line = shape(x).back();
        const double beta = between(0.005, 0.2);
        const double top = op.form == SoftmaxForm::ratio ? std::min(8388608.0, 2147483647.0 / static_cast<double>(line + 1)) : 2147483647.0;
        std::vector<uint32_t> t;
        for (int d = 0; d < 256; ++d) t.push_back(static_cast<uint32_t>(std::floor(top * std::exp(-beta * d))));
        return add(op, {x, constant(Tensor::of<uint32_t>({256}, t))}, Quant::tensor(1.0f / 256, -128));
    }

    ValueId slice(ValueId x, int64_t axis) {
        const Shape s = shape(x);
        Slice op{{0, 0, 0, 0}, s.dims(), {1, 1, 1, 1}};
        const auto a = static_cast<size_t>(axis);
        op.size[a] = pick(1, s[axis]);
        op.start[a] = pick(0, s[axis] - op.size[a]);
        if (chance(25)) {
            op.step[a] = chance(50) ? -1 : 2;
            if (op.step[a] < 0) op.start[a] += op.size[a] - 1;
            if (op.step[a] > 0) op.size[a] = (op.size[a] + 1) / 2;
        }
        return add(op, {x});
    }

    // Reals in between, with arithmetic that every machine does alike.
    ValueId island(ValueId x) {
        ValueId y = add(Dequantize{}, {x});
        if (chance(50)) y = add(Unary{UnaryKind::affine, static_cast<float>(between(-2, 2)), static_cast<float>(between(-1, 1))}, {y});
        if (chance(50)) y = add(Unary{UnaryKind::clamp, -0.5f, 3}, {y});
        if (chance(30)) y = add(Binary{BinaryKind::mul}, {y, y});
        const Quant q = quant();
        return add(Quantize{DType::int8, q, chance(50) ? Ties::even : Ties::away}, {y});
    }

    ValueId movement(ValueId x) {
        const Shape s = shape(x);
        switch (pick(0, 6)) {
            case 0: {
                Pad op;
                for (int64_t d = 0; d < 4; ++d) {
                    const bool here = d > 0 && chance(50);
                    op.before.push_back(here ? pick(0, 2) : 0), op.after.push_back(here ? pick(0, 1) : 0);
                }
                op.mode = chance(60) ? PadMode::constant : PadMode::edge;
                op.value = static_cast<float>(chance(70) ? q_of(x).zero_point() : pick(-128, 127));
                return add(op, {x});
            }
            case 1: {
                std::vector<int64_t> perm{0, 1, 2, 3};
                for (size_t i = 3; i > 1; --i) std::swap(perm[i], perm[static_cast<size_t>(pick(1, static_cast<int64_t>(i)))]);
                return add(Transpose{perm}, {x});
            }
            case 2:
                return add(
                    Reshape{chance(50) ? std::vector<int64_t>{s[0], s[2], s[1], s[3]} : std::vector<int64_t>{s[0], 1, s[1] * s[2], s[3]}},
                    {x});
            case 3: {
                const int64_t axis = pick(1, 3);
                std::vector<int32_t> indices;
                for (int64_t i = pick(1, 5); i > 0; --i) indices.push_back(static_cast<int32_t>(pick(-s[axis], s[axis] - 1)));
                const auto n = static_cast<int64_t>(indices.size());
                return add(Gather{axis}, {x, constant(Tensor::of<int32_t>({n}, indices))});
            }
            case 4: {
                Resize op;
                op.size = {pick(1, 2 * s[1]), pick(1, 2 * s[2])};
                for (size_t i = 0; i < 2; ++i)
                    op.scale[i] = static_cast<float>(op.size[i]) / static_cast<float>(s[static_cast<int64_t>(i) + 1]);
                op.mode = chance(50) ? ResizeMode::nearest : ResizeMode::linear;
                op.coordinates = static_cast<ResizeCoordinates>(pick(0, 3));
                op.rounding = static_cast<ResizeRounding>(pick(0, 3));
                return add(op, {x});
            }
            default:
                return slice(x, pick(1, 3));
        }
    }

    ValueId concat(ValueId x) {
        const int64_t axis = pick(1, 3);
        std::vector<ValueId> parts;
        const int64_t n = pick(2, 4);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t form = pick(0, 3);
            ValueId p = form == 0 ? x : form == 1 ? slice(x, axis) : table(x);
            g_[p].type.quant = q_of(p);
            if (q_of(p) != q_of(x)) {  // a rescaling brings it to the common scale
                p = table(p);
                g_[p].type.quant = q_of(x);
            }
            parts.push_back(p);
        }
        return add(Concat{axis}, parts);
    }

    ValueId block(ValueId x) {
        const Shape s = shape(x);
        if (s.elements() > 1200) return s[1] * s[2] > 1 && chance(70) ? reduce(x, {1, 2}, true) : conv_to(x, 2);
        switch (pick(0, 15)) {
            case 0:
            case 1:
            case 2:
                return conv(x, false);
            case 3:
            case 4:
                return conv(x, true);
            case 5:
                return conv_to(x, channels(pick(1, 20)));
            case 6:
                return pool(x);
            case 7:
                return binary(x, conv_to(x, s[3]));
            case 8:
                return binary(x, reduce(x, {1, 2}, true));
            case 9: {
                Tensor t = Tensor::zeros({DType::int8, Shape{1, 1, 1, s[3]}, quant()});
                for (int8_t& v : t.mutable_data<int8_t>()) v = static_cast<int8_t>(bits());
                const ValueId c = constant(t);
                return chance(50) ? binary(x, c) : binary(c, x);
            }
            case 10: {
                ValueId other = table(x);
                g_[other].type.quant = q_of(x);
                return extreme(x, other);
            }
            case 11:
                return table(x);
            case 12:
                return concat(x);
            case 13:
                return chance(50) ? softmax(x) : chance(50) ? island(x) : s[1] * s[2] <= 24 ? matmul(x) : table(x);
            case 14:
                return chance(60) ? movement(x) : reduce(x, {pick(1, 3)}, true);
            default:
                return movement(x);
        }
    }

    // --- what few networks have -----------------------------------------------------------------------------------------------------
    // A value kept between runs, or a constant.
    ValueId memory(const Tensor& init, int& state) {
        state = -1;
        if (chance(30)) return constant(init);
        state = static_cast<int>(g_.states.size());
        return g_.add_state("s" + std::to_string(count_++), init);
    }
    void keep(int state, ValueId next) {
        if (state >= 0) g_.states[static_cast<size_t>(state)].next = next;
    }
    Tensor numbers(DType dtype, Shape s, int64_t most, const Quant& q = {}) {
        Tensor t = Tensor::zeros({dtype, std::move(s), q});
        for (int64_t i = 0; i < t.elements(); ++i) t.set(i, static_cast<double>(pick(-most, most)));
        return t;
    }
    std::vector<ValueId> add_all(Op op, std::vector<ValueId> in) {
        const std::string kind(op_name(op));
        Diagnostics diag;
        auto made = g_.add(std::move(op), std::move(in), {{kind + "_" + std::to_string(count_++), kind, count_}}, diag);
        GW_CHECK(made.ok(), "a random layer is refused");
        return *made;
    }
    // Sums of `depth` products to a typical result of `typical`, within the type that holds 2^bits values.
    static Requant spread(Rounding form, double typical, int64_t depth, int64_t gates, double factor, int32_t zero, int bits) {
        const double real = factor * typical / (74 * 74 * std::sqrt(static_cast<double>(depth)));
        const int32_t half = 1 << (bits - 1);
        const auto n = static_cast<size_t>(gates);
        return make_requant(form, std::vector<double>(n, real), std::vector<int64_t>(n, depth * 255 * 128 + 3000), zero, -half, half - 1);
    }

    // The rows of the picture one after the other; the columns are the batch.
    ValueId recurrent(ValueId x) {
        const Shape s = shape(x);
        const int64_t steps = s[1], batch = s[0] * s[2], units = pick(1, 6);
        Recurrent op;
        op.kind = static_cast<RecurrentKind>(pick(0, 2));
        const bool lstm = op.kind == RecurrentKind::lstm;
        const int64_t gates = op.gates();
        op.reverse = chance(30);
        op.linear_before_reset = op.kind == RecurrentKind::gru && chance(50);
        if (op.kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
        op.x_zero = q_of(x).zero_point(), op.h_zero = lstm ? zero_point() : 0;
        op.x_requant = spread(Rounding::twice, 4096, s[3], chance(30) ? 1 : gates, between(0.3, 2), 0, 16);
        op.h_requant = spread(Rounding::twice, 4096, units, gates, between(0.3, 2), 0, 16);
        if (lstm) {
            op.cell_exponent = static_cast<int32_t>(-pick(9, 14));
            op.cell_requant = {Rounding::twice, 0, {1 << 30, 1 << 30}, {-14, -29 - op.cell_exponent}, 0, -32768, 32767};
            op.requant = {Rounding::twice, 0, {1 << 30}, {-22}, op.h_zero, -128, 127};
            if (chance(20)) op.cell_clip = static_cast<float>(pick(1, 20000));
        }
        const Quant hq = Quant::tensor(1.0f / 128, op.h_zero), cq = Quant::tensor(std::ldexp(1.0f, op.cell_exponent), 0);
        int h_state = -1, c_state = -1;
        const ValueId h = memory(numbers(DType::int8, {batch, units}, 100, hq), h_state);
        const ValueId c = lstm ? memory(numbers(DType::int16, {batch, units}, 9000, cq), c_state) : ValueId{};
        std::vector<ValueId> in{add(Reshape{{steps, batch, s[3]}}, {x}, q_of(x)), constant(weights({gates * units, s[3]})),
                                constant(weights({gates * units, units})), h, c};
        if (chance(75)) in.push_back(constant(numbers(DType::int32, {2 * gates * units}, 3000)));
        const std::vector<ValueId> made = add_all(op, in);
        g_[made[0]].type.quant = g_[made[1]].type.quant = hq;
        if (lstm) g_[made[2]].type.quant = cq;
        keep(h_state, made[1]);
        if (lstm) keep(c_state, made[2]);
        return add(Reshape{{s[0], s[1], s[2], units}}, {made[0]}, hq);
    }

    // Over each row of the picture.
    ValueId svdf(ValueId x) {
        const Shape s = shape(x);
        const int64_t batch = s[0] * s[1], inputs = s[2] * s[3], units = pick(1, 5), moments = pick(1, 5);
        const bool bytes = chance(50);
        Svdf op;
        op.rank = pick(1, 3);
        const int64_t filters = units * op.rank;
        const DType kept = bytes ? DType::int8 : DType::int16;
        const Quant mq = Quant::tensor(0.01f, bytes ? zero_point() : 0), q = quant();
        op.x_zero = q_of(x).zero_point();
        op.feature_requant = spread(Rounding::twice, bytes ? 40 : 4000, inputs, 1, between(0.3, 2), mq.zero_point(), bytes ? 8 : 16);
        const double reach = bytes ? 74.0 * 40 : 1000.0 * 4000;
        const int64_t terms = op.rank * moments;
        op.requant = requant({40 / (reach * std::sqrt(static_cast<double>(terms)))}, {terms * (bytes ? 255 * 128 : 2000 * 32768) + 3000},
                             q.zero_point());
        int state = -1;
        const ValueId held = memory(numbers(kept, {batch, filters * moments}, bytes ? 100 : 9000, mq), state);
        std::vector<ValueId> in{add(Reshape{{batch, inputs}}, {x}, q_of(x)), constant(weights({filters, inputs})),
                                constant(numbers(kept, {filters, moments}, bytes ? 127 : 2000)), held};
        if (chance(70)) in.push_back(constant(numbers(DType::int32, {units}, 3000)));
        const std::vector<ValueId> made = add_all(op, in);
        g_[made[0]].type.quant = q, g_[made[1]].type.quant = mq;
        keep(state, made[1]);
        return add(Reshape{{s[0], s[1], 1, units}}, {made[0]}, q);
    }

    // With what came in the run before.
    ValueId delayed(ValueId x) {
        int state = -1;
        const ValueId before = memory(numbers(DType::int8, shape(x), 100, q_of(x)), state);
        keep(state, x);
        return binary(x, before);
    }

    // A squared difference or a quotient.
    ValueId rescaled(ValueId a, ValueId b) {
        Binary op;
        const Quant qa = q_of(a), qb = q_of(b), q = quant();
        op.kind = chance(50) ? BinaryKind::squared_difference : BinaryKind::div;
        if (op.kind == BinaryKind::div) {
            op.a_zero = qa.zero_point(), op.b_zero = qb.zero_point();
            op.requant = make_requant(Rounding::twice, {between(0.1, 20)}, {255}, q.zero_point(), -128, 127);
        } else {
            rescale_operands(op, qa, qb, static_cast<int32_t>(pick(1, 7)));
            op.requant =
                make_requant(Rounding::twice, {std::ldexp(between(0.003, 0.1), -2 * op.left_shift)}, {1}, q.zero_point(), -128, 127);
        }
        return add(op, {a, b}, q);
    }

    // Of two values of one scale the one or the other, as a comparison with a third says.
    ValueId choice(ValueId x) {
        Binary op;
        op.kind = static_cast<BinaryKind>(pick(static_cast<int64_t>(BinaryKind::equal), static_cast<int64_t>(BinaryKind::greater)));
        const ValueId other = table(x), third = chance(50) ? other : reduce(x, {1, 2}, true);
        rescale_operands(op, q_of(x), q_of(third), 8);
        const ValueId which = add(op, {x, third});
        const ValueId b = table(x);
        g_[b].type.quant = q_of(other);
        return add(Select{}, {which, other, b}, q_of(other));
    }

    ValueId rare(ValueId x) {
        const Shape s = shape(x);
        if (s.elements() > 1200) return block(x);
        switch (pick(0, 9)) {
            case 0:
            case 1:
            case 2:
                return recurrent(x);
            case 3:
            case 4:
                return svdf(x);
            case 5:
                return delayed(x);
            case 6:
                return rescaled(x, chance(50) ? table(x) : reduce(x, {1, 2}, true));
            case 7:
                return choice(x);
            case 8:
                if (chance(50)) return add(L2Norm{q_of(x).zero_point()}, {x}, Quant::tensor(1.0f / 128, 0));
                return add(Softmax{3, true, SoftmaxForm::reciprocal}, {x, constant(log_softmax_table(between(0, 0.3)))},
                           Quant::tensor(16.0f / 256, 127));
            default:
                outputs_.push_back(
                    add(ArgMax{pick(0, 3), chance(50), chance(50), chance(50), chance(50) ? DType::int64 : DType::int32}, {x}));
                return table(x);
        }
    }

    ValueId conv_to(ValueId x, int64_t channels) { return weighted(Conv2D{}, x, Shape{channels, 1, 1, shape(x)[3]}); }

    ValueId head(ValueId x) {
        const Shape s = shape(x);
        if (chance(40)) x = reduce(x, {1, 2}, false);
        if (shape(x).rank() == 4) x = add(Reshape{{s[0], s[1] * s[2] * s[3]}}, {x});
        x = dense(x);
        if (chance(40)) x = dense(x);
        return chance(50) ? softmax(x) : x;
    }

    std::mt19937 random_;
    Rounding rounding_;
    int blocks_;
    bool rare_, whole_words_ = false;
    Graph g_;
    std::vector<ValueId> outputs_;
    int64_t count_ = 0;
};

}  // namespace gw::testing
