// Which rows and columns of which values the strips of a region compute: the numbers behind split_rows, and what memory they ask for.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace gw {

struct Rows {
    int64_t begin = 0, end = 0;
    bool empty() const { return begin >= end; }
    int64_t size() const { return end - begin; }
    bool operator==(const Rows&) const = default;
};

// The smallest run that holds both; an empty one holds nothing.
Rows hull(const Rows& a, const Rows& b);

using Columns = Rows;
// A part of a picture.
struct Patch {
    Rows rows;
    Columns columns;
    bool operator==(const Patch&) const = default;
};

// How a region is computed: `height` rows of node `driver`'s result at a time, for one band of columns after the other. The last node's
// columns fall into `bands` of about equal width; what lies before it is made for each band as wide as the band's windows reach, so where
// bands share columns these are computed again. The rows that two strips of a band share are kept, and a band is made from top to bottom
// before the next; without `keep` they are computed again too, strip by strip and in each strip band by band.
struct Cut {
    int32_t driver = 0;
    int64_t height = 1, bands = 1;
    bool keep = true;
    auto operator<=>(const Cut&) const = default;
};

// [1, H, W, C]: what has rows and columns here.
bool is_picture(const Type& type);
// Whether the node can compute some rows of its result alone, and whether it can compute some columns of some rows alone.
bool works_by_rows(const Graph& graph, const Node& node);
bool works_by_columns(const Graph& graph, const Node& node);
// Columns of each result of nodes [first, last] that columns `wanted` of the last one's are made from. Nothing where some node would read
// no column at all.
std::optional<std::vector<Columns>> plan_columns(const Graph& graph, int32_t first, int32_t last, const Columns& wanted);
// Columns of operand `i` that columns `c` of the node's result read, and the tile that a tile reads.
Columns columns_needed(const Graph& graph, const Node& node, size_t i, const Columns& c);
Patch patch_needed(const Graph& graph, const Node& node, size_t i, const Patch& tile);
// The node's op for tile `result` of its result alone, given tile `operand` of operand 0: a window gets the padding that this leaves.
Op part_of(const Graph& graph, const Node& node, const Patch& result, const Patch& operand);
// Band number `band` of `bands` of a result that is so wide.
Columns band_of(int64_t width, int64_t bands, int64_t band);
// Operands that have rows: those that are not constant.
std::vector<size_t> row_operands(const Graph& graph, const Node& node);

// For nodes [first, last] of a graph, all of which work by rows: which rows of each operand a row of the result reads.
class RowTable {
public:
    RowTable(const Graph& graph, int32_t first, int32_t last);
    struct Operand {
        size_t input = 0;        // number of the operand
        int32_t producer = -1;   // node that makes it, -1: it is an input of the graph
        std::vector<Rows> need;  // by row of the result
        int64_t copied_row = 0;  // bytes a row of the copy that is made of some of its columns; 0: it is read where it lies
    };
    struct Entry {
        int64_t rows = 0, row_bytes = 0;  // of the result
        std::vector<Operand> operands;
    };
    const Entry& entry(int32_t node) const { return entries_[static_cast<size_t>(node - first_)]; }
    // Rows of an operand that rows `r` of the node's result read.
    Rows needed(const Operand& operand, const Rows& r) const;
    // The part of it that begins with node `first`, for some columns of each result, as plan_columns finds them.
    RowTable narrowed(const Graph& graph, int32_t first, const std::vector<Columns>& columns) const;

private:
    int32_t first_;
    std::vector<Entry> entries_;
};

// What one strip does with a node's result: `rows` exist afterwards (for this strip's readers or the next ones'), `fresh` of them are
// computed in it; the others were there and are kept. Empty `rows`: the strip leaves the result alone.
struct StripRows {
    Rows rows, fresh;
};
// Strips of nodes [first, last]: one entry a node. Nothing where a strip would read no row, or where rows are not kept and the driver is
// not the last node.
std::optional<std::vector<std::vector<StripRows>>> plan_strips(const RowTable& table, int32_t first, int32_t last, const Cut& cut);

// What a layer's kernel asks for besides operands and results: scratch, and bytes that keep a result apart from the operand that it lies
// over.
struct KernelBytes {
    int64_t scratch = 0, spread = 0;
};
// What a region computed in strips asks for, but for alignment: `bytes` that are live at the worst moment where results lie over operands
// as far as those die (rows of the region's own input and output count with `input_row` and `output_row` bytes; 0: they lie elsewhere),
// layers computed (a call each), runs of rows and bytes kept by copying. `kernels`: one entry a node of the region.
struct StripCost {
    int64_t bytes = 0;
    int64_t floor = 0;  // the same if input and result were no runs of bytes, and others could lie between their rows
    int64_t calls = 0, copies = 0, copied_bytes = 0;
};
StripCost strip_cost(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                     int64_t input_rows, int64_t input_row, int64_t output_row, std::span<const KernelBytes> kernels);
// The same for one band of columns, `table` narrowed to it: without the region's input, of which columns are copied as they are needed, and
// without its result, to which each strip's rows are copied at once.
StripCost band_cost(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                    int64_t input_rows, std::span<const KernelBytes> kernels);
// Bytes that a region's input and result take together while strips follow one another: rows of the input die, rows of the result come.
int64_t border_bytes(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                     int64_t input_rows, int64_t input_row, int64_t output_row);

}  // namespace gw
