// The program's tree, its addresses and its rules. Planning turns a program into a PlanProblem, whose time is the number of the outermost
// step: what a loop touches lives through the whole loop.
#include "program/program.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "program/place.h"
#include "program/plan_validate.h"
#include "program/planner.h"

namespace gw {

int32_t Program::root(int32_t b, int64_t& offset) const {
    while (buffers[static_cast<size_t>(b)].view_of >= 0) {
        offset += buffers[static_cast<size_t>(b)].view_offset;
        b = buffers[static_cast<size_t>(b)].view_of;
    }
    return b;
}

int64_t Program::address(int32_t b) const {
    int64_t offset = 0;
    const Buffer& r = buffers[static_cast<size_t>(root(b, offset))];
    GW_CHECK(r.offset >= 0, "address of a buffer that has no place yet");
    return r.offset + offset;
}

namespace {

// Moments: 0 before the first step, 1 + k during step k, 1 + n after the last.
//
// A buffer lives from the first to the last moment in which a call (or the caller) touches it. Between buffers of one family bytes pass
// without a copy: what one writes, another reads. The time between is counted with the reader where it lies wholly in what is written (a
// slice: the rest may die earlier), else with the writer (a part of a concat: the rest may be born later).
std::vector<LiveInterval> lifetimes(const Program& p) {
    const auto n = static_cast<int64_t>(p.steps.size());
    const LiveInterval never{n + 2, -1};
    std::vector<LiveInterval> live(p.buffers.size(), never), writes = live, reads = live;
    auto touch = [&](int32_t b, int64_t t, bool written) {
        const auto k = static_cast<size_t>(b);
        for (LiveInterval* l : {&live[k], written ? &writes[k] : &reads[k]}) *l = {std::min(l->begin, t), std::max(l->end, t + 1)};
    };
    for_each_call(p.steps, [&](const Call& call, int64_t step) {
        for (const Argument& a : call.arguments)
            if (a.kind == Argument::Kind::buffer) touch(a.index, 1 + step, a.written);
    });
    std::map<int32_t, std::vector<std::pair<int32_t, int64_t>>> families;  // root: members and where they begin in it
    for (size_t k = 0; k < p.buffers.size(); ++k) {
        const auto b = static_cast<int32_t>(k);
        if (p.buffers[k].role == BufferRole::input) touch(b, 0, true);
        if (p.buffers[k].role == BufferRole::output) touch(b, n + 1, false);
        if (p.buffers[k].role == BufferRole::state) touch(b, 0, true), touch(b, n + 1, false);
        int64_t begin = 0;
        const int32_t root = p.root(b, begin);
        families[root].emplace_back(b, begin);
    }
    const std::vector<LiveInterval> own = live;
    for (const auto& [root, members] : families) {
        for (const auto& [w, w_begin] : members) {
            for (const auto& [r, r_begin] : members) {
                const auto writer = static_cast<size_t>(w), reader = static_cast<size_t>(r);
                const int64_t w_end = w_begin + p.buffers[writer].bytes(), r_end = r_begin + p.buffers[reader].bytes();
                const bool passes = w_begin < r_end && r_begin < w_end && writes[writer].begin < reads[reader].end;
                if (w == r || !passes) continue;
                if (w_begin <= r_begin && r_end <= w_end)
                    live[reader].begin = std::min(live[reader].begin, own[writer].end);
                else
                    live[writer].end = std::max(live[writer].end, own[reader].begin);
            }
        }
    }
    return live;
}

// The constant that says which way a kernel walks, or null when it knows one way only.
int64_t* direction(Call& call) {
    for (auto& [name, value] : call.constants)
        if (name == "BACKWARD") return &value;
    return nullptr;
}

// A buffer that is read through several arguments may be overlapped as far as the most demanding of them allows: not at all when one of
// them has no gap.
std::optional<Gap> demanding_gap(const Call& call, const Gap& g) {
    Gap most = g;
    const int32_t buffer = call.arguments[static_cast<size_t>(g.input)].index;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
        const Argument& other = call.arguments[i];
        if (other.kind != Argument::Kind::buffer || other.written || other.index != buffer) continue;
        const auto same = std::find_if(call.gaps.begin(), call.gaps.end(),
                                       [&](const Gap& h) { return h.input == static_cast<int32_t>(i) && h.output == g.output; });
        if (same == call.gaps.end()) return std::nullopt;
        most.gap = std::max(most.gap, same->gap);
        most.down = most.down && same->down ? std::optional(std::max(*most.down, *same->down)) : std::nullopt;
    }
    return most;
}

// What overlaps the steps' kernels allow. With `decided`, a call that can walk both ways has chosen one already, and only that way's gap
// counts.
void add_rules(PlanProblem& problem, const Program& p, const std::vector<LiveInterval>& live, const std::vector<int64_t>& number,
               bool decided) {
    for (size_t k = 0; k < p.steps.size(); ++k) {
        const Call* call = std::get_if<Call>(&p.steps[k].what);
        if (call == nullptr) continue;
        const auto t = static_cast<int64_t>(k) + 1;
        for (const Gap& g : call->gaps) {
            const Argument &in = call->arguments[static_cast<size_t>(g.input)], &out = call->arguments[static_cast<size_t>(g.output)];
            const int64_t a = number[static_cast<size_t>(in.index)], b = number[static_cast<size_t>(out.index)];
            const std::optional<Gap> most = demanding_gap(*call, g);
            if (!most) continue;
            // Only where the input dies in this step and the output is born in it.
            const bool meet = a >= 0 && b >= 0 && a != b && in.offset == 0 && out.offset == 0 &&
                              live[static_cast<size_t>(in.index)].end == t + 1 && live[static_cast<size_t>(out.index)].begin == t &&
                              problem.buffers[static_cast<size_t>(a)].region == problem.buffers[static_cast<size_t>(b)].region;
            if (!meet) continue;
            Call copy = *call;
            const int64_t* backward = direction(copy);
            const bool both = most->down && backward != nullptr && !decided;
            const bool down = most->down && backward != nullptr && *backward == 1;
            OverlapRule rule{a, b, {}, {}, t};
            if (both || !down) rule.gap = most->gap;
            if (both || down) rule.gap_descending = most->down;
            problem.rules.push_back(rule);
        }
    }
}

PlanProblem planning_problem(const Program& p, bool overlap, bool decided, std::vector<int32_t>& planned) {
    PlanProblem problem;
    std::vector<int64_t> number(p.buffers.size(), -1);
    const std::vector<LiveInterval> live = lifetimes(p);
    for (const Region& r : p.regions) problem.regions.push_back({r.name, std::nullopt, 1});
    for (size_t b = 0; b < p.buffers.size(); ++b) {
        const Buffer& buffer = p.buffers[b];
        int64_t offset = 0;
        const Buffer& root = p.buffers[static_cast<size_t>(p.root(static_cast<int32_t>(b), offset))];
        if (root.region < 0) continue;
        number[b] = static_cast<int64_t>(planned.size());
        planned.push_back(static_cast<int32_t>(b));
        PlanBuffer plan{buffer.name, std::max<int64_t>(buffer.bytes(), 1), buffer.align, root.region, {}, {}, -1, buffer.view_offset};
        if (live[b].end > live[b].begin) plan.lifetime = {live[b]};
        auto& align = problem.regions[static_cast<size_t>(root.region)].alignment;
        align = std::max(align, buffer.align);
        problem.buffers.push_back(std::move(plan));
    }
    for (size_t b = 0; b < p.buffers.size(); ++b)
        if (number[b] >= 0 && p.buffers[b].view_of >= 0)
            problem.buffers[static_cast<size_t>(number[b])].view_of = number[static_cast<size_t>(p.buffers[b].view_of)];
    if (overlap) add_rules(problem, p, live, number, decided);
    return problem;
}

bool power_of_two(int64_t v) { return v > 0 && (v & (v - 1)) == 0; }

class Checker {
public:
    Checker(const Program& p, Diagnostics& diag) : p_(p), diag_(diag), written_(p.buffers.size()) {}

