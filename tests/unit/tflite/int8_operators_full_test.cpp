// Operators of int8 that have no golden file, over their attribute spaces: random shapes, strides, paddings, broadcasts, scales and odd
// zero points. Each result is held to the reference's definition, written down here once more from its description (docs/arithmetic.md),
// and the emitted C of this machine to the interpreter, step by step.
#include <functional>

#include "tensor/fixed_functions.h"
#include "unit/tflite/operator_model.h"

namespace gw {
namespace {
using namespace tflite_test;

TEST(TfliteInt8, TransposedConvolutionScattersItsWindows) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(100 + static_cast<uint32_t>(k));
        const bool same = dice(0, 1) != 0, by_channel = dice(0, 1) != 0, with_bias = dice(0, 1) != 0;
        const int32_t sh = dice(1, 3), sw = dice(1, 3), kh = dice(1, 5), kw = dice(1, 5), ih = dice(1, 5), iw = dice(1, 5), ic = dice(1, 4),
                      oc = dice(1, 5), n = dice(1, 2);
        const int32_t oh = same ? ih * sh : (ih - 1) * sh + kh + std::max(0, sh - kh),
                      ow = same ? iw * sw : (iw - 1) * sw + kw + std::max(0, sw - kw);
        if (!same && (kh < sh || kw < sw)) continue;  // then the converter states other sizes
        Model c;
        const std::string weights = dice.bytes(int64_t{oc} * kh * kw * ic, -127, 127);
        std::vector<float> scales(by_channel ? static_cast<size_t>(oc) : 1);
        for (float& s : scales) s = dice.scale(0.001f, 0.02f);
        Ints biases(static_cast<size_t>(oc));
        for (int32_t& b : biases) b = dice(-3000, 3000);
        const int32_t shape = c.m.ints("shape", {n, oh, ow, oc});
        const int32_t w =
            c.m.tensor("w", ElementType::int8, {oc, kh, kw, ic}, {scales, std::vector<int64_t>(scales.size(), 0), 0}, weights);
        const int32_t x = c.input(dice, {n, ih, iw, ic}, dice.scale(), dice.zero());
        std::vector<int32_t> in{shape, w, x};
        if (with_bias) in.push_back(c.m.tensor("b", ElementType::int32, {oc}, {}, TfliteBuilder::bytes(biases)));
        const float y_scale = dice.scale(0.01f, 0.5f);
        const int32_t y_zero = dice.zero(), y = c.output({n, oh, ow, oc}, y_scale, y_zero);
        c.m.op(67, in, {y}, Options::TransposeConvOptions,
               tfl::CreateTransposeConvOptions(c.m.b, same ? tfl::Padding::same : tfl::Padding::valid, sw, sh).Union());
        const auto before = [&](int32_t out, int32_t kernel, int32_t stride) {
            return same ? std::max(0, ((out + stride - 1) / stride - 1) * stride + kernel - out) / 2 : 0;
        };
        const int32_t top = before(oh, kh, sh), left = before(ow, kw, sw);
        std::vector<int32_t> sums(static_cast<size_t>(n * oh * ow * oc));
        const CaseData& data = c.inputs[0];
        for (int32_t b = 0; b < n; ++b)
            for (int32_t iy = 0; iy < ih; ++iy)
                for (int32_t ix = 0; ix < iw; ++ix)
                    for (int32_t i = 0; i < ic; ++i)
                        for (int32_t fy = 0; fy < kh; ++fy)
                            for (int32_t fx = 0; fx < kw; ++fx)
                                for (int32_t o = 0; o < oc; ++o) {
                                    const int32_t oy = iy * sh - top + fy, ox = ix * sw - left + fx;
                                    if (oy < 0 || ox < 0 || oy >= oh || ox >= ow) continue;
                                    sums[static_cast<size_t>(((b * oh + oy) * ow + ox) * oc + o)] +=
                                        data.centred(((b * ih + iy) * iw + ix) * ic + i) *
                                        static_cast<int8_t>(weights[static_cast<size_t>(((o * kh + fy) * kw + fx) * ic + i)]);
                                }
        std::string expected;
        for (size_t i = 0; i < sums.size(); ++i) {
            const size_t o = i % static_cast<size_t>(oc);
            const double factor =
                static_cast<double>(data.scale) * static_cast<double>(scales[by_channel ? o : 0]) / static_cast<double>(y_scale);
            expected += static_cast<char>(clamped(rescaled(sums[i] + (with_bias ? biases[o] : 0), factor) + y_zero));
        }
        c.check(fmt::format("transpose_conv {}", k), expected);
    }
}

