// Runs kernels the way a bundle does, and holds them to evaluate.
//
// A case is a small graph with input tensors. Every row that matches its last node is specialised for it; all cases of a harness become one
// C program, compiled by the host's compiler with the address and undefined-behaviour sanitizers and run once. Each operand is a heap block
// of exactly its size, at an address with no more alignment than the row asked for; inputs and constants must come out unchanged. Each
// overlap that a row claims is run as well: input and output in one block, exactly the claimed gap apart.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"

namespace gw {

struct KernelCase {
    std::string label;
    Graph graph;                 // its last node is the root that rows are asked for
    std::vector<Tensor> inputs;  // one a graph input
};

// Knobs of the harness's own tests.
struct KernelFault {
    int64_t gap_change = 0;                               // added to every claimed gap
    std::function<std::string(std::string)> edit_source;  // changes a specialised kernel's text
};

class KernelHarness {
public:
    // tolerance: allowed difference of float results, as a share of the expected tensor's largest magnitude (at least 1); integers must be
    // equal.
    explicit KernelHarness(std::string_view core = "cortex-m0plus", double tolerance = 0, KernelFault fault = {});

    // Adds the case for each row that matches, or for `only` alone. Returns the names of those rows; an error in the case's own graph fails
    // the test.
    std::vector<std::string> add(const KernelCase& c, std::string_view only = {});
    // The reason why a row does not match the case; empty when it does.
    std::string reason(const KernelCase& c, std::string_view row) const;
    // What the row offers; the case must match.
    Candidate candidate(const KernelCase& c, std::string_view row) const;

    // Compiles and runs everything added. One line a fault: which row, which case, what differs. Empty: all is well. `flags`: further ones.
    std::vector<std::string> run(const std::vector<std::string>& flags = {});
    // The same on the harness's core, emulated, where its own instructions run; compiled by "gcc" or "clang" at that level.
    std::vector<std::string> run_on_core(const std::string& compiler, const std::string& level);
    size_t runs() const { return runs_.size(); }  // kernels times memory layouts

private:
    struct Operand {
        KernelArgument::Kind kind;
        int64_t bytes = 0, align = 1, stride = 0, offset = 0;  // offset: inside the shared block, or −1
        std::string content;                                   // input, constants
        Type type;                                             // outputs
        std::string expected;
    };
    struct Run {
        std::string title;
        int64_t kernel = 0, batch = 1, shared_bytes = 0, shared_align = 1;
        std::vector<Operand> operands;
    };
    void add_backward(const KernelRow& row, const Candidate& offer, const Overlap& overlap, const Run& run);
    std::string program() const;
    std::string data() const;
    std::string differs(const Operand& operand, std::string_view got) const;
    std::vector<std::string> compare(std::string_view results) const;
    std::vector<std::string> failure_of(const std::string& err) const;

    const Core* core_;
    double tolerance_;
    KernelFault fault_;
    std::vector<std::string> sources_;  // specialised kernels
    std::vector<int64_t> arity_;
    std::vector<Run> runs_;
};

}  // namespace gw
