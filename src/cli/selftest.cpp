// What a bundle's self-test must find: the interpreter runs the inputs that NAME_selftest.c makes, and each layer's bytes become a
// checksum. Only arithmetic that is exact everywhere can be compared so; a layer that computes in floats is refused by name.
#include "cli/cli.h"
#include "interp/interp.h"

namespace gw {
namespace {

uint32_t fnv1a(uint32_t h, std::string_view bytes) {
    for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
    return h;
}

// quantize and dequantize multiply once and round: the same bits on every IEEE machine.
Status check_exact(const Graph& g, const Program& p, Diagnostics& diag) {
    for (const Step& step : p.steps) {
        if (step.op == "dequantize" || step.op == "quantize" || step.op == "copy") continue;
        for (const int32_t v : step.values)
            if (is_float(g.type({v}).dtype))
                diag.error(DiagId::bad_option, {.file = g.file, .op = step.op, .node_name = step.name},
                           "--selftest compares checksums, and this layer computes in floats, whose last bits differ between cores");
    }
    return diag.has_errors() ? Status(failure) : Status();
}

}  // namespace

Expected<Selftest> selftest_of(const Graph& graph, const Program& program, int64_t samples, Diagnostics& diag) {
    GW_TRY_DO(check_exact(graph, program, diag));
    Selftest test;
    uint32_t state = selftest_seed;
    std::vector<Tensor> states = initial_states(graph);  // kept over all samples
    for (int64_t k = 0; k < samples; ++k) {
        std::vector<Tensor> values(graph.values.size());
        for (size_t i = 0; i < values.size(); ++i) values[i] = graph.values[i].constant;
        const std::vector<Tensor> inputs = pseudo_random_inputs(graph, state);
        interpret(
            graph, inputs, [&](ValueId id, const Tensor& t) { values[static_cast<size_t>(id.index)] = t; }, &states);
        std::vector<uint32_t>& sums = test.checksums.emplace_back();
        for (const Step& step : program.steps) {
            uint32_t h = 2166136261u;
            for (const int32_t v : step.values) h = fnv1a(h, values[static_cast<size_t>(v)].bytes());
            sums.push_back(h);
        }
    }
    return test;
}

}  // namespace gw
