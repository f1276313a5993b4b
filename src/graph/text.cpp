// The text form of graphs. Printing and parsing are inverse to each other; docs/ir.md gives the grammar. One line a value:
//
//   module "digits.onnx" sha256 "…"
//   graph main {
//     input %0 "input": i8[1,28,28,1] q(0.00392,-128) model f32[1,1,28,28] perm [0,2,3,1]
//     state %7 "h": i8[1,20] q(0.01,0) = splat(0)
//     const %1 "conv.weight": i8[4,3,3,1] q(axis=0,[…],[0,0,0,0]) = [1,2,…]
//     %2 "relu": i8[1,28,28,4] q(0.02,-128) = conv2d(%0, %1, _) pad=[1,1,1,1] from "Conv_0":"Conv":0 "Relu_1":"Relu":1
//     next %7 = %9
//     output %2 "logits" model f32[1,4,28,28] perm [0,2,3,1]
//   }
//
// In a file written by hand a result's type may be left out (infer knows it), names may be any word, and constants may be splat(v), iota or
// random(seed).
#include <fmt/ranges.h>

#include "base/text.h"
#include "graph/graph.h"
#include "tensor/type_text.h"

namespace gw {
namespace {

std::string name_of(ValueId id) { return id.valid() ? "%" + std::to_string(id.index) : "_"; }

std::string named(const std::string& source) { return source.empty() ? "" : " " + quote(source); }

void print_port(std::string& s, const Port& port, const Type& type) {
    if (port.model_shape != type.shape || port.model_dtype != type.dtype)
        s += fmt::format(" model {}", Type{port.model_dtype, port.model_shape, {}}.text());
    if (!port.perm.empty()) s += fmt::format(" perm [{}]", fmt::join(port.perm, ","));
}

class Parser {
public:
    Parser(Lexer& in, Graph& graph) : in_(in), g_(graph) {}

    Status graph() {
        GW_TRY(g_.name, in_.word());
        GW_TRY_DO(in_.expect("{"));
        while (!in_.accept("}")) GW_TRY_DO(line());
        return verify(g_, in_.diag());
    }

private:
    Status line() {
        if (in_.accept("input")) return input();
        if (in_.accept("const")) return constant();
        if (in_.accept("state")) return state();
        if (in_.accept("next")) return next();
        if (in_.accept("output")) return output();
        return node();
    }

    Expected<std::string> value_name() {
        GW_TRY_DO(in_.expect("%"));
        GW_TRY(std::string name, in_.word());
        return name;
    }

    Expected<ValueId> reference() {
        GW_TRY(std::string name, value_name());
        const auto it = names_.find(name);
        if (it == names_.end()) return in_.fail("value %{} is not defined above", name);
        return it->second;
    }

    Expected<std::string> optional_string() {
        if (in_.next_is("\"")) return in_.string();
        return std::string();
    }

    Status define(const std::string& name, ValueId id) {
        if (!names_.emplace(name, id).second) return in_.fail("value %{} is defined twice", name);
        return {};
    }

    Status port_rest(Port& port) {
        if (in_.accept("model")) {
            GW_TRY(Type t, parse_type(in_));
            port.model_dtype = t.dtype;
            port.model_shape = t.shape;
        }
        if (in_.accept("perm")) {
            GW_TRY(port.perm, parse_ints(in_));
            std::vector<bool> seen(port.perm.size());
            for (int64_t p : port.perm) {
                if (p < 0 || p >= static_cast<int64_t>(seen.size()) || seen[static_cast<size_t>(p)])
                    return in_.fail("perm is not a permutation");
                seen[static_cast<size_t>(p)] = true;
            }
        }
        return {};
    }

    Status input() {
        GW_TRY(std::string name, value_name());
        GW_TRY(std::string source, optional_string());
        GW_TRY_DO(in_.expect(":"));
        GW_TRY(Type type, parse_type(in_));
        GW_TRY_DO(define(name, g_.add_input(source.empty() ? name : source, std::move(type))));
        return port_rest(g_.inputs.back());
    }

