// Tests that hold on the host and on every core. run_test.cpp has them for one core, run_full_test.cpp for all.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bundles.h"

namespace gw {
namespace {

using testing::inplace;
using testing::random_samples;
using testing::run_on;
using testing::text;
using testing::tiny;
using testing::tiny_reference;
using testing::twin;

class Everywhere : public ::testing::TestWithParam<std::string> {};

// Bytes of every sample and every step are what the steps' description says.
TEST_P(Everywhere, GivesTheReferencesBytes) {
    GW_NEED_TOOLS();
    const auto samples = random_samples(20, 16, 1);
    Diagnostics diag;
    const auto plain = run_on(GetParam(), tiny(), samples, diag);
    ASSERT_TRUE(plain.ok()) << text(diag);
    const auto stepwise = run_on(GetParam(), tiny(), samples, diag, {}, {.capture_steps = true});
    ASSERT_TRUE(stepwise.ok()) << text(diag);
    ASSERT_EQ(plain->outputs.size(), samples.size());
    ASSERT_EQ(stepwise->steps.size(), samples.size());
    EXPECT_TRUE(plain->steps.empty());
    for (size_t i = 0; i < samples.size(); ++i) {
        const auto expected = tiny_reference(samples[i]);
        EXPECT_EQ(plain->outputs[i], expected.back()) << i;
        EXPECT_EQ(stepwise->outputs[i], expected.back()) << i;
        EXPECT_EQ(stepwise->steps[i], expected) << i;
    }
}

// Two inputs and outputs of two types go through the struct; float arithmetic without contraction gives the same bits with and without an
// FPU.
TEST_P(Everywhere, CallsThroughTheStruct) {
    GW_NEED_TOOLS();
    const float signal[5] = {1.5f, -2.25f, 3.1415f, 1e-3f, 77.7f};
    std::string sample(25, '\0');
    std::memcpy(sample.data(), signal, 20);
    sample[20] = 1, sample[22] = 1, sample[23] = 5, sample[24] = 1;
    float sum = 0;
    for (int i : {0, 2, 3, 4}) {
        volatile float product = signal[i] * 1.7f;
        volatile float scaled = product + 0.3f;
        volatile float part = scaled / static_cast<float>(i + 3);
        sum += part;
    }
    Diagnostics diag;
    const auto result = run_on(GetParam(), twin(), {sample, sample}, diag, {}, {.capture_steps = true});
    ASSERT_TRUE(result.ok()) << text(diag);
    std::string expected(4, '\0');
    std::memcpy(expected.data(), &sum, 4);
    expected += '\4';
    EXPECT_EQ(result->outputs, (std::vector<std::string>{expected, expected}));
    EXPECT_EQ(result->steps[1][1], expected + sample.substr(20));
}

// The stack is that of tiny_run alone: at least the 64 bytes of its scratch, at most a few frames more.
TEST_P(Everywhere, MeasuresTheStack) {
    GW_NEED_TOOLS();
    Diagnostics diag;
    const auto result = run_on(GetParam(), tiny(), random_samples(20, 16, 2), diag);
    ASSERT_TRUE(result.ok()) << text(diag);
    if (GetParam() == "host") {
        EXPECT_EQ(result->stack_bytes, -1);
        return;
    }
    EXPECT_GE(result->stack_bytes, 64);
    EXPECT_LE(result->stack_bytes, 256);
    EXPECT_EQ(result->stack_bytes % 4, 0);
}

struct Break {
    const char* macro;
    DiagId id;
    const char* words;
};

// Every kind of misbehaviour, on the host and on a core.
TEST_P(Everywhere, NamesWhatWentWrong) {
    GW_NEED_TOOLS();
    std::vector<std::string> samples = random_samples(3, 16, 3);
    samples[2][0] = 7;
    const Break breaks[] = {{"TINY_BREAK_GUARD", DiagId::run_guard, "wrote behind the arena"},
                            {"TINY_BREAK_OUTPUT", DiagId::run_guard, "wrote before the output y"},
                            {"TINY_BREAK_INPUT", DiagId::run_guard, "changed an input"},
                            {"TINY_BREAK_STATUS", DiagId::run_refused, "returned -3"},
                            {"TINY_BREAK_CRASH", DiagId::run_crashed, ""},
                            {"TINY_BREAK_HANG", DiagId::run_timeout, "did not end within 2 s"}};
    for (const Break& b : breaks) {
        Diagnostics diag;
        const double timeout = b.id == DiagId::run_timeout ? 2 : 0;
        const auto result =
            run_on(GetParam(), tiny(), samples, diag, {.cflags = {"-O1", std::string("-D") + b.macro}}, {.timeout_seconds = timeout});
        EXPECT_FALSE(result.ok()) << b.macro;
        ASSERT_EQ(diag.all().size(), 1u) << b.macro << text(diag);
        EXPECT_EQ(diag.all()[0].id, b.id) << text(diag);
        EXPECT_THAT(text(diag), ::testing::HasSubstr(b.words));
    }
    if (GetParam() == "host") return;
    // A core's faults are placed.
    Diagnostics diag;
    EXPECT_FALSE(run_on(GetParam(), tiny(), samples, diag, {.cflags = {"-DTINY_BREAK_CRASH"}}).ok());
    EXPECT_THAT(text(diag), ::testing::HasSubstr("in tiny_step_0"));
    EXPECT_FALSE(run_on(GetParam(), tiny(), samples, diag, {.cflags = {"-DTINY_BREAK_STACK"}}).ok());
    EXPECT_THAT(text(diag), ::testing::HasSubstr("stack overflow"));
}

}  // namespace
}  // namespace gw
