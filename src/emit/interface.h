// The C interface of a bundle: what its function is called, what the caller passes to it, and how that reaches the layers.
#pragma once
#include <string>
#include <vector>

#include "emit/emit.h"

namespace gw {

class Interface {
public:
    Interface(const Program& program, const Graph& graph);

    std::vector<EmittedPort> inputs, outputs;
    // Everything the caller passes, in the order of the parameters. This list is the one place that knows it: the signature, the io struct,
    // the checks, the layers' context and the report follow from it.
    std::vector<EmittedBlock> blocks;

    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }
    bool in_arena(int32_t b) const { return buffer(b).region >= 0; }
    bool several() const { return p_.inputs.size() > 1 || p_.outputs.size() > 1; }

    std::string signature() const;     // "int digits_run(const int8_t *input, int8_t *output, void *arena)"
    std::string io_struct() const;     // its typedef; empty when there is none
    std::string context() const;       // typedef of what a layer's function gets
    std::string checks() const;        // statements that return an error unless every pointer is good
    std::string fill_context() const;  // statements that fill the context `c`
    // Declarations or definitions of the functions that say where tensors are in the arena; empty when all are the caller's.
    std::string access_functions(bool definitions) const;

private:
    void name_ports(const Graph& graph);
    void list_blocks();

    const Program& p_;
    const std::string n_, N_;
};

}  // namespace gw
