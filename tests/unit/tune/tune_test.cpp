// Tuning: the cache keeps figures and never harms; measured choices make a program that is no slower, the same with and without a cache.
#include "tune/tune.h"

#include <fstream>

#include "support/bundle.h"

namespace gw {
namespace {

TEST(TuneCache, KeepsWhatItIsGiven) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "deep" / "tune.sqlite";
    {
        TuneCache cache(file);
        ASSERT_TRUE(cache.usable());
        EXPECT_FALSE(cache.find("a"));
        cache.keep("a", {1, 20, 300});
        cache.keep("b", {});
        cache.keep("a", {4, 5});
    }
    const TuneCache again(file);
    EXPECT_EQ(again.find("a"), (std::vector<int64_t>{4, 5}));
    EXPECT_EQ(again.find("b"), std::vector<int64_t>{});
    EXPECT_FALSE(again.find("' OR 1"));
}

TEST(TuneCache, AFileThatIsNoneIsNoCache) {
    const TemporaryFolder folder;
    std::ofstream(folder.path() / "tune.sqlite") << std::string(5000, 'x');
    TuneCache cache(folder.path() / "tune.sqlite");
    EXPECT_FALSE(cache.usable());
    cache.keep("a", {1});
    EXPECT_FALSE(cache.find("a"));
    TuneCache nowhere(folder.path() / "tune.sqlite" / "below" / "a-file");
    EXPECT_FALSE(nowhere.usable());
    EXPECT_FALSE(TuneCache().usable());
}

int64_t cycles_of(const Graph& g, const LowerOptions& options, const std::string& sample) {
    const testing::Made made = testing::make_bundle(g, options, "cortex-m4");
    RunOptions run;
    run.price = true;
    Diagnostics diag;
    const std::vector<std::string> samples = {sample};
    const auto r = run_on_core(made.info, *find_core("cortex-m4"), samples, {}, run, diag);
    EXPECT_TRUE(r.ok()) << diag.all().front().text();
    return r.ok() ? r->cycles : -1;
}

TEST(Tune, IsNoSlowerThanTheFormulaAndTheCacheChangesNothing) {
    if (find_tools().qemu.path.empty() || find_tools().arm_gcc.path.empty()) GTEST_SKIP() << "skipped: no emulator or no cross compiler";
    Diagnostics diag;
    const Graph g = testing::quantized(testing::optimised(testing::RandomGraph(7, {.batch = 1, .blocks = 4}).make()), diag);
    std::string sample;
    const std::vector<Tensor> inputs = testing::graph_samples(g, 1).front();
    for (const Tensor& t : inputs) sample += t.bytes();
    const Core& core = *find_core("cortex-m4");
    LowerOptions options{.name = "net"};
    const TemporaryFolder folder;
    TuneCache none, cache(folder.path() / "tune.sqlite");
    const auto first = tune(g, core, options, TuneEffort::full, {}, sample, none, diag);
    ASSERT_TRUE(first.ok()) << diag.all().front().text();
    EXPECT_FALSE(first->entries.empty());
    const auto filled = tune(g, core, options, TuneEffort::full, {}, sample, cache, diag);
    const auto cached = tune(g, core, options, TuneEffort::full, {}, sample, cache, diag);
    ASSERT_TRUE(filled.ok() && cached.ok());
    EXPECT_EQ(choices_text(*first), choices_text(*filled));
    EXPECT_EQ(choices_text(*first), choices_text(*cached));
    const int64_t by_formula = cycles_of(g, options, sample);
    options.choices = &*first;
    const int64_t measured = cycles_of(g, options, sample);
    EXPECT_LE(measured, by_formula + by_formula / 100);  // a hundredth: buffers and shared code lie elsewhere
}

// A convolution's unrolling is measured value by value, the fastest is taken, and every value computes the same.
TEST(Tune, ConstantsThatOnlyCostTimeAreMeasured) {
    if (find_tools().qemu.path.empty() || find_tools().arm_gcc.path.empty()) GTEST_SKIP() << "skipped: no emulator or no cross compiler";
    Diagnostics diag;
    const auto module = parse_module(R"(graph main {
  input %x "x": i8[1,6,5,5] q(0.1,3)
  const %w: i8[6,3,3,5] q(0.01,0) = random(1)
  const %b: i32[6] = random(2)
  %y "y": i8[1,6,5,6] q(0.1,-2) = conv2d(%x, %w, %b) pad=[1,1,1,1] x_zero=3 requant=twice(pre=0,mul=[1073741824],shift=[-10],zero=-2,lo=-128,hi=127)
  output %y "y"
}
)",
                                     "unroll.gw", diag);
    ASSERT_TRUE(module.ok()) << diag.all().front().text();
    const Graph& g = module->main();
    std::string sample;
    const std::vector<Tensor> inputs = testing::graph_samples(g, 1).front();
    for (const Tensor& t : inputs) sample += t.bytes();
    const Core& core = *find_core("cortex-m3");
    LowerOptions options{.name = "net"};
    TuneCache none;
    auto choices = tune(g, core, options, TuneEffort::quick, {}, sample, none, diag);
    ASSERT_TRUE(choices.ok()) << diag.all().front().text();
    options.choices = &*choices;
    const auto unroll_of = [](const Program& p) {
        for (const auto& [name, value] : std::get<Call>(p.steps[0].what).constants)
            if (name == "UNROLL") return value;
        return int64_t{-1};
    };
    const auto fastest = lower(g, core, options, diag);
    ASSERT_TRUE(fastest.ok());
    const std::string taken = fastest->steps[0].candidate;
    for (const auto& [key, entry] : choices->entries) EXPECT_LE(choices->entries.at(taken).cycles, entry.cycles);
    std::set<int64_t> seen;
    for (auto& [key, entry] : choices->entries) {
        const int64_t measured = std::exchange(entry.cycles, 0);
        const testing::Made made = testing::make_bundle(g, options, "cortex-m3");
        EXPECT_EQ(made.program.steps[0].candidate, key);
        seen.insert(unroll_of(made.program));
        testing::expect_right(g, made, fmt::format("UNROLL {}", unroll_of(made.program)));
        entry.cycles = measured;
    }
    EXPECT_EQ(seen, (std::set<int64_t>{1, 2, 3, 4}));
}

TEST(Tune, NeedsPricedInstructions) {
    Diagnostics diag;
    TuneCache none;
    const Graph g = testing::quantized(testing::optimised(testing::RandomGraph(7, {.batch = 1, .blocks = 2}).make()), diag);
    EXPECT_FALSE(tune(g, *find_core("cortex-m55"), {.name = "net"}, TuneEffort::quick, {}, "", none, diag).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::bad_option);
}

}  // namespace
}  // namespace gw
