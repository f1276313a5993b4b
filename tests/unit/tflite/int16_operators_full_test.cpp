// Operators of int16 over their attribute spaces: random shapes, windows, broadcasts, scales, values with many extremes. Each result is
// held to the reference's definition, written down here once more from its description (docs/arithmetic.md) in 64 and 128 bits, and the
// emitted C of this machine to the interpreter, step by step.
#include <functional>

#include "tensor/fixed_functions.h"
#include "unit/tflite/operator_model.h"

namespace gw {
namespace {
using namespace tflite_test;
constexpr ElementType word = ElementType::int16;
constexpr int few = 5;  // of what has one or two numbers to vary

void append(std::string& list, int64_t v, int64_t lo = -32768, int64_t hi = 32767) {
    const auto held = static_cast<int16_t>(std::clamp(v, lo, hi));
    list.append(reinterpret_cast<const char*>(&held), 2);
}
// A sum of 32 or 64 bits, by the kind of bias.
enum class Bias { none, narrow, wide };
int64_t finished(int64_t acc, double factor, bool wide) {
    return wide ? rescaled64(acc, factor) : rescaled(static_cast<int32_t>(acc), factor);
}

struct Window {
    int32_t ih, iw, ic, oc, kh, kw, sh, sw, dh, dw, n, oh, ow, top, left;
    bool same;
    explicit Window(Dice& dice) {
        same = dice(0, 1) != 0;
        kh = dice(1, 3), kw = dice(1, 3), sh = dice(1, 2), sw = dice(1, 2), dh = dice(1, 2), dw = dice(1, 2), n = dice(1, 2);
        ih = (kh - 1) * dh + dice(1, 5), iw = (kw - 1) * dw + dice(1, 5), ic = dice(1, 5), oc = dice(1, 6);
        const auto size = [&](int32_t in, int32_t k, int32_t s, int32_t d, int32_t& before) {
            const int32_t extent = (k - 1) * d + 1, out = same ? (in + s - 1) / s : (in - extent) / s + 1;
            before = same ? std::max(0, (out - 1) * s + extent - in) / 2 : 0;
            return out;
        };
        oh = size(ih, kh, sh, dh, top), ow = size(iw, kw, sw, dw, left);
    }
    tfl::Padding padding() const { return same ? tfl::Padding::same : tfl::Padding::valid; }
    // Calls f(index of the tap, position in x, without channels) for the taps of a result that lie inside.
    template <class F>
    void taps(int64_t position, F f) const {
        const int64_t ox = position % ow, oy = position / ow % oh, b = position / ow / oh;
        for (int32_t ky = 0; ky < kh; ++ky)
            for (int32_t kx = 0; kx < kw; ++kx) {
                const int64_t y = oy * sh - top + ky * dh, x = ox * sw - left + kx * dw;
                if (y >= 0 && y < ih && x >= 0 && x < iw) f(int64_t{ky} * kw + kx, (b * ih + y) * iw + x);
            }
    }
};

// Weights and bias of a layer, and what its sums become.
struct Layer {
    std::string weights;
    std::vector<int64_t> bias;
    std::vector<float> scales;
    float y_scale = 0;
    Bias kind = Bias::none;
    bool wide = false;
    int64_t lo = -32768, hi = 32767;
    Layer(Dice& dice, int64_t channels, int64_t count, Bias k, bool always_wide) : kind(k), wide(always_wide || k == Bias::wide) {
        weights = dice.bytes(count, -127, 127);
        const bool many = dice(0, 1) != 0;
        for (int64_t o = 0; o < (many ? channels : 1); ++o) scales.push_back(dice.scale(1e-4f, 0.02f));
        // Beyond 32 bits now and then.
        const int64_t reach = kind == Bias::wide && dice(0, 1) == 0 ? int64_t{1} << 40 : 100000;
        for (int64_t o = 0; o < channels; ++o) bias.push_back(kind == Bias::none ? 0 : (dice(-1000, 1000) * reach) / 1000);
        y_scale = dice.scale(2e-5f, 2e-3f);
    }
    int32_t w(int64_t i) const { return static_cast<int8_t>(weights[static_cast<size_t>(i)]); }
    void add_bias(Model& c, std::vector<int32_t>& in) const {
        if (kind == Bias::none) return;
        const std::vector<int32_t> narrow(bias.begin(), bias.end());
        const Ints shape{static_cast<int32_t>(bias.size())};
        in.push_back(kind == Bias::wide ? c.m.tensor("b", ElementType::int64, shape, {}, TfliteBuilder::bytes(bias))
                                        : c.m.tensor("b", ElementType::int32, shape, {}, TfliteBuilder::bytes(narrow)));
    }
    TfliteScales quant(int32_t axis) const { return {scales, std::vector<int64_t>(scales.size(), 0), axis}; }
    void finish(std::string& expected, int64_t acc, size_t o, float x_scale, bool float_product = false) const {
        const float w_scale = scales[scales.size() > 1 ? o : 0];
        const double product = float_product && scales.size() == 1 ? static_cast<double>(x_scale * w_scale)
                                                                   : static_cast<double>(x_scale) * static_cast<double>(w_scale);
        append(expected, finished(acc + bias[o], product / static_cast<double>(y_scale), wide), lo, hi);
    }
    void relu6() { lo = 0, hi = std::min<int64_t>(32767, static_cast<int64_t>(std::round(6.0f / y_scale))); }
};

TEST(TfliteInt16, ConvolutionsAddUpByTheirBias) {
    for (int k = 0; k < rounds * 3 / 2; ++k) {
        Dice dice(5000 + static_cast<uint32_t>(k));
        const Window s(dice);
        Model c;
        Layer layer(dice, s.oc, int64_t{s.oc} * s.kh * s.kw * s.ic, static_cast<Bias>(k % 3), false);
        const int32_t x = c.input(dice, {s.n, s.ih, s.iw, s.ic}, dice.scale(1e-5f, 1e-3f), 0, word);
        std::vector<int32_t> in{x, c.m.tensor("w", ElementType::int8, {s.oc, s.kh, s.kw, s.ic}, layer.quant(0), layer.weights)};
        layer.add_bias(c, in);
        const int32_t y = c.output({s.n, s.oh, s.ow, s.oc}, layer.y_scale, 0, word);
        const bool clamp = dice(0, 2) == 0;
        if (clamp) layer.relu6();
        c.m.op(3, in, {y}, Options::ConvOptions,
               tfl::CreateConvOptions(c.m.b, s.padding(), s.sw, s.sh, clamp ? tfl::Activation::relu6 : tfl::Activation::none, s.dw, s.dh)
                   .Union());
        std::string expected;
        for (int64_t p = 0; p < int64_t{s.n} * s.oh * s.ow; ++p)
            for (int64_t o = 0; o < s.oc; ++o) {
                int64_t acc = 0;
                s.taps(p, [&](int64_t tap, int64_t at) {
                    for (int64_t i = 0; i < s.ic; ++i)
                        acc += int64_t{c.inputs[0].at(at * s.ic + i)} * layer.w((o * s.kh * s.kw + tap) * s.ic + i);
                });
                layer.finish(expected, acc, static_cast<size_t>(o), c.inputs[0].scale);
            }
        c.check(fmt::format("conv {}", k), expected);
    }
}

TEST(TfliteInt16, DepthwiseConvolutionsAreWideWithoutABiasToo) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(5200 + static_cast<uint32_t>(k));
        const Window s(dice);
        Model c;
        const int32_t multiplier = dice(1, 3), oc = s.ic * multiplier;
        Layer layer(dice, oc, int64_t{oc} * s.kh * s.kw, k % 2 == 0 ? Bias::none : Bias::wide, true);
        const int32_t x = c.input(dice, {s.n, s.ih, s.iw, s.ic}, dice.scale(1e-5f, 1e-3f), 0, word);
        std::vector<int32_t> in{x, c.m.tensor("w", ElementType::int8, {1, s.kh, s.kw, oc}, layer.quant(3), layer.weights)};
        layer.add_bias(c, in);
        const int32_t y = c.output({s.n, s.oh, s.ow, oc}, layer.y_scale, 0, word);
        c.m.op(4, in, {y}, Options::DepthwiseConvOptions,
               tfl::CreateDepthwiseConvOptions(c.m.b, s.padding(), s.sw, s.sh, multiplier, tfl::Activation::none, s.dw, s.dh).Union());
        std::string expected;
        for (int64_t p = 0; p < int64_t{s.n} * s.oh * s.ow; ++p)
            for (int64_t o = 0; o < oc; ++o) {
                int64_t acc = 0;
                s.taps(p, [&](int64_t tap, int64_t at) {
                    acc += int64_t{c.inputs[0].at(at * s.ic + o / multiplier)} * layer.w(tap * oc + o);
                });
                layer.finish(expected, acc, static_cast<size_t>(o), c.inputs[0].scale);
            }
        c.check(fmt::format("depthwise {}", k), expected);
    }
}

