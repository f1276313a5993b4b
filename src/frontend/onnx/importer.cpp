// The problem: an ONNX file names tensors, not values; shapes may be symbolic, initializers may pose as inputs, functions and constant
// branches hide nodes, and one bad node must not hide the next. The idea: one walk over the nodes in file order with a table of the names
// in sight. Functions and constant branches are walked in place with a table of their own. A name whose node failed maps to an invalid id,
// and nodes that read it fail in silence, but an operator that we do not know is reported wherever it stands. After it: a graph with every
// value typed, or errors for everything that is wrong.
#include "frontend/onnx/importer.h"

#include <algorithm>

#include "frontend/onnx/operators.h"

namespace gw {

namespace {
constexpr int64_t max_nodes = 1'000'000;  // after inlining
constexpr int max_depth = 32;             // of calls and branches

std::string domain_of(const std::string& name) { return name == "ai.onnx" ? std::string() : name; }

// Replaces references to a function's attributes by the call's attributes, in nested graphs too; a reference to an attribute that the call
// leaves out makes the attribute absent.
void resolve_references(onnx::NodeProto& node, const std::map<std::string, onnx::AttributeProto>& given) {
    for (int i = node.attribute_size() - 1; i >= 0; --i) {
        onnx::AttributeProto& a = *node.mutable_attribute(i);
        if (!a.ref_attr_name().empty()) {
            const std::string attribute_name = a.name();
            const auto found = given.find(a.ref_attr_name());
            if (found == given.end()) {
                node.mutable_attribute()->DeleteSubrange(i, 1);
                continue;
            }
            a = found->second;
            a.set_name(attribute_name);
        } else if (a.has_g()) {
            for (auto& inner : *a.mutable_g()->mutable_node()) resolve_references(inner, given);
        }
    }
}

// FunctionProto.attribute_proto (field 11: attributes with defaults) is newer than some libonnx: then it sits among the unknown fields.
std::map<std::string, onnx::AttributeProto> default_attributes(const onnx::FunctionProto& function) {
    std::map<std::string, onnx::AttributeProto> defaults;
    const auto keep = [&](const onnx::AttributeProto& a) { defaults[a.name()] = a; };
    if (const auto* field = function.GetDescriptor()->FindFieldByNumber(11)) {
        for (int i = 0; i < function.GetReflection()->FieldSize(function, field); ++i) {
            onnx::AttributeProto a;
            a.CopyFrom(function.GetReflection()->GetRepeatedMessage(function, field, i));
            keep(a);
        }
        return defaults;
    }
    const auto& unknown = function.GetReflection()->GetUnknownFields(function);
    for (int i = 0; i < unknown.field_count(); ++i) {
        const auto& field = unknown.field(i);
        onnx::AttributeProto a;
        if (field.number() == 11 && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED &&
            a.ParseFromString(field.length_delimited()))
            keep(a);
    }
    return defaults;
}
}  // namespace

const ValueId* Scope::find(const std::string& name) const {
    for (const Scope* s = this; s != nullptr; s = s->outer) {
        const auto found = s->values.find(name);
        if (found != s->values.end()) return &found->second;
    }
    return nullptr;
}

Importer::Importer(const onnx::ModelProto& model, const ImportOptions& options, const std::filesystem::path& file, Diagnostics& d)
    : diag(d), model_(model), options_(options), file_(file.filename().string()), tensors_(file.parent_path()), symbols_(options.defines) {
    graph.file = file_;
    room_ += 8 * static_cast<int64_t>(model.ByteSizeLong());
}

// Half and double precision are computed in single precision, constants included.
Expected<Tensor> Importer::read_tensor(const onnx::TensorProto& proto, const Location& where) {
    GW_TRY(Tensor t, tensors_.read(proto, where, diag));
    return t.type.dtype == DType::float16 || t.type.dtype == DType::float64 ? t.dequantized() : t;
}

Status Importer::check_versions() {
    const Location where{.file = file_};
    if (!model_.has_graph()) return diag.error(DiagId::onnx_malformed, where, "the file holds no graph");
    if (model_.ir_version() < 3) return diag.error(DiagId::onnx_version, where, "IR version {} is older than 3", model_.ir_version());
    if (model_.ir_version() > 10)
        diag.warning(DiagId::onnx_version, where, "IR version {} is newer than 10, the newest that is known; read as 10",
                     model_.ir_version());
    int64_t version = -1;
    for (const auto& set : model_.opset_import())
        if (domain_of(set.domain()).empty()) version = set.version();
    if (version < 0) return diag.error(DiagId::onnx_version, where, "the model names no version of the operator set ai.onnx");
    if (version < 6 || version > 24)
        return diag.error(DiagId::onnx_version, where, "operator set {} is not supported: 6 to 21 are (22 to 24 with a warning)", version);
    if (version > 21)
        diag.warning(DiagId::onnx_version, where, "operator set {} is newer than 21; its operators are read as those of 21", version);
    return {};
}

void Importer::read_functions() {
    for (const auto& function : model_.functions()) {
        functions_[{domain_of(function.domain()), function.name()}] = &function;
        defaults_[&function] = default_attributes(function);
        note_reads(function.node());
        for (const auto& output : function.output()) read_names_.insert(output);
    }
}

// Collects every name that some node or graph reads, so that results that nobody reads need not be supported.
void Importer::note_reads(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes) {
    for (const auto& node : nodes) {
        for (const auto& input : node.input()) read_names_.insert(input);
        for (const auto& a : node.attribute()) {
            if (!a.has_g()) continue;
            note_reads(a.g().node());
            for (const auto& output : a.g().output()) read_names_.insert(output.name());
        }
    }
}

void Importer::read_initializers(const onnx::GraphProto& proto, Scope& scope) {
    for (const auto& tensor : proto.initializer()) {
        const Location where = Location{.file = file_}.with_operand(tensor.name());
        auto t = read_tensor(tensor, where);
        bind(tensor.name(), t ? graph.add_constant(*t, tensor.name()) : ValueId{}, where, scope);
    }
    for (const auto& sparse : proto.sparse_initializer()) {
        const Location where = Location{.file = file_}.with_operand(sparse.values().name());
        diag.error(DiagId::onnx_type, where, "sparse initializers are not supported");
        bind(sparse.values().name(), {}, where, scope);
    }
}

// A symbol that heads an input's shape stands for the batch, wherever else it appears.
void Importer::bind_leading_symbols(const onnx::GraphProto& proto, const std::set<std::string>& initializers) {
    std::set<std::string> known;
    for (const auto& input : proto.input()) {
        if (initializers.count(input.name()) != 0) continue;
        const auto& dims = input.type().tensor_type().shape().dim();
        for (int i = 0; i < dims.size(); ++i) {
            const std::string& symbol = dims[i].dim_param();
            if (symbol.empty()) continue;
            known.insert(symbol);
            if (i > 0 || symbols_.count(symbol) != 0) continue;
            symbols_[symbol] = 1;
            diag.note(DiagId::onnx_symbol, Location{.file = file_}.with_operand(input.name()),
                      "dimension 0, `{}`, is taken as 1 (--define {}=SIZE sets it)", symbol, symbol);
        }
    }
    for (const auto& [symbol, size] : options_.defines)
        if (known.count(symbol) == 0)
            diag.warning(DiagId::onnx_symbol, {.file = file_}, "--define {}={}: no input has such a dimension", symbol, size);
}

Expected<Shape> Importer::input_shape(const onnx::ValueInfoProto& proto) {
    const Location where = Location{.file = file_}.with_operand(proto.name());
    if (!proto.type().tensor_type().has_shape()) return diag.error(DiagId::onnx_dynamic_shape, where, "the input has no shape");
    std::vector<int64_t> dims;
    for (const auto& dim : proto.type().tensor_type().shape().dim()) {
        const auto i = dims.size();
        int64_t size = dim.has_dim_value() ? dim.dim_value() : 0;
        if (!dim.dim_param().empty()) {
            const auto bound = symbols_.find(dim.dim_param());
            if (bound == symbols_.end())
                return diag.error(DiagId::onnx_dynamic_shape, where, "dimension {}, `{}`, has no size; give one with --define {}=SIZE", i,
                                  dim.dim_param(), dim.dim_param());
            size = bound->second;
            if (size < 1)
                return diag.error(DiagId::onnx_dynamic_shape, where, "dimension {}, `{}`, cannot have size {}", i, dim.dim_param(), size);
        } else if (size <= 0 && i == 0) {
            size = 1;
            diag.note(DiagId::onnx_symbol, where, "dimension 0 has no size and is taken as 1");
        } else if (size <= 0) {
            return diag.error(DiagId::onnx_dynamic_shape, where, "dimension {} has no size; export the model with a fixed one", i);
        }
        dims.push_back(size);
    }
    if (dims.size() > 8) return diag.error(DiagId::onnx_type, where, "rank {}; at most 8 is supported", dims.size());
    if (!checked_elements(dims)) return diag.error(DiagId::onnx_too_large, where, "an input of shape {} is too large", Shape(dims).text());
    return Shape(std::move(dims));
}

void Importer::add_inputs(const onnx::GraphProto& proto, Scope& scope) {
    std::set<std::string> initializers;
    for (const auto& t : proto.initializer()) initializers.insert(t.name());
    for (const auto& t : proto.sparse_initializer()) initializers.insert(t.values().name());
    bind_leading_symbols(proto, initializers);
    for (const auto& input : proto.input()) {
        if (initializers.count(input.name()) != 0) continue;
        const Location where = Location{.file = file_}.with_operand(input.name());
        ValueId id;
        if (!input.type().has_tensor_type()) {
            diag.error(DiagId::onnx_type, where, "the input is no tensor");
        } else if (const auto dtype = dtype_of_onnx(input.type().tensor_type().elem_type()); !dtype) {
            diag.error(DiagId::onnx_type, where, "element type {} is not supported",
                       onnx_type_name(input.type().tensor_type().elem_type()));
        } else if (auto shape = input_shape(input)) {
            const bool other_float = is_float(*dtype) && *dtype != DType::float32;
            if (other_float) diag.note(DiagId::onnx_type, where, "{} is computed as float32", dtype_long_name(*dtype));
            id = graph.add_input(input.name(), {other_float ? DType::float32 : *dtype, *shape, {}});
        }
        bind(input.name(), id, where, scope);
    }
}

void Importer::add_outputs(const onnx::GraphProto& proto, const Scope& scope) {
    if (proto.output().empty()) diag.error(DiagId::onnx_malformed, {.file = file_}, "the graph has no outputs");
    for (const auto& output : proto.output()) {
        const Location where = Location{.file = file_}.with_operand(output.name());
        const ValueId* id = scope.find(output.name());
        if (id == nullptr) diag.error(DiagId::onnx_operand, where, "no node makes the output");
        if (id == nullptr || !id->valid()) continue;
        graph.add_output(output.name(), *id);
        const Shape& shape = graph.type(*id).shape;
        const auto& stated = output.type().tensor_type().shape().dim();
        bool differs = output.type().tensor_type().has_shape() && stated.size() != shape.rank();
        for (int i = 0; !differs && i < stated.size(); ++i) differs = stated[i].dim_value() > 0 && stated[i].dim_value() != shape[i];
        if (differs)
            diag.warning(DiagId::onnx_output_shape, where, "the model states another shape than {}, which its operators give",
                         shape.text());
    }
}

void Importer::bind(const std::string& name, ValueId id, const Location& where, Scope& scope) {
    if (name.empty()) return;
    if (!scope.values.emplace(name, id).second) diag.error(DiagId::onnx_malformed, where, "tensor `{}` is defined twice", name);
}

const onnx::FunctionProto* Importer::find_function(const onnx::NodeProto& node) const {
    const auto found = functions_.find({domain_of(node.domain()), node.op_type()});
    return found == functions_.end() ? nullptr : found->second;
}

void Importer::import_nodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, Environment& env) {
    for (int i = 0; i < nodes.size() && nodes_seen_ <= max_nodes; ++i) {
        if (++nodes_seen_ > max_nodes) {
            diag.error(DiagId::onnx_too_large, {.file = file_}, "more than {} nodes after inlining", max_nodes);
            return;
        }
        if (env.attributes == nullptr) {
            import_node(nodes[i], i, env);
        } else {
            onnx::NodeProto copy = nodes[i];
            resolve_references(copy, *env.attributes);
            import_node(copy, i, env);
        }
    }
}

