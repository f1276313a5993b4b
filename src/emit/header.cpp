// The header states as macros what a caller must know: sizes, alignments, types, scales. Names are the difficulty: each tensor has macros
// by its number and aliases with its own name, and no alias may take a name that means something else. So names that are ours are taken
// first, then those by number, then the aliases, which give way with a "_2".
//
// --api glow writes what firmware for a Glow bundle expects beside that (Glow's docs/AOT.md): three memory sizes, one alignment, and each
// placeholder's offset under the name that Glow gives it, where outputs end in "__1" because Glow saves them through a node of its own.
#include "emit/header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "emit/writer.h"

namespace gw {
namespace {

// The common part of all Glow bundles' headers, once a program however many of them it has.
constexpr std::string_view glow_common = R"(
/* The same in every bundle with this interface. */
#ifndef _GLOW_BUNDLE_COMMON_DEFS
#define _GLOW_BUNDLE_COMMON_DEFS
#define GLOW_SUCCESS 0
#define GLOW_MEM_ALIGN(size) __attribute__((aligned(size)))
#define GLOW_GET_ADDR(mutableBaseAddr, placeholderOff) (((uint8_t *)(mutableBaseAddr)) + placeholderOff)
#endif
)";

// A tensor's name as Glow spells it in a macro.
std::string glow_name(std::string_view name) {
    std::string s;
    for (const char c : name) s += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '_';
    return s.empty() || (s[0] >= '0' && s[0] <= '9') ? "A" + s : s;
}

// What a tensor's own aliases are called after the prefix.
std::string alias_of(const std::string& name) {
    const std::string s = to_upper(c_identifier(name));
    const size_t first = s.find_first_not_of('_');
    return first == std::string::npos ? "TENSOR" : s.substr(first);
}

std::string layout_note(const Port& port) {
    if (port.perm.empty()) return "";
    return fmt::format("; the model's own order is {}, dimension i here is its dimension {{{}}}[i]", port.model_shape.text(),
                       fmt::join(port.perm, ","));
}

class Header {
public:
    Header(const Program& p, const Graph& g, const EmitOptions& o, const Interface& face, const WeightsBlob& weights,
           std::vector<std::string>& renamed)
        : p_(p), g_(g), o_(o), face_(face), weights_(weights), renamed_(renamed), n_(p.name), N_(to_upper(p.name)) {
        for (const char* own : {"ARENA", "STATE", "LAYERS", "GRAPH", "ERR", "OK", "WEIGHTS", "HOOK", "MEM", "CONSTANT_MEM", "MUTABLE_MEM",
                                "ACTIVATIONS_MEM", "CHECK_WEIGHTS", "NOINLINE", "STEP_DONE", "H", "PRIVATE_H"})
            macros_.insert(N_ + "_" + own);
        for (size_t i = 0; i < face.inputs.size(); ++i) macros_.insert(fmt::format("{}_INPUT{}", N_, i));
        for (size_t i = 0; i < face.outputs.size(); ++i) macros_.insert(fmt::format("{}_OUTPUT{}", N_, i));
        if (face.inputs.size() == 1) macros_.insert(N_ + "_INPUT");
        if (face.outputs.size() == 1) macros_.insert(N_ + "_OUTPUT");
    }

    std::string text(const std::string& head) {
        std::string s = head + fmt::format("#ifndef {0}_H\n#define {0}_H\n\n#include <stdint.h>\n", N_);
        const std::vector<std::string> custom = custom_functions(p_);
        if (!custom.empty()) s += "\n#include \"glowworm_custom.h\"\n";
        if (o_.glow) s += glow_common;
        s += "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
        s += o_.glow ? glow_sizes() : sizes();
        s += fmt::format("#define {}_LAYERS {}\n", N_, p_.steps.size());
        s += fmt::format("#define {}_GRAPH_SHA256 \"{}\" /* of {}.gw */\n", N_, sha256_hex(o_.graph_text), n_);
        ports(s, "input", face_.inputs, g_.inputs);
        ports(s, "output", face_.outputs, g_.outputs);
        if (!custom.empty()) s += "\n/* Custom operators: functions that you supply. */\n";
        for (const std::string& name : custom) s += fmt::format("void glowworm_custom_{}(const glowworm_call *call);\n", name);
        s += errors() + face_.io_struct() + face_.access_functions(false) + functions();
        return s + fmt::format("\n#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {}_H */\n", N_);
    }

private:
    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }

    // Null when there is nothing to keep between calls.
    const Region* state_region() const {
        const Region* state = p_.state_region();
        return state != nullptr && state->bytes > 0 ? state : nullptr;
    }

    std::string weights_crc() const { return fmt::format("#define {}_WEIGHTS_CRC32 0x{:08X}u\n", N_, crc32(weights_.bytes)); }

