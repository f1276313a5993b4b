// Core names, suffixes, float ABIs; and the boards' table.
#include <gtest/gtest.h>

#include <set>

#include "base/process.h"
#include "target/board.h"
#include "target/core.h"

namespace gw {
namespace {

TEST(Core, KnowsNamesAndSuffixes) {
    for (const std::string& name : core_names()) {
        ASSERT_NE(find_core(name), nullptr) << name;
        EXPECT_EQ(find_core(name)->name, name);
    }
    EXPECT_EQ(find_core("cortex-m4"), find_core("cortex-m4"));
    for (const char* unknown : {"", "cortex-m5", "cortex-m0+nofp", "cortex-m4+nomve", "cortex-m4+", "cortex-m4+nofp+what", "host+nofp"})
        EXPECT_EQ(find_core(unknown), nullptr) << unknown;
    const Core* plain = find_core("cortex-m33");
    const Core* less = find_core("cortex-m33+nofp+nodsp");
    ASSERT_NE(less, nullptr);
    EXPECT_TRUE(plain->features.dsp && plain->features.fpu);
    EXPECT_FALSE(less->features.dsp || less->features.fpu);
    EXPECT_EQ(less->base_name, "cortex-m33");
    EXPECT_EQ(less->float_abi, "soft");
    EXPECT_TRUE(find_core("cortex-m55+nofp")->features.mve);
    EXPECT_FALSE(find_core("cortex-m55+nofp")->features.mve_float);
    EXPECT_TRUE(find_core("cortex-m0")->priced());
    EXPECT_FALSE(find_core("cortex-m7")->priced());
    EXPECT_FALSE(find_core("generic")->emulated());
    Diagnostics diag;
    EXPECT_FALSE(core_named("cortex-m99", diag).ok());
    EXPECT_EQ(diag.all()[0].id, DiagId::unknown_core);
}

TEST(Core, FloatAbiChangesFeatures) {
    Diagnostics diag;
    const auto soft = with_float_abi(*find_core("cortex-m55"), "soft", diag);
    ASSERT_TRUE(soft.ok());
    EXPECT_FALSE(soft->features.fpu || soft->features.mve);
    EXPECT_TRUE(soft->features.dsp);
    const auto softfp = with_float_abi(*find_core("cortex-m4"), "softfp", diag);
    ASSERT_TRUE(softfp.ok());
    EXPECT_TRUE(softfp->features.fpu);
    EXPECT_FALSE(with_float_abi(*find_core("cortex-m3"), "hard", diag).ok());
    EXPECT_FALSE(with_float_abi(*find_core("cortex-m4"), "firm", diag).ok());
    EXPECT_EQ(diag.errors(), 2);
}

// Both compilers, told our flags, define the macros that our features promise.
TEST(Core, FlagsMakeTheFeatures) {
    for (const std::string compiler : {"arm-none-eabi-gcc", "clang"}) {
        if (find_program(compiler).empty()) continue;
        for (const char* name : {"cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m4+nofp", "cortex-m7", "cortex-m7+nofp",
                                 "cortex-m33", "cortex-m33+nodsp", "cortex-m33+nofp", "cortex-m33+nodsp+nofp", "cortex-m55",
                                 "cortex-m55+nofp", "cortex-m55+nomve", "cortex-m55+nodsp", "cortex-m55+nofp+nomve"}) {
            for (const char* abi : {"", "soft", "softfp", "hard"}) {
                Diagnostics diag;
                const auto core = with_float_abi(*find_core(name), abi, diag);
                if (!core) continue;
                std::vector<std::string> command = {compiler, "-x", "c", "-dM", "-E", "/dev/null"};
                const auto& flags = compiler == "clang" ? core->clang_flags : core->gcc_flags;
                command.insert(command.end(), flags.begin(), flags.end());
                const ProcessResult r = run_process(command, {.timeout_seconds = 60});
                ASSERT_TRUE(r.ok()) << compiler << " " << name << " " << abi << r.err;
                auto defines = [&](std::string_view macro) {
                    return r.out.find("#define " + std::string(macro) + " ") != std::string::npos;
                };
                const std::string at = compiler + " " + name + " " + abi;
                EXPECT_EQ(defines("__ARM_FEATURE_DSP"), core->features.dsp) << at;
                EXPECT_EQ(defines("__ARM_FP"), core->features.fpu) << at;
                EXPECT_EQ(defines("__ARM_FEATURE_MVE"), core->features.mve) << at;
                EXPECT_EQ(r.out.find("__ARM_FEATURE_MVE 3") != std::string::npos, core->features.mve_float) << at;
                // clang has no such macro.
                EXPECT_EQ(defines("__ARM_FEATURE_UNALIGNED"), core->features.unaligned && compiler != "clang") << at;
                EXPECT_EQ(defines("__ARM_FEATURE_IDIV"), core->features.divide) << at;
                EXPECT_EQ(defines("__ARM_PCS_VFP"), core->float_abi == "hard") << at;
            }
        }
    }
}

TEST(Board, TableIsConsistent) {
    std::set<std::string_view> names;
    for (const Board& board : boards()) {
        EXPECT_TRUE(names.insert(board.name).second) << board.name;
        EXPECT_NE(find_core(board.core), nullptr) << board.name;
        EXPECT_GT(board.flash_bytes, board.ram_bytes) << board.name;
        EXPECT_EQ(find_board(board.name), &board);
    }
    ASSERT_NE(find_board("frdm-ke02z40m"), nullptr);
    EXPECT_EQ(find_board("frdm-ke02z40m")->ram_bytes, 4096);
    Diagnostics diag;
    EXPECT_FALSE(board_named("toaster", diag).ok());
    EXPECT_EQ(diag.all()[0].id, DiagId::unknown_board);
}

}  // namespace
}  // namespace gw