void Importer::import_node(const onnx::NodeProto& node, int64_t index, Environment& env) {
    std::string name = !node.name().empty() || node.output().empty() ? node.name() : node.output(0);
    Location where{
        .file = file_, .op = node.op_type(), .node = env.node_index >= 0 ? env.node_index : index, .node_name = env.prefix + name};
    const auto poison = [&] {
        for (const auto& output : node.output())
            if (!output.empty()) env.scope.values.emplace(output, ValueId{});
    };
    const std::string domain = domain_of(node.domain());
    const onnx::FunctionProto* function = find_function(node);
    std::optional<onnx::FunctionProto> written;
    if (function == nullptr) {
        const ValueId* first = node.input_size() > 0 ? env.scope.find(node.input(0)) : nullptr;
        written = quantized_operator(node, domain, first != nullptr && first->valid() ? graph.type(*first).shape.rank() : 0);
    }
    if (written) function = &*written;
    const OpRow* row = function == nullptr && domain.empty() ? find_op(node.op_type()) : nullptr;
    const bool supplied = function == nullptr && row == nullptr && options_.custom.count(node.op_type()) != 0;
    if (function == nullptr && row == nullptr && !supplied) {
        diag.error(DiagId::onnx_unsupported_op, where, "opset {}: {}", env.opsets[domain], why_unsupported(domain, node.op_type()));
        return poison();
    }
    std::vector<ValueId> operands;
    for (const auto& input : node.input()) {
        const ValueId* id = input.empty() ? nullptr : env.scope.find(input);
        if (!input.empty() && id == nullptr) {
            diag.error(DiagId::onnx_operand, where.with_operand(input), "no earlier node, input or initializer defines it");
            return poison();
        }
        if (id != nullptr && !id->valid()) return poison();
        operands.push_back(id != nullptr ? *id : ValueId{});
    }
    const Status done = supplied              ? import_custom(node, where, env, operands)
                        : function != nullptr ? import_call(node, *function, where, env, operands)
                                              : import_op(node, *row, where, env, std::move(operands));
    if (!done) poison();
}

