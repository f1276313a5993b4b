// The whole matrix of compilers, cores and levels over every bundle; and the same bits at every level on the host.
#include "emit_bundles.h"

namespace gw {
namespace {

class EmitMatrix : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EmitMatrix, ::testing::ValuesIn(testing::bundle_kinds),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EmitMatrix, CleanAtEveryLevelForEveryCore) {
    const auto m = testing::bundle_of_kind(GetParam());
    for (const char* level : {"-O0", "-O1", "-O2", "-O3", "-Os"}) {
        testing::compile_all(m, testing::host_compilers(), {level});
        for (const char* core : {"cortex-m0plus", "cortex-m4"}) testing::compile_all(m, testing::arm_compilers(core), {level});
    }
}

TEST(EmitMatrix, SameBitsAtEveryLevel) {
    Diagnostics diag;
    for (uint32_t seed = 41; seed < 44; ++seed) {
        const Graph g = testing::quantized(testing::optimised(testing::RandomGraph(seed, {.blocks = 6}).make()), diag);
        const auto m = testing::make_bundle(g);
        for (const char* level : {"-O0", "-O1", "-O2", "-O3", "-Os"})
            testing::expect_right(g, m, fmt::format("seed {} {}", seed, level), {level});
    }
}

}  // namespace
}  // namespace gw
