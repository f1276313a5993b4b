// The problem: a TFLite file is a list of tensors and a list of operators that name tensors by number; constants are tensors with data, and
// every number in the file may be wrong. The idea: declare all tensors first, then walk the operators once, in file order, which is
// topological. A tensor whose declaration or operator failed is unusable, and what reads it fails in silence, so that each fault is one
// line. After it: a graph with every value typed as the model states, or errors for everything that is wrong.
#include "frontend/tflite/importer.h"

#include <cmath>
#include <cstring>

#include "frontend/tflite/builtin_names.h"

namespace gw {
namespace {
constexpr int64_t most_elements = int64_t{1} << 31;

// The verifier looks at the alignment of a vector's length alone, so its elements may lie anywhere.
int64_t element(const flatbuffers::Vector<int64_t>& v, size_t i) {
    int64_t value = 0;
    std::memcpy(&value, v.Data() + i * sizeof value, sizeof value);
    return flatbuffers::EndianScalar(value);
}

std::optional<DType> dtype_of(tfl::ElementType t) {
    switch (t) {
        case tfl::ElementType::float32:
            return DType::float32;
        case tfl::ElementType::float16:
            return DType::float16;
        case tfl::ElementType::float64:
            return DType::float64;
        case tfl::ElementType::int32:
            return DType::int32;
        case tfl::ElementType::int64:
            return DType::int64;
        case tfl::ElementType::uint8:
            return DType::uint8;
        case tfl::ElementType::boolean:
            return DType::boolean;
        case tfl::ElementType::int16:
            return DType::int16;
        case tfl::ElementType::int8:
            return DType::int8;
        case tfl::ElementType::uint32:
            return DType::uint32;
        case tfl::ElementType::uint16:
            return DType::uint16;
        case tfl::ElementType::int4:
            return DType::int4;
        default:
            return std::nullopt;
    }
}

// A tensor's type as the file states it.
Type as_in_file(const TfliteImporter::Slot& slot) {
    Type t = slot.type;
    if (!slot.shifted) return t;
    t.dtype = DType::uint8;
    for (int32_t& z : t.quant.zero_points) z += 128;
    return t;
}

template <class List>
size_t count(const List* list) {
    return list == nullptr ? 0 : list->size();
}
}  // namespace

// --- tensors ------------------------------------------------------------------------------------------------------------------------
TfliteImporter::TfliteImporter(const tfl::Model& model, std::string_view file_bytes, std::string file, Diagnostics& d)
    : diag(d), room((int64_t{1} << 22) + 8 * static_cast<int64_t>(file_bytes.size())), model_(model), bytes_(file_bytes) {
    graph.file = std::move(file);
}

Status TfliteImporter::read_shape(const tfl::Tensor& proto, Slot& slot) {
    const Location where{.file = graph.file, .operand = slot.name};
    std::vector<int64_t> dims;
    int64_t elements = 1;
    for (size_t i = 0; i < count(proto.shape()); ++i) {
        int64_t d = proto.shape()->Get(static_cast<uint32_t>(i));
        const auto* signature = proto.shape_signature();
        if (d == 1 && count(signature) == count(proto.shape()) && signature->Get(static_cast<uint32_t>(i)) == -1) d = -1;
        if (d == -1) d = i == 0 ? options.batch : 1;
        if (d < 0) return diag.error(DiagId::tflite_malformed, where, "tensor has a dimension of {}", d);
        if (d > 0 && elements > most_elements / d) return diag.error(DiagId::tflite_too_large, where, "tensor has more than 2^31 elements");
        elements *= std::max<int64_t>(d, 1);
        dims.push_back(d);
    }
    slot.type.shape = Shape(std::move(dims));
    return {};
}

Status TfliteImporter::read_quant(const tfl::Tensor& proto, Slot& slot) {
    const tfl::Quantization* q = proto.quantization();
    if (q == nullptr || count(q->scale()) == 0 || is_float(slot.type.dtype)) return {};
    const Location where{.file = graph.file, .operand = slot.name};
    Quant quant;
    const size_t n = q->scale()->size();
    if (count(q->zero_point()) > 1 && count(q->zero_point()) != n)
        return diag.error(DiagId::tflite_quantization, where, "tensor has {} scales, but {} zero points", n, q->zero_point()->size());
    const bool narrow = bits(slot.type.dtype) <= 16 && is_integer(slot.type.dtype);
    bool zero = false;
    for (uint32_t i = 0; i < n; ++i) {
        const float scale = q->scale()->Get(i);
        if (!std::isfinite(scale) || scale < 0)
            return diag.error(DiagId::tflite_quantization, where, "scale {} is not a positive number", scale);
        zero = zero || scale == 0;
        const int64_t at = count(q->zero_point()) == 0 ? 0 : element(*q->zero_point(), count(q->zero_point()) == 1 ? 0 : i);
        if (at < (narrow ? lowest(slot.type.dtype) : -32768) || at > (narrow ? highest(slot.type.dtype) : 32767))
            return diag.error(DiagId::tflite_quantization, where, "zero point {} is out of range for {}", at, dtype_name(slot.type.dtype));
        quant.scales.push_back(scale);
        quant.zero_points.push_back(static_cast<int32_t>(at));
    }
    if (n > 1) {
        quant.axis = q->axis();
        if (quant.axis < 0 || quant.axis >= slot.type.shape.rank() || slot.type.shape[quant.axis] != static_cast<int64_t>(n))
            return diag.error(DiagId::tflite_quantization, where, "{} scales on axis {} of a tensor of shape {}", n, quant.axis,
                              slot.type.shape.text());
    }
    // Biases are counted in products of their operands' scales; what the file repeats of that is not needed. A scale of 0 says that
    // the tensor was never quantized.
    if (slot.type.dtype == DType::int32 || slot.type.dtype == DType::int64 || (zero && n == 1)) return {};
    slot.type.quant = std::move(quant);
    return {};
}

Status TfliteImporter::read_data(const tfl::Tensor& proto, Slot& slot) {
    const Location where{.file = graph.file, .operand = slot.name};
    if (proto.buffer() >= count(model_.buffers()))
        return diag.error(DiagId::tflite_malformed, where, "tensor has buffer {} of {}", proto.buffer(), count(model_.buffers()));
    const tfl::Buffer& buffer = *model_.buffers()->Get(proto.buffer());
    if (count(buffer.data()) > 0) {
        slot.data = {reinterpret_cast<const char*>(buffer.data()->data()), buffer.data()->size()};
    } else if (buffer.offset() > 1) {
        if (buffer.offset() > bytes_.size() || buffer.size() > bytes_.size() - buffer.offset())
            return diag.error(DiagId::tflite_malformed, where, "the tensor's data lie outside the file");
        slot.data = bytes_.substr(buffer.offset(), buffer.size());
    }
    slot.is_constant = !slot.data.empty();
    if (!slot.is_constant) return {};
    if (proto.sparsity() != nullptr) return diag.error(DiagId::tflite_type, where, "sparse tensors are not supported");
    if (static_cast<int64_t>(slot.data.size()) != slot.type.bytes())
        return diag.error(DiagId::tflite_malformed, where, "tensor {} has {} bytes of data, expected {}", slot.type.text(),
                          slot.data.size(), slot.type.bytes());
    return {};
}

void TfliteImporter::read_tensor(const tfl::Tensor& proto, size_t index) {
    Slot& slot = slots[index];
    slot.usable = false;
    slot.name = proto.name() != nullptr ? proto.name()->str() : std::string();
    if (slot.name.empty()) slot.name = fmt::format("tensor{}", index);
    slot.variable = proto.is_variable();
    slot.resource = proto.type() == tfl::ElementType::resource;
    if (slot.resource) {
        slot.usable = true;
        return;
    }
    const auto dtype = dtype_of(proto.type());
    if (!dtype) {
        diag.error(DiagId::tflite_type, {.file = graph.file, .operand = slot.name},
                   "tensor has an element type (number {}) that is not supported", static_cast<int>(proto.type()));
        return;
    }
    slot.type.dtype = *dtype;
    slot.usable = read_shape(proto, slot).ok() && read_quant(proto, slot).ok() && read_data(proto, slot).ok();
    slot.shifted = slot.type.dtype == DType::uint8 && !slot.type.quant.empty();
    if (!slot.shifted) return;
    slot.type.dtype = DType::int8;
    for (int32_t& z : slot.type.quant.zero_points) z -= 128;
}

// Half precision and int4 are widened here: constants of these types are weights alone.
Status TfliteImporter::materialise(Slot& slot) {
    if (slot.value.valid()) return {};
    Tensor t = Tensor::from_bytes(slot.type, slot.data);
    if (slot.type.dtype == DType::int4) {
        Type wide = slot.type;
        wide.dtype = DType::int8;
        Tensor w = Tensor::zeros(wide);
        for (int64_t i = 0; i < t.elements(); ++i) w.set(i, static_cast<double>(t.int_at(i)));
        t = std::move(w);
        slot.type = wide;
    }
    if (slot.shifted)
        for (int8_t& v : t.mutable_data<int8_t>()) v = static_cast<int8_t>(v ^ -128);
    // A channel that holds nothing but zeros may have the scale 0.
    for (float s : t.type.quant.scales)
        if (s == 0) {
            t.type.quant = {};
            break;
        }
    slot.tensor = t;
    slot.value = graph.add_constant(std::move(t), slot.name);
    return {};
}

// --- the subgraph -------------------------------------------------------------------------------------------------------------------
bool TfliteImporter::check_indices(const flatbuffers::Vector<int32_t>* list, bool may_be_absent, const Location& where) {
    for (uint32_t i = 0; i < count(list); ++i) {
        const int32_t index = list->Get(i);
        if ((index == -1 && may_be_absent) || (index >= 0 && static_cast<size_t>(index) < slots.size())) continue;
        diag.error(DiagId::tflite_malformed, where, "names tensor {} of {}", index, slots.size());
        return false;
    }
    return true;
}

// The same number 128 lower or higher: uint8 to int8 and back.
ValueId TfliteImporter::shift_bytes(ValueId x, Type to, const Source& source) {
    Tensor table = Tensor::zeros({to.dtype, Shape{256}, {}});
    for (int64_t i = 0; i < 256; ++i) table.set(i, static_cast<double>(i + lowest(to.dtype)));
    const ValueId y = graph.must_add(Lookup{}, {x, graph.add_constant(std::move(table))}, {source});
    graph[y].type.quant = to.quant;
    return y;
}

void TfliteImporter::add_inputs(const tfl::SubGraph& sub) {
    for (uint32_t i = 0; i < count(sub.inputs()); ++i) {
        Slot& slot = slots[static_cast<size_t>(sub.inputs()->Get(i))];
        slot.is_constant = false;
        if (slot.produced) {
            diag.error(DiagId::tflite_malformed, {.file = graph.file, .operand = slot.name},
                       "tensor is listed twice among the model's inputs");
            continue;
        }
        slot.produced = true;
        if (!slot.usable) continue;
        const Location where{.file = graph.file, .operand = slot.name};
        slot.usable = false;
        if (slot.type.dtype != DType::float32 && slot.type.dtype != DType::int8 && slot.type.dtype != DType::int16 &&
            slot.type.dtype != DType::int32 && slot.type.dtype != DType::int64 && slot.type.dtype != DType::boolean) {
            diag.error(DiagId::tflite_type, where, "inputs of type {} are not supported", dtype_name(slot.type.dtype));
            continue;
        }
        for (int64_t d : slot.type.shape.dims())
            if (d == 0) {
                diag.error(DiagId::tflite_malformed, where, "input has the shape {}, which is empty", slot.type.shape.text());
                return;
            }
        slot.usable = true;
        const Type outside = as_in_file(slot);
        slot.value = graph.add_input(slot.name, outside);
        graph[slot.value].source = slot.name;
        graph.inputs.back().model_shape = slot.type.shape;
        graph.inputs.back().model_dtype = outside.dtype;
        if (slot.shifted) slot.value = shift_bytes(slot.value, slot.type, {slot.name, "uint8 to int8", -1});
    }
}

void TfliteImporter::add_outputs(const tfl::SubGraph& sub) {
    if (count(sub.outputs()) == 0) diag.error(DiagId::tflite_malformed, {.file = graph.file}, "the model has no outputs");
    for (uint32_t i = 0; i < count(sub.outputs()); ++i) {
        Slot& slot = slots[static_cast<size_t>(sub.outputs()->Get(i))];
        if (slot.usable && slot.is_constant && !materialise(slot).ok()) continue;
        if (!slot.value.valid()) {
            if (slot.usable && !slot.produced)
                diag.error(DiagId::tflite_malformed, {.file = graph.file, .operand = slot.name}, "no operator makes this output");
            continue;
        }
        const Type outside = as_in_file(slot);
        graph.add_output(slot.name, slot.shifted ? shift_bytes(slot.value, outside, {slot.name, "int8 to uint8", -1}) : slot.value);
        graph.outputs.back().model_shape = slot.type.shape;
        graph.outputs.back().model_dtype = outside.dtype;
    }
}

void TfliteImporter::import_operator(const tfl::Operator& op, int64_t index) {
    Location where{.file = graph.file, .node = index};
    bool known = op.opcode_index() < count(model_.operator_codes());
    if (!known)
        diag.error(DiagId::tflite_malformed, where, "names operator code {} of {}", op.opcode_index(), count(model_.operator_codes()));
    known = known && check_indices(op.inputs(), true, where) && check_indices(op.outputs(), false, where);
    if (!known) return;
    const tfl::OperatorCode& code = *model_.operator_codes()->Get(op.opcode_index());
    const int32_t number = std::max<int32_t>(code.builtin_code(), code.old_builtin_code());
    constexpr int32_t custom = 32;
    where.op = number == custom && code.custom_code() != nullptr ? code.custom_code()->str() : tflite_builtin_name(number);
    Source source{count(op.outputs()) > 0 ? slots[static_cast<size_t>(op.outputs()->Get(0))].name : std::string(), where.op, index};
    where.node_name = source.name;
    bool silent = false;  // an operand's own fault was reported already
    for (uint32_t i = 0; i < count(op.outputs()); ++i) {
        Slot& out = slots[static_cast<size_t>(op.outputs()->Get(i))];
        if (out.produced || out.is_constant) {
            diag.error(DiagId::tflite_malformed, where, "makes tensor `{}`, which has a value already", out.name);
            return;
        }
        out.produced = true;
        silent = silent || !out.usable;
    }
    const auto rows = tflite_op_rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const TfliteOpRow& r) { return r.code == number; });
    const bool supplied = row == rows.end() && options.custom.count(where.op) != 0;
    if (row == rows.end() && !supplied) {
        diag.error(DiagId::tflite_unsupported_op, where, "{}",
                   number == custom
                       ? fmt::format("this custom operator is not known; --custom {} makes it a call of your function", where.op)
                       : "this operator is not supported");
        silent = true;
    }
    for (uint32_t i = 0; i < count(op.inputs()) && !silent; ++i) {
        if (op.inputs()->Get(i) < 0) continue;
        Slot& in = slots[static_cast<size_t>(op.inputs()->Get(i))];
        if (in.usable && in.variable && !in.value.valid()) {
            const auto value =
                add_state(in.name, in.type, in.is_constant ? Tensor::from_bytes(in.type, in.data) : Tensor(), in.state, where);
            in.usable = value.ok();
            if (value) in.value = *value;
            in.is_constant = false;
        } else if (in.usable && (in.resource ? in.key.empty() : !in.value.valid() && !in.is_constant)) {
            diag.error(DiagId::tflite_malformed, where, "reads tensor `{}` before it is made", in.name);
            in.usable = false;
        }
        silent = silent || !in.usable || (in.is_constant && !materialise(in).ok());
    }
    const int before = diag.errors();
    bool done = false;
    if (!silent) {
        TfliteNode node(*this, op, where, std::move(source));
        done = (supplied ? tflite_ops::custom(node) : row->import(node)).ok() && diag.errors() == before;
        GW_CHECK(done || diag.errors() > before, "an import failed without an error");
    }
    for (uint32_t i = 0; i < count(op.outputs()) && !done; ++i) slots[static_cast<size_t>(op.outputs()->Get(i))].usable = false;
}

