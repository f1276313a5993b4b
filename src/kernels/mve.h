// What the rows for cores with Helium share: when they fit, and the table from which lanes are rescaled.
#pragma once
#include <span>
#include <string>

#include "kernels/row_help.h"

namespace gw {

// Why the rows for Helium offer nothing in this context; nullptr where they do.
const char* mve_unfit(const MatchContext& context);
// Why gw_kernel.h's lanes do not rescale so; nullptr where they do.
const char* unfit_for_lanes(const Requant& requant);
// The bias that goes with activations whose zero point is left in: less x_zero times the sum of the channel's weights w [channels][depth].
Tensor bias_of_raw_inputs(const Tensor& bias, const Tensor& w, int32_t x_zero);
// The table of gw_kernel.h's Helium kernels as an argument, and FORM, Y_ZERO, LO, HI. A vector has one lane for each of the channels in
// `lanes` (-1: none); for each vector four elements each of bias, left shift, multiplier, right shift.
void add_lane_requant(Candidate& candidate, const Requant& requant, const Tensor& bias, std::span<const int64_t> lanes);
// The first two arguments, one image of each of x and y [n][height][width][channels] a call; gives n, the candidate's batch.
int64_t add_one_image_each(Candidate& candidate, const Graph& graph, ValueId x, ValueId y);
// The table IH IW C OH OW KH KW SH SW DH DW PT PL, then `more`.
KernelArgument window_table(const Window& window, int64_t channels, std::initializer_list<int64_t> more = {});

}  // namespace gw
