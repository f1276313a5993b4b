// Each row on some points of its shape space.
#include "unit/kernels/every_row.h"

namespace gw::testing {
namespace {

TEST(EveryRow, IsHeldToEvaluateOverItsShapeSpace) {
    std::map<std::string, int> counts;
    for (const char* core : {"generic", "cortex-m0plus", "cortex-m4", "cortex-m55", "host"}) walk_rows(core, 1, 400, 4, counts);
    EXPECT_THAT(short_of_cases(counts, 4), ::testing::IsEmpty()) << "rows that too few random cases reach: extend every_row.h";
}

TEST(EveryRow, OneThatNoCaseReachesIsNamed) {
    std::map<std::string, int> counts;
    for (const KernelRow* row : rows_of_graph_ops()) counts[std::string(row->name)] = 4;
    EXPECT_THAT(short_of_cases(counts, 4), ::testing::IsEmpty());
    counts["conv2d_s8"] = 3;
    counts.erase("softmax_f32");
    EXPECT_THAT(short_of_cases(counts, 4), ::testing::ElementsAre("conv2d_s8", "softmax_f32"));
}

}  // namespace
}  // namespace gw::testing
