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

TEST(Tune, NeedsPricedInstructions) {
    Diagnostics diag;
    TuneCache none;
    const Graph g = testing::quantized(testing::optimised(testing::RandomGraph(7, {.batch = 1, .blocks = 2}).make()), diag);
    EXPECT_FALSE(tune(g, *find_core("cortex-m55"), {.name = "net"}, TuneEffort::quick, {}, "", none, diag).ok());
    EXPECT_EQ(diag.all().back().id, DiagId::bad_option);
}

}  // namespace
}  // namespace gw
