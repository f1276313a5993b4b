// The rest of the cores and compilers, and a model that needs the boards' big memory.
#include "base/files.h"
#include "cases.h"

namespace gw {
namespace {

INSTANTIATE_TEST_SUITE_P(Run, Everywhere,
                         ::testing::Values("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55",
                                           "cortex-m33+nodsp", "cortex-m4+nofp", "cortex-m55+nofp", "cortex-m55+nomve"),
                         testing::test_name);

// clang compiles the bundle; the rest stays GCC's.
TEST(Run, WorksWithClang) {
    GW_NEED_TOOLS();
    if (find_tools().clang.path.empty()) GTEST_SKIP() << "no clang";
    const auto samples = random_samples(4, 16, 4);
    for (const std::string where : {"host", "cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55"}) {
        Diagnostics diag;
        const auto result = run_on(where, tiny(), samples, diag, {.toolchain = "clang"});
        ASSERT_TRUE(result.ok()) << where << text(diag);
        for (size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(result->outputs[i], tiny_reference(samples[i]).back()) << where;
    }
}

TEST(Run, HonoursTheFloatAbi) {
    GW_NEED_TOOLS();
    for (const std::string abi : {"soft", "softfp", "hard"}) {
        Diagnostics diag;
        EXPECT_TRUE(run_on("cortex-m4", twin(), {std::string(25, '\1')}, diag, {.float_abi = abi}).ok()) << text(diag);
    }
    Diagnostics diag;
    EXPECT_FALSE(run_on("cortex-m0plus", twin(), {std::string(25, '\1')}, diag, {.float_abi = "hard"}).ok());
    EXPECT_EQ(diag.all()[0].id, DiagId::bad_option);
}

// Float models bring in the C library's mathematics, with whatever that needs of the rest of it.
TEST(Run, LinksTheMathLibrary) {
    GW_NEED_TOOLS();
    const TemporaryFolder folder;
    Diagnostics diag;
    const std::string c =
        "#include \"soft.h\"\n#include <math.h>\n"
        "int soft_run(const float *x, float *y, void *a) {\n    (void)a;\n"
        "    y[0] = expf(x[0]), y[1] = tanhf(x[0]), y[2] = erff(x[0]), y[3] = sqrtf(x[0]), y[4] = powf(x[0], 1.5f), y[5] = logf(x[0]);\n"
        "    return 0;\n}\n";
    ASSERT_TRUE(write_files(folder.path(), {{"soft.c", c}, {"soft.h", "int soft_run(const float *x, float *y, void *a);\n"}}, diag).ok());
    const BundleInfo bundle = {.folder = folder.path(),
                               .name = "soft",
                               .upper_name = "SOFT",
                               .sources = {"soft.c"},
                               .inputs = {{.name = "x", .c_name = "x", .bytes = 4, .align = 4}},
                               .outputs = {{.name = "y", .c_name = "y", .bytes = 24, .align = 4}}};
    const float x = 0.75f;
    const std::string sample(reinterpret_cast<const char*>(&x), 4);
    const float expected[6] = {2.1170000f, 0.6351490f, 0.7111556f, 0.8660254f, 0.6495191f, -0.2876821f};
    for (const std::string where : {"host", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"}) {
        const auto result = run_on(where, bundle, {sample}, diag);
        ASSERT_TRUE(result.ok()) << where << text(diag);
        float y[6];
        std::memcpy(y, result->outputs[0].data(), sizeof y);
        for (int i = 0; i < 6; ++i) EXPECT_NEAR(y[i], expected[i], 1e-6) << where << " " << i;
        if (where == "host") continue;
        const auto flash = measure_flash(bundle, *find_core(where), {}, diag);
        ASSERT_TRUE(flash.ok()) << where << text(diag);
        EXPECT_GT(flash->code, 1000) << where;
        EXPECT_LT(flash->code, 40000) << where;  // nothing like printf came along
    }
}

// Five megabytes of weights and four of arena.
TEST(Run, FitsBigModels) {
    GW_NEED_TOOLS();
    const TemporaryFolder folder;
    Diagnostics diag;
    std::string c =
        "#include \"big.h\"\n#include <string.h>\nextern const unsigned big_w_all[1250000];\n"
        "int big_run(const signed char *x, signed char *y, void *a) {\n"
        "    unsigned char *p = a;\n"
        "    memset(p, x[0], 4000000);\n"
        "    y[0] = (signed char)(p[3999999] + big_w_all[1249999] + big_w_all[0]);\n"
        "    return 0;\n}\n";
    const std::string weights =
        "extern const unsigned big_w_all[1250000];\nconst unsigned big_w_all[1250000] = {[0] = 17, [1249999] = 40};\n";
    ASSERT_TRUE(
        write_files(folder.path(),
                    {{"big_weights.c", weights}, {"big.h", "int big_run(const signed char *x, signed char *y, void *a);\n"}, {"big.c", c}},
                    diag)
            .ok());
    const BundleInfo bundle = {.folder = folder.path(),
                               .name = "big",
                               .upper_name = "BIG",
                               .sources = {"big.c", "big_weights.c"},
                               .inputs = {{.name = "x", .c_name = "x", .bytes = 1}},
                               .outputs = {{.name = "y", .c_name = "y", .bytes = 1}},
                               .arena_bytes = 4000000,
                               .arena_align = 16};
    for (const std::string where : {"host", "cortex-m0plus", "cortex-m7", "cortex-m33", "cortex-m55"}) {
        const auto result = run_on(where, bundle, {"\3", "\4"}, diag);
        ASSERT_TRUE(result.ok()) << where << text(diag);
        EXPECT_EQ(result->outputs, (std::vector<std::string>{"\74", "\75"})) << where;
    }
    const auto flash = measure_flash(bundle, *find_core("cortex-m0plus"), {}, diag);
    ASSERT_TRUE(flash.ok()) << text(diag);
    EXPECT_EQ(flash->weights, 5000000);
}

}  // namespace
}  // namespace gw