TEST(TfliteInt16, FullyConnectedLayersReachBeyond32Bits) {
    for (int k = 0; k < rounds * 3 / 2; ++k) {
        Dice dice(5400 + static_cast<uint32_t>(k));
        const int32_t m = dice(1, 3), o = dice(1, 9), inputs = k % 5 == 0 ? 700 : dice(1, 40);
        Model c;
        const Layer layer(dice, o, int64_t{o} * inputs, static_cast<Bias>(k % 3), false);
        const int32_t x = c.input(dice, {m, inputs}, dice.scale(1e-5f, 1e-3f), 0, word);
        std::vector<int32_t> in{x, c.m.tensor("w", ElementType::int8, {o, inputs}, layer.quant(0), layer.weights)};
        layer.add_bias(c, in);
        const int32_t y = c.output({m, o}, layer.y_scale, 0, word);
        c.m.op(9, in, {y}, Options::FullyConnectedOptions, tfl::CreateFullyConnectedOptions(c.m.b).Union());
        std::string expected;
        for (int64_t r = 0; r < m; ++r)
            for (int64_t j = 0; j < o; ++j) {
                int64_t acc = 0;
                for (int64_t i = 0; i < inputs; ++i) acc += int64_t{c.inputs[0].at(r * inputs + i)} * layer.w(j * inputs + i);
                layer.finish(expected, acc, static_cast<size_t>(j), c.inputs[0].scale, true);
            }
        c.check(fmt::format("fully connected {}", k), expected);
    }
}

