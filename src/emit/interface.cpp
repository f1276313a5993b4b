// A bundle's function takes pointers to memory blocks: inputs, outputs, arena, state. Which ones depends on the options and on how many
// tensors there are, and four texts must agree about them: the declaration, the checks at its start, the struct that the layers get, and
// the lines that fill it. They are all written from one list of blocks.
#include "emit/interface.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "emit/writer.h"

namespace gw {
namespace {

using Role = EmittedBlock::Role;

std::string bytes_type(const EmittedBlock& b) { return b.written ? "unsigned char *" : "const unsigned char *"; }

// How the function's body names the block.
std::string pointer(const EmittedBlock& b) { return b.in_io ? "io->" + b.name : b.name; }

// What follows the prefix in the bundle's own identifiers, which no port may be called: its access function would clash.
std::vector<std::string> own_names(const Program& p) {
    std::vector<std::string> names = {"arena", "state",    "weights",       "io",        "run", "ctx", "reset",
                                      "layer", "selftest", "check_weights", "crc_table", "hash"};
    for (size_t k = 0; k < p.steps.size(); ++k) names.push_back(fmt::format("step_{}", k));
    for (const Data& d : p.data) names.push_back(d.name);
    std::map<std::string, int> calls;
    for_each_call(p.steps, [&](const Call& call, int64_t) { names.push_back(fmt::format("{}_{}", call.kernel, ++calls[call.kernel])); });
    const std::string header = kernel_header_body();
    for (size_t at = header.find("gw_"); at != std::string::npos; at = header.find("gw_", at + 1)) {
        const size_t end = header.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", at);
        names.push_back(header.substr(at + 3, end - at - 3));
    }
    return names;
}

}  // namespace

Interface::Interface(const Program& program, const Graph& graph, const EmitOptions& options, const WeightsBlob& weights)
    : p_(program), n_(program.name), N_(to_upper(program.name)), glow_(options.glow), weights_pointer_(options.weights_passed()) {
    name_ports(graph);
    if (glow_)
        list_glow_blocks(weights);
    else
        list_blocks(weights);
}

void Interface::name_ports(const Graph& graph) {
    std::vector<std::string> taken = own_names(p_);
    // A single port is called by what it is; several keep their own names.
    const bool plain = !several();
    for (size_t i = 0; i < graph.inputs.size(); ++i)
        inputs.push_back({graph.inputs[i].name, plain ? "input" : c_name(graph.inputs[i].name, taken), p_.inputs[i]});
    for (size_t i = 0; i < graph.outputs.size(); ++i)
        outputs.push_back({graph.outputs[i].name, plain ? "output" : c_name(graph.outputs[i].name, taken), p_.outputs[i]});
}

// As Glow has it: constants, then inputs and outputs, then activations; three pointers to bytes. What is kept between calls lies behind the
// inputs and outputs, in the only memory that Glow's firmware leaves alone.
void Interface::list_glow_blocks(const WeightsBlob& weights) {
    int64_t end = 0, align = 1;
    for (auto* ports : {&inputs, &outputs}) {
        for (EmittedPort& port : *ports) {
            const Buffer& b = buffer(port.buffer);
            GW_CHECK(b.region < 0, "a Glow bundle's inputs and outputs lie in the mutable weights, not in the activations");
            port.placeholder = (end + b.align - 1) / b.align * b.align;
            end = port.placeholder + b.bytes();
            align = std::max(align, b.align);
        }
    }
    if (const Region* state = p_.state_region(); state != nullptr && state->bytes > 0) {
        glow_state = (end + state->align - 1) / state->align * state->align;
        end = glow_state + state->bytes;
        align = std::max(align, state->align);
    }
    const auto weights_bytes = static_cast<int64_t>(weights.bytes.size());
    blocks.push_back({Role::weights, "constantWeight", "uint8_t *", -1, false, false, weights_bytes, weights.align});
    blocks.push_back({Role::placeholders, "mutableWeight", "uint8_t *", -1, true, false, end, align});
    blocks.push_back({Role::arena, "activations", "uint8_t *", -1, true, false, p_.regions[0].bytes, p_.regions[0].align});
}

void Interface::list_blocks(const WeightsBlob& weights) {
    if (weights_pointer_)
        blocks.push_back(
            {Role::weights, "weights", "const void *", -1, false, false, static_cast<int64_t>(weights.bytes.size()), weights.align});
    auto port_block = [&](const EmittedPort& port, Role role) {
        const Buffer& b = buffer(port.buffer);
        if (in_arena(port.buffer)) return;
        const bool written = role == Role::output;
        blocks.push_back({role, port.c_name, fmt::format("{}{} *", written ? "" : "const ", dtype_c_name(b.type.dtype)), b.port, written,
                          several(), std::max<int64_t>(b.bytes(), 1), b.align});
    };
    for (const EmittedPort& port : inputs) port_block(port, Role::input);
    for (const EmittedPort& port : outputs) port_block(port, Role::output);
    blocks.push_back({Role::arena, "arena", "void *", -1, true, false, p_.regions[0].bytes, p_.regions[0].align});
    if (const Region* state = p_.state_region(); state != nullptr && state->bytes > 0)
        blocks.push_back({Role::state, "state", "void *", -1, true, false, state->bytes, state->align});
}

std::string Interface::signature() const {
    std::vector<std::string> parameters;
    for (const EmittedBlock& b : blocks) {
        if (!b.in_io) {
            parameters.push_back(b.pointer_type + b.name);
        } else if (const std::string io = fmt::format("const {}_io *io", n_); parameters.empty() || parameters.back() != io) {
            parameters.push_back(io);
        }
    }
    return fmt::format("int {}({})", function(), fmt::join(parameters, ", "));
}

std::string Interface::selftest_signature() const {
    std::vector<std::string> parameters;
    for (const EmittedBlock& b : blocks)
        if (!is_tensor(b)) parameters.push_back(b.pointer_type + b.name);
    return fmt::format("int {}_selftest({})", n_, fmt::join(parameters, ", "));
}

std::string Interface::reset_signature() const {
    return fmt::format("int {}_reset({})", n_, glow_ ? "uint8_t *constantWeight, uint8_t *mutableWeight" : "void *state");
}

std::string Interface::reset_arguments() const { return glow_ ? "constantWeight, mutableWeight" : "state"; }

std::string Interface::io_struct() const {
    std::string members;
    for (const EmittedBlock& b : blocks)
        if (b.in_io) members += fmt::format("    {}{};\n", b.pointer_type, b.name);
    return members.empty() ? "" : fmt::format("typedef struct {{\n{}}} {}_io;\n\n", members, n_);
}

// The members of the context that a block gives: one, or one a tensor that lies in it.
std::vector<std::string> Interface::fields(const EmittedBlock& b) const {
    std::vector<std::string> names;
    switch (b.role) {
        case Role::weights:
            return {"weights"};
        case Role::arena:
            return {"arena"};
        case Role::state:
            return {"state"};
        case Role::input:
            return {fmt::format("input{}", b.port)};
        case Role::output:
            return {fmt::format("output{}", b.port)};
        case Role::placeholders:
            for (size_t i = 0; i < inputs.size(); ++i) names.push_back(fmt::format("input{}", i));
            for (size_t i = 0; i < outputs.size(); ++i) names.push_back(fmt::format("output{}", i));
            if (glow_state >= 0) names.push_back("state");
            return names;
    }
    return names;
}

std::string Interface::context() const {
    std::string members;
    for (const EmittedBlock& b : blocks)
        for (const std::string& field : fields(b))
            members += fmt::format("    {}unsigned char *{};\n", b.written && field.substr(0, 5) != "input" ? "" : "const ", field);
    return fmt::format("/* What a layer may touch. */\ntypedef struct {{\n{}}} {}_ctx;\n\n", members, n_);
}

std::string Interface::reset_checks() const {
    std::vector<EmittedBlock> passed;
    for (const EmittedBlock& b : blocks)
        if (b.role == Role::state || (glow_ && b.role != Role::arena)) passed.push_back(b);
    return checks_of(passed);
}

std::string Interface::checks(bool tensors) const {
    std::vector<EmittedBlock> passed;
    for (const EmittedBlock& b : blocks)
        if (tensors || !is_tensor(b)) passed.push_back(b);
    std::string s = checks_of(passed);
    if (weights_pointer_ && !glow_ && tensors) s += fmt::format("    if (!({0}_CHECK_WEIGHTS(weights))) return {0}_ERR_WEIGHTS;\n", N_);
    return s;
}

std::string Interface::checks_of(const std::vector<EmittedBlock>& passed) const {
    std::string s;
    std::vector<std::string> nulls, aligns;
    bool io = false;
    for (const EmittedBlock& b : passed) {
        io = io || b.in_io;
        if (b.bytes == 0) continue;
        nulls.push_back(pointer(b) + " == 0");
        if (b.align > 1) aligns.push_back(fmt::format("(uintptr_t)(const void *){} % {}u != 0", pointer(b), b.align));
    }
    if (io) s += fmt::format("    if (io == 0) return {}_ERR_NULL;\n", N_);
    if (!nulls.empty()) s += fmt::format("    if ({}) return {}_ERR_NULL;\n", fmt::join(nulls, " || "), N_);
    if (!aligns.empty()) s += fmt::format("    if ({}) return {}_ERR_ALIGN;\n", fmt::join(aligns, " || "), N_);
    return s;
}

std::string Interface::fill_context(bool tensors) const {
    std::string s;
    for (const EmittedBlock& b : blocks) {
        if (!tensors && is_tensor(b)) continue;
        if (b.role == Role::placeholders) {
            for (size_t i = 0; i < inputs.size(); ++i) s += fmt::format("    c.input{} = {} + {};\n", i, b.name, inputs[i].placeholder);
            for (size_t i = 0; i < outputs.size(); ++i) s += fmt::format("    c.output{} = {} + {};\n", i, b.name, outputs[i].placeholder);
            if (glow_state >= 0) s += fmt::format("    c.state = {} + {};\n", b.name, glow_state);
            continue;
        }
        // From another type by way of void, so that no compiler warns of its alignment.
        const std::string by_void = b.pointer_type.ends_with("void *") ? "" : b.written ? "(void *)" : "(const void *)";
        s += fmt::format("    c.{} = ({}){}{};\n", fields(b).front(), bytes_type(b), by_void, pointer(b));
    }
    return s;
}

std::string Interface::access_functions(bool definitions) const {
    std::string s;
    auto one = [&](const EmittedPort& port, bool input) {
        if (!in_arena(port.buffer)) return;
        const std::string function = fmt::format("{}_{}", n_, port.c_name);
        const std::string_view type = dtype_c_name(buffer(port.buffer).type.dtype);
        const std::string decl =
            input ? fmt::format("{} *{}(void *arena)", type, function) : fmt::format("const {} *{}(const void *arena)", type, function);
        if (!definitions) {
            s += input ? fmt::format("/* Where to write input \"{}\" before each run, which destroys it. */\n", comment_text(port.name))
                       : fmt::format("/* Where output \"{}\" is after a run. */\n", comment_text(port.name));
            s += decl + ";\n";
        } else {
            s += fmt::format("\n{}\n{{\n    return ({}{} *)({}void *)(({}unsigned char *)arena + {});\n}}\n", decl, input ? "" : "const ",
                             type, input ? "" : "const ", input ? "" : "const ", p_.address(port.buffer));
        }
    };
    for (const EmittedPort& port : inputs) one(port, true);
    for (const EmittedPort& port : outputs) one(port, false);
    return s;
}

}  // namespace gw
