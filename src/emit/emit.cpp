// A placed program as C. Four files carry it: NAME.h is all that a user includes, NAME_private.h what the others share, NAME_weights.c the
// constants, NAME.c one kernel function for each distinct specialisation, one function for each step, and the public function that calls
// the steps in order. Every symbol begins with the model's name; nothing is mutable, allocated or recursive.
#include "emit/emit.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "emit/interface.h"
#include "emit/writer.h"
#include "kernels/kernel.h"

namespace gw {
namespace {

// A product and a sum fused into one rounding would give other bits from -O2 on.
constexpr std::string_view same_float_bits =
    "\n/* Each operation rounds on its own: the same bits at every optimisation level. */\n"
    "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n#elif defined(__GNUC__)\n#pragma GCC optimize(\"fp-contract=off\")\n#endif\n";

class Emitter {
public:
    Emitter(const Program& p, const Graph& g, const EmitOptions& options)
        : p_(p), g_(g), o_(options), n_(p.name), N_(to_upper(p.name)), face_(p, g) {}

    Emitted run() {
        out_.inputs = face_.inputs, out_.outputs = face_.outputs, out_.blocks = face_.blocks;
        const std::string steps = step_functions();
        out_.files[n_ + ".h"] = public_header();
        out_.files[n_ + "_private.h"] = private_header();
        out_.files[n_ + ".c"] = source(steps);
        out_.files[n_ + "_weights.c"] = weights_source();
        weights_files();
        out_.files[n_ + ".gw"] = o_.graph_text;
        out_.files["CMakeLists.txt"] = cmake();
        out_.sources = {n_ + ".c", n_ + "_weights.c"};
        return std::move(out_);
    }

private:
    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }
    bool in_arena(int32_t b) const { return buffer(b).region >= 0; }
    int64_t arena_bytes() const { return p_.regions[0].bytes; }

    std::string head(std::string_view what) const {
        return fmt::format(
            "/* SPDX-License-Identifier: 0BSD */\n"
            "/* {}\n"
            " * Made by {} from {} (sha256 {}).\n"
            " * Options: {}. */\n",
            comment_text(what), o_.tool, comment_text(o_.model_file), o_.model_sha256.empty() ? "unknown" : o_.model_sha256,
            comment_text(o_.options));
    }

    // --- NAME.h --------------------------------------------------------------------------------------------------------------------------
    void port_macros(std::string& s, const std::string& prefix, const EmittedPort& port) const {
        const Buffer& b = buffer(port.buffer);
        const Type& t = b.type;
        s += fmt::format("#define {}_TYPE {}\n", prefix, dtype_c_name(t.dtype));
        s += fmt::format("#define {}_RANK {}\n", prefix, std::max<int64_t>(t.shape.rank(), 1));
        s +=
            fmt::format("#define {}_DIMS {{{}}}\n", prefix, t.shape.rank() == 0 ? "1" : fmt::format("{}", fmt::join(t.shape.dims(), ", ")));
        s += fmt::format("#define {}_COUNT {}u\n", prefix, t.elements());
        s += fmt::format("#define {}_BYTES {}u\n", prefix, t.bytes());
        s += fmt::format("#define {}_ALIGN {}u\n", prefix, b.align);
        if (t.quant.per_tensor()) {
            s += fmt::format("#define {}_SCALE {}\n", prefix, c_float_literal(t.quant.scale()));
            s += fmt::format("#define {}_ZERO_POINT ({})\n", prefix, t.quant.zero_point());
        }
    }

    std::vector<std::string_view> macro_names(const Type& t) const {
        std::vector<std::string_view> names = {"TYPE", "RANK", "DIMS", "COUNT", "BYTES", "ALIGN"};
        if (t.quant.per_tensor()) {
            names.push_back("SCALE");
            names.push_back("ZERO_POINT");
        }
        return names;
    }

    void port_section(std::string& s, const char* kind, const std::vector<EmittedPort>& ports, const std::vector<Port>& graph_ports,
                      std::set<std::string>& macros) const {
        const std::string upper = to_upper(kind);
        for (size_t i = 0; i < ports.size(); ++i) {
            const std::string prefix = fmt::format("{}_{}{}", N_, upper, i);
            const Type& t = buffer(ports[i].buffer).type;
            s += fmt::format(
                "\n/* {} {}: \"{}\", {}{}. {} */\n", kind, i, comment_text(ports[i].name), comment_text(t.text()),
                layout_note(graph_ports[i]),
                in_arena(ports[i].buffer) ? fmt::format("In the arena at byte {}.", p_.address(ports[i].buffer)) : "The caller's memory.");
            port_macros(s, prefix, ports[i]);
            std::vector<std::string> aliases = {N_ + "_" + to_upper(c_identifier(ports[i].name))};
            if (ports.size() == 1) aliases.push_back(N_ + "_" + upper);
            for (const std::string& alias : aliases) {
                if (!macros.insert(alias).second) continue;
                for (std::string_view m : macro_names(t)) s += fmt::format("#define {}_{} {}_{}\n", alias, m, prefix, m);
            }
        }
    }

