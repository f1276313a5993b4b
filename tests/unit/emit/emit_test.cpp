// What the emitted C promises: clean under pedantic warnings of two compilers for the host and Cortex-M, no heap, no mutable globals, no
// recursion, nothing from libc but memcpy and memset, every symbol prefixed, the same bytes every time, names that C accepts.
#include "emit/emit.h"

#include <set>
#include <sstream>

#include "base/process.h"
#include "emit_bundles.h"
#include "support/bundle.h"

namespace gw {
namespace {

using testing::make_bundle;
using testing::RandomGraph;

TEST(Emit, SameProgramSameBytes) {
    Diagnostics diag;
    const Graph g = testing::quantized(testing::optimised(RandomGraph(2, {.inputs = 2, .extra_output = true}).make()), diag);
    EXPECT_EQ(make_bundle(g).emitted.files, make_bundle(g).emitted.files);
}

TEST(Emit, EveryFileIsFreeAndNamesItsLicence) {
    Diagnostics diag;
    const Graph g = testing::quantized(testing::optimised(RandomGraph(2, {}).make()), diag);
    for (const auto& [name, content] : make_bundle(g).emitted.files) {
        if (name.ends_with(".c") || name.ends_with(".h") || name == "CMakeLists.txt")
            EXPECT_NE(content.find("SPDX-License-Identifier: 0BSD"), std::string::npos) << name;
    }
}

TEST(Emit, NamesThatCAccepts) {
    std::vector<std::string> taken;
    EXPECT_EQ(c_name("time", taken), "time_net");
    EXPECT_EQ(c_name("int", taken), "int_net");
    EXPECT_EQ(c_name("int", taken), "int_net_2");
    EXPECT_EQ(c_name("9lives", taken), "n9lives");
    EXPECT_EQ(c_name("/x:0", taken), "x_0");
    EXPECT_EQ(c_name("_hidden", taken), "hidden");
    EXPECT_EQ(c_name("", taken), "tensor");
    EXPECT_EQ(c_name("___", taken), "tensor_2");
    EXPECT_EQ(c_name("good_name", taken), "good_name");
}

// Awkward names of models and tensors, one bundle each: they compile as C and as C++ and run.
TEST(Emit, AwkwardNamesCompileAndRun) {
    const std::vector<std::vector<std::string>> tensors = {{"/x:0", "int", "int", "out put"},
                                                           {"arena", "io", "run", "step_0"},
                                                           {"input", "output", "status", "c"},
                                                           {"x", "X", "y\"*/", "\\"},
                                                           {"ok", "err", "err_null", "layers"}};
    const char* models[] = {"time", "int", "9lives", "NULL", "net"};
    for (size_t i = 0; i < tensors.size(); ++i) {
        Graph g;
        const ValueId a = g.add_input(tensors[i][0], {DType::float32, Shape{1, 4}, {}}),
                      b = g.add_input(tensors[i][1], {DType::float32, Shape{1, 4}, {}});
        g.add_output(tensors[i][2], g.must_add(Binary{BinaryKind::mul}, {a, b}, {{tensors[i][3], "Mul */", 0}}));
        g.add_output(tensors[i][3], g.must_add(Binary{BinaryKind::sub}, {a, b}, {{tensors[i][3], "Sub\\", 1}}));
        std::vector<std::string> taken;
        for (const bool arena : {false, true}) {
            const auto m = make_bundle(g, {.name = c_name(models[i], taken), .input_in_arena = arena, .output_in_arena = arena});
            testing::compile_header_as_cpp(m);
            testing::compile_all(m, testing::host_compilers(), {"-O1"});
            testing::expect_right(g, m, models[i]);
            if (HasFailure()) return;
        }
    }
}

TEST(Emit, StatesLastFromCallToCall) {
    const Graph g = testing::stateful();
    for (const bool arena : {false, true}) {
        const auto m = make_bundle(g, {.name = "net", .input_in_arena = arena, .output_in_arena = arena});
        EXPECT_EQ(m.info.state_bytes, 6 * 12);
        testing::expect_right(g, m, "stateful");
    }
    // The recurrent kernel writes over the states that it reads: no copies of those.
    const auto m = make_bundle(g);
    int copies = 0;
    for (const Step& step : m.program.steps) copies += step.op == "copy" ? 1 : 0;
    EXPECT_EQ(copies, 6) << "of the output `old`, of `last`, and the swap by way of two buffers\n" << print(m.program);
}

class EmitBundles : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EmitBundles, ::testing::ValuesIn(testing::bundle_kinds),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EmitBundles, CompileCleanlyWithEveryCompiler) {
    const auto m = testing::bundle_of_kind(GetParam());
    testing::compile_header_as_cpp(m);
    testing::compile_all(m, testing::host_compilers(), {"-O2"});
    testing::compile_all(m, testing::arm_compilers("cortex-m0plus"), {"-O2"});
}

TEST_P(EmitBundles, SymbolsKeepThePromises) {
    const auto m = testing::bundle_of_kind(GetParam());
    const auto compilers = testing::arm_compilers("cortex-m0plus");
    if (compilers.empty() || find_program("arm-none-eabi-nm").empty()) GTEST_SKIP() << "SKIPPED, not tested: no Arm compiler";
    std::string text;
    for (const std::string& object : testing::compile_all(m, {compilers.front()}, {"-O2", "-ffunction-sections"})) {
        const ProcessResult nm = run_process({"arm-none-eabi-nm", object});
        ASSERT_TRUE(nm.ok()) << nm.err;
        text += nm.out;
    }
    std::set<std::string> defined, undefined;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.size() > 9 && line[8] == ' ' ? line.substr(9) : line);
        std::string kind, name;
        words >> kind >> name;
        if (kind == "U") {
            undefined.insert(name);
            continue;
        }
        if (name.empty() || name[0] == '$') continue;
        EXPECT_EQ(std::string("dDbBcCsSgG").find(kind), std::string::npos) << "mutable memory: " << line;
        if (std::isupper(static_cast<unsigned char>(kind[0])) != 0) {
            EXPECT_EQ(name.compare(0, 4, "net_"), 0) << "a global without the prefix: " << line;
            defined.insert(name);
        }
    }
    EXPECT_TRUE(defined.count("net_run"));
    const std::set<std::string> libc = {"memcpy", "memmove", "memset"};
    const std::set<std::string> libm = {"expf",  "logf",  "sqrtf",      "tanhf",  "erff",  "powf",   "sinf",   "cosf",   "fmodf",  "floorf",
                                        "ceilf", "rintf", "nearbyintf", "roundf", "fabsf", "exp",    "fmaf",   "expm1f", "log1pf", "tanf",
                                        "asinf", "acosf", "atanf",      "sinhf",  "coshf", "asinhf", "acoshf", "atanhf"};
    for (const std::string& name : undefined) {
        if (name.compare(0, 4, "net_") == 0) {
            EXPECT_TRUE(defined.count(name)) << name;
            continue;
        }
        const bool runtime =
            name.compare(0, 8, "__aeabi_") == 0 || name.compare(0, 5, "__gnu") == 0 || name == "__clzsi2" || name == "__ctzsi2";
        const bool good = runtime || libc.count(name) != 0 || (m.emitted.needs_libm && libm.count(name) != 0);
        EXPECT_TRUE(good) << "needs " << name;
    }
}