TEST(TfliteInt16, TransposedConvolutionsAreWide) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(5600 + static_cast<uint32_t>(k));
        const int32_t sh = dice(1, 2), sw = dice(1, 3), kh = dice(1, 4), kw = dice(1, 4), ih = dice(1, 4), iw = dice(1, 4), ic = dice(1, 4),
                      oc = dice(1, 5), oh = (ih - 1) * sh + kh + std::max(0, sh - kh), ow = (iw - 1) * sw + kw + std::max(0, sw - kw);
        Model c;
        const Layer layer(dice, oc, int64_t{oc} * kh * kw * ic, k % 2 == 0 ? Bias::none : Bias::wide, true);
        const int32_t x = c.input(dice, {1, ih, iw, ic}, dice.scale(1e-5f, 1e-3f), 0, word);
        std::vector<int32_t> in{c.m.ints("shape", {1, oh, ow, oc}),
                                c.m.tensor("w", ElementType::int8, {oc, kh, kw, ic}, layer.quant(0), layer.weights), x};
        layer.add_bias(c, in);
        const int32_t y = c.output({1, oh, ow, oc}, layer.y_scale, 0, word);
        c.m.op(67, in, {y}, Options::TransposeConvOptions, tfl::CreateTransposeConvOptions(c.m.b, tfl::Padding::valid, sw, sh).Union());
        std::vector<int64_t> sums(static_cast<size_t>(oh * ow * oc), 0);
        for (int32_t iy = 0; iy < ih; ++iy)
            for (int32_t jx = 0; jx < iw; ++jx)
                for (int32_t fy = 0; fy < kh; ++fy)
                    for (int32_t fx = 0; fx < kw; ++fx)
                        for (int32_t o = 0; o < oc; ++o)
                            for (int32_t i = 0; i < ic; ++i)
                                sums[static_cast<size_t>(((iy * sh + fy) * ow + jx * sw + fx) * oc + o)] +=
                                    int64_t{c.inputs[0].at((iy * iw + jx) * ic + i)} * layer.w(((o * kh + fy) * kw + fx) * ic + i);
        std::string expected;
        for (size_t i = 0; i < sums.size(); ++i) layer.finish(expected, sums[i], i % static_cast<size_t>(oc), c.inputs[0].scale);
        c.check(fmt::format("transpose_conv {}", k), expected);
    }
}

