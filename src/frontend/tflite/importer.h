// The importer's inside: the state of one import, and what an operator's import function sees of its operator.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "frontend/tflite/tflite.h"
#include "tflite_schema_generated.h"

namespace gw {

class TfliteImporter;
class TfliteNode;
namespace tflite_ops {
Status custom(TfliteNode& n);  // ops_custom.cpp: an operator that the user supplies
}

// One operator as its import function sees it. Operands are numbered as in the format; one that is left out is absent.
class TfliteNode {
public:
    TfliteNode(TfliteImporter& importer, const tfl::Operator& proto, Location where, Source source);

    const tfl::Operator& proto;
    const Location where;
    const Source source;
    TfliteImporter& importer;

    // --- operands and results
    size_t inputs() const { return inputs_.size(); }
    size_t outputs() const { return outputs_.size(); }
    bool has(size_t i) const { return i < inputs_.size() && inputs_[i] >= 0; }
    const Type& type(size_t i) const;      // of an operand that is there
    const Type& out_type(size_t i) const;  // as the model states it
    ValueId value(size_t i) const;         // invalid when absent
    const Tensor* constant(size_t i) const;
    // At least `required` operands are there, at most `most` are given, and there are `results` results (−1: any number).
    Status operands(size_t required, size_t most, int64_t results = 1);
    Expected<std::vector<int64_t>> need_ints(size_t i, std::string_view name);  // constant int32 or int64, at most one dimension
    Expected<int64_t> need_int(size_t i, std::string_view name);
    // All of the operator's data have this element type.
    bool is(size_t i, DType t) const { return has(i) && type(i).dtype == t; }
    // Quantized uint8 in the file, which is int8 here, 128 lower.
    bool stored_as_uint8(size_t i) const;
    // The only scale and zero point of a quantized operand or result.
    Expected<Quant> quant(size_t i, std::string_view name);
    Expected<Quant> out_quant(size_t i = 0);
    Expected<int64_t> axis(int64_t value, int64_t rank);  // in [−rank, rank), made non-negative

    // The operator's options; all defaults when it has none.
    template <class Options>
    const Options* options() const {
        return proto.options_as<Options>();
    }

    // --- results
    // Adds an op; it is evaluated at once when all its operands are constant.
    Expected<ValueId> emit(Op op, std::vector<ValueId> in);
    ValueId add(Tensor constant);
    Expected<ValueId> reshape(ValueId x, const Shape& shape);  // nothing happens when the shape is the same
    // The same for ops with several results.
    Expected<std::vector<ValueId>> emit_all(Op op, std::vector<ValueId> in);
    // Operand i is a variable tensor and holds this value from now on, in later calls too. It may have another shape.
    Status assign(size_t i, ValueId value);
    // Result i of the operator is this value. It must have the type that the model states; its quantization is the model's.
    Status result(ValueId id, size_t i = 0);
    Status result(Expected<ValueId> id, size_t i = 0);

    // A constant that is computed here must find room beside the others.
    Status check_computed(const Type& type);

    // --- errors
    template <class... Args>
    Failure unsupported(fmt::format_string<Args...> format, Args&&... args) {
        return fail(DiagId::tflite_unsupported_op, where, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    Failure malformed(fmt::format_string<Args...> format, Args&&... args) {
        return fail(DiagId::tflite_malformed, where, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    Failure bad_quant(std::string_view operand, fmt::format_string<Args...> format, Args&&... args) {
        return fail(DiagId::tflite_quantization, where.with_operand(operand), fmt::format(format, std::forward<Args>(args)...));
    }
    // The operator is not defined, or not read, for the element types of its operands.
    Failure bad_types();
    Failure fail(DiagId id, const Location& at, const std::string& message);

private:
    std::vector<int32_t> inputs_, outputs_;
};

using TfliteImport = Status (*)(TfliteNode&);
struct TfliteOpRow {
    int32_t code;
    SupportedTfliteOp op;
    TfliteImport import;
};
std::span<const TfliteOpRow> tflite_op_rows();

class TfliteImporter {
public:
    TfliteImporter(const tfl::Model& model, std::string_view file_bytes, std::string file, Diagnostics& diag);
    Expected<Graph> run();

    Graph graph;
    Diagnostics& diag;
    TfliteOptions options;

    // A tensor of the subgraph.
    struct Slot {
        std::string name;
        Type type;
        bool usable = true;     // false: its declaration was in error; users fail silently
        bool produced = false;  // by an operator or as an input
        bool variable = false;  // keeps its value between calls: a state of the graph
        bool resource = false;  // names a variable: its key
        std::string key;
        int32_t state = -1;     // of a variable tensor that is used
        bool shifted = false;   // quantized uint8 in the file, int8 here, 128 lower
        std::string_view data;  // of a constant
        bool is_constant = false;
        ValueId value;  // invalid until it exists
        Tensor tensor;  // a constant's, once it was read
    };
    std::vector<Slot> slots;
    // Elements that may yet be made without standing in the file, in constants and states: 2^22 and eight for each byte of the file, so
    // that a small one cannot ask for much memory or time.
    int64_t room;
    Status materialise(Slot& slot);  // a constant's tensor and value

    // Variables that VAR_HANDLE names. `init` is what a subgraph that runs once assigns; `value` what READ_VARIABLE sees now.
    struct Variable {
        Tensor init;
        int32_t state = -1;
        ValueId value;
    };
    std::map<std::string, Variable> variables;
    bool once = false;  // this is the import of such a subgraph
    Slot& slot_of(const tfl::Operator& op, size_t operand) {
        return slots[static_cast<size_t>(op.inputs()->Get(static_cast<uint32_t>(operand)))];
    }
    // The initialisation subgraph: everything in it is computed here, and what it assigns is noted in `variables`.
    Status run_once(int64_t subgraph, const Location& where);
    // The state of a variable, made when it is first used: of this type, beginning with `init` or with real zeros.
    Expected<ValueId> add_state(const std::string& name, const Type& type, const Tensor& init, int32_t& state, const Location& where);

private:
    void read_tensor(const tfl::Tensor& proto, size_t index);
    Status read_shape(const tfl::Tensor& proto, Slot& slot);
    Status read_quant(const tfl::Tensor& proto, Slot& slot);
    Status read_data(const tfl::Tensor& proto, Slot& slot);
    Status import_subgraph(const tfl::SubGraph& sub);
    ValueId shift_bytes(ValueId x, Type to, const Source& source);
    void add_inputs(const tfl::SubGraph& sub);
    void add_outputs(const tfl::SubGraph& sub);
    void import_operator(const tfl::Operator& op, int64_t index);
    bool check_indices(const flatbuffers::Vector<int32_t>* list, bool may_be_absent, const Location& where);

    const tfl::Model& model_;
    std::string_view bytes_;
};

}  // namespace gw
