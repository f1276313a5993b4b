// Names of the format's builtin operators by their numbers.
#pragma once
#include <cstdint>
#include <string>

namespace gw {
// "CONV_2D"; "builtin 500" for a number that is not known.
std::string tflite_builtin_name(int64_t code);
}  // namespace gw