Status Importer::import_op(const onnx::NodeProto& node, const OpRow& row, const Location& where, Environment& env,
                           std::vector<ValueId> operands) {
    const int64_t opset = env.opsets[""];
    NodeContext n(*this, node, std::max<int64_t>(opset, 7), where, {where.node_name, node.op_type(), where.node}, std::move(operands));
    if (opset == 6) GW_TRY_DO(onnx_ops::from_opset_6(n));
    if (n.opset < row.op.min_opset) return n.unsupported("the operator exists from opset {} on", row.op.min_opset);
    if (n.opset > row.op.max_opset && row.op.max_opset < 21)
        return n.unsupported("the operator exists up to opset {} only", row.op.max_opset);
    for (int i = 0; i < row.min_inputs; ++i)
        if (!n.has(static_cast<size_t>(i))) return n.bad_operand("", "operand {} is missing; the operator needs {}", i, row.min_inputs);
    if (static_cast<int>(n.inputs()) > row.max_inputs)
        return n.bad_operand("", "{} operands; the operator takes at most {}", n.inputs(), row.max_inputs);
    if (n.outputs() == 0) return {};
    for (const auto& a : node.attribute())
        if (!a.ref_attr_name().empty())
            return n.bad_attribute("attribute `{}` refers to a function's attribute outside a function", a.name());
    if (row.import == nullptr && row.op.name != "If") return n.bad_operand("", "{} operands; the operator needs more", n.inputs());
    const Status done = row.import == nullptr ? import_if(n, env) : row.import(n);
    if (!done || n.failed()) return failure;
    for (size_t i = 0; i < n.outputs(); ++i) {
        if (!n.wants(i)) continue;
        const auto found = n.results().find(i);
        if (found == n.results().end()) {
            if (read_names_.count(node.output(static_cast<int>(i))) == 0) continue;
            bind(node.output(static_cast<int>(i)), {}, where, env.scope);
            return n.unsupported("result {} (`{}`) is not supported", i, node.output(static_cast<int>(i)));
        }
        bind(node.output(static_cast<int>(i)), found->second, where, env.scope);
    }
    return {};
}

