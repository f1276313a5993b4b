// The memory planner: gives every buffer of a program an address in its region, as low as can be, and proves how low that is.
//
// A problem is plain data. Its meaning, which plan_validate.cpp checks independently of the solver:
//   * Two buffers of one region whose lifetimes share a moment may not share a byte, unless an OverlapRule of that pair allows it or both
//     belong to one family of views (a buffer and all that is placed inside it, however deep; what aliases there is the caller's wish).
//   * A buffer starts at an offset ≥ 0 that is a multiple of its alignment; it ends within its region's capacity.
//   * A pinned buffer lies at its pinned offset, a view at its offset inside the buffer it is a view of.
// Bytes of a family count only while the member that holds them is live, so a buffer may lie in a part of a concatenation that has not been
// written yet.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace gw {

// Largest size, alignment, pinned offset and absolute gap that a problem may hold, and the largest number of buffers.
inline constexpr int64_t max_plan_bytes = int64_t{1} << 32;
inline constexpr size_t max_plan_buffers = 32768;

struct PlanRegion {
    std::string name;
    std::optional<int64_t> capacity;  // bytes; absent: unlimited
    int64_t alignment = 1;            // of the region's own address, a power of two; no buffer in it may want more
};

struct LiveInterval {
    int64_t begin = 0, end = 0;  // moments begin ≤ t < end
    bool operator==(const LiveInterval&) const = default;
};

struct PlanBuffer {
    std::string name;
    int64_t size = 0;                    // bytes, > 0
    int64_t alignment = 1;               // bytes, a power of two
    int64_t region = 0;                  // index in PlanProblem::regions
    std::vector<LiveInterval> lifetime;  // disjoint, non-empty, ascending; may be empty only for a buffer that others are views of
    std::optional<int64_t> pinned;       // the offset it must have
    int64_t view_of = -1;                // index of the buffer it lies in, or -1
    int64_t view_offset = 0;             // bytes from that buffer's start; the view ends within it
};

// Allows output b to overlap input a of one step, though both are live. At least one alternative is given; one that holds is enough:
//   gap              offset(a) − offset(b) ≥ gap: the step reads and writes at ascending addresses
//   gap_descending   (offset(b) + size(b)) − (offset(a) + size(a)) ≥ gap_descending: at descending addresses
// A gap may be negative (the output may start that many bytes above the input's start). The caller gives a rule only when a and b are live
// together in that step alone. A step runs in one direction: rules with the same b and step are satisfied (where their buffers overlap at
// all) by the same alternative. Several rules on one pair must all hold. A rule inside a family of views has no effect.
struct OverlapRule {
    int64_t a = 0, b = 0;  // indices of input and output
    std::optional<int64_t> gap, gap_descending;
    int64_t step = 0;
};

struct PlanProblem {
    std::vector<PlanRegion> regions;
    std::vector<PlanBuffer> buffers;
    std::vector<OverlapRule> rules;
};

struct PlanOptions {
    int64_t max_nodes = 200000;  // search effort over the whole problem; counted, never timed, so that results are the same everywhere
};

struct Plan {
    std::vector<int64_t> offsets;       // of every buffer, in its region
    std::vector<int64_t> peaks;         // of every region: the largest end of a buffer; 0 when it holds none
    std::vector<int64_t> lower_bounds;  // of every region: no legal plan has a smaller peak
    bool optimal = false;               // peaks == lower_bounds
    int64_t nodes = 0;                  // search nodes visited
};

// Whether the problem is well formed (ranges, indices, alignments, views, pins that contradict each other): adds plan_invalid for each
// fault.
Status check_plan_problem(const PlanProblem& problem, Diagnostics& diag);

// The planner. Fails with plan_invalid on a malformed problem or when pinned buffers collide, and with plan_capacity when a region's peak
// exceeds its capacity (the message says whether that is proved to be unavoidable).
Expected<Plan> plan_memory(const PlanProblem& problem, const PlanOptions& options, Diagnostics& diag);

// The best of a few first-fit orders (size, area, start), each buffer at the lowest offset where it may be; the measure that plan_memory is
// never worse than. Lower bounds are those of the live bytes alone. Ignores capacities. Fails as plan_memory does on a malformed problem.
Expected<Plan> first_fit(const PlanProblem& problem, Diagnostics& diag);

// Text form, to keep a problem as a file and replay it. One item a line, `#` starts a comment, buffers are numbered by any distinct
// numbers:
//   region arena capacity 4096 align 4          (or: unlimited)
//   buffer 3 "conv1" size 784 align 1 region arena live 2..4,7..9 [pinned 16]
//   rule 2 3 [gap 604] [descending -3] [step 4]
//   view 5 of 4 at 128
std::string print_plan_problem(const PlanProblem& problem);
// The inverse; `file` names the source in messages (plan_syntax). Checks syntax and names, not check_plan_problem's rules.
Expected<PlanProblem> parse_plan_problem(std::string_view text, const std::string& file, Diagnostics& diag);

}  // namespace gw
