// See kernel_harness.h. The C program that is generated here knows nothing of operators: it reads operands from a file, calls, and writes
// results.
#include "support/kernel_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/files.h"
#include "base/process.h"
#include "interp/interp.h"

namespace gw {
namespace {

void put(std::string& out, int64_t v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); }

int64_t up(int64_t v, int64_t align) { return v >= 0 ? (v + align - 1) / align * align : -(-v / align * align); }

constexpr std::string_view runner_head = R"(
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
typedef void (*kernel_call)(void **a);
)";

// Each run: kernel, batch, shared bytes, shared align, operands; each operand: kind, bytes, align, stride, offset, then its content if any.
constexpr std::string_view runner_tail = R"(
static FILE *in_file, *out_file;
static int64_t number(void)
{
    int64_t v = 0;
    if (fread(&v, sizeof v, 1, in_file) != 1) exit(3);
    return v;
}
/* A block whose end is exact and whose address has no more than the alignment asked for; the bytes before it are a fence. */
static uint8_t *block(int64_t bytes, int64_t align)
{
    uint8_t *base = malloc((size_t)(bytes + align));
    if (!base) exit(4);
    memset(base, 0xA5, (size_t)(bytes + align));
    return base + align;
}
static int fence_holds(const uint8_t *p, int64_t align)
{
    int64_t i;
    for (i = 1; i <= align; ++i)
        if (p[-i] != 0xA5) return 0;
    return 1;
}
int main(int argc, char **argv)
{
    int64_t runs, run;
    if (argc != 3) return 5;
    in_file = fopen(argv[1], "rb");
    out_file = fopen(argv[2], "wb");
    if (!in_file || !out_file) return 6;
    runs = number();
    for (run = 0; run < runs; ++run) {
        enum { most = 24 };
        uint8_t *place[most], *original[most], *shared = 0;
        void *argument[most];
        int64_t kind[most], bytes[most], align[most], stride[most], offset[most], i, n;
        const int64_t kernel = number(), batch = number(), shared_bytes = number(), shared_align = number();
        int64_t iteration, intact = 1;
        fprintf(stderr, "run %d\n", (int)run);
        n = number();
        if (n > most) return 7;
        if (shared_bytes > 0) shared = block(shared_bytes, shared_align);
        for (i = 0; i < n; ++i) {
            int64_t content;
            kind[i] = number(), bytes[i] = number(), align[i] = number(), stride[i] = number(), offset[i] = number();
            place[i] = offset[i] >= 0 ? shared + offset[i] : block(bytes[i], align[i]);
            original[i] = 0;
            content = number();
            if (content) {
                original[i] = malloc((size_t)bytes[i] + 1);
                if (!original[i] || fread(original[i], 1, (size_t)bytes[i], in_file) != (size_t)bytes[i]) return 8;
                memcpy(place[i], original[i], (size_t)bytes[i]);
            }
        }
        for (iteration = 0; iteration < batch; ++iteration) {
            for (i = 0; i < n; ++i) argument[i] = place[i] + iteration * stride[i];
            calls[kernel](argument);
        }
        for (i = 0; i < n; ++i) {
            if (original[i] && offset[i] < 0 && memcmp(original[i], place[i], (size_t)bytes[i])) intact = 0;
            if (offset[i] < 0 && !fence_holds(place[i], align[i])) intact = 0;
            if (kind[i] == 1) fwrite(place[i], 1, (size_t)bytes[i], out_file);
            free(original[i]);
            if (offset[i] < 0) free(place[i] - align[i]);
        }
        if (shared) {
            if (!fence_holds(shared, shared_align)) intact = 0;
            free(shared - shared_align);
        }
        fwrite(&intact, sizeof intact, 1, out_file);
    }
    fclose(in_file);
    return fclose(out_file) != 0;
}
)";

struct Context {
    std::vector<int> uses;
    std::vector<std::vector<NodeId>> users;
    MatchContext match;
    Context(const Graph& graph, const Core& core)
        : uses(graph.use_counts()), users(graph.users()), match{graph, uses, users, core, "speed"} {}
};