TEST_P(EmitBundles, NoFunctionCallsItselfOnAnyWay) {
    const auto m = testing::bundle_of_kind(GetParam());
    const auto compilers = testing::arm_compilers("cortex-m4");
    if (compilers.empty()) GTEST_SKIP() << "SKIPPED, not tested: no Arm compiler";
    testing::compile_all(m, {compilers.front()}, {"-O0", "-fcallgraph-info"});
    std::map<std::string, std::set<std::string>> calls;
    for (const auto& entry : std::filesystem::directory_iterator(m.folder->path())) {
        if (entry.path().extension() != ".ci") continue;
        Diagnostics diag;
        std::istringstream lines(*read_file(entry.path(), diag));
        for (std::string line; std::getline(lines, line);) {
            if (line.compare(0, 5, "edge:") != 0) continue;
            auto field = [&](const std::string& key) {
                const size_t at = line.find(key + ": \"") + key.size() + 3;
                return line.substr(at, line.find('"', at) - at);
            };
            calls[field("sourcename")].insert(field("targetname"));
            EXPECT_EQ(line.find("__indirect_call"), std::string::npos) << line;
        }
    }
    ASSERT_FALSE(calls.empty());
    // Depth first: a function that is met while it is open calls itself.
    std::map<std::string, int> state;
    std::function<void(const std::string&)> visit = [&](const std::string& f) {
        state[f] = 1;
        for (const std::string& g : calls[f]) {
            EXPECT_NE(state[g], 1) << f << " calls " << g << " in a circle";
            if (state[g] == 0) visit(g);
        }
        state[f] = 2;
    };
    for (const auto& [f, targets] : std::map<std::string, std::set<std::string>>(calls))
        if (state[f] == 0) visit(f);
}

}  // namespace
}  // namespace gw
