// The whole order of the compiler's graph passes, on one page. Every line says what is true from there on; the verifier checks each graph.
#include "base/check.h"
#include "passes/passes.h"

namespace gw {

Expected<Graph> PassRunner::operator()(std::string_view name, const Pass& pass, const Graph& graph, Diagnostics& diag) {
    if (count_ >= limit ||
        (!fusion && (name.substr(0, 5) == "fuse-" || name == "fold-arithmetic" || name == "drop-channels" || name == "drop-borders")))
        return graph;
    ++count_;
    GW_TRY(Graph result, pass(graph));
    Diagnostics broken;
    if (!verify(result, broken).ok()) {
        const std::string what = "pass `" + std::string(name) + "` broke the graph: " + broken.all().front().text();
        check_failed(__FILE__, __LINE__, "verify", what);
    }
    if (after) after(count_, name, result);
    (void)diag;
    return result;
}

Expected<Graph> optimise(const Graph& graph, bool keep_io_order, PassRunner& run, Diagnostics& diag) {
    Graph g = graph;
    auto pass = [&](std::string_view name, auto&& f) -> Status {
        GW_TRY(g, run(
                      name, [&](const Graph& x) -> Expected<Graph> { return f(x); }, g, diag));
        return {};
    };
    GW_TRY_DO(pass("fold-constants", fold_constants));
    // From here: no op has only constant operands; shapes were arithmetic on constants, so they are gone.
    GW_TRY_DO(pass("canonicalise-layouts", [&](const Graph& x) { return canonicalise_layouts(x, keep_io_order); }));
    GW_TRY_DO(pass("fold-constants", fold_constants));
    // From here: spatial ops follow one another in NHWC; ports know the model's order.
    GW_TRY_DO(pass("fold-arithmetic", fold_arithmetic));
    GW_TRY_DO(pass("simplify", simplify));
    // From here: no op does nothing, reductions keep their dimensions, softmax works on the last axis, scalars are in unary ops.
    GW_TRY_DO(pass("fold-arithmetic", fold_arithmetic));
    GW_TRY_DO(pass("fuse-pads", fuse_pads));
    GW_TRY_DO(pass("fuse-activations", fuse_activations));
    GW_TRY_DO(pass("merge-common", merge_common));
    GW_TRY_DO(pass("fold-constants", fold_constants));
    // From here: batch-norm, bias, zero padding and clamps are part of the layer they belong to. This is the graph that is profiled.
    return g;
}

Expected<Graph> prune(const Graph& graph, PassRunner& run, Diagnostics& diag) {
    GW_TRY(Graph g, run(
                        "drop-channels", [](const Graph& x) -> Expected<Graph> { return drop_channels(x); }, graph, diag));
    // From here: every channel is read by somebody, and differs from input to input as far as its range can tell.
    GW_TRY(g, run(
                  "drop-borders", [](const Graph& x) -> Expected<Graph> { return drop_borders(x); }, g, diag));
    // From here: no row is computed that nobody reads, and no column where leaving it out takes no copy.
    return g;
}

Expected<Graph> quantise(const Graph& graph, const Profile& profile, const QuantizeOptions& options, PassRunner& run, Diagnostics& diag) {
    GW_TRY(Graph g, run(
                        "quantize", [&](const Graph& x) { return quantize(x, profile, options, diag); }, graph, diag));
    // From here: every activation is int8 with explicit arithmetic, or an island between dequantize and quantize.
    GW_TRY(g, run(
                  "merge-common", [](const Graph& x) -> Expected<Graph> { return merge_common(x); }, g, diag));
    // Rounding to int8 makes further channels constant.
    return prune(g, run, diag);
}

Expected<Graph> integerise(const Graph& graph, const QuantizeOptions& options, PassRunner& run, Diagnostics& diag) {
    GW_TRY(Graph g, run(
                        "fold-quantization", [&](const Graph& x) { return fold_quantization(x, options, diag); }, graph, diag));
    // From here: what the model rounds to bytes is computed in integers.
    GW_TRY(g, run(
                  "fold-constants", [](const Graph& x) -> Expected<Graph> { return fold_constants(x); }, g, diag));
    GW_TRY(g, run(
                  "merge-common", [](const Graph& x) -> Expected<Graph> { return merge_common(x); }, g, diag));
    return g;
}

std::span<const NamedPass> named_passes() {
    static constexpr NamedPass passes[] = {
        {"fold-constants", fold_constants},
        {"canonicalise-layouts", [](const Graph& g) { return canonicalise_layouts(g, false); }},
        {"simplify", simplify},
        {"fold-arithmetic", fold_arithmetic},
        {"fuse-pads", fuse_pads},
        {"fuse-activations", fuse_activations},
        {"merge-common", merge_common},
        {"drop-channels", drop_channels},
        {"drop-borders", drop_borders},
    };
    return passes;
}

}  // namespace gw
