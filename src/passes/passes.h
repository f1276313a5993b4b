// Passes: each a function from a graph to a better graph with the same meaning (quantize: the same up to rounding). pipeline.cpp is the
// whole order on one page.
#pragma once
#include <functional>
#include <string>

#include "calibrate/profile.h"
#include "calibrate/range.h"
#include "graph/graph.h"

namespace gw {

// Nodes whose operands are all constant become constants.
Graph fold_constants(const Graph& graph);
// Moves transposes through other ops until they meet and cancel, re-lays dense weights and constants, and lets the ports of an NCHW model
// (NCL, rank 3) speak NHWC (NLC): afterwards a port's permutation says how the model's own order maps to the graph's. With `keep_io_order`
// ports stay as the model has them.
Graph canonicalise_layouts(const Graph& graph, bool keep_io_order);
// Removes ops that do nothing, merges reshapes, turns transposes that move no data into reshapes, whole-plane average pools into means,
// binary ops with a scalar constant into unary ones.
Graph simplify(const Graph& graph);
// Multiplications and additions by a constant a channel (batch normalization among them) go into the weights and bias of the convolution
// or dense layer before or behind them.
Graph fold_arithmetic(const Graph& graph);
// clamp behind conv2d, dense, pool2d and binary becomes their activation.
Graph fuse_activations(const Graph& graph);
// Zero padding of height and width before conv2d (and before an average pool, which then counts it) becomes theirs.
Graph fuse_pads(const Graph& graph);
// Equal ops on equal operands are computed once.
Graph merge_common(const Graph& graph);
// Channels that always hold one value, and channels that nobody reads, are not computed: the constants become part of biases. The results
// of integer graphs are the same bytes.
Graph drop_channels(const Graph& graph);
// Rows that nobody reads, and columns where that takes no copy, are not computed: what a pool, a stride or a slice leaves alone at the
// edges of a picture. The results are the same bytes.
Graph drop_borders(const Graph& graph);

struct QuantizeOptions {
    RangeMethod range;
    bool float_io = false;                 // keep float32 at the model's edge
    Rounding rounding = Rounding::narrow;  // wanted form of requantization
};
// Float graph → int8 graph: activations int8 per tensor asymmetric, weights int8 per output channel symmetric, bias int32. Regions of
// elementwise ops that depend on one value become one lookup table. What has no integer form stays float between dequantize and quantize,
// with a note. Needs a profile of every value it quantizes.
Expected<Graph> quantize(const Graph& graph, const Profile& profile, const QuantizeOptions& options, Diagnostics& diag);

// Whether the model says itself where it rounds to bytes, and computes in float between.
bool is_quantized_model(const Graph& graph);
// Such a model's graph, after `optimise`, with integer ops in place of float ops between Quantize and Dequantize. Float at the model's edge
// where it was.
Expected<Graph> fold_quantization(const Graph& graph, const QuantizeOptions& options, Diagnostics& diag);
// Inputs that are only quantized and outputs that come from a Dequantize become int8 themselves.
Graph integer_edges(const Graph& graph);
// The other way round, for models that are integer at their edge: inputs and outputs with one scale become float, quantized (halves away
// from zero, as TFLite does it) and dequantized inside.
Graph float_edges(const Graph& graph);

// --- the pipeline -----------------------------------------------------------------------------------------------------------------------
using Pass = std::function<Expected<Graph>(const Graph&)>;

// What runs each pass: verifies its result (a broken graph is our own bug, and names the pass), counts, and shows it to `after`.
class PassRunner {
public:
    std::function<void(int number, std::string_view name, const Graph&)> after;
    int limit = 1 << 30;  // passes after this many are skipped
    bool fusion = true;   // false: passes that make one op of several are skipped
    Expected<Graph> operator()(std::string_view name, const Pass& pass, const Graph& graph, Diagnostics& diag);

private:
    int count_ = 0;
};

// Imported graph → optimised float graph.
Expected<Graph> optimise(const Graph& graph, bool keep_io_order, PassRunner& run, Diagnostics& diag);
// Optimised graph, float or int8 → the same without work that nobody reads.
Expected<Graph> prune(const Graph& graph, PassRunner& run, Diagnostics& diag);
// Optimised float graph → int8 graph.
Expected<Graph> quantise(const Graph& graph, const Profile& profile, const QuantizeOptions& options, PassRunner& run, Diagnostics& diag);

// Optimised graph of a model that was quantized by its author → integer ops.
Expected<Graph> integerise(const Graph& graph, const QuantizeOptions& options, PassRunner& run, Diagnostics& diag);

struct NamedPass {
    std::string_view name;
    Graph (*function)(const Graph&);
};
// The passes that need nothing but a graph, for `glowworm opt --pass`.
std::span<const NamedPass> named_passes();

}  // namespace gw