Status TfliteImporter::import_subgraph(const tfl::SubGraph& sub) {
    slots.resize(count(sub.tensors()));
    for (uint32_t i = 0; i < count(sub.tensors()); ++i) read_tensor(*sub.tensors()->Get(i), i);
    const Location where{.file = graph.file};
    if (!check_indices(sub.inputs(), false, where) || !check_indices(sub.outputs(), false, where)) return failure;
    add_inputs(sub);
    for (uint32_t i = 0; i < count(sub.operators()); ++i) import_operator(*sub.operators()->Get(i), i);
    return {};
}

Status TfliteImporter::run_once(int64_t subgraph, const Location& where) {
    if (once) return diag.error(DiagId::tflite_unsupported_op, where, "an initialisation subgraph calls another one");
    if (subgraph < 1 || subgraph >= static_cast<int64_t>(count(model_.subgraphs())))
        return diag.error(DiagId::tflite_malformed, where, "calls subgraph {} of {}", subgraph, count(model_.subgraphs()));
    TfliteImporter init(model_, bytes_, graph.file, diag);
    init.once = true;
    const int before = diag.errors();
    GW_TRY_DO(init.import_subgraph(*model_.subgraphs()->Get(static_cast<uint32_t>(subgraph))));
    if (diag.errors() > before) return failure;
    for (auto& [key, variable] : init.variables) {
        if (variables[key].state >= 0)
            return diag.error(DiagId::tflite_unsupported_op, where, "variable `{}` is initialised after it was used", key);
        variables[key].init = variable.init;
    }
    return {};
}

