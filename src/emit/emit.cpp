// A placed program as C. Four files carry it: NAME.h is all that a user includes, NAME_private.h what the others share, NAME_weights.c the
// constants, NAME.c one kernel function for each distinct specialisation, one function for each step, and the public function that calls
// the steps in order. Every symbol begins with the model's name; nothing is mutable, allocated or recursive.
#include "emit/emit.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "emit/header.h"
#include "emit/interface.h"
#include "emit/selftest.h"
#include "emit/weights.h"
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
        : p_(p),
          g_(g),
          o_(options),
          n_(p.name),
          N_(to_upper(p.name)),
          weights_(weights_blob(p, options.weights_passed())),
          face_(p, g, options, weights_) {}

    Emitted run() {
        out_.inputs = face_.inputs, out_.outputs = face_.outputs, out_.blocks = face_.blocks;
        out_.glow_state = face_.glow_state;
        out_.function = face_.function();
        out_.weights_crc32 = crc32(weights_.bytes);
        out_.custom = custom_functions(p_);
        if (!out_.custom.empty()) out_.files["glowworm_custom.h"] = kernel_text("", "glowworm_custom.h");
        report_names();
        const std::string steps = step_functions();
        out_.files[n_ + ".h"] =
            header_text(p_, g_, o_, face_, weights_, head(fmt::format("{}: the only header to include.", n_)), out_.renamed);
        out_.files[n_ + "_private.h"] = private_header();
        out_.files[n_ + ".c"] = source(steps);
        out_.sources = {n_ + ".c"};
        if (!o_.weights_passed()) {
            out_.files[n_ + "_weights.c"] = weights_source();
            out_.sources.push_back(n_ + "_weights.c");
        }
        if (o_.selftest) {
            out_.files[n_ + "_selftest.c"] =
                selftest_text(p_, o_, face_, head(fmt::format("{}: a test of every layer, for any board.", n_)));
            out_.sources.push_back(n_ + "_selftest.c");
        }
        out_.files[n_ + ".weights.bin"] = weights_.bytes;
        out_.files[n_ + ".weights.txt"] = weights_text(weights_.bytes);
        out_.files[n_ + ".gw"] = o_.graph_text;
        out_.files["CMakeLists.txt"] = cmake();
        return std::move(out_);
    }

