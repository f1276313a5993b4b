// Emission: a placed program becomes the files of a bundle: plain C99 that a firmware engineer is happy to read. docs/generated-code.md
// says what the text looks like and promises.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "program/program.h"

namespace gw {

// Checksums of what every layer gives for pseudo-random inputs (selftest_input), for NAME_selftest.c.
struct Selftest {
    std::vector<std::vector<uint32_t>>
        checksums;  // [sample][step]: FNV-1a of the bytes that the step writes, in the order of its arguments
};
inline constexpr uint32_t selftest_seed = 1;

struct EmitOptions {
    std::string tool;        // "glowworm 0.1.0"
    std::string model_file;  // without folders
    std::string model_sha256;
    std::string options;           // the options that shaped the bundle, as one line
    std::string graph_text;        // content of NAME.gw
    bool glow = false;             // --api glow: the function and the macros of a Glow bundle; the caller passes the weights
    bool weights_pointer = false;  // --weights pointer: the caller passes the weights
    std::optional<Selftest> selftest;
    bool weights_passed() const { return glow || weights_pointer; }
};

// A model's input or output on the C side.
struct EmittedPort {
    std::string name;          // the tensor's name in the model
    std::string c_name;        // parameter, struct member, middle part of its macros
    int32_t buffer = 0;        // in the program
    int64_t placeholder = -1;  // --api glow: bytes from the start of the block that holds inputs and outputs
};

// Memory that the caller passes to the bundle's function: one pointer.
struct EmittedBlock {
    // placeholders: inputs and outputs of --api glow, which lie in one block
    enum class Role : uint8_t { weights, placeholders, input, output, arena, state } role = Role::arena;
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
    int64_t glow_state = -1;                  // as in Interface
    std::vector<std::string> step_functions;  // C symbols, one an outermost step
    bool needs_libm = false;
    std::vector<std::string> custom;   // functions that the user supplies, glowworm_custom_<name>, each once, in the order of their calls
    std::string function;              // the public function: "digits_run"
    uint32_t weights_crc32 = 0;        // of NAME.weights.bin
    std::vector<std::string> renamed;  // one sentence for each name that C or a clash made different from the model's
};

// The C text of one step's function and the kernels that only it calls come out in the same order every time: same program and options,
// same bytes.
Emitted emit(const Program& program, const Graph& graph, const EmitOptions& options);

// Buffers that a step's calls write, scratch apart, each once, in the order of their arguments.
std::vector<int32_t> written_buffers(const Program& program, const Step& step);

// The functions that a program's custom operators call, as in Emitted::custom.
std::vector<std::string> custom_functions(const Program& program);

// `wanted` made a C identifier that is neither a keyword, nor a name of the standard library's headers that a bundle includes, nor in
// `taken` (it is added). Keywords and standard names get "_net", clashes "_2".
std::string c_name(std::string_view wanted, std::vector<std::string>& taken);

}  // namespace gw
