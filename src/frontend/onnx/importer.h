// The importer's inside: the state of one import, and what an operator's import function sees of its node.
#pragma once
#include <onnx/onnx_pb.h>

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "frontend/onnx/onnx.h"
#include "frontend/onnx/tensor_reader.h"

namespace gw {

class Importer;

// A weight: a constant, or a constant integer tensor whose type carries quantization, behind a Dequantize.
struct Weight {
    Tensor tensor;
    bool dequantize = false;
    std::string source;
};

// One node as its import function sees it. Operands that the table's row calls required are there; the others may be absent.
// Attribute readers return the default after reporting a wrong type; the import then fails whatever the function returns.
class NodeContext {
public:
    NodeContext(Importer& owner, const onnx::NodeProto& node, int64_t version, Location place, Source from, std::vector<ValueId> operands);

    const onnx::NodeProto& proto;
    const int64_t opset;
    const Location where;
    const Source source;
    Importer& importer;

    // --- operands
    size_t inputs() const { return operands_.size(); }
    bool has(size_t i) const { return i < operands_.size() && operands_[i].valid(); }
    ValueId in(size_t i) const { return i < operands_.size() ? operands_[i] : ValueId{}; }
    const std::vector<ValueId>& all_in() const { return operands_; }
    void replace_in(size_t i, ValueId id) { operands_[i] = id; }
    Shape shape(ValueId id) const;
    DType dtype(ValueId id) const;
    int64_t rank(ValueId id) const { return shape(id).rank(); }
    Tensor constant(ValueId id) const;  // not valid() when the value is only known at run time
    // The same for operand i, which must be constant; `name` is the operand's in the ONNX documents.
    Expected<Tensor> need_constant(size_t i, std::string_view operand);
    Expected<std::vector<int64_t>> need_ints(size_t i, std::string_view operand);  // at most one dimension
    Expected<double> need_scalar(size_t i, std::string_view operand);              // one element
    std::optional<Weight> weight(ValueId id) const;
    // Whether result i is named by the node (and so may be read).
    bool wants(size_t i) const { return static_cast<int>(i) < proto.output_size() && !proto.output(static_cast<int>(i)).empty(); }
    size_t outputs() const { return static_cast<size_t>(proto.output_size()); }

    // --- attributes
    const onnx::AttributeProto* attribute(std::string_view name) const;
    int64_t integer(std::string_view name, int64_t otherwise);
    float number(std::string_view name, float otherwise);
    std::string text(std::string_view name, std::string_view otherwise);
    std::vector<int64_t> integers(std::string_view name, std::vector<int64_t> otherwise = {});
    // A dimension number in [−rank, rank), made non-negative.
    Expected<int64_t> axis(int64_t value, int64_t of_rank, std::string_view what = "axis");
    Expected<std::vector<int64_t>> axes(std::vector<int64_t> values, int64_t of_rank);  // sorted, each once

    // --- results
    // Adds an op. When all its operands are constant it is evaluated at once and the result is a constant.
    Expected<ValueId> emit(Op op, std::vector<ValueId> operands);
    Expected<ValueId> emit_kept(Op op, std::vector<ValueId> operands);  // never evaluated here: Dequantize of constants
    ValueId add(Tensor tensor, std::string tensor_name = {});
    ValueId scalar(double value, DType dtype);
    Expected<ValueId> add(Weight weight);
    // Result i of the node is this value; it takes the tensor's name unless it has one.
    void set(size_t i, ValueId id);
    Status result(Expected<ValueId> id);  // set(0, …)
    void name(ValueId id, size_t output = 0);

    // --- common shapes of work
    Expected<ValueId> binary(BinaryKind kind, ValueId a, ValueId b);
    Expected<ValueId> unary(UnaryKind kind, ValueId x, float alpha = 0, float beta = 0);
    Expected<ValueId> reshape(ValueId x, std::vector<int64_t> dims);  // nothing happens when the shape is the same
    Expected<ValueId> transpose(ValueId x, std::vector<int64_t> perm);
    Expected<ValueId> slice(ValueId x, std::vector<int64_t> start, std::vector<int64_t> size, std::vector<int64_t> step);
    Expected<ValueId> slice_axis(ValueId x, int64_t along, int64_t start, int64_t size);
    Expected<ValueId> to_float(ValueId x);
    // [N,C,H,W] or [N,C,L] → [N,H,W,C] (height 1), and back: the inner result and the outer both carry the name of result 0.
    Expected<ValueId> to_nhwc(ValueId x);
    Expected<ValueId> from_nhwc(ValueId y, int64_t model_rank);
    // Reports when the shape is larger than we handle.
    Status check_size(const std::vector<int64_t>& dims);
    // To be asked before a constant is made that is not read from the file: it must find room beside the others.
    Status check_computed(const std::vector<int64_t>& dims);

