// No byte of the arena is overwritten before its last read: bundles run under shadow memory. The emitted C is compiled for this machine
// with every load and store calling a hook (gcc's kernel address sanitizer, outlined), so the kernels run as they are. The shadow knows the
// program's buffers, not the planner's reasons: a store in a step marks the byte with the buffer that the step writes there and the moment;
// a load in a step must find the mark of the last store to that very byte of the buffer that the step reads. What lies over something else
// too early leaves another mark. A row whose gap is claimed one tile short must be caught.
#include "base/process.h"
#include "frontend/tflite/tflite.h"
#include "lower/fit.h"
#include "support/bundle.h"
#include "support/kit.h"

namespace gw {
namespace {

using testing::graph_samples;
using testing::RandomGraph;

// The hooks, and a driver that runs the bundle on pseudo-random bytes. Tables: `ranges` of each step (arena offset, bytes, family and
// offset inside it, written or read), `begin` of each step in them.
constexpr const char* shadow_c = R"(
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#undef memcpy
#undef memmove
#undef memset
struct range { long at, bytes, family, offset; int written; };
struct mark { long family, offset, moment; };
#include "tables.h"
static unsigned char arena[ARENA] __attribute__((aligned(64)));
static struct mark marks[ARENA];
static long moments[FAMILIES][LARGEST]; /* when each byte of a family was last written */
static char back[STEPS];
static long step = -1, now = 0, faults = 0, loads = 0, stores = 0;
void shadow_step(long layer) { step = layer; ++now; }
static void fault(const char *what, long at) { if (faults++ < 5) printf("step %ld: %s at %ld\n", step, what, at); }
static void load(uintptr_t p, uintptr_t n) {
    for (uintptr_t k = 0; k < n; ++k) {
        long at = (long)(p + k - (uintptr_t)arena), seen = 0, right = 0;
        if (step < 0 || p + k < (uintptr_t)arena || at >= ARENA) continue;
        ++loads;
        for (long r = begin[step]; r < begin[step + 1]; ++r) {
            long i = at - ranges[r].at, family = ranges[r].family, offset = ranges[r].offset + i;
            int same;
            if (i < 0 || i >= ranges[r].bytes) continue;
            same = marks[at].family == family && marks[at].offset == offset && marks[at].moment == moments[family][offset];
            if (!ranges[r].written) seen = 1, right |= same;
            /* Results and scratch that the step has written itself: where it is known to read them. */
            else if (APART || reads_back[step]) seen = 1, back[step] = 1, right |= same && marks[at].moment == now;
        }
        if (!seen) fault("reads what is not its own", at);
        else if (!right) fault("reads a byte that is no longer there", at);
    }
}
static void store(uintptr_t p, uintptr_t n) {
    for (uintptr_t k = 0; k < n; ++k) {
        long at = (long)(p + k - (uintptr_t)arena), seen = 0;
        if (step < 0 || p + k < (uintptr_t)arena || at >= ARENA) continue;
        ++stores;
        for (long r = begin[step]; r < begin[step + 1]; ++r) {
            long i = at - ranges[r].at;
            if (!ranges[r].written || i < 0 || i >= ranges[r].bytes) continue;
            struct mark m = { ranges[r].family, ranges[r].offset + i, now };
            marks[at] = m;
            moments[m.family][m.offset] = now;
            seen = 1;
            break;
        }
        if (!seen) fault("writes what is not its own", at);
    }
}
#define SIZE(n) void __asan_load##n##_noabort(uintptr_t p) { load(p, n); } void __asan_store##n##_noabort(uintptr_t p) { store(p, n); }
SIZE(1) SIZE(2) SIZE(4) SIZE(8) SIZE(16)
void __asan_loadN_noabort(uintptr_t p, uintptr_t n) { load(p, n); }
void __asan_storeN_noabort(uintptr_t p, uintptr_t n) { store(p, n); }
void __asan_handle_no_return(void) {}
void *shadow_move(void *to, const void *from, uintptr_t n) {
    unsigned char *t = to; const unsigned char *f = from;
    load((uintptr_t)from, n);
    if (t < f) for (uintptr_t k = 0; k < n; ++k) t[k] = f[k];
    else for (uintptr_t k = n; k-- > 0;) t[k] = f[k];
    store((uintptr_t)to, n);
    return to;
}
void *shadow_set(void *to, int value, uintptr_t n) {
    for (uintptr_t k = 0; k < n; ++k) ((unsigned char *)to)[k] = (unsigned char)value;
    store((uintptr_t)to, n);
    return to;
}
int net_run(void *arena);
int main(void) {
    uint32_t state = 1;
    for (long k = 0; k < ARENA; ++k) state = state * 1664525u + 1013904223u, arena[k] = (unsigned char)(state >> 24), marks[k].family = -1;
    for (unsigned r = 0; r < sizeof inputs / sizeof inputs[0]; ++r)
        for (long i = 0; i < inputs[r].bytes; ++i) {
            struct mark m = { inputs[r].family, inputs[r].offset + i, 0 };
            marks[inputs[r].at + i] = m;
        }
    if (net_run(arena) != 0) return 2;
    step = -1;
    for (long k = 0; k < STEPS; ++k) printf("%c", back[k] ? '1' : '0');
    printf("\n%ld loads, %ld stores, %ld faults\n", loads, stores, faults);
    return faults != 0;
}
)";

constexpr const char* shadow_h = R"(
#include <stdint.h>
#include <string.h>
void shadow_step(long layer);
void *shadow_move(void *to, const void *from, uintptr_t n);
void *shadow_set(void *to, int value, uintptr_t n);
#define memcpy shadow_move
#define memmove shadow_move
#define memset shadow_set
#define NET_HOOK(layer) shadow_step(layer)
)";

