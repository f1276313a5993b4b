// The pricing plugin as runs use it: figures add up, repeat exactly, and code that an Armv6-M core could not run is refused.
#include "simulate/pricing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "bundles.h"

namespace gw {
namespace {

using testing::random_samples;
using testing::text;
using testing::tiny;

Expected<RunResult> price(const std::string& core, size_t samples, Diagnostics& diag, const BuildOptions& build = {}) {
    return run_on_core(tiny(), *find_core(core), random_samples(samples, 16, 9), build, {.price = true}, diag);
}

TEST(Pricing, KnowsTheEmulatorsInterface) {
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"), 1);
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)"), 1);
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 9.0.0"), 2);
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 9.1.1"), 3);
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)"), 4);
    EXPECT_EQ(simulate::plugin_interface("QEMU emulator version 3.1.0"), 0);
    EXPECT_EQ(simulate::plugin_interface("something else"), 0);
}

TEST(Pricing, AddsUpBySteps) {
    GW_NEED_TOOLS();
    for (const std::string core : {"cortex-m0plus", "cortex-m4", "cortex-m55"}) {
        Diagnostics diag;
        const auto run = price(core, 3, diag);
        ASSERT_TRUE(run.ok()) << core << text(diag);
        ASSERT_EQ(run->step_costs.size(), 3u);
        int64_t instructions = 0, by_function = 0;
        for (const StepCost& step : run->step_costs) {
            EXPECT_GT(step.instructions, 50) << core << " " << step.name;
            EXPECT_GT(step.loads, 8) << core << " " << step.name;
            EXPECT_GT(step.stores, 7) << core << " " << step.name;
            instructions += step.instructions;
        }
        for (const StepCost& f : run->functions) by_function += f.instructions;
        EXPECT_GT(run->instructions, instructions) << core;  // what tiny_run itself does
        EXPECT_LT(run->instructions, instructions + 60) << core;
        EXPECT_NEAR(static_cast<double>(by_function), static_cast<double>(run->instructions), 4.0) << core;  // each is rounded for itself
        EXPECT_GE(run->step_costs[1].multiplies, 128) << core;
        if (find_core(core)->priced()) {
            EXPECT_GE(run->cycles, run->instructions) << core;
            EXPECT_LE(run->cycles, 4 * run->instructions) << core;
            EXPECT_LE(run->cycles_min, run->cycles);
            EXPECT_GE(run->cycles_max, run->cycles);
            EXPECT_EQ(run->cycles_reason, "");
        } else {
            EXPECT_EQ(run->cycles, -1) << core;
            EXPECT_THAT(run->cycles_reason, ::testing::HasSubstr(core));
        }
        const auto again = price(core, 3, diag);
        ASSERT_TRUE(again.ok());
        EXPECT_EQ(again->cycles, run->cycles);
        EXPECT_EQ(again->instructions, run->instructions);
        EXPECT_EQ(again->outputs, run->outputs);
    }
}

// The emulated board's core would run both.
TEST(Pricing, RefusesWhatAnArmv6MCannotDo) {
    GW_NEED_TOOLS();
    Diagnostics diag;
    EXPECT_FALSE(price("cortex-m0plus", 2, diag, {.cflags = {"-O1", "-DTINY_BREAK_UNALIGNED"}}).ok());
    ASSERT_GE(diag.errors(), 1);
    EXPECT_EQ(diag.all()[0].id, DiagId::price_fault);
    EXPECT_THAT(text(diag), ::testing::HasSubstr("tiny_step_0"));
    diag.clear();
    EXPECT_FALSE(price("cortex-m0", 2, diag, {.cflags = {"-O1", "-DTINY_BREAK_OPCODE"}}).ok());
    ASSERT_GE(diag.errors(), 1) << "an Armv7-M instruction was let through";
    EXPECT_EQ(diag.all()[0].id, DiagId::price_fault) << text(diag);
    diag.clear();
    EXPECT_TRUE(price("cortex-m3", 2, diag, {.cflags = {"-O1", "-DTINY_BREAK_UNALIGNED"}}).ok()) << text(diag);
}

// Without a usable plugin the run still computes, and says why there are no cycles.
TEST(Pricing, RunsWithoutThePlugin) {
    GW_NEED_TOOLS();
    Diagnostics diag;
    const TemporaryFolder cache;
    const char* old = std::getenv("XDG_CACHE_HOME");
    const std::string kept = old == nullptr ? "" : old;
    ::setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
    ASSERT_TRUE(price("cortex-m0plus", 1, diag).ok()) << text(diag);
    std::vector<std::filesystem::path> objects;
    for (const auto& entry : std::filesystem::directory_iterator(cache.path() / "glowworm")) objects.push_back(entry.path());
    ASSERT_EQ(objects.size(), 1u);
    ASSERT_TRUE(write_file(objects[0], "not a shared object", diag).ok());
    const auto run = price("cortex-m0plus", 1, diag);
    old == nullptr ? ::unsetenv("XDG_CACHE_HOME") : ::setenv("XDG_CACHE_HOME", kept.c_str(), 1);
    ASSERT_TRUE(run.ok()) << text(diag);
    EXPECT_EQ(run->cycles, -1);
    EXPECT_THAT(run->cycles_reason, ::testing::HasSubstr("refused the pricing plugin"));
    EXPECT_EQ(run->outputs[0], testing::tiny_reference(random_samples(1, 16, 9)[0]).back());
}

TEST(Pricing, RefusesNonsense) {
    Diagnostics diag;
    RunResult result;
    for (const char* json :
         {"", "[]", "{}", "{\"calls\": 0}", "{\"calls\": \"x\"}", "{\"calls\": 1, \"faults\": [{\"kind\": 3, \"symbol\": null}]}"}) {
        diag.clear();
        EXPECT_FALSE(simulate::read_prices(json, *find_core("cortex-m0"), tiny(), result, diag).ok()) << json;
        EXPECT_EQ(diag.errors(), 1) << json;
    }
}

}  // namespace
}  // namespace gw