TEST(TfliteInt16, MatrixProductsAreWide) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(5700 + static_cast<uint32_t>(k));
        const int32_t m = dice(1, 4), depth = k % 4 == 0 ? 40 : dice(1, 9), n = dice(1, 6);
        const bool turned = dice(0, 1) != 0;
        Model c;
        const int32_t a = c.input(dice, {2, m, depth}, dice.scale(1e-5f, 1e-3f), 0, word),
                      b = c.input(dice, turned ? Ints{n, depth} : Ints{depth, n}, dice.scale(1e-5f, 1e-3f), 0, word);
        const float y_scale = dice.scale(1e-5f, 1e-2f);
        const int32_t y = c.output({2, m, n}, y_scale, 0, word);
        c.m.op(126, {a, b}, {y}, Options::BatchMatMulOptions, tfl::CreateBatchMatMulOptions(c.m.b, false, turned).Union());
        std::string expected;
        for (int64_t r = 0; r < 2 * m; ++r)
            for (int64_t j = 0; j < n; ++j) {
                int64_t acc = 0;
                for (int64_t i = 0; i < depth; ++i)
                    acc += int64_t{c.inputs[0].at(r * depth + i)} * c.inputs[1].at(turned ? j * depth + i : i * n + j);
                append(expected,
                       rescaled64(acc, static_cast<double>(c.inputs[0].scale * c.inputs[1].scale) / static_cast<double>(y_scale)));
            }
        c.check(fmt::format("batch_matmul {}", k), expected);
    }
}

// Two operands and a definition of one element; `bytes` wide results.
using Pair16 = std::function<int64_t(const CaseData&, int64_t, const CaseData&, int64_t, float y_scale)>;
void check_pairs(const char* what, int32_t code, uint32_t seed, float lo, float hi, const Pair16& f, bool alike = false,
                 bool truth = false) {
    for (int k = 0; k < few; ++k) {
        Dice dice(seed + static_cast<uint32_t>(k));
        auto [a, b] = broadcast_pair(dice);
        const Ints to = a;
        if (dice(0, 1) != 0) std::swap(a, b);
        Model c;
        const float scale = dice.scale(lo, hi), other = alike ? scale : dice.scale(lo, hi);
        const int32_t xa = c.input(dice, a, scale, 0, word), xb = c.input(dice, b, other, 0, word);
        const float y_scale = alike ? scale : std::max(scale, other) * dice.scale(0.5f, 4);
        const int32_t y = c.output(to, y_scale, 0, truth ? ElementType::boolean : word);
        c.m.op(code, {xa, xb}, {y});
        std::string expected;
        for (int64_t i = 0; i < count(to); ++i) {
            const int64_t v = f(c.inputs[0], broadcast_index(a, to, i), c.inputs[1], broadcast_index(b, to, i), y_scale);
            if (truth) {
                expected += static_cast<char>(v);
            } else {
                append(expected, v);
            }
        }
        c.check(fmt::format("{} {}", what, k), expected);
    }
}

int64_t sum_of(const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y_scale, int sign, bool in_float) {
    const double twice = 2 * static_cast<double>(std::max(a.scale, b.scale));
    const float twice_f = 2 * std::max(a.scale, b.scale);
    const double fa = in_float ? static_cast<double>(a.scale / twice_f) : a.scale / twice;
    const double fb = in_float ? static_cast<double>(b.scale / twice_f) : b.scale / twice;
    const double fy = in_float ? static_cast<double>(twice_f / (32768.0f * y_scale)) : twice / (32768 * static_cast<double>(y_scale));
    return rescaled(rescaled(a.at(i) * 32768, fa) + sign * rescaled(b.at(j) * 32768, fb), fy);
}

TEST(TfliteInt16, SumsShiftBy15) {
    check_pairs("add", 0, 6000, 1e-5f, 1e-3f,
                [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y) { return sum_of(a, i, b, j, y, 1, false); });
    check_pairs("sub", 41, 6100, 1e-5f, 1e-3f,
                [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y) { return sum_of(a, i, b, j, y, -1, true); });
}