    static std::string layout_note(const Port& port) {
        if (port.perm.empty()) return "";
        return fmt::format("; the model's own order is {}, dimension i here is its dimension {{{}}}[i]", port.model_shape.text(),
                           fmt::join(port.perm, ","));
    }

    std::string public_header() const {
        std::string s = head(fmt::format("{}: the only header to include.", n_));
        s += fmt::format("#ifndef {0}_H\n#define {0}_H\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n", N_);
        s += fmt::format("#define {}_ARENA_BYTES {}u /* activations and scratch: the caller's memory, any RAM */\n", N_, arena_bytes());
        s += fmt::format("#define {}_ARENA_ALIGN {}u\n", N_, p_.regions[0].align);
        s += fmt::format("#define {}_STATE_BYTES 0u /* nothing is kept between calls */\n", N_);
        s += fmt::format("#define {}_LAYERS {}\n", N_, p_.steps.size());
        s += fmt::format("#define {}_GRAPH_SHA256 \"{}\" /* of {}.gw */\n", N_, sha256_hex(o_.graph_text), n_);
        std::set<std::string> macros = {N_ + "_ARENA", N_ + "_STATE",   N_ + "_LAYERS", N_ + "_GRAPH",
                                        N_ + "_ERR",   N_ + "_WEIGHTS", N_ + "_HOOK"};
        for (size_t i = 0; i < out_.inputs.size(); ++i) macros.insert(fmt::format("{}_INPUT{}", N_, i));
        for (size_t i = 0; i < out_.outputs.size(); ++i) macros.insert(fmt::format("{}_OUTPUT{}", N_, i));
        port_section(s, "input", out_.inputs, g_.inputs, macros);
        port_section(s, "output", out_.outputs, g_.outputs, macros);
        s += fmt::format(
            "\n#define {0}_OK 0\n#define {0}_ERR_NULL (-1)  /* a pointer is NULL */\n#define {0}_ERR_ALIGN (-2) /* a pointer is not "
            "aligned as stated above */\n\n",
            N_);
        s += face_.io_struct();
        s += face_.access_functions(false);
        s += fmt::format(
            "/* Runs one inference. Inputs are not written unless they lie in the arena. Buffers must not overlap. Nothing in the arena "
            "survives\n"
            " * a call but the outputs that lie there. Returns {0}_OK, or an error that was found before anything was written.\n"
            " * Concurrent calls need an arena each. */\n{1};\n\n#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {0}_H */\n",
            N_, face_.signature());
        return s;
    }

    // --- NAME_private.h ------------------------------------------------------------------------------------------------------------------
    std::string prefixed(std::string_view text) const {
        std::string s = rename_prefix(text, "gw_", n_ + "_");
        return rename_prefix(s, "GW_", N_ + "_");
    }

    bool has_floats() const {
        return std::any_of(p_.buffers.begin(), p_.buffers.end(), [](const Buffer& b) { return is_float(b.type.dtype); });
    }

    std::string private_header() const {
        std::string s = head(fmt::format("{}: what its own files share. Do not include it elsewhere.", n_));
        s += fmt::format("#ifndef {0}_PRIVATE_H\n#define {0}_PRIVATE_H\n\n#include \"{1}.h\"\n", N_, n_);
        if (out_.needs_libm) s += "\n#include <math.h>\n";
        if (has_floats()) s += same_float_bits;
        s += prefixed(kernel_header_body());
        s += fmt::format(
            "\n/* Called before each layer: for a watchdog, timers or tracing. Define it to your own. */\n#ifndef {0}_HOOK\n#define "
            "{0}_HOOK(layer) ((void)0)\n#endif\n",
            N_);
        s += fmt::format(
            "\n/* In front of every constant: a section, for example. */\n#ifndef {0}_WEIGHTS_ATTR\n#define {0}_WEIGHTS_ATTR\n#endif\n\n",
            N_);
        s += face_.context();
        for (const Data& d : p_.data)
            s += fmt::format("extern const {} {}_{}[{}];\n", dtype_c_name(d.tensor.type.dtype), n_, d.name, data_count(d));
        s += fmt::format("\n#endif /* {}_PRIVATE_H */\n", N_);
        return s;
    }

