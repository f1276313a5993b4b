// Running bundles on the host and on an emulated core: one set of bytes, and each thing that may go wrong is found and named.
#include <cstdlib>

#include "base/files.h"
#include "cases.h"

namespace gw {
namespace {

INSTANTIATE_TEST_SUITE_P(Run, Everywhere, ::testing::Values("host", "cortex-m0plus"), testing::test_name);

TEST(Run, FindsInputAndOutputInTheArena) {
    GW_NEED_TOOLS();
    const std::string sample = {10, 20, -30, 40, -51, 60};
    const std::string expected = {5, 11, -13, 23, -21, 35};
    for (const std::string where : {"host", "cortex-m0plus"}) {
        Diagnostics diag;
        const auto result = run_on(where, inplace(), {sample}, diag);
        ASSERT_TRUE(result.ok()) << text(diag);
        EXPECT_EQ(result->outputs[0], expected) << where;
    }
    Diagnostics diag;
    EXPECT_FALSE(run_on("host", inplace(), {sample}, diag, {.cflags = {"-DINPLACE_OUTPUT_OFFSET=3"}}).ok());
    EXPECT_THAT(text(diag), ::testing::HasSubstr("names another place"));
}

TEST(Run, QuotesTheCompiler) {
    GW_NEED_TOOLS();
    Diagnostics diag;
    const TemporaryFolder folder;
    ASSERT_TRUE(write_files(folder.path(),
                            {{"tiny.h", "int tiny_run(const signed char *, signed char *, void *);\n"},
                             {"tiny.c", "#include \"tiny.h\"\nint tiny_step = missing_name;\n"}},
                            diag)
                    .ok());
    BundleInfo broken = tiny();
    broken.folder = folder.path();
    broken.sources = {"tiny.c"};
    for (const std::string where : {"host", "cortex-m0plus"}) {
        diag.clear();
        EXPECT_FALSE(run_on(where, broken, {}, diag).ok());
        ASSERT_EQ(diag.all().size(), 1u);
        EXPECT_EQ(diag.all()[0].id, DiagId::compiler_failed);
        EXPECT_THAT(text(diag), ::testing::HasSubstr("tiny.c:2:")) << where;
        EXPECT_THAT(text(diag), ::testing::HasSubstr("missing_name")) << where;
    }
    // A function that nobody defines is the linker's to find.
    diag.clear();
    ASSERT_TRUE(write_file(folder.path() / "tiny.c",
                           "#include \"tiny.h\"\nint elsewhere(void);\n"
                           "int tiny_run(const signed char *i, signed char *o, void *a) { return elsewhere(); }\n",
                           diag)
                    .ok());
    EXPECT_FALSE(run_on("cortex-m0plus", broken, {}, diag).ok());
    EXPECT_THAT(text(diag), ::testing::HasSubstr("undefined reference to `elsewhere'"));
}

TEST(Run, RefusesWhatDoesNotFit) {
    Diagnostics diag;
    EXPECT_FALSE(run_on("generic", tiny(), {}, diag).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::bad_option);
    BundleInfo bad = tiny();
    bad.steps[1].outputs[1].bytes = 40;
    EXPECT_FALSE(run_on("host", bad, {}, diag, {}, {.capture_steps = true}).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::bundle_invalid);
    bad = tiny();
    bad.inputs[0].align = 3;
    EXPECT_FALSE(run_on("host", bad, {}, diag).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::bundle_invalid);
    GW_NEED_TOOLS();
    EXPECT_FALSE(run_on("host", tiny(), {"too short"}, diag).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::samples_invalid);
}

// One set of options serves the core and the host.
TEST(Run, KeepsTheTargetsCompilerOffTheHost) {
    GW_NEED_TOOLS();
    const BuildOptions build = {.cc = "arm-none-eabi-gcc", .cflags = {"-O3", "-mtune=cortex-m0"}};
    const auto samples = random_samples(2, 16, 5);
    for (const std::string where : {"host", "cortex-m0plus"}) {
        Diagnostics diag;
        const auto result = run_on(where, tiny(), samples, diag, build);
        ASSERT_TRUE(result.ok()) << where << text(diag);
        EXPECT_EQ(result->outputs[1], tiny_reference(samples[1]).back()) << where;
    }
}

TEST(Run, NamesTheMissingTool) {
    Diagnostics diag;
    EXPECT_FALSE(run_on("host", tiny(), {}, diag, {.cc = "no-such-compiler"}).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::tool_missing);
    EXPECT_THAT(text(diag), ::testing::HasSubstr("no-such-compiler"));
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", "/nonexistent", 1);
    const Tools tools = find_tools();
    EXPECT_FALSE(run_on("cortex-m0plus", tiny(), {}, diag).ok());
    EXPECT_FALSE(measure_flash(tiny(), *find_core("cortex-m0plus"), {}, diag).ok());
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_EQ(tools.missing.size(), 3u);
    EXPECT_TRUE(tools.qemu.path.empty());
    ASSERT_EQ(diag.all().size(), 3u);
    EXPECT_THAT(text(diag), ::testing::HasSubstr("qemu-system-arm is not installed"));
    EXPECT_THAT(text(diag), ::testing::HasSubstr("arm-none-eabi-gcc is not installed"));
}

}  // namespace
}  // namespace gw
