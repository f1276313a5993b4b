// The constants of a program as one run of bytes: NAME.weights.bin, and what the caller passes where the weights are not in NAME_weights.c.
#pragma once
#include <string>
#include <vector>

#include "program/program.h"

namespace gw {

struct WeightsBlob {
    std::string bytes;
    std::vector<int64_t> offsets;  // one a datum of the program
    int64_t align = 1;             // of the address it is used at
};
// Each datum at a multiple of its element's size, in the program's order. `passed`: for a caller's array, which is never empty: at least
// four bytes, and as many as fill its last word.
WeightsBlob weights_blob(const Program& program, bool passed);

// The bytes as the initialisers of a C array: what a `{ #include "NAME.weights.txt" }` wants.
std::string weights_text(const std::string& bytes);

// Elements of the C array of a datum that has a name of its own.
int64_t data_count(const Data& data);

}  // namespace gw