// Two operands of int8 and a definition of one element.
void check_pairs(const char* what, int32_t code, uint32_t seed, ElementType result, float most_scale,
                 const std::function<int64_t(const CaseData&, int64_t, const CaseData&, int64_t, float y_scale, int32_t y_zero)>& f) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(seed + static_cast<uint32_t>(k));
        auto [a, b] = broadcast_pair(dice);
        const Ints to = a;
        if (code != 54 && dice(0, 1) != 0) std::swap(a, b);
        Model c;
        const float equal = dice.scale(0.004f, most_scale);
        const int32_t zero = dice.zero();
        const bool alike = dice(0, 2) == 0;
        const int32_t xa = c.input(dice, a, equal, zero);
        const int32_t xb = c.input(dice, b, alike ? equal : dice.scale(0.004f, most_scale), alike ? zero : dice.zero());
        const float y_scale = dice.scale();
        const int32_t y_zero = dice.zero(), y = c.output(to, y_scale, y_zero, result);
        c.m.op(code, {xa, xb}, {y});
        std::string expected;
        for (int64_t i = 0; i < count(to); ++i)
            expected += static_cast<char>(
                clamped(f(c.inputs[0], broadcast_index(a, to, i), c.inputs[1], broadcast_index(b, to, i), y_scale, y_zero)));
        c.check(fmt::format("{} {}", what, k), expected);
    }
}

TEST(TfliteInt8, SquaredDifferenceRescalesBothOperands) {
    check_pairs("squared_difference", 99, 200, ElementType::int8, 0.3f,
                [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y_scale, int32_t y_zero) -> int64_t {
                    const double twice = 2 * static_cast<double>(std::max(a.scale, b.scale));
                    const int32_t d = rescaled(a.centred(i) * 128, a.scale / twice) - rescaled(b.centred(j) * 128, b.scale / twice);
                    return int64_t{rescaled(d * d, twice * twice / static_cast<double>(16384 * y_scale))} + y_zero;
                });
}

TEST(TfliteInt8, PreluChoosesTheFactorBySign) {
    check_pairs("prelu", 54, 300, ElementType::int8, 0.3f,
                [](const CaseData& x, int64_t i, const CaseData& slope, int64_t j, float y_scale, int32_t y_zero) -> int64_t {
                    const int32_t v = x.centred(i);
                    const double same = static_cast<double>(x.scale) / static_cast<double>(y_scale);
                    return int64_t{v >= 0 ? rescaled(v, same)
                                          : rescaled(v * slope.centred(j), static_cast<double>(x.scale) * static_cast<double>(slope.scale) /
                                                                               static_cast<double>(y_scale))} +
                           y_zero;
                });
}

TEST(TfliteInt8, ComparisonsRescaleBothOperands) {
    const std::pair<int32_t, std::function<bool(int32_t, int32_t)>> all[] = {
        {58, [](int32_t a, int32_t b) { return a < b; }},  {61, [](int32_t a, int32_t b) { return a > b; }},
        {62, [](int32_t a, int32_t b) { return a >= b; }}, {63, [](int32_t a, int32_t b) { return a <= b; }},
        {71, [](int32_t a, int32_t b) { return a == b; }}, {72, [](int32_t a, int32_t b) { return a != b; }}};
    for (const auto& [code, holds] : all) {
        check_pairs("comparison", code, 400 + static_cast<uint32_t>(code) * 20, ElementType::boolean, 0.9f,
                    [&, f = holds](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float, int32_t) -> int64_t {
                        return f(rescaled(a.centred(i) * 256, a.scale), rescaled(b.centred(j) * 256, b.scale)) ? 1 : 0;
                    });
    }
}