    // --- NAME.c --------------------------------------------------------------------------------------------------------------------------
    std::string place(const Argument& a, bool loop) const {
        if (a.kind == Argument::Kind::data) {
            const Data& d = p_.data[static_cast<size_t>(a.index)];
            std::string s = n_ + "_" + d.name;
            if (a.stride != 0 && loop) s += fmt::format(" + i * {}", a.stride * 8 / bits(d.tensor.type.dtype));
            return s;
        }
        int64_t offset = a.offset;
        const int32_t root = p_.root(a.index, offset);
        const Buffer& b = buffer(root);
        std::string base = "c->arena";
        if (b.region < 0)
            base = fmt::format("c->{}{}", b.role == BufferRole::input ? "input" : "output", b.port);
        else
            offset += b.offset;
        std::string s = base;
        if (offset != 0) s += fmt::format(" + {}", offset);
        if (a.stride != 0 && loop) s += fmt::format(" + i * {}", a.stride);
        return fmt::format("({}void *)({})", a.written ? "" : "const ", s);
    }

    // The function of a specialisation; equal ones are shared.
    std::string kernel_function(const Call& call) {
        Call key_call = call;
        std::string key = call.kernel;
        for (const auto& [name, value] : call.constants) key += fmt::format(" {}={}", name, value);
        for (const auto& [name, type] : call.types) key += fmt::format(" {}={}", name, type);
        key += " " + call.scalar;
        const auto known = functions_.find(key);
        if (known != functions_.end()) return known->second;
        const KernelRow& row = row_by_name(call.kernel);
        const std::string symbol = fmt::format("{}_{}_{}", n_, call.kernel, ++kernel_count_[call.kernel]);
        out_.needs_libm = out_.needs_libm || needs_libm(row);
        kernels_ += "\n" + prefixed(specialise(row, call, symbol));
        functions_.emplace(std::move(key), symbol);
        return symbol;
    }

    std::string call_text(const Call& call, const std::string& indent, bool loop) {
        const std::string function = kernel_function(call);
        std::vector<std::string> arguments;
        for (const Argument& a : call.arguments) arguments.push_back(place(a, loop));
        return wrapped_call(indent + function, arguments);
    }

    std::string range_text(const Argument& a) const {
        if (a.kind == Argument::Kind::data) return "";
        int64_t offset = 0;
        const Buffer& root = buffer(p_.root(a.index, offset));
        const Buffer& b = buffer(a.index);
        const std::string name = comment_text(b.name);
        if (root.region < 0)
            return fmt::format("\"{}\" {} ({})", name, b.type.shape.text(),
                               root.role == BufferRole::input ? "caller's input" : "caller's output");
        return fmt::format("\"{}\" {} at arena {}..{}", name, b.type.shape.text(), root.offset + offset, root.offset + offset + b.bytes());
    }

