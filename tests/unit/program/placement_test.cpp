// Placing whole programs, judged by running them. The programs are small and random: chains and branches of calls over buffers, views
// (parts of a concatenation, slices), loops with strides, kernels that allow overlap upward, downward or not at all. They are run twice on
// memory whose cells hold 64-bit tags: once with every buffer in memory of its own, once where place_buffers put it. A kernel reads and
// writes cell by cell in its stated order, so a buffer that is overwritten too early changes what comes out. This shares nothing with the
// planner's own idea of lifetimes and gaps, nor with the validator's. On the smallest programs every placement is tried: none that runs
// right may be smaller.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "program/program.h"

namespace gw {
namespace {

using Cells = std::vector<uint64_t>;

uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = (a ^ (b + 0x9E3779B97F4A7C15ull)) * 0xBF58476D1CE4E5B9ull;
    return x ^ (x >> 29);
}

// Where a buffer's cells lie: memory of its own for each root, or the arena for those in it.
class Machine {
public:
    Machine(const Program& p, bool placed) : p_(p), placed_(placed), own_(p.buffers.size()) {
        for (size_t b = 0; b < p.buffers.size(); ++b) own_[b].assign(static_cast<size_t>(p.buffers[b].bytes()), 1 + b);
        int64_t bytes = 0;
        for (size_t b = 0; b < p.buffers.size() && placed; ++b)
            if (in_arena(static_cast<int32_t>(b))) bytes = std::max(bytes, p.address(static_cast<int32_t>(b)) + p.buffers[b].bytes());
        arena_.assign(static_cast<size_t>(bytes), 0);
    }

    // The output's cells after a run on an input of distinct tags.
    Cells run() {
        for (int64_t i = 0; i < p_.buffers[0].bytes(); ++i) *cell(0, i) = mix(77, static_cast<uint64_t>(i));
        for (size_t k = 0; k < p_.steps.size(); ++k) {
            if (const Call* call = std::get_if<Call>(&p_.steps[k].what)) {
                perform(*call, 0, k);
                continue;
            }
            const Loop& loop = std::get<Loop>(p_.steps[k].what);
            for (int64_t i = 0; i < loop.count; ++i)
                for (const Step& s : loop.body) perform(std::get<Call>(s.what), i, k);
        }
        Cells out;
        for (int32_t o : p_.outputs)
            for (int64_t i = 0; i < p_.buffers[static_cast<size_t>(o)].bytes(); ++i) out.push_back(*cell(o, i));
        return out;
    }

private:
    bool in_arena(int32_t b) const {
        int64_t unused = 0;
        return p_.buffers[static_cast<size_t>(p_.root(b, unused))].region >= 0;
    }
    uint64_t* cell(int32_t b, int64_t i) {
        int64_t offset = i;
        const int32_t root = p_.root(b, offset);
        if (placed_ && in_arena(b)) return &arena_[static_cast<size_t>(p_.buffers[static_cast<size_t>(root)].offset + offset)];
        return &own_[static_cast<size_t>(root)][static_cast<size_t>(offset)];
    }
    // y[i] = mix of x[i − BACK … i] of every operand; walks down when BACKWARD is 1. N cells an iteration.
    void perform(const Call& call, int64_t iteration, size_t step) {
        const auto constant = [&](std::string_view name) {
            for (const auto& [key, value] : call.constants)
                if (key == name) return value;
            return int64_t{0};
        };
        const int64_t n = constant("N"), back = constant("BACK");
        for (int64_t k = 0; k < n; ++k) {
            const int64_t i = constant("BACKWARD") == 1 ? n - 1 - k : k;
            uint64_t tag = mix(step, static_cast<uint64_t>(i + iteration * n));
            for (const Argument& a : call.arguments)
                for (int64_t j = std::max<int64_t>(0, i - back); !a.written && j <= i; ++j)
                    tag = mix(tag, *cell(a.index, a.offset + a.stride * iteration + j));
            const Argument& y = call.arguments.back();
            *cell(y.index, y.offset + y.stride * iteration + i) = tag;
        }
    }

    const Program& p_;
    bool placed_;
    std::vector<Cells> own_;
    Cells arena_;
};

class RandomProgram {
public:
    RandomProgram(uint32_t seed, int steps, bool views, bool loops) : random_(seed), steps_(steps), views_(views), loops_(loops) {}

