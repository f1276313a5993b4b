// Constants, shapes and what only changes the shape. Shapes are static, so Shape, Size and all that is computed from them are constants.
#include <cmath>
#include <numeric>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
Status check_made(NodeContext& n, const std::vector<int64_t>& dims) {
    for (int64_t d : dims)
        if (d < 0) return n.bad_operand("shape", "dimension {}", d);
    return n.check_computed(dims);
}

// Axes of Squeeze, Unsqueeze: an attribute before opset 13, an operand from then on.
Expected<std::vector<int64_t>> axes_operand(NodeContext& n) {
    if (n.opset < 13) return n.integers("axes");
    if (!n.has(1)) return std::vector<int64_t>{};
    return n.need_ints(1, "axes");
}

Expected<Tensor> constant_value(NodeContext& n) {
    const onnx::AttributeProto* a = nullptr;
    for (const auto& each : n.proto.attribute())
        if (each.name().rfind("value", 0) == 0 || each.name() == "sparse_value") a = &each;
    if (a == nullptr) return n.bad_attribute("a value is missing");
    if (a->name() == "value" && a->has_t()) {
        auto t = n.importer.read_tensor(a->t(), n.where);
        return t;
    }
    if (a->name() == "value_float") return Tensor::of<float>({}, {a->f()});
    if (a->name() == "value_int") return Tensor::of<int64_t>({}, {a->i()});
    if (a->name() == "value_floats") return list_of(std::vector<float>(a->floats().begin(), a->floats().end()));
    if (a->name() == "value_ints") return list_of(std::vector<int64_t>(a->ints().begin(), a->ints().end()));
    return n.unsupported("attribute `{}`: only numbers in dense tensors are supported", a->name());
}
}  // namespace

Status constant(NodeContext& n) {
    GW_TRY(Tensor t, constant_value(n));
    n.set(0, n.add(std::move(t)));
    return {};
}

Status constant_of_shape(NodeContext& n) {
    GW_TRY(std::vector<int64_t> dims, n.need_ints(0, "input"));
    GW_TRY_DO(check_made(n, dims));
    Tensor value = Tensor::of<float>({1}, {0.0f});
    if (const auto* a = n.attribute("value")) {
        if (!a->has_t()) return n.bad_attribute("attribute `value` must be a tensor");
        GW_TRY(value, n.importer.read_tensor(a->t(), n.where));
        if (value.elements() != 1) return n.bad_attribute("attribute `value` has {} elements, expected one", value.elements());
    }
    n.set(0, n.add(broadcast_to(value.reshaped({}), Shape(dims))));
    return {};
}

Status identity(NodeContext& n) { return n.result(n.in(0)); }

Status dropout(NodeContext& n) {
    if (n.has(2)) {
        GW_TRY(double training, n.need_scalar(2, "training_mode"));
        if (training != 0) return n.unsupported("training mode is not supported");
    }
    return n.result(n.in(0));
}

namespace {
Status cast_to(NodeContext& n, DType to) {
    if (n.dtype(n.in(0)) == to) return n.result(n.in(0));
    return n.result(n.emit(Cast{to}, {n.in(0)}));
}
}  // namespace

Status cast(NodeContext& n) {
    if (n.attribute("to") == nullptr) return n.bad_attribute("attribute `to` is missing");
    const int64_t number = n.integer("to", 1);
    const auto to = number >= 0 && number < 64 ? dtype_of_onnx(static_cast<int>(number)) : std::nullopt;
    if (!to) return n.unsupported("conversion to {} is not supported", onnx_type_name(static_cast<int>(number)));
    return cast_to(n, is_float(*to) ? DType::float32 : *to);
}

Status cast_like(NodeContext& n) { return cast_to(n, n.dtype(n.in(1))); }

Status shape(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    // start and end count from the end when negative, and are clamped.
    int64_t start = n.integer("start", 0), end = n.integer("end", s.rank());
    if (start < 0) start += s.rank();
    if (end < 0) end += s.rank();
    start = std::clamp<int64_t>(start, 0, s.rank());
    end = std::clamp<int64_t>(end, start, s.rank());
    n.set(0, n.add(list_of(std::vector<int64_t>(s.dims().begin() + start, s.dims().begin() + end))));
    return {};
}

Status size(NodeContext& n) {
    n.set(0, n.add(Tensor::of<int64_t>({}, {n.shape(n.in(0)).elements()})));
    return {};
}

Status reshape(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(std::vector<int64_t> dims, n.need_ints(1, "shape"));
    const bool allow_zero = n.integer("allowzero", 0) != 0;
    int64_t open = -1;
    for (size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == 0 && !allow_zero) {
            if (static_cast<int64_t>(i) >= s.rank())
                return n.bad_operand("shape", "dimension {} is to be copied from data of rank {}", i, s.rank());
            dims[i] = s[static_cast<int64_t>(i)];
        }
        if (dims[i] != -1) continue;
        if (open >= 0) return n.bad_operand("shape", "{} leaves more than one dimension open", Shape(dims).text());
        open = static_cast<int64_t>(i);
    }
    if (open >= 0) dims[static_cast<size_t>(open)] = 1;
    const auto known = checked_elements(dims);
    if (!known) return n.bad_operand("shape", "{} is not a shape", Shape(dims).text());
    if (open >= 0 && *known > 0) dims[static_cast<size_t>(open)] = s.elements() / *known;
    if (Shape(dims).elements() != s.elements())
        return n.bad_operand("shape", "{} does not hold the {} elements of {}", Shape(dims).text(), s.elements(), s.text());
    return n.result(n.reshape(n.in(0), std::move(dims)));
}

