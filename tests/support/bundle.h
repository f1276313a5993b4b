// A graph as a bundle on disk: lowered, placed, emitted, and run on this machine.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/files.h"
#include "lower/lower.h"
#include "report/report.h"
#include "support/random_graph.h"

namespace gw::testing {

struct Made {
    Program program;
    Emitted emitted;
    BundleInfo info;
    std::unique_ptr<TemporaryFolder> folder = std::make_unique<TemporaryFolder>();
};

inline Made make_bundle(const Graph& g, const LowerOptions& options = {.name = "net"}, std::string_view core_name = "generic") {
    Made m;
    Diagnostics diag;
    const Core* core = find_core(core_name);
    EXPECT_NE(core, nullptr);
    auto program = lower(g, *core, options, diag);
    EXPECT_TRUE(program.ok()) << (diag.all().empty() ? "" : diag.all().front().text()) << "\n" << print(g);
    if (!program) return m;
    m.program = *std::move(program);
    EXPECT_TRUE(place_buffers(m.program, true, diag).ok());
    EXPECT_TRUE(verify(m.program, diag).ok()) << diag.all().front().text() << "\n" << print(m.program);
    Module module;
    module.graphs = {g};
    module.file = g.file, module.sha256 = "0";
    m.emitted = emit(m.program, g, {"glowworm test", "test.onnx", "0", "none", print(module)});
    EXPECT_TRUE(write_files(m.folder->path(), m.emitted.files, diag).ok());
    m.info = bundle_info(m.folder->path(), m.program, m.emitted);
    return m;
}

// Inputs of the graph's own types: every int8 and int16 value, reals in [−1, 1].
inline std::vector<std::vector<Tensor>> graph_samples(const Graph& g, int n, uint32_t seed = 1) {
    std::mt19937 random(seed);
    std::vector<std::vector<Tensor>> all;
    for (int k = 0; k < n; ++k) {
        std::vector<Tensor> sample;
        for (const Port& port : g.inputs) {
            Tensor t = Tensor::zeros(g.type(port.value));
            for (int64_t i = 0; i < t.elements(); ++i) {
                const uint32_t bits = static_cast<uint32_t>(random());
                if (is_float(t.type.dtype))
                    t.set(i, static_cast<double>(static_cast<float>(bits) / 2147483648.0f - 1));
                else if (t.type.dtype == DType::boolean)
                    t.set(i, bits >> 31);
                else if (t.type.dtype == DType::uint8)
                    t.set(i, bits >> 24);
                else
                    t.set(i, t.type.dtype == DType::int16 ? static_cast<double>(static_cast<int16_t>(bits >> 16))
                                                          : static_cast<double>(static_cast<int8_t>(bits >> 24)));
            }
            sample.push_back(std::move(t));
        }
        all.push_back(std::move(sample));
    }
    return all;
}

// Empty when `bytes` holds t: integers byte for byte, reals within 1e-4 of the range.
inline std::string difference(const Tensor& t, std::string_view bytes) {
    if (bytes.size() != t.bytes().size()) return fmt::format("{} bytes, expected {}", bytes.size(), t.bytes().size());
    if (t.type.dtype != DType::float32) return bytes == t.bytes() ? "" : "bytes differ";
    float lo = 0, hi = 1e-30f;
    for (float v : t.data<float>()) lo = std::min(lo, v), hi = std::max(hi, v);
    for (size_t i = 0; i < t.data<float>().size(); ++i) {
        float seen = 0;
        std::memcpy(&seen, bytes.data() + 4 * i, 4);
        if (!(std::fabs(seen - t.data<float>()[i]) <= 1e-4f * (hi - lo)))
            return fmt::format("element {}: {} instead of {}", i, seen, t.data<float>()[i]);
    }
    return "";
}

// Runs the bundle on this machine and compares outputs and the result of every step with the interpreter's.
inline void expect_right(const Graph& g, const Made& m, const std::string& what, const std::vector<std::string>& cflags = {"-O1"}) {
    const auto samples = graph_samples(g, 3);
    std::vector<std::string> bytes;
    for (const auto& sample : samples) {
        bytes.emplace_back();
        for (const Tensor& t : sample) bytes.back() += t.bytes();
    }
    BuildOptions build;
    build.cflags = cflags;
    RunOptions run;
    run.capture_steps = true;
    run.sequence = 2;  // the third sample begins anew
    std::vector<Tensor> states;
    Diagnostics diag;
    const auto result = run_on_host(m.info, bytes, build, run, diag);
    ASSERT_TRUE(result.ok()) << what << ": " << diag.all().front().text() << "\n" << print(m.program);
    for (size_t k = 0; k < samples.size(); ++k) {
        std::vector<Tensor> values(g.values.size());
        for (size_t i = 0; i < values.size(); ++i) values[i] = g.values[i].constant;
        if (k % 2 == 0) states = initial_states(g);
        const auto outputs = interpret(
            g, samples[k], [&](ValueId id, const Tensor& t) { values[static_cast<size_t>(id.index)] = t; }, &states);
        for (size_t s = 0; s < m.program.steps.size(); ++s) {
            size_t at = 0;
            for (int32_t v : m.program.steps[s].values) {
                const Tensor& t = values[static_cast<size_t>(v)];
                ASSERT_TRUE(t.valid()) << what;
                const std::string d =
                    difference(t, std::string_view(result->steps[k][s]).substr(std::min(at, result->steps[k][s].size()), t.bytes().size()));
                ASSERT_EQ(d, "") << what << ": step " << s << " \"" << m.program.steps[s].name << "\", sample " << k << "\n"
                                 << print(m.program);
                at += t.bytes().size();
            }
        }
        size_t at = 0;
        for (size_t i = 0; i < outputs.size(); ++i) {
            const std::string d = difference(outputs[i], std::string_view(result->outputs[k]).substr(at, outputs[i].bytes().size()));
            ASSERT_EQ(d, "") << what << ": output " << i << ", sample " << k << "\n" << print(m.program);
            at += outputs[i].bytes().size();
        }
    }
}

}  // namespace gw::testing
