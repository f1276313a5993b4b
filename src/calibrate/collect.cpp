// One run of the interpreter a sample; each value is counted the moment it exists, and nothing is kept.
#include "calibrate/collect.h"

#include <map>

#include "interp/interp.h"

namespace gw {

std::vector<std::string> value_keys(const Graph& graph) {
    std::vector<std::string> keys(graph.values.size());
    std::map<std::string, int> seen;
    for (size_t i = 0; i < keys.size(); ++i) {
        const Value& v = graph.values[i];
        if (v.is_constant() || v.type.dtype != DType::float32) continue;
        std::string key = v.source;
        if (key.empty() && v.is_input()) key = graph.inputs[static_cast<size_t>(v.input)].name;
        if (key.empty() && v.node.valid()) {
            const Node& node = graph[v.node];
            key = fmt::format("{}#{}", node.sources.empty() ? fmt::format("node {}", v.node.index) : node.sources.back().name, v.result);
        }
        const int n = ++seen[key];
        keys[i] = n == 1 ? key : fmt::format("{}~{}", key, n);
    }
    return keys;
}

std::vector<SampleSpec> sample_specs(const Graph& graph) {
    std::vector<SampleSpec> specs;
    for (const Port& port : graph.inputs) {
        const Type& type = graph.type(port.value);
        SampleSpec spec{port.name, type.shape, type.dtype, type.quant, SampleLayout::model};
        if (!port.perm.empty())
            for (size_t i = 0; i < port.perm.size(); ++i) spec.shape[port.perm[i]] = type.shape[static_cast<int64_t>(i)];
        if (port.perm == std::vector<int64_t>{0, 2, 3, 1}) spec.order = SampleLayout::nchw;
        specs.push_back(std::move(spec));
    }
    return specs;
}

Expected<Profile> collect(const Module& module, const SampleSet& samples, const Preprocess& preprocess, Diagnostics& diag,
                          const std::function<void(int64_t, int64_t)>& progress, int64_t sequence) {
    const Graph& graph = module.main();
    const std::vector<std::string> keys = value_keys(graph);
    std::vector<Recorder> recorders(keys.size());
    std::vector<Tensor> states;
    const auto total = static_cast<int64_t>(samples.samples.size());
    for (int64_t s = 0; s < total; ++s) {
        const std::vector<Tensor>& sample = samples.samples[static_cast<size_t>(s)];
        const Location where{.file = s < static_cast<int64_t>(samples.names.size()) ? samples.names[static_cast<size_t>(s)] : ""};
        if (sample.size() != graph.inputs.size())
            return diag.error(DiagId::samples_invalid, where, "has {} tensors, the model has {} inputs", sample.size(),
                              graph.inputs.size());
        std::vector<Tensor> inputs;
        for (size_t i = 0; i < sample.size(); ++i) {
            const Port& port = graph.inputs[i];
            const Type& want = graph.type(port.value);
            const bool fits = sample[i].type.dtype == want.dtype && sample[i].shape().rank() == want.shape.rank();
            Tensor t = fits ? to_graph_order(port, sample[i]) : sample[i];
            if (!fits || t.shape() != want.shape)
                return diag.error(DiagId::samples_invalid, where, "has {} for input `{}`, which is {}", sample[i].type.text(), port.name,
                                  want.text());
            inputs.push_back(std::move(t));
        }
        begin_sample(graph, sequence, static_cast<size_t>(s), states);
        (void)interpret(
            graph, inputs,
            [&](ValueId id, const Tensor& t) {
                const auto i = static_cast<size_t>(id.index);
                if (!keys[i].empty()) recorders[i].add(t.data<float>());
            },
            &states);
        if (progress) progress(s + 1, total);
    }
    Profile profile{module.file, module.sha256, preprocess, total, {}};
    for (size_t i = 0; i < keys.size(); ++i) {
        if (keys[i].empty()) continue;
        profile.tensors.push_back(recorders[i].profile(keys[i]));
        const TensorProfile& t = profile.tensors.back();
        if (t.nonfinite > 0)
            diag.warning(DiagId::profile_invalid, {.file = module.file},
                         "tensor `{}` has {} infinite or NaN values, which the profile leaves out", t.name, t.nonfinite);
    }
    return profile;
}

}  // namespace gw
