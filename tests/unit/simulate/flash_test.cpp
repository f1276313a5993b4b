// Flash figures of a bundle whose tables we know.
#include <gtest/gtest.h>

#include "bundles.h"

namespace gw {
namespace {

using testing::text;
using testing::tiny;

TEST(Flash, CountsWeightsTablesAndCode) {
    if (!testing::have_tools()) GTEST_SKIP() << "no cross-compiler";
    for (const std::string core : {"cortex-m0plus", "cortex-m4", "cortex-m55"}) {
        Diagnostics diag;
        const auto flash = measure_flash(tiny(), *find_core(core), {}, diag);
        ASSERT_TRUE(flash.ok()) << text(diag);
        EXPECT_EQ(flash->weights, 128);
        EXPECT_EQ(flash->tables, 8 * 4 + 256);
        EXPECT_EQ(flash->code, flash->total - flash->weights - flash->tables);
        int64_t functions = 0;
        for (const auto& [name, bytes] : flash->code_by_function) functions += bytes;
        EXPECT_GT(flash->code_by_function.at("tiny_step_1"), 20) << core;
        EXPECT_EQ(flash->code_by_function.count("reset"), 0u);
        // Literal pools belong to their functions, so at most padding and the libraries' sizeless symbols are left over.
        EXPECT_LE(functions, flash->code) << core;
        EXPECT_GE(functions, flash->code * 3 / 4) << core;
        EXPECT_LT(flash->code, 2000) << core;
    }
}

// 32-bit division is in the core's instruction set from Armv7-M on, and libgcc's on an M0+.
TEST(Flash, IncludesTheCompilersLibrary) {
    if (!testing::have_tools()) GTEST_SKIP() << "no cross-compiler";
    Diagnostics diag;
    const auto m0 = measure_flash(tiny(), *find_core("cortex-m0plus"), {.optimize = "size"}, diag);
    const auto m4 = measure_flash(tiny(), *find_core("cortex-m4"), {.optimize = "size"}, diag);
    ASSERT_TRUE(m0.ok() && m4.ok()) << text(diag);
    EXPECT_GT(m0->code, m4->code + 200);
    // What the bundle never calls is dropped.
    BundleInfo more = tiny();
    more.sources.push_back("../inplace/inplace.c");
    const auto same = measure_flash(more, *find_core("cortex-m4"), {.optimize = "size"}, diag);
    ASSERT_TRUE(same.ok()) << text(diag);
    EXPECT_EQ(same->total, m4->total);
}

}  // namespace
}  // namespace gw
