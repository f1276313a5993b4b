// Kernels: which C files exist, what each can do, and with which constants. A row is one kernel's whole availability: selection, its test
// against evaluate, its benchmark and the report follow from it.
//
// A kernel is one C file kernels/<set>/<name>.c that compiles as it lies. Its function has the row's name, and so begin all other
// identifiers it defines at file scope. A file that serves two element types has a row for each; it is named after the first (`file`).
// Three kinds of its lines are replaced when it is specialised, each marked by a comment at its end:
//     enum { IH = 8, IW = 8 };                                      // @constants   first in the function; helper functions repeat
//                                                                   what they need, and long lists take several lines
//     typedef int16_t conv2d_s8_mult;                               // @type
//     static inline float binary_f32_scalar(float a, float b) { return a + b; }   // @scalar
//     #include <math.h>  // @libm   float kernels alone, after gw_kernel.h: dropped; needs_libm tells the emitter to include it once
// `#include "gw_kernel.h"` is dropped. Every identifier that begins with the row's name gets the specialisation's name instead.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "program/program.h"
#include "target/core.h"

namespace gw {

// What lowering tells a row.
struct MatchContext {
    const Graph& graph;
    const std::vector<int>& uses;                   // graph.use_counts()
    const std::vector<std::vector<NodeId>>& users;  // graph.users()
    const Core& core;
    std::string optimize;          // "speed", "size" or "ram"
    bool weights_as_code = false;  // rows may offer a form whose weights are instructions; they fill Candidate::weights_are_code
};

// An argument as a row sees it, in the order of the C function's parameters.
struct KernelArgument {
    enum class Kind : uint8_t { input, output, weights, table, scratch } kind = Kind::input;
    ValueId value;     // input, output: the graph's value
    Tensor data;       // weights, table: packed for this kernel
    std::string role;  // "w", "bias", "mult", "shift", "table": part of the C name of the data
    ValueId data_of;   // weights: the constant the data was packed from, so that packings are shared and named; may be invalid
    int64_t scratch_bytes = 0;
    int64_t align = 1;   // that this kernel needs of the operand
    int64_t stride = 0;  // bytes an iteration when `batch` > 1
    static KernelArgument input(ValueId v, int64_t align_bytes, int64_t stride_bytes = 0) {
        return {Kind::input, v, {}, {}, {}, 0, align_bytes, stride_bytes};
    }
    static KernelArgument output(ValueId v, int64_t align_bytes, int64_t stride_bytes = 0) {
        return {Kind::output, v, {}, {}, {}, 0, align_bytes, stride_bytes};
    }
    static KernelArgument weights(Tensor t, std::string role, ValueId of) {
        return {Kind::weights, {}, std::move(t), std::move(role), of, 0, 1, 0};
    }
    static KernelArgument table(Tensor t, std::string role) { return {Kind::table, {}, std::move(t), std::move(role), {}, 0, 1, 0}; }
    static KernelArgument scratch(int64_t bytes, int64_t align_bytes) { return {Kind::scratch, {}, {}, {}, {}, bytes, align_bytes, 0}; }
};

// The order in which a kernel touches an input and its output, tile by tile. `written_end`: bytes from the output's start that are written
// once this tile is done (monotone). `read_begin`: the lowest byte of the input that this tile reads. The kernel promises that a tile's
// writes may touch nothing that this or a later tile still reads, unless `reads_first` says that each tile reads all it needs before
// it writes: then only later tiles count.
struct Tile {
    int64_t written_end = 0;
    int64_t read_begin = 0;
};
struct TileTrace {
    std::vector<Tile> tiles;
    bool reads_first = false;
};
// Least g such that address(input) − address(output) ≥ g lets the output overwrite the input: max over tiles of
// written_end − (lowest byte still to be read).
int64_t minimum_gap(const TileTrace& trace);
// Traces of the usual traversals. Row-major output pixels of `out_pixel` bytes; pixel (oy, ox) reads from input row oy·stride_h − pad_top
// (clipped) and column ox·stride_w − pad_left on.
TileTrace window_trace(int64_t out_h, int64_t out_w, int64_t out_pixel_bytes, int64_t in_h, int64_t in_w, int64_t in_pixel_bytes,
                       Pair stride, Pads pad, bool reads_first);
// n elements, one after the other, each read before it is written.
TileTrace elementwise_trace(int64_t elements, int64_t in_bytes, int64_t out_bytes);

// `down`: the kernel can also walk from its last tile to its first, and then end(output) − end(input) ≥ down is what lets the output
// overwrite the input (the trace seen from the other end). Such a kernel has the enumerator BACKWARD, 0 in the row's offer; the planner
// chooses.
struct Overlap {
    size_t input = 0, output = 0;  // argument numbers
    int64_t gap = 0;
    std::optional<int64_t> down;
};

// What a row offers for a node.
struct Candidate {
    std::vector<KernelArgument> arguments;
    std::vector<std::pair<std::string, int64_t>> constants;  // exactly the enumerators of the C file's @constants line
    std::vector<std::pair<std::string, std::string>> types;  // exactly its @type lines; names without the row's prefix and underscore
    std::string scalar;                                      // expression of its @scalar line
    std::vector<Overlap> overlaps;
    std::vector<NodeId> covers;  // nodes computed; the root is the last
    int64_t batch = 1;           // the call is repeated so often, moving by the arguments' strides
    int64_t macs_executed = 0;
    int64_t cycles = 0;  // static formula, for the context's core
    // A constant that changes nothing but time and code: other values that it may take. No formula knows what they cost, so they are
    // offered where candidates are measured.
    struct Tunable {
        std::string constant;
        std::vector<int64_t> others;
    };
    std::optional<Tunable> tunable;
    // Weights are instructions, not numbers: they must be in executable memory, and cannot be replaced or moved by whoever has the numbers.
    bool weights_are_code = false;
};

struct Match {
    std::optional<Candidate> candidate;
    std::string reason;                                 // why not
    Match(Candidate c) : candidate(std::move(c)) {}     // NOLINT
    Match(std::string why) : reason(std::move(why)) {}  // NOLINT
    Match(const char* why) : reason(why) {}             // NOLINT
};

struct KernelRow {
    std::string_view name;  // "conv2d_s8"
    std::string_view set;   // folder: "any"
    std::string_view op;    // graph op of the root: rows of other ops are not asked
    Match (*match)(const MatchContext& context, const Graph& graph, NodeId root);
    bool weights_as_code = false;  // its text or its constants hold weights: refused where the caller passes them
    std::string_view file = {};    // the C file when it is not the row's own: one file serves int8 and int16 ("mul_s8" for mul_s16)
    // Makes the text of the function for a call, where there is no C file to specialise: its form depends on more than constants.
    std::string (*generate)(const Call& call, const std::string& symbol) = nullptr;
    std::string_view source() const { return file.empty() ? name : file; }
};

// All rows, tables of all families one after the other.
std::vector<const KernelRow*> kernel_rows();
std::span<const KernelRow> conv_rows();             // conv.cpp: conv2d, depthwise
std::span<const KernelRow> dsp_rows();              // dsp.cpp: int8 conv2d and dense for cores with DSP instructions
std::span<const KernelRow> dsp_simple_rows();       // dsp_simple.cpp: int8 sums and average pools for those cores
std::span<const KernelRow> mve_rows();              // mve.cpp: int8 conv2d and dense for cores with Helium
std::span<const KernelRow> mve_simple_rows();       // mve_simple.cpp: sums and pools for cores with Helium
std::span<const KernelRow> host_rows();             // host.cpp: conv2d and dense for the machine that compiles
std::span<const KernelRow> v6m_rows();              // v6m.cpp: int8 kernels for Cortex-M0 and M0+
std::span<const KernelRow> dense_rows();            // dense.cpp: dense, matmul
std::span<const KernelRow> pool_rows();             // pool.cpp: pool2d, reduce
std::span<const KernelRow> elementwise_rows();      // elementwise.cpp: binary, unary, lookup, softmax
std::span<const KernelRow> movement_rows();         // movement.cpp: reshape (a view: no row), transpose, concat, slice, pad, gather, resize
std::span<const KernelRow> convert_s8_rows();       // convert_s8.cpp: int8 quantize and dequantize with one scale
std::span<const KernelRow> convert_rows();          // convert.cpp: cast; quantize and dequantize other than int8's
std::span<const KernelRow> conv_f32_rows();         // conv_f32.cpp: float conv2d, depthwise
std::span<const KernelRow> dense_f32_rows();        // dense_f32.cpp: float dense, matmul
std::span<const KernelRow> pool_f32_rows();         // pool_f32.cpp: float pool2d, reduce, linear resize
std::span<const KernelRow> choice_rows();           // choice.cpp: argmax, select
std::span<const KernelRow> custom_rows();           // custom.cpp: calls of functions that the user supplies
std::span<const KernelRow> recurrent_rows();        // recurrent.cpp: recurrent layers, SVDF
std::span<const KernelRow> elementwise_f32_rows();  // elementwise_f32.cpp: float and wide-integer binary and unary, float softmax

// Text of a kernel's C file, or of a header, "gw_kernel.h" or "glowworm_custom.h". Missing is our own bug.
std::string_view kernel_text(std::string_view set, std::string_view name);

// The kernel's C text made for one call, generated or from its file: `symbol` replaces the row's name; constants, types and scalar
// expression are put in; the function becomes static; marks and the include are dropped. The enumerators and types must be exactly those of
// the file.
std::string specialise(const KernelRow& row, const Call& call, const std::string& symbol);
const KernelRow& row_by_name(std::string_view name);
// Whether the specialised text calls functions of <math.h>, which whoever puts it into a file must include before it.
bool needs_libm(const KernelRow& row);

}  // namespace gw