// The program's buffers as C tables.
std::string tables(const Program& p, bool apart, const std::string& reads_back) {
    std::vector<std::string> families;
    int64_t largest = 1;
    std::map<int32_t, int64_t> family_of;
    const auto range = [&](int32_t b, bool written) {
        int64_t offset = 0;
        const int32_t root = p.root(b, offset);
        if (p.buffers[static_cast<size_t>(root)].region != 0) return std::string();
        const int64_t family = family_of.emplace(root, static_cast<int64_t>(family_of.size())).first->second;
        largest = std::max(largest, p.buffers[static_cast<size_t>(root)].bytes());
        return fmt::format("{{{}, {}, {}, {}, {}}},\n", p.address(b), p.buffers[static_cast<size_t>(b)].bytes(), family, offset,
                           written ? 1 : 0);
    };
    std::string ranges, begin = "0", inputs;
    int64_t count = 0;
    for (const Step& s : p.steps) {
        std::set<std::pair<int32_t, bool>> used;
        for_each_call({s}, [&](const Call& call, int64_t) {
            for (const Argument& a : call.arguments)
                if (a.kind == Argument::Kind::buffer) used.emplace(a.index, a.written);
        });
        for (const auto& [b, written] : used) {  // operands before results
            const std::string text = range(b, written);
            if (text.empty()) continue;
            ranges = ranges + text;
            ++count;
        }
        begin += fmt::format(", {}", count);
    }
    for (int32_t b : p.inputs) inputs += range(b, false);
    std::string back;
    for (char c : reads_back) back += fmt::format("{},", c);
    return fmt::format(
        "#define ARENA {}\n#define FAMILIES {}\n#define LARGEST {}\nstatic const struct range ranges[] = {{\n{}}};\n"
        "static const long begin[] = {{{}}};\nstatic const struct range inputs[] = {{\n{}}};\n#define APART {}\n#define STEPS {}\n"
        "static const char reads_back[] = {{{}}};\n",
        std::max<int64_t>(1, p.regions[0].bytes), std::max<size_t>(1, family_of.size()), largest, ranges, begin, inputs, apart ? 1 : 0,
        p.steps.size(), back);
}

// A run under shadow memory: its exit status and what it printed, first which steps read their own results or scratch.
ProcessResult run_once(const Graph& g, const Program& p, bool apart, const std::string& reads_back) {
    Module module;
    module.graphs = {g};
    module.sha256 = "0";
    const Emitted emitted = emit(p, g, {"glowworm test", "test", "0", "none", print(module)});
    const TemporaryFolder folder;
    Diagnostics diag;
    EXPECT_TRUE(write_files(folder.path(), emitted.files, diag).ok());
    EXPECT_TRUE(write_file(folder.path() / "shadow.c", shadow_c, diag).ok());
    EXPECT_TRUE(write_file(folder.path() / "shadow.h", shadow_h, diag).ok());
    EXPECT_TRUE(write_file(folder.path() / "tables.h", tables(p, apart, reads_back), diag).ok());
    ProcessOptions options;
    options.folder = folder.path();
    const auto gcc = [&](std::vector<std::string> arguments) {
        // Nothing inlined: where a result lies over its operand gcc would see that load and store meet, and leave out the second hook.
        arguments.insert(arguments.begin(), {"gcc", "-std=gnu99", "-O1", "-w", "-fno-builtin", "-fno-tree-loop-distribute-patterns",
                                             "-fno-inline", "-fno-ipa-cp", "-fno-ipa-sra"});
        const ProcessResult r = run_process(arguments, options);
        EXPECT_TRUE(r.ok()) << r.err;
    };
    gcc({"-c", "shadow.c"});
    gcc({"-include", "shadow.h", "-fsanitize=kernel-address", "--param", "asan-instrumentation-with-call-threshold=0", "--param",
         "asan-globals=0", "--param", "asan-stack=0", "-c", "net.c"});
    gcc({"-c", "net_weights.c"});
    gcc({"shadow.o", "net.o", "net_weights.o", "-lm", "-o", "shadow"});
    return run_process({(folder.path() / "shadow").string()}, options);
}

