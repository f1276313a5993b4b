// Pictures that are joined of columns, and the parts that they are laid down of.
#pragma once
#include <vector>

#include "graph/graph.h"

namespace gw {

class ColumnJoins {
public:
    // `wanted` false: there are none, every concat is a kernel's.
    ColumnJoins(const Graph& graph, bool wanted);

    // A part of a picture, and where it begins there. With the last one the picture is there.
    struct Part {
        ValueId part, whole;
        int64_t row = 0, column = 0;
        bool last = false;
    };
    // Parts that are there once node k has run, and not before.
    const std::vector<Part>& ready_after(size_t k) const { return ready_after_[k]; }
    // Whether node k is a concat that needs no kernel: of columns, or of the rows that make one column.
    bool joined(size_t k) const { return joined_[k]; }
    // Whether its result is the whole picture, which has a buffer; the concat of rows has none.
    bool is_picture(size_t k) const;

private:
    const Graph& g_;
    std::vector<bool> joined_;
    std::vector<std::vector<Part>> ready_after_;
};

}  // namespace gw