TEST(TfliteInt16, ProductsSquaresExtremesAndComparisons) {
    check_pairs("mul", 18, 6200, 1e-5f, 1e-3f, [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y) -> int64_t {
        return rescaled(a.at(i) * b.at(j), static_cast<double>(a.scale) * static_cast<double>(b.scale) / static_cast<double>(y));
    });
    check_pairs("squared_difference", 99, 6300, 1e-5f, 1e-3f,
                [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float y) -> int64_t {
                    const double twice = 2 * static_cast<double>(std::max(a.scale, b.scale));
                    const int32_t d = rescaled(a.at(i), a.scale / twice) - rescaled(b.at(j), b.scale / twice);
                    return rescaled(d * d, twice * twice / static_cast<double>(y));
                });
    check_pairs(
        "maximum", 55, 6400, 1e-5f, 1e-3f,
        [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float) -> int64_t { return std::max(a.at(i), b.at(j)); }, true);
    check_pairs(
        "minimum", 57, 6500, 1e-5f, 1e-3f,
        [](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float) -> int64_t { return std::min(a.at(i), b.at(j)); }, true);
    const std::pair<int32_t, std::function<bool(int32_t, int32_t)>> all[] = {
        {58, [](int32_t a, int32_t b) { return a < b; }},  {61, [](int32_t a, int32_t b) { return a > b; }},
        {62, [](int32_t a, int32_t b) { return a >= b; }}, {63, [](int32_t a, int32_t b) { return a <= b; }},
        {71, [](int32_t a, int32_t b) { return a == b; }}, {72, [](int32_t a, int32_t b) { return a != b; }}};
    for (const auto& [code, holds] : all)
        check_pairs(
            "comparison", code, 6600 + static_cast<uint32_t>(code) * 20, 1e-3f, 0.9f,
            [f = holds](const CaseData& a, int64_t i, const CaseData& b, int64_t j, float) -> int64_t {
                return f(rescaled(a.at(i) * 256, a.scale), rescaled(b.at(j) * 256, b.scale)) ? 1 : 0;
            },
            false, true);
}

TEST(TfliteInt16, PoolsRoundHalfAwayFromZero) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(7000 + static_cast<uint32_t>(k));
        Window s(dice);
        s.dh = s.dw = 1;
        s.oh = s.same ? (s.ih + s.sh - 1) / s.sh : (s.ih - s.kh) / s.sh + 1,
        s.ow = s.same ? (s.iw + s.sw - 1) / s.sw : (s.iw - s.kw) / s.sw + 1;
        s.top = s.same ? std::max(0, (s.oh - 1) * s.sh + s.kh - s.ih) / 2 : 0,
        s.left = s.same ? std::max(0, (s.ow - 1) * s.sw + s.kw - s.iw) / 2 : 0;
        const bool average = k % 2 == 0, relu = dice(0, 2) == 0;
        Model c;
        const float scale = dice.scale(1e-5f, 1e-3f);
        const int32_t x = c.input(dice, {s.n, s.ih, s.iw, s.ic}, scale, 0, word), y = c.output({s.n, s.oh, s.ow, s.ic}, scale, 0, word);
        c.m.op(average ? 1 : 17, {x}, {y}, Options::PoolOptions,
               tfl::CreatePoolOptions(c.m.b, s.padding(), s.sw, s.sh, s.kw, s.kh, relu ? tfl::Activation::relu : tfl::Activation::none)
                   .Union());
        std::string expected;
        for (int64_t p = 0; p < int64_t{s.n} * s.oh * s.ow; ++p)
            for (int64_t ch = 0; ch < s.ic; ++ch) {
                int64_t sum = 0, n = 0, best = -32768;
                s.taps(p, [&](int64_t, int64_t at) {
                    const int64_t v = c.inputs[0].at(at * s.ic + ch);
                    sum += v, ++n, best = std::max(best, v);
                });
                append(expected, average ? (sum >= 0 ? sum + n / 2 : sum - n / 2) / n : best, relu ? 0 : -32768);
            }
        c.check(fmt::format("pool {}", k), expected);
    }
}