// The reference's quotient misses the real one by less than a step; a divisor 0 gives 0.
TEST(TfliteInt8, QuotientsAreWithinAStep) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1400 + static_cast<uint32_t>(k));
        auto [a, b] = broadcast_pair(dice);
        Model c;
        const int32_t xa = c.input(dice, a, dice.scale(), dice.zero()), xb = c.input(dice, b, dice.scale(), dice.zero());
        const float y_scale = dice.scale(0.01f, 0.5f);
        const int32_t y_zero = dice.zero(), y = c.output(a, y_scale, y_zero);
        c.m.op(42, {xa, xb}, {y});
        Diagnostics diag;
        auto module = read_tflite_bytes(c.m.finish(), "m.tflite", diag);
        for (const Diagnostic& d : diag.all()) ADD_FAILURE() << d.text();
        ASSERT_TRUE(module);
        const Graph& g = module->main();
        std::vector<Tensor> in;
        for (size_t i = 0; i < 2; ++i) in.push_back(Tensor::from_bytes(g.type(g.inputs[i].value), c.inputs[i].values));
        const Tensor out = interpret(g, in).at(0);
        for (int64_t i = 0; i < out.elements(); ++i) {
            const double p = c.inputs[0].centred(i), q = c.inputs[1].centred(broadcast_index(b, a, i));
            const double real = q == 0 ? 0 : p / q * static_cast<double>(c.inputs[0].scale / (c.inputs[1].scale * y_scale));
            ASSERT_NEAR(static_cast<double>(out.int_at(i)), std::clamp(real + y_zero, -128.0, 127.0), 0.51) << p << "/" << q;
        }
        testing::expect_right(g, testing::make_bundle(g), fmt::format("div {}", k));
    }
}

// One operand, every byte of it, and a definition of one element.
void check_bytes(const char* what, int32_t code, uint32_t seed, bool zero_is_lowest,
                 const std::function<int64_t(const CaseData&, int64_t, float y_scale, int32_t y_zero)>& f) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(seed + static_cast<uint32_t>(k));
        Model c;
        const float x_scale = dice.scale(), y_scale = k % 3 == 0 ? x_scale : dice.scale();
        const int32_t x = c.input(dice, {2, 128}, x_scale, zero_is_lowest ? -128 : dice.zero());
        for (int i = 0; i < 256; ++i) c.inputs[0].values[static_cast<size_t>(i)] = static_cast<char>(i);
        const int32_t y_zero = dice.zero(), y = c.output({2, 128}, y_scale, y_zero);
        c.m.op(code, {x}, {y});
        std::string expected;
        for (int64_t i = 0; i < 256; ++i) expected += static_cast<char>(clamped(f(c.inputs[0], i, y_scale, y_zero)));
        c.check(fmt::format("{} {}", what, k), expected);
    }
}

TEST(TfliteInt8, AbsRescalesOnlyBetweenScales) {
    check_bytes("abs", 101, 600, false, [](const CaseData& x, int64_t i, float y_scale, int32_t y_zero) -> int64_t {
        const int32_t d = std::abs(x.centred(i));
        return int64_t{x.scale == y_scale ? d : rescaled(d, static_cast<double>(x.scale) / static_cast<double>(y_scale))} + y_zero;
    });
}