NodeId root_of(const Graph& graph) { return NodeId{static_cast<int32_t>(graph.nodes.size()) - 1}; }

}  // namespace

KernelHarness::KernelHarness(std::string_view core, double tolerance, KernelFault fault)
    : core_(find_core(core)), tolerance_(tolerance), fault_(std::move(fault)) {
    GW_CHECK(core_ != nullptr, "the harness was given an unknown core");
}

// The row of that name for the case's op: a kernel may have one for each of several ops. Failing that, any of its name.
static const KernelRow& row_for(const KernelCase& c, std::string_view name) {
    for (const KernelRow* row : kernel_rows())
        if (row->name == name && row->op == op_name(c.graph.nodes.back().op)) return *row;
    return row_by_name(name);
}

std::string KernelHarness::reason(const KernelCase& c, std::string_view name) const {
    const Context context(c.graph, *core_);
    const KernelRow& row = row_for(c, name);
    if (op_name(c.graph.nodes.back().op) != row.op) return "another op";
    const Match match = row.match(context.match, c.graph, root_of(c.graph));
    return match.candidate ? "" : match.reason;
}

Candidate KernelHarness::candidate(const KernelCase& c, std::string_view name) const {
    const Context context(c.graph, *core_);
    const Match match = row_for(c, name).match(context.match, c.graph, root_of(c.graph));
    GW_CHECK(match.candidate.has_value(), match.reason);
    return *match.candidate;
}

std::vector<std::string> KernelHarness::add(const KernelCase& c, std::string_view only) {
    Diagnostics diag;
    if (!verify(c.graph, diag)) {
        ADD_FAILURE() << c.label << ": " << (diag.all().empty() ? "graph does not verify" : diag.all().front().text());
        return {};
    }
    std::map<ValueId, Tensor> values;
    interpret(c.graph, c.inputs, [&](ValueId v, const Tensor& t) { values[v] = t; });
    for (size_t i = 0; i < c.graph.inputs.size(); ++i) values[c.graph.inputs[i].value] = c.inputs[i];
    const Context context(c.graph, *core_);
    std::vector<std::string> names;
    std::vector<std::pair<const KernelRow*, Candidate>> offers;
    MatchContext as_code = context.match;
    as_code.weights_as_code = true;
    for (const KernelRow* row : kernel_rows()) {
        if (row->op != op_name(c.graph.nodes.back().op) || (!only.empty() && row->name != only)) continue;
        Match match = row->match(context.match, c.graph, root_of(c.graph));
        if (!match.candidate) {
            EXPECT_FALSE(match.reason.empty()) << row->name << " does not match " << c.label << " and does not say why";
            continue;
        }
        EXPECT_FALSE(match.candidate->weights_are_code) << row->name << " was not asked for code";
        offers.emplace_back(row, std::move(*match.candidate));
        names.emplace_back(row->name);
        Match code = row->match(as_code, c.graph, root_of(c.graph));
        if (code.candidate && code.candidate->weights_are_code) offers.emplace_back(row, std::move(*code.candidate));
    }
    for (const auto& [row, offer] : offers) {
        EXPECT_FALSE(offer.covers.empty() || offer.covers.back() != root_of(c.graph)) << row->name << ": covers must end with the root";
        EXPECT_GT(offer.cycles, 0) << row->name << " on " << c.label;
        EXPECT_LE(offer.macs_executed, std::max<int64_t>(0, c.graph.macs())) << row->name << " on " << c.label;
        Call call{std::string(row->name), offer.constants, offer.types, offer.scalar, {}, {}};
        std::string source = specialise(*row, call, fmt::format("k{}", sources_.size()));
        if (fault_.edit_source) source = fault_.edit_source(source);
        Run run{fmt::format("{}{} on {}", row->name, offer.weights_are_code ? " as code" : "", c.label),
                static_cast<int64_t>(sources_.size()),
                offer.batch,
                0,
                1,
                {}};
        for (const KernelArgument& a : offer.arguments) {
            Operand o{a.kind, 0, a.align, a.stride, -1, {}, {}, {}};
            switch (a.kind) {
                case KernelArgument::Kind::input: {
                    const Tensor& t = c.graph.constant(a.value) ? *c.graph.constant(a.value) : values.at(a.value);
                    o.content = t.bytes();
                    break;
                }
                case KernelArgument::Kind::output:
                    o.type = c.graph.type(a.value);
                    o.expected = values.at(a.value).bytes();
                    o.bytes = o.type.bytes();
                    break;
                case KernelArgument::Kind::weights:
                case KernelArgument::Kind::table:
                    o.content = a.data.bytes();
                    break;
                case KernelArgument::Kind::scratch:
                    o.bytes = a.scratch_bytes;
                    break;
            }
            if (!o.content.empty()) o.bytes = static_cast<int64_t>(o.content.size());
            run.operands.push_back(std::move(o));
        }
        sources_.push_back(std::move(source));
        arity_.push_back(static_cast<int64_t>(offer.arguments.size()));
        runs_.push_back(run);
        for (const Overlap& overlap : offer.overlaps) {
            if (overlap.down) add_backward(*row, offer, overlap, run);
            Run together = run;
            Operand &in = together.operands[overlap.input], &out = together.operands[overlap.output];
            const int64_t align = std::max(in.align, out.align);
            const int64_t gap = up(overlap.gap + fault_.gap_change, align);
            in.offset = std::max<int64_t>(0, gap);
            out.offset = std::max<int64_t>(0, -gap);
            together.shared_bytes = std::max(in.offset + in.bytes, out.offset + out.bytes);
            together.shared_align = align;
            together.title += fmt::format(", input {} a gap of {} above output", overlap.input, gap);
            runs_.push_back(std::move(together));
        }
    }
    return names;
}

