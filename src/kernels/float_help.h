// What the float and the data-movement rows share: C text of numbers and clamps, C types of elements, merged dimensions, traces, prices.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "kernels/row_help.h"

namespace gw {

// The C literal of a float: "0.5f", "-1e-30f"; infinities and not-a-number by the names of <math.h>.
std::string float_literal(float v);
// A C expression that clamps the expression `value` to [lo, hi]; what is not a number stays so. A side that is infinite costs nothing when
// `value` is a plain identifier.
std::string clamp_text(std::string_view value, float lo, float hi);

// C expression of a float function of `x`.
std::string unary_text(const Unary& op);

// C type through which a kernel reaches elements of this type in an arena ("gw_i32"); empty for types that have none (packed ones, float16,
// float64).
std::string_view c_element(DType dtype);
// C type of elements that are only moved, by their size in bytes (1, 2, 4, 8); empty for other sizes.
std::string_view c_moved_element(int64_t bytes);
// Bytes of an element, 0 for packed types.
int64_t element_bytes(const Graph& graph, ValueId value);

// An index space walked by several operands at once. Dimensions of size 1 are gone, neighbours that every operand walks as one are merged.
struct Walk {
    std::vector<int64_t> dims;
    std::vector<std::vector<int64_t>> strides;  // one list an operand, in its elements
    // The same with dimensions of size 1 and stride 0 in front, up to `rank`. False when there are more.
    bool extend(size_t rank);
    // Constants D0, D1, … and, for operand k, names[k] with the same numbers.
    void add_constants(Candidate& candidate, std::initializer_list<std::string_view> names) const;
};
Walk merged(const std::vector<int64_t>& dims, const std::vector<std::vector<int64_t>>& strides);
// What a reduction of x over `axes` keeps, and what it folds, each walked in elements of x.
std::pair<Walk, Walk> reduction_walks(const Shape& x, const std::vector<int64_t>& axes);
// Strides of `from`, in elements, for an index of `to`, to which it broadcasts: 0 where it repeats.
std::vector<int64_t> repeated_strides(const Shape& from, const Shape& to);

// Trace of a kernel that makes one pixel after the other, and a pixel in parts: before its last `last_out` bytes are written, the window is
// read again from `last_in` bytes into its pixels on. The parts before are no closer to what is still to be read than the last but one.
TileTrace pixel_trace(const Window& window, int64_t out_pixel_bytes, int64_t in_pixel_bytes, int64_t last_out, int64_t last_in);

// Rough prices on the core: a float multiply-accumulate with its loads, a float addition or comparison, a call of libm.
int64_t float_mac_cycles(const Core& core);
int64_t float_op_cycles(const Core& core);
int64_t libm_cycles(const Core& core);
// The bias, or float zeros where the node has none.
Tensor float_bias(const Graph& graph, ValueId bias, int64_t channels);
// Weights and bias as further arguments, `packed` being the weights in the kernel's order: floats with their bias (zeros where the node has
// none), or int8 weights of `quant` (one scale, or one a channel), whose bias is divided by the channel's scale and followed by the scales.
// Sets the type "weight" and the constant SCALED.
void add_float_weights(Candidate& candidate, const Graph& graph, Tensor packed, const Quant& quant, ValueId w, ValueId bias,
                       int64_t channels);

}  // namespace gw