Expected<ValueId> TfliteImporter::add_state(const std::string& name, const Type& type, const Tensor& init, int32_t& state,
                                            const Location& where) {
    if ((room -= type.elements()) < 0)
        return diag.error(DiagId::tflite_too_large, where, "`{}` keeps {} elements: too many, with those before it, for so small a model",
                          name, type.elements());
    Tensor begin = init.valid() ? init.with_type(type) : Tensor::zeros(type);
    if (!init.valid() && type.quant.per_tensor() && type.dtype == DType::int8)
        for (int8_t& v : begin.mutable_data<int8_t>()) v = static_cast<int8_t>(type.quant.zero_point());
    const ValueId id = graph.add_state(name, std::move(begin));
    state = graph[id].state;
    graph.states.back().next = id;  // until something is assigned
    return id;
}

Expected<Graph> TfliteImporter::run() {
    const int before = diag.errors();
    const Location where{.file = graph.file};
    if (model_.version() != 3)
        return diag.error(DiagId::tflite_malformed, where, "schema version {} is not known, expected 3", model_.version());
    if (count(model_.subgraphs()) == 0) return diag.error(DiagId::tflite_malformed, where, "the model has no subgraph");
    const tfl::SubGraph& sub = *model_.subgraphs()->Get(0);
    GW_TRY_DO(import_subgraph(sub));
    add_outputs(sub);
    if (diag.errors() > before) return failure;
    return drop_dead(graph);
}

