// Many small graphs in one program, so that one compiler call and one emulator start serve them all.
//
// Each graph is lowered, placed and emitted under a name of its own, as compile does it. One generated C file includes the sources of all
// of them and calls them in turn; to gw_simulate it looks like one bundle whose input is all inputs one after the other and whose output is
// all outputs. Inputs and outputs lie at addresses with no more alignment than their bundle asks for; bytes behind each graph's arena,
// state and outputs are fences.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "lower/lower.h"
#include "simulate/simulate.h"

namespace gw::testing {

// What one graph of a batch gave.
struct BatchResult {
    std::string fault;                              // empty: every run returned OK and kept to its memory
    std::vector<std::vector<std::string>> outputs;  // [sample][output]: bytes in the graph's own order
};

class BundleBatch {
public:
    // `core`: what kernels are chosen for ("generic", "cortex-m0plus", …).
    explicit BundleBatch(std::string_view core);

    // Lowers, places and emits the graph; it will run once for each sample (one tensor an input, in the graph's order). Its state is reset
    // before the first and kept from one to the next. A failure (no kernel takes a node, for example) is in `diag`, and the batch is as
    // before.
    Status add(const Graph& graph, const std::string& optimize, const std::vector<std::vector<Tensor>>& samples, Diagnostics& diag);
    size_t size() const { return entries_.size(); }
    // How many calls of each kernel the graphs added so far became.
    const std::map<std::string, int64_t>& kernels() const { return kernels_; }

    // Compiles and runs all of them on the host (`where` = "host") or on that emulated core; one result a graph, in the order of add.
    // Errors: the compiler refuses the sources, or the program crashed.
    Expected<std::vector<BatchResult>> run(std::string_view where, const std::vector<std::string>& cflags, Diagnostics& diag) const;

private:
    struct Place {
        int64_t offset = 0, bytes = 0;
    };
    struct Entry {
        std::string name;
        std::map<std::string, std::string> files;
        std::vector<std::string> sources;
        std::vector<std::string> input_names, output_names;  // members of the io struct; empty: plain arguments
        int64_t arena_bytes = 0, arena_align = 1, state_bytes = 0, state_align = 1;
        std::vector<std::vector<Place>> inputs, outputs;  // [sample][port], in the batch's input and output
    };
    std::string source() const;
    std::string call_source(const Entry& e, size_t sample) const;
    int64_t state_bytes() const;
    int64_t arena_bytes() const;
    int64_t status_bytes() const;

    const Core* core_;
    std::vector<Entry> entries_;
    std::map<std::string, int64_t> kernels_;
    std::string input_;         // all inputs' bytes
    int64_t output_bytes_ = 0;  // of all outputs, with fences
    int64_t runs_ = 0;
};

}  // namespace gw::testing
