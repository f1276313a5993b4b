// What the import functions share. The problem: every operator reads attributes and operands that may be missing, mistyped or absurd, and
// adds ops whose operands may be constant. The idea: attribute readers report a wrong type once and go on with the default (the import of
// the node has failed by then); `emit` evaluates an op at once when all it reads is constant, so the chains of shape arithmetic that
// exporters write never reach the graph. After it: a node is imported whole, or has reported why not.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontend/onnx/importer.h"

namespace gw {

NodeContext::NodeContext(Importer& owner, const onnx::NodeProto& node, int64_t version, Location place, Source from,
                         std::vector<ValueId> operands)
    : proto(node), opset(version), where(std::move(place)), source(std::move(from)), importer(owner), operands_(std::move(operands)) {}

Failure NodeContext::report(DiagId id, const Location& at, const std::string& message) {
    if (!failed_) importer.diag.error(id, at, "{}", message);
    failed_ = true;
    return failure;
}

// --- operands ------------------------------------------------------------------------------------------------------------------------

Shape NodeContext::shape(ValueId id) const { return importer.graph.type(id).shape; }
DType NodeContext::dtype(ValueId id) const { return importer.graph.type(id).dtype; }

Tensor NodeContext::constant(ValueId id) const {
    const Tensor* t = importer.graph.constant(id);
    return t != nullptr ? *t : Tensor();
}

Expected<Tensor> NodeContext::need_constant(size_t i, std::string_view operand) {
    if (!has(i)) return bad_operand(operand, "operand {} is missing", i);
    Tensor t = constant(in(i));
    if (t.valid()) return t;
    if (const auto w = weight(in(i))) return w->tensor.dequantized();
    return unsupported("operand `{}` is computed at run time; it must be known when the model is compiled", operand);
}

Expected<std::vector<int64_t>> NodeContext::need_ints(size_t i, std::string_view operand) {
    GW_TRY(Tensor t, need_constant(i, operand));
    if (t.shape().rank() > 1) return bad_operand(operand, "rank {}, expected a list", t.shape().rank());
    if (!is_integer(t.type.dtype)) return bad_operand(operand, "type {}, expected integers", dtype_long_name(t.type.dtype));
    if (t.elements() > 64) return bad_operand(operand, "a list of {} dimensions", t.elements());
    return t.ints();
}

Expected<double> NodeContext::need_scalar(size_t i, std::string_view operand) {
    GW_TRY(Tensor t, need_constant(i, operand));
    if (t.elements() != 1) return bad_operand(operand, "{} elements, expected one", t.elements());
    return t.at(0);
}

std::optional<Weight> NodeContext::weight(ValueId id) const {
    const Graph& g = importer.graph;
    if (const Tensor* t = g.constant(id)) return Weight{*t, false, g[id].source};
    const Node* node = g.producer(id);
    if (node == nullptr || !std::holds_alternative<Dequantize>(node->op)) return std::nullopt;
    const Tensor* t = g.constant(node->inputs[0]);
    return t != nullptr ? std::optional(Weight{*t, true, g[id].source}) : std::nullopt;
}

// --- attributes ----------------------------------------------------------------------------------------------------------------------

const onnx::AttributeProto* NodeContext::attribute(std::string_view attribute_name) const {
    for (const auto& a : proto.attribute())
        if (a.name() == attribute_name) return &a;
    return nullptr;
}

const onnx::AttributeProto* NodeContext::typed(std::string_view attribute_name, onnx::AttributeProto::AttributeType type,
                                               std::string_view what) {
    const onnx::AttributeProto* a = attribute(attribute_name);
    if (a == nullptr || a->type() == type) return a;
    bad_attribute("attribute `{}` must be {}", attribute_name, what);
    return nullptr;
}

int64_t NodeContext::integer(std::string_view attribute_name, int64_t otherwise) {
    const auto* a = typed(attribute_name, onnx::AttributeProto::INT, "an integer");
    return a != nullptr ? a->i() : otherwise;
}

float NodeContext::number(std::string_view attribute_name, float otherwise) {
    const auto* a = typed(attribute_name, onnx::AttributeProto::FLOAT, "a number");
    return a != nullptr ? a->f() : otherwise;
}

std::string NodeContext::text(std::string_view attribute_name, std::string_view otherwise) {
    const auto* a = typed(attribute_name, onnx::AttributeProto::STRING, "a text");
    return a != nullptr ? a->s() : std::string(otherwise);
}

std::vector<int64_t> NodeContext::integers(std::string_view attribute_name, std::vector<int64_t> otherwise) {
    const auto* a = typed(attribute_name, onnx::AttributeProto::INTS, "a list of integers");
    return a != nullptr ? std::vector<int64_t>(a->ints().begin(), a->ints().end()) : std::move(otherwise);
}

Expected<int64_t> NodeContext::axis(int64_t value, int64_t of_rank, std::string_view what) {
    if (value < -of_rank || value >= of_rank) return bad_attribute("{} {} of a tensor of rank {}", what, value, of_rank);
    return value < 0 ? value + of_rank : value;
}

Expected<std::vector<int64_t>> NodeContext::axes(std::vector<int64_t> values, int64_t of_rank) {
    for (int64_t& v : values) {
        GW_TRY(v, axis(v, of_rank));
    }
    std::sort(values.begin(), values.end());
    if (std::adjacent_find(values.begin(), values.end()) != values.end()) return bad_attribute("an axis is named twice");
    return values;
}

// --- results -------------------------------------------------------------------------------------------------------------------------

Status NodeContext::check_size(const std::vector<int64_t>& dims) {
    if (checked_elements(dims)) return {};
    report(DiagId::onnx_too_large, where, fmt::format("a tensor of shape {} is too large", Shape(dims).text()));
    return failure;
}

Status NodeContext::check_computed(const std::vector<int64_t>& dims) {
    const std::optional<int64_t> elements = checked_elements(dims);
    if (elements && importer.take_room(*elements)) return {};
    return report(DiagId::onnx_too_large, where,
                  fmt::format("the constants computed so far and one of shape {} are too large for so small a model", Shape(dims).text()));
}

Expected<ValueId> NodeContext::emit_kept(Op op, std::vector<ValueId> operands) {
    if (failed_) return failure;
    auto id = importer.graph.add1(std::move(op), std::move(operands), {source}, importer.diag);
    if (!id) {
        failed_ = true;
        return failure;
    }
    GW_TRY_DO(check_size(shape(*id).dims()));
    return *id;
}

Expected<ValueId> NodeContext::emit(Op op, std::vector<ValueId> operands) {
    if (failed_) return failure;
    const Graph& g = importer.graph;
    std::vector<Operand> seen;
    std::vector<const Tensor*> tensors;
    for (ValueId id : operands) {
        const Tensor* t = g.constant(id);
        if (id.valid() && t == nullptr) return emit_kept(std::move(op), std::move(operands));
        tensors.push_back(t);
        seen.push_back(id.valid() ? Operand{&g.type(id), t} : Operand{});
    }
    auto types = infer(op, seen, {where, &importer.diag});
    if (!types) {
        failed_ = true;
        return failure;
    }
    GW_CHECK(types->size() == 1, "op with one result expected");
    GW_TRY_DO(check_size(types->front().shape.dims()));
    GW_TRY_DO(check_computed(types->front().shape.dims()));
    std::vector<Tensor> out{Tensor::zeros(types->front())};
    evaluate(op, tensors, out);
    return add(std::move(out.front()));
}

ValueId NodeContext::add(Tensor tensor, std::string tensor_name) {
    return importer.graph.add_constant(std::move(tensor), std::move(tensor_name));
}

ValueId NodeContext::scalar(double value, DType type) {
    Tensor t = Tensor::zeros({type, {}, {}});
    if (is_integer(type)) {
        // A limit may be given in another type. The greatest double below 2^63 fits 64 bits.
        constexpr double most = 9223372036854774784.0;
        value = std::isnan(value) ? 0 : std::trunc(value);
        value = std::clamp(value, static_cast<double>(lowest(type)), std::min(most, static_cast<double>(highest(type))));
    }
    t.set(0, value);
    return add(std::move(t));
}

Expected<ValueId> NodeContext::add(Weight w) {
    const ValueId id = add(std::move(w.tensor), w.dequantize ? std::string() : w.source);
    if (!w.dequantize) return id;
    GW_TRY(ValueId real, emit_kept(Dequantize{}, {id}));
    importer.graph[real].source = w.source;
    return real;
}

void NodeContext::name(ValueId id, size_t output) {
    Value& v = importer.graph[id];
    if (v.source.empty() && wants(output)) v.source = proto.output(static_cast<int>(output));
}

void NodeContext::set(size_t i, ValueId id) {
    name(id, i);
    results_[i] = id;
}

Status NodeContext::result(Expected<ValueId> id) {
    if (!id) return failure;
    set(0, *id);
    return {};
}

// --- common shapes of work -----------------------------------------------------------------------------------------------------------

Expected<ValueId> NodeContext::binary(BinaryKind kind, ValueId a, ValueId b) {
    Binary op;
    op.kind = kind;
    return emit(op, {a, b});
}

Expected<ValueId> NodeContext::unary(UnaryKind kind, ValueId x, float alpha, float beta) { return emit(Unary{kind, alpha, beta}, {x}); }

Expected<ValueId> NodeContext::reshape(ValueId x, std::vector<int64_t> dims) {
    if (shape(x) == Shape(dims)) return x;
    return emit(Reshape{std::move(dims)}, {x});
}

Expected<ValueId> NodeContext::transpose(ValueId x, std::vector<int64_t> perm) {
    if (std::is_sorted(perm.begin(), perm.end())) return x;
    return emit(Transpose{std::move(perm)}, {x});
}

Expected<ValueId> NodeContext::slice(ValueId x, std::vector<int64_t> start, std::vector<int64_t> size, std::vector<int64_t> step) {
    const Shape s = shape(x);
    bool whole = true;
    for (size_t i = 0; i < start.size(); ++i) whole = whole && start[i] == 0 && step[i] == 1 && size[i] == s[static_cast<int64_t>(i)];
    if (whole) return x;
    return emit(Slice{std::move(start), std::move(size), std::move(step)}, {x});
}

Expected<ValueId> NodeContext::slice_axis(ValueId x, int64_t along, int64_t start, int64_t size) {
    const Shape s = shape(x);
    std::vector<int64_t> first(s.dims().size(), 0), sizes = s.dims(), step(s.dims().size(), 1);
    first[static_cast<size_t>(along)] = start;
    sizes[static_cast<size_t>(along)] = size;
    return slice(x, std::move(first), std::move(sizes), std::move(step));
}

Expected<ValueId> NodeContext::to_float(ValueId x) {
    if (dtype(x) == DType::float32) return x;
    return emit(Cast{DType::float32}, {x});
}

Expected<ValueId> NodeContext::to_nhwc(ValueId x) {
    const Shape s = shape(x);
    if (s.rank() == 4) return transpose(x, {0, 2, 3, 1});
    if (s.rank() != 3) return unsupported("data of rank {}; images [N,C,H,W] and sequences [N,C,L] are supported", s.rank());
    GW_TRY(ValueId t, transpose(x, {0, 2, 1}));
    return reshape(t, {s[0], 1, s[2], s[1]});
}

Expected<ValueId> NodeContext::from_nhwc(ValueId y, int64_t model_rank) {
    name(y);
    if (model_rank == 4) return transpose(y, {0, 3, 1, 2});
    const Shape s = shape(y);
    GW_TRY(ValueId flat, reshape(y, {s[0], s[2], s[3]}));
    return transpose(flat, {0, 2, 1});
}

}  // namespace gw
