// The Graph: what a model computes. Values and nodes in topological order, every value typed the moment it exists.
//
// A Module is a model: its graphs (the first is the one that runs; others are bodies for ops that name them) and where it came from.
// A pass is a function Graph f(const Graph&, …): it walks the old graph in order and builds a new one with a Rewriter; what is not copied
// is gone. Source names of nodes and tensors ride along, so errors, profiles and reports always speak the model's language.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "ops/op.h"

namespace gw {

struct ValueId {
    int32_t index = -1;
    bool valid() const { return index >= 0; }
    auto operator<=>(const ValueId&) const = default;
};
struct NodeId {
    int32_t index = -1;
    bool valid() const { return index >= 0; }
    auto operator<=>(const NodeId&) const = default;
};

// Where a node came from: the model's own nodes, in order of fusion.
struct Source {
    std::string name;  // node name, or its first output's when it has none
    std::string op;    // operator as the model spells it
    int64_t index = -1;
    bool operator==(const Source&) const = default;
};

struct Value {
    Type type;
    std::string source;  // the tensor's name in the model, "" for values that passes made
    // Exactly one of these says where the value comes from.
    NodeId node;         // result of a node,
    int32_t result = 0;  //   its result number
    int32_t input = -1;  // graph input number,
    int32_t state = -1;  // what state number `state` held when the run began,
    Tensor constant;     // or a constant (valid())
    bool is_constant() const { return constant.valid(); }
    bool is_input() const { return input >= 0; }
    bool is_state() const { return state >= 0; }
};

struct Node {
    Op op;
    std::vector<ValueId> inputs;  // an absent optional operand is an invalid id
    std::vector<ValueId> outputs;
    std::vector<Source> sources;
};

// How an input or output of the model appears: `name` is the model's; `perm` takes the model's own dimension order to the graph's
// (graph dim i = model dim perm[i]); empty when they agree. model_shape and model_dtype are what the model file states.
struct Port {
    std::string name;
    ValueId value;
    std::vector<int64_t> perm;
    Shape model_shape;
    DType model_dtype = DType::float32;
};

// What the model keeps between calls. A run begins with `value` and leaves `next` to the following one; the first run, and one after a
// reset, begins with `init`. Reads and writes are ordered by data dependence alone: `value` never changes during a run.
struct State {
    std::string name;  // the model's
    ValueId value;
    Tensor init;   // of the value's type
    ValueId next;  // of the value's element type and shape; invalid until set_next
};

struct Graph {
    std::string name = "main";
    std::vector<Value> values;
    std::vector<Node> nodes;  // topological
    std::vector<Port> inputs, outputs;
    std::vector<State> states;
    std::string file;  // the model's file name without folders, for diagnostics

    Value& operator[](ValueId id) { return values[static_cast<size_t>(id.index)]; }
    const Value& operator[](ValueId id) const { return values[static_cast<size_t>(id.index)]; }
    Node& operator[](NodeId id) { return nodes[static_cast<size_t>(id.index)]; }
    const Node& operator[](NodeId id) const { return nodes[static_cast<size_t>(id.index)]; }
    const Type& type(ValueId id) const { return (*this)[id].type; }
    const Tensor* constant(ValueId id) const { return id.valid() && (*this)[id].is_constant() ? &(*this)[id].constant : nullptr; }
    // The node that makes `id`, or nullptr.
    const Node* producer(ValueId id) const { return id.valid() && (*this)[id].node.valid() ? &(*this)[(*this)[id].node] : nullptr; }
    Location where(const Node& node) const;

    ValueId add_input(std::string name, Type type);
    ValueId add_constant(Tensor tensor, std::string source = {});
    // A state of `init`'s type; `next` is to be set before the graph is whole.
    ValueId add_state(std::string name, Tensor init);
    void add_output(std::string name, ValueId value);
    // Adds a node at the end; its results are typed by infer. `sources` may be empty.
    Expected<std::vector<ValueId>> add(Op op, std::vector<ValueId> inputs, std::vector<Source> sources, Diagnostics& diag);
    // The same for ops with one result.
    Expected<ValueId> add1(Op op, std::vector<ValueId> inputs, std::vector<Source> sources, Diagnostics& diag);
    // The same where the caller knows that the types fit; a misfit is our own bug.
    ValueId must_add(Op op, std::vector<ValueId> inputs, std::vector<Source> sources);

    std::vector<int> use_counts() const;             // uses by nodes, outputs and states' next, one entry a value
    std::vector<std::vector<NodeId>> users() const;  // nodes that read a value, one entry a value
    int64_t macs() const;
    int64_t parameters() const;  // elements of the constants that conv2d, dense, binary and unary ops read; shared ones once
};

struct Module {
    std::vector<Graph> graphs;
    std::string file;    // name without folders
    std::string sha256;  // of the model file (and its external data)
    Graph& main() { return graphs.front(); }
    const Graph& main() const { return graphs.front(); }
};

// Checks every rule of the graph language: ids in range, topological order, types equal to what infer gives, ports, states.
Status verify(const Graph& graph, Diagnostics& diag);

// Text form; parse(print(g)) gives an equal graph. docs/ir.md is its grammar.
std::string print(const Graph& graph);
std::string print(const Module& module);
Expected<Module> parse_module(std::string_view text, const std::string& file, Diagnostics& diag);

// Rebuilds a graph node by node.
class Rewriter {
public:
    explicit Rewriter(const Graph& old);
    const Graph& old;
    Graph out;

    // The new value that stands for an old one; constants and inputs are copied at first use. Invalid stays invalid.
    ValueId map(ValueId old_value);
    void replace(ValueId old_value, ValueId new_value);
    // Copies an old node with mapped operands.
    void copy(const Node& node);
    // Adds a node that must type-check, giving it the sources listed.
    ValueId add(Op op, std::vector<ValueId> inputs, std::vector<Source> sources) {
        return out.must_add(std::move(op), std::move(inputs), std::move(sources));
    }
    // Maps outputs and states' next; drops nodes, states and constants that nothing reads.
    Graph finish();

private:
    std::vector<ValueId> map_;
};

// Without nodes, states and constants that no output depends on, now or in a later run; inputs stay.
Graph drop_dead(const Graph& graph);
std::vector<Source> join(const std::vector<Source>& a, const std::vector<Source>& b);

}  // namespace gw