    Status constant() {
        GW_TRY(std::string name, value_name());
        GW_TRY(std::string source, optional_string());
        GW_TRY_DO(in_.expect(":"));
        GW_TRY(Type type, parse_type(in_));
        GW_TRY_DO(in_.expect("="));
        GW_TRY(Tensor t, parse_values(in_, type));
        return define(name, g_.add_constant(std::move(t), std::move(source)));
    }

    Status state() {
        GW_TRY(std::string name, value_name());
        GW_TRY(std::string source, optional_string());
        GW_TRY_DO(in_.expect(":"));
        GW_TRY(Type type, parse_type(in_));
        GW_TRY_DO(in_.expect("="));
        GW_TRY(Tensor init, parse_values(in_, type));
        return define(name, g_.add_state(source.empty() ? name : source, std::move(init)));
    }

    Status next() {
        GW_TRY(ValueId id, reference());
        GW_TRY_DO(in_.expect("="));
        GW_TRY(ValueId value, reference());
        const int32_t state = g_[id].state;
        if (state < 0) return in_.fail("`next` is said of a value that is not a state");
        ValueId& set = g_.states[static_cast<size_t>(state)].next;
        if (set.valid()) return in_.fail("state \"{}\" has two lines `next`", g_.states[static_cast<size_t>(state)].name);
        set = value;
        return {};
    }

    Status output() {
        GW_TRY(ValueId id, reference());
        GW_TRY(std::string name, optional_string());
        if (name.empty()) name = g_[id].source.empty() ? "output" : g_[id].source;
        g_.add_output(std::move(name), id);
        return port_rest(g_.outputs.back());
    }

    struct Result {
        std::string name, source;
        std::optional<Type> type;
    };

    Expected<std::vector<Result>> results() {
        std::vector<Result> all;
        do {
            Result r;
            GW_TRY(r.name, value_name());
            GW_TRY(r.source, optional_string());
            if (in_.accept(":")) {
                GW_TRY(Type t, parse_type(in_));
                r.type = std::move(t);
            }
            all.push_back(std::move(r));
        } while (in_.accept(","));
        return all;
    }

    Status node() {
        GW_TRY(std::vector<Result> outs, results());
        GW_TRY_DO(in_.expect("="));
        GW_TRY(std::string op_word, in_.word());
        std::optional<Op> op = op_from_name(op_word);
        if (!op) return in_.fail("`{}` is not an op", op_word);
        GW_TRY_DO(in_.expect("("));
        std::vector<ValueId> operands;
        bool first = true;
        while (!in_.accept(")")) {
            if (!first) GW_TRY_DO(in_.expect(","));
            first = false;
            if (in_.accept("_")) {
                operands.push_back({});
                continue;
            }
            GW_TRY(ValueId id, reference());
            operands.push_back(id);
        }
        GW_TRY_DO(fields(*op));
        GW_TRY(std::vector<Source> from, sources());
        GW_TRY(std::vector<ValueId> made, g_.add(std::move(*op), std::move(operands), std::move(from), in_.diag()));
        if (made.size() != outs.size()) return in_.fail("`{}` has {} results, {} are named", op_word, made.size(), outs.size());
        for (size_t i = 0; i < made.size(); ++i) {
            Value& v = g_[made[i]];
            v.source = outs[i].source;
            if (outs[i].type) {
                if (outs[i].type->dtype != v.type.dtype || outs[i].type->shape != v.type.shape)
                    return in_.fail("%{} is stated as {}, but `{}` gives {}", outs[i].name, outs[i].type->text(), op_word, v.type.text());
                v.type.quant = outs[i].type->quant;
            }
            GW_TRY_DO(define(outs[i].name, made[i]));
        }
        return {};
    }