// --- one operator -------------------------------------------------------------------------------------------------------------------
TfliteNode::TfliteNode(TfliteImporter& i, const tfl::Operator& p, Location w, Source s)
    : proto(p), where(std::move(w)), source(std::move(s)), importer(i) {
    if (p.inputs() != nullptr) inputs_.assign(p.inputs()->begin(), p.inputs()->end());
    if (p.outputs() != nullptr) outputs_.assign(p.outputs()->begin(), p.outputs()->end());
}

const Type& TfliteNode::type(size_t i) const {
    GW_CHECK(has(i), "type of an absent operand");
    return importer.slots[static_cast<size_t>(inputs_[i])].type;
}
bool TfliteNode::stored_as_uint8(size_t i) const { return has(i) && importer.slots[static_cast<size_t>(inputs_[i])].shifted; }
const Type& TfliteNode::out_type(size_t i) const { return importer.slots[static_cast<size_t>(outputs_[i])].type; }
ValueId TfliteNode::value(size_t i) const { return has(i) ? importer.slots[static_cast<size_t>(inputs_[i])].value : ValueId{}; }
const Tensor* TfliteNode::constant(size_t i) const { return importer.graph.constant(value(i)); }

Status TfliteNode::operands(size_t required, size_t most, int64_t results) {
    for (size_t i = 0; i < required; ++i)
        if (!has(i)) return malformed("operand {} is missing", i);
    if (inputs_.size() > most) return malformed("has {} operands, expected at most {}", inputs_.size(), most);
    if (results >= 0 && static_cast<int64_t>(outputs_.size()) != results)
        return malformed("has {} results, expected {}", outputs_.size(), results);
    if (outputs_.empty()) return malformed("has no results");
    return {};
}

