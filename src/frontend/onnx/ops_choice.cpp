// Operators that choose: ArgMax and ArgMin, Where, and those that are spelled with them (Trilu, OneHot, Hardmax).
#include <numeric>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
// The places along `axis` (kept with size 1). Half and double are single precision; 64-bit data have no place of their own.
Expected<ValueId> places(NodeContext& n, ValueId x, int64_t axis, bool smallest, bool last) {
    const DType t = n.dtype(x);
    if (t != DType::float32 && t != DType::int32 && t != DType::int8)
        return n.unsupported("places in data of type {} are not supported", dtype_long_name(t));
    ArgMax op;
    op.axis = axis, op.smallest = smallest, op.last = last;
    return n.emit(op, {x});
}

// Constants 0, 1, … n−1 of type int64, along `axis` of `rank` dimensions.
Expected<ValueId> counting(NodeContext& n, int64_t count, int64_t axis, int64_t rank) {
    std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
    dims[static_cast<size_t>(axis)] = count;
    GW_TRY_DO(n.check_computed(dims));
    std::vector<int64_t> values(static_cast<size_t>(count));
    std::iota(values.begin(), values.end(), 0);
    return n.add(Tensor::of<int64_t>(Shape(dims), values));
}
}  // namespace

Status import_places(NodeContext& n, bool smallest) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() == 0) return n.bad_operand("data", "a scalar");
    GW_TRY(int64_t axis, n.axis(n.integer("axis", 0), s.rank()));
    GW_TRY(ValueId y, places(n, n.in(0), axis, smallest, n.integer("select_last_index", 0) != 0));
    if (n.integer("keepdims", 1) != 0) return n.result(y);
    std::vector<int64_t> dims = s.dims();
    dims.erase(dims.begin() + axis);
    return n.result(n.reshape(y, dims));
}

Status where(NodeContext& n) {
    if (n.dtype(n.in(1)) != n.dtype(n.in(2)))
        return n.bad_operand("Y", "type {}, X has {}", dtype_long_name(n.dtype(n.in(2))), dtype_long_name(n.dtype(n.in(1))));
    const auto values = broadcast(n.shape(n.in(1)), n.shape(n.in(2)));
    const auto result = values ? broadcast(*values, n.shape(n.in(0))) : std::nullopt;
    if (!result) return n.bad_operand("X", "the three operands do not broadcast");
    if (const Tensor condition = n.constant(n.in(0)); condition.valid() && all_equal(condition)) {
        const ValueId chosen = n.in(condition.at(0) != 0 ? 1 : 2);
        if (n.shape(chosen) == *result) return n.result(chosen);
    }
    GW_TRY_DO(n.check_size(result->dims()));
    return n.result(n.emit(Select{}, {n.in(0), n.in(1), n.in(2)}));
}

// The triangle is known when the model is read: a constant condition.
Status trilu(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() < 2) return n.bad_operand("input", "rank {}, expected at least 2", s.rank());
    const int64_t rows = s[s.rank() - 2], columns = s[s.rank() - 1];
    double offset = 0;
    if (n.has(1)) {
        GW_TRY(offset, n.need_scalar(1, "k"));
    }
    const bool upper = n.integer("upper", 1) != 0;
    GW_TRY_DO(n.check_computed({rows, columns}));
    Tensor inside = filled(DType::boolean, {rows, columns}, 0);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) {
            const auto diagonal = static_cast<double>(c - r);
            inside.set(r * columns + c, (upper ? diagonal >= offset : diagonal <= offset) ? 1 : 0);
        }
    return n.result(n.emit(Select{}, {n.add(std::move(inside)), n.in(0), n.scalar(0, n.dtype(n.in(0)))}));
}

Status one_hot(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(double wanted, n.need_scalar(1, "depth"));
    if (!(wanted >= 1 && wanted <= 1 << 20)) return n.bad_operand("depth", "{}", wanted);
    const auto depth = static_cast<int64_t>(wanted);
    GW_TRY(int64_t axis, n.axis(n.integer("axis", -1), s.rank() + 1));
    GW_TRY(Tensor values, n.need_constant(2, "values"));
    if (values.elements() != 2) return n.bad_operand("values", "{} numbers, expected 2", values.elements());
    ValueId indices = n.in(0);
    if (n.dtype(indices) != DType::int64) {
        GW_TRY(indices, n.emit(Cast{DType::int64}, {indices}));
    }
    std::vector<int64_t> dims = s.dims();
    dims.insert(dims.begin() + axis, 1);
    GW_TRY(indices, n.reshape(indices, dims));
    // Negative indices count from the end; what is out of range is nowhere.
    GW_TRY(const ValueId counted, counting(n, depth, axis, s.rank() + 1));
    GW_TRY(ValueId hit, n.binary(BinaryKind::equal, indices, counted));
    GW_TRY(ValueId from_end, n.binary(BinaryKind::sub, counted, n.scalar(static_cast<double>(depth), DType::int64)));
    GW_TRY(ValueId hit_from_end, n.binary(BinaryKind::equal, indices, from_end));
    GW_TRY(ValueId either, n.binary(BinaryKind::logical_or, hit, hit_from_end));
    return n.result(n.emit(Select{}, {either, n.scalar(values.at(1), values.type.dtype), n.scalar(values.at(0), values.type.dtype)}));
}

// 1 at the first greatest element, 0 elsewhere. Before opset 13 all dimensions from `axis` on are one.
Status hardmax(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() == 0) return n.bad_operand("input", "a scalar");
    GW_TRY(int64_t axis, n.axis(n.integer("axis", n.opset < 13 ? 1 : -1), s.rank()));
    ValueId x = n.in(0);
    if (n.opset < 13) {
        int64_t rows = 1, columns = 1;
        for (int64_t i = 0; i < s.rank(); ++i) (i < axis ? rows : columns) *= s[i];
        GW_TRY(x, n.reshape(x, {rows, columns}));
        axis = 1;
    }
    const Shape lines = n.shape(x);
    GW_TRY(ValueId place, places(n, x, axis, false, false));
    GW_TRY(ValueId counted, counting(n, lines[axis], axis, lines.rank()));
    GW_TRY(ValueId hit, n.binary(BinaryKind::equal, place, counted));
    GW_TRY(ValueId y, n.emit(Cast{n.dtype(x)}, {hit}));
    return n.result(n.reshape(y, s.dims()));
}

}  // namespace gw::onnx_ops