Status flatten(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    int64_t axis = n.integer("axis", 1);
    if (axis < -s.rank() || axis > s.rank()) return n.bad_attribute("axis {} of a tensor of rank {}", axis, s.rank());
    if (axis < 0) axis += s.rank();
    int64_t rows = 1, columns = 1;
    for (int64_t i = 0; i < s.rank(); ++i) (i < axis ? rows : columns) *= s[i];
    return n.result(n.reshape(n.in(0), {rows, columns}));
}

Status squeeze(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(std::vector<int64_t> axes, axes_operand(n));
    if (axes.empty()) {
        for (int64_t i = 0; i < s.rank(); ++i)
            if (s[i] == 1) axes.push_back(i);
    }
    GW_TRY(axes, n.axes(std::move(axes), s.rank()));
    std::vector<int64_t> dims;
    for (int64_t i = 0; i < s.rank(); ++i) {
        const bool named = std::find(axes.begin(), axes.end(), i) != axes.end();
        if (named && s[i] != 1) return n.bad_operand("axes", "dimension {} of {} has size {}, not 1", i, s.text(), s[i]);
        if (!named) dims.push_back(s[i]);
    }
    return n.result(n.reshape(n.in(0), std::move(dims)));
}

Status unsqueeze(NodeContext& n) {
    GW_TRY(std::vector<int64_t> axes, axes_operand(n));
    if (axes.empty()) return n.bad_operand("axes", "no axes are named");
    std::vector<int64_t> dims = n.shape(n.in(0)).dims();
    const auto rank = static_cast<int64_t>(dims.size() + axes.size());
    if (rank > 8) return n.unsupported("rank {}; at most 8 is supported", rank);
    GW_TRY(axes, n.axes(std::move(axes), rank));
    for (int64_t a : axes) dims.insert(dims.begin() + a, 1);
    return n.result(n.reshape(n.in(0), std::move(dims)));
}

Status expand(NodeContext& n) {
    GW_TRY(std::vector<int64_t> asked, n.need_ints(1, "shape"));
    const ValueId x = n.in(0);
    for (int64_t d : asked)
        if (d < 0) return n.bad_operand("shape", "dimension {}", d);
    const auto result = broadcast(n.shape(x), Shape(asked));
    if (!result) return n.bad_operand("shape", "{} does not broadcast with {}", Shape(asked).text(), n.shape(x).text());
    if (const Tensor t = n.constant(x); t.valid()) {
        GW_TRY_DO(n.check_computed(result->dims()));
        n.set(0, n.add(broadcast_to(t, *result)));
        return {};
    }
    // Leading dimensions by a reshape, then one copy of the data for each index of an expanded dimension.
    std::vector<int64_t> dims = n.shape(x).dims();
    dims.insert(dims.begin(), static_cast<size_t>(result->rank()) - dims.size(), 1);
    GW_TRY(ValueId y, n.reshape(x, dims));
    if (is_float(n.dtype(x)) && Shape(dims) != *result) {
        std::vector<int64_t> ones = dims;
        for (size_t i = 0; i < dims.size(); ++i) ones[i] = dims[i] == 1 ? (*result)[static_cast<int64_t>(i)] : 1;
        GW_TRY_DO(n.check_computed(ones));
        return n.result(n.binary(BinaryKind::mul, y, n.add(filled(n.dtype(x), Shape(ones), 1))));
    }
    for (size_t i = 0; i < dims.size(); ++i) {
        const int64_t copies = (*result)[static_cast<int64_t>(i)];
        if (dims[i] == copies) continue;
        GW_TRY_DO(n.check_computed({copies}));
        Gather op;
        op.axis = static_cast<int64_t>(i);
        GW_TRY(y, n.emit(op, {y, n.add(filled(DType::int32, {copies}, 0))}));
    }
    return n.result(y);
}

Status range(NodeContext& n) {
    GW_TRY(double start, n.need_scalar(0, "start"));
    GW_TRY(double limit, n.need_scalar(1, "limit"));
    GW_TRY(double delta, n.need_scalar(2, "delta"));
    if (n.dtype(n.in(1)) != n.dtype(n.in(0)) || n.dtype(n.in(2)) != n.dtype(n.in(0)))
        return n.bad_operand("limit", "start, limit and delta are of different types");
    if (delta == 0 || !std::isfinite(start) || !std::isfinite(limit) || !std::isfinite(delta))
        return n.bad_operand("delta", "the range never ends");
    constexpr double exact = 9007199254740992.0;  // 2^53: integers up to here are doubles
    if (std::fabs(start) > exact || std::fabs(limit) > exact) return n.bad_operand("limit", "a range from {} to {}", start, limit);
    const double count = std::max(0.0, std::ceil((limit - start) / delta));
    const auto elements = static_cast<int64_t>(std::min(count, exact));
    GW_TRY_DO(check_made(n, {elements}));
    Tensor t = Tensor::zeros({n.dtype(n.in(0)), {elements}, {}});
    for (int64_t i = 0; i < t.elements(); ++i) t.set(i, start + static_cast<double>(i) * delta);
    n.set(0, n.add(std::move(t)));
    return {};
}

}  // namespace gw::onnx_ops