Status Importer::import_if(NodeContext& n, Environment& env) {
    const Tensor condition = n.constant(n.in(0));
    if (!condition.valid()) return n.unsupported("branches on values that are only known at run time are not supported");
    if (condition.elements() != 1) return n.bad_operand("cond", "{} elements, expected one", condition.elements());
    const auto* a = n.attribute(condition.at(0) != 0 ? "then_branch" : "else_branch");
    if (a == nullptr || !a->has_g()) return n.bad_attribute("a branch is missing");
    if (env.depth >= max_depth) return n.unsupported("branches are nested deeper than {}", max_depth);
    const onnx::GraphProto& branch = a->g();
    if (branch.output_size() != static_cast<int>(n.outputs()))
        return n.bad_attribute("the branch has {} results, the node {}", branch.output_size(), n.outputs());
    Environment inner{{{}, &env.scope}, env.opsets, nullptr, n.where.node_name + "/", n.where.node, env.depth + 1};
    const int before = diag.errors();
    read_initializers(branch, inner.scope);
    import_nodes(branch.node(), inner);
    if (diag.errors() > before) return failure;
    for (int i = 0; i < branch.output_size(); ++i) {
        const ValueId* id = inner.scope.find(branch.output(i).name());
        if (id == nullptr) return n.bad_operand(branch.output(i).name(), "no node of the branch makes it");
        if (!id->valid()) return failure;
        n.set(static_cast<size_t>(i), *id);
    }
    return {};
}