TEST(TfliteInt16, SumsAndMeansOverAxes) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(7200 + static_cast<uint32_t>(k));
        const int32_t n = dice(1, 4), h = dice(1, 5), ch = dice(1, 6), code = k % 3 == 0 ? 74 : k % 3 == 1 ? 40 : 82;
        Model c;
        const float scale = dice.scale(1e-5f, 1e-3f), y_scale = code == 82 ? scale : scale * dice.scale(0.5f, 8);
        const int32_t x = c.input(dice, {n, h, ch}, scale, 0, word), axes = c.m.ints("axes", {1}), y = c.output({n, ch}, y_scale, 0, word);
        c.m.op(code, {x, axes}, {y}, Options::ReducerOptions, tfl::CreateReducerOptions(c.m.b, false).Union());
        std::string expected;
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < ch; ++j) {
                int32_t sum = 0, best = -32768;
                for (int64_t r = 0; r < h; ++r) {
                    const int32_t v = c.inputs[0].at((i * h + r) * ch + j);
                    sum += v, best = std::max(best, v);
                }
                int32_t multiplier = 0;
                int shift = 0, more = 0;
                quantize_multiplier(static_cast<double>(scale) / static_cast<double>(y_scale), multiplier, shift);
                if (code == 40) {
                    while (2 << more <= h) ++more;
                    multiplier = static_cast<int32_t>((int64_t{multiplier} << more) / h);
                }
                append(expected, code == 82 ? best : multiply_by_quantized_multiplier(sum, multiplier, shift - more));
            }
        c.check(fmt::format("reduce {} {}", code, k), expected);
    }
}

// One operand and a definition of one element.
void check_words(const char* what, int32_t code, uint32_t seed, const std::function<int64_t(int32_t, float x_scale, float y_scale)>& f,
                 float lo = 1e-5f, float hi = 1e-3f, float fixed_scale = 0, ElementType from = word, ElementType to = word) {
    for (int k = 0; k < few; ++k) {
        Dice dice(seed + static_cast<uint32_t>(k));
        Model c;
        const Ints shape{dice(1, 3), dice(50, 300)};
        const float x_scale = dice.scale(lo, hi), y_scale = fixed_scale != 0 ? fixed_scale : x_scale * dice.scale(0.3f, 3);
        const int32_t x = c.input(dice, shape, x_scale, 0, from), y = c.output(shape, y_scale, 0, to);
        if (code == 98) {
            c.m.op(code, {x}, {y}, Options::LeakyReluOptions, tfl::CreateLeakyReluOptions(c.m.b, 0.3f).Union());
        } else {
            c.m.op(code, {x}, {y});
        }
        std::string expected;
        for (int64_t i = 0; i < count(shape); ++i) {
            const int64_t v = f(c.inputs[0].at(i), x_scale, y_scale);
            if (to == word) {
                append(expected, v);
            } else {
                expected += static_cast<char>(clamped(v));
            }
        }
        c.check(fmt::format("{} {}", what, k), expected);
    }
}

TEST(TfliteInt16, RectifiersMagnitudesAndOtherScales) {
    const auto ratio = [](float x, float y) { return static_cast<double>(x) / static_cast<double>(y); };
    check_words("relu", 19, 7400, [&](int32_t v, float x, float y) -> int64_t { return std::max(0, rescaled(v, ratio(x, y))); });
    check_words("leaky_relu", 98, 7500,
                [](int32_t v, float x, float y) -> int64_t { return rescaled(v, static_cast<double>(v >= 0 ? x / y : x * 0.3f / y)); });
    check_words("abs", 101, 7600, [&](int32_t v, float x, float y) -> int64_t { return rescaled(std::abs(v), ratio(x, y)); });
    check_words("quantize", 114, 7700, [&](int32_t v, float x, float y) -> int64_t { return rescaled(v, ratio(x, y)); });
    check_words(
        "to int8", 114, 7800, [&](int32_t v, float x, float y) -> int64_t { return rescaled(v, ratio(x, y)); }, 1e-5f, 1e-3f, 0.01f, word,
        ElementType::int8);
    check_words(
        "to int16", 114, 7900, [&](int32_t v, float x, float y) -> int64_t { return rescaled(v, ratio(x, y)); }, 1e-3f, 1e-1f, 1e-4f,
        ElementType::int8, word);
    for (int k = 0; k < few; ++k) {  // RELU6 keeps the scale
        Dice dice(8000 + static_cast<uint32_t>(k));
        Model c;
        const float scale = dice.scale(1e-4f, 1e-2f);
        const int32_t x = c.input(dice, {200}, scale, 0, word), y = c.output({200}, scale, 0, word);
        c.m.op(21, {x}, {y});
        std::string expected;
        for (int64_t i = 0; i < 200; ++i)
            append(expected, c.inputs[0].at(i), 0, std::min<int64_t>(32767, static_cast<int64_t>(std::round(6.0f / scale))));
        c.check(fmt::format("relu6 {}", k), expected);
    }
}