Expected<std::vector<int64_t>> TfliteNode::need_ints(size_t i, std::string_view name) {
    const Tensor* t = constant(i);
    if (t == nullptr) return unsupported("operand `{}` must be constant", name);
    if ((t->type.dtype != DType::int32 && t->type.dtype != DType::int64) || t->shape().rank() > 1)
        return malformed("operand `{}` is {}, expected a list of integers", name, t->type.text());
    return t->ints();
}

Expected<int64_t> TfliteNode::need_int(size_t i, std::string_view name) {
    const Tensor* t = constant(i);
    if (t == nullptr) return unsupported("operand `{}` must be constant", name);
    if ((t->type.dtype != DType::int32 && t->type.dtype != DType::int64) || t->elements() != 1)
        return malformed("operand `{}` is {}, expected one integer", name, t->type.text());
    return t->int_at(0);
}

namespace {
Expected<Quant> one_scale(TfliteNode& n, const Type& type, std::string_view name) {
    if (type.dtype == DType::int16 && type.quant.per_tensor() && type.quant.zero_point() != 0)
        return n.bad_quant(name, "{} has a zero point; int16 data are symmetric", type.text());
    if (type.quant.per_tensor()) return type.quant;
    return n.bad_quant(name, "{} has {}, expected one", type.text(), type.quant.empty() ? "no scale" : "several scales");
}
}  // namespace