Status Importer::import_call(const onnx::NodeProto& node, const onnx::FunctionProto& function, const Location& where, Environment& env,
                             const std::vector<ValueId>& operands) {
    if (env.depth >= max_depth)
        return diag.error(DiagId::onnx_function, where, "functions call each other deeper than {}, or without end", max_depth);
    if (static_cast<int>(operands.size()) > function.input_size() || node.output_size() > function.output_size())
        return diag.error(DiagId::onnx_function, where, "the call has {} operands and {} results, the function {} and {}", operands.size(),
                          node.output_size(), function.input_size(), function.output_size());
    const auto defaults = defaults_.find(&function);
    std::map<std::string, onnx::AttributeProto> attributes;
    if (defaults != defaults_.end()) attributes = defaults->second;
    for (const auto& a : node.attribute()) attributes[a.name()] = a;
    Environment inner{{}, {}, &attributes, where.node_name + "/", where.node, env.depth + 1};
    for (const auto& set : function.opset_import()) inner.opsets[domain_of(set.domain())] = set.version();
    if (inner.opsets.count("") == 0) inner.opsets[""] = env.opsets[""];
    // An operand that the call leaves out is absent for every node of the body that reads it.
    for (int i = 0; i < function.input_size(); ++i) {
        const bool given = i < static_cast<int>(operands.size()) && operands[static_cast<size_t>(i)].valid();
        if (given) bind(function.input(i), operands[static_cast<size_t>(i)], where, inner.scope);
    }
    std::set<std::string> missing;
    for (const auto& input : function.input())
        if (inner.scope.values.count(input) == 0) missing.insert(input);
    google::protobuf::RepeatedPtrField<onnx::NodeProto> body = function.node();
    for (auto& inner_node : body)
        for (auto& input : *inner_node.mutable_input())
            if (missing.count(input) != 0) input.clear();
    const int before = diag.errors();
    import_nodes(body, inner);
    if (diag.errors() > before) return failure;
    for (int i = 0; i < node.output_size(); ++i) {
        const ValueId* id = inner.scope.find(function.output(i));
        if (id == nullptr)
            return diag.error(DiagId::onnx_function, where, "no node of the function makes its result `{}`", function.output(i));
        if (!id->valid()) return failure;
        // The caller's name for the tensor is the model's name for it.
        if (!graph[*id].is_input() && !graph[*id].is_constant()) graph[*id].source = node.output(i);
        bind(node.output(i), *id, where, env.scope);
    }
    return {};
}

Expected<Graph> Importer::run() {
    const int before = diag.errors();
    GW_TRY_DO(check_versions());
    read_functions();
    note_reads(model_.graph().node());
    for (const auto& output : model_.graph().output()) read_names_.insert(output.name());
    for (const auto& info : model_.graph().value_info()) value_info_[info.name()] = &info;
    for (const auto& info : model_.graph().output()) value_info_[info.name()] = &info;
    Environment env;
    for (const auto& set : model_.opset_import()) env.opsets[domain_of(set.domain())] = set.version();
    read_initializers(model_.graph(), env.scope);
    add_inputs(model_.graph(), env.scope);
    import_nodes(model_.graph().node(), env);
    add_outputs(model_.graph(), env.scope);
    if (diag.errors() > before) return failure;
    return drop_dead(graph);
}

}  // namespace gw