// The reference's integers miss the real root by less than one step.
TEST(TfliteInt8, ReciprocalRootIsWithinAStep) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(700 + static_cast<uint32_t>(k));
        Model c;
        const float x_scale = dice.scale(), y_scale = dice.scale(0.01f, 0.3f);
        const int32_t x = c.input(dice, {256}, x_scale, -128);
        for (int i = 0; i < 256; ++i) c.inputs[0].values[static_cast<size_t>(i)] = static_cast<char>(i - 128);
        const int32_t y = c.output({256}, y_scale, -100);
        c.m.op(76, {x}, {y});
        Diagnostics diag;
        auto module = read_tflite_bytes(c.m.finish(), "m.tflite", diag);
        ASSERT_TRUE(module);
        const Tensor out = interpret(module->main(), std::vector<Tensor>{Tensor::of<int8_t>({256},
                                                                                            [] {
                                                                                                std::vector<int8_t> v;
                                                                                                for (int i = -128; i < 128; ++i)
                                                                                                    v.push_back(static_cast<int8_t>(i));
                                                                                                return v;
                                                                                            }())})
                               .at(0);
        EXPECT_EQ(out.int_at(0), 127) << "0 has the largest root";
        for (int64_t i = 1; i < 256; ++i) {
            const double real = 1 / std::sqrt(static_cast<double>(i) * static_cast<double>(x_scale)) / static_cast<double>(y_scale) - 100;
            ASSERT_NEAR(static_cast<double>(out.int_at(i)), std::min(real, 127.0), 0.51) << i;
        }
    }
}

TEST(TfliteInt8, LinesAreNormalized) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(800 + static_cast<uint32_t>(k));
        Model c;
        const int32_t lines = dice(1, 6), n = dice(1, 40);
        const int32_t x = c.input(dice, {lines, n}, dice.scale(), dice.zero());
        if (k == 0) c.inputs[0].values.assign(c.inputs[0].values.size(), static_cast<char>(c.inputs[0].zero));
        const int32_t y = c.output({lines, n}, 1.0f / 128, 0);
        c.m.op(11, {x}, {y});
        std::string expected;
        for (int64_t line = 0; line < lines; ++line) {
            int32_t sum = 0;
            for (int64_t i = 0; i < n; ++i) sum += c.inputs[0].centred(line * n + i) * c.inputs[0].centred(line * n + i);
            const FixedInverseSqrt root = fixed_inverse_sqrt(sum);
            for (int64_t i = 0; i < n; ++i) {
                const int32_t v = c.inputs[0].centred(line * n + i);
                const int8_t q = clamped(multiply_by_quantized_multiplier(v, root.multiplier, root.shift + 7));
                const double real = sum == 0 ? 0 : std::min(127.0, 128 * v / std::sqrt(static_cast<double>(sum)));
                ASSERT_NEAR(static_cast<double>(q), real, 0.51);
                expected += static_cast<char>(q);
            }
        }
        c.check(fmt::format("l2_normalization {}", k), expected);
    }
}

TEST(TfliteInt8, PicturesAreResizedInUnitsOf1024) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(900 + static_cast<uint32_t>(k));
        Model c;
        const bool corners = k % 3 == 1, half = k % 3 == 2;
        const int32_t ih = dice(1, 7), iw = dice(1, 7), oh = dice(1, 11), ow = dice(1, 11), ch = dice(1, 3);
        const float scale = dice.scale();
        const int32_t zero = dice.zero(), x = c.input(dice, {1, ih, iw, ch}, scale, zero), size = c.m.ints("size", {oh, ow});
        const int32_t y = c.output({1, oh, ow, ch}, scale, zero);
        c.m.op(23, {x, size}, {y}, Options::ResizeBilinearOptions, tfl::CreateResizeBilinearOptions(c.m.b, 0, 0, corners, half).Union());
        struct Place {
            int32_t low, high, at;
        };
        const auto place = [&](int32_t p, int32_t in, int32_t out) {
            int32_t step = (1024 * in + out / 2) / out;
            if (corners && out > 1) step = (1024 * (in - 1) + (out - 1) / 2) / (out - 1);
            const int32_t at = half ? p * step + step / 2 - 512 : p * step;
            return Place{std::max(at / 1024, 0), std::min((at + 1023) / 1024, in - 1), at};
        };
        std::string expected;
        for (int32_t oy = 0; oy < oh; ++oy)
            for (int32_t ox = 0; ox < ow; ++ox)
                for (int32_t i = 0; i < ch; ++i) {
                    const Place v = place(oy, ih, oh), h = place(ox, iw, ow);
                    const auto pixel = [&](int32_t yy, int32_t xx) { return int64_t{c.inputs[0].at((yy * iw + xx) * ch + i)}; };
                    const int64_t dy = v.at - 1024 * v.low, dx = h.at - 1024 * h.low;
                    const int64_t sum = pixel(v.low, h.low) * (1024 - dy) * (1024 - dx) + pixel(v.high, h.low) * dy * (1024 - dx) +
                                        pixel(v.low, h.high) * (1024 - dy) * dx + pixel(v.high, h.high) * dy * dx;
                    expected += static_cast<char>(static_cast<int8_t>((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20)));
                }
        c.check(fmt::format("resize_bilinear {}", k), expected);
    }
}

