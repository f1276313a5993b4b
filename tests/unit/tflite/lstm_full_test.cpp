// UNIDIRECTIONAL_SEQUENCE_LSTM of int8 and int16 over its attribute space: random sizes, both orders of data, clips of the cell, scales and
// biases with extremes, several calls without a reset. The definition is written down here once more from its description
// (docs/arithmetic.md), gate by gate over all units as the reference walks, in 64 bits and with a table of its own; the interpreter must
// give its bytes, and the emitted C of this machine what the interpreter gives.
#include <array>

#include "unit/tflite/operator_model.h"

namespace gw {
namespace {
using namespace tflite_test;

int64_t clamped16(int64_t v) { return std::clamp<int64_t>(v, -32768, 32767); }
int64_t entry(int64_t i) { return std::min<int64_t>(65535, std::llround(65536 / (1 + std::exp(static_cast<double>(-i) / 24)))); }
// The functions of x / 12288 in Q0.15: half up for what is not negative, mirrored below, the last half lost.
int64_t logistic16(int64_t x) {
    const int64_t u = std::abs(x), i = u / 512, y = i >= 255 ? 32767 * 1024 : entry(i) * 512 + u % 512 * (entry(i + 1) - entry(i));
    return x >= 0 ? (y + 512) / 1024 : (32768 * 1024 - y + 511) / 1024;
}
int64_t tanh16(int64_t x) {
    const int64_t u = std::abs(x), i = u / 256, y = i >= 255 ? 65535 * 256 : entry(i) * 256 + u % 256 * (entry(i + 1) - entry(i));
    return x >= 0 ? (y - 32768 * 256 + 128) / 256 : -((y - 32768 * 256 + 128) / 256);
}

// Operands and options of one layer. Gates in the format's order: input, forget, cell, output; w has those over x, then those over h.
struct Lstm {
    bool words = true, time_major = false;
    int32_t batch = 1, steps = 1, inputs = 1, hidden = 1, x_zero = 0, h_zero = 0, exponent = -11;
    float x_scale = 0, h_scale = 0, c_scale = 0, clip = 0;
    std::array<float, 8> w_scale{};
    std::array<std::string, 8> w;
    std::array<std::vector<int64_t>, 4> bias;

    int64_t width(size_t i) const { return i < 4 ? inputs : hidden; }
    int64_t weight(size_t i, int64_t unit, int64_t k) const { return static_cast<int8_t>(w[i][static_cast<size_t>(unit * width(i) + k)]); }
    ElementType data() const { return words ? ElementType::int16 : ElementType::int8; }

    // Scales that spread the gates' sums over Q3.12, far beyond it, or keep them near 0.
    explicit Lstm(Dice& dice, bool int16) : words(int16), time_major(dice(0, 1) != 0) {
        batch = dice(1, 3), steps = dice(1, 5), inputs = dice(0, 6) == 0 ? 600 : dice(1, 9), hidden = dice(1, 7);
        x_scale = words ? dice.scale(2e-5f, 2e-4f) : dice.scale(0.01f, 0.06f);
        h_scale = words ? dice.scale(2.6e-5f, 4e-5f) : dice.scale(0.006f, 0.009f);
        if (!words) x_zero = dice.zero(), h_zero = dice.zero();
        exponent = -dice(9, 15);
        if (dice(0, 3) == 0) exponent = -dice(0, 24);
        c_scale = std::ldexp(dice(0, 2) == 0 ? dice.scale(0.8f, 1.3f) : 1.0f, exponent);
        const int32_t clipped = dice(0, 3);
        if (clipped == 0) clip = c_scale * static_cast<float>(dice(1, 40000));
        if (clipped == 1) clip = c_scale / 2;  // to 0
        for (size_t i = 0; i < 8; ++i) {
            w[i] = dice.bytes(hidden * width(i), -127, 127);
            w_scale[i] = dice.scale(0.001f, 0.05f);
            if (dice(0, 5) == 0) w_scale[i] = dice(0, 1) == 0 ? 1e-12f : 0.02f / (i < 4 ? x_scale : h_scale);
        }
        for (std::vector<int64_t>& b : bias) {
            const int64_t reach = words && dice(0, 2) == 0 ? int64_t{1} << 46 : words ? 30000000 : 9000;
            for (int32_t j = 0; j < hidden; ++j) b.push_back(dice(-1000, 1000) * reach / 1000);
        }
    }