    std::string sizes() const {
        std::string s = fmt::format("#define {0}_ARENA_BYTES {1}u /* activations and scratch: the caller's memory, any RAM */\n", N_,
                                    p_.regions[0].bytes);
        s += fmt::format("#define {}_ARENA_ALIGN {}u\n", N_, p_.regions[0].align);
        if (const Region* state = state_region()) {
            s += fmt::format(
                "#define {0}_STATE_BYTES {1}u /* kept between calls: the caller's memory, {2}_reset(state) before first use */\n", N_,
                state->bytes, n_);
            s += fmt::format("#define {}_STATE_ALIGN {}u\n", N_, state->align);
        } else {
            s += fmt::format("#define {}_STATE_BYTES 0u /* nothing is kept between calls */\n", N_);
        }
        if (!o_.weights_pointer) return s;
        s += fmt::format("#define {0}_WEIGHTS_BYTES {1}u /* constants: {2}.weights.bin, in flash or RAM */\n", N_, weights_.bytes.size(),
                         n_);
        return s + fmt::format("#define {}_WEIGHTS_ALIGN {}u\n", N_, weights_.align) + weights_crc();
    }

    std::string glow_sizes() {
        std::string s = "/* Where inputs and outputs (\"placeholders\") lie in mutableWeight, in bytes. */\n";
        auto offset = [&](const std::string& name, int64_t at) {
            if (macros_.insert(N_ + "_" + name).second) s += fmt::format("#define {}_{} {}\n", N_, name, at);
        };
        for (const EmittedPort& port : face_.inputs) offset(glow_name(port.name), port.placeholder);
        for (const EmittedPort& port : face_.outputs) {
            offset(glow_name(port.name) + "__1", port.placeholder);
            offset(glow_name(port.name), port.placeholder);
        }
        const char* names[] = {"CONSTANT", "MUTABLE", "ACTIVATIONS"};
        s += "\n/* The three memories of the function, in bytes, and the alignment that is right for all of them. */\n";
        for (size_t i = 0; i < face_.blocks.size(); ++i)
            s += fmt::format("#define {}_{}_MEM_SIZE {}\n", N_, names[i], glow_size(face_, face_.blocks[i]));
        int64_t align = 4;
        for (const EmittedBlock& b : face_.blocks) align = std::max(align, b.align);
        return s + fmt::format("#define {}_MEM_ALIGN {}\n\n", N_, align) + weights_crc();
    }

    std::vector<std::pair<std::string, std::string>> tensor_macros(const EmittedPort& port) const {
        const Buffer& b = buffer(port.buffer);
        const Type& t = b.type;
        std::vector<std::pair<std::string, std::string>> macros = {
            {"TYPE", std::string(dtype_c_name(t.dtype))},
            {"RANK", std::to_string(std::max<int64_t>(t.shape.rank(), 1))},
            {"DIMS", fmt::format("{{{}}}", t.shape.rank() == 0 ? "1" : fmt::format("{}", fmt::join(t.shape.dims(), ", ")))},
            {"COUNT", fmt::format("{}u", t.elements())},
            {"BYTES", fmt::format("{}u", t.bytes())},
            {"ALIGN", fmt::format("{}u", b.align)}};
        if (t.quant.per_tensor()) {
            macros.emplace_back("SCALE", c_float_literal(t.quant.scale()));
            macros.emplace_back("ZERO_POINT", fmt::format("({})", t.quant.zero_point()));
        }
        return macros;
    }

    std::string place_note(const EmittedPort& port) const {
        if (face_.in_arena(port.buffer)) return fmt::format("In the arena at byte {}.", p_.address(port.buffer));
        if (port.placeholder >= 0) return fmt::format("In mutableWeight at byte {}.", port.placeholder);
        return "The caller's memory.";
    }

    void ports(std::string& s, const char* kind, const std::vector<EmittedPort>& of, const std::vector<Port>& graph_ports) {
        for (size_t i = 0; i < of.size(); ++i) {
            const std::string generic = fmt::format("{}_{}", N_, to_upper(kind)), prefix = fmt::format("{}{}", generic, i);
            s += fmt::format("\n/* {} {}: \"{}\", {}{}. {} */\n", kind, i, comment_text(of[i].name),
                             comment_text(buffer(of[i].buffer).type.text()), layout_note(graph_ports[i]), place_note(of[i]));
            const auto macros = tensor_macros(of[i]);
            for (const auto& [name, value] : macros) s += fmt::format("#define {}_{} {}\n", prefix, name, value);
            std::vector<std::string> aliases;
            if (of.size() == 1) aliases.push_back(generic);
            if (const std::string own = own_alias(of[i].name, aliases, prefix); !own.empty()) aliases.push_back(own);
            for (const std::string& alias : aliases)
                for (const auto& [name, value] : macros) s += fmt::format("#define {}_{} {}_{}\n", alias, name, prefix, name);
        }
    }

