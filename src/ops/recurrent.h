// What passes ask of a recurrent layer.
#pragma once
#include "ops/op.h"

namespace gw {

// Whether the gates' functions are those of the integer op: logistic and tanh, without a clip.
bool has_integer_form(const Recurrent& op);

}  // namespace gw