private:
    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }
    int64_t arena_bytes() const { return p_.regions[0].bytes; }

    // Tensors whose names C does not take as they are, where a struct or a function is called by them.
    void report_names() {
        if (!face_.several()) return;
        for (const auto* ports : {&face_.inputs, &face_.outputs})
            for (const EmittedPort& port : *ports)
                if (port.name != port.c_name)
                    out_.renamed.push_back(fmt::format("the tensor \"{}\" is called {} in C", port.name, port.c_name));
    }

    std::string head(std::string_view what) const {
        return fmt::format(
            "/* SPDX-License-Identifier: 0BSD */\n"
            "/* {}\n"
            " * Made by {} from {} (sha256 {}).\n"
            " * Options: {}. */\n",
            comment_text(what), o_.tool, comment_text(o_.model_file), o_.model_sha256.empty() ? "unknown" : o_.model_sha256,
            comment_text(o_.options));
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
        if (o_.weights_passed() && !o_.glow)
            s += fmt::format(
                "\n/* Whether these are the bundle's weights. Define it to 1 where they were checked before. */\n#ifndef "
                "{0}_CHECK_WEIGHTS\n"
                "#define {0}_CHECK_WEIGHTS(weights) ({1}_check_weights(weights) == {0}_OK)\n#endif\n\n",
                N_, n_);
        else if (!o_.weights_passed())
            s += fmt::format(
                "\n/* In front of every constant: a section, for example. */\n#ifndef {0}_WEIGHTS_ATTR\n#define "
                "{0}_WEIGHTS_ATTR\n#endif\n\n",
                N_);
        if (std::any_of(p_.data.begin(), p_.data.end(), [](const Data& d) { return d.in_ram; }))
            s += fmt::format(
                "/* In front of every constant that lies in RAM: nothing is needed where start-up code initialises variables. */\n"
                "#ifndef {0}_WEIGHTS_RAM_ATTR\n#define {0}_WEIGHTS_RAM_ATTR\n#endif\n\n",
                N_);
        s += face_.context();
        if (o_.selftest) s += fmt::format("/* Runs one layer, for the self-test. */\nint {0}_layer(const {0}_ctx *c, int layer);\n", n_);
        for (const Data& d : p_.data)
            if (!o_.weights_passed())
                s += fmt::format("extern {}{} {}_{}[{}];\n", d.in_ram ? "" : "const ", dtype_c_name(d.tensor.type.dtype), n_, d.name,
                                 data_count(d));
        s += fmt::format("\n#endif /* {}_PRIVATE_H */\n", N_);
        return s;
    }

    // --- NAME.c --------------------------------------------------------------------------------------------------------------------------
    std::string place(const Argument& a, bool loop) const {
        if (a.kind == Argument::Kind::data) {
            const Data& d = p_.data[static_cast<size_t>(a.index)];
            std::string s = n_ + "_" + d.name;
            if (o_.weights_passed())
                s = fmt::format("(const {} *)(const void *)(c->weights + {})", dtype_c_name(d.tensor.type.dtype),
                                weights_.offsets[static_cast<size_t>(a.index)]);
            if (a.stride != 0 && loop) s += fmt::format(" + i * {}", a.stride * 8 / bits(d.tensor.type.dtype));
            return s;
        }
        int64_t offset = a.offset;
        const int32_t root = p_.root(a.index, offset);
        const Buffer& b = buffer(root);
        std::string base = b.region == Program::state_region_number ? "c->state" : "c->arena";
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
        std::string symbol = fmt::format("{}_{}_{}", n_, call.kernel, ++kernel_count_[call.kernel]);
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
        return fmt::format("\"{}\" {} at {} {}..{}", name, b.type.shape.text(), p_.regions[static_cast<size_t>(root.region)].name,
                           root.offset + offset, root.offset + offset + b.bytes());
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
            if (!mentions_context(step)) s += "    (void)c;\n";
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
            s += fmt::format("    {}_STEP_DONE;\n    return 0;\n}}\n", N_);
        }
        return s;
    }

    bool mentions_context(const Step& step) const {
        bool any = false;
        for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
            for (const Argument& a : call.arguments) any = any || o_.weights_passed() || a.kind == Argument::Kind::buffer;
        });
        return any;
    }

    std::string memory_map(size_t region) const {
        std::string s = fmt::format("/* Memory map of the {}, {} bytes{}:\n", p_.regions[region].name, p_.regions[region].bytes,
                                    p_.regions[region].optimal ? ", proved to be the least" : "");
        std::vector<int32_t> order;
        for (size_t b = 0; b < p_.buffers.size(); ++b) {
            int64_t offset = 0;
            if (buffer(p_.root(static_cast<int32_t>(b), offset)).region == static_cast<int32_t>(region))
                order.push_back(static_cast<int32_t>(b));
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
            case BufferRole::state:
            case BufferRole::activation:
                return "";
        }
        return "";
    }

    std::string reset_function() const {
        if (p_.state_bytes() == 0) return {};
        const std::string place = o_.glow ? fmt::format("mutableWeight + {}", face_.glow_state) : "(unsigned char *)state";
        std::string s = fmt::format("\n{}\n{{\n    unsigned char *at;\n", face_.reset_signature());
        s += face_.reset_checks() + fmt::format("    at = {};\n", place);
        bool constants = false;
        for (int32_t i : p_.states) {
            const Buffer& b = buffer(i);
            const auto data = static_cast<size_t>(b.init);
            const std::string from = b.init < 0 ? ""
                                     : o_.glow  ? fmt::format("constantWeight + {}", weights_.offsets[data])
                                                : n_ + "_" + p_.data[data].name;
            s += b.init >= 0 ? fmt::format("    memcpy(at + {}, {}, {});", b.offset, from, b.bytes())
                             : fmt::format("    memset(at + {}, {}, {});", b.offset, b.fill, b.bytes());
            s += fmt::format(" /* {} */\n", comment_text(b.name));
            constants = constants || b.init >= 0;
        }
        if (o_.glow && !constants) s += "    (void)constantWeight;\n";
        return s + fmt::format("    return {}_OK;\n}}\n", N_);
    }

    std::string source(const std::string& steps) const {
        std::string s = head(fmt::format("{}: the layers and the function that runs them.", n_));
        s += fmt::format("#include \"{}_private.h\"\n\n", n_);
        for (size_t region = 0; region < p_.regions.size(); ++region) s += memory_map(region);
        s += kernels_ + steps + face_.access_functions(true) + reset_function();
        if (o_.weights_passed() && !o_.glow) s += check_function();
        if (o_.selftest) s += layer_function();
        s += "\n" + face_.signature() + "\n{\n";
        s += fmt::format("    {}_ctx c;\n    int status = {}_OK;\n", n_, N_);
        s += face_.checks() + face_.fill_context();
        for (size_t k = 0; k < p_.steps.size(); ++k)
            s += fmt::format("    {}_HOOK({});\n    if ((status = {}(&c)) != 0) return status;\n", N_, k, out_.step_functions[k]);
        return s + "    return status;\n}\n";
    }

    // The CRC of zlib and Ethernet, four bits at a time: a table of 64 bytes is a fair price between 1 KiB and a loop over bits.
    std::string check_function() const {
        std::string table;
        for (uint32_t i = 0; i < 16; ++i) {
            uint32_t v = i;
            for (int k = 0; k < 4; ++k) v = (v & 1) != 0 ? v >> 1 ^ 0xEDB88320u : v >> 1;
            table += fmt::format("{}0x{:08X}u,", i % 8 == 0 ? "\n    " : " ", v);
        }
        std::string s = fmt::format("\nstatic const uint32_t {0}_crc_table[16] = {{{1}\n}};\n", n_, table);
        return s +
               fmt::format(
                   "\nint {0}_check_weights(const void *weights)\n{{\n    const unsigned char *bytes = (const unsigned char *)weights;\n"
                   "    uint32_t crc = 0xFFFFFFFFu;\n    uint32_t i;\n    if (weights == 0) return {1}_ERR_NULL;\n{2}"
                   "    for (i = 0; i < {1}_WEIGHTS_BYTES; ++i) {{\n        crc ^= bytes[i];\n"
                   "        crc = (crc >> 4) ^ {0}_crc_table[crc & 15u];\n        crc = (crc >> 4) ^ {0}_crc_table[crc & 15u];\n    }}\n"
                   "    return (crc ^ 0xFFFFFFFFu) == {1}_WEIGHTS_CRC32 ? {1}_OK : {1}_ERR_WEIGHTS;\n}}\n",
                   n_, N_,
                   weights_.align > 1 ? fmt::format("    if ((uintptr_t)weights % {}u != 0) return {}_ERR_ALIGN;\n", weights_.align, N_)
                                      : "");
    }

    std::string layer_function() const {
        std::string s = fmt::format("\nint {0}_layer(const {0}_ctx *c, int layer)\n{{\n    switch (layer) {{\n", n_);
        for (size_t k = 0; k < p_.steps.size(); ++k) s += fmt::format("        case {}: return {}(c);\n", k, out_.step_functions[k]);
        return s + "        default: return -1;\n    }\n}\n";
    }

    // --- weights -------------------------------------------------------------------------------------------------------------------------
    std::string weights_source() const {
        std::string s = head(fmt::format("{}: constants. w: weights and biases; t: tables of the arithmetic.", n_));
        s += fmt::format("#include \"{}_private.h\"\n", n_);
        for (const Data& d : p_.data) {
            s += fmt::format("\n{}_WEIGHTS_{} {} {}_{}[{}] = {{\n", N_, d.in_ram ? "RAM_ATTR" : "ATTR const",
                             dtype_c_name(d.tensor.type.dtype), n_, d.name, data_count(d));
            s += array_body(d.tensor);
            s += "};\n";
        }
        if (p_.data.empty()) s += fmt::format("\ntypedef int {}_has_no_weights;\n", n_);
        return s;
    }

    std::string cmake() const {
        return fmt::format(
            "# SPDX-License-Identifier: 0BSD\n"
            "cmake_minimum_required(VERSION 3.15)\n"
            "if(NOT DEFINED PROJECT_NAME)\n  project({0} C)\nendif()\n"
            "add_library({0} STATIC {2})\n"
            "add_library(glowworm::{0} ALIAS {0})\n"
            "target_include_directories({0} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})\n"
            "target_compile_features({0} PUBLIC c_std_99)\n{1}",
            n_, out_.needs_libm ? fmt::format("target_link_libraries({} PUBLIC m)\n", n_) : "", fmt::join(out_.sources, " "));
    }

    const Program& p_;
    const Graph& g_;
    const EmitOptions& o_;
    const std::string n_, N_;
    const WeightsBlob weights_;
    const Interface face_;
    Emitted out_;
    std::string kernels_;
    std::map<std::string, std::string> functions_;
    std::map<std::string, int> kernel_count_;
};

}  // namespace

std::vector<int32_t> written_buffers(const Program& program, const Step& step) {
    std::vector<int32_t> written;
    for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
        for (const Argument& a : call.arguments) {
            if (a.kind != Argument::Kind::buffer || !a.written) continue;
            if (program.buffers[static_cast<size_t>(a.index)].role == BufferRole::scratch) continue;
            if (std::find(written.begin(), written.end(), a.index) == written.end()) written.push_back(a.index);
        }
    });
    return written;
}

std::vector<std::string> custom_functions(const Program& program) {
    std::vector<std::string> names;
    for_each_call(program.steps, [&](const Call& call, int64_t) {
        if (call.kernel == "custom" && std::find(names.begin(), names.end(), call.scalar) == names.end()) names.push_back(call.scalar);
    });
    return names;
}

Emitted emit(const Program& program, const Graph& graph, const EmitOptions& options) { return Emitter(program, graph, options).run(); }

}  // namespace gw
