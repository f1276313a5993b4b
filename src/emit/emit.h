// Emission: a placed program becomes the files of a bundle: plain C99 that a firmware engineer is happy to read. docs/generated-code.md
// says what the text looks like and promises.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "program/program.h"

namespace gw {

struct EmitOptions {
    std::string tool;        // "glowworm 0.1.0"
    std::string model_file;  // without folders
    std::string model_sha256;
    std::string options;     // the options that shaped the bundle, as one line
    std::string graph_text;  // content of NAME.gw
};

// A model's input or output on the C side.
struct EmittedPort {
    std::string name;    // the tensor's name in the model
    std::string c_name;  // parameter, struct member, middle part of its macros
    int32_t buffer = 0;  // in the program
};

// Memory that the caller passes to the bundle's function: one pointer.
struct EmittedBlock {
    enum class Role : uint8_t { input, output, arena } role = Role::arena;
    std::string name;          // of the parameter, or of the member of the io struct
    std::string pointer_type;  // "const int8_t *"
    int32_t port = -1;         // input, output: its number
    bool written = true;
    bool in_io = false;  // a member of the struct NAME_io, which is one parameter for all of them
    int64_t bytes = 0;   // 0: never looked at, may be NULL
    int64_t align = 1;
};

struct Emitted {
    std::map<std::string, std::string> files;  // name without folder → content
    std::vector<std::string> sources;          // the .c files among them
    std::vector<EmittedPort> inputs, outputs;
    std::vector<EmittedBlock> blocks;         // in the order of the function's parameters
    std::vector<std::string> step_functions;  // C symbols, one an outermost step
    bool needs_libm = false;
};

// The C text of one step's function and the kernels that only it calls come out in the same order every time: same program and options,
// same bytes.
Emitted emit(const Program& program, const Graph& graph, const EmitOptions& options);

// `wanted` made a C identifier that is neither a keyword, nor a name of the standard library's headers that a bundle includes, nor in
// `taken` (it is added). Keywords and standard names get "_net", clashes "_2".
std::string c_name(std::string_view wanted, std::vector<std::string>& taken);

}  // namespace gw