    Program make() {
        p_.name = "p";
        p_.regions.push_back({});
        n_ = pick(1, 3) * 2;
        available_.push_back(buffer(n_, BufferRole::input));
        p_.inputs = {0};
        for (int k = 0; k < steps_; ++k) step(k + 1 == steps_);
        return p_;
    }

private:
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1)); }
    bool chance(int percent) { return pick(1, 100) <= percent; }

    int32_t buffer(int64_t bytes, BufferRole role, int32_t view_of = -1, int64_t view_offset = 0) {
        Buffer b;
        b.name = "b" + std::to_string(p_.buffers.size());
        b.type = {DType::int8, Shape{bytes}, {}};
        b.role = role;
        b.align = int64_t{1} << (chance(70) ? 0 : pick(0, 1));
        b.view_of = view_of, b.view_offset = view_offset;
        if (view_of >= 0) b.align = 1;
        if (role != BufferRole::activation) b.port = 0, b.region = -1;
        p_.buffers.push_back(b);
        return static_cast<int32_t>(p_.buffers.size()) - 1;
    }
    int64_t bytes(int32_t b) const { return p_.buffers[static_cast<size_t>(b)].bytes(); }

    // A call over cells [0, n) of its operands, or of a loop's iterations.
    Call call(const std::vector<int32_t>& in, int32_t out, int64_t n, int64_t stride) {
        Call c;
        c.kernel = "k";
        const int64_t back = pick(0, std::min<int64_t>(2, n - 1));
        c.constants = {{"N", n}, {"BACK", back}};
        for (int32_t b : in) c.arguments.push_back({Argument::Kind::buffer, b, 0, stride, false});
        c.arguments.push_back({Argument::Kind::buffer, out, 0, stride, true});
        if (stride != 0) return c;
        const bool both = chance(50);
        if (both) c.constants.emplace_back("BACKWARD", 0);
        // Upward: cell i is written after x[i − back] was read for the last time by cell i; the next ones read from i + 1 − back on.
        for (size_t k = 0; k < in.size(); ++k) {
            if (chance(15)) continue;
            Gap gap{static_cast<int32_t>(k), static_cast<int32_t>(in.size()), back, {}};
            if (both) gap.down = 0;
            c.gaps.push_back(gap);
        }
        return c;
    }

    void step(bool last) {
        std::vector<int32_t> in{available_[static_cast<size_t>(pick(0, static_cast<int64_t>(available_.size()) - 1))]};
        if (chance(60)) in[0] = available_.back();
        if (chance(40)) in.push_back(available_[static_cast<size_t>(pick(0, static_cast<int64_t>(available_.size()) - 1))]);
        if (last) in = {available_.back()};
        int64_t n = bytes(in[0]);
        for (int32_t b : in) n = std::min(n, bytes(b));
        int32_t out = -1;
        if (last) {
            out = buffer(n, BufferRole::output);
            p_.outputs = {out};
        } else if (views_ && chance(40)) {
            // A concatenation of two parts that two steps write, or a slice of a result.
            const int32_t whole = buffer(2 * n, BufferRole::activation);
            const int32_t first = buffer(n, BufferRole::activation, whole, 0), second = buffer(n, BufferRole::activation, whole, n);
            add(in, first, n);
            if (chance(50))
                add({first}, second, n);
            else
                add(in, second, n);
            available_.push_back(chance(60) ? whole : first);
            return;
        } else {
            out = buffer(n, BufferRole::activation);
        }
        add(in, out, n);
        available_.push_back(out);
    }

    void add(const std::vector<int32_t>& in, int32_t out, int64_t n) {
        Step s;
        s.name = "s" + std::to_string(p_.steps.size()), s.op = "k";
        if (loops_ && n % 2 == 0 && chance(30)) {
            Step inner = s;
            inner.what = call(in, out, n / 2, n / 2);
            s.what = Loop{2, {inner}};
        } else {
            s.what = call(in, out, n, 0);
        }
        p_.steps.push_back(std::move(s));
    }

    std::mt19937 random_;
    Program p_;
    int steps_;
    bool views_, loops_;
    int64_t n_ = 4;
    std::vector<int32_t> available_;
};

Program placed(Program p) {
    Diagnostics diag;
    EXPECT_TRUE(place_buffers(p, true, diag).ok()) << diag.all().front().text();
    EXPECT_TRUE(verify(p, diag).ok()) << diag.all().front().text() << "\n" << print(p);
    return p;
}