    Status run() {
        for (size_t b = 0; b < p_.buffers.size(); ++b) GW_TRY_DO(buffer(b));
        for (const Data& d : p_.data)
            if (!d.tensor.valid()) return fail("data {} has no bytes", d.name);
        for (size_t i = 0; i < p_.inputs.size(); ++i) GW_TRY_DO(port(p_.inputs[i], BufferRole::input, i));
        for (size_t i = 0; i < p_.outputs.size(); ++i) GW_TRY_DO(port(p_.outputs[i], BufferRole::output, i));
        for (size_t i = 0; i < p_.states.size(); ++i) GW_TRY_DO(port(p_.states[i], BufferRole::state, i));
        for (int32_t b : p_.inputs) write(b);
        for (int32_t b : p_.states) write(b);
        for (const Step& s : p_.steps) GW_TRY_DO(step(s, 1));
        for (int32_t b : p_.outputs)
            if (!is_written(b)) return fail("output \"{}\" is never written", p_.buffers[static_cast<size_t>(b)].name);
        return {};
    }

private:
    template <class... Args>
    Failure fail(fmt::format_string<Args...> format, Args&&... args) {
        return diag_.error(DiagId::program_invalid, {.file = p_.name}, format, std::forward<Args>(args)...);
    }

    Status buffer(size_t i) {
        const Buffer& b = p_.buffers[i];
        if (!power_of_two(b.align)) return fail("buffer {} has alignment {}", i, b.align);
        if (b.region >= static_cast<int32_t>(p_.regions.size()) || b.region < -1)
            return fail("buffer {} is in region {}, which does not exist", i, b.region);
        if (b.role == BufferRole::state) {
            if (b.region != Program::state_region_number || b.view_of >= 0) return fail("state {} does not lie in the region of states", i);
            if (b.init >= static_cast<int32_t>(p_.data.size()) ||
                (b.init >= 0 && p_.data[static_cast<size_t>(b.init)].tensor.type.bytes() != b.bytes()))
                return fail("state {} does not begin with data of its own size", i);
        }
        if (b.view_of >= 0) {
            // Views point at earlier buffers or later ones, but never in a circle: at most as many hops as there are buffers.
            int32_t at = static_cast<int32_t>(i);
            for (size_t hops = 0; p_.buffers[static_cast<size_t>(at)].view_of >= 0; ++hops) {
                const Buffer& view = p_.buffers[static_cast<size_t>(at)];
                if (hops > p_.buffers.size() || view.view_of >= static_cast<int32_t>(p_.buffers.size()))
                    return fail("buffer {} is a view of nothing", i);
                const Buffer& of = p_.buffers[static_cast<size_t>(view.view_of)];
                if (view.view_offset < 0 || view.view_offset + view.bytes() > of.bytes())
                    return fail("buffer {} does not fit in the buffer it is a view of", at);
                at = view.view_of;
            }
        }
        return {};
    }
    Status port(int32_t b, BufferRole role, size_t number) {
        if (b < 0 || b >= static_cast<int32_t>(p_.buffers.size())) return fail("port {} has no buffer", number);
        const Buffer& buffer = p_.buffers[static_cast<size_t>(b)];
        if (buffer.role != role || buffer.port != static_cast<int32_t>(number))
            return fail("buffer {} is not the port {} that it is listed as", b, number);
        return {};
    }

