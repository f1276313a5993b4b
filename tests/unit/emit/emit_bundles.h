// The bundles that the emission tests compile, and the compilers that they meet.
#pragma once
#include <fmt/ranges.h>
#include "base/process.h"
#include "support/bundle.h"

namespace gw::testing {

inline constexpr const char* bundle_kinds[] = {"int8_cnn", "float_cnn", "several_ports", "float_functions",
                                               "movement", "island",    "stateful"};

// One branch for each op, all of one input: many kernels in one bundle.
inline Graph fan(const std::vector<Op>& ops, const Shape& shape) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, shape, {}});
    for (size_t i = 0; i < ops.size(); ++i) {
        const std::string name = fmt::format("{}_{}", op_name(ops[i]), i);
        Diagnostics diag;
        const auto y = g.add1(ops[i], {x}, {{name, "Op", static_cast<int64_t>(i)}}, diag);
        EXPECT_TRUE(y.ok()) << name;
        if (y) g.add_output(name, *y);
    }
    return g;
}

inline std::vector<Op> movements() {
    Resize nearest, linear;
    nearest.size = {7, 6}, nearest.scale = {1.75f, 1.5f};
    linear = nearest;
    linear.mode = ResizeMode::linear;
    return {Pad{{0, 1, 1, 0}, {0, 1, 0, 0}, PadMode::constant, 0.5f},
            Pad{{0, 1, 1, 0}, {0, 0, 0, 0}, PadMode::reflect, 0},
            Pad{{0, 1, 1, 0}, {0, 0, 0, 0}, PadMode::edge, 0},
            Slice{{0, 1, 0, 0}, {1, 2, 2, 3}, {1, 1, 2, 1}},
            Transpose{{0, 2, 1, 3}},
            nearest,
            linear,
            Reshape{{4, 12}},
            Softmax{3, false},
            Reduce{ReduceKind::sum, {3}, true, 0, {}},
            Reduce{ReduceKind::min, {1, 2}, true, 0, {}},
            Reduce{ReduceKind::mean, {1}, true, 0, {}},
            Reduce{ReduceKind::max, {2}, true, 0, {}},
            Pool2D{PoolKind::max, {2, 2}},
            Pool2D{PoolKind::average, {3, 2}, {2, 1}, {1, 1}, {1, 0, 1, 1}, true}};
}

inline std::vector<Op> functions() {
    std::vector<Op> ops;
    for (int k = 0; k <= static_cast<int>(UnaryKind::power); ++k)
        ops.push_back(Unary{static_cast<UnaryKind>(k), k == static_cast<int>(UnaryKind::clamp) ? -0.5f : 2.0f, 0.5f});
    ops.push_back(Reduce{ReduceKind::product, {3}, true, 0, {}});
    ops.push_back(Softmax{3, true});
    return ops;
}

inline Graph two_float_inputs() {
    Graph g;
    const ValueId a = g.add_input("a", {DType::float32, Shape{1, 4, 4, 3}, {}}),
                  b = g.add_input("b", {DType::float32, Shape{1, 1, 4, 3}, {}});
    int i = 0;
    for (BinaryKind kind : {BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::div, BinaryKind::pow, BinaryKind::min,
                            BinaryKind::max, BinaryKind::mod})
        g.add_output(std::string(enum_name(kind)), g.must_add(Binary{kind}, {a, b}, {{std::string(enum_name(kind)), "Binary", i++}}));
    g.add_output("matmul", g.must_add(MatMul{}, {a, g.must_add(Transpose{{0, 1, 3, 2}}, {a}, {})}, {{"matmul", "MatMul", i}}));
    g.add_output("concat", g.must_add(Concat{1}, {a, b}, {{"concat", "Concat", i}}));
    return g;
}

// All that can happen to a state: computed in its place by a kernel that works in place or by one that comes after the last reader, copied
// at the end because somebody reads the old value later, swapped with another, left alone, an output itself.
inline Graph stateful() {
    Graph g;
    const Type line{DType::float32, Shape{1, 3}, {}};
    const ValueId x = g.add_input("x", {DType::float32, Shape{2, 1, 4}, {}});
    auto floats = [](Shape shape, float step) {
        Tensor t = Tensor::zeros({DType::float32, std::move(shape), {}});
        float v = -0.4f;
        for (float& e : t.mutable_data<float>()) e = v += v > 0.4f ? -0.77f : step;
        return t;
    };
    const ValueId h = g.add_state("h", Tensor::zeros(line)), c = g.add_state("c", floats({1, 3}, 0.3f)),
                  last = g.add_state("last", floats({1, 3}, 0.2f)), a = g.add_state("a", floats({1, 3}, 0.1f)),
                  b = g.add_state("b", Tensor::zeros(line)), fixed = g.add_state("fixed", floats({1, 3}, 0.25f));
    Recurrent op;
    Diagnostics diag;
    const auto made = *g.add(
        op, {x, g.add_constant(floats({12, 4}, 0.17f)), g.add_constant(floats({12, 3}, 0.13f)), h, c, g.add_constant(floats({24}, 0.11f))},
        {{"lstm", "LSTM", 0}}, diag);
    const ValueId sum = g.must_add(Binary{}, {made[1], last}, {{"sum", "Add", 1}});
    const ValueId late = g.must_add(Binary{BinaryKind::mul}, {a, b}, {{"late", "Mul", 2}});
    const ValueId more = g.must_add(Binary{}, {late, fixed}, {{"more", "Add", 3}});
    g.add_output("y", made[0]);
    g.add_output("sum", sum);
    g.add_output("more", more);
    g.add_output("old", last);
    const ValueId next[] = {made[1], made[2], more, b, a, fixed};
    for (size_t i = 0; i < g.states.size(); ++i) g.states[i].next = next[i];
    return g;
}

