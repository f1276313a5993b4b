// Strips of rows and the search for small programs: every split keeps every byte of the result and adds no work, in the interpreter and in
// the C that is made of it; the frontier's points are what they claim.
#include "lower/fit.h"

#include "passes/row_plan.h"
#include "support/bundle.h"

namespace gw {
namespace {

using testing::expect_right;
using testing::graph_samples;
using testing::make_bundle;
using testing::RandomGraph;

Graph random_int8(uint32_t seed, int blocks) {
    Diagnostics diag;
    return testing::quantized(testing::optimised(RandomGraph(seed, {.batch = 1, .blocks = blocks}).make()), diag);
}

// Same outputs for the same inputs.
void expect_equal(const Graph& a, const Graph& b, const std::string& what) {
    for (const std::vector<Tensor>& sample : graph_samples(a, 2)) {
        const std::vector<Tensor> x = interpret(a, sample), y = interpret(b, sample);
        ASSERT_EQ(x.size(), y.size());
        for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(x[i].bytes(), y[i].bytes()) << what;
    }
}

// Regions between the borders of a graph's chains, every other one.
std::vector<RowRegion> regions_of(const Graph& g) {
    std::vector<RowRegion> all;
    for (const RowChain& chain : row_chains(g)) {
        std::vector<int32_t> borders = {chain.region.first - 1};
        borders.insert(borders.end(), chain.cuts.begin(), chain.cuts.end());
        for (size_t i = 0; i < borders.size(); ++i)
            for (size_t j = i + 1; j < borders.size(); j += 2) all.push_back(sub_region(g, borders[i] + 1, borders[j]));
    }
    return all;
}

TEST(SplitRows, KeepsEveryByteAndAddsNoWork) {
    int splits = 0;
    for (uint32_t seed = 1; seed <= 30; ++seed) {
        const Graph g = random_int8(seed, 5);
        for (const RowRegion& region : regions_of(g)) {
            const int32_t driver = region.first + static_cast<int32_t>(seed) % (region.last - region.first + 1);
            for (int64_t height : {1, 2, 3}) {
                const auto split = split_rows(g, region, {driver, height});
                if (!split) continue;
                ++splits;
                Diagnostics diag;
                ASSERT_TRUE(verify(*split, diag).ok()) << diag.all().front().text();
                EXPECT_LE(split->macs(), g.macs());  // less where rows are made that nobody reads
                expect_equal(g, *split, "seed " + std::to_string(seed) + "\n" + print(g) + print(*split));
                if (HasFatalFailure()) return;
            }
        }
    }
    EXPECT_GT(splits, 200);
}

// Regions of random networks in bands of columns, with line buffers and without: the same bytes, and exactly the work that is announced,
// in the interpreter and in the C of every few.
TEST(SplitRows, BandsKeepEveryByteAndTellWhatTheyRecompute) {
    int splits = 0, recomputing = 0, compiled = 0;
    for (uint32_t seed = 101; seed <= 124; ++seed) {
        const Graph g = random_int8(seed, 5);
        for (const RowRegion& region : regions_of(g)) {
            for (const Cut& cut : {Cut{region.last, 1, 2, true}, Cut{region.last, 2, 3, false}, Cut{region.first, 2, 2, true},
                                   Cut{region.last, 100, 3, true}, Cut{region.last, 1, 4, false}}) {
                const auto split = split_rows(g, region, cut);
                if (!split) continue;
                ++splits;
                Diagnostics diag;
                ASSERT_TRUE(verify(*split, diag).ok()) << diag.all().front().text();
                const int64_t recomputed = recomputed_macs(g, region, cut);
                EXPECT_GE(recomputed, 0);
                EXPECT_LE(split->macs() - recomputed, g.macs());  // less where some are made that nobody reads
                recomputing += recomputed > 0 ? 1 : 0;
                const std::string what = fmt::format("seed {}, {} rows, {} bands, keep {}\n{}{}", seed, cut.height, cut.bands, cut.keep,
                                                     print(g), print(*split));
                expect_equal(g, *split, what);
                if (splits % 100 == 0) {
                    ++compiled;
                    const LowerOptions options{.name = "net", .input_in_arena = true, .output_in_arena = true};
                    expect_right(*split, make_bundle(*split, options), what);
                }
                if (HasFatalFailure()) return;
            }
        }
    }
    EXPECT_GT(splits, 200);
    EXPECT_GT(recomputing, 50);
    EXPECT_GT(compiled, 2);
}

// Rows and columns of a result that are made of padding alone, behind the picture or before it: they come with the last strip and band that
// reads something, or nothing is split.
TEST(SplitRows, WindowsMayLieInThePadding) {
    int splits = 0;
    for (const Pads& pad : {Pads{0, 0, 1, 1}, Pads{0, 0, 2, 2}, Pads{2, 2, 0, 0}, Pads{1, 0, 2, 1}}) {
        for (const int64_t stride : {1, 2}) {
            Graph g;
            const auto layer = [&](ValueId x, int64_t kernel, int64_t step, const Pads& around) {
                Tensor w = Tensor::zeros({DType::int8, Shape{2, kernel, kernel, 2}, {}});
                for (int64_t i = 0; i < w.elements(); ++i) w.set(i, static_cast<double>(i % 7) * 9 - 30);
                Conv2D op;
                op.stride = {step, step}, op.pad = around, op.x_zero = 5;
                op.requant = make_requant(Rounding::twice, {0.01}, {kernel * kernel * 2 * 40 * 133 + 500}, 5, -128, 127);
                return g.must_add(op, {x, g.add_constant(w), g.add_constant(Tensor::of<int32_t>({2}, {500, -300}))}, {});
            };
            const ValueId x = g.add_input("x", {DType::int8, Shape{1, 8, 8, 2}, {}});
            g.add_output("y", layer(layer(layer(x, 3, 1, {1, 1, 1, 1}), 1, stride, pad), 2, 1, {1, 1, 1, 1}));
            for (const RowRegion& region : regions_of(g)) {
                for (const int64_t height : {1, 2, 3}) {
                    for (const int64_t bands : {1, 2, 3}) {
                        const auto split = split_rows(g, region, {region.first, height, bands});
                        if (!split) continue;
                        ++splits;
                        expect_equal(g, *split, fmt::format("{} rows, {} bands\n{}{}", height, bands, print(g), print(*split)));
                        if (HasFatalFailure()) return;
                    }
                }
            }
        }
    }
    EXPECT_GT(splits, 50);
}

TEST(SplitRows, ARegionThatIsOneStripIsNotSplit) {
    const Graph g = random_int8(3, 4);
    for (const RowChain& chain : row_chains(g)) {
        const int64_t rows = g.type(g.nodes[static_cast<size_t>(chain.region.last)].outputs[0]).shape[1];
        EXPECT_FALSE(split_rows(g, chain.region, {chain.region.last, rows}));
        EXPECT_FALSE(split_rows(g, chain.region, {chain.region.last, 0}));
        EXPECT_FALSE(split_rows(g, chain.region, {chain.region.last, 1, 0}));
        EXPECT_FALSE(split_rows(g, chain.region, {chain.region.last, 1, g.type(chain.region.out).shape[2] + 1}));
    }
}

TEST(Fit, PointsGrowSmallerAndSlowerAndComputeTheSame) {
    int points = 0;
    for (uint32_t seed = 41; seed <= 46; ++seed) {
        const Graph g = random_int8(seed, 4);
        const LowerOptions options{
            .name = "net", .optimize = seed % 2 == 0 ? "ram" : "speed", .input_in_arena = true, .output_in_arena = true};
        Diagnostics diag;
        const auto found = frontier(g, *find_core("cortex-m4"), options, 0, 60, diag);
        ASSERT_TRUE(found.ok()) << diag.all().front().text();
        for (size_t i = 0; i < found->size(); ++i) {
            const Fitted& f = (*found)[i];
            ++points;
            EXPECT_EQ(f.ram, ram_bytes(f.program));
            if (i > 0) {
                EXPECT_LT(f.ram, (*found)[i - 1].ram);
                EXPECT_GE(f.cycles, (*found)[i - 1].cycles);
            }
            expect_equal(g, f.graph, "seed " + std::to_string(seed));
            if (i + 1 == found->size()) expect_right(f.graph, make_bundle(f.graph, options), "seed " + std::to_string(seed));
        }
    }
    EXPECT_GT(points, 6);  // one a network would mean that nothing was ever found
}

// Estimates of strips never rule out much: what is placed needs about as many bytes as the numbers of rows say, seldom fewer than the
// floor.
TEST(RowPlan, FloorsHold) {
    int judged = 0, below = 0;
    for (uint32_t seed = 1; seed <= 6; ++seed) {
        const Graph g = random_int8(seed, 5);
        for (const RowChain& chain : row_chains(g)) {
            const RowTable table(g, chain.region.first, chain.region.last);
            const std::vector<KernelBytes> none(static_cast<size_t>(chain.region.last - chain.region.first + 1));
            for (int64_t height : {1, 2}) {
                const auto split = split_rows(g, chain.region, {chain.region.last, height});
                const auto plan = plan_strips(table, chain.region.first, chain.region.last, {chain.region.last, height});
                ASSERT_EQ(split.has_value(), plan.has_value() && plan->size() > 1);
                if (!split) continue;
                const Type &in = g.type(chain.region.in), &out = g.type(chain.region.out);
                const StripCost cost = strip_cost(table, chain.region.first, chain.region.last, *plan, in.shape[1],
                                                  in.bytes() / in.shape[1], out.bytes() / out.shape[1], none);
                EXPECT_LE(cost.floor, cost.bytes);
                Diagnostics diag;
                const LowerOptions options{.name = "net", .optimize = "ram", .input_in_arena = true, .output_in_arena = true};
                const auto f = fit_whole(*split, *find_core("cortex-m4"), options, diag);
                if (!f) continue;
                ++judged;
                below += f->ram < cost.floor ? 1 : 0;
            }
        }
    }
    EXPECT_GT(judged, 5);
    EXPECT_EQ(below, 0);
}

// conv 3x3 of stride 2, twice a residual block (1x1 to 12 channels, depthwise 3x3, 1x1 back, sum), conv 3x3 of stride 2; 32x32x3 pictures.
Graph residual_int8() {
    Graph g;
    g.file = "residual";
    std::mt19937 random(5);
    int count = 0;
    const auto conv = [&](ValueId x, int64_t out, int64_t kernel, int64_t stride, bool depthwise) {
        const int64_t in = g.type(x).shape[3], each = depthwise ? 1 : in;
        Tensor w = Tensor::zeros({DType::float32, Shape{out, kernel, kernel, each}, {}});
        for (int64_t i = 0; i < w.elements(); ++i)
            w.set(i, (static_cast<double>(random() >> 8) / 8388608.0 - 1) / std::sqrt(kernel * kernel * each));
        Conv2D op;
        op.stride = {stride, stride};
        op.pad = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
        op.groups = depthwise ? in : 1;
        const std::string name = "conv" + std::to_string(count++);
        return g.must_add(op, {x, g.add_constant(std::move(w), name + ".w"), ValueId{}}, {{name, "Conv", count}});
    };
    ValueId x = conv(g.add_input("x", {DType::float32, Shape{1, 32, 32, 3}, {}}), 6, 3, 2, false);
    for (int block = 0; block < 2; ++block) {
        const ValueId y = conv(conv(conv(x, 12, 1, 1, false), 12, 3, 1, true), 6, 1, 1, false);
        const std::string name = "add" + std::to_string(block);
        x = g.must_add(Binary{BinaryKind::add}, {x, y}, {{name, "Add", count}});
    }
    g.add_output("y", conv(x, 4, 3, 2, false));
    Diagnostics diag;
    return testing::quantized(testing::optimised(g), diag);
}

TEST(Fit, ResidualNetsRecomputeWhereALimitAsksForIt) {
    const Graph g = residual_int8();
    const Core& core = *find_core("cortex-m4");
    Diagnostics diag;
    LowerOptions options{.name = "net", .output_in_arena = true};
    const auto points = frontier(g, core, options, 0, 120, diag);
    ASSERT_TRUE(points.ok());
    // Nothing is computed twice by the fastest, something by the smallest, and each computes the same in C.
    EXPECT_EQ(points->front().recomputed_macs, 0);
    EXPECT_GT(points->back().recomputed_macs, 0);
    int64_t least_once = points->front().ram;
    for (const Fitted& f : *points) {
        int64_t recomputed = 0;
        for (const Split& s : f.splits) recomputed += recomputed_macs(g, sub_region(g, s.first, s.last), s.cut);
        EXPECT_EQ(recomputed, f.recomputed_macs);
        EXPECT_LE(f.graph.macs() - recomputed, g.macs());
        expect_equal(g, f.graph, "residual");
        if (recomputed == 0) least_once = std::min(least_once, f.ram);
    }
    EXPECT_LT(points->back().ram, least_once);
    expect_right(points->back().graph, make_bundle(points->back().graph, options), "residual");
    // With a limit: the first within it. --optimize ram never computes anything twice.
    const auto within = frontier(g, core, options, points->back().ram, 120, diag);
    ASSERT_TRUE(within.ok());
    EXPECT_LE(within->back().ram, points->back().ram);
    options.optimize = "ram";
    const auto once = frontier(g, core, options, 0, 120, diag);
    ASSERT_TRUE(once.ok());
    for (const Fitted& f : *once) EXPECT_EQ(f.recomputed_macs, 0);
}

TEST(Fit, RamTakesFastKernelsWhereTheyCostNothing) {
    int faster = 0;
    for (uint32_t seed = 41; seed <= 46; ++seed) {
        const Graph g = random_int8(seed, 4);
        Diagnostics diag;
        const LowerOptions options{.name = "net", .optimize = "ram", .input_in_arena = true, .output_in_arena = true};
        const Core& core = *find_core("cortex-m4");
        const auto least = fit_whole(g, core, options, diag);
        ASSERT_TRUE(least.ok());
        // The same with the plain kernels alone, which is what the rows offer for --optimize ram.
        auto plain = lower(g, core, options, diag);
        ASSERT_TRUE(plain.ok());
        ASSERT_TRUE(place_buffers(*plain, true, diag).ok());
        EXPECT_LE(least->ram, ram_bytes(*plain)) << "seed " << seed;
        faster += least->cycles < static_cycles(*plain) ? 1 : 0;
    }
    EXPECT_GT(faster, 2);
}

TEST(Fit, StopsAtTheFirstProgramThatIsSmallEnough) {
    const Graph g = random_int8(44, 4);
    Diagnostics diag;
    const LowerOptions options{.name = "net", .input_in_arena = true, .output_in_arena = true};
    const auto whole = fit_whole(g, *find_core("cortex-m4"), options, diag);
    ASSERT_TRUE(whole.ok());
    const auto found = frontier(g, *find_core("cortex-m4"), options, whole->ram, 60, diag);
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().ram, whole->ram);
    EXPECT_TRUE(found->front().splits.empty());
}

}  // namespace
}  // namespace gw
