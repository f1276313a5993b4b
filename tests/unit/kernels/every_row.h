// Every kernel row over its shape space: nodes of random networks (support/random_int8.h, support/random_graph.h) and, for what those do
// not contain, drawn operands become single-node cases; each row that matches one is run on it and held to evaluate (kernel_harness.h).
// Nobody has to name a row: one that never matched fails the test, so a new row comes with graphs that reach it.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "passes/passes.h"
#include "support/random_graph.h"
#include "support/random_int8.h"
#include "unit/kernels/int16_cases.h"
#include "unit/kernels/layer_cases.h"
#include "unit/kernels/recurrent_cases.h"

namespace gw::testing {

// The node as a graph of its own, with the producers of its operands `depth` nodes up where nobody else reads them: rows may cover those.
class CaseOfNode {
public:
    CaseOfNode(const Graph& g, const std::vector<Tensor>& inputs) : g_(g), uses_(g.use_counts()), values_(g.values.size()) {
        for (size_t i = 0; i < g.inputs.size(); ++i) values_[static_cast<size_t>(g.inputs[i].value.index)] = inputs[i];
        interpret(g, inputs, [&](ValueId id, const Tensor& t) { values_[static_cast<size_t>(id.index)] = t; });
    }
    KernelCase make(const Node& root, int depth, const std::string& label) {
        case_ = {};
        made_.clear();
        const ValueId y = copy(root, depth);
        case_.graph.add_output("y", y);
        case_.label = fmt::format("{}: {} {}", label, op_name(root.op), print_fields(root.op));
        return case_;
    }

private:
    ValueId copy(const Node& node, int depth) {
        std::vector<ValueId> in;
        for (ValueId id : node.inputs) in.push_back(id.valid() ? operand(id, depth) : ValueId{});
        const ValueId y = case_.graph.must_add(node.op, in, {});
        case_.graph[y].type.quant = g_.type(node.outputs[0]).quant;
        return y;
    }
    ValueId operand(ValueId id, int depth) {
        if (const auto found = made_.find(id); found != made_.end()) return found->second;
        ValueId mine;
        const Node* producer = g_.producer(id);
        if (const Tensor* c = g_.constant(id)) {
            mine = case_.graph.add_constant(*c);
        } else if (depth > 0 && producer != nullptr && uses_[static_cast<size_t>(id.index)] == 1 && producer->outputs.size() == 1) {
            mine = copy(*producer, depth - 1);
        } else {
            mine = case_.graph.add_input("x" + std::to_string(case_.inputs.size()), g_.type(id));
            case_.inputs.push_back(values_[static_cast<size_t>(id.index)]);
        }
        return made_[id] = mine;
    }

