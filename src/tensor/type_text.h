// Types and constants in text: "i8[1,8,8,3] q(0.5,-3)" and "= [1,2,3]", shared by the graph and the program language.
#pragma once
#include "base/lexer.h"
#include "tensor/tensor.h"

namespace gw {

Expected<Type> parse_type(Lexer& in);
// The list after "[" … "]" is read whole.
Expected<std::vector<int64_t>> parse_ints(Lexer& in);
// Values of a constant: a list when short, base64 of the little-endian bytes otherwise.
std::string print_values(const Tensor& tensor);
// Reads what print_values writes, and for tests written by hand: splat(v), iota, random(seed) (integers: uniform over the type's whole
// range for 8 bits, ±1000 for wider ones; floats: uniform in [−1, 1)).
Expected<Tensor> parse_values(Lexer& in, const Type& type);

}  // namespace gw