inline Made bundle_of_kind(const std::string& kind) {
    Diagnostics diag;
    const RandomGraph::Options cnn{.blocks = 8, .extra_output = false};
    if (kind == "stateful") return make_bundle(stateful());
    if (kind == "int8_cnn") return make_bundle(quantized(optimised(RandomGraph(11, cnn).make()), diag));
    if (kind == "float_cnn") return make_bundle(optimised(RandomGraph(11, cnn).make()));
    if (kind == "several_ports")
        return make_bundle(quantized(optimised(RandomGraph(8, {.batch = 2, .inputs = 3, .extra_output = true}).make()), diag),
                           {.name = "net", .output_in_arena = true});
    if (kind == "float_functions") return make_bundle(fan(functions(), Shape{1, 4, 4, 3}));
    if (kind == "movement") return make_bundle(quantized(fan(movements(), Shape{1, 4, 4, 3}), diag));
    return make_bundle(quantized(two_float_inputs(), diag));  // with float islands
}

struct CCompiler {
    std::vector<std::string> command;
};
inline std::vector<CCompiler> host_compilers() {
    std::vector<CCompiler> all;
    for (const char* name : {"gcc", "clang-19"})
        if (!find_program(name).empty()) all.push_back({{name}});
    return all;
}
inline std::vector<CCompiler> arm_compilers(std::string_view core_name) {
    std::vector<CCompiler> all;
    const Core* core = find_core(core_name);
    auto add = [&](const char* name, const std::vector<std::string>& flags) {
        if (find_program(name).empty()) return;
        all.push_back({{name}});
        all.back().command.insert(all.back().command.end(), flags.begin(), flags.end());
    };
    add("arm-none-eabi-gcc", core->gcc_flags);
    // Clang finds newlib's headers where GCC keeps them; a freestanding build has <stdint.h> of its own, <string.h> and <math.h> are
    // newlib's.
    std::vector<std::string> flags = core->clang_flags;
    for (const char* folder : {"/usr/lib/arm-none-eabi/include", "/usr/include/newlib"})
        if (std::filesystem::exists(folder)) flags.insert(flags.end(), {"-isystem", folder});
    add("clang-19", flags);
    return all;
}

// Compiles every source with every compiler, warnings as errors; the objects' paths.
inline std::vector<std::string> compile_all(const Made& m, const std::vector<CCompiler>& compilers, const std::vector<std::string>& flags) {
    std::vector<std::string> objects;
    for (const CCompiler& compiler : compilers) {
        for (const std::string& source : m.emitted.sources) {
            objects.push_back((m.folder->path() / fmt::format("{}_{}.o", source, objects.size())).string());
            std::vector<std::string> command = compiler.command;
            for (const char* f : {"-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-c"}) command.emplace_back(f);
            command.insert(command.end(), flags.begin(), flags.end());
            command.insert(command.end(), {(m.folder->path() / source).string(), "-o", objects.back()});
            const ProcessResult r = run_process(command);
            EXPECT_TRUE(r.ok()) << fmt::format("{}", fmt::join(command, " ")) << "\n" << r.err.substr(0, 2000);
        }
    }
    return objects;
}

inline void compile_header_as_cpp(const Made& m) {
    Diagnostics diag;
    const auto file = m.folder->path() / "user.cpp";
    ASSERT_TRUE(
        write_file(
            file,
            fmt::format("#include \"{0}.h\"\n#include \"{0}.h\"\n#include <cstring>\n#include <ctime>\nint main() {{ return {1}_OK; }}\n",
                        m.program.name, m.info.upper_name),
            diag)
            .ok());
    const ProcessResult r = run_process({"g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", file.string()});
    EXPECT_TRUE(r.ok()) << r.err.substr(0, 2000);
}

}  // namespace gw::testing