    const Graph& g_;
    std::vector<int> uses_;
    std::vector<Tensor> values_;
    KernelCase case_;
    std::map<ValueId, ValueId> made_;
};

// Cases of ops that random networks lack: conversions between all element types, integer and boolean arithmetic, choices, products.
inline KernelCase drawn_case(Dice& dice, uint32_t number) {
    KernelCase c;
    c.label = fmt::format("drawn case {}", number);
    const auto shape = [&] {
        std::vector<int64_t> dims;
        for (int64_t i = dice.between(1, 4); i > 0; --i) dims.push_back(dice.between(1, 6));
        return Shape(dims);
    };
    const auto tensor = [&](DType t, Shape s, Quant q = {}) {
        Tensor x = Tensor::zeros({t, std::move(s), std::move(q)});
        for (int64_t i = 0; i < x.elements(); ++i) {
            const double reach = is_float(t) ? 300 : t == DType::boolean ? 1 : std::min<double>(40000, static_cast<double>(highest(t)));
            const double low = is_float(t) ? -300 : t == DType::boolean ? 0 : std::max<double>(-40000, static_cast<double>(lowest(t)));
            const double v = static_cast<double>(dice.between(static_cast<int64_t>(low), static_cast<int64_t>(reach)));
            x.set(i, is_float(t) ? v / 16 : v);
        }
        return x;
    };
    const auto input = [&](const Tensor& t) {
        c.inputs.push_back(t);
        return c.graph.add_input("x" + std::to_string(c.inputs.size()), t.type);
    };
    const auto finish = [&](Op op, const std::vector<ValueId>& in) {
        c.label += fmt::format(": {} {}", op_name(op), print_fields(op));
        c.graph.add_output("y", c.graph.must_add(std::move(op), in, {}));
    };
    const auto smaller = [&](Shape s) {  // broadcasts to s
        for (int64_t d = 0; d < s.rank(); ++d)
            if (dice.chance(30)) s[d] = 1;
        return s;
    };
    const DType plain[] = {DType::boolean, DType::int8,  DType::uint8, DType::int16,
                           DType::uint16,  DType::int32, DType::int64, DType::float32};
    const Shape s = shape();
    switch (number % 15) {
        case 0:
            finish(Cast{plain[dice.between(0, 7)]}, {input(tensor(plain[dice.between(0, 7)], s))});
            break;
        case 1: {
            const DType to = plain[dice.between(1, 4)];
            const Quant q = Quant::tensor(0.37f, static_cast<int32_t>(dice.between(std::max<int64_t>(lowest(to), -99), 99)));
            finish(Quantize{to, q, dice.chance(50) ? Ties::even : Ties::away}, {input(tensor(DType::float32, s))});
            break;
        }
        case 2: {
            const DType from = plain[dice.between(1, 5)];
            const int32_t zero = from == DType::int32 ? 0 : static_cast<int32_t>(dice.between(std::max<int64_t>(lowest(from), -99), 99));
            finish(Dequantize{}, {input(tensor(from, s, Quant::tensor(0.37f, zero)))});
            break;
        }
        case 3: {
            const int64_t m = dice.between(1, 5), k = dice.between(1, 9), n = dice.between(1, 5), batch = dice.between(1, 3);
            finish(MatMul{},
                   {input(tensor(DType::float32, {batch, m, k})), input(tensor(DType::float32, {dice.chance(50) ? batch : 1, k, n}))});
            break;
        }
        case 4: {
            const UnaryKind kinds[] = {UnaryKind::neg, UnaryKind::abs, UnaryKind::sign, UnaryKind::clamp};
            const DType t = dice.chance(50) ? DType::int32 : DType::int64;
            finish(Unary{kinds[dice.between(0, 3)], -100, 20000}, {input(tensor(t, s))});
            break;
        }
        case 5: {
            const DType t = dice.chance(50) ? DType::int32 : DType::int64;
            Binary op;
            op.kind = static_cast<BinaryKind>(dice.between(0, 11));
            if (op.kind == BinaryKind::pow) op.kind = BinaryKind::mul;
            finish(op, {input(tensor(t, s)), input(tensor(t, smaller(s)))});
            break;
        }
        case 6:
            finish(Softmax{dice.between(0, s.rank() - 1), dice.chance(30)}, {input(tensor(DType::float32, s))});
            break;
        case 7: {
            const DType types[] = {DType::float32, DType::int8, DType::int32};
            finish(ArgMax{dice.between(0, s.rank() - 1), dice.chance(50), dice.chance(50), dice.chance(50),
                          dice.chance(50) ? DType::int64 : DType::int32},
                   {input(tensor(types[dice.between(0, 2)], s))});
            break;
        }
        case 8: {
            const DType t = plain[dice.between(0, 7)];
            const ValueId condition = input(tensor(DType::boolean, smaller(s))), a = input(tensor(t, s));
            finish(Select{}, {condition, a, input(tensor(t, smaller(s)))});
            break;
        }
        case 9: {
            std::vector<ValueId> parts;
            const DType t = plain[dice.between(0, 7)];
            for (int64_t i = dice.between(1, 12); i > 0; --i) {
                Shape part = s;
                part[0] = dice.between(1, 3);
                parts.push_back(input(tensor(t, part)));
            }
            finish(Concat{0}, parts);
            break;
        }
        case 10: {  // a pool right behind a convolution, which kernels may compute together
            const int64_t channels = dice.between(1, 3), out = dice.between(1, 5), k = dice.between(1, 3);
            Conv2D conv;
            conv.pad = {dice.between(0, k), dice.between(0, k), dice.between(0, k), dice.between(0, k)};
            conv.x_zero = dice.zero();
            conv.requant = dice.requant(out, k * k * channels * 255 * 128);
            const ValueId x = input(dice.bytes({1, dice.between(k + 1, 9), dice.between(k + 1, 9), channels}));
            const ValueId below = c.graph.must_add(conv, {x, c.graph.add_constant(dice.bytes({out, k, k, channels}))}, {});
            finish(Pool2D{.kernel = {2, 2}, .stride = {2, 2}}, {below});
            break;
        }
        case 11: {
            const BinaryKind kinds[] = {BinaryKind::squared_difference, BinaryKind::div, BinaryKind::less, BinaryKind::equal};
            finish(rescaled_binary(dice, kinds[dice.between(0, 3)]), {input(dice.bytes(s)), input(dice.bytes(smaller(s)))});
            break;
        }
        case 12:
            finish(L2Norm{dice.zero()}, {input(dice.bytes(s))});
            break;
        case 13:
            return log_softmax_case(dice, s, dice.between(0, s.rank() - 1));
        default: {
            Binary op;
            op.kind = static_cast<BinaryKind>(dice.between(0, 10));
            if (op.kind == BinaryKind::pow || op.kind == BinaryKind::mod || op.kind == BinaryKind::div) op.kind = BinaryKind::less;
            finish(op, {input(tensor(DType::float32, s)), input(tensor(DType::float32, smaller(s)))});
        }
    }
    return c;
}

// Rows of ops that graphs do not have are lowering's own (a copy between buffers) and tested where it is; so are calls of users' functions.
inline std::vector<const KernelRow*> rows_of_graph_ops() {
    std::vector<const KernelRow*> rows;
    for (const KernelRow* row : kernel_rows())
        if (op_from_name(row->op) && row->generate == nullptr) rows.push_back(row);
    return rows;
}

// The names of rows that ran on fewer than `wanted` cases.
inline std::vector<std::string> short_of_cases(const std::map<std::string, int>& counts, int wanted) {
    std::vector<std::string> names;
    for (const KernelRow* row : rows_of_graph_ops()) {
        const auto found = counts.find(std::string(row->name));
        if (found == counts.end() || found->second < wanted) names.emplace_back(row->name);
    }
    return names;
}

// Walks seeds from `first` on until each row has `wanted` cases on the core or `most` seeds are drawn; runs them; counts them into
// `counts`.
inline void walk_rows(std::string_view core, uint32_t first, uint32_t most, int wanted, std::map<std::string, int>& counts) {
    KernelHarness harness(core, 1e-4);
    std::map<std::string, int> here;
    const auto offer = [&](const KernelCase& c) {
        for (const KernelRow* row : rows_of_graph_ops()) {
            const std::string name(row->name);
            if (row->op != op_name(c.graph.nodes.back().op) || here[name] >= wanted || !harness.reason(c, name).empty()) continue;
            harness.add(c, name);
            ++here[name], ++counts[name];
        }
    };
    Dice dice(first);
    for (uint32_t seed = first; seed < first + most && !short_of_cases(here, wanted).empty(); ++seed) {
        offer(drawn_case(dice, seed));
        offer(sums_case(dice));
        offer(float_recurrent_case(dice, seed));
        offer(svdf_case(dice, seed));
        offer(recurrent8_case(dice, seed));
        offer(lstm16_case(dice));
        offer(int16_case(dice, seed));
        offer(int16_case(dice, 3 * seed));
        const Graph g = seed % 3 == 0 ? optimised(RandomGraph(seed, {.blocks = 3}).make()) : RandomInt8(seed, Rounding::none, 3).make();
        std::vector<Tensor> inputs;
        for (const Port& port : g.inputs) {
            const Type& type = g.type(port.value);
            inputs.push_back(type.dtype == DType::int8 ? dice.bytes(type.shape, type.quant) : dice.floats(type.shape, -1, 1));
        }
        CaseOfNode cases(g, inputs);
        for (const Node& node : g.nodes) offer(cases.make(node, static_cast<int>(seed % 2), fmt::format("seed {}", seed)));
    }
    const std::vector<std::string> faults = harness.run();
    for (size_t i = 0; i < std::min<size_t>(faults.size(), 12); ++i) ADD_FAILURE() << core << ": " << faults[i];
}

}  // namespace gw::testing