TEST(TfliteInt8, TheFirstOfEqualElementsIsFound) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1000 + static_cast<uint32_t>(k));
        Model c;
        const Ints shape{dice(1, 3), dice(1, 6), dice(1, 4)};
        const int32_t axis = dice(0, 2), x = c.input(dice, shape, dice.scale(), dice.zero());
        for (char& v : c.inputs[0].values) v = static_cast<char>(v / 40);  // equal ones
        Ints out = shape;
        out.erase(out.begin() + axis);
        const bool largest = dice(0, 1) != 0;
        const int32_t a =
            c.m.tensor("axis", ElementType::int32, {1}, {}, TfliteBuilder::bytes<int32_t>({dice(0, 1) != 0 ? axis : axis - 3}));
        const int32_t y = c.output(out, 1, 0, ElementType::int32);
        c.m.op(largest ? 56 : 79, {x, a}, {y});
        int64_t outer = 1, inner = 1;
        for (int32_t d = 0; d < axis; ++d) outer *= shape[static_cast<size_t>(d)];
        for (int32_t d = axis + 1; d < 3; ++d) inner *= shape[static_cast<size_t>(d)];
        const int64_t n = shape[static_cast<size_t>(axis)];
        Ints places;
        for (int64_t o = 0; o < outer; ++o)
            for (int64_t i = 0; i < inner; ++i) {
                int32_t best = 0;
                for (int32_t p = 1; p < n; ++p) {
                    const int32_t v = c.inputs[0].at((o * n + p) * inner + i), w = c.inputs[0].at((o * n + best) * inner + i);
                    if (largest ? v > w : v < w) best = p;
                }
                places.push_back(best);
            }
        c.check(fmt::format("arg {}", k), TfliteBuilder::bytes(places));
    }
}

TEST(TfliteInt8, SelectBroadcastsItsThreeOperands) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1100 + static_cast<uint32_t>(k));
        const auto [to, b] = broadcast_pair(dice);
        Ints condition = to;
        for (int32_t& d : condition)
            if (dice(0, 1) == 0) d = 1;
        Model c;
        const float scale = dice.scale();
        const int32_t zero = dice.zero(), xc = c.input(dice, condition, 1, 0, ElementType::boolean), xa = c.input(dice, to, scale, zero),
                      xb = c.input(dice, b, scale, zero), y = c.output(to, scale, zero);
        c.m.op(123, {xc, xa, xb}, {y});
        std::string expected;
        for (int64_t i = 0; i < count(to); ++i)
            expected += c.inputs[0].values[static_cast<size_t>(broadcast_index(condition, to, i))] != 0
                            ? c.inputs[1].values[static_cast<size_t>(i)]
                            : c.inputs[2].values[static_cast<size_t>(broadcast_index(b, to, i))];
        c.check(fmt::format("select_v2 {}", k), expected);
    }
}

