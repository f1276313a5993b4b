// Windows of convolutions and pools.
#pragma once
#include "frontend/tflite/importer.h"

namespace gw {

struct TfliteWindow {
    Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
};
// Checks strides and dilations and turns the padding scheme into pads for a picture of `in` rows and columns: `same` gives as many results
// as strides fit into the picture, an odd row or column of padding goes to the end.
Status resolve_window(TfliteNode& n, TfliteWindow& w, const Pair& in, tfl::Padding padding);

}  // namespace gw