    std::string model() const {
        TfliteBuilder m;
        const auto one = [](float scale, int32_t zero = 0) { return TfliteScales{{scale}, {zero}, 0}; };
        const auto shape = [&](int32_t depth) { return time_major ? Ints{steps, batch, depth} : Ints{batch, steps, depth}; };
        const int32_t x = m.tensor("x", data(), shape(inputs), one(x_scale, x_zero)),
                      y = m.tensor("y", data(), shape(hidden), one(h_scale, h_zero));
        std::vector<int32_t> in(24, -1);
        in[0] = x;
        for (size_t i = 0; i < 8; ++i)
            in[1 + i] = m.tensor("w", ElementType::int8, {hidden, static_cast<int32_t>(width(i))}, one(w_scale[i]), w[i]);
        for (size_t i = 0; i < 4; ++i)
            in[12 + i] = m.tensor("b", words ? ElementType::int64 : ElementType::int32, {hidden}, {},
                                  words ? TfliteBuilder::bytes(bias[i]) : TfliteBuilder::bytes(Ints(bias[i].begin(), bias[i].end())));
        in[18] = m.tensor("h", data(), {batch, hidden}, one(h_scale, h_zero), {}, true);
        in[19] = m.tensor("c", ElementType::int16, {batch, hidden}, one(c_scale), {}, true);
        m.inputs = {x}, m.outputs = {y};
        m.op(44, in, {y}, Options::SequenceLstmOptions,
             tfl::CreateSequenceLstmOptions(m.b, tfl::Activation::tanh, clip, 0, time_major).Union());
        return m.finish();
    }
};

// The definition: what the layer keeps, and a call.
class Reference {
public:
    explicit Reference(const Lstm& l) : l_(l) { h_.assign(static_cast<size_t>(l.batch * l.hidden), l.h_zero), c_.assign(h_.size(), 0); }

    std::vector<int64_t> call(const Tensor& x) {
        std::vector<int64_t> y(static_cast<size_t>(l_.batch) * static_cast<size_t>(l_.steps * l_.hidden));
        for (int32_t n = 0; n < l_.batch; ++n)
            for (int32_t t = 0; t < l_.steps; ++t) {
                const int64_t row = l_.time_major ? int64_t{t} * l_.batch + n : int64_t{n} * l_.steps + t;
                step(x, row, n);
                for (int32_t j = 0; j < l_.hidden; ++j) y[static_cast<size_t>(row * l_.hidden + j)] = h_[state(n, j)];
            }
        return y;
    }
    const std::vector<int64_t>& hidden() const { return h_; }
    const std::vector<int64_t>& cell() const { return c_; }

private:
    size_t state(int32_t n, int32_t j) const { return static_cast<size_t>(n * l_.hidden + j); }
    int64_t to_q12(int64_t sum, float product) const {
        const double factor = static_cast<double>(product) * 4096;
        return clamped16(l_.words ? rescaled64(sum, factor) : rescaled(static_cast<int32_t>(sum), factor));
    }
    void step(const Tensor& x, int64_t row, int32_t n) {
        std::array<std::vector<int64_t>, 4> gates;
        for (size_t g = 0; g < 4; ++g)
            for (int32_t j = 0; j < l_.hidden; ++j) {
                int64_t of_x = l_.bias[g][static_cast<size_t>(j)], of_h = 0;
                for (int32_t k = 0; k < l_.inputs; ++k) of_x += l_.weight(g, j, k) * (x.int_at(row * l_.inputs + k) - l_.x_zero);
                for (int32_t k = 0; k < l_.hidden; ++k) of_h += l_.weight(4 + g, j, k) * (h_[state(n, k)] - l_.h_zero);
                const int64_t s = clamped16(to_q12(of_x, l_.x_scale * l_.w_scale[g]) + to_q12(of_h, l_.h_scale * l_.w_scale[4 + g]));
                gates[g].push_back(g == 2 ? tanh16(3 * s) : logistic16(3 * s));
            }
        const double unit = 1.0 / 32768, scale = l_.c_scale;
        for (int32_t j = 0; j < l_.hidden; ++j) {
            const auto at = static_cast<size_t>(j);
            int64_t& c = c_[state(n, j)];
            c = clamped16(clamped16(rescaled(static_cast<int32_t>(gates[1][at] * c), unit * scale / scale)) +
                          clamped16(rescaled(static_cast<int32_t>(gates[0][at] * gates[2][at]), unit * unit / scale)));
            const auto limit = static_cast<int64_t>(std::min(static_cast<double>(l_.clip) / scale, 32767.0));
            if (l_.clip > 0) c = std::clamp(c, -limit, limit);
            const int up = 12 + l_.exponent;
            const int64_t argument = up >= 0 ? 3 * c * (int64_t{1} << up) : (3 * c + (int64_t{1} << (-up - 1))) >> -up;
            const int64_t product = rescaled(static_cast<int32_t>(gates[3][at] * tanh16(argument)), unit * unit / l_.h_scale);
            h_[state(n, j)] = l_.words ? clamped16(product) : clamped(product + l_.h_zero);
        }
    }