Expected<Quant> TfliteNode::quant(size_t i, std::string_view name) { return one_scale(*this, type(i), name); }
Expected<Quant> TfliteNode::out_quant(size_t i) { return one_scale(*this, out_type(i), "result"); }

Expected<int64_t> TfliteNode::axis(int64_t value, int64_t rank) {
    if (value < -rank || value >= rank) return malformed("axis {} is out of range for rank {}", value, rank);
    return value < 0 ? value + rank : value;
}

Status TfliteNode::check_computed(const Type& type) {
    if ((importer.room -= type.elements()) >= 0) return {};
    return fail(DiagId::tflite_too_large, where,
                fmt::format("computes a constant of shape {}: too much, with those before it, for so small a model", type.shape.text()));
}

Expected<ValueId> TfliteNode::emit(Op op, std::vector<ValueId> in) {
    Graph& g = importer.graph;
    std::vector<const Tensor*> constants;
    std::vector<Operand> types;
    bool fold = !in.empty();
    for (ValueId id : in) {
        constants.push_back(g.constant(id));
        types.push_back(id.valid() ? Operand{&g.type(id), g.constant(id)} : Operand{});
        fold = fold && (!id.valid() || constants.back() != nullptr);
    }
    if (fold) {
        GW_TRY(std::vector<Type> made, infer(op, types, {where, &importer.diag}));
        if (made.size() == 1) {
            GW_TRY_DO(check_computed(made[0]));
            std::vector<Tensor> out{Tensor::zeros(made[0])};
            evaluate(op, constants, out);
            return add(std::move(out[0]));
        }
    }
    return g.add1(std::move(op), std::move(in), {source}, importer.diag);
}