    std::string step_comment(size_t k, const Step& step) const {
        std::vector<std::string> nodes, reads, writes;
        for (const auto& [name, op] : step.sources) nodes.push_back(fmt::format("{} \"{}\"", op, name));
        for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
            for (const Argument& a : call.arguments)
                if (a.kind == Argument::Kind::buffer) (a.written ? writes : reads).push_back(range_text(a));
        });
        std::string s =
            fmt::format("\n/* Layer {}: {}", k, comment_text(nodes.empty() ? step.op : fmt::format("{}", fmt::join(nodes, " + "))));
        if (step.macs > 0) s += fmt::format("; {} MACs, {} executed", step.macs, step.macs_executed);
        s += fmt::format("\n * reads {}\n * writes {} */\n", reads.empty() ? "constants" : fmt::format("{}", fmt::join(reads, ", ")),
                         fmt::join(writes, ", "));
        return s;
    }

    std::string step_functions() {
        std::string s;
        for (size_t k = 0; k < p_.steps.size(); ++k) {
            const Step& step = p_.steps[k];
            const std::string function = fmt::format("{}_step_{}", n_, k);
            out_.step_functions.push_back(function);
            s += step_comment(k, step);
            s += fmt::format("static {}_NOINLINE int {}(const {}_ctx *c)\n{{\n", N_, function, n_);
            const bool uses_context = mentions_context(step);
            if (!uses_context) s += "    (void)c;\n";
            if (const Loop* loop = std::get_if<Loop>(&step.what)) {
                s += fmt::format("    int32_t i;\n    for (i = 0; i < {}; ++i) {{\n", loop->count);
                for (const Step& inner : loop->body) {
                    GW_CHECK(std::holds_alternative<Call>(inner.what), "loops inside loops are not emitted");
                    s += call_text(std::get<Call>(inner.what), "        ", true);
                }
                s += "    }\n";
            } else {
                s += call_text(std::get<Call>(step.what), "    ", false);
            }
            s += "    return 0;\n}\n";
        }
        return s;
    }

    static bool mentions_context(const Step& step) {
        bool any = false;
        for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
            for (const Argument& a : call.arguments) any = any || a.kind == Argument::Kind::buffer;
        });
        return any;
    }

    std::string memory_map() const {
        std::string s = fmt::format("/* Memory map of the arena, {} bytes{}:\n", arena_bytes(),
                                    p_.regions[0].optimal ? ", proved to be the least" : "");
        std::vector<int32_t> order;
        for (size_t b = 0; b < p_.buffers.size(); ++b) {
            int64_t offset = 0;
            if (buffer(p_.root(static_cast<int32_t>(b), offset)).region >= 0) order.push_back(static_cast<int32_t>(b));
        }
        std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return p_.address(a) < p_.address(b); });
        for (int32_t b : order) {
            const int64_t at = p_.address(b);
            s += fmt::format(" *   {:>8} .. {:<8} {}{}\n", at, at + buffer(b).bytes(), comment_text(buffer(b).name), role_note(buffer(b)));
        }
        return s + " */\n";
    }
    static const char* role_note(const Buffer& b) {
        switch (b.role) {
            case BufferRole::input:
                return " (input)";
            case BufferRole::output:
                return " (output)";
            case BufferRole::scratch:
                return " (scratch)";
            case BufferRole::activation:
                return "";
        }
        return "";
    }

    std::string source(const std::string& steps) const {
        std::string s = head(fmt::format("{}: the layers and the function that runs them.", n_));
        s += fmt::format("#include \"{}_private.h\"\n\n", n_) + memory_map();
        s += kernels_ + steps + face_.access_functions(true);
        s += "\n" + face_.signature() + "\n{\n";
        s += fmt::format("    {}_ctx c;\n    int status = {}_OK;\n", n_, N_);
        s += face_.checks() + face_.fill_context();
        for (size_t k = 0; k < p_.steps.size(); ++k)
            s += fmt::format("    {}_HOOK({});\n    if ((status = {}(&c)) != 0) return status;\n", N_, k, out_.step_functions[k]);
        return s + "    return status;\n}\n";
    }

    // --- weights -------------------------------------------------------------------------------------------------------------------------
    static int64_t data_count(const Data& d) {
        return bits(d.tensor.type.dtype) < 8 ? d.tensor.type.bytes() : std::max<int64_t>(d.tensor.elements(), 1);
    }

    std::string weights_source() const {
        std::string s = head(fmt::format("{}: constants. w: weights and biases; t: tables of the arithmetic.", n_));
        s += fmt::format("#include \"{}_private.h\"\n", n_);
        for (const Data& d : p_.data) {
            s += fmt::format("\n{}_WEIGHTS_ATTR const {} {}_{}[{}] = {{\n", N_, dtype_c_name(d.tensor.type.dtype), n_, d.name,
                             data_count(d));
            s += array_body(d.tensor);
            s += "};\n";
        }
        if (p_.data.empty()) s += fmt::format("\ntypedef int {}_has_no_weights;\n", n_);
        return s;
    }

    void weights_files() {
        std::string bin;
        for (const Data& d : p_.data) {
            const auto align = static_cast<size_t>(std::max(1, bits(d.tensor.type.dtype) / 8));
            bin.resize((bin.size() + align - 1) / align * align);
            bin += d.tensor.bytes();
        }
        std::string txt;
        for (size_t i = 0; i < bin.size(); ++i)
            txt += fmt::format("0x{:02X},{}", static_cast<unsigned char>(bin[i]), i % 16 == 15 ? "\n" : " ");
        if (!txt.empty() && txt.back() != '\n') txt.back() = '\n';
        out_.files[n_ + ".weights.bin"] = std::move(bin);
        out_.files[n_ + ".weights.txt"] = std::move(txt);
    }

    std::string cmake() const {
        return fmt::format(
            "# SPDX-License-Identifier: 0BSD\n"
            "cmake_minimum_required(VERSION 3.15)\n"
            "if(NOT DEFINED PROJECT_NAME)\n  project({0} C)\nendif()\n"
            "add_library({0} STATIC {0}.c {0}_weights.c)\n"
            "add_library(glowworm::{0} ALIAS {0})\n"
            "target_include_directories({0} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})\n"
            "target_compile_features({0} PUBLIC c_std_99)\n{1}",
            n_, out_.needs_libm ? fmt::format("target_link_libraries({} PUBLIC m)\n", n_) : "");
    }

    const Program& p_;
    const Graph& g_;
    const EmitOptions& o_;
    const std::string n_, N_;
    const Interface face_;
    Emitted out_;
    std::string kernels_;
    std::map<std::string, std::string> functions_;
    std::map<std::string, int> kernel_count_;
};

}  // namespace

Emitted emit(const Program& program, const Graph& graph, const EmitOptions& options) { return Emitter(program, graph, options).run(); }

}  // namespace gw
