// Which quantization each value gets: values that an op only moves or compares share one, the rest follow their profile.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "passes/passes.h"

namespace gw {

// What becomes of a node when the graph is quantized.
enum class IntegerForm : uint8_t {
    none,      // stays float, between dequantize and quantize
    absorbed,  // inside a lookup of one of its users
    lookup,    // table of a region of elementwise ops
    linear,
    matmul,
    pool,
    reduce,
    add,
    multiply,
    minmax,
    softmax,
    recurrent,
    movement,
    given,  // between floats and the integers of the model's own edge
    copy    // does not touch floats
};

// What a state holds between calls.
enum class StateForm : uint8_t {
    same,     // what it held before
    integer,  // int8, quantized as the values that it takes
    cell      // int16: an lstm's cell and nothing else
};

struct QuantizePlan {
    std::vector<IntegerForm> forms;             // one a node
    std::vector<ValueId> roots;                 // one a value: for elementwise regions the value they depend on
    std::vector<Quant> quants;                  // one a value; empty for those that are not quantized
    std::map<int32_t, int32_t> cell_exponents;  // of an lstm's cells, by the node's number
    std::vector<StateForm> states;              // one a state
    std::map<int32_t, Tensor> given;  // constants that the model gives as integers, by value: int8 with their scales, or an int32 bias
    bool exact = false;               // factors as a runtime of quantized ONNX models computes them, not the cheapest
};

Expected<QuantizePlan> plan_quantization(const Graph& graph, const Profile& profile, const QuantizeOptions& options, Diagnostics& diag);

// The plan of a graph whose values carry the model's own quantization: `plan.quants` and `plan.given` are there, forms and roots follow. A
// node has an integer form when all its float operands and its result are quantized, or lie inside a region of elementwise ops between two
// that are.
QuantizePlan complete_plan(const Graph& graph, QuantizePlan plan);
// The quantized graph that the plan says.
Expected<Graph> apply_plan(const Graph& graph, QuantizePlan plan, const QuantizeOptions& options, Diagnostics& diag);

// Whether all scales of weights go with the same zero point, which integer ops want.
bool has_one_zero_point(const Quant& q);

// Asymmetric int8 for reals in [lo, hi]; 0 is always exact.
Quant activation_quant(double lo, double hi);

}  // namespace gw