TEST(TfliteInt8, MirrorsRepeatTheEdgeOrNot) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1200 + static_cast<uint32_t>(k));
        const bool symmetric = k % 2 != 0;
        const Ints shape{dice(2, 4), dice(2, 5)};
        Ints pads, out;
        for (int32_t d : shape) {
            pads.push_back(dice(0, symmetric ? d : d - 1)), pads.push_back(dice(0, symmetric ? d : d - 1));
            out.push_back(d + pads[pads.size() - 2] + pads.back());
        }
        Model c;
        const float scale = dice.scale();
        const int32_t zero = dice.zero(), x = c.input(dice, shape, scale, zero),
                      p = c.m.tensor("paddings", ElementType::int32, {2, 2}, {}, TfliteBuilder::bytes(pads)),
                      y = c.output(out, scale, zero);
        c.m.op(100, {x, p}, {y}, Options::MirrorPadOptions,
               tfl::CreateMirrorPadOptions(c.m.b, symmetric ? tfl::MirrorMode::symmetric : tfl::MirrorMode::reflect).Union());
        const auto mirrored = [&](int32_t at, int32_t size) {
            if (at < 0) return symmetric ? -at - 1 : -at;
            return at < size ? at : symmetric ? 2 * size - 1 - at : 2 * size - 2 - at;
        };
        std::string expected;
        for (int32_t i = 0; i < out[0]; ++i)
            for (int32_t j = 0; j < out[1]; ++j)
                expected +=
                    c.inputs[0].values[static_cast<size_t>(mirrored(i - pads[0], shape[0]) * shape[1] + mirrored(j - pads[2], shape[1]))];
        c.check(fmt::format("mirror_pad {}", k), expected);
    }
}

// Held to the real function within a step, and to the reference's own bytes where it states some.
TEST(TfliteInt8, LogarithmsOfSoftmaxAreWithinAStep) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1500 + static_cast<uint32_t>(k));
        Model c;
        const int32_t lines = dice(1, 4), n = k == 0 ? 1 : dice(1, 40);
        const float scale = k == 1 ? 31.9f : k == 2 ? 17.0f : dice.scale(0.004f, 12.0f);
        const int32_t x = c.input(dice, {lines, n}, scale, dice.zero()), y = c.output({lines, n}, 16.0f / 256, 127);
        c.m.op(50, {x}, {y});
        Diagnostics diag;
        auto module = read_tflite_bytes(c.m.finish(), "m.tflite", diag);
        for (const Diagnostic& d : diag.all()) ADD_FAILURE() << d.text();
        ASSERT_TRUE(module);
        const Graph& g = module->main();
        const Tensor out = interpret(g, std::vector<Tensor>{Tensor::from_bytes(g.type(g.inputs[0].value), c.inputs[0].values)}).at(0);
        for (int64_t line = 0; line < lines; ++line) {
            double highest = -128, sum = 0;
            const auto at = [&](int64_t i) { return static_cast<double>(c.inputs[0].at(line * n + i)); };
            for (int64_t i = 0; i < n; ++i) highest = std::max(highest, at(i));
            for (int64_t i = 0; i < n; ++i) sum += std::exp((at(i) - highest) * static_cast<double>(scale));
            for (int64_t i = 0; i < n; ++i) {
                const double steps = 16 * ((at(i) - highest) * static_cast<double>(scale) - std::log(sum));
                ASSERT_NEAR(static_cast<double>(out.int_at(line * n + i)), std::max(-128.0, 127 + steps), 0.51) << k;
            }
        }
        testing::expect_right(g, testing::make_bundle(g), fmt::format("log_softmax {}", k));
    }
    // The bytes that TFLite Micro's own test of the operator expects.
    Model c;
    Dice dice(1);
    const int32_t x = c.input(dice, {2, 4}, 20.0f / 255.0f, 0), y = c.output({2, 4}, 16.0f / 256, 127);
    c.inputs[0].values = {0, -77, 26, 51, 38, -26, 127, 13};
    c.m.op(50, {x}, {y});
    c.check("log_softmax of the reference's test", {61, -36, 93, 125, 15, -65, 127, -16});
}