    // --- errors
    template <class... Args>
    Failure unsupported(fmt::format_string<Args...> format, Args&&... args) {
        return report(DiagId::onnx_unsupported_op, where,
                      fmt::format("opset {}: {}", opset, fmt::format(format, std::forward<Args>(args)...)));
    }
    template <class... Args>
    Failure bad_operand(std::string_view operand, fmt::format_string<Args...> format, Args&&... args) {
        return report(DiagId::onnx_operand, where.with_operand(operand), fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    Failure bad_attribute(fmt::format_string<Args...> format, Args&&... args) {
        return report(DiagId::onnx_attribute, where, fmt::format(format, std::forward<Args>(args)...));
    }
    Failure report(DiagId id, const Location& at, const std::string& message);
    bool failed() const { return failed_; }
    const std::map<size_t, ValueId>& results() const { return results_; }

private:
    const onnx::AttributeProto* typed(std::string_view name, onnx::AttributeProto::AttributeType type, std::string_view what);
    std::vector<ValueId> operands_;
    std::map<size_t, ValueId> results_;
    bool failed_ = false;
};

using ImportFunction = Status (*)(NodeContext&);

// A row of the import table.
struct OpRow {
    SupportedOp op;
    int min_inputs, max_inputs;  // required operands, and how many there may be
    ImportFunction import;       // nullptr: If, which needs the importer itself, and what quantized_operator reads
};
const OpRow* find_op(std::string_view name);
// An operator of quantized tensors as a function of others; nothing when it is none, or lacks operands. `rank`: of the first operand.
std::optional<onnx::FunctionProto> quantized_operator(const onnx::NodeProto& node, std::string_view domain, int64_t rank);
// Why an operator that is not in the table is not: a sentence.
std::string why_unsupported(std::string_view domain, std::string_view name);

// Names in sight at a place of the model. A name whose value could not be imported maps to an invalid id: what reads it fails silently.
struct Scope {
    std::unordered_map<std::string, ValueId> values;
    const Scope* outer = nullptr;
    const ValueId* find(const std::string& name) const;
};

// Where a list of nodes stands: the graph itself, a branch of an If, or the body of a function.
struct Environment {
    Scope scope;
    std::map<std::string, int64_t> opsets;                                    // by domain
    const std::map<std::string, onnx::AttributeProto>* attributes = nullptr;  // of the function call, for attribute references
    std::string prefix;                                                       // of node names
    int64_t node_index = -1;                                                  // of the calling node; −1 at the top
    int depth = 0;                                                            // of calls and branches
};

class Importer {
public:
    Importer(const onnx::ModelProto& model, const ImportOptions& options, const std::filesystem::path& file, Diagnostics& diag);
    Expected<Graph> run();
    const TensorReader& tensors() const { return tensors_; }

    Graph graph;
    Diagnostics& diag;
    // An initializer or an attribute.
    Expected<Tensor> read_tensor(const onnx::TensorProto& proto, const Location& where);
    // Whether there is room for a computed constant of so many elements: all of them together may hold 2^22 and eight for each byte of the
    // model, so that a small file cannot ask for much memory or time.
    bool take_room(int64_t elements) { return (room_ -= elements) >= 0; }

private:
    Status check_versions();
    void read_functions();
    void note_reads(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes);
    void read_initializers(const onnx::GraphProto& proto, Scope& scope);
    void bind_leading_symbols(const onnx::GraphProto& proto, const std::set<std::string>& initializers);
    void add_inputs(const onnx::GraphProto& proto, Scope& scope);
    Expected<Shape> input_shape(const onnx::ValueInfoProto& proto);
    void add_outputs(const onnx::GraphProto& proto, const Scope& scope);
    void import_nodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, Environment& env);
    void import_node(const onnx::NodeProto& node, int64_t index, Environment& env);
    Status import_op(const onnx::NodeProto& node, const OpRow& row, const Location& where, Environment& env, std::vector<ValueId> operands);
    Status import_if(NodeContext& n, Environment& env);
    Status import_call(const onnx::NodeProto& node, const onnx::FunctionProto& function, const Location& where, Environment& env,
                       const std::vector<ValueId>& operands);
    // An operator that the user supplies: ops_custom.cpp.
    Status import_custom(const onnx::NodeProto& node, const Location& where, Environment& env, const std::vector<ValueId>& operands);
    void bind(const std::string& name, ValueId id, const Location& where, Scope& scope);
    const onnx::FunctionProto* find_function(const onnx::NodeProto& node) const;

    const onnx::ModelProto& model_;
    const ImportOptions& options_;
    std::string file_;
    TensorReader tensors_;
    std::map<std::string, int64_t> symbols_;
    std::map<std::pair<std::string, std::string>, const onnx::FunctionProto*> functions_;
    std::map<const onnx::FunctionProto*, std::map<std::string, onnx::AttributeProto>> defaults_;  // of attributes
    std::set<std::string> read_names_;
    std::map<std::string, const onnx::ValueInfoProto*> value_info_;  // of the main graph, its outputs included
    int64_t nodes_seen_ = 0;
    int64_t room_ = int64_t{1} << 22;  // elements of constants that may yet be computed
};

}  // namespace gw