// Which kernels read their own results and scratch is seen where nothing overlaps; only those may do so in the run that counts.
ProcessResult shadow_run(const Graph& g, const Program& p) {
    Program apart = p;
    Diagnostics diag;
    EXPECT_TRUE(place_buffers(apart, false, diag).ok());
    const ProcessResult first = run_once(g, apart, true, std::string(p.steps.size(), '0'));
    EXPECT_EQ(first.exit_code, 0) << first.out << first.err;
    return run_once(g, p, false, first.out.substr(0, p.steps.size()));
}

Program placed(const Graph& g, const LowerOptions& options) {
    Diagnostics diag;
    auto p = lower(g, *find_core("cortex-m4"), options, diag);
    EXPECT_TRUE(p.ok()) << (diag.all().empty() ? "" : diag.all().front().text());
    EXPECT_TRUE(place_buffers(*p, true, diag).ok());
    return std::move(*p);
}

Graph random_int8(uint32_t seed) {
    Diagnostics diag;
    return testing::quantized(testing::optimised(RandomGraph(seed, {.batch = 1, .blocks = 5}).make()), diag);
}

LowerOptions in_arena(const std::string& optimize) {
    return {.name = "net", .optimize = optimize, .input_in_arena = true, .output_in_arena = true};
}

TEST(Shadow, RandomProgramsReadWhatWasWritten) {
    for (uint32_t seed = 1; seed <= 12; ++seed) {
        const Graph g = random_int8(seed);
        const std::string optimize = seed % 3 == 0 ? "ram" : seed % 3 == 1 ? "speed" : "size";
        const ProcessResult r = shadow_run(g, placed(g, in_arena(optimize)));
        EXPECT_TRUE(r.ok()) << "seed " << seed << ", " << optimize << "\n" << r.out << r.err;
        EXPECT_EQ(r.out.find("\n0 loads"), std::string::npos) << r.out;
    }
}

TEST(Shadow, StripsReadWhatWasWritten) {
    int strips = 0;
    for (uint32_t seed = 41; seed <= 46; ++seed) {
        const Graph g = random_int8(seed);
        Diagnostics diag;
        const auto found = frontier(g, *find_core("cortex-m4"), in_arena(seed % 2 == 0 ? "ram" : "speed"), 0, 60, diag);
        ASSERT_TRUE(found.ok());
        const Fitted& f = found->back();
        strips += static_cast<int>(f.splits.size());
        const ProcessResult r = shadow_run(f.graph, f.program);
        EXPECT_TRUE(r.ok()) << "seed " << seed << "\n" << r.out << r.err;
    }
    EXPECT_GT(strips, 0);
}

TEST(Shadow, KitModelsReadWhatWasWritten) {
    GW_REQUIRE_KIT("models/kws01_int8.tflite");
    for (const char* model : {"kws01_int8", "ic01_int8", "vww01_int8", "ad01_int8"}) {
        Diagnostics diag;
        const auto module = read_tflite(kit_file(fmt::format("models/{}.tflite", model)), diag);
        ASSERT_TRUE(module.ok());
        const Graph g = testing::optimised(module->main());
        for (const char* optimize : {"speed", "ram"}) {
            const auto f = fit_whole(g, *find_core("cortex-m4"), in_arena(optimize), diag);
            ASSERT_TRUE(f.ok());
            const ProcessResult r = shadow_run(f->graph, f->program);
            EXPECT_TRUE(r.ok()) << model << ", " << optimize << "\n" << r.out << r.err;
        }
    }
}

// Gaps claimed one pixel of the result short: the planner believes it and puts the result so much nearer. Where it does, the run must say
// so.
TEST(Shadow, AGapOneTileShortIsCaught) {
    int planted = 0, caught = 0;
    for (uint32_t seed = 1; seed <= 24; ++seed) {
        const Graph g = random_int8(seed);
        Diagnostics diag;
        auto p = lower(g, *find_core("cortex-m4"), in_arena("ram"), diag);
        ASSERT_TRUE(p.ok());
        Program right = *p;
        ASSERT_TRUE(place_buffers(right, true, diag).ok());
        for (Step& s : p->steps) {
            Call* call = std::get_if<Call>(&s.what);
            if (call == nullptr || call->kernel != "conv2d_s8" || call->gaps.empty()) continue;
            const Buffer& y = p->buffers[static_cast<size_t>(call->arguments[1].index)];
            const int64_t tile = y.type.shape.dims().back();
            for (Gap& gap : call->gaps) {
                gap.gap -= tile;
                if (gap.down) *gap.down -= tile;
            }
        }
        ASSERT_TRUE(place_buffers(*p, true, diag).ok());
        if (p->regions[0].bytes >= right.regions[0].bytes) continue;  // no gap of a convolution decides here
        ++planted;
        const ProcessResult r = shadow_run(g, *p);
        caught += r.exit_code == 1 && r.out.find("no longer there") != std::string::npos ? 1 : 0;
        EXPECT_TRUE(shadow_run(g, right).ok());
    }
    EXPECT_GT(planted, 2);
    EXPECT_EQ(caught, planted);
}

}  // namespace
}  // namespace gw
