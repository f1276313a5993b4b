// Reference outputs, --expect REF.npz: used by evaluate and verify.
#pragma once
#include "cli/cli.h"

namespace gw {

// One array for each output of the graph, in the model's order, holding all samples one after the other: found by the output's name, else
// called `outputs`, else the only one. samples_invalid when it is missing or does not have `samples` times the output's elements.
Expected<std::vector<Tensor>> read_expected(const std::string& path, const Graph& graph, size_t samples, Diagnostics& diag);

struct Tolerance {
    std::optional<double> atol, rtol;
    bool given() const { return atol || rtol; }
    // |seen − expected| ≤ atol + rtol·|expected|; NaN agrees with NaN alone.
    bool holds(double expected, double seen) const;
};
// The first element that does not agree is a verify_mismatch, and the answer false. `outputs`: [sample][output], dequantized, in the
// model's order.
bool within(const Tolerance& tolerance, const std::vector<Tensor>& expected, const std::vector<std::vector<Tensor>>& outputs,
            const Graph& graph, const std::string& path, Diagnostics& diag);

}  // namespace gw
