// Damaged copies of real models: each is refused with an error or is a model, and then all passes must hold it.
#include <gtest/gtest.h>

#include <random>

#include "base/files.h"
#include "frontend/tflite/tflite.h"
#include "passes/passes.h"
#include "support/kit.h"

namespace gw {
namespace {

class TfliteDamage : public testing::TestWithParam<const char*> {};

// Whether the bytes are a model.
bool survives(const std::string& bytes) {
    Diagnostics diag;
    auto module = read_tflite_bytes(bytes, "damaged.tflite", diag);
    EXPECT_EQ(module.ok(), !diag.has_errors());
    if (!module) return false;
    EXPECT_TRUE(verify(module->main(), diag)) << diag.all().back().text();
    PassRunner run;
    EXPECT_TRUE(optimise(module->main(), false, run, diag));
    return true;
}

TEST_P(TfliteDamage, IsRefusedOrHarmless) {
    const std::string name = std::string("models/") + GetParam() + ".tflite";
    GW_REQUIRE_KIT(name);
    Diagnostics diag;
    auto whole = read_file(kit_file(name), diag);
    ASSERT_TRUE(whole);
    ASSERT_TRUE(survives(*whole));
    for (size_t i = 0; i < 500; ++i) EXPECT_FALSE(survives(whole->substr(0, whole->size() * i / 500))) << i;
    // Structure lies before and behind the weights; most flips go there, where every byte counts.
    std::mt19937 dice(7);
    int refused = 0;
    for (int i = 0; i < 2000; ++i) {
        std::string bad = *whole;
        for (int k = 0; k <= i % 4; ++k) {
            const size_t edge = std::min<size_t>(bad.size(), 6000);
            const size_t at = i % 5 == 0 ? dice() % bad.size() : i % 2 == 0 ? dice() % edge : bad.size() - 1 - dice() % edge;
            bad[at] = i % 3 == 0 ? static_cast<char>(dice()) : static_cast<char>(bad[at] ^ (1 << (dice() % 8)));
        }
        refused += survives(bad) ? 0 : 1;
    }
    EXPECT_GT(refused, 200);
}
INSTANTIATE_TEST_SUITE_P(Kit, TfliteDamage,
                         testing::Values("hello_world_int8", "micro_speech_quantized", "kws01_int8", "sww01_int8", "ic01_int8",
                                         "kws01_float"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace gw