    // Written bytes of every root buffer, as ascending intervals that do not touch. What a call writes, it writes whole.
    void write(int32_t b) {
        int64_t begin = 0;
        auto& intervals = written_[static_cast<size_t>(p_.root(b, begin))];
        LiveInterval all{begin, begin + p_.buffers[static_cast<size_t>(b)].bytes()};
        std::vector<LiveInterval> merged;
        for (const LiveInterval& i : intervals) {
            if (i.end < all.begin || i.begin > all.end)
                merged.push_back(i);
            else
                all = {std::min(all.begin, i.begin), std::max(all.end, i.end)};
        }
        merged.push_back(all);
        std::sort(merged.begin(), merged.end(), [](const LiveInterval& a, const LiveInterval& c) { return a.begin < c.begin; });
        intervals = std::move(merged);
    }
    // Every byte of it: through the buffer that it lies in, or its parts.
    bool is_written(int32_t b) const {
        int64_t begin = 0;
        const auto& intervals = written_[static_cast<size_t>(p_.root(b, begin))];
        const int64_t end = begin + p_.buffers[static_cast<size_t>(b)].bytes();
        return std::any_of(intervals.begin(), intervals.end(), [&](const LiveInterval& i) { return i.begin <= begin && end <= i.end; });
    }

    Status step(const Step& s, int64_t count) {
        if (const Loop* loop = std::get_if<Loop>(&s.what)) {
            if (loop->count < 1) return fail("step \"{}\": a loop runs {} times", s.name, loop->count);
            for (const Step& inner : loop->body) GW_TRY_DO(step(inner, loop->count));
            return {};
        }
        const Call& call = std::get<Call>(s.what);
        for (const Argument& a : call.arguments) {
            const bool is_data = a.kind == Argument::Kind::data;
            const auto limit = static_cast<int32_t>(is_data ? p_.data.size() : p_.buffers.size());
            if (a.index < 0 || a.index >= limit) return fail("step \"{}\": argument {} does not exist", s.name, a.index);
            if (is_data && a.written) return fail("step \"{}\": constant data is written", s.name);
            const int64_t bytes =
                is_data ? p_.data[static_cast<size_t>(a.index)].tensor.type.bytes() : p_.buffers[static_cast<size_t>(a.index)].bytes();
            const int64_t last = a.offset + a.stride * (count - 1);
            if (a.offset < 0 || last < 0 || last >= std::max<int64_t>(bytes, 1))
                return fail("step \"{}\": an argument leaves its buffer", s.name);
        }
        for (const Argument& a : call.arguments) {
            if (a.kind != Argument::Kind::buffer || a.written) continue;
            if (!is_written(a.index))
                return fail("step \"{}\" reads buffer {} (\"{}\") before it is written", s.name, a.index,
                            p_.buffers[static_cast<size_t>(a.index)].name);
        }
        GW_TRY_DO(in_place(s, call));
        for (const Argument& a : call.arguments)
            if (a.kind == Argument::Kind::buffer && a.written) write(a.index);
        for (const Gap& g : call.gaps)
            if (g.input < 0 || g.output < 0 || std::max(g.input, g.output) >= static_cast<int32_t>(call.arguments.size()))
                return fail("step \"{}\": a gap names an argument that does not exist", s.name);
        return {};
    }