// The definition's own table lookup is in fixed_functions_test; here its argument, and that the result is the function to a few steps.
TEST(TfliteInt16, LogisticAndTanhInterpolateOneTable) {
    const auto argument = [](int32_t v, float x) -> int32_t {
        double m = static_cast<double>(x) * 12288;
        int shift = 0;
        while (m <= 32767.0 / 2 && shift <= 30) m *= 2, ++shift;
        return static_cast<int32_t>((v * int64_t{static_cast<int32_t>(m)} + (shift > 0 ? int64_t{1} << (shift - 1) : 0)) >> shift);
    };
    check_words(
        "logistic", 14, 8200,
        [&](int32_t v, float x, float) -> int64_t {
            const int64_t y = fixed_logistic16(argument(v, x));
            EXPECT_NEAR(static_cast<double>(y), 32768 / (1 + std::exp(-static_cast<double>(x) * v)), 6);
            return y;
        },
        1e-5f, 1e-3f, 1.0f / 32768);
    check_words(
        "tanh", 28, 8300,
        [&](int32_t v, float x, float) -> int64_t {
            const int64_t y = fixed_tanh16(argument(v, x));
            EXPECT_NEAR(static_cast<double>(y), 32768 * std::tanh(static_cast<double>(x) * v), 10);
            return y;
        },
        1e-5f, 1e-3f, 1.0f / 32768);
    // Scales that are powers of two are met exactly: 2^-12 by 3, for tanh 2^-11 by 6.
    for (const auto& [code, scale, times] : {std::tuple(14, 1.0f / 4096, 3), {28, 1.0f / 4096, 3}, {28, 1.0f / 2048, 6}})
        check_words(
            "power of two", code, 8400,
            [&, c = code, t = times](int32_t v, float, float) -> int64_t {
                return c == 14 ? fixed_logistic16(v * t) : fixed_tanh16(v * t);
            },
            scale, scale, 1.0f / 32768);
}

TEST(TfliteInt16, SoftmaxIsTheRealOneToAFewSteps) {
    for (int k = 0; k < rounds; ++k) {
        Dice dice(8600 + static_cast<uint32_t>(k));
        const int32_t n = dice(1, 20), lines = dice(1, 4);
        Model c;
        const float scale = dice.scale(1e-5f, 2e-3f), beta = dice(0, 1) == 0 ? 1 : 0.5f;
        const int32_t x = c.input(dice, {lines, n}, scale, 0, word), y = c.output({lines, n}, 1.0f / 32768, 0, word);
        c.m.op(25, {x}, {y}, Options::SoftmaxOptions, tfl::CreateSoftmaxOptions(c.m.b, beta).Union());
        std::string expected;
        const auto held = [](int64_t v) { return static_cast<int16_t>(std::clamp<int64_t>(v, -32768, 32767)); };
        for (int64_t line = 0; line < lines; ++line) {
            int32_t highest = -32768;
            double real_sum = 0;
            int64_t sum = 0;
            std::vector<int64_t> e;
            for (int64_t i = 0; i < n; ++i) highest = std::max(highest, c.inputs[0].at(line * n + i));
            for (int64_t i = 0; i < n; ++i) {
                const int32_t d = c.inputs[0].at(line * n + i) - highest;
                real_sum += std::exp(static_cast<double>(d) * scale * beta);
                e.push_back(
                    interpolated16(exp_table16(), held(int64_t{rescaled(d, double{scale} * double{beta} / (10.0 / 65535.0))} + 32767)));
                sum += e.back();
            }
            int up = 0;
            while (sum << up < int64_t{1} << 30) ++up;
            const int64_t reciprocal = interpolated16(one_over_one_plus_table16(), held((((sum << up) + 8192) >> 14) - 98304));
            for (int64_t i = 0; i < n; ++i) {
                const int64_t v =
                    std::clamp<int64_t>((e[static_cast<size_t>(i)] * reciprocal + (int64_t{1} << (29 - up))) >> (30 - up), 0, 32767);
                const double real = 32768 * std::exp(static_cast<double>(c.inputs[0].at(line * n + i) - highest) * scale * beta) / real_sum;
                EXPECT_NEAR(static_cast<double>(v), real, 24) << n;
                append(expected, v);
            }
        }
        c.check(fmt::format("softmax {}", k), expected);
    }
}

