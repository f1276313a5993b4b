// The hand-written bundles of tests/simulate, and their samples.
#pragma once
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "simulate/simulate.h"

namespace gw::testing {

inline BundleInfo tiny() {
    using Where = BundleRange::Where;
    return {.folder = std::string(GLOWWORM_SOURCE_DIR) + "/tests/simulate/tiny",
            .name = "tiny",
            .upper_name = "TINY",
            .sources = {"tiny.c", "tiny_weights.c"},
            .inputs = {{.name = "x", .c_name = "x", .bytes = 16}},
            .outputs = {{.name = "y", .c_name = "y", .bytes = 8}},
            .arena_bytes = 49,
            .arena_align = 4,
            .steps = {{"scale", "tiny_step_0", {{Where::arena, 0, 0, 16}}},
                      {"dense", "tiny_step_1", {{Where::arena, 0, 16, 16}, {Where::arena, 0, 32, 16}}},
                      {"curve", "tiny_step_2", {{Where::output, 0, 0, 8}}}}};
}

inline BundleInfo twin() {
    using Where = BundleRange::Where;
    return {.folder = std::string(GLOWWORM_SOURCE_DIR) + "/tests/simulate/twin",
            .name = "twin",
            .upper_name = "TWIN",
            .sources = {"twin.c"},
            .inputs = {{.name = "signal", .c_name = "signal", .bytes = 20, .align = 4}, {.name = "mask", .c_name = "mask", .bytes = 5}},
            .outputs = {{.name = "sum", .c_name = "sum", .bytes = 4, .align = 4}, {.name = "count", .c_name = "count", .bytes = 1}},
            .arena_bytes = 20,
            .arena_align = 4,
            .steps = {{"scale", "twin_step_0", {{Where::arena, 0, 0, 20}}},
                      {"reduce", "twin_step_1", {{Where::output, 0, 0, 4}, {Where::output, 1, 0, 1}, {Where::input, 1, 0, 5}}}}};
}

inline BundleInfo inplace() {
    return {.folder = std::string(GLOWWORM_SOURCE_DIR) + "/tests/simulate/inplace",
            .name = "inplace",
            .upper_name = "INPLACE",
            .sources = {"inplace.c"},
            .inputs = {{.name = "x", .c_name = "x", .bytes = 6, .home = BundleTensor::Home::arena, .offset = 4}},
            .outputs = {{.name = "y", .c_name = "y", .bytes = 6, .home = BundleTensor::Home::arena, .offset = 2}},
            .arena_bytes = 10};
}

// What tiny computes, written down a second time in C++ from the description of its steps: [step][bytes], the last being the output.
inline std::vector<std::string> tiny_reference(const std::string& sample) {
    auto element = [](int a, int k) {
        const int row[16] = {a, -a, a + 3, 7 - a, 2 * a, 5 - 2 * a, a - 9, 1, -3 * a, 11 - a, 4, a, 6 + a, -8, a - 1, 2 - a};
        return row[k];
    };
    auto curve = [](int i) {
        const int v[4] = {i / 4 * 4 * (i / 4 * 4) / 200 - 100, i / 4 * 4 / 3 - 40, 60 - i / 4 * 4 / 2, i / 4 * 4 % 17};
        return static_cast<int8_t>(v[i % 4]);
    };
    const int64_t multiplier[8] = {1073741824, 1195000000, 1300000007, 1400000000, 1500000001, 1600000000, 1700000003, 2147483647};
    std::string scaled, sums, output;
    for (char x : sample) scaled += static_cast<char>((int64_t{static_cast<int8_t>(x)} * 1518500250 + (1 << 30)) >> 31);
    for (int o = 0; o < 8; ++o) {
        int32_t sum = 100 * o;
        for (int i = 0; i < 16; ++i) sum += static_cast<int8_t>(scaled[static_cast<size_t>(i)]) * element(o + 1, i);
        for (int b = 0; b < 4; ++b) sums += static_cast<char>(static_cast<uint32_t>(sum) >> (8 * b));
        const auto index = static_cast<uint8_t>(static_cast<int32_t>((sum * multiplier[o]) >> 36) + sum / (o + 3));
        output += static_cast<char>(curve(index));
    }
    return {scaled, sums, output};
}

inline std::vector<std::string> random_samples(size_t count, size_t bytes, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::string> samples(count);
    for (std::string& s : samples)
        for (size_t i = 0; i < bytes; ++i) s += static_cast<char>(random());
    return samples;
}

inline bool have_tools() {
    const Tools tools = find_tools();
    return !tools.arm_gcc.path.empty() && !tools.qemu.path.empty() && !tools.host_cc.path.empty();
}

inline std::string text(const Diagnostics& diag) {
    std::string all;
    for (const Diagnostic& d : diag.all()) all += d.text() + "\n";
    return all;
}

// "host" or a core's name.
inline Expected<RunResult> run_on(const std::string& where, const BundleInfo& bundle, const std::vector<std::string>& samples,
                                  Diagnostics& diag, const BuildOptions& build = {}, const RunOptions& options = {}) {
    if (where == "host") return run_on_host(bundle, samples, build, options, diag);
    return run_on_core(bundle, *find_core(where), samples, build, options, diag);
}

// For ::testing::Values of such names.
inline std::string test_name(const ::testing::TestParamInfo<std::string>& parameter) {
    std::string name = parameter.param;
    for (char& c : name) c = c == '-' || c == '+' ? '_' : c;
    return name;
}

}  // namespace gw::testing

#define GW_NEED_TOOLS() \
    if (!::gw::testing::have_tools()) GTEST_SKIP() << "no cross-compiler or no emulator"