    // A buffer that a call both reads and writes: only where the kernel says that it may.
    Status in_place(const Step& s, const Call& call) {
        for (size_t i = 0; i < call.arguments.size(); ++i) {
            for (size_t o = 0; o < call.arguments.size(); ++o) {
                const Argument &in = call.arguments[i], &out = call.arguments[o];
                const bool meet = in.kind == Argument::Kind::buffer && out.kind == Argument::Kind::buffer && !in.written && out.written &&
                                  in.index == out.index;
                if (!meet) continue;
                const bool allowed = std::any_of(call.gaps.begin(), call.gaps.end(), [&](const Gap& g) {
                    return g.input == static_cast<int32_t>(i) && g.output == static_cast<int32_t>(o) && in.offset - out.offset >= g.gap;
                });
                if (!allowed)
                    return fail("step \"{}\" overwrites buffer {} (\"{}\") while it reads it", s.name, in.index,
                                p_.buffers[static_cast<size_t>(in.index)].name);
            }
        }
        return {};
    }

    const Program& p_;
    Diagnostics& diag_;
    std::vector<std::vector<LiveInterval>> written_;
};

}  // namespace

Status verify(const Program& program, Diagnostics& diag) {
    GW_TRY_DO(Checker(program, diag).run());
    const bool planned = std::all_of(program.buffers.begin(), program.buffers.end(),
                                     [](const Buffer& b) { return b.region < 0 || b.view_of >= 0 || b.offset >= 0; });
    if (!planned) return {};
    std::vector<int32_t> buffers;
    const PlanProblem problem = planning_problem(program, true, true, buffers);
    std::vector<int64_t> offsets;
    for (int32_t b : buffers) offsets.push_back(program.address(b));
    for (const std::string& fault : plan_violations(problem, offsets))
        diag.error(DiagId::program_invalid, {.file = program.name}, "memory plan: {}", fault);
    for (size_t i = 0; i < buffers.size(); ++i) {
        const Region& region = program.regions[static_cast<size_t>(problem.buffers[i].region)];
        if (offsets[i] + problem.buffers[i].size > region.bytes)
            diag.error(DiagId::program_invalid, {.file = program.name}, "buffer \"{}\" ends beyond region {} of {} bytes",
                       problem.buffers[i].name, region.name, region.bytes);
    }
    return diag.has_errors() ? Status(failure) : Status();
}

