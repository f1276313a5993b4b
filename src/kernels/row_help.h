// What the rows of several families share: requantization constants, traces, cycle formulas.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel.h"

namespace gw {

// Weights or a table whose elements the kernel reads by their own type: aligned as that type.
KernelArgument typed_weights(Tensor t, std::string role, ValueId of);
KernelArgument typed_table(Tensor t, std::string role);

// The number by which kernels know a rounding form (gw_kernel.h); `none` gives the sum itself.
int64_t form_number(Rounding form);
// FORM, PRE, MULT_N, SHIFT_N, Y_ZERO, LO, HI, the type "mult", and the tables "mult" and "shift" as further arguments (one element when all
// agree).
void add_channel_requant(Candidate& candidate, const Requant& requant, int64_t channels);
// FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI: one multiplier, no tables. Rounding `none` gives values that are not used.
// `if_none`: the form for a rounding `none`.
void add_single_requant(Candidate& candidate, const Requant& requant, Rounding if_none = Rounding::single);
// The operand as an input, or as constant data (of role `role`) where its value is known.
KernelArgument operand(const Graph& graph, ValueId value, std::string role, int64_t align, int64_t stride = 0);
// Overlap for kernels that compute element i of output argument `output` from element i of input argument `input` and what lies above it.
void add_elementwise_overlap(Candidate& candidate, size_t input, size_t output, int64_t elements, int64_t in_bytes, int64_t out_bytes);

// Two operands broadcast to a result: D0 to D3 the result's dimensions, A0 to A3 and B0 to B3 each operand's step in elements (0:
// broadcast), neighbouring dimensions merged. Nothing when four dimensions are not enough.
std::optional<std::vector<std::pair<std::string, int64_t>>> broadcast_constants(const Shape& a, const Shape& b, const Shape& y);

// The geometry of a sliding window.
struct Window {
    int64_t in_h = 1, in_w = 1, out_h = 1, out_w = 1;
    Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    int64_t taps_inside() const;  // taps of all output pixels that lie inside the input
    bool clipped() const;         // some do not
};
// Overlap of argument 0, an image of `in_pixel` bytes a pixel, and argument 1, its result of `out_pixel` bytes, where the kernel goes pixel
// by pixel; `both_ways` if it has the enumerator BACKWARD.
Overlap window_overlap(const Window& window, int64_t in_pixel, int64_t out_pixel, bool reads_first, bool both_ways);
// IH IW OH OW KH KW SH SW DH DW PT PL.
void add_window(Candidate& candidate, const Window& window);

// Cycles of one element's requantization on the core, roughly.
int64_t requant_cycles(const Core& core, Rounding form);
// Armv6-M, or a core we know nothing of: loads cost two cycles and have few addressing forms.
bool is_small_core(const Core& core);

// Weights [groups · outputs][depth] in the order of the kernels that share one activation among up to four outputs: each group's blocks
// [depth][4], then [depth][outputs mod 4]. `offset` 128 is added to each and makes it u8; 0 keeps i8. Any element type when offset is 0.
Tensor pack_by_blocks(const Tensor& w, int64_t groups, int64_t outputs, int64_t depth, int64_t offset);
// 128 where unsigned weights are cheaper and no partial sum of `depth` products (x − zero)·(w + 128) leaves int32, else 0.
int64_t weight_offset(const Core& core, int64_t depth, const Tensor& bias);
// The bias of int8 data, or zeros of int32 where the node has none.
Tensor bias_or_zeros(const Graph& graph, ValueId bias, int64_t channels);
// Cycles of `loads` activations that each meet `outputs` weights, in blocks of four.
int64_t block_mac_cycles(const Core& core, int64_t loads, int64_t outputs);

bool is_type(const Graph& graph, ValueId value, DType dtype);
// The operands of a layer with weights, a conv2d or dense node: activations, weights, bias (invalid: it has none), result.
struct LayerOperands {
    ValueId x, w, bias_id, y;
    int32_t w_zero = 0;
};
LayerOperands layer_operands(const Node& node);
// Why kernels for int8 activations with constant int8 weights around 0, a constant bias and a requantization do not fit the layer; null if
// they do.
const char* unfit_int8_layer(const Graph& graph, const LayerOperands& layer, const Requant& requant);
// The same for activations of int8 or int16.
const char* unfit_layer(const Graph& graph, const LayerOperands& layer, const Requant& requant, DType data);
// The same for layers that give their sums: activations of int8, uint8 or int16, int32 results, no requantization; weights around any zero.
const char* unfit_sums(const Graph& graph, const LayerOperands& layer, const Requant& requant);
// The C type of a tensor's elements that lie in memory of any type.
std::string element_type(DType dtype);
// The bias of such a layer as an argument, in 32 bits where all of it fits, and the types "elem", "sum" and "bias": data of int16, and
// results that are sums, take sums of 32 bits where no partial sum of the weights [channels][…] leaves them, else of 64.
void add_sums(Candidate& candidate, const Graph& graph, const LayerOperands& layer, int64_t channels);
// Every dimension but the last `keep` ones multiplied together.
int64_t leading_elements(const Shape& shape, int64_t keep);

}  // namespace gw
