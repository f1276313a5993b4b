// drop-borders on networks of windows, steps and cuts of every kind: the same bytes (floats are summed up in another order), never more
// multiplications and often fewer, and no columns are copied for it.
#include <gtest/gtest.h>

#include <cmath>

#include "passes/passes.h"
#include "support/random_graph.h"

namespace gw {
namespace {

// Layers that reach beyond a picture's edge or stop before it, slices in between, now and then two paths that meet.
class Windows {
public:
    explicit Windows(uint32_t seed) : random_(seed) {}
    Graph make() {
        const int64_t h = pick(6, 24), w = pick(6, 24);
        x_ = g_.add_input("x", {DType::float32, Shape{1, h, w, pick(1, 3)}, {}});
        ValueId y = x_;
        for (int64_t k = pick(2, 6); k > 0; --k) y = layer(y);
        g_.add_output("y", y);
        if (pick(0, 3) == 0) g_.add_output("z", layer(y));
        return g_;
    }

private:
    int64_t pick(int64_t least, int64_t most) { return least + static_cast<int64_t>(random_() % static_cast<uint32_t>(most - least + 1)); }
    const Shape& shape(ValueId v) const { return g_.type(v).shape; }
    ValueId add(Op op, std::vector<ValueId> in) { return g_.must_add(std::move(op), std::move(in), {}); }

    ValueId conv(ValueId x, bool same) {
        Conv2D op;
        const int64_t kh = same ? 3 : std::min(pick(1, 4), shape(x)[1]), kw = same ? 3 : std::min(pick(1, 4), shape(x)[2]);
        if (same) {
            op.pad = {1, 1, 1, 1};
        } else {
            op.stride = {pick(1, 3), pick(1, 3)};
            op.pad = {pick(0, kh), pick(0, kw), pick(0, kh), pick(0, kw)};  // some windows lie outside
        }
        Tensor weights = Tensor::zeros({DType::float32, Shape{pick(1, 3), kh, kw, shape(x)[3]}, {}});
        for (float& v : weights.mutable_data<float>()) v = static_cast<float>(pick(-20, 20)) / 16;
        return add(op, {x, g_.add_constant(weights), {}});
    }
    ValueId pool(ValueId x) {
        Pool2D op;
        op.kind = pick(0, 1) == 0 ? PoolKind::max : PoolKind::average;
        op.kernel = {std::min(pick(1, 3), shape(x)[1]), std::min(pick(1, 3), shape(x)[2])};
        op.stride = {pick(1, 3), pick(1, 3)};
        op.pad = {pick(0, op.kernel[0] - 1), pick(0, op.kernel[1] - 1), pick(0, op.kernel[0] - 1), pick(0, op.kernel[1] - 1)};
        op.count_pad = pick(0, 1) == 0;
        return add(op, {x});
    }
    ValueId slice(ValueId x) {
        const Shape s = shape(x);
        Slice op{{0, 0, 0, 0}, s.dims(), {1, 1, 1, 1}};
        for (size_t i = 1; i < 3; ++i) {
            op.start[i] = pick(0, op.size[i] - 1);
            op.size[i] = pick(1, op.size[i] - op.start[i]);
            if (pick(0, 3) == 0) op.step[i] = 2, op.size[i] = (op.size[i] + 1) / 2;
        }
        return add(op, {x});
    }
    ValueId layer(ValueId x) {
        switch (pick(0, 7)) {
            case 0:
            case 1:
                return pool(x);
            case 2:
                return slice(x);
            case 3:
                return add(Unary{UnaryKind::tanh, 0, 0}, {x});
            case 4: {
                const ValueId a = conv(x, true);
                return add(Binary{BinaryKind::mul}, {a, add(Unary{UnaryKind::abs, 0, 0}, {a})});
            }
            case 5:
                return add(Concat{3}, {conv(x, true), x});
            default:
                return conv(x, false);
        }
    }

    std::mt19937 random_;
    Graph g_;
    ValueId x_;
};

int64_t copies_of_columns(const Graph& g) {
    int64_t n = 0;
    for (const Node& node : g.nodes)
        if (get_if<Slice>(node.op) != nullptr) n += g.type(node.outputs[0]).shape[2] != g.type(node.inputs[0]).shape[2] ? 1 : 0;
    return n;
}

void expect_same(const Graph& a, const Graph& b, uint32_t seed) {
    Diagnostics diag;
    ASSERT_TRUE(verify(b, diag).ok()) << "seed " << seed << ": " << diag.all().front().text() << print(b);
    std::mt19937 random(seed);
    std::vector<Tensor> in;
    for (const Port& port : a.inputs) {
        Tensor t = Tensor::zeros(a.type(port.value));
        for (int64_t i = 0; i < t.elements(); ++i) t.set(i, static_cast<double>(static_cast<int64_t>(random() % 256) - 128));
        in.push_back(std::move(t));
    }
    const std::vector<Tensor> before = interpret(a, in), after = interpret(b, in);
    for (size_t i = 0; i < before.size(); ++i) {
        ASSERT_EQ(before[i].shape(), after[i].shape());
        double most = 0, apart = 0;
        for (int64_t k = 0; k < before[i].elements(); ++k) {
            most = std::max(most, std::fabs(before[i].at(k)));
            apart = std::max(apart, std::fabs(before[i].at(k) - after[i].at(k)));
        }
        ASSERT_LE(apart, is_float(before[i].type.dtype) ? most * 1e-5 : 0) << "seed " << seed << print(a) << print(b);
    }
}

TEST(DropBorders, TheSameFromFewerPositions) {
    int64_t before = 0, after = 0;
    int fewer = 0;
    for (uint32_t seed = 1; seed <= 600; ++seed) {
        const Graph g = Windows(seed).make();
        const Graph trimmed = drop_borders(g);
        expect_same(g, trimmed, seed);
        if (HasFatalFailure()) return;
        EXPECT_LE(trimmed.macs(), g.macs()) << "seed " << seed;
        EXPECT_LE(copies_of_columns(trimmed), copies_of_columns(g)) << "seed " << seed << print(g) << print(trimmed);
        fewer += trimmed.macs() < g.macs() ? 1 : 0;
        before += g.macs(), after += trimmed.macs();
    }
    EXPECT_GT(fewer, 200);
    EXPECT_LT(static_cast<double>(after), 0.9 * static_cast<double>(before));
}

TEST(DropBorders, TheSameBytesOfInt8) {
    int fewer = 0;
    for (uint32_t seed = 1; seed <= 200; ++seed) {
        const Graph real = Windows(seed).make();
        Diagnostics diag;
        auto quantized = quantize(real, testing::profile_of(real, 2), {}, diag);
        ASSERT_TRUE(quantized.ok()) << diag.all().front().text();
        const Graph trimmed = drop_borders(*quantized);
        expect_same(*quantized, trimmed, seed);
        if (HasFatalFailure()) return;
        fewer += trimmed.macs() < quantized->macs() ? 1 : 0;
    }
    EXPECT_GT(fewer, 50);
}

}  // namespace
}  // namespace gw
