// What the planner's files share: the problem of one region, folded to blocks and forbidden distances. Not for other rooms.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "program/planner.h"

namespace gw::plan_detail {

// Distances first ≤ d ≤ last.
struct Span {
    int64_t first, last;
};

// A buffer with all its views; its one unknown is the root's offset x.
struct Block {
    std::vector<size_t> members;  // buffers, and where they start, counted from the root's start
    std::vector<int64_t> shifts;
    int64_t size = 0;                    // from the root's start to the last member's end
    int64_t alignment = 1, residue = 0;  // x ≡ residue modulo alignment
    std::optional<int64_t> pinned;       // x, when it is given
    int64_t birth = 0, life = 0;         // first moment, moments lived

    // The smallest (largest) permitted x that is ≥ (≤) v.
    int64_t up(int64_t v) const { return v + ((residue - v) % alignment + alignment) % alignment; }
    int64_t down(int64_t v) const { return v - ((v - residue) % alignment + alignment) % alignment; }
};

struct Neighbour {
    size_t block;
    std::vector<Span> forbidden;  // of x(this) − x(block): ascending, neither touching nor overlapping
};

struct Load {
    size_t block;
    int64_t first;   // of the block's bytes live in this section: the first, counted from x
    int64_t bytes;   // and their number
    int64_t padded;  // up to where the next load may start: ≥ bytes
};

// Loads that may share no byte need this much, whatever their order: each up to the next start, the topmost only its bytes.
struct Stack {
    int64_t padded = 0, most_padding = 0;
    void add(const Load& load) {
        padded += load.padded;
        most_padding = std::max(most_padding, load.padded - load.bytes);
    }
    int64_t bytes() const { return padded - most_padding; }
};

// A stretch of time in which nothing is born and nothing dies. Any two loads in `strict` may share no byte.
struct Section {
    int64_t time = 0;
    std::vector<Load> loads, strict;
    int64_t strict_bytes = 0;
    bool plain = true;  // strict_bytes is what its blocks need when they are alone: no rule, pin, gap or mixed alignment has a say
};

struct Model {
    std::vector<Block> blocks;
    std::vector<std::vector<Neighbour>> neighbours;  // of every block, ascending by block
    std::vector<Section> sections;
};

// In which direction a step with several overlap rules runs.
enum class Direction { any_for_each, ascending, descending };
using StepKey = std::pair<int64_t, int64_t>;  // output, step
using Directions = std::map<StepKey, Direction>;

// Facts about a problem that every model of it uses.
struct Resolved {
    std::vector<size_t> root;
    std::vector<int64_t> shift;                                      // from the root's start
    std::map<std::pair<size_t, size_t>, std::vector<size_t>> rules;  // of a pair (smaller index first) live together
    Directions shared;                                               // steps with several rules, each any_for_each
};
Resolved resolve(const PlanProblem& problem);
bool live_together(const PlanBuffer& a, const PlanBuffer& b);

// The model of `buffers` (all of one region); a step not in `directions` may satisfy each of its rules by either alternative. With fewer
// buffers than the region has, a relaxation of its problem.
Model build_model(const PlanProblem& problem, const Resolved& resolved, const std::vector<size_t>& buffers, const Directions& directions);

using Offsets = std::vector<int64_t>;  // x of every block
inline constexpr int64_t unplaced = -1;

bool may_lie(const Model& model, const Offsets& x, size_t block, int64_t at);  // beside the placed blocks, alignment not asked
int64_t peak_of(const Model& model, const Offsets& x);
// Places the blocks in this order, each at the lowest offset that is legal beside those before it; pinned ones first. Absent: pins collide.
std::optional<Offsets> place_in_order(const Model& model, const std::vector<size_t>& order);

// One question to a search: is there a placement with peak ≤ limit? Neither found nor refuted: the nodes ran out.
struct Answer {
    std::optional<Offsets> found;
    bool refuted = false;
    int64_t at_least = 0;  // when refuted: no placement has a smaller peak than this (> limit)
    int64_t nodes = 0;
};
// Search by placing blocks at ascending offsets (planner_place.cpp). `preference`: 0 earliest, 1 largest area, 2 largest size first among
// equals.
Answer search_placements(const Model& model, int64_t limit, int64_t max_nodes, int preference);
// Search by choosing sides for pairs of blocks (planner_orient.cpp).
Answer search_orientations(const Model& model, int64_t limit, int64_t max_nodes);

}  // namespace gw::plan_detail