// TFLite's concatenation of uint8 rescales what has another scale, in float32.
TEST(TfliteInt8, ConcatenationOfUint8Rescales) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(1600 + static_cast<uint32_t>(k));
        TfliteBuilder m;
        const float y_scale = dice.scale();
        const int32_t y_zero = dice(0, 255), parts = dice(1, 4), rows = dice(1, 3);
        std::vector<CaseData> data;
        int32_t width = 0;
        for (int32_t i = 0; i < parts; ++i) {
            const bool same = dice(0, 2) == 0;
            data.push_back({{rows, dice(1, 9)}, same ? y_scale : dice.scale(), same ? y_zero : dice(0, 255), ""});
            data.back().values = dice.bytes(count(data.back().shape));
            width += data.back().shape[1];
            m.inputs.push_back(
                m.tensor("x" + std::to_string(i), ElementType::uint8, data.back().shape, {{data.back().scale}, {data.back().zero}, 0}));
        }
        const int32_t y = m.tensor("y", ElementType::uint8, {rows, width}, {{y_scale}, {y_zero}, 0});
        m.outputs = {y};
        m.op(2, m.inputs, {y}, Options::ConcatenationOptions, tfl::CreateConcatenationOptions(m.b, 1).Union());
        Diagnostics diag;
        auto module = read_tflite_bytes(m.finish(), "m.tflite", diag);
        for (const Diagnostic& d : diag.all()) ADD_FAILURE() << d.text();
        ASSERT_TRUE(module);
        const Graph& g = module->main();
        std::vector<Tensor> in;
        for (size_t i = 0; i < data.size(); ++i) in.push_back(Tensor::from_bytes(g.type(g.inputs[i].value), data[i].values));
        const Tensor out = interpret(g, in).at(0);
        int64_t at = 0;
        for (int32_t row = 0; row < rows; ++row)
            for (const CaseData& d : data)
                for (int32_t i = 0; i < d.shape[1]; ++i) {
                    const auto v = static_cast<uint8_t>(d.values[static_cast<size_t>(row * d.shape[1] + i)]);
                    const bool same = d.scale == y_scale && d.zero == y_zero;
                    const float scale = d.scale * (1.0f / y_scale), bias = static_cast<float>(-d.zero) * scale;
                    const int64_t q = same ? v : static_cast<int64_t>(std::round(static_cast<float>(v) * scale + bias)) + y_zero;
                    ASSERT_EQ(out.int_at(at++), std::clamp<int64_t>(q, 0, 255)) << k;
                }
        testing::expect_right(g, testing::make_bundle(g), fmt::format("concatenation {}", k));
    }
}

// A model of uint8 computes as the int8 one 128 lower; its edges stay uint8.
TEST(TfliteInt8, Uint8IsInt8Shifted) {
    std::string results[2];
    for (const bool wide : {false, true}) {
        Dice dice(1300);
        TfliteBuilder m;
        const int32_t shift = wide ? 128 : 0;
        const ElementType type = wide ? ElementType::uint8 : ElementType::int8;
        const int32_t a = m.tensor("a", type, {3, 5}, {{0.07f}, {-20 + shift}, 0}),
                      b = m.tensor("b", type, {1, 5}, {{0.03f}, {11 + shift}, 0});
        const int32_t y = m.tensor("y", type, {3, 5}, {{0.09f}, {3 + shift}, 0});
        m.inputs = {a, b}, m.outputs = {y};
        m.op(0, {a, b}, {y}, Options::AddOptions, tfl::CreateAddOptions(m.b).Union());
        Diagnostics diag;
        auto module = read_tflite_bytes(m.finish(), "m.tflite", diag);
        for (const Diagnostic& d : diag.all()) ADD_FAILURE() << d.text();
        ASSERT_TRUE(module);
        const Graph& g = module->main();
        EXPECT_EQ(g.type(g.inputs[0].value).dtype, wide ? DType::uint8 : DType::int8);
        std::vector<Tensor> in;
        for (const Port& port : g.inputs) {
            std::string bytes = dice.bytes(g.type(port.value).bytes());
            for (char& v : bytes) v = static_cast<char>(v + shift);
            in.push_back(Tensor::from_bytes(g.type(port.value), bytes));
        }
        const Tensor out = interpret(g, in).at(0);
        for (char v : out.bytes()) results[wide ? 1 : 0] += static_cast<char>(v - shift);
        testing::expect_right(g, testing::make_bundle(g), "uint8");
    }
    EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace gw