    Status fields(Op& op) {
        // A field is `name=value`; `from` and the next line's first word are not followed by '='.
        while (!in_.at_end() && !in_.next_is("from") && !in_.next_is("%") && !in_.next_is("}") && !in_.next_is("output") &&
               !in_.next_is("const") && !in_.next_is("input") && !in_.next_is("state") && !in_.next_is("next")) {
            GW_TRY(std::string name, in_.word());
            GW_TRY_DO(in_.expect("="));
            GW_TRY(std::string value, in_.raw());
            std::string why;
            if (!set_field(op, name, value, why)) return in_.fail("field `{}` of `{}`: {}", name, op_name(op), why);
        }
        return {};
    }

    Expected<std::vector<Source>> sources() {
        std::vector<Source> all;
        if (!in_.accept("from")) return all;
        while (in_.next_is("\"")) {
            Source s;
            GW_TRY(s.name, in_.string());
            GW_TRY_DO(in_.expect(":"));
            GW_TRY(s.op, in_.string());
            GW_TRY_DO(in_.expect(":"));
            GW_TRY(s.index, in_.integer());
            all.push_back(std::move(s));
        }
        return all;
    }

    Lexer& in_;
    Graph& g_;
    std::map<std::string, ValueId> names_;
};

}  // namespace

std::string print(const Graph& g) {
    std::string s = fmt::format("graph {} {{\n", g.name);
    for (size_t i = 0; i < g.values.size(); ++i) {
        const Value& v = g.values[i];
        const ValueId id{static_cast<int32_t>(i)};
        if (v.is_input()) {
            const Port& port = g.inputs[static_cast<size_t>(v.input)];
            s += fmt::format("  input {}{}: {}", name_of(id), named(port.name), v.type.text());
            print_port(s, port, v.type);
        } else if (v.is_state()) {
            const State& state = g.states[static_cast<size_t>(v.state)];
            s += fmt::format("  state {}{}: {} = {}", name_of(id), named(state.name), v.type.text(), print_values(state.init));
        } else if (v.is_constant()) {
            s += fmt::format("  const {}{}: {} = {}", name_of(id), named(v.source), v.type.text(), print_values(v.constant));
        } else {
            if (v.result != 0) continue;
            const Node& node = g[v.node];
            s += "  ";
            for (size_t r = 0; r < node.outputs.size(); ++r) {
                const ValueId out = node.outputs[r];
                s += fmt::format("{}{}{}: {}", r > 0 ? ", " : "", name_of(out), named(g[out].source), g.type(out).text());
            }
            s += fmt::format(" = {}(", op_name(node.op));
            for (size_t k = 0; k < node.inputs.size(); ++k) s += (k > 0 ? ", " : "") + name_of(node.inputs[k]);
            s += ")";
            const std::string fields = print_fields(node.op);
            if (!fields.empty()) s += " " + fields;
            if (!node.sources.empty()) s += " from";
            for (const Source& f : node.sources) s += fmt::format(" {}:{}:{}", quote(f.name), quote(f.op), f.index);
        }
        s += "\n";
    }
    for (const State& state : g.states) s += fmt::format("  next {} = {}\n", name_of(state.value), name_of(state.next));
    for (const Port& port : g.outputs) {
        s += fmt::format("  output {} {}", name_of(port.value), quote(port.name));
        print_port(s, port, g.type(port.value));
        s += "\n";
    }
    return s + "}\n";
}

std::string print(const Module& module) {
    std::string s = fmt::format("module {} sha256 {}\n", quote(module.file), quote(module.sha256));
    for (const Graph& g : module.graphs) s += print(g);
    return s;
}

Expected<Module> parse_module(std::string_view text, const std::string& file, Diagnostics& diag) {
    Lexer in(text, file, diag);
    Module module;
    module.file = file;
    if (in.accept("module")) {
        GW_TRY(module.file, in.string());
        GW_TRY_DO(in.expect("sha256"));
        GW_TRY(module.sha256, in.string());
    }
    while (!in.at_end()) {
        GW_TRY_DO(in.expect("graph"));
        module.graphs.emplace_back();
        module.graphs.back().file = module.file;
        GW_TRY_DO(Parser(in, module.graphs.back()).graph());
    }
    if (module.graphs.empty()) return in.fail("no graph");
    return module;
}

}  // namespace gw
