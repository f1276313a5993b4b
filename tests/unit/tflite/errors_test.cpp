// What is wrong with a file is said in one line each, located, and never by a crash.
#include <gmock/gmock.h>

#include <random>

#include "frontend/tflite/tflite.h"
#include "support/tflite_builder.h"

namespace gw {
namespace {
using tfl::ElementType;
using tfl::Options;

// A small model that reads well: convolution, reshape, fully connected, softmax.
struct Small : TfliteBuilder {
    int32_t x, w, bias, y, flat, weights, z, p;
    std::string conv_data = std::string(2 * 3 * 3 * 1, '\1');
    Scales w_scales{{0.1f, 0.2f}, {0, 0}, 0};
    Scales x_scales{{0.5f}, {-3}, 0};
    int32_t stride = 1;
    std::vector<int32_t> conv_out{1, 4, 4, 2};

    std::string build() {
        x = tensor("x", ElementType::int8, {1, 4, 4, 1}, x_scales);
        w = tensor("w", ElementType::int8, {2, 3, 3, 1}, w_scales, conv_data);
        bias = tensor("bias", ElementType::int32, {2}, {{0.05f, 0.1f}, {0, 0}, 0}, bytes<int32_t>({7, -9}));
        y = tensor("y", ElementType::int8, conv_out, {{0.4f}, {5}, 0});
        flat = tensor("flat", ElementType::int8, {1, 32}, {{0.4f}, {5}, 0});
        weights = tensor("weights", ElementType::int8, {3, 32}, {{0.1f}, {0}, 0}, std::string(96, '\2'));
        z = tensor("z", ElementType::int8, {1, 3}, {{0.3f}, {0}, 0});
        p = tensor("p", ElementType::int8, {1, 3}, {{1.0f / 256}, {-128}, 0});
        inputs = {x}, outputs = {p};
        op(3, {x, w, bias}, {y}, Options::ConvOptions,
           tfl::CreateConvOptions(b, tfl::Padding::same, stride, stride, tfl::Activation::relu).Union());
        op(22, {y}, {flat});
        op(9, {flat, weights, -1}, {z}, Options::FullyConnectedOptions, tfl::CreateFullyConnectedOptions(b).Union());
        op(25, {z}, {p}, Options::SoftmaxOptions, tfl::CreateSoftmaxOptions(b, 1.0f).Union());
        return finish();
    }
};

std::vector<Diagnostic> errors_of(const std::string& bytes) {
    Diagnostics diag;
    const auto module = read_tflite_bytes(bytes, "m.tflite", diag);
    EXPECT_EQ(module.ok(), !diag.has_errors());
    std::vector<Diagnostic> errors;
    for (const Diagnostic& d : diag.all())
        if (d.severity == Severity::error) errors.push_back(d);
    return errors;
}

void expect_error(const std::string& bytes, DiagId id, const std::string& part) {
    const std::vector<Diagnostic> errors = errors_of(bytes);
    ASSERT_EQ(errors.size(), 1u) << part << (errors.empty() ? "" : ": " + errors.front().text());
    EXPECT_EQ(errors[0].id, id) << errors[0].text();
    EXPECT_THAT(errors[0].text(), testing::HasSubstr(part));
}

TEST(TfliteErrors, TheSmallModelReads) { EXPECT_THAT(errors_of(Small().build()), testing::IsEmpty()); }

TEST(TfliteErrors, NotAModel) {
    expect_error("", DiagId::tflite_malformed, "not a TFLite model");
    expect_error("TFL3", DiagId::tflite_malformed, "not a TFLite model");
    expect_error(std::string(4096, '\0'), DiagId::tflite_malformed, "not a TFLite model");
    expect_error(std::string(4096, '\xff'), DiagId::tflite_malformed, "not a TFLite model");
    Small old;
    old.version = 2;
    expect_error(old.build(), DiagId::tflite_malformed, "schema version 2");
}

// Cut short anywhere: an error, or, where only padding or what nobody reads is gone, the same model.
TEST(TfliteErrors, CutShortAtEveryByte) {
    const std::string whole = Small().build();
    int refused = 0;
    for (size_t n = 0; n < whole.size(); ++n) {
        const auto errors = errors_of(whole.substr(0, n));
        refused += errors.empty() ? 0 : 1;
    }
    EXPECT_GT(refused, static_cast<int>(whole.size()) - 16);
}

TEST(TfliteErrors, FlippedBitsNeverCrash) {
    const std::string whole = Small().build();
    std::mt19937 dice(5);
    for (int i = 0; i < 20000; ++i) {
        std::string bad = whole;
        for (int k = 0; k <= i % 3; ++k) bad[dice() % bad.size()] ^= static_cast<char>(1u << (dice() % 8));
        errors_of(bad);
    }
}

TEST(TfliteErrors, TensorsOfTheWrongSize) {
    Small m;
    m.conv_data = std::string(17, '\1');
    expect_error(m.build(), DiagId::tflite_malformed, "17 bytes of data, expected 18");
    Small negative;
    negative.conv_out = {1, -4, 4, 2};
    expect_error(negative.build(), DiagId::tflite_malformed, "a dimension of -4");
    Small huge;
    huge.conv_out = {65536, 65536, 65536, 65536};
    expect_error(huge.build(), DiagId::tflite_too_large, "more than 2^31 elements");
    Small other;
    other.conv_out = {1, 2, 2, 2};
    expect_error(other.build(), DiagId::tflite_malformed, "`y` is declared as i8[1,2,2,2]");
}

TEST(TfliteErrors, Quantization) {
    Small few;
    few.w_scales = {{0.1f, 0.2f, 0.3f}, {0, 0, 0}, 0};
    expect_error(few.build(), DiagId::tflite_quantization, "3 scales on axis 0");
    Small axis;
    axis.w_scales = {{0.1f, 0.2f, 0.3f}, {0, 0, 0}, 1};
    expect_error(axis.build(), DiagId::tflite_quantization, "scales on axis 1, expected 0");
    Small zero;
    zero.w_scales = {{0.1f}, {1}, 0};
    expect_error(zero.build(), DiagId::tflite_quantization, "zero point 1 of int8 weights");
    Small none;
    none.x_scales = {};
    expect_error(none.build(), DiagId::tflite_quantization, "has no scale");
    Small negative;
    negative.x_scales = {{-1.0f}, {0}, 0};
    expect_error(negative.build(), DiagId::tflite_quantization, "scale -1");
    Small far;
    far.x_scales = {{1.0f}, {300}, 0};
    expect_error(far.build(), DiagId::tflite_quantization, "zero point 300");
}

TEST(TfliteErrors, ConcatenationDoesNotRescaleInt8) {
    TfliteBuilder m;
    const int32_t a = m.tensor("a", ElementType::int8, {1, 2}, {{0.5f}, {0}, 0}),
                  c = m.tensor("c", ElementType::int8, {1, 2}, {{0.25f}, {0}, 0}),
                  y = m.tensor("y", ElementType::int8, {1, 4}, {{0.5f}, {0}, 0});
    m.inputs = {a, c}, m.outputs = {y};
    m.op(2, {a, c}, {y}, Options::ConcatenationOptions, tfl::CreateConcatenationOptions(m.b, 1).Union());
    expect_error(m.finish(), DiagId::tflite_quantization, "operand 1`: i8[1,2] q(0.25,0) is quantized differently");
    TfliteBuilder fused;
    const int32_t x = fused.tensor("x", ElementType::float32, {1, 2}), z = fused.tensor("z", ElementType::float32, {1, 4});
    fused.inputs = {x}, fused.outputs = {z};
    fused.op(2, {x, x}, {z}, Options::ConcatenationOptions, tfl::CreateConcatenationOptions(fused.b, 1, tfl::Activation::relu).Union());
    expect_error(fused.finish(), DiagId::tflite_unsupported_op, "fused activation");
}

TEST(TfliteErrors, OperatorOptions) {
    Small m;
    m.stride = 0;
    expect_error(m.build(), DiagId::tflite_malformed, "`CONV_2D` #0 \"y\": stride 0");
    TfliteBuilder act;
    const int32_t x = act.tensor("x", ElementType::float32, {1, 2}), y = act.tensor("y", ElementType::float32, {1, 2});
    act.inputs = {x}, act.outputs = {y};
    act.op(0, {x, x}, {y}, Options::AddOptions, tfl::CreateAddOptions(act.b, tfl::Activation::tanh).Union());
    expect_error(act.finish(), DiagId::tflite_unsupported_op, "fused activation number 4");
}

TEST(TfliteErrors, TensorsInTheWrongPlace) {
    TfliteBuilder early;
    int32_t x = early.tensor("x", ElementType::float32, {2}), y = early.tensor("y", ElementType::float32, {2}),
            z = early.tensor("z", ElementType::float32, {2});
    early.inputs = {x}, early.outputs = {z};
    early.op(0, {x, y}, {z});
    expect_error(early.finish(), DiagId::tflite_malformed, "reads tensor `y` before it is made");
    TfliteBuilder twice;
    x = twice.tensor("x", ElementType::float32, {2}), y = twice.tensor("y", ElementType::float32, {2});
    twice.inputs = {x}, twice.outputs = {y};
    twice.op(0, {x, x}, {y});
    twice.op(0, {x, x}, {y});
    expect_error(twice.finish(), DiagId::tflite_malformed, "which has a value already");
    TfliteBuilder itself;
    x = itself.tensor("x", ElementType::float32, {2}), y = itself.tensor("y", ElementType::float32, {2});
    itself.inputs = {x}, itself.outputs = {y};
    itself.op(0, {x, y}, {y});
    expect_error(itself.finish(), DiagId::tflite_malformed, "reads tensor `y` before it is made");
    TfliteBuilder outside;
    x = outside.tensor("x", ElementType::float32, {2}), y = outside.tensor("y", ElementType::float32, {2});
    outside.inputs = {x}, outside.outputs = {y};
    outside.op(0, {x, 17}, {y});
    EXPECT_EQ(errors_of(outside.finish()).front().id, DiagId::tflite_malformed);
    TfliteBuilder nothing;
    x = nothing.tensor("x", ElementType::float32, {2});
    nothing.inputs = {x};
    expect_error(nothing.finish(), DiagId::tflite_malformed, "no outputs");
}

// Each unsupported operator is one line; what reads its results adds none.
TEST(TfliteErrors, EverythingUnsupportedAtOnce) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::float32, {2}), a = m.tensor("a", ElementType::float32, {2}),
                  c = m.tensor("c", ElementType::float32, {2}), d = m.tensor("d", ElementType::float32, {2});
    const int32_t y = m.tensor("y", ElementType::float32, {2});
    m.inputs = {x}, m.outputs = {y};
    m.op(35, {x}, {a});
    m.op(32, {a}, {c}, Options::NONE, 0, "MyOwn");
    m.op(0, {x, x}, {d});
    m.op(0, {c, d}, {y});
    std::vector<std::string> texts;
    for (const Diagnostic& e : errors_of(m.finish())) {
        EXPECT_EQ(e.id, DiagId::tflite_unsupported_op);
        texts.push_back(e.text());
    }
    EXPECT_THAT(texts,
                testing::ElementsAre(testing::HasSubstr("`UNIDIRECTIONAL_SEQUENCE_RNN` #0 \"a\""), testing::HasSubstr("`MyOwn` #1 \"c\"")));
}

TEST(TfliteErrors, ElementTypes) {
    TfliteBuilder strings;
    int32_t x = strings.tensor("x", ElementType::string, {2}), y = strings.tensor("y", ElementType::string, {2});
    strings.inputs = {x}, strings.outputs = {y};
    strings.op(22, {x}, {y});
    EXPECT_EQ(errors_of(strings.finish()).front().id, DiagId::tflite_type);
    TfliteBuilder mixed;
    x = mixed.tensor("x", ElementType::float32, {2}), y = mixed.tensor("y", ElementType::float32, {2});
    const int32_t n = mixed.tensor("n", ElementType::int32, {2}, {}, mixed.bytes<int32_t>({1, 2}));
    mixed.inputs = {x}, mixed.outputs = {y};
    mixed.op(0, {x, n}, {y});
    expect_error(mixed.finish(), DiagId::tflite_type, "element types f32, i32 to f32");
}

}  // namespace
}  // namespace gw