TEST(Placement, ProgramsRunRightWhereThePlannerPutThem) {
    int overlapped = 0, backward = 0, loops = 0;
    for (uint32_t seed = 1; seed <= 3000; ++seed) {
        const Program p = RandomProgram(seed, 2 + static_cast<int>(seed % 6), seed % 3 != 0, seed % 2 == 0).make();
        const Program q = placed(p);
        ASSERT_EQ(Machine(p, false).run(), Machine(q, true).run()) << "seed " << seed << "\n" << print(q);
        Program apart = p;
        Diagnostics diag;
        ASSERT_TRUE(place_buffers(apart, false, diag).ok());
        overlapped += q.regions[0].bytes < apart.regions[0].bytes ? 1 : 0;
        for (const Step& s : q.steps) {
            const Call* c = std::get_if<Call>(&s.what);
            loops += c == nullptr ? 1 : 0;
            for (size_t k = 0; c != nullptr && k < c->constants.size(); ++k)
                backward += c->constants[k].first == "BACKWARD" && c->constants[k].second == 1 ? 1 : 0;
        }
    }
    // The programs are of the kind that the test is about.
    EXPECT_GT(overlapped, 300);
    EXPECT_GT(backward, 50);
    EXPECT_GT(loops, 300);
}

// The smallest arena in which the program runs right, over all offsets and directions.
int64_t smallest_by_trying(Program p, int64_t up_to) {
    std::vector<Buffer*> free;
    for (Buffer& b : p.buffers)
        if (b.region >= 0 && b.view_of < 0) free.push_back(&b);
    std::vector<int64_t*> ways;
    for (Step& s : p.steps)
        for (auto& [name, value] : std::get<Call>(s.what).constants)
            if (name == "BACKWARD") ways.push_back(&value);
    for (int64_t limit = 0; limit < up_to; ++limit) {
        std::function<bool(size_t)> any = [&](size_t k) {
            if (k == free.size()) {
                for (uint32_t bits = 0; bits < 1u << ways.size(); ++bits) {
                    for (size_t w = 0; w < ways.size(); ++w) *ways[w] = bits >> w & 1;
                    if (Machine(p, true).run() == Machine(p, false).run()) return true;
                }
                return false;
            }
            for (int64_t at = 0; at + free[k]->bytes() <= limit; at += free[k]->align) {
                free[k]->offset = at;
                if (any(k + 1)) return true;
            }
            return false;
        };
        if (any(0)) return limit;
    }
    return up_to;
}

// Whether a result is never read: trying would put it anywhere.
bool has_unread(const Program& p) {
    std::vector<bool> read(p.buffers.size());
    for_each_call(p.steps, [&](const Call& call, int64_t) {
        for (const Argument& a : call.arguments)
            if (!a.written) read[static_cast<size_t>(a.index)] = true;
    });
    for (size_t b = 0; b < p.buffers.size(); ++b)
        if (p.buffers[b].role == BufferRole::activation && !read[b]) return true;
    return false;
}

TEST(Placement, NoSmallerArenaRunsRight) {
    int judged = 0;
    for (uint32_t seed = 1; seed <= 600; ++seed) {
        Program p = RandomProgram(seed, 2 + static_cast<int>(seed % 3), false, false).make();
        if (has_unread(p)) continue;
        // Every operand allows overlap here: what a kernel forbids without need, trying cannot know.
        for (Step& s : p.steps) {
            Call& c = std::get<Call>(s.what);
            const auto constant = [&](std::string_view name) {
                for (const auto& [key, value] : c.constants)
                    if (key == name) return std::optional(value);
                return std::optional<int64_t>();
            };
            c.gaps.clear();
            for (size_t k = 0; k + 1 < c.arguments.size(); ++k)
                c.gaps.push_back({static_cast<int32_t>(k), static_cast<int32_t>(c.arguments.size()) - 1, *constant("BACK"),
                                  constant("BACKWARD") ? std::optional<int64_t>(0) : std::nullopt});
        }
        const Program q = placed(p);
        const int64_t best = smallest_by_trying(p, q.regions[0].bytes);
        EXPECT_EQ(best, q.regions[0].bytes) << "seed " << seed << "\n" << print(q);
        if (HasFailure()) return;
        ++judged;
    }
    EXPECT_GT(judged, 200);
}

// The machine itself sees a buffer that is overwritten too early.
TEST(Placement, APlantedOverlapIsSeen) {
    int seen = 0;
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        const Program p = RandomProgram(seed, 4, false, false).make();
        Program q = placed(p);
        for (Buffer& b : q.buffers)
            if (b.region >= 0) b.offset = 0;
        seen += Machine(p, false).run() != Machine(q, true).run() ? 1 : 0;
    }
    EXPECT_GT(seen, 10);
}

}  // namespace
}  // namespace gw
