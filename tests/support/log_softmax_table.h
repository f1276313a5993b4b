// The table operand of TFLite's log_softmax.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/tensor.h"

namespace gw {

// u32 [2, 256]: exponentials exp(−slope·d), then the distances slope·d as Q5.26, for d from 0 to 255.
inline Tensor log_softmax_table(double slope) {
    std::vector<uint32_t> table, distances;
    for (int d = 0; d < 256; ++d) {
        table.push_back(static_cast<uint32_t>(std::floor(2147483647.0 * std::exp(-slope * d))));
        distances.push_back(static_cast<uint32_t>(std::ldexp(std::min(slope * d, 17.0), 26)));
    }
    table.insert(table.end(), distances.begin(), distances.end());
    return Tensor::of<uint32_t>({2, 256}, table);
}

}  // namespace gw
