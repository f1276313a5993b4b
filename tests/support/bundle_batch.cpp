// See bundle_batch.h. The generated program writes one status byte a run in front of the outputs, so that one graph that fails does not
// hide the others.
#include "support/bundle_batch.h"

#include "base/files.h"
#include "base/text.h"
#include "report/report.h"

namespace gw::testing {
namespace {

constexpr int64_t most_align = 16;  // of the batch's input, output and arena
constexpr int64_t fence_bytes = 16;

// The next offset from `from` on that is an odd multiple of `align`: no more aligned than asked for.
int64_t place_at(int64_t from, int64_t align) {
    const int64_t k = (from + align - 1) / align;
    return (k | 1) * align;
}

constexpr std::string_view runner = R"(
/* 0: all is well; 1: the bundle returned an error; 2: it wrote behind its arena; 3: behind an output; 4: behind its state. */
static unsigned char batch_one(const batch_run_row *r, const unsigned char *input, unsigned char *output, unsigned char *memory)
{
    unsigned char *const state = memory + r->state_offset, *const arena = memory + BATCH_STATE + r->arena_offset;
    int32_t i;
    if (r->reset != 0) {
        memset(memory, 0xA5, BATCH_STATE);
        if (r->reset(state) != 0) return 1;
    }
    memset(memory + BATCH_STATE, 0xA5, (size_t)(r->arena_offset + r->arena_bytes + BATCH_FENCE));
    if (r->call(input, output, arena, state) != 0) return 1;
    for (i = 0; i < BATCH_FENCE; ++i) {
        if (arena[r->arena_bytes + i] != 0xA5) return 2;
        if (r->state_bytes > 0 && state[r->state_bytes + i] != 0xA5) return 4;
    }
    return 0;
}

int batch_run(const void *input, void *output, void *arena)
{
    unsigned char *status = (unsigned char *)output;
    int32_t i, k;
    memset(status, 0x5A, BATCH_OUTPUT_BYTES);
    for (i = 0; i < BATCH_RUNS; ++i)
        status[i] = batch_one(&batch_rows[i], (const unsigned char *)input, status, (unsigned char *)arena);
    for (i = 0; i < BATCH_FENCES; ++i)
        for (k = 0; k < BATCH_FENCE; ++k)
            if (status[batch_fences[i].at + k] != 0x5A && status[batch_fences[i].run] == 0) status[batch_fences[i].run] = 3;
    return 0;
}
)";

}  // namespace

BundleBatch::BundleBatch(std::string_view core) : core_(find_core(core)) { GW_CHECK(core_ != nullptr, "unknown core"); }

Status BundleBatch::add(const Graph& graph, const std::string& optimize, const std::vector<std::vector<Tensor>>& samples,
                        Diagnostics& diag) {
    Entry e;
    e.name = fmt::format("net{}", entries_.size());
    LowerOptions options;
    options.name = e.name;
    options.optimize = optimize;
    GW_TRY(Program program, lower(graph, *core_, options, diag));
    GW_TRY_DO(place_buffers(program, true, diag));
    GW_TRY_DO(verify(program, diag));
    for_each_call(program.steps, [&](const Call& call, int64_t) { ++kernels_[call.kernel]; });
    Emitted emitted = emit(program, graph, {"test", "test", "", "none", ""});
    const BundleInfo info = bundle_info({}, program, emitted);
    e.sources = emitted.sources;
    for (auto& [name, text] : emitted.files)
        if (name.ends_with(".c") || name.ends_with(".h")) e.files[name] = std::move(text);
    e.arena_bytes = info.arena_bytes, e.arena_align = info.arena_align;
    e.state_bytes = info.state_bytes, e.state_align = info.state_align;
    if (info.inputs.size() > 1 || info.outputs.size() > 1) {
        for (const BundleTensor& t : info.inputs) e.input_names.push_back(t.c_name);
        for (const BundleTensor& t : info.outputs) e.output_names.push_back(t.c_name);
    }
    for (const auto& sample : samples) {
        std::vector<Place>&in = e.inputs.emplace_back(), &out = e.outputs.emplace_back();
        for (size_t i = 0; i < info.inputs.size(); ++i) {
            const int64_t at = place_at(static_cast<int64_t>(input_.size()), info.inputs[i].align);
            GW_CHECK(static_cast<int64_t>(sample[i].bytes().size()) == info.inputs[i].bytes, "a sample must fit the graph's inputs");
            input_.resize(static_cast<size_t>(at), '\0');
            input_ += sample[i].bytes();
            in.push_back({at, info.inputs[i].bytes});
        }
        for (const BundleTensor& t : info.outputs) {
            const int64_t at = place_at(output_bytes_, t.align);
            out.push_back({at, t.bytes});
            output_bytes_ = at + t.bytes + fence_bytes;
        }
        ++runs_;
    }
    entries_.push_back(std::move(e));
    return {};
}

// In front of the arena, whose alignment it keeps.
int64_t BundleBatch::state_bytes() const {
    int64_t most = 0;
    for (const Entry& e : entries_) most = std::max(most, e.state_bytes + e.state_align);
    return (most + fence_bytes + 2 * most_align - 1) / (2 * most_align) * (2 * most_align);
}

int64_t BundleBatch::arena_bytes() const {
    int64_t most = 0;
    for (const Entry& e : entries_) most = std::max(most, e.arena_bytes + e.arena_align);
    return state_bytes() + most + fence_bytes;
}

// The status bytes lie in front of the outputs and keep their alignment.
int64_t BundleBatch::status_bytes() const { return (runs_ + 2 * most_align - 1) / (2 * most_align) * (2 * most_align); }

