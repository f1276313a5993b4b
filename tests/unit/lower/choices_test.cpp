// Choices: their text comes back and is refused line by line; lowering takes measured cycles before formulas; exploring reaches every
// candidate.
#include "lower/choices.h"

#include "support/bundle.h"

namespace gw {
namespace {

using testing::RandomGraph;

Choices some_choices() {
    Choices c;
    c.core = "cortex-m4";
    c.optimize = "speed";
    c.compiler = "arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205";
    c.entries["00000000000000aa"] = {12345, "conv2d_s8", "model/conv 1"};
    c.entries["ffffffffffffffff"] = {0, "dense_s8", ""};
    return c;
}

TEST(Choices, TextComesBack) {
    const std::string text = choices_text(some_choices());
    Diagnostics diag;
    const auto back = parse_choices(text, "x.choices", diag);
    ASSERT_TRUE(back.ok()) << diag.all().front().text();
    EXPECT_EQ(choices_text(*back), text);
    EXPECT_EQ(back->core, "cortex-m4");
    EXPECT_EQ(back->entries.at("00000000000000aa").cycles, 12345);
    EXPECT_EQ(back->entries.at("00000000000000aa").layer, "model/conv 1");
}

TEST(Choices, AFaultNamesItsLine) {
    const std::string head = "glowworm choices 1\ncore c\noptimize speed\ncompiler x\n";
    const std::pair<std::string, int> faults[] = {
        {"", 1},
        {"glowworm choices 2\n", 1},
        {"glowworm choices 1\ncpu c\n", 2},
        {"glowworm choices 1\ncore c\noptimize speed\n", 4},
        {head + "00000000000000ag 1 conv layer\n", 5},
        {head + "00000000000000aa 1x conv layer\n", 5},
        {head + "00000000000000aa -1 conv layer\n", 5},
        {head + "00000000000000aa 99999999999999999999 conv layer\n", 5},
        {head + "00000000000000aa 1\n", 5},
        {head + "00000000000000aa 1 conv\n00000000000000aa 1 conv\n", 6},
    };
    for (const auto& [text, line] : faults) {
        Diagnostics diag;
        EXPECT_FALSE(parse_choices(text, "x.choices", diag).ok()) << text;
        ASSERT_EQ(diag.all().size(), 1u) << text;
        EXPECT_EQ(diag.all().front().id, DiagId::choices_invalid);
        EXPECT_EQ(diag.all().front().location.file, "x.choices");
        EXPECT_TRUE(diag.all().front().message.starts_with(fmt::format("line {}: ", line))) << text << diag.all().front().message;
    }
}

// A graph with several candidates a layer.
Graph convolutions() {
    Diagnostics diag;
    return testing::quantized(testing::optimised(RandomGraph(7, {.batch = 1, .blocks = 4}).make()), diag);
}

TEST(Choices, MeasuredCyclesGoBeforeFormulasAndExploringReachesEveryCandidate) {
    const Graph g = convolutions();
    const Core& core = *find_core("cortex-m4");
    Choices choices;
    LowerOptions options{.name = "net"};
    options.choices = &choices;
    options.explore = LowerOptions::Explore::all;
    Diagnostics diag;
    std::map<std::string, std::set<std::string>> tried;  // layer → candidates
    int rounds = 0;
    for (bool found = true; found; ++rounds) {
        ASSERT_LT(rounds, 40);
        const auto p = lower(g, core, options, diag);
        ASSERT_TRUE(p.ok());
        found = false;
        for (const Step& step : p->steps) {
            ASSERT_FALSE(step.candidate.empty()) << step.name;
            // The later a candidate comes, the cheaper it is said to be.
            if (choices.entries.emplace(step.candidate, Choices::Entry{1000 - rounds, "kernel", step.name}).second) found = true;
            tried[step.name].insert(step.candidate);
        }
    }
    options.explore = LowerOptions::Explore::none;
    const auto p = lower(g, core, options, diag);
    ASSERT_TRUE(p.ok());
    size_t several = 0;
    for (const Step& step : p->steps) {
        EXPECT_EQ(std::count_if(step.weighed.begin(), step.weighed.end(), [](const Weighed& w) { return w.reason.empty() && !w.measured; }),
                  0)
            << step.name;
        int64_t least = INT64_MAX;
        for (const std::string& key : tried[step.name]) least = std::min(least, choices.entries.at(key).cycles);
        EXPECT_EQ(step.cycles, least) << step.name;
        several += tried[step.name].size() > 1;
    }
    EXPECT_GT(several, 0u);
    // What is taken computes the same.
    testing::expect_right(g, testing::make_bundle(g, options, "cortex-m4"), "measured choices");
}

TEST(Choices, WithoutThemNothingIsHashed) {
    Diagnostics diag;
    const auto p = lower(convolutions(), *find_core("cortex-m4"), {.name = "net"}, diag);
    ASSERT_TRUE(p.ok());
    for (const Step& step : p->steps) {
        EXPECT_TRUE(step.candidate.empty());
        EXPECT_GT(step.cycles, 0);
    }
}

}  // namespace
}  // namespace gw
