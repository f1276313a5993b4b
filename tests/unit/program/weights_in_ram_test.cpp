// Constants in RAM: the set that is taken must be the best of all sets, which small programs allow to try one by one.
#include "program/weights_in_ram.h"

#include <gtest/gtest.h>

#include <random>

namespace gw {
namespace {

Program with_data(const std::vector<int64_t>& bytes) {
    Program p;
    for (size_t i = 0; i < bytes.size(); ++i) {
        Data d;
        d.name = "w_" + std::to_string(i);
        d.tensor = Tensor::zeros({DType::int8, Shape({bytes[i]}), {}});
        p.data.push_back(d);
    }
    return p;
}

TEST(WeightsInRam, TakesTheBestOfAllSets) {
    std::mt19937 random(1);
    const auto draw = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint32_t>(most + 1)); };
    for (int round = 0; round < 300; ++round) {
        std::vector<int64_t> bytes, loads;
        for (int64_t n = draw(10); n-- > 0;) bytes.push_back(1 + draw(40)), loads.push_back(draw(3) == 0 ? 0 : draw(1000));
        const int64_t budget = draw(160);
        Program p = with_data(bytes);
        place_in_ram(p, budget, loads);
        int64_t best = 0, taken = 0;
        for (size_t set = 0; set < size_t{1} << bytes.size(); ++set) {
            int64_t size = 0, value = 0;
            for (size_t i = 0; i < bytes.size(); ++i)
                if (set >> i & 1) size += (bytes[i] + 3) / 4 * 4, value += loads[i];
            if (size <= budget) best = std::max(best, value);
        }
        for (size_t i = 0; i < bytes.size(); ++i) {
            if (!p.data[i].in_ram) continue;
            taken += loads[i];
            EXPECT_GT(loads[i], 0);
        }
        EXPECT_EQ(taken, best) << "round " << round;
        EXPECT_LE(bytes_in_ram(p), budget);
    }
}

TEST(WeightsInRam, NothingWithoutABudgetAndAllWithEnough) {
    Program p = with_data({5, 8, 1});
    place_in_ram(p, 0, {1, 1, 1});
    EXPECT_EQ(bytes_in_ram(p), 0);
    place_in_ram(p, int64_t{1} << 40, {1, 1, 1});
    EXPECT_EQ(bytes_in_ram(p), 8 + 8 + 4);
}

// A layer that multiplies 3,200 times by 100 weights, and has a bias and a multiplier for each of its 32 results.
TEST(WeightsInRam, TheEstimateFollowsMultiplicationsAndResults) {
    Diagnostics diag;
    const auto p = parse_program(R"(program p {
  region arena bytes 0 align 1
  buffer 0 "x": i8[100] input 0 in caller align 1
  buffer 1 "y": i8[32] output 0 in caller align 1
  data 0 w: i8[100] weights ram = splat(1)
  data 1 b: i32[32] weights = splat(1)
  data 2 t: i32[32] table = splat(1)
  step "one" dense macs 3200 executed 3200 call k (b0, d0, d1, d2, b1!) { }
}
)",
                                 "p.gwp", diag);
    ASSERT_TRUE(p.ok()) << diag.all().front().text();
    EXPECT_EQ(estimated_loads(*p), (std::vector<int64_t>{800, 32, 32}));
    EXPECT_EQ(bytes_in_ram(*p), 100);
    EXPECT_NE(print(*p).find("weights ram ="), std::string::npos);
    const auto again = parse_program(print(*p), "p.gwp", diag);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(print(*again), print(*p));
}

}  // namespace
}  // namespace gw
