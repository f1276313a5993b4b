// The memory planner against its definition: known optima (full rectangles, chains, the digit net's first convolution), exhaustive search
// on small problems with every feature mixed, first-fit on large ones; the validator against planted faults; the text form; the refusals.
#include "program/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "program/plan_validate.h"
#include "program/planner_internal.h"

namespace gw {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string messages(const Diagnostics& diag) {
    std::string all;
    for (const Diagnostic& d : diag.all()) all += d.text() + "\n";
    return all;
}

PlanProblem parse(const std::string& text) {
    Diagnostics diag;
    Expected<PlanProblem> problem = parse_plan_problem(text, "test.plan", diag);
    EXPECT_TRUE(problem.ok()) << messages(diag);
    return problem.ok() ? *problem : PlanProblem{};
}

// Plans, and checks what every plan must fulfil.
Plan plan(const PlanProblem& problem, int64_t max_nodes = 200000) {
    Diagnostics diag;
    const Expected<Plan> found = plan_memory(problem, {max_nodes}, diag);
    EXPECT_TRUE(found.ok()) << messages(diag) << print_plan_problem(problem);
    if (!found.ok()) return {};
    EXPECT_THAT(plan_violations(problem, found->offsets), IsEmpty()) << print_plan_problem(problem);
    std::vector<int64_t> peaks(problem.regions.size(), 0);
    for (size_t i = 0; i < problem.buffers.size(); ++i) {
        int64_t& peak = peaks[static_cast<size_t>(problem.buffers[i].region)];
        peak = std::max(peak, found->offsets[i] + problem.buffers[i].size);
    }
    EXPECT_EQ(found->peaks, peaks);
    EXPECT_EQ(found->optimal, found->peaks == found->lower_bounds);
    for (size_t r = 0; r < peaks.size(); ++r) EXPECT_LE(found->lower_bounds[r], peaks[r]);
    return *found;
}

Plan plan_text(const std::string& text) { return plan(parse(text)); }

PlanProblem empty_problem(int64_t alignment = 1) {
    PlanProblem p;
    p.regions.push_back({"arena", std::nullopt, alignment});
    return p;
}

void add(PlanProblem& p, int64_t size, int64_t begin, int64_t end, int64_t alignment = 1) {
    PlanBuffer b;
    b.name = "b" + std::to_string(p.buffers.size());
    b.size = size;
    b.alignment = alignment;
    b.lifetime = {{begin, end}};
    p.buffers.push_back(b);
}

int64_t between(std::mt19937& random, int64_t low, int64_t high) {  // std::uniform_int_distribution differs between libraries
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

// Cuts a rectangle (width: time, height: bytes) by random guillotine cuts into `count` buffers. Its height is the optimum.
PlanProblem cut_rectangle(std::mt19937& random, int64_t width, int64_t height, size_t count) {
    struct Piece {
        int64_t begin, end, size;
    };
    std::vector<Piece> pieces = {{0, width, height}};
    while (pieces.size() < count) {
        const size_t k = random() % pieces.size();
        Piece& p = pieces[k];
        const bool in_time = random() % 2 == 0;
        if ((in_time ? p.end - p.begin : p.size) < 2) continue;
        Piece other = p;
        if (in_time) {
            p.end = other.begin = between(random, p.begin + 1, p.end - 1);
        } else {
            p.size = between(random, 1, p.size - 1);
            other.size -= p.size;
        }
        pieces.push_back(other);
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    PlanProblem problem = empty_problem();
    for (const Piece& p : pieces) add(problem, p.size, p.begin, p.end);
    return problem;
}

TEST(Planner, full_rectangles_are_solved_exactly) {
    std::mt19937 random(1);
    for (size_t count : {5, 10, 20, 30, 40}) {
        for (int k = 0; k < 12; ++k) {
            const PlanProblem p = cut_rectangle(random, 40, 1000, count);
            const Plan found = plan(p);
            EXPECT_EQ(found.peaks[0], 1000) << print_plan_problem(p);
            EXPECT_TRUE(found.optimal);
        }
    }
}

// The best peak by trying every vector of offsets, smallest limit first; -1: none up to 40. A prefix that breaks a rule is not extended.
int64_t exhaustive(const PlanProblem& p) {
    std::vector<PlanProblem> prefix(p.buffers.size() + 1);
    for (size_t i = 0; i <= p.buffers.size(); ++i) {
        prefix[i].regions = p.regions;
        prefix[i].buffers.assign(p.buffers.begin(), p.buffers.begin() + static_cast<int64_t>(i));
        for (const OverlapRule& r : p.rules)
            if (std::max(r.a, r.b) < static_cast<int64_t>(i)) prefix[i].rules.push_back(r);
    }
    std::vector<int64_t> x;
    for (int64_t limit = 1; limit <= 40; ++limit) {
        std::function<bool()> any = [&] {
            if (!plan_violations(prefix[x.size()], x).empty()) return false;
            if (x.size() == p.buffers.size()) return true;
            const PlanBuffer& b = p.buffers[x.size()];
            for (int64_t at = b.pinned.value_or(0); at + b.size <= limit && at <= b.pinned.value_or(limit); at += b.alignment) {
                x.push_back(at);
                if (any()) return true;
                x.pop_back();
            }
            return false;
        };
        if (any()) return limit;
    }
    return -1;
}

struct Features {
    bool rules = false, alignment = false, views = false, pins = false;
};

PlanProblem random_small(std::mt19937& random, const Features& features) {
    PlanProblem p = empty_problem(4);
    const int64_t count = between(random, 3, 5);
    for (int64_t i = 0; i < count; ++i) {
        const int64_t begin = between(random, 0, 5);
        add(p, between(random, 1, 4), begin, begin + between(random, 1, 3));
        PlanBuffer& b = p.buffers.back();
        if (random() % 4 == 0) b.lifetime.push_back({b.lifetime[0].end + 1, b.lifetime[0].end + 2});
        if (features.alignment) b.alignment = int64_t{1} << between(random, 0, 2);
        if (features.pins && random() % 5 == 0) b.pinned = between(random, 0, 1) * 4;
        if (features.views && i > 0 && random() % 2 == 0) {
            b.view_of = between(random, 0, i - 1);
            const PlanBuffer& u = p.buffers[static_cast<size_t>(b.view_of)];
            b.size = std::min(b.size, u.size);
            b.view_offset = between(random, 0, u.size - b.size);
        }
    }
    for (int64_t k = features.rules ? between(random, 1, 5) : 0; k > 0; --k) {
        OverlapRule r;
        r.a = between(random, 0, count - 1);
        r.b = (r.a + between(random, 1, count - 1)) % count;
        const auto kind = random() % 3;
        if (kind != 1) r.gap = between(random, -3, 4);
        if (kind != 0) r.gap_descending = between(random, -3, 4);
        r.step = between(random, 0, 1);
        p.rules.push_back(r);
    }
    return p;
}

void compare_with_exhaustive(const Features& features, uint32_t seed, int problems) {
    std::mt19937 random(seed);
    int judged = 0;
    for (int k = 0; k < problems; ++k) {
        const PlanProblem p = random_small(random, features);
        Diagnostics diag;
        const Expected<Plan> found = plan_memory(p, {}, diag);
        if (!found.ok()) {
            if (check_plan_problem(p, diag).ok()) {
                EXPECT_EQ(exhaustive(p), -1) << messages(diag) << print_plan_problem(p);
            }
            continue;
        }
        ++judged;
        ASSERT_THAT(plan_violations(p, found->offsets), IsEmpty()) << print_plan_problem(p);
        const int64_t best = exhaustive(p);
        ASSERT_LE(found->lower_bounds[0], best) << print_plan_problem(p);
        ASSERT_EQ(found->peaks[0], best) << print_plan_problem(p);
        ASSERT_TRUE(found->optimal) << print_plan_problem(p);
    }
    EXPECT_GT(judged, problems / 4);
}

TEST(Planner, equals_exhaustive_search_plain) { compare_with_exhaustive({}, 2, 150); }
TEST(Planner, equals_exhaustive_search_with_alignment) { compare_with_exhaustive(Features{false, true, false, false}, 3, 150); }
TEST(Planner, equals_exhaustive_search_with_rules) { compare_with_exhaustive(Features{true, false, false, false}, 4, 400); }
TEST(Planner, equals_exhaustive_search_with_views) { compare_with_exhaustive(Features{false, false, true, false}, 5, 150); }
TEST(Planner, equals_exhaustive_search_with_pins) { compare_with_exhaustive(Features{false, false, false, true}, 6, 150); }
TEST(Planner, equals_exhaustive_search_with_everything) { compare_with_exhaustive(Features{true, true, true, true}, 7, 400); }

// Each search alone, without the first-fit and bounds that plan_memory gives it: both find the optimum and refute one byte less.
TEST(Planner, both_searches_find_and_refute) {
    namespace detail = plan_detail;
    std::mt19937 random(13);
    int found_by_placing = 0, refuted_by_placing = 0, problems = 0;
    for (int k = 0; k < 400; ++k) {
        PlanProblem p = random_small(random, Features{k % 2 == 0, k % 3 == 0, k % 5 == 0, k % 7 == 0});
        for (int i = 0; k % 4 == 0 && i < 4; ++i) add(p, between(random, 1, 6), i, i + between(random, 1, 3));
        int64_t step = 0;
        for (OverlapRule& r : p.rules) r.step = ++step;  // a step that several rules share is not the searches' business
        Diagnostics diag;
        const Expected<Plan> found = plan_memory(p, {}, diag);
        if (!found.ok()) continue;
        ASSERT_TRUE(found->optimal);
        ++problems;
        const detail::Resolved resolved = detail::resolve(p);
        std::vector<size_t> all(p.buffers.size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = i;
        const detail::Model model = detail::build_model(p, resolved, all, {});
        const int64_t best = found->peaks[0], nodes = 100000;
        for (int preference : {0, 1, 2}) {
            const detail::Answer yes = detail::search_placements(model, best, nodes, preference);
            ASSERT_FALSE(yes.refuted) << print_plan_problem(p);
            found_by_placing += static_cast<int>(yes.found.has_value());
            if (yes.found) {
                ASSERT_LE(detail::peak_of(model, *yes.found), best);
            }
            const detail::Answer no = detail::search_placements(model, best - 1, nodes, preference);
            ASSERT_FALSE(no.found.has_value()) << print_plan_problem(p);
            refuted_by_placing += static_cast<int>(no.refuted);
            if (no.refuted) {
                ASSERT_EQ(no.at_least, best) << print_plan_problem(p);
            }
            const detail::Answer far = detail::search_placements(model, best / 2, nodes, preference);
            if (far.refuted) {
                ASSERT_LE(far.at_least, best) << print_plan_problem(p);
            }
        }
        const detail::Answer yes = detail::search_orientations(model, best, nodes);
        ASSERT_TRUE(yes.found.has_value()) << print_plan_problem(p);
        ASSERT_LE(detail::peak_of(model, *yes.found), best);
        ASSERT_TRUE(detail::search_orientations(model, best - 1, nodes).refuted) << print_plan_problem(p);
    }
    EXPECT_GT(problems, 200);
    // Where gaps go in circles, placing neither finds for sure nor refutes.
    EXPECT_GT(refuted_by_placing, problems * 3 * 9 / 10);
    EXPECT_GE(found_by_placing, refuted_by_placing);
}

TEST(Planner, larger_full_rectangles_stay_legal_and_bounded) {
    std::mt19937 random(8);
    for (int k = 0; k < 4; ++k) {
        const Plan found = plan(cut_rectangle(random, 100, 10000, 150), 5000);
        EXPECT_EQ(found.lower_bounds[0], 10000);
        EXPECT_LE(found.peaks[0], 12500);
    }
}

// Layer i's output is live while it is written and while layer i + 1 reads it; with skips, some stay for an addition later.
PlanProblem random_net(std::mt19937& random, int layers, bool skips, bool rules, int64_t alignment) {
    PlanProblem p = empty_problem(alignment);
    for (int i = 0; i < layers; ++i) {
        const bool skip = skips && random() % 3 == 0;
        add(p, between(random, 10, 2000), i, i + 2 + (skip ? between(random, 1, 3) : 0), alignment);
        if (!rules || i == 0 || p.buffers[static_cast<size_t>(i) - 1].lifetime[0].end != i + 1) continue;
        const int64_t in = p.buffers[static_cast<size_t>(i) - 1].size, out = p.buffers[static_cast<size_t>(i)].size;
        OverlapRule r{i - 1, i, std::max<int64_t>(0, out - in) + between(random, 0, 200), std::nullopt, 0};
        if (random() % 2 == 0) r.gap_descending = between(random, 0, 300);
        p.rules.push_back(r);
    }
    return p;
}

TEST(Planner, chains_and_residual_nets_are_solved_exactly) {
    std::mt19937 random(9);
    for (int64_t alignment : {1, 16}) {
        for (bool skips : {false, true}) {
            for (bool rules : {false, true}) {
                for (int layers : {10, 30, 100}) {
                    for (int k = 0; k < 3; ++k) {
                        const PlanProblem p = random_net(random, layers, skips, rules, alignment);
                        EXPECT_TRUE(plan(p).optimal) << print_plan_problem(p);
                    }
                }
            }
        }
    }
}

TEST(Planner, a_plain_chain_needs_its_largest_neighbours) {
    std::mt19937 random(10);
    const PlanProblem p = random_net(random, 100, false, false, 1);
    int64_t most = 0;
    for (size_t i = 1; i < p.buffers.size(); ++i) most = std::max(most, p.buffers[i - 1].size + p.buffers[i].size);
    EXPECT_EQ(plan(p).peaks[0], most);
}

// Everything mixed, too large for exhaustive search: legal, between the bound and first-fit, the same twice, the same from its text.
TEST(Planner, random_problems_are_never_worse_than_first_fit) {
    std::mt19937 random(11);
    for (int k = 0; k < 60; ++k) {
        PlanProblem p = empty_problem(16);
        const int64_t count = between(random, 8, 60);
        for (int64_t i = 0; i < count; ++i) {
            const int64_t begin = between(random, 0, count / 2);
            add(p, between(random, 1, 500), begin, begin + between(random, 1, 6), int64_t{1} << between(random, 0, 4));
            PlanBuffer& b = p.buffers.back();
            if (random() % 5 == 0) b.lifetime.push_back({b.lifetime[0].end + 2, b.lifetime[0].end + 4});
            if (k % 2 == 0 && i > 0 && random() % 6 == 0) {
                b.view_of = between(random, 0, i - 1);
                const PlanBuffer& u = p.buffers[static_cast<size_t>(b.view_of)];
                b.size = std::min(b.size, u.size);
                b.alignment = 1;
                b.view_offset = between(random, 0, u.size - b.size);
            }
            if (i == 3 && b.view_of < 0) b.pinned = 64;
        }
        for (int64_t r = 0; r < count; ++r) {
            const int64_t a = between(random, 0, count - 1), b = (a + 1 + between(random, 0, 5)) % count;
            p.rules.push_back({a, b, between(random, -20, 400), std::nullopt, 0});
            if (random() % 2 == 0) p.rules.back().gap_descending = between(random, -20, 400);
        }
        Diagnostics diag;
        const Expected<Plan> simple = first_fit(p, diag);
        ASSERT_TRUE(simple.ok()) << messages(diag) << print_plan_problem(p);
        ASSERT_THAT(plan_violations(p, simple->offsets), IsEmpty()) << print_plan_problem(p);
        const Plan found = plan(p, 3000);
        ASSERT_LE(found.peaks[0], simple->peaks[0]) << print_plan_problem(p);
        ASSERT_LE(simple->lower_bounds[0], found.lower_bounds[0]) << print_plan_problem(p);
        const PlanProblem again = parse(print_plan_problem(p));
        ASSERT_EQ(print_plan_problem(again), print_plan_problem(p));
        ASSERT_EQ(plan(again, 3000).offsets, found.offsets);
    }
}

TEST(Planner, overlap_gaps) {
    // The digit net's first convolution: 14×14×1 in, 14×14×4 out.
    const std::string conv =
        "region arena unlimited align 1\nbuffer 1 \"in\" size 196 align 1 region arena live 0..2\n"
        "buffer 2 \"conv1\" size 784 align 1 region arena live 1..3\n";
    EXPECT_THAT(plan_text(conv).peaks, ElementsAre(980));
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 604\n").peaks, ElementsAre(800));
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 604\n").offsets, ElementsAre(604, 0));
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 604\n").lower_bounds, ElementsAre(800));
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 900\n").peaks, ElementsAre(980));               // more than disjointness is never asked
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 604 descending 3\n").peaks, ElementsAre(784));  // descending: input at the bottom
    EXPECT_THAT(plan_text(conv + "rule 1 2 descending 604\n").peaks, ElementsAre(800));
    EXPECT_THAT(plan_text(conv + "rule 1 2 gap 604\nrule 1 2 gap 650 step 1\n").peaks, ElementsAre(846));  // both must hold
}

TEST(Planner, negative_gaps_and_pins) {
    const std::string text =
        "region arena unlimited align 4\nbuffer 0 \"in\" size 100 align 1 region arena live 0..2 pinned 0\n"
        "buffer 1 \"out\" size 100 align 1 region arena live 1..3 pinned 16\n";
    EXPECT_THAT(plan_text(text + "rule 0 1 gap -16\n").peaks, ElementsAre(116));
    for (const char* rule : {"", "rule 0 1 gap -15\n", "rule 0 1 descending 17\n"}) {
        Diagnostics diag;
        EXPECT_FALSE(plan_memory(parse(text + rule), {}, diag).ok());
        EXPECT_THAT(messages(diag), AllOf(HasSubstr("the pinned buffers of region arena collide"), HasSubstr("[plan-invalid]")));
    }
    EXPECT_THAT(plan_text("region arena unlimited align 4\nbuffer 0 \"a\" size 8 align 4 region arena live 0..2 pinned 12\n"
                          "buffer 1 \"b\" size 12 align 4 region arena live 0..2\nbuffer 2 \"c\" size 3 align 4 region arena live 0..2\n")
                    .offsets,
                ElementsAre(12, 0, 20));
}

TEST(Planner, one_step_runs_in_one_direction) {
    // Between its two inputs, the output would have to be written upwards for one of them and downwards for the other.
    const std::string text =
        "region arena unlimited align 4\nbuffer 0 \"x\" size 100 align 1 region arena live 0..2 pinned 0\n"
        "buffer 1 \"y\" size 100 align 1 region arena live 0..2 pinned 100\n"
        "buffer 2 \"sum\" size 150 align 1 region arena live 1..3 pinned 40\n";
    const std::string mixed = text + "rule 0 2 gap 0 descending 0\nrule 1 2 gap 0 descending 0\n";
    Diagnostics diag;
    EXPECT_FALSE(plan_memory(parse(mixed), {}, diag).ok());
    EXPECT_THAT(plan_violations(parse(mixed), {0, 100, 40}), ElementsAre(HasSubstr("for an ascending and others for a descending")));
    EXPECT_THAT(plan_text(text + "rule 0 2 gap 0 descending 0 step 1\nrule 1 2 gap 0 descending 0 step 2\n").peaks, ElementsAre(200));
}

TEST(Planner, views) {
    // A concatenation: the second half's place serves the scratch of the step that writes the first.
    const std::string concat =
        "region arena unlimited align 4\nbuffer 0 \"all\" size 300 align 4 region arena live 4..6\n"
        "buffer 1 \"first\" size 100 align 1 region arena live 1..4\n"
        "buffer 2 \"second\" size 200 align 4 region arena live 3..4\n"
        "buffer 3 \"scratch\" size 200 align 1 region arena live 1..2\nview 1 of 0 at 0\nview 2 of 0 at 100\n";
    EXPECT_THAT(plan_text(concat).peaks, ElementsAre(300));
    // Views of views, a rule through them, and an alignment that only the inner one wants.
    const Plan deep = plan_text(
        "region arena unlimited align 8\nbuffer 0 \"u\" size 40 align 1 region arena live 0..2\n"
        "buffer 1 \"v\" size 20 align 1 region arena live 0..2\nbuffer 2 \"w\" size 8 align 8 region arena live 0..3\n"
        "buffer 3 \"out\" size 8 align 1 region arena live 2..4\n"
        "view 1 of 0 at 5\nview 2 of 1 at 4\nrule 2 3 gap 0\n");
    EXPECT_EQ(deep.offsets[2] % 8, 0);
    EXPECT_EQ(deep.offsets[2], deep.offsets[0] + 9);
    EXPECT_THAT(deep.peaks, ElementsAre(47));
}

TEST(Planner, alignment_is_part_of_the_proof) {
    // 3 × 10 bytes at multiples of 8: 16 + 16 + 10.
    PlanProblem p = empty_problem(8);
    for (int i = 0; i < 3; ++i) add(p, 10, 0, 1, 8);
    EXPECT_THAT(plan(p).peaks, ElementsAre(42));
    EXPECT_TRUE(plan(p).optimal);
    p.buffers[1].alignment = 1;  // 8-aligned at 0 and 24, the third between
    EXPECT_THAT(plan(p).peaks, ElementsAre(34));
    EXPECT_TRUE(plan(p).optimal);
}

TEST(Planner, regions_and_capacity) {
    const std::string text =
        "region fast capacity 100 align 4\nregion slow unlimited align 4\nregion idle capacity 0 align 4\n"
        "buffer 0 \"a\" size 60 align 1 region fast live 0..2\nbuffer 1 \"b\" size 40 align 1 region fast live 1..3\n"
        "buffer 2 \"c\" size 500 align 1 region slow live 0..2\n";
    EXPECT_THAT(plan_text(text).peaks, ElementsAre(100, 500, 0));
    Diagnostics diag;
    EXPECT_FALSE(plan_memory(parse(text + "buffer 3 \"d\" size 7 align 1 region fast live 1..2\n"), {}, diag).ok());
    EXPECT_THAT(messages(diag), AllOf(HasSubstr("region fast holds 100 bytes, but the buffers need 107 (at least 107 is proved"),
                                      HasSubstr("[plan-capacity]")));
    EXPECT_THAT(plan(PlanProblem{}).peaks, IsEmpty());
}

TEST(Planner, effort_is_counted_and_limited) {
    std::mt19937 random(12);
    const PlanProblem p = cut_rectangle(random, 100, 10000, 120);
    for (int64_t nodes : {0, 1, 100, 2000}) {
        const Plan found = plan(p, nodes);
        EXPECT_LE(found.nodes, nodes + 100);  // the last node of a search may cost a few
        EXPECT_EQ(plan(p, nodes).offsets, found.offsets);
    }
}

TEST(PlanViolations, planted_faults_are_found) {
    const PlanProblem good = parse(
        "region arena capacity 64 align 8\nbuffer 0 \"a\" size 16 align 8 region arena live 0..2,5..6\n"
        "buffer 1 \"b\" size 8 align 1 region arena live 1..3\n"
        "buffer 2 \"c\" size 8 align 1 region arena live 1..2 pinned 32\n"
        "buffer 3 \"d\" size 4 align 1 region arena live 0..1\nview 3 of 0 at 4\n"
        "buffer 4 \"e\" size 16 align 1 region arena live 5..7\nbuffer 5 \"f\" size 20 align 1 region arena live 6..8\n"
        "rule 0 4 gap 3\nrule 4 5 gap 9 descending 2\n");
    const std::vector<int64_t> legal = {8, 24, 32, 12, 5, 3};
    EXPECT_THAT(plan_violations(good, legal), IsEmpty());
    struct Case {
        size_t buffer;
        int64_t offset;
        const char* says;
    };
    const Case cases[] = {
        {1, 23, "buffer 0 \"a\" at [8, 24) and buffer 1 \"b\" at [23, 31) overlap while both are live"},
        {4, 6, "buffer 0 \"a\" at [8, 24) and buffer 4 \"e\" at [6, 22) overlap with too small a gap, gap 2 where 3 is needed"},
        {5, 2, "overlap with too small a gap, gap 3 where 9 is needed, descending gap 1 where 2 is needed"},
        {2, 31, "buffer 2 \"c\" at [31, 39) is pinned to 32"},
        {3, 13, "buffer 3 \"d\" at [13, 17) is a view at 4 of buffer 0 \"a\" at [8, 24)"},
        {5, 45, "buffer 5 \"f\" at [45, 65) exceeds the 64 bytes of region arena"},
        {4, -11, "buffer 4 \"e\" at [-11, 5) starts below 0"},
    };
    for (const Case& c : cases) {
        std::vector<int64_t> x = legal;
        x[c.buffer] = c.offset;
        EXPECT_THAT(plan_violations(good, x), testing::Contains(HasSubstr(c.says)));
    }
    EXPECT_THAT(plan_violations(good, {4, 24, 32, 8, 1, 30}), ElementsAre("buffer 0 \"a\" at [4, 20) is not aligned to 8"));
    EXPECT_THAT(plan_violations(good, {0}), ElementsAre("1 offsets given for 6 buffers"));
}

TEST(PlanProblem, malformed_problems_are_refused) {
    const std::string head = "region r unlimited align 8\nregion s unlimited align 8\nbuffer 0 \"a\" size 16 align 8 region r live 0..2\n";
    const std::pair<const char*, const char*> cases[] = {
        {"buffer 1 \"b\" size 0 align 1 region r live 0..1", "buffer 1 \"b\": size 0 is out of range"},
        {"buffer 1 \"b\" size 4294967297 align 1 region r live 0..1", "size 4294967297 is out of range"},
        {"buffer 1 \"b\" size 1 align 3 region r live 0..1", "alignment 3 is no power of two"},
        {"buffer 1 \"b\" size 1 align 16 region r live 0..1", "wants alignment 16, region r is aligned to 8"},
        {"buffer 1 \"b\" size 1 align 1 region r live 1..1", "lifetime 1..1 is empty"},
        {"buffer 1 \"b\" size 1 align 1 region r live 1..3,2..4", "lifetime intervals overlap or descend"},
        {"buffer 1 \"b\" size 1 align 1 region r live never", "is never live"},
        {"buffer 1 \"b\" size 1 align 1 region r live 0..1 pinned -1", "pinned offset -1 is out of range"},
        {"buffer 1 \"b\" size 1 align 4 region r live 0..1 pinned 2", "pinned to 2, where buffer 1 \"b\" is not aligned to 4"},
        {"buffer 1 \"b\" size 9 align 1 region r live 0..1\nview 1 of 0 at 8", "9 bytes at 8 do not lie within the 16 bytes of buffer 0"},
        {"buffer 1 \"b\" size 8 align 1 region s live 0..1\nview 1 of 0 at 8", "lies in another region"},
        {"view 0 of 0 at 0", "is a view of itself"},
        {"buffer 1 \"b\" size 8 align 8 region r live 0..1\nview 1 of 0 at 4", "cannot both be aligned"},
        {"buffer 1 \"b\" size 8 align 1 region r live 0..1 pinned 2\nview 1 of 0 at 4", "would start below 0"},
        {"buffer 1 \"b\" size 8 align 1 region r live 0..1 pinned 8\nbuffer 2 \"c\" size 8 align 1 region r live 0..1 pinned 8\n"
         "view 1 of 0 at 0\nview 2 of 0 at 8",
         "are pinned to places that contradict each other"},
        {"rule 0 0 gap 1", "does not name two buffers"},
        {"buffer 1 \"b\" size 8 align 1 region r live 0..1\nrule 0 1", "gives no gap"},
        {"buffer 1 \"b\" size 8 align 1 region r live 0..1\nrule 0 1 gap 9999999999", "gap 9999999999 is out of range"},
        {"region t capacity -1 align 3", "capacity -1 is negative"},
    };
    for (const auto& [text, says] : cases) {
        Diagnostics diag;
        EXPECT_FALSE(plan_memory(parse(head + text), {}, diag).ok()) << text;
        EXPECT_THAT(messages(diag), AllOf(HasSubstr(says), HasSubstr("[plan-invalid]"))) << text;
    }
    PlanProblem p = parse(head);
    p.buffers[0].region = 2;
    Diagnostics diag;
    EXPECT_FALSE(first_fit(p, diag).ok());
    EXPECT_THAT(messages(diag), HasSubstr("there is no region 2"));
}

TEST(PlanProblem, text_reads_back) {
    const std::string text =
        "region arena capacity 4096 align 4\nregion big unlimited align 16\n"
        "buffer 0 \"conv \\\"1\\\"\\x01\" size 784 align 1 region arena live 2..4,7..9\n"
        "buffer 1 \"b\" size 16 align 16 region big live -3..4 pinned 32\nbuffer 2 \"v\" size 8 align 4 region arena live 2..3\n"
        "buffer 3 \"hull\" size 900 align 1 region arena live never\n"
        "view 2 of 0 at 128\nrule 0 2 gap -5 descending 7 step 3\nrule 2 0 descending 1\n";
    EXPECT_EQ(print_plan_problem(parse(text)), text);
    EXPECT_EQ(
        print_plan_problem(parse("# a comment\n\nregion r unlimited align 1 # more\r\nrule 9 7 gap 1\n"
                                 "buffer 7 \"x # y\" size 1 align 1 region r live 0..1\nbuffer 9 \"\" size 1 align 1 region r live 0..1")),
        "region r unlimited align 1\nbuffer 0 \"x # y\" size 1 align 1 region r live 0..1\n"
        "buffer 1 \"\" size 1 align 1 region r live 0..1\nrule 1 0 gap 1\n");
}

TEST(PlanProblem, faulty_text_is_located) {
    const std::string head = "region r unlimited align 8\nbuffer 0 \"a\" size 16 align 8 region r live 0..2\n";
    const std::pair<const char*, const char*> cases[] = {
        {"bufer 1", "unknown item `bufer`"},
        {"buffer 1 a size 1", "expected a quoted name"},
        {"buffer 1 \"a", "the quoted name does not end"},
        {"buffer 1 \"a\\x1\" size", "two hexadecimal digits"},
        {"buffer 1 \"a\" size 1 align 1 region", "the line ends too early"},
        {"buffer 1 \"a\" size 1x align 1 region r live 0..1", "`1x` is not a number"},
        {"buffer 1 \"a\" align 1", "expected `size`, found `align`"},
        {"buffer 1 \"a\" size 1 align 1 region q live 0..1", "there is no region q"},
        {"buffer 1 \"a\" size 1 align 1 region r live 0-1", "`0-1` is no lifetime"},
        {"buffer 1 \"a\" size 1 align 1 region r live 0..99999999999999999999", "is not a number"},
        {"buffer 1 \"a\" size 1 align 1 region r live 0..1 pined 3", "expected `pinned`, found `pined`"},
        {"buffer 1 \"a\" size 1 align 1 region r live 0..1 pinned 3 4", "`4` was not expected here"},
        {"buffer 0 \"a\" size 1 align 1 region r live 0..1", "buffer 0 appears twice"},
        {"region r unlimited align 1", "region r appears twice"},
        {"region t limited align 1", "expected `capacity` or `unlimited`"},
        {"rule 0 5 gap 1", "there is no buffer 5"},
        {"rule 0 0 gop 1", "expected `gap`, `descending` or `step`, found `gop`"},
        {"view 0 in 0 at 1", "expected `of`, found `in`"},
    };
    for (const auto& [text, says] : cases) {
        Diagnostics diag;
        EXPECT_FALSE(parse_plan_problem(head + text, "my.plan", diag).ok()) << text;
        EXPECT_EQ(diag.errors(), 1) << messages(diag);
        EXPECT_THAT(messages(diag), AllOf(HasSubstr("my.plan:3: error: "), HasSubstr(says), HasSubstr("[plan-syntax]"))) << text;
    }
}

}  // namespace
}  // namespace gw
