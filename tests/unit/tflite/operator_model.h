// Models of one operator for the tests over attribute spaces: random operands of int8, int16 or bool, a definition's result, and the check
// that the interpreter gives it and the emitted C of this machine what the interpreter gives, step by step.
#pragma once
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <random>

#include "frontend/tflite/tflite.h"
#include "interp/interp.h"
#include "support/bundle.h"
#include "support/tflite_builder.h"

namespace gw::tflite_test {
using tfl::ElementType;
using tfl::Options;
using Ints = std::vector<int32_t>;

inline constexpr int rounds = 12;

struct Dice {
    std::mt19937 source;
    explicit Dice(uint32_t seed) : source(seed) {}
    int32_t operator()(int32_t lo, int32_t hi) { return lo + static_cast<int32_t>(source() % static_cast<uint32_t>(hi - lo + 1)); }
    float scale(float lo = 0.004f, float hi = 0.3f) { return lo * std::pow(hi / lo, static_cast<float>(source()) / 4294967296.0f); }
    int32_t zero() { return (*this)(0, 3) == 0 ? (source() % 2 != 0 ? -128 : 127) : (*this)(-128, 127); }
    // Full range, now and then with many extremes.
    std::string words(int64_t n) {
        std::vector<int16_t> v;
        const bool extreme = (*this)(0, 3) == 0;
        for (int64_t i = 0; i < n; ++i)
            v.push_back(
                static_cast<int16_t>(extreme && (*this)(0, 1) == 0 ? ((*this)(0, 1) == 0 ? -32768 : 32767) : (*this)(-32768, 32767)));
        return TfliteBuilder::bytes(v);
    }
    std::string bytes(int64_t n, int32_t lo = -128, int32_t hi = 127) {
        std::string s;
        for (int64_t i = 0; i < n; ++i) s += static_cast<char>(static_cast<int8_t>((*this)(lo, hi)));
        return s;
    }
};

inline int64_t count(const Ints& shape) {
    int64_t n = 1;
    for (int32_t d : shape) n *= d;
    return n;
}

// What a test case's operands look like to its definition.
struct CaseData {
    Ints shape;
    float scale = 1;
    int32_t zero = 0;
    std::string values;
    ElementType type = ElementType::int8;
    int32_t at(int64_t i) const {
        if (type != ElementType::int16) return static_cast<int8_t>(values[static_cast<size_t>(i)]);
        int16_t v = 0;
        std::memcpy(&v, values.data() + 2 * i, 2);
        return v;
    }
    int32_t centred(int64_t i) const { return at(i) - zero; }
};

inline int32_t rescaled(int32_t v, double factor) {
    int32_t multiplier = 0;
    int shift = 0;
    quantize_multiplier(factor, multiplier, shift);
    return multiply_by_quantized_multiplier(v, multiplier, shift);
}
// TFLite's rescaling of a sum of 64 bits: 15 bits of the multiplier, half up.
inline int64_t rescaled64(int64_t acc, double factor) {
    int32_t multiplier = 0;
    int shift = 0;
    quantize_multiplier(factor, multiplier, shift);
    const __int128 reduced = multiplier < 0x7FFF0000 ? (multiplier + 32768) / 65536 : 32767;
    const __int128 unit = static_cast<__int128>(1) << (15 - shift), sum = acc * reduced + unit / 2;
    return static_cast<int64_t>(sum >= 0 ? sum / unit : -((-sum + unit - 1) / unit));
}
inline int8_t clamped(int64_t v) { return static_cast<int8_t>(std::clamp<int64_t>(v, -128, 127)); }

// A model of one operator: operands that are inputs first, then constants, in the order of `in`.
class Model {
public:
    TfliteBuilder m;
    std::vector<CaseData> inputs;
    int32_t input(Dice& dice, const Ints& shape, float scale, int32_t zero, ElementType type = ElementType::int8) {
        const int64_t n = count(shape);
        CaseData d{shape, scale, zero,
                   type == ElementType::boolean ? dice.bytes(n, 0, 1)
                   : type == ElementType::int16 ? dice.words(n)
                                                : dice.bytes(n),
                   type};
        const TfliteScales q = type == ElementType::boolean ? TfliteScales{} : TfliteScales{{scale}, {zero}, 0};
        const int32_t id = m.tensor("x" + std::to_string(inputs.size()), type, shape, q);
        m.inputs.push_back(id);
        inputs.push_back(std::move(d));
        return id;
    }
    int32_t output(const Ints& shape, float scale, int32_t zero, ElementType type = ElementType::int8) {
        const bool plain = type != ElementType::int8 && type != ElementType::int16;
        const int32_t id = m.tensor("y", type, shape, plain ? TfliteScales{} : TfliteScales{{scale}, {zero}, 0});
        m.outputs = {id};
        return id;
    }
    // Reads it, runs it, compares with `expected` and the emitted C with the interpreter.
    void check(const std::string& what, const std::string& expected) {
        Diagnostics diag;
        auto module = read_tflite_bytes(m.finish(), "m.tflite", diag);
        for (const Diagnostic& d : diag.all()) ADD_FAILURE() << what << ": " << d.text();
        if (!module) return;
        const Graph& g = module->main();
        ASSERT_TRUE(verify(g, diag)) << what;
        std::vector<Tensor> in;
        for (size_t i = 0; i < inputs.size(); ++i) in.push_back(Tensor::from_bytes(g.type(g.inputs[i].value), inputs[i].values));
        const Tensor y = interpret(g, in).at(0);
        ASSERT_EQ(y.bytes().size(), expected.size()) << what;
        const Tensor right = Tensor::from_bytes(y.type, expected);
        for (int64_t i = 0; i < right.elements(); ++i)
            ASSERT_EQ(y.int_at(i), right.int_at(i)) << what << ", element " << i << "\n" << print(g);
        testing::expect_right(g, testing::make_bundle(g), what);
    }
};

// Index into an operand of shape `from`, broadcast to `to`, of element i of `to`.
inline int64_t broadcast_index(const Ints& from, const Ints& to, int64_t i) {
    int64_t index = 0, step = 1;
    for (size_t d = to.size(); d-- > 0;) {
        const int64_t p = i % to[d];
        i /= to[d];
        const size_t missing = to.size() - from.size();
        if (d < missing) continue;
        if (from[d - missing] != 1) index += p * step;
        step *= from[d - missing];
    }
    return index;
}

// A shape of rank 1 to 4, and one that broadcasts to it.
inline std::pair<Ints, Ints> broadcast_pair(Dice& dice) {
    Ints a;
    for (int32_t r = dice(1, 4); r > 0; --r) a.push_back(dice(1, 5));
    Ints b = a;
    for (int32_t& d : b)
        if (dice(0, 2) == 0) d = 1;
    if (dice(0, 2) == 0) b.erase(b.begin(), b.begin() + dice(0, static_cast<int32_t>(b.size()) - 1));
    return {a, b};
}

}  // namespace gw::tflite_test