    const Lstm& l_;
    std::vector<int64_t> h_, c_;
};

Expected<Graph> read(const std::string& bytes, Diagnostics& diag) {
    GW_TRY(Module module, read_tflite_bytes(bytes, "m.tflite", diag));
    EXPECT_TRUE(verify(module.main(), diag));
    return module.main();
}

std::vector<int64_t> ints(const Tensor& t) {
    std::vector<int64_t> v;
    for (int64_t i = 0; i < t.elements(); ++i) v.push_back(t.int_at(i));
    return v;
}

void check(const Lstm& l, Dice& dice, const std::string& what) {
    Diagnostics diag;
    const auto g = read(l.model(), diag);
    for (const Diagnostic& d : diag.all()) ADD_FAILURE() << what << ": " << d.text();
    if (!g) return;
    ASSERT_EQ(g->states.size(), 2u);
    Reference reference(l);
    std::vector<Tensor> states = initial_states(*g);
    for (int call = 0; call < 3; ++call) {
        const Type& type = g->type(g->inputs.at(0).value);
        const Tensor x = Tensor::from_bytes(type, l.words ? dice.words(type.elements()) : dice.bytes(type.elements()));
        const std::vector<int64_t> expected = reference.call(x), seen = ints(interpret(*g, std::vector<Tensor>{x}, {}, &states).at(0));
        ASSERT_EQ(seen, expected) << what << ", call " << call << "\n" << print(*g);
        for (size_t s = 0; s < 2; ++s)
            ASSERT_EQ(ints(states[s]), g->states[s].name == "h" ? reference.hidden() : reference.cell()) << what << ", call " << call;
    }
    testing::expect_right(*g, testing::make_bundle(*g), what);
}

class TfliteLstm : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Data, TfliteLstm, ::testing::Bool(), [](const auto& words) { return words.param ? "int16" : "int8"; });

TEST_P(TfliteLstm, IsTheDefinitionOverItsAttributeSpace) {
    for (uint32_t k = 0; k < 40 && !HasFatalFailure(); ++k) {
        Dice dice(9100 + k);
        const Lstm l(dice, GetParam());
        check(l, dice, fmt::format("lstm {}", k));
    }
}

// With scales as a converter chooses them, int16 is the real layer to a few thousandths, over many steps.
TEST(TfliteLstm16, IsTheRealLayer) {
    Dice dice(9200);
    Lstm l(dice, true);
    l.batch = 1, l.steps = 30, l.inputs = 6, l.hidden = 5, l.time_major = true, l.clip = 0, l.exponent = -12;
    l.x_scale = 1.0f / 32768, l.h_scale = 1.0f / 32768, l.c_scale = 1.0f / 4096;
    l.w_scale.fill(0.6f / 127);
    for (size_t i = 0; i < 8; ++i) l.w[i] = dice.bytes(l.hidden * l.width(i), -127, 127);
    for (auto& b : l.bias) {
        b.clear();
        for (int j = 0; j < l.hidden; ++j) b.push_back(dice(-3000000, 3000000));
    }
    Diagnostics diag;
    const auto g = read(l.model(), diag);
    ASSERT_TRUE(g);
    const Tensor x = Tensor::from_bytes(g->type(g->inputs.at(0).value), dice.words(int64_t{l.steps} * l.inputs));
    const Tensor y = interpret(*g, std::vector<Tensor>{x}).at(0);
    std::vector<double> h(5, 0.0), c(5, 0.0);
    double largest = 0;
    for (int32_t t = 0; t < l.steps; ++t) {
        const std::vector<double> old = h;
        for (int32_t j = 0; j < l.hidden; ++j) {
            std::array<double, 4> s{};
            for (size_t q = 0; q < 4; ++q) {
                s[q] = static_cast<double>(l.bias[q][static_cast<size_t>(j)]) * l.x_scale * l.w_scale[q];
                for (int32_t k = 0; k < l.inputs; ++k)
                    s[q] += static_cast<double>(l.weight(q, j, k) * x.int_at(int64_t{t} * l.inputs + k)) * l.x_scale * l.w_scale[q];
                for (int32_t k = 0; k < l.hidden; ++k)
                    s[q] += static_cast<double>(l.weight(4 + q, j, k)) * old[static_cast<size_t>(k)] * l.w_scale[4 + q];
            }
            const auto at = static_cast<size_t>(j);
            c[at] = c[at] / (1 + std::exp(-s[1])) + std::tanh(s[2]) / (1 + std::exp(-s[0]));
            h[at] = std::tanh(c[at]) / (1 + std::exp(-s[3]));
            const double seen = static_cast<double>(y.int_at(int64_t{t} * l.hidden + j)) / 32768;
            EXPECT_NEAR(seen, h[at], 0.003) << t << " " << j;
            largest = std::max(largest, std::abs(seen));
        }
    }
    EXPECT_GT(largest, 0.3) << "the layer hardly moves";
}

// What the reference does not define, or reads otherwise than it is written, is refused by the operand's name.
TEST(TfliteLstm16, WhatIsNotDefinedIsRefused) {
    const auto refused = [](const auto& change, const std::string& words) {
        Dice dice(9300);
        Lstm l(dice, true);
        l.exponent = -11, l.c_scale = std::ldexp(1.0f, -11);
        l.w_scale.fill(0.01f);
        change(l);
        Diagnostics diag;
        EXPECT_FALSE(read(l.model(), diag));
        ASSERT_FALSE(diag.all().empty()) << words;
        EXPECT_THAT(diag.all().front().text(), ::testing::HasSubstr(words));
    };
    refused([](Lstm& l) { l.x_zero = 3; }, "operand `input`: i16[");
    refused([](Lstm& l) { l.h_zero = 3; }, "has a zero point; int16 data are symmetric");
    refused([](Lstm& l) { l.w_scale[2] = 0.05f / l.x_scale; }, "factors below 128 are defined");
    refused([](Lstm& l) { l.h_scale = 1e-10f; }, "too small for a product of gates");
    refused([](Lstm& l) { l.c_scale = 3; }, "is out of range [2^-24, 1]");
    refused([](Lstm& l) { l.bias[1][0] = int64_t{1} << 50; }, "is beyond 2^46");
    // Biases of 32 bits, which the reference would read as if they had 64.
    TfliteBuilder m;
    const TfliteScales q{{0.001f}, {0}, 0};
    const int32_t x = m.tensor("x", ElementType::int16, {1, 1, 1}, q), y = m.tensor("y", ElementType::int16, {1, 1, 1}, q);
    std::vector<int32_t> in(24, -1);
    in[0] = x;
    for (size_t i = 1; i < 9; ++i) in[i] = m.tensor("w", ElementType::int8, {1, 1}, q, "a");
    for (size_t i = 12; i < 16; ++i) in[i] = m.tensor("b", ElementType::int32, {1}, {}, std::string(4, 'b'));
    for (size_t i = 18; i < 20; ++i) in[i] = m.tensor("s", ElementType::int16, {1, 1}, q, {}, true);
    m.inputs = {x}, m.outputs = {y};
    m.op(44, in, {y}, Options::SequenceLstmOptions, tfl::CreateSequenceLstmOptions(m.b, tfl::Activation::tanh, 0, 0, true).Union());
    Diagnostics diag;
    EXPECT_FALSE(read(m.finish(), diag));
    ASSERT_FALSE(diag.all().empty());
    EXPECT_THAT(diag.all().front().text(), ::testing::HasSubstr("operand 12 (bias) is i32[1], expected i64[1]"));
}

}  // namespace
}  // namespace gw