// Movement of elements takes int16 as it takes any type; padding is 0.
TEST(TfliteInt16, ElementsAreMoved) {
    Dice dice(9000);
    for (int k = 0; k < 3; ++k) {
        Model c;
        const int32_t x = c.input(dice, {1, 2, 3, 4}, 1e-3f, 0, word);
        std::string expected;
        if (k == 0) {
            const int32_t pads = c.m.tensor("pads", ElementType::int32, {4, 2}, {}, TfliteBuilder::bytes(Ints{0, 0, 1, 0, 0, 0, 0, 0}));
            c.m.op(34, {x, pads}, {c.output({1, 3, 3, 4}, 1e-3f, 0, word)});
            expected = std::string(24, '\0') + c.inputs[0].values;
        } else if (k == 1) {
            c.m.op(39, {x, c.m.ints("perm", {0, 2, 1, 3})}, {c.output({1, 3, 2, 4}, 1e-3f, 0, word)});
            for (int64_t w = 0; w < 3; ++w)
                for (int64_t h = 0; h < 2; ++h)
                    for (int64_t i = 0; i < 4; ++i) append(expected, c.inputs[0].at((h * 3 + w) * 4 + i));
        } else {
            const int32_t joined = c.m.tensor("j", word, {1, 2, 3, 8}, {{1e-3f}, {0}, 0});
            c.m.op(2, {x, x}, {joined}, Options::ConcatenationOptions, tfl::CreateConcatenationOptions(c.m.b, 3).Union());
            c.m.op(65, {joined, c.m.ints("begin", {0, 1, 0, 2}), c.m.ints("size", {1, 1, 3, 4})}, {c.output({1, 1, 3, 4}, 1e-3f, 0, word)});
            for (int64_t w = 0; w < 3; ++w)
                for (int64_t i = 2; i < 6; ++i) append(expected, c.inputs[0].at((3 + w) * 4 + i % 4));
        }
        c.check(fmt::format("movement {}", k), expected);
    }
}

// What the reference does not define is refused by the tensor's name.
TEST(TfliteInt16, WhatIsNotDefinedIsRefused) {
    const auto errors = [](Model& c) {
        Diagnostics diag;
        EXPECT_FALSE(read_tflite_bytes(c.m.finish(), "m.tflite", diag));
        std::string text;
        for (const Diagnostic& d : diag.all()) text += d.text();
        return text;
    };
    Dice dice(1);
    Model zero;
    zero.m.op(19, {zero.input(dice, {4}, 1e-3f, 5, word)}, {zero.output({4}, 1e-3f, 0, word)});
    EXPECT_THAT(errors(zero), ::testing::HasSubstr("int16 data are symmetric"));
    Model depthwise;  // the reference reads 64 bits
    const int32_t x = depthwise.input(dice, {1, 2, 2, 1}, 1e-3f, 0, word),
                  w = depthwise.m.tensor("w", ElementType::int8, {1, 1, 1, 1}, {{0.1f}, {0}, 0}, "a");
    const int32_t b = depthwise.m.tensor("b", ElementType::int32, {1}, {}, std::string(4, 'b'));
    depthwise.m.op(4, {x, w, b}, {depthwise.output({1, 2, 2, 1}, 1e-3f, 0, word)}, Options::DepthwiseConvOptions,
                   tfl::CreateDepthwiseConvOptions(depthwise.m.b, tfl::Padding::valid, 1, 1, 1).Union());
    EXPECT_THAT(errors(depthwise), ::testing::HasSubstr("element types i16, i8, i32"));
    Model logistic;
    logistic.m.op(14, {logistic.input(dice, {4}, 1e-3f, 0, word)}, {logistic.output({4}, 1e-3f, 0, word)});
    EXPECT_THAT(errors(logistic), ::testing::HasSubstr("expected q(3.0517578e-05,0)"));
    Model large;
    large.m.op(28, {large.input(dice, {4}, 4.0f, 0, word)}, {large.output({4}, 1.0f / 32768, 0, word)});
    EXPECT_THAT(errors(large), ::testing::HasSubstr("too large"));
    Model small;
    small.m.op(18, {small.input(dice, {4}, 1.0f, 0, word), small.input(dice, {4}, 1.0f, 0, word)}, {small.output({4}, 0.5f, 0, word)});
    EXPECT_THAT(errors(small), ::testing::HasSubstr("too small for a product"));
}

}  // namespace
}  // namespace gw