// The same kernel walking downward, input and output in one block with their ends the claimed gap apart.
void KernelHarness::add_backward(const KernelRow& row, const Candidate& offer, const Overlap& overlap, const Run& run) {
    Call call{std::string(row.name), offer.constants, offer.types, offer.scalar, {}, {}};
    for (auto& [name, value] : call.constants)
        if (name == "BACKWARD") value = 1;
    Run together = run;
    together.kernel = static_cast<int64_t>(sources_.size());
    sources_.push_back(specialise(row, call, fmt::format("k{}", sources_.size())));
    arity_.push_back(static_cast<int64_t>(offer.arguments.size()));
    Operand &in = together.operands[overlap.input], &out = together.operands[overlap.output];
    const int64_t align = std::max(in.align, out.align);
    // offset(out) + bytes(out) − offset(in) − bytes(in) = gap, rounded up so that both stay aligned.
    const int64_t difference = up(*overlap.down + fault_.gap_change + in.bytes - out.bytes, align);
    in.offset = std::max<int64_t>(0, -difference);
    out.offset = std::max<int64_t>(0, difference);
    together.shared_bytes = std::max(in.offset + in.bytes, out.offset + out.bytes);
    together.shared_align = align;
    together.title += fmt::format(", walking down, output {} bytes above input", difference);
    runs_.push_back(std::move(together));
}

std::string KernelHarness::program() const {
    std::string text(kernel_text("", "gw_kernel.h"));
    text += runner_head;
    for (size_t i = 0; i < sources_.size(); ++i) {
        text += sources_[i];
        text += fmt::format("static void call{}(void **a) {{ k{}(", i, i);
        for (int64_t a = 0; a < arity_[i]; ++a) text += fmt::format("{}a[{}]", a ? ", " : "", a);
        text += "); }\n";
    }
    text += "static const kernel_call calls[] = {";
    for (size_t i = 0; i < sources_.size(); ++i) text += fmt::format("{}call{}", i ? ", " : "", i);
    return text + "};\n" + std::string(runner_tail);
}

std::string KernelHarness::data() const {
    std::string out;
    put(out, static_cast<int64_t>(runs_.size()));
    for (const Run& run : runs_) {
        for (const int64_t v : {run.kernel, run.batch, run.shared_bytes, run.shared_align, static_cast<int64_t>(run.operands.size())})
            put(out, v);
        for (const Operand& o : run.operands) {
            for (const int64_t v : {static_cast<int64_t>(o.kind), o.bytes, o.align, o.stride, o.offset, int64_t{!o.content.empty()}})
                put(out, v);
            out += o.content;
        }
    }
    return out;
}

