// Lowering: covers a graph with kernels and makes a program of it, unplaced.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "lower/choices.h"
#include "program/program.h"
#include "target/core.h"

namespace gw {

struct LowerOptions {
    std::string name;  // C identifier prefix of the bundle
    std::string optimize = "speed";
    bool input_in_arena = false, output_in_arena = false;
    int64_t io_align = 1;                             // bytes, a power of two: inputs and outputs are at least so aligned
    bool weights_passed = false;                      // the caller passes the weights, so they cannot be code
    std::set<std::pair<int32_t, std::string>> avoid;  // (node, form of a row): not to be taken where another offers itself
    bool all_forms = false;  // of kernels: those of --optimize speed and of --optimize ram side by side, whatever `optimize` says
    // Flash that weights, tables and code may take, by estimate, when weights become instructions; 0: they never do.
    int64_t flash_bytes = 0;
    bool fusion = true;                // false: a kernel for each node, and every result in a buffer of its own
    const Choices* choices = nullptr;  // measured cycles: they go before the rows' formulas; null: there are none
    // For measuring: candidates without measured cycles are taken first. `near`: those that cost at most twice the cheapest by their
    // formula; `all`: the others as well, and those that --optimize size would take.
    enum class Explore : uint8_t { none, near, all } explore = Explore::none;
};

// What rows offered for nodes, kept from one program to the next where many are made with the same core and options (but for `avoid`):
// equal layers with equal neighbours get equal offers. Offers that cover several nodes are asked for anew.
class OfferCache {
public:
    OfferCache();
    ~OfferCache();
    OfferCache(const OfferCache&) = delete;
    OfferCache& operator=(const OfferCache&) = delete;
    struct Contents;
    const std::unique_ptr<Contents> contents;
};

// A form of a row that a step could be made of, as in LowerOptions::avoid and Weighed::kernel. While its kernel runs, operands, results and
// scratch ask for `bytes`, with what alignment may cost; `scratch` of them are scratch, and `spread` is what keeps a result and the operand
// that it may overlap apart.
struct Form {
    std::string name;
    int64_t cycles = 0, bytes = 0, scratch = 0, spread = 0;
    int64_t apart = 0;  // bytes that keep operands and results apart, over all pairs: how free their places are
    // Whether it may need less memory than the other.
    bool leaner_than(const Form& other) const { return std::pair(bytes, apart) < std::pair(other.bytes, other.apart); }
};
// What a step of the program was made of, and what there was to choose among. Empty for a copy.
struct Taken {
    std::string form;
    std::vector<Form> offers;
};

// Why a row may not be taken, whatever the node is; empty when it may.
std::string refusal(const KernelRow& row, const LowerOptions& options);

// Fails with one diagnostic for each node that no kernel takes, with the rows' reasons.
// `taken`, where given, gets an entry a step.
Expected<Program> lower(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag, OfferCache* cache = nullptr,
                        std::vector<Taken>* taken = nullptr);

}  // namespace gw
