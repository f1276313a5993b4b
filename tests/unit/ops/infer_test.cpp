// What infer refuses, with the words it uses: every op at least once, and every rule that later stages rely on.
#include <set>

#include "unit/ops/run.h"

namespace gw::test {
namespace {
Tensor f(Shape s) { return Tensor::zeros({DType::float32, std::move(s), {}}); }
Tensor t(DType d, Shape s, Quant q = {}) { return Tensor::zeros({d, std::move(s), std::move(q)}); }

std::set<std::string_view>& seen() {
    static std::set<std::string_view> names;
    return names;
}
void refused(const Op& op, const std::vector<Tensor>& in, const std::string& words) {
    seen().insert(op_name(op));
    const std::string e = infer_error(op, in);
    EXPECT_NE(e.find(words), std::string::npos)
        << op_name(op) << " " << print_fields(op) << "\n  said:     " << e << "\n  expected: " << words;
}
template <class T, class F>
T with(F change) {
    T op{};
    change(op);
    return op;
}

void weighted_ops() {
    const Tensor x = f({1, 5, 5, 4});
    const Tensor w = f({6, 3, 3, 4});
    refused(Conv2D{}, {x}, "operand `w`: missing");
    refused(Conv2D{}, {Tensor{}, w}, "operand `x`: missing");
    refused(Conv2D{}, {x, w, f({6}), f({6})}, "4 operands given, expected at most 3");
    refused(Conv2D{}, {f({5, 5, 4}), w}, "operand `x`: f32[5,5,4] has rank 3, expected 4 (N, H, W, C)");
    refused(Conv2D{}, {x, f({6, 3, 3, 3})}, "has 3 input channels, expected 4");
    refused(Conv2D{}, {x, f({6, 6, 3, 4})}, "the kernel covers 6 rows, but the padded input has 5");
    refused(Conv2D{}, {x, w, f({5})}, "operand `bias`: f32[5] given, expected f32[6]");
    refused(Conv2D{}, {x, t(DType::int16, {6, 3, 3, 4})}, "element type i16, expected f32 as x");
    refused(Conv2D{}, {x, t(DType::int8, {6, 3, 3, 4})}, "has no scale, which i8 weights of float data need");
    refused(Conv2D{}, {x, t(DType::int8, {6, 3, 3, 4}, Quant::tensor(0.5f, 1))}, "has a zero point 1");
    refused(Conv2D{}, {x, t(DType::int8, {6, 3, 3, 4}, {{1, 1, 1, 1}, {0, 0, 0, 0}, 3, 0})}, "neither one scale nor one an output channel");
    refused(Conv2D{}, {t(DType::int32, {1, 5, 5, 4}), w}, "expected f32, i8 or i16");
    refused(Conv2D{}, {t(DType::int16, {1, 5, 5, 4}), w}, "expected i8 for i16 data");
    refused(with<Conv2D>([](auto& o) { o.groups = 3; }), {x, w}, "not a multiple of 3 groups");
    refused(with<Conv2D>([](auto& o) { o.groups = 0; }), {x, w}, "groups is 0");
    refused(with<Conv2D>([](auto& o) { o.stride = {0, 1}; }), {x, w}, "stride 0 is not positive");
    refused(with<Conv2D>([](auto& o) { o.dilation = {1, -1}; }), {x, w}, "dilation -1 is not positive");
    refused(with<Conv2D>([](auto& o) { o.pad = {0, -1, 0, 0}; }), {x, w}, "pad -1 is negative");
    refused(with<Conv2D>([](auto& o) { o.pad = {0, int64_t{1} << 62, 0, 0}; }), {x, w}, "above 2^24");
    refused(with<Conv2D>([](auto& o) { o.pad = {1 << 24, 1 << 24, 0, 0}, o.stride = {1 << 24, 1 << 24}; }), {x, w}, "padded input");
    refused(with<Conv2D>([](auto& o) { o.act_lo = 1, o.act_hi = 0; }), {x, w}, "act_lo 1 is above act_hi 0");
    refused(with<Conv2D>([](auto& o) { o.requant = one_to_one(); }), {x, w}, "a requantization is given");
    const Tensor xi = t(DType::int8, {1, 5, 5, 4});
    const Tensor wi = t(DType::int8, {6, 3, 3, 4});
    refused(with<Conv2D>([](auto& o) { o.requant = one_to_one(); }), {t(DType::uint8, {1, 5, 5, 4}), wi}, "or u8 without a requantization");
    refused(Conv2D{}, {t(DType::uint8, {1, 5, 5, 4}), t(DType::uint8, {6, 3, 3, 4})}, "expected i8 for u8 data");
    refused(with<Conv2D>([](auto& o) { o.x_zero = -1; }), {t(DType::uint8, {1, 5, 5, 4}), wi}, "x_zero is -1, expected 0 to 255");
    refused(with<Conv2D>([](auto& o) { o.w_zero = 128; }), {xi, wi}, "w_zero is 128");
    refused(with<Conv2D>([](auto& o) { o.w_zero = 1; }), {x, w}, "w_zero is 1, but a float op has no zero point");
    refused(Conv2D{}, {xi, wi, f({6})}, "expected i32[6]");
    const auto requant = [&](auto change, const std::string& words) {
        Conv2D op;
        op.requant = one_to_one();
        change(op);
        refused(op, {xi, wi}, words);
    };
    requant([](Conv2D& o) { o.requant.multiplier = {1, 2}; }, "2 multipliers, expected 1 or 6");
    requant([](Conv2D& o) { o.requant.shift = {1, 2}; }, "1 multipliers and 2 shifts");
    requant([](Conv2D& o) { o.requant.multiplier = {32768}; }, "multiplier 32768 of channel 0 is out of range for narrow");
    requant([](Conv2D& o) { o.requant.shift = {0}; }, "shift 0 of channel 0");
    requant([](Conv2D& o) { o.requant.pre_shift = 32; }, "pre-shift 32");
    requant([](Conv2D& o) { o.requant.hi = 128; }, "clamps to [-128, 128]");
    requant([](Conv2D& o) { o.requant.zero_point = 200; }, "is 200, expected -128 to 127");
    requant([](Conv2D& o) { o.x_zero = -129; }, "x_zero is -129");
    requant([](Conv2D& o) { o.act_lo = 0; }, "for float results only");
    refused(Dense{}, {f({2, 3}), f({4, 5})}, "takes 5 inputs, but x f32[2,3] has 3");
    refused(Dense{}, {f({}), f({4, 5})}, "is a scalar");
    refused(MatMul{}, {f({2, 3}), f({4, 5})}, "operand `b`: f32[4,5] has 4 rows, but a f32[2,3] has 3 columns");
    refused(MatMul{}, {f({2, 2, 3}), f({3, 3, 5})}, "do not broadcast");
    refused(MatMul{}, {t(DType::int8, {2, 3}), t(DType::int8, {3, 5})}, "needs a requantization");
}

// Sums of i16 data say by their rounding how wide they are, and everything is symmetric.
void int16_ops() {
    const auto requant = [](Rounding r, int32_t multiplier, int32_t shift) {
        return Requant{r, 0, {multiplier}, {shift}, 0, -32768, 32767};
    };
    const Requant wide = requant(Rounding::wide, 20000, 20), twice = requant(Rounding::twice, 1 << 30, 0);
    const Tensor x = t(DType::int16, {2, 3}), w = t(DType::int8, {4, 3});
    const auto dense = [&](const Requant& r, int32_t zero = 0) { return with<Dense>([&](auto& o) { o.requant = r, o.x_zero = zero; }); };
    refused(dense(wide), {x, w, t(DType::int32, {4})}, "i32[4] given, expected i64[4]");
    refused(dense(twice), {x, w, t(DType::int64, {4})}, "i64[4] given, expected i32[4]");
    refused(dense(twice, 1), {x, w}, "x_zero is 1, but i16 data are symmetric");
    refused(dense(requant(Rounding::even, 1, 1)), {x, w}, "requantized `wide` or `twice`, not even");
    refused(dense(requant(Rounding::wide, 32768, 20)), {x, w}, "multiplier 32768 of channel 0 is out of range for wide");
    refused(dense(wide), {x, w, Tensor::of<int64_t>({4}, {0, 0, 1, (int64_t{1} << 46) + 1})}, "beyond 2^46");
    refused(with<Dense>([&](auto& o) { o.requant = wide, o.requant.lo = -128, o.requant.hi = 127; }), {t(DType::int8, {2, 3}), w},
            "not requantized `wide`");
    refused(with<Dense>([&](auto& o) { o.requant = twice, o.requant.hi = 32768; }), {x, w}, "expected a range within int16");
    refused(with<MatMul>([&](auto& o) { o.requant = twice; }), {x, t(DType::int16, {3, 2})}, "sums of i16 are not requantized twice");
    const auto binary = [&](BinaryKind kind, int32_t left, int32_t multiplier, const Requant& r) {
        return with<Binary>(
            [&](auto& o) { o.kind = kind, o.left_shift = left, o.a_multiplier = o.b_multiplier = multiplier, o.requant = r; });
    };
    refused(binary(BinaryKind::add, 16, 1, twice), {x, x}, "left_shift 16 is out of range [0, 15]");
    refused(binary(BinaryKind::add, 15, (1 << 30) + 1, twice), {x, x}, "the operands of a sum of i16 are not halved");
    refused(binary(BinaryKind::add, 0, 1, twice), {x, x}, "add of i16 needs a left_shift");
    refused(binary(BinaryKind::div, 0, 1, twice), {x, x}, "div of i16 is not defined");
    refused(binary(BinaryKind::mul, 0, 1, requant(Rounding::twice, 1 << 30, 1)), {x, x}, "shift 1 lets a product of i16 overflow");
    refused(Rescale{}, {f({2})}, "element type f32, expected i8 or i16");
    refused(Rescale{DType::int32, 0, false, twice, {}}, {x}, "rescales to i32");
    refused(Rescale{DType::int16, 0, false, wide, {}}, {x}, "not of the form `wide`");
    refused(Rescale{DType::int16, 0, false, requant(Rounding::twice, 1 << 30, 16), {}}, {x}, "shift 16 lets a value of i16 overflow");
    refused(Rescale{DType::int16, 0, true, twice, twice}, {x}, "a magnitude is never below 0");
    refused(Sigmoid16{}, {t(DType::int8, {2})}, "element type i8, expected i16");
    refused(Sigmoid16{UnaryKind::exp, 3, 0}, {x}, "exp is not a function of i16");
    refused(Sigmoid16{UnaryKind::tanh, 32768, 0}, {x}, "out of range");
    refused(with<Softmax>([](auto& o) { o.axis = 1; }), {x}, "the form ratio is not for i16");
    refused(with<Softmax>([](auto& o) { o.axis = 1, o.form = SoftmaxForm::table16, o.shift = 15; }), {x},
            "not a rescaling by less than 2^14");
}

void elementwise_ops() {
    const Tensor x = f({1, 4, 4, 2});
    refused(with<Pool2D>([](auto& o) { o.kernel = {5, 1}; }), {x}, "covers 5 rows");
    refused(with<Pool2D>([](auto& o) { o.pad = {1, 0, 0, 0}; }), {x}, "lies in the padding altogether");
    refused(Pool2D{}, {t(DType::int32, {1, 4, 4, 2})}, "expected f32, i8 or i16");
    refused(Reduce{}, {x}, "no axes");
    refused(with<Reduce>([](auto& o) { o.axes = {4}; }), {x}, "axis 4 is out of range");
    refused(with<Reduce>([](auto& o) { o.axes = {1, 1}; }), {x}, "not sorted");
    refused(with<Reduce>([](auto& o) { o.axes = {1}; }), {t(DType::int8, {2, 3})}, "needs a requantization");
    refused(Binary{}, {f({2, 3}), f({2})}, "do not broadcast");
    refused(Binary{}, {f({2}), t(DType::int32, {2})}, "another element type");
    refused(Binary{}, {t(DType::int8, {2}), t(DType::int8, {2})}, "needs a requantization");
    refused(with<Binary>([](auto& o) { o.kind = BinaryKind::div; }), {t(DType::int8, {2}), t(DType::int8, {2})}, "needs a requantization");
    refused(with<Binary>([](auto& o) { o.kind = BinaryKind::div, o.requant = one_to_one(); }), {t(DType::int8, {2}), t(DType::int8, {2})},
            "a quotient needs a requantization of the form `twice`");
    refused(with<Binary>([](auto& o) { o.kind = BinaryKind::pow; }), {t(DType::int8, {2}), t(DType::int8, {2})},
            "pow of i8 is not defined");
    refused(with<Binary>([](auto& o) { o.kind = BinaryKind::div; }), {t(DType::int64, {2}), t(DType::int64, {2})},
            "division by a constant 0");
    refused(with<Binary>([](auto& o) { o.requant = one_to_one(), o.a_multiplier = 1 << 23, o.b_multiplier = 1 << 23; }),
            {t(DType::int8, {2}), t(DType::int8, {2})}, "let the accumulator overflow");
    refused(with<Binary>([](auto& o) { o.kind = BinaryKind::logical_and; }), {x, x}, "takes bool operands, not f32");
    const auto rescaled = [](BinaryKind kind, int32_t left, int32_t multiplier) {
        return with<Binary>([&](auto& o) {
            o.kind = kind, o.left_shift = left, o.a_multiplier = o.b_multiplier = multiplier;
            if (kind == BinaryKind::squared_difference) o.requant = Requant{Rounding::twice, 0, {1 << 30}, {-10}, 0, -128, 127};
        });
    };
    const std::vector<Tensor> bytes{t(DType::int8, {2}), t(DType::int8, {2})};
    refused(rescaled(BinaryKind::less, 0, 1), bytes, "less of i8 needs a left_shift");
    refused(rescaled(BinaryKind::less, 22, 1), bytes, "left_shift 22 is out of range");
    refused(rescaled(BinaryKind::squared_difference, 8, 1), bytes, "left_shift 8 is out of range [0, 7]");
    refused(rescaled(BinaryKind::squared_difference, 7, (1 << 30) + 1), bytes, "are not halved");
    int16_ops();
    refused(L2Norm{}, {x}, "expected i8");
    refused(L2Norm{}, {t(DType::int8, {2, 40000})}, "lines of more than 33025 elements");
    refused(L2Norm{200}, {t(DType::int8, {2})}, "x_zero is 200");
    refused(Unary{UnaryKind::sigmoid, 0, 0}, {t(DType::int8, {2})}, "element type i8, expected f32 for sigmoid");
    refused(Unary{UnaryKind::abs, 0, 0}, {t(DType::int8, {2})}, "expected f32, i32 or i64 for abs");
    refused(Lookup{}, {t(DType::int8, {2}), t(DType::int8, {255})}, "operand `table`: i8[255] given, expected i8[256] or u8[256]");
    refused(Softmax{}, {x}, "axis -1 is out of range");
    refused(Softmax{3, false}, {t(DType::int8, {1, 1, 1, 2})}, "needs u32[256]");
    refused(Softmax{3, false}, {t(DType::int8, {1, 1, 1, 512}), Tensor::of<uint32_t>({256}, std::vector<uint32_t>(256, 1 << 22))},
            "let sums of 512 overflow");
    refused(Softmax{3, true}, {t(DType::int8, {1, 1, 1, 2}), t(DType::uint32, {256})}, "logarithm");
    refused(Softmax{3, true, SoftmaxForm::reciprocal}, {t(DType::int8, {1, 1, 1, 2}), t(DType::uint32, {256})}, "expected u32[2,256]");
    refused(Softmax{3, true, SoftmaxForm::reciprocal},
            {t(DType::int8, {1, 1, 1, 2}), Tensor::of<uint32_t>({2, 256}, std::vector<uint32_t>(512, (17u << 26) + 1))}, "more than 17");
}

void movement_ops() {
    const Tensor x = f({2, 3});
    refused(Reshape{{4, 2}}, {x}, "shape [4,2] has 8 elements, but x f32[2,3] has 6");
    refused(Reshape{{-2, -3}}, {x}, "negative dimension");
    refused(Reshape{{int64_t{1} << 40, int64_t{1} << 40}}, {x}, "more than 2^31 elements");
    refused(Transpose{{0}}, {x}, "perm has 1 entries");
    refused(Transpose{{0, 0}}, {x}, "not a permutation");
    refused(Concat{0}, {}, "no operands");
    refused(Concat{2}, {x}, "axis 2 is out of range");
    refused(Concat{0}, {x, f({2, 4})}, "operand `x[1]`: f32[2,4] does not fit");
    refused(Slice{{0, 0}, {2, 0}, {1, 1}}, {x}, "has no elements");
    refused(Slice{{0, 0}, {2, 2}, {1, 0}}, {x}, "step of dimension 1 is 0");
    refused(Slice{{0, 2}, {2, 2}, {1, 1}}, {x}, "leave x");
    refused(Slice{{0, 0}, {2, 2}, {1, -1}}, {x}, "leave x");
    refused(Pad{{0, -1}, {0, 0}}, {x}, "negative");
    refused(Pad{{0, 3}, {0, 0}, PadMode::reflect, 0}, {x}, "too short to reflect 3");
    refused(Pad{{0, 4}, {0, 0}, PadMode::symmetric, 0}, {x}, "too short to mirror 4");
    refused(Pad{{0, 1}, {0, 0}, PadMode::constant, 0.5}, {t(DType::int8, {2, 3})}, "0.5 is not a number of type i8");
    refused(Pad{{int64_t{1} << 31, 1}, {0, 0}}, {x}, "more than 2^31");
    refused(Gather{1}, {x, Tensor::of<int64_t>({1}, {3})}, "index 3 is out of range");
    refused(Gather{0}, {x, f({1})}, "expected i32 or i64");
    refused(ArgMax{2}, {x}, "axis 2 is out of range");
    refused(ArgMax{0, true, false, false, DType::int8}, {x}, "places are i32 or i64");
    refused(ArgMax{0}, {t(DType::boolean, {2})}, "expected f32, i8 or i32");
    refused(Select{}, {x, x, x}, "expected bool");
    refused(Select{}, {t(DType::boolean, {3}), x, t(DType::int8, {3})}, "another element type");
    refused(Select{}, {t(DType::boolean, {3}), f({4}), x}, "do not broadcast");
    refused(with<Resize>([](auto& o) { o.size = {0, 1}; }), {f({1, 2, 2, 1})}, "size 0 is out of range");
    refused(with<Resize>([](auto& o) { o.scale = {1, 0}; }), {f({1, 2, 2, 1})}, "scale 0 is not a positive number");
    refused(with<Resize>([](auto& o) { o.mode = ResizeMode::linear; }), {t(DType::int32, {1, 2, 2, 1})}, "expected f32 or i8 for linear");
    refused(with<Resize>([](auto& o) { o.units = ResizeUnits::of_1024; }), {t(DType::int8, {1, 2, 2, 1})}, "linear resizes of i8");
    refused(Cast{}, {f({0})}, "has no elements");
    refused(Quantize{}, {x}, "no quantization is given");
    refused(Quantize{DType::int8, Quant::tensor(0, 0)}, {x}, "scale 0 is not a positive number");
    refused(Quantize{DType::int8, Quant::tensor(1, 128)}, {x}, "zero point 128 is out of range for i8");
    refused(Quantize{DType::int8, {{1, 1}, {0, 0}, 1, 0}}, {x}, "2 scales given, expected 3");
    refused(Quantize{DType::float32, Quant::tensor(1, 0)}, {x}, "expected an integer type");
    refused(Dequantize{}, {t(DType::int8, {2})}, "no quantization is given");
    refused(Dequantize{}, {x}, "expected an integer type");
}
void recurrent_ops() {
    const Tensor x = f({3, 1, 4}), w = f({8, 4}), r = f({8, 2}), h = f({1, 2});
    refused(Recurrent{}, {x, w, r}, "operand `h`: missing");
    refused(Recurrent{}, {f({3, 4}), w, r, h, h}, "has rank 2, expected 3 (T, N, I)");
    refused(Recurrent{}, {t(DType::int32, {3, 1, 4}), w, r, h, h}, "expected f32, i8 or i16");
    refused(Recurrent{}, {x, f({7, 4}), r, h, h}, "is not 4 gates of one size");
    refused(Recurrent{}, {x, w, f({8, 3}), h, h}, "operand `r`: f32[8,3] given, expected f32[8,2]");
    refused(Recurrent{}, {x, w, r, h}, "an lstm needs it");
    refused(with<Recurrent>([](auto& o) { o.kind = RecurrentKind::gru; }), {x, f({6, 4}), f({6, 2}), h, h}, "an lstm alone has it");
    refused(Recurrent{}, {x, w, r, h, h, f({8})}, "operand `bias`: f32[8] given, expected f32[16]");
    refused(Recurrent{}, {x, w, r, h, h, Tensor{}, f({5})}, "operand `peephole`: f32[5] given, expected f32[6]");
    refused(with<Recurrent>([](auto& o) { o.clip = 0; }), {x, w, r, h, h}, "expected positive numbers");
    refused(with<Recurrent>([](auto& o) { o.x_zero = 1; }), {x, w, r, h, h}, "is a float op");
    const auto i8 = [](Shape s) { return t(DType::int8, std::move(s)); };
    const std::vector<Tensor> ints{i8({3, 1, 4}), i8({8, 4}), i8({8, 2}), i8({1, 2}), t(DType::int16, {1, 2})};
    refused(Recurrent{}, ints, "x_requant clamps to [-128, 127] about 0, expected int16");
    refused(with<Recurrent>([](auto& o) { o.g = UnaryKind::sigmoid; }), ints, "has logistic and tanh");
    const auto gru = [](auto change) {
        return with<Recurrent>([&](auto& o) {
            o.kind = RecurrentKind::gru;
            change(o);
        });
    };
    const std::vector<Tensor> three{i8({3, 1, 4}), i8({6, 4}), i8({6, 2}), i8({1, 2})};
    refused(gru([](auto& o) { o.h_zero = 3; }), three, "h_zero is 3, but the hidden state is in Q0.7");
    refused(gru([](auto& o) { o.cell_exponent = -11; }), three, "an lstm alone has a cell");
    refused(gru([](auto& o) { o.clip = 2; }), three, "no clip and no peephole");
    refused(gru([](auto&) {}), {three[0], three[1], three[2], three[3], Tensor{}, t(DType::int32, {6})},
            "operand `bias`: i32[6] given, expected i32[12]");
    refused(with<Recurrent>([](auto& o) { o.cell_exponent = 1; }), ints, "cell_exponent 1 is out of range");
    refused(with<Recurrent>([](auto& o) { o.cell_clip = 0.5f; }), ints, "cell_clip 0.5 is not an int16");
    const Requant twice{Rounding::twice, 0, {1 << 30}, {-14}, 0, -32768, 32767}, wide{Rounding::wide, 0, {1 << 14}, {23}, 0, -32768, 32767};
    refused(with<Recurrent>([&](auto& o) { o.x_requant = wide; }), ints, "x_requant rounds wide");
    const auto i16 = [](Shape s) { return t(DType::int16, std::move(s)); };
    const std::vector<Tensor> words{i16({3, 1, 4}), i8({8, 4}), i8({8, 2}), i16({1, 2}), i16({1, 2})};
    const auto lstm16 = [&](auto change) {
        return with<Recurrent>([&](auto& o) {
            o.x_requant = o.h_requant = wide, o.cell_requant = o.requant = twice;
            change(o);
        });
    };
    const auto with_bias = [&](const Tensor& bias) {
        std::vector<Tensor> in = words;
        in.push_back(bias);
        return in;
    };
    EXPECT_EQ(infer_error(lstm16([](auto&) {}), with_bias(t(DType::int64, {16}))), "");
    refused(lstm16([](auto& o) { o.kind = RecurrentKind::rnn, o.f = UnaryKind::tanh; }),
            {i16({3, 1, 4}), i8({2, 4}), i8({2, 2}), i16({1, 2})}, "an lstm alone takes i16");
    refused(lstm16([](auto&) {}), {words[0], i16({8, 4}), words[2], words[3], words[4]}, "operand `w`: i16[8,4] given, expected i8[8,4]");
    refused(lstm16([](auto&) {}), {words[0], words[1], words[2], ints[3], words[4]}, "operand `h`: i8[1,2] given, expected i16[1,2]");
    refused(lstm16([](auto&) {}), with_bias(t(DType::int32, {16})), "operand `bias`: i32[16] given, expected i64[16]");
    refused(lstm16([](auto&) {}), with_bias(Tensor::of<int64_t>({16}, std::vector<int64_t>(16, (int64_t{1} << 46) + 1))), "is beyond 2^46");
    refused(lstm16([](auto& o) { o.x_zero = 1; }), words, "x_zero is 1, but i16 data are symmetric");
    refused(lstm16([](auto& o) { o.h_zero = 1; }), words, "h_zero is 1, but i16 data are symmetric");
    refused(lstm16([](auto& o) { o.requant.zero_point = 1; }), words, "i16 data are symmetric");
    refused(lstm16([&](auto& o) { o.h_requant = twice; }), words, "h_requant rounds twice");
    refused(lstm16([&](auto& o) { o.cell_requant = wide; }), words, "cell_requant rounds wide");
    refused(lstm16([&](auto& o) { o.requant = wide; }), words, "requant rounds wide");
    refused(Svdf{}, {f({1, 4}), f({6, 4}), f({6, 3})}, "operand `state`: missing");
    refused(with<Svdf>([](auto& o) { o.rank = 4; }), {f({1, 4}), f({6, 4}), f({6, 3}), f({1, 18})}, "6 filters are not units of rank 4");
    refused(Custom{}, {f({1})}, "no function is named");
    refused(with<Custom>([](Custom& c) { c.function = "f"; }), {f({1})}, "0 results, expected 1 to 16");
    refused(with<Custom>([](Custom& c) { c.function = "f", c.results = {{DType::int4, Shape{2}, {}}}; }), {f({1})}, "whole bytes");
    refused(with<Custom>([](Custom& c) {
                c.function = "f", c.results = {{DType::int8, Shape{2}, {}}}, c.options = {256};
            }),
            {f({1})}, "256");
    refused(with<Custom>([](Custom& c) {
                c.function = "f", c.results = {{DType::int8, Shape{2}, {}}};
            }),
            std::vector<Tensor>(17, f({1})), "17 operands given, expected at most 16");
    refused(Svdf{}, {f({1, 4}), f({6, 5}), f({6, 3}), f({1, 18})}, "operand `feature`");
    refused(Svdf{}, {f({1, 4}), f({6, 4}), f({6, 3}), f({1, 17})}, "expected f32[1,18]");
    refused(Svdf{}, {f({1, 4}), f({6, 4}), f({5, 3}), f({1, 18})}, "operand `time`");
    refused(Svdf{}, {f({1, 4}), f({6, 4}), f({6, 3}), f({1, 18}), f({5})}, "operand `bias`: f32[5] given, expected f32[6]");
    refused(Svdf{}, {i8({1, 4}), i8({6, 4}), i8({6, 3}), t(DType::int16, {1, 18})}, "operand `time`: i8[6,3] given, expected i16[6,M]");
    refused(Svdf{}, {i8({1, 4}), i8({6, 4}), i8({6, 3}), i8({1, 18})}, "needs a requantization");
}
}  // namespace

TEST(Infer, RefusesWithAReason) {
    weighted_ops();
    elementwise_ops();
    movement_ops();
    recurrent_ops();
    for (const Op& op : all_ops()) EXPECT_TRUE(seen().contains(op_name(op))) << op_name(op) << " has no refused case";
}

}  // namespace gw::test