    // The prefix of a tensor's macros with its own name; empty when that says no more than those it has.
    std::string own_alias(const std::string& name, const std::vector<std::string>& has, const std::string& prefix) {
        const std::string wanted = N_ + "_" + alias_of(name);
        if (wanted == prefix || std::find(has.begin(), has.end(), wanted) != has.end()) return "";
        std::string alias = wanted;
        for (int i = 2; !macros_.insert(alias).second; ++i) alias = fmt::format("{}_{}", wanted, i);
        if (alias != wanted) renamed_.push_back(fmt::format("macros of the tensor \"{}\" begin with {}_", name, alias));
        return alias;
    }

    std::string errors() const {
        std::string s = fmt::format(
            "\n#define {0}_OK 0\n#define {0}_ERR_NULL (-1)  /* a pointer is NULL */\n#define {0}_ERR_ALIGN (-2) /* a pointer is not "
            "aligned as stated above */\n",
            N_);
        if (o_.weights_pointer && !o_.glow) s += fmt::format("#define {}_ERR_WEIGHTS (-3) /* these are other weights: wrong CRC */\n", N_);
        return s + "\n";
    }

    std::string functions() const {
        std::string s;
        if (o_.glow) {
            s = fmt::format(
                "/* Runs one inference. constantWeight, the bytes of {1}.weights.bin, is only read, and so are the inputs. The three must "
                "not "
                "overlap;\n"
                " * nothing in `activations` survives a call. Returns GLOW_SUCCESS, {0}_ERR_NULL or {0}_ERR_ALIGN; after an error nothing "
                "was\n"
                " * written. Concurrent calls need a mutableWeight and activations each. */\n{2};\n",
                N_, n_, face_.signature());
            if (state_region() != nullptr)
                s += fmt::format(
                    "\n/* Makes what is kept between calls, {1} bytes at byte {2} of mutableWeight, what it is before the first call: at "
                    "the "
                    "start,\n"
                    " * and wherever a new sequence of inputs begins. Nothing else may write there. Returns GLOW_SUCCESS, or an error that "
                    "was "
                    "found\n"
                    " * before anything was written. */\n{0};\n",
                    face_.reset_signature(), state_region()->bytes, face_.glow_state);
        } else {
            if (o_.weights_pointer)
                s = fmt::format(
                    "/* {0}_OK if `weights` are the bytes of {1}.weights.bin, by their CRC; else an error. {1}_run does this in each call\n"
                    " * unless {0}_CHECK_WEIGHTS says otherwise. */\nint {1}_check_weights(const void *weights);\n\n",
                    N_, n_);
            if (state_region() != nullptr)
                s += fmt::format(
                    "/* Makes {0}_STATE_BYTES of memory, aligned to {0}_STATE_ALIGN, the state before the first call: at the start, and "
                    "wherever\n"
                    " * a new sequence of inputs begins. Returns {0}_OK, or an error that was found before anything was written. "
                    "*/\n{1};\n\n",
                    N_, face_.reset_signature());
            s += fmt::format(
                "/* Runs one inference. Inputs are not written unless they lie in the arena. Buffers must not overlap. Nothing in the "
                "arena "
                "survives\n"
                " * a call but the outputs that lie there.{2} Returns {0}_OK, or an error that was found before anything was written.\n"
                " * Concurrent calls need an arena{3} each. */\n{1};\n",
                N_, face_.signature(), state_region() != nullptr ? " The state is read, and written for the next call." : "",
                state_region() != nullptr ? " and a state" : "");
        }
        if (o_.selftest)
            s += fmt::format(
                "\n/* Runs {1} pseudo-random inputs, layer by layer, and compares checksums: 0, or 1 + the first layer that gives "
                "something\n"
                " * else than on the machine that made this file, or an error (below 0) as above. It writes what the function above "
                "writes.{2} "
                "*/\n{0};\n",
                face_.selftest_signature(), o_.selftest->checksums.size(),
                std::string(state_region() != nullptr ? " The state is reset." : "") +
                    (selftest_has_memory() ? "\n * Inputs and outputs lie in memory of its own, so only one call may run at a time." : ""));
        return s;
    }

    bool selftest_has_memory() const { return std::any_of(face_.blocks.begin(), face_.blocks.end(), Interface::is_tensor); }

    const Program& p_;
    const Graph& g_;
    const EmitOptions& o_;
    const Interface& face_;
    const WeightsBlob& weights_;
    std::vector<std::string>& renamed_;
    const std::string n_, N_;
    std::set<std::string> macros_;
};

}  // namespace

std::string header_text(const Program& program, const Graph& graph, const EmitOptions& options, const Interface& face,
                        const WeightsBlob& weights, const std::string& head, std::vector<std::string>& renamed) {
    return Header(program, graph, options, face, weights, renamed).text(head);
}

int64_t glow_size(const Interface& face, const EmittedBlock& block) {
    if (block.bytes > 0) return block.bytes;
    int64_t align = 4;
    for (const EmittedBlock& b : face.blocks) align = std::max(align, b.align);
    return align;
}

}  // namespace gw
