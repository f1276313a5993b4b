// Lowering, judged by results: reshapes that share memory, concats and slices that are views, ports of every kind. Each program is placed,
// emitted, compiled and run; every step's bytes equal the interpreter's.
#include "lower/lower.h"

#include "support/bundle.h"
#include "support/random_int16.h"

namespace gw {
namespace {

using testing::expect_right;
using testing::make_bundle;
using testing::RandomGraph;

int views(const Program& p) {
    int n = 0;
    for (const Buffer& b : p.buffers) n += b.view_of >= 0 ? 1 : 0;
    return n;
}
bool calls(const Program& p, std::string_view kernel) {
    bool any = false;
    for_each_call(p.steps, [&](const Call& c, int64_t) { any = any || c.kernel.find(kernel) != std::string::npos; });
    return any;
}

LowerOptions placed(int variant) { return {.name = "net", .input_in_arena = (variant & 1) != 0, .output_in_arena = (variant & 2) != 0}; }

TEST(Lower, RandomInt8NetworksComputeWhatTheInterpreterComputes) {
    for (uint32_t seed = 1; seed <= 12; ++seed) {
        const RandomGraph::Options o{
            .batch = seed % 4 == 0 ? 2 : 1, .blocks = 5, .inputs = seed % 3 == 0 ? 2 : 1, .extra_output = seed % 2 == 0};
        Diagnostics diag;
        const Graph g = testing::quantized(testing::optimised(RandomGraph(seed, o).make()), diag);
        expect_right(g, make_bundle(g, placed(static_cast<int>(seed % 4))), "seed " + std::to_string(seed));
        if (HasFailure()) return;
    }
}

TEST(Lower, RandomInt16NetworksComputeWhatTheInterpreterComputes) {
    for (uint32_t seed = 1; seed <= 12; ++seed) {
        const Graph g = testing::optimised(testing::RandomInt16(seed, 4).make());
        expect_right(g, make_bundle(g, placed(static_cast<int>(seed % 4))), "int16 seed " + std::to_string(seed));
        if (HasFailure()) return;
    }
}

TEST(Lower, RandomFloatNetworksAgreeWithTheInterpreter) {
    for (uint32_t seed = 31; seed <= 36; ++seed) {
        const RandomGraph::Options o{
            .batch = seed % 3 == 0 ? 2 : 1, .blocks = 4, .inputs = 1 + static_cast<int>(seed % 2), .extra_output = seed % 2 == 0};
        const Graph g = testing::optimised(RandomGraph(seed, o).make());
        expect_right(g, make_bundle(g, placed(static_cast<int>(seed % 4))), "seed " + std::to_string(seed));
        if (HasFailure()) return;
    }
}

const Quant unit = Quant::tensor(1.0f / 64, 3);
struct Small {
    Graph g;
    ValueId input(std::string name, Shape s) { return g.add_input(std::move(name), {DType::int8, std::move(s), unit}); }
    ValueId add(Op op, std::vector<ValueId> in) {
        const ValueId y =
            g.must_add(std::move(op), std::move(in), {{"n" + std::to_string(g.nodes.size()), "Op", static_cast<int64_t>(g.nodes.size())}});
        g[y].type.quant = unit;
        return y;
    }
    // Some function of one value that is not the identity.
    ValueId table(ValueId x, int key) {
        std::vector<int8_t> t;
        for (int i = 0; i < 256; ++i) t.push_back(static_cast<int8_t>(i * (2 * key + 1) + key));
        return add(Lookup{}, {x, g.add_constant(Tensor::of<int8_t>(Shape{256}, t))});
    }
    void check(const std::string& what) {
        for (int variant = 0; variant < 4; ++variant) {
            expect_right(g, make_bundle(g, placed(variant)), fmt::format("{}, variant {}", what, variant));
            if (::testing::Test::HasFailure()) return;
        }
    }
};

TEST(Lower, AConcatOfPartsInARowIsAView) {
    Small s;
    const ValueId x = s.input("x", {1, 4, 4, 2});
    const ValueId c = s.add(Concat{1}, {s.table(x, 1), s.table(x, 2), s.table(x, 3)});
    s.g.add_output("y", s.table(c, 4));
    const Program p = make_bundle(s.g).program;
    EXPECT_EQ(views(p), 3);
    EXPECT_FALSE(calls(p, "concat"));
    s.check("concat");
}

TEST(Lower, AConcatIntoAnOutputIsAView) {
    Small s;
    const ValueId x = s.input("x", {6, 5});
    s.g.add_output("y", s.add(Concat{0}, {s.table(x, 1), s.table(x, 2)}));
    EXPECT_EQ(views(make_bundle(s.g).program), 2);
    s.check("concat output");
}

TEST(Lower, AConcatOfInnerDimensionsOrOfSharedPartsIsACopy) {
    Small s;
    const ValueId x = s.input("x", {2, 3, 4});
    const ValueId a = s.table(x, 1), b = s.table(x, 2);
    const ValueId inner = s.add(Concat{2}, {a, b}), twice = s.add(Concat{0}, {a, a, x});
    s.g.add_output("inner", inner);
    s.g.add_output("twice", s.table(twice, 5));
    s.check("copies");
}

TEST(Lower, SlicesInARowAreViewsOthersCopies) {
    Small s;
    const ValueId x = s.input("x", {1, 8, 3});
    const ValueId t = s.table(x, 1);
    const ValueId low = s.add(Slice{{0, 0, 0}, {1, 3, 3}, {1, 1, 1}}, {t}), high = s.add(Slice{{0, 3, 0}, {1, 5, 3}, {1, 1, 1}}, {t});
    const ValueId stepped = s.add(Slice{{0, 7, 1}, {1, 4, 2}, {1, -2, 1}}, {t});
    s.g.add_output("low", s.table(low, 2));
    s.g.add_output("high", s.table(high, 3));
    s.g.add_output("stepped", stepped);
    EXPECT_EQ(views(make_bundle(s.g).program), 2);
    s.check("slices");
}

// A slice outlives its source's other readers and the place is not given away under it.
TEST(Lower, ASliceLivesAsLongAsItIsRead) {
    Small s;
    const ValueId x = s.input("x", {1, 64});
    const ValueId t = s.table(x, 1);
    const ValueId part = s.add(Slice{{0, 16}, {1, 16}, {1, 1}}, {t});
    ValueId y = s.table(t, 2);
    for (int i = 3; i < 6; ++i) y = s.table(y, i);
    const ValueId c = s.add(Concat{1}, {s.table(part, 6), s.table(s.add(Slice{{0, 0}, {1, 64}, {1, 1}}, {y}), 7)});
    s.g.add_output("y", s.table(c, 8));
    s.check("long slice");
}

TEST(Lower, OutputsOfEveryKind) {
    Small s;
    const ValueId x = s.input("x", {2, 6}), z = s.input("z", {2, 6});
    const ValueId flat = s.add(Reshape{{12}}, {x});
    const ValueId t = s.table(flat, 1);
    const ValueId back = s.add(Reshape{{3, 4}}, {t});
    s.g.add_output("the input", x);
    s.g.add_output("the input reshaped", flat);
    s.g.add_output("a constant", s.g.add_constant(Tensor::of<int8_t>(Shape{3}, {1, -2, 3}, unit)));
    s.g.add_output("t", t);
    s.g.add_output("t again", t);
    s.g.add_output("t reshaped", back);
    s.g.add_output("what reads the reshaped", s.table(back, 2));
    s.g.add_output("z", s.table(z, 3));
    s.check("outputs");
}

TEST(Lower, AReshapedOutputThatIsReadAgain) {
    Small s;
    const ValueId x = s.input("x", {2, 6});
    const ValueId flat = s.add(Reshape{{12}}, {x});
    s.g.add_output("flat", flat);
    s.g.add_output("y", s.table(flat, 1));
    s.check("reshaped input");
}

TEST(Lower, OneValueInBothOperands) {
    Small s;
    const ValueId x = s.input("x", {1, 32});
    const ValueId t = s.table(x, 1);
    Binary add{BinaryKind::add};
    add.a_zero = 3, add.b_zero = 3, add.a_multiplier = 1 << 14, add.b_multiplier = 1 << 14;
    add.requant = Requant{Rounding::narrow, 0, {1}, {15}, 3, -128, 127};
    const ValueId sum = s.add(add, {t, t});
    MatMul product;
    product.a_zero = 3, product.b_zero = 3;
    const ValueId square = s.add(Reshape{{4, 8}}, {sum}), turned = s.add(Reshape{{8, 4}}, {sum});
    product.requant = make_requant(Rounding::narrow, {0.02}, {8 * 255 * 255}, 3, -128, 127);
    s.g.add_output("y", s.add(product, {square, turned}));
    s.check("twice the same");
}

TEST(Lower, AnUnusedInputIsKeptInTheInterface) {
    Small s;
    const ValueId x = s.input("x", {4});
    s.input("unused", {7});
    s.g.add_output("y", s.table(x, 1));
    s.check("unused input");
}

TEST(Lower, EveryNodeWithoutAKernelIsNamedWithReasons) {
    Graph g;
    g.file = "m.onnx";
    const ValueId x = g.add_input("x", {DType::int64, Shape{4}, {}});
    ValueId y = g.must_add(Reduce{ReduceKind::product, {0}, true, 0, {}}, {x}, {{"first", "ReduceProd", 0}});
    y = g.must_add(Reduce{ReduceKind::sum, {0}, true, 0, {}}, {y}, {{"second", "ReduceSum", 1}});
    g.add_output("y", y);
    Diagnostics diag;
    EXPECT_FALSE(lower(g, *find_core("generic"), {.name = "net"}, diag).ok());
    ASSERT_EQ(diag.errors(), 2);
    for (const Diagnostic& d : diag.all()) {
        EXPECT_EQ(d.id, DiagId::lower_no_kernel);
        EXPECT_NE(d.message.find("reduce"), std::string::npos) << d.message;
        EXPECT_NE(d.message.find("_"), std::string::npos) << "names no row: " << d.message;
    }
    EXPECT_EQ(diag.all()[0].location.node_name, "second");
    EXPECT_EQ(diag.all()[1].location.node_name, "first");
}

// A row that writes weights into its text computes with the wrong ones when the caller passes others.
TEST(Lower, RowsThatHoldWeightsAreRefusedWhereTheCallerPassesThem) {
    KernelRow row = *kernel_rows().front();
    row.weights_as_code = true;
    LowerOptions passed{.name = "net"};
    passed.weights_passed = true;
    EXPECT_EQ(refusal(row, {.name = "net"}), "");
    EXPECT_NE(refusal(row, passed).find("--weights pointer"), std::string::npos);
    row.weights_as_code = false;
    EXPECT_EQ(refusal(row, passed), "");
}

}  // namespace
}  // namespace gw
