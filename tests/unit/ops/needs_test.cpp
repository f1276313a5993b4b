// `needs`: what lies outside the box it names must not matter, and (where it is exact) every face of the box must matter. Both are tested
// by perturbing operands and looking at the results inside the output box only.
#include "unit/ops/run.h"

namespace gw::test {
namespace {
struct Case {
    Op op;
    std::vector<Tensor> in;
    bool exact;  // every face of the box of operand 0 is read
};

std::vector<int64_t> index_of(const Shape& s, int64_t i) {
    std::vector<int64_t> index(static_cast<size_t>(s.rank()));
    for (size_t d = index.size(); d-- > 0;) {
        index[d] = i % s[static_cast<int64_t>(d)];
        i /= s[static_cast<int64_t>(d)];
    }
    return index;
}
bool inside(const Box& b, const std::vector<int64_t>& index) {
    for (size_t d = 0; d < index.size(); ++d)
        if (index[d] < b.begin[d] || index[d] >= b.end[d]) return false;
    return true;
}
// A copy whose elements are redrawn where `where(index)` holds; floats far larger than before, so that they win maxima.
template <class F>
Tensor perturbed(Random& r, const Tensor& x, F where) {
    Tensor t = Tensor::from_bytes(x.type, x.bytes());
    for (int64_t i = 0; i < t.elements(); ++i)
        if (where(index_of(t.shape(), i))) t.set(i, r.element(x.type.dtype) * (is_float(x.type.dtype) ? 100 : 1));
    return t;
}
bool same_inside(const Tensor& a, const Tensor& b, const Box& box) {
    for (int64_t i = 0; i < a.elements(); ++i)
        if (inside(box, index_of(a.shape(), i)) && a.at(i) != b.at(i)) return false;
    return true;
}
Box random_box(Random& r, const Shape& s) {
    Box b;
    for (int64_t d : s.dims()) {
        const int64_t begin = r.integer(0, d - 1);
        b.begin.push_back(begin);
        b.end.push_back(r.integer(begin + 1, d));
    }
    return b;
}

void check_faces(Random& r, const Case& c, const Tensor& y, const Box& out_box, const Box& box) {
    for (size_t d = 0; d < box.begin.size(); ++d) {
        if (box.begin[d] >= box.end[d]) return;  // nothing is read
    }
    for (size_t d = 0; d < box.begin.size(); ++d) {
        for (int64_t face : {box.begin[d], box.end[d] - 1}) {
            bool seen = false;
            for (int attempt = 0; attempt < 20 && !seen; ++attempt) {
                std::vector<Tensor> in = c.in;
                in[0] = perturbed(r, in[0], [&](const auto& i) { return i[d] == face && inside(box, i); });
                seen = !same_inside(y, run(c.op, in), out_box);
            }
            ASSERT_TRUE(seen) << op_name(c.op) << " " << print_fields(c.op) << ": index " << face << " of dimension " << d
                              << " is not read";
        }
    }
}

void check(Random& r, const Case& c) {
    const Tensor y = run(c.op, c.in);
    std::vector<const Type*> types;
    for (const Tensor& t : c.in) types.push_back(&t.type);
    for (int k = 0; k < 6; ++k) {
        const Box out_box = random_box(r, y.shape());
        for (size_t operand = 0; operand < c.in.size(); ++operand) {
            const std::optional<Box> box = needs(c.op, types, y.type, out_box, operand);
            if (!box) continue;
            const Shape& s = c.in[operand].shape();
            ASSERT_EQ(box->begin.size(), s.dims().size()) << op_name(c.op);
            for (size_t d = 0; d < box->begin.size(); ++d) {
                ASSERT_GE(box->begin[d], 0);
                ASSERT_LE(box->begin[d], box->end[d]);
                ASSERT_LE(box->end[d], s[static_cast<int64_t>(d)]);
            }
            std::vector<Tensor> in = c.in;
            in[operand] = perturbed(r, in[operand], [&](const auto& i) { return !inside(*box, i); });
            ASSERT_TRUE(same_inside(y, run(c.op, in), out_box)) << op_name(c.op) << " " << print_fields(c.op) << " operand " << operand;
            if (c.exact && operand == 0) check_faces(r, c, y, out_box, *box);
            if (::testing::Test::HasFatalFailure()) return;
        }
    }
}

std::vector<Case> spatial_cases(Random& r) {
    std::vector<Case> cases;
    for (int i = 0; i < 12; ++i) {
        const int64_t groups = r.pick<int64_t>({1, 2, 4});
        Conv2D c;
        c.groups = groups;
        c.stride = {r.integer(1, 2), r.integer(1, 2)};
        const bool dilated = r.coin();
        if (dilated) c.dilation = {2, 3};
        c.pad = {r.integer(0, 1), r.integer(0, 1), r.integer(0, 1), r.integer(0, 1)};
        const Tensor x = r.tensor(DType::float32, {2, 6, 7, 4});
        cases.push_back({c, {x, r.tensor(DType::float32, {8, 2, 2, 4 / groups}), r.tensor(DType::float32, {8})}, !dilated});
        Pool2D p;
        p.kind = r.coin() ? PoolKind::max : PoolKind::average;
        p.kernel = {2, 3}, p.stride = {r.integer(1, 2), r.integer(1, 2)}, p.pad = {1, 1, 0, 2};
        cases.push_back({p, {x}, true});
        Resize z;
        z.size = {r.integer(2, 12), r.integer(2, 12)};
        z.scale = {static_cast<float>(z.size[0]) / 6, static_cast<float>(z.size[1]) / 7};
        z.mode = r.coin() ? ResizeMode::nearest : ResizeMode::linear;
        z.coordinates = static_cast<ResizeCoordinates>(r.integer(0, 3));
        cases.push_back({z, {x}, z.mode == ResizeMode::nearest});
    }
    return cases;
}

Custom doubling(const Shape& shape) {
    Custom op;
    op.function = "doubling";
    op.results = {{DType::float32, shape, {}}};
    op.code = std::make_shared<const CustomCode>([](std::span<const Tensor* const> in, std::span<Tensor> out) {
        for (int64_t i = 0; i < out[0].elements(); ++i) out[0].set(i, 2 * in[0]->at(i));
    });
    return op;
}

std::vector<Case> other_cases(Random& r) {
    const Tensor x = r.tensor(DType::float32, {3, 4, 5});
    const Tensor b = r.tensor(DType::int8, {3, 4, 5}, Quant::tensor(0.5f, 1));
    const Tensor ints = r.tensor(DType::int64, {3, 4, 5});
    return {
        {Unary{UnaryKind::neg, 0, 0}, {x}, true},
        {Lookup{}, {b, r.tensor(DType::int8, {256})}, true},
        {Binary{}, {x, r.tensor(DType::float32, {4, 1})}, true},
        {Binary{}, {r.tensor(DType::float32, {4, 1}), x}, true},
        {L2Norm{3}, {b}, true},
        {Rescale{DType::int8, 1, false, {Rounding::twice, 0, {1 << 30}, {1}, 0, -128, 127}, {}}, {b}, true},
        {Sigmoid16{UnaryKind::tanh, 3, 0}, {r.tensor(DType::int16, {3, 4, 5})}, false},
        {Concat{1}, {x, x, r.tensor(DType::float32, {3, 2, 5})}, true},
        {Slice{{2, 0, 4}, {2, 3, 2}, {-2, 1, -3}}, {x}, true},
        {Pad{{1, 0, 2}, {0, 1, 3}, PadMode::constant, 3}, {x}, true},
        {Pad{{1, 0, 2}, {0, 1, 3}, PadMode::reflect, 0}, {x}, true},
        {Pad{{1, 0, 2}, {0, 1, 3}, PadMode::edge, 0}, {x}, true},
        {Pad{{1, 0, 2}, {0, 1, 3}, PadMode::symmetric, 0}, {x}, true},
        {Transpose{{2, 0, 1}}, {x}, true},
        {Reshape{{12, 5}}, {x}, false},
        {Gather{1}, {x, Tensor::of<int32_t>({2, 2}, {0, 3, -1, 1})}, false},
        {ArgMax{1}, {x}, false},
        {ArgMax{2, false, true}, {b}, false},
        {Select{},
         {Tensor::of<uint8_t>({4, 1}, {1, 0, 0, 1}).with_type({DType::boolean, {4, 1}, {}}), x, r.tensor(DType::float32, {5})},
         false},
        {Reduce{ReduceKind::sum, {1}, true, 0, {}}, {x}, true},
        {Reduce{ReduceKind::sum, {0, 2}, false, 0, {}}, {x}, true},
        {Softmax{2, false}, {x}, true},
        {Dense{}, {x, r.tensor(DType::float32, {3, 5}), r.tensor(DType::float32, {3})}, true},
        {MatMul{}, {x, r.tensor(DType::float32, {5, 4})}, true},
        {MatMul{}, {r.tensor(DType::float32, {2, 4}), r.tensor(DType::float32, {3, 4, 5})}, true},
        {Cast{DType::int64}, {ints}, true},
        {Quantize{DType::int8, Quant::tensor(0.001f, 0)}, {x}, false},
        {Dequantize{}, {b}, true},
        {Recurrent{RecurrentKind::rnn},
         {x, r.tensor(DType::float32, {3, 5}), r.tensor(DType::float32, {3, 3}), r.tensor(DType::float32, {4, 3})},
         false},
        {Svdf{},
         {r.tensor(DType::float32, {2, 3}), r.tensor(DType::float32, {4, 3}), r.tensor(DType::float32, {4, 5}),
          r.tensor(DType::float32, {2, 20})},
         false},
        {doubling({3, 4, 5}), {x}, false},
    };
}
}  // namespace

TEST(Needs, WhatLiesOutsideDoesNotMatterAndItsFacesDo) {
    Random r(31);
    std::vector<Case> cases = spatial_cases(r);
    for (Case& c : other_cases(r)) cases.push_back(std::move(c));
    std::vector<bool> covered(all_ops().size(), false);
    for (const Case& c : cases) {
        covered[c.op.index()] = true;
        check(r, c);
        if (HasFatalFailure()) return;
    }
    for (size_t i = 0; i < covered.size(); ++i) EXPECT_TRUE(covered[i]) << op_name(all_ops()[i]) << " is not tested here";
}

}  // namespace gw::test
