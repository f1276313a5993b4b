// The text of fields reads back to the same op, for every op and random values of every field; wrong text is refused with a reason.
#include <limits>

#include "base/text.h"
#include "unit/ops/run.h"

namespace gw::test {
namespace {
void randomize(Random& r, bool& v) { v = r.coin(); }
void randomize(Random& r, int64_t& v) { v = r.integer(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()); }
void randomize(Random& r, int32_t& v) {
    v = static_cast<int32_t>(r.integer(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
}
void randomize(Random& r, float& v) {
    v = r.pick<float>({infinity, -infinity, 0, 1.0f / 3, -1e-30f, 16777217.0f, static_cast<float>(r.real(-1, 1))});
}
void randomize(Random& r, PoolKind& v) { v = static_cast<PoolKind>(r.integer(0, 1)); }
void randomize(Random& r, ReduceKind& v) { v = static_cast<ReduceKind>(r.integer(0, 4)); }
void randomize(Random& r, BinaryKind& v) { v = static_cast<BinaryKind>(r.integer(0, 13)); }
void randomize(Random& r, UnaryKind& v) { v = static_cast<UnaryKind>(r.integer(0, 37)); }
void randomize(Random& r, Ties& v) { v = static_cast<Ties>(r.integer(0, 1)); }
void randomize(Random& r, SoftmaxForm& v) { v = static_cast<SoftmaxForm>(r.integer(0, 2)); }
void randomize(Random& r, RecurrentKind& v) { v = static_cast<RecurrentKind>(r.integer(0, 2)); }
void randomize(Random& r, PadMode& v) { v = static_cast<PadMode>(r.integer(0, 3)); }
void randomize(Random& r, ResizeMode& v) { v = static_cast<ResizeMode>(r.integer(0, 1)); }
void randomize(Random& r, ResizeCoordinates& v) { v = static_cast<ResizeCoordinates>(r.integer(0, 3)); }
void randomize(Random& r, ResizeRounding& v) { v = static_cast<ResizeRounding>(r.integer(0, 3)); }
void randomize(Random& r, ResizeUnits& v) { v = static_cast<ResizeUnits>(r.integer(0, 1)); }
void randomize(Random& r, Rounding& v) { v = static_cast<Rounding>(r.integer(0, 5)); }
void randomize(Random& r, DType& v) { v = static_cast<DType>(r.integer(0, 12)); }
void randomize(Random& r, std::string& v) { v = r.pick<std::string>({"f", "MyOwn_2", "_x"}); }
void randomize(Random& r, Type& v) {
    randomize(r, v.dtype);
    std::vector<int64_t> dims(static_cast<size_t>(r.integer(0, 4)));
    for (int64_t& d : dims) d = r.integer(0, 999);
    v.shape = Shape(dims);
}
template <class T>
void randomize(Random& r, std::vector<T>& v) {
    v.resize(static_cast<size_t>(r.integer(0, 4)));
    for (T& x : v) randomize(r, x);
}
template <class T, size_t n>
void randomize(Random& r, std::array<T, n>& v) {
    for (T& x : v) randomize(r, x);
}
void randomize(Random& r, Quant& q) {
    q = {};
    const int64_t n = r.integer(0, 4);
    if (n == 0) return;
    if (n > 1) q.axis = r.integer(0, 3);
    if (n > 2) q.block = r.integer(0, 64);
    q.scales.resize(static_cast<size_t>(n)), q.zero_points.resize(static_cast<size_t>(n));
    for (float& s : q.scales) s = static_cast<float>(r.real(1e-6, 1));
    for (int32_t& z : q.zero_points) randomize(r, z);
}
void randomize(Random& r, Requant& v) {
    randomize(r, v.rounding), randomize(r, v.pre_shift), randomize(r, v.multiplier), randomize(r, v.shift), randomize(r, v.zero_point);
    randomize(r, v.lo), randomize(r, v.hi);
}
void randomize_fields(Random& r, Op& op) {
    std::visit(
        [&](auto& o) {
            using T = std::decay_t<decltype(o)>;
            if constexpr (!std::is_same_v<T, EndOfOps>) {
                std::apply([&](const auto&... f) { (randomize(r, o.*f.member), ...); }, T::fields());
            }
        },
        op);
}
}  // namespace

TEST(Fields, PrintAndReadBackForEveryOp) {
    Random r(21);
    for (const Op& standard : all_ops()) {
        EXPECT_EQ(print_fields(standard), "") << op_name(standard);
        for (int i = 0; i < 200; ++i) {
            Op op = standard;
            randomize_fields(r, op);
            Op back = *op_from_name(op_name(op));
            const std::string text = print_fields(op);
            for (const std::string& field : split(text, ' ')) {
                if (field.empty()) continue;
                const size_t equals = field.find('=');
                std::string why;
                ASSERT_TRUE(set_field(back, field.substr(0, equals), field.substr(equals + 1), why)) << why;
            }
            ASSERT_EQ(back, op) << op_name(op) << " " << text;
        }
    }
}

TEST(Fields, TextIsAsDocumented) {
    Conv2D c;
    c.stride = {2, 2}, c.act_lo = 0, c.requant = {Rounding::narrow, 2, {5, 6}, {7, 8}, -3, -128, 127};
    EXPECT_EQ(print_fields(Op{c}), "stride=[2,2] act_lo=0 requant=narrow(pre=2,mul=[5,6],shift=[7,8],zero=-3,lo=-128,hi=127)");
    EXPECT_EQ(print_fields(Op{Quantize{DType::uint8, Quant::tensor(0.5f, 3)}}), "to=u8 quant=q(0.5,3)");
}

TEST(Fields, WrongTextIsRefusedAndChangesNothing) {
    const auto refused = [](const char* op, const char* name, const char* value) {
        Op o = *op_from_name(op);
        const Op before = o;
        std::string why;
        EXPECT_FALSE(set_field(o, name, value, why)) << name << "=" << value;
        EXPECT_NE(why, "");
        EXPECT_EQ(o, before);
    };
    refused("conv2d", "colour", "1");
    for (const char* v : {"", "[1", "[1]", "[1,2,3]", "1,2", "[1,2]x", "[a,b]", "[1,,2]"}) refused("conv2d", "stride", v);
    for (const char* v : {"", "none", "narrow()", "broad(pre=0,mul=[],shift=[],zero=0,lo=0,hi=0)",
                          "narrow(pre=0,mul=[99999999999],shift=[],zero=0,lo=0,hi=0)", "narrow(pre=0,shift=[],mul=[],zero=0,lo=0,hi=0)"})
        refused("dense", "requant", v);
    for (const char* v : {"q", "q()", "q(1)", "q(1,2,3)", "q(axis=0,[1],[1,2])", "q(axis=-1,[1],[1])", "q(axis=0,block=0,[1],[1])"})
        refused("quantize", "quant", v);
    for (const char* v : {"maximum", "0", ""}) refused("pool2d", "kind", v);
    for (const char* v : {"1", "yes"}) refused("softmax", "log", v);
    for (const char* v : {"x", "1e999", "1 ", "nan"}) refused("unary", "alpha", v);
    refused("cast", "to", "f31");
    for (const char* v : {"", "a-b", "1st"}) refused("custom", "function", v);
    for (const char* v : {"", "f32[1]", "[f32]", "[f31[1]]", "[f32[1,-2]]", "[f32[1]x]"}) refused("custom", "results", v);
}

TEST(Ops, NamesOfOpsAndOperands) {
    EXPECT_EQ(all_ops().size(), std::variant_size_v<Op> - 1);
    for (const Op& op : all_ops()) EXPECT_EQ(op_from_name(op_name(op))->index(), op.index());
    EXPECT_EQ(op_from_name("convolution"), std::nullopt);
    EXPECT_EQ(operand_name(Op{Conv2D{}}, 2), "bias");
    EXPECT_EQ(operand_name(Op{Concat{}}, 3), "x[3]");
}

}  // namespace gw::test