std::string BundleBatch::call_source(const Entry& e, size_t sample) const {
    const int64_t head = status_bytes();
    const auto &in = e.inputs[sample], &out = e.outputs[sample];
    std::string body, arguments;
    if (e.input_names.empty() && e.output_names.empty()) {
        for (const Place& p : in) arguments += fmt::format("(const void *)(input + {}), ", p.offset);
        for (const Place& p : out) arguments += fmt::format("(void *)(output + {}), ", head + p.offset);
    } else {
        body = fmt::format("    {}_io io;\n", e.name);
        for (size_t i = 0; i < in.size(); ++i)
            body += fmt::format("    io.{} = (const void *)(input + {});\n", e.input_names[i], in[i].offset);
        for (size_t i = 0; i < out.size(); ++i)
            body += fmt::format("    io.{} = (void *)(output + {});\n", e.output_names[i], head + out[i].offset);
        arguments = "&io, ";
    }
    return fmt::format(
        "static int {0}_sample_{1}(const unsigned char *input, unsigned char *output, unsigned char *arena, unsigned char *state)\n{{\n{2}"
        "    (void)input, (void)state;\n    return {0}_run({3}arena{4});\n}}\n",
        e.name, sample, body, arguments, e.state_bytes > 0 ? ", state" : "");
}

std::string BundleBatch::source() const {
    std::string text = "#include <stdint.h>\n#include <string.h>\n", rows, fences;
    int64_t run = 0;
    int64_t fence_count = 0;
    for (const Entry& e : entries_) {
        for (const std::string& s : e.sources) text += fmt::format("#include \"{}\"\n", s);
        if (e.state_bytes > 0)
            text += fmt::format("static int {0}_begin(unsigned char *state)\n{{\n    return {0}_reset(state);\n}}\n", e.name);
        const auto offset = [](int64_t align) { return align == most_align ? 0 : align; };
        for (size_t k = 0; k < e.inputs.size(); ++k, ++run) {
            text += call_source(e, k);
            const std::string reset = e.state_bytes > 0 && k == 0 ? e.name + "_begin" : "0";
            rows += fmt::format("    {{{}_sample_{}, {}, {}, {}, {}, {}}},\n", e.name, k, reset, offset(e.arena_align), e.arena_bytes,
                                offset(e.state_align), e.state_bytes);
            for (const Place& p : e.outputs[k]) {
                fences += fmt::format("    {{{}, {}}},\n", status_bytes() + p.offset + p.bytes, run);
                ++fence_count;
            }
        }
    }
    text +=
        "typedef struct {\n    int (*call)(const unsigned char *, unsigned char *, unsigned char *, unsigned char *);\n"
        "    int (*reset)(unsigned char *);\n    int32_t arena_offset, arena_bytes, state_offset, state_bytes;\n"
        "} batch_run_row;\ntypedef struct {\n    int32_t at, run;\n} batch_fence_row;\n";
    text += fmt::format("enum {{ BATCH_RUNS = {}, BATCH_FENCES = {}, BATCH_FENCE = {}, BATCH_STATE = {}, BATCH_OUTPUT_BYTES = {} }};\n",
                        runs_, fence_count, fence_bytes, state_bytes(), status_bytes() + output_bytes_);
    text += fmt::format("static const batch_run_row batch_rows[] = {{\n{}}};\n", rows);
    text += fmt::format("static const batch_fence_row batch_fences[] = {{\n{}}};\n", fences);
    return text + std::string(runner);
}

Expected<std::vector<BatchResult>> BundleBatch::run(std::string_view where, const std::vector<std::string>& cflags,
                                                    Diagnostics& diag) const {
    const TemporaryFolder folder;
    std::map<std::string, std::string> files;
    for (const Entry& e : entries_) files.insert(e.files.begin(), e.files.end());
    files["batch.h"] = "int batch_run(const void *input, void *output, void *arena);\n";
    files["batch.c"] = "#include \"batch.h\"\n" + source();
    GW_TRY_DO(write_files(folder.path(), files, diag));
    BundleInfo info;
    info.folder = folder.path();
    info.name = "batch", info.upper_name = "BATCH";
    info.sources = {"batch.c"};
    info.inputs = {{.name = "input", .c_name = "input", .bytes = static_cast<int64_t>(input_.size()), .align = most_align}};
    info.outputs = {{.name = "output", .c_name = "output", .bytes = status_bytes() + output_bytes_, .align = most_align}};
    info.arena_bytes = arena_bytes(), info.arena_align = most_align;
    BuildOptions build;
    build.cflags = cflags;
    RunOptions options;
    options.timeout_seconds = 600;
    options.price = where == "cortex-m0" || where == "cortex-m0plus";  // for the plugin's guard: Armv6-M faults where QEMU's boards do not
    const std::string samples[] = {input_};
    GW_TRY(const RunResult result, where == "host" ? run_on_host(info, samples, build, options, diag)
                                                   : run_on_core(info, *find_core(where), samples, build, options, diag));
    const std::string& bytes = result.outputs[0];
    std::vector<BatchResult> all;
    size_t run = 0;
    for (const Entry& e : entries_) {
        BatchResult& r = all.emplace_back();
        for (size_t k = 0; k < e.outputs.size(); ++k, ++run) {
            constexpr std::array what{"", "returned an error", "wrote behind its arena", "wrote behind an output",
                                      "wrote behind its state"};
            if (const auto status = static_cast<uint8_t>(bytes[run]); status != 0)
                r.fault = fmt::format("sample {}: {}", k, status < what.size() ? what[status] : "left no status");
            r.outputs.emplace_back();
            for (const Place& p : e.outputs[k])
                r.outputs.back().push_back(bytes.substr(static_cast<size_t>(status_bytes() + p.offset), static_cast<size_t>(p.bytes)));
        }
    }
    return all;
}

}  // namespace gw::testing