Expected<std::vector<ValueId>> TfliteNode::emit_all(Op op, std::vector<ValueId> in) {
    return importer.graph.add(std::move(op), std::move(in), {source}, importer.diag);
}

Status TfliteNode::assign(size_t i, ValueId id) {
    TfliteImporter::Slot& slot = importer.slots[static_cast<size_t>(inputs_[i])];
    if (slot.state < 0) return malformed("operand {} is written, but `{}` is not a variable", i, slot.name);
    GW_TRY(ValueId value, reshape(id, slot.type.shape));
    Graph& g = importer.graph;
    if (g.type(value).quant.empty()) g[value].type.quant = slot.type.quant;
    g.states[static_cast<size_t>(slot.state)].next = value;
    slot.value = value;
    return {};
}

ValueId TfliteNode::add(Tensor constant) { return importer.graph.add_constant(std::move(constant)); }

Expected<ValueId> TfliteNode::reshape(ValueId x, const Shape& shape) {
    if (importer.graph.type(x).shape == shape) return x;
    return emit(Reshape{shape.dims()}, {x});
}

Status TfliteNode::result(ValueId id, size_t i) {
    TfliteImporter::Slot& slot = importer.slots[static_cast<size_t>(outputs_[i])];
    Graph& g = importer.graph;
    if (g.type(id).dtype != slot.type.dtype || g.type(id).shape != slot.type.shape)
        return malformed("result `{}` is declared as {}, but computes {}{}", slot.name, slot.type.text(), dtype_name(g.type(id).dtype),
                         g.type(id).shape.text());
    Value& v = g[id];
    // Ops that move or pick elements keep their operand's quantization; a model that states another one for the same bytes contradicts
    // itself.
    if (!v.type.quant.empty() && !slot.type.quant.empty() && v.type.quant != slot.type.quant)
        return bad_quant("result", "is declared with {}, but keeps {}", slot.type.quant.text(), v.type.quant.text());
    if (v.source.empty() && !v.is_input()) {
        if (v.type.quant.empty()) v.type.quant = slot.type.quant;
        if (v.is_constant()) v.constant.type.quant = v.type.quant;
        v.source = slot.name;
    }
    slot.value = id;
    return {};
}

Status TfliteNode::result(Expected<ValueId> id, size_t i) {
    if (!id) return failure;
    return result(*id, i);
}

Failure TfliteNode::bad_types() {
    std::string list;
    for (size_t i = 0; i < inputs_.size(); ++i)
        if (has(i)) list += fmt::format("{}{}", list.empty() ? "" : ", ", dtype_name(type(i).dtype));
    if (!outputs_.empty()) list += fmt::format(" to {}", dtype_name(out_type(0).dtype));
    return fail(DiagId::tflite_type, where, fmt::format("element types {} are not supported", list));
}

Failure TfliteNode::fail(DiagId id, const Location& at, const std::string& message) { return importer.diag.error(id, at, "{}", message); }

}  // namespace gw
