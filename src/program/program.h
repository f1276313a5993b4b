// The Program: how a graph is computed, and where. A small tree of steps over buffers; every byte of weight, table, activation and scratch
// is explicit. Lowering makes it, the planner places its buffers, emission writes it as C.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostics.h"
#include "tensor/tensor.h"

namespace gw {

enum class BufferRole : uint8_t { input, output, activation, scratch, state };

// A run of bytes that changes while the program runs. `region` is an index into Program::regions, or -1 for the caller's memory (an input
// or output that the caller passes). A view lies inside another buffer at a fixed offset and has no place of its own. A state lives
// between calls; a reset fills it with `fill`, or with the bytes of data number `init`.
struct Buffer {
    std::string name;   // the tensor's name in the model, or one that lowering made
    Type type;          // scratch: u8[bytes]
    int64_t align = 1;  // bytes, a power of two
    BufferRole role = BufferRole::activation;
    int32_t port = -1;  // number of the model's input, output or state, for those roles
    int32_t region = 0;
    int64_t offset = -1;  // bytes from the region's start; -1 before planning
    int32_t view_of = -1;
    int64_t view_offset = 0;
    int32_t init = -1;
    uint8_t fill = 0;
    int64_t bytes() const { return type.bytes(); }
};

enum class DataRole : uint8_t { weights, table };
// Constant bytes in flash, in the form their kernel wants them. Weights: weights and biases; table: multipliers, shifts, lookup tables.
struct Data {
    std::string name;  // C identifier without the model's prefix, for example "w_conv1"
    Tensor tensor;
    DataRole role = DataRole::weights;
    bool in_ram = false;  // start-up code copies it from flash, as every initialised variable
};

// One argument of a kernel's C function: a place in a buffer, or constant data.
struct Argument {
    enum class Kind : uint8_t { buffer, data } kind = Kind::buffer;
    int32_t index = 0;   // of the buffer or datum
    int64_t offset = 0;  // bytes
    int64_t stride = 0;  // bytes added an iteration of the enclosing loop
    bool written = false;
    bool operator==(const Argument&) const = default;
};

// "operand `input` may lie over operand `output` if input's address − output's address ≥ gap": the kernel writes upward and has read every
// input byte before it is overwritten. Found from the row's tile trace. With `down` the kernel can walk downward instead (its constant
// BACKWARD is 1 then), which asks for end(output) − end(input) ≥ down.
struct Gap {
    int32_t input = 0, output = 0;  // argument numbers
    int64_t gap = 0;
    std::optional<int64_t> down;
    bool operator==(const Gap&) const = default;
};

// A call of one specialised kernel.
struct Call {
    std::string kernel;                                      // row's name, which is also the C file's
    std::vector<std::pair<std::string, int64_t>> constants;  // the enum line
    std::vector<std::pair<std::string, std::string>> types;  // the typedef lines: name without prefix → C type
    std::string scalar;                                      // body of the scalar function: "a + b"
    std::vector<Argument> arguments;                         // in the order of the C function's parameters
    std::vector<Gap> gaps;
};

struct Step;
struct Loop {
    int64_t count = 1;
    std::vector<Step> body;
};

struct Weighed {                 // one line of the report: a row that was considered
    std::string kernel, reason;  // reason: why not; empty when it could have been taken
    int64_t cycles = -1;         // measured, or by the static formula; -1 none
    bool measured = false;
};

// A node of the tree. Steps of the outermost level are the bundle's steps: one C function each.
struct Step {
    std::string name;                                          // of the model's node(s)
    std::string op;                                            // graph op, "conv2d"
    std::vector<std::pair<std::string, std::string>> sources;  // (node name, model's operator)
    int64_t macs = 0, macs_executed = 0;
    std::variant<Call, Loop> what;
    // For the report and for verify, not part of the text form: the rows that were considered, and the graph's values that the step's
    // written buffers hold afterwards, in the order of the arguments.
    std::vector<Weighed> weighed;
    std::vector<int32_t> values;
    int64_t cycles = 0;     // of the row that was taken, measured or by its formula
    std::string candidate;  // what was taken, by its key in NAME.choices; empty where no choices are at hand
};

struct Region {
    std::string name = "arena";
    int64_t bytes = 0;
    int64_t align = 1;
    int64_t lower_bound = 0;
    bool optimal = false;
};

struct Program {
    std::string name;  // C identifier prefix
    std::vector<Region> regions;
    std::vector<Buffer> buffers;
    std::vector<Data> data;
    std::vector<Step> steps;
    std::vector<int32_t> inputs, outputs, states;  // buffers, by port number

    // The buffer that holds `b` itself: follows views. `offset` grows by the way.
    int32_t root(int32_t b, int64_t& offset) const;
    // Address of a buffer inside its region, after planning.
    int64_t address(int32_t b) const;
    // The region that states lie in, null without any. Region 0 is the arena.
    const Region* state_region() const { return regions.size() > 1 ? &regions[state_region_number] : nullptr; }
    int64_t state_bytes() const { return state_region() != nullptr ? state_region()->bytes : 0; }
    static constexpr int32_t state_region_number = 1;
};

// Calls `f` for every call in the order of execution, with the number of the outermost step it belongs to.
template <class F>
void for_each_call(const std::vector<Step>& steps, F&& f, int64_t outermost = -1) {
    for (size_t i = 0; i < steps.size(); ++i) {
        const int64_t top = outermost < 0 ? static_cast<int64_t>(i) : outermost;
        if (const Call* call = std::get_if<Call>(&steps[i].what)) f(*call, top);
        if (const Loop* loop = std::get_if<Loop>(&steps[i].what)) for_each_call(loop->body, f, top);
    }
}

// Checks every rule of the program language: indices, argument ranges inside their buffers for every iteration, nothing read before it was
// written, nothing overwritten by the call that reads it unless a gap allows it, outputs written, alignments; after planning also places
// (by the validator of program/plan_validate.h).
Status verify(const Program& program, Diagnostics& diag);

// Text form; parse_program(print(p)) gives an equal program. docs/program.md is its grammar.
std::string print(const Program& program);
Expected<Program> parse_program(std::string_view text, const std::string& file, Diagnostics& diag);

// Of a placed program, for each outermost step: the bytes from the first region's start to the end of the highest buffer that is live in
// it. The largest is what the region needs; its steps are to blame.
std::vector<int64_t> occupied_bytes(const Program& program);

// Gives every buffer its place: builds the planning problem (lifetimes over the tree, gaps, views, alignments), solves it, checks the
// answer with the validator, and writes offsets and the regions' sizes. `overlap` false ignores gaps.
Status place_buffers(Program& program, bool overlap, Diagnostics& diag);

}  // namespace gw