// What is wrong with the bytes `got` of an output; empty when nothing is.
std::string KernelHarness::differs(const Operand& o, std::string_view got) const {
    const Tensor want = Tensor::from_bytes(o.type, o.expected), have = Tensor::from_bytes(o.type, got);
    if (!is_float(o.type.dtype) && o.expected == got) return {};
    double largest = 1;
    for (int64_t i = 0; i < want.elements(); ++i)
        if (std::isfinite(want.at(i))) largest = std::max(largest, std::abs(want.at(i)));
    for (int64_t i = 0; i < want.elements(); ++i) {
        const double a = want.at(i), b = have.at(i);
        const bool same = a == b || (std::isnan(a) && std::isnan(b)) || (is_float(o.type.dtype) && std::abs(a - b) <= tolerance_ * largest);
        if (!same) return fmt::format("element {} of {} is {}, expected {}", i, o.type.text(), b, a);
    }
    return {};
}

std::vector<std::string> KernelHarness::run(const std::vector<std::string>& flags) {
    Diagnostics diag;
    const TemporaryFolder folder;
    const auto source = folder.path() / "kernels.c", data_file = folder.path() / "operands", result_file = folder.path() / "results";
    if (!write_file(source, program(), diag) || !write_file(data_file, data(), diag)) return {"cannot write the program"};
    const std::string binary = (folder.path() / "kernels").string();
    std::vector<std::string> command{"gcc",
                                     "-std=c99",
                                     "-O1",
                                     "-g1",
                                     "-Wall",
                                     "-Wextra",
                                     "-Wconversion",
                                     "-Werror",
                                     "-fsanitize=address,undefined",
                                     "-fno-sanitize-recover=all",
                                     "-o",
                                     binary,
                                     source.string(),
                                     "-lm"};
    command.insert(command.end(), flags.begin(), flags.end());
    const ProcessResult built = run_process(command);
    if (!built.ok()) return {"the program does not compile: " + built.start_error + built.err.substr(0, 4000)};
    const ProcessResult done = run_process({binary, data_file.string(), result_file.string()}, {{}, 300, size_t{1} << 22});
    if (!done.ok()) return failure_of(done.err);
    const Expected<std::string> read = read_file(result_file, diag);
    if (!read) return {"no results"};
    return compare(*read);
}

// The run that the program was at when it wrote its last line.
std::vector<std::string> KernelHarness::failure_of(const std::string& err) const {
    const size_t last = err.rfind("\nrun ") != std::string::npos ? err.rfind("\nrun ") + 5 : 4;
    const size_t index = std::min(static_cast<size_t>(std::atoll(err.c_str() + std::min(last, err.size()))), runs_.size() - 1);
    return {fmt::format("{}: {}", runs_[index].title, err.substr(std::min(last, err.size()), 3000))};
}

std::vector<std::string> KernelHarness::compare(std::string_view rest) const {
    std::vector<std::string> faults;
    const auto take = [&](int64_t n) {
        const std::string_view part = rest.substr(0, static_cast<size_t>(n));
        rest.remove_prefix(part.size());
        return part;
    };
    for (const Run& run : runs_) {
        for (const Operand& o : run.operands) {
            if (o.kind != KernelArgument::Kind::output) continue;
            const std::string_view got = take(o.bytes);
            if (static_cast<int64_t>(got.size()) != o.bytes) return {"results are cut short"};
            if (const std::string why = differs(o, got); !why.empty()) faults.push_back(fmt::format("{}: {}", run.title, why));
        }
        int64_t intact = 0;
        const std::string_view flag = take(sizeof intact);
        if (flag.size() != sizeof intact) return {"results are cut short"};
        std::memcpy(&intact, flag.data(), sizeof intact);
        if (intact == 0) faults.push_back(run.title + ": an input, a constant or memory before an operand was changed");
    }
    return faults;
}

}  // namespace gw
