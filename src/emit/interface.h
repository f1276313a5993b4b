// The C interface of a bundle: what its function is called, what the caller passes to it, and how that reaches the layers.
#pragma once
#include <string>
#include <vector>

#include "emit/emit.h"
#include "emit/weights.h"

namespace gw {

class Interface {
public:
    Interface(const Program& program, const Graph& graph, const EmitOptions& options, const WeightsBlob& weights);

    std::vector<EmittedPort> inputs, outputs;
    // Everything the caller passes, in the order of the parameters. This list is the one place that knows it: the signature, the io struct,
    // the checks, the layers' context and the report follow from it.
    std::vector<EmittedBlock> blocks;
    int64_t glow_state = -1;  // --api glow: where the state lies in the block of inputs and outputs; -1 without one

    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }
    bool in_arena(int32_t b) const { return buffer(b).region >= 0; }
    bool several() const { return p_.inputs.size() > 1 || p_.outputs.size() > 1; }

    std::string function() const { return glow_ ? n_ : n_ + "_run"; }
    std::string signature() const;           // "int digits_run(const int8_t *input, int8_t *output, void *arena)"
    std::string selftest_signature() const;  // the same without inputs and outputs
    std::string reset_signature() const;     // of the function that makes the state what it is before the first call
    std::string io_struct() const;           // its typedef; empty when there is none
    std::string context() const;             // typedef of what a layer's function gets
    // Statements that return an error unless every pointer is good, and statements that fill the context `c`. Without `tensors`, for the
    // self-test, inputs and outputs outside the arena are left out, and the weights' CRC is not looked at.
    std::string checks(bool tensors = true) const;
    std::string fill_context(bool tensors = true) const;
    std::string reset_checks() const;
    std::string reset_arguments() const;  // of a call from where the blocks' parameters are in sight
    static bool is_tensor(const EmittedBlock& b) { return b.role == EmittedBlock::Role::input || b.role == EmittedBlock::Role::output; }
    // Declarations or definitions of the functions that say where tensors are in the arena; empty when all are the caller's.
    std::string access_functions(bool definitions) const;

private:
    void name_ports(const Graph& graph);
    void list_blocks(const WeightsBlob& weights);
    void list_glow_blocks(const WeightsBlob& weights);
    std::vector<std::string> fields(const EmittedBlock& block) const;
    std::string checks_of(const std::vector<EmittedBlock>& passed) const;

    const Program& p_;
    const std::string n_, N_;
    const bool glow_, weights_pointer_;
};

}  // namespace gw