std::vector<int64_t> occupied_bytes(const Program& program) {
    std::vector<int64_t> bytes(program.steps.size());
    const std::vector<LiveInterval> live = lifetimes(program);
    for (size_t b = 0; b < program.buffers.size(); ++b) {
        int64_t unused = 0;
        if (program.buffers[static_cast<size_t>(program.root(static_cast<int32_t>(b), unused))].region != 0) continue;
        const int64_t end = program.address(static_cast<int32_t>(b)) + program.buffers[b].bytes();
        for (size_t k = 0; k < bytes.size(); ++k) {
            const auto moment = static_cast<int64_t>(k) + 1;
            if (live[b].begin <= moment && moment < live[b].end) bytes[k] = std::max(bytes[k], end);
        }
    }
    return bytes;
}

// A kernel that can walk both ways walks upward unless its buffers overlap in a way that only walking downward allows.
static void choose_directions(Program& program) {
    for (Step& step : program.steps) {
        Call* call = std::get_if<Call>(&step.what);
        int64_t* backward = call != nullptr ? direction(*call) : nullptr;
        if (backward == nullptr) continue;
        for (const Gap& g : call->gaps) {
            const int32_t in = call->arguments[static_cast<size_t>(g.input)].index,
                          out = call->arguments[static_cast<size_t>(g.output)].index;
            int64_t unused = 0;
            const bool caller = program.buffers[static_cast<size_t>(program.root(in, unused))].region < 0 ||
                                program.buffers[static_cast<size_t>(program.root(out, unused))].region < 0;
            if (caller) continue;
            const int64_t a = program.address(in), b = program.address(out);
            const int64_t a_end = a + program.buffers[static_cast<size_t>(in)].bytes(),
                          b_end = b + program.buffers[static_cast<size_t>(out)].bytes();
            if (a < b_end && b < a_end && a - b < g.gap) *backward = 1;
        }
    }
}

Status place_buffers(Program& program, bool overlap, Diagnostics& diag) { return place_buffers(program, overlap, {}, diag); }

Status place_buffers(Program& program, bool overlap, const PlanOptions& options, Diagnostics& diag) {
    std::vector<int32_t> planned;
    const PlanProblem problem = planning_problem(program, overlap, false, planned);
    GW_TRY(const Plan plan, plan_memory(problem, options, diag));
    const std::vector<std::string> faults = plan_violations(problem, plan.offsets);
    GW_CHECK(faults.empty(), "the planner's answer is refused by the validator: " + (faults.empty() ? std::string() : faults.front()));
    for (size_t i = 0; i < planned.size(); ++i) {
        Buffer& b = program.buffers[static_cast<size_t>(planned[i])];
        if (b.view_of < 0) b.offset = plan.offsets[i];
    }
    choose_directions(program);
    for (size_t r = 0; r < program.regions.size(); ++r) {
        Region& region = program.regions[r];
        region.bytes = plan.peaks[r];
        region.lower_bound = plan.lower_bounds[r];
        region.align = problem.regions[r].alignment;
        region.optimal = plan.peaks[r] == plan.lower_bounds[r];
    }
    return {};
}

}  // namespace gw
