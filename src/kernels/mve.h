// What the rows for cores with Helium share: when they fit, and the table from which lanes are rescaled.
#pragma once
#include <span>
#include <string>

#include "kernels/kernel.h"

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

}  // namespace gw
