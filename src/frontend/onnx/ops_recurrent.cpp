// RNN, GRU and LSTM. The problem: ONNX packs both directions into one operator, with the direction as a dimension of everything. The idea:
// one op a direction on its slice of the weights and states, and a concatenation of the results along that dimension. The batch-first
// layout of opset 14 is transposed into the other. After it: `recurrent` ops, whose gates stand in ONNX's own order.
#include <algorithm>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {
namespace {

// A function of the gates by its name in ONNX; `alpha` and `beta` are the defaults of the operator of that name.
struct GateFunction {
    std::string_view name;
    UnaryKind kind;
    float alpha = 0, beta = 0;
    bool takes_alpha = false, takes_beta = false;
};
constexpr GateFunction gate_functions[] = {
    {"affine", UnaryKind::affine, 1, 0, true, true},
    {"elu", UnaryKind::elu, 1, 0, true, false},
    {"hardsigmoid", UnaryKind::hard_sigmoid, 0.2f, 0.5f, true, true},
    {"leakyrelu", UnaryKind::leaky_relu, 0.01f, 0, true, false},
    {"relu", UnaryKind::clamp, 0, infinity, false, false},
    {"sigmoid", UnaryKind::sigmoid, 0, 0, false, false},
    {"softplus", UnaryKind::softplus, 0, 0, false, false},
    {"tanh", UnaryKind::tanh, 0, 0, false, false},
};

std::vector<std::string> default_functions(RecurrentKind kind) {
    if (kind == RecurrentKind::rnn) return {"Tanh"};
    if (kind == RecurrentKind::gru) return {"Sigmoid", "Tanh"};
    return {"Sigmoid", "Tanh", "Tanh"};
}

// Fills in the functions of every direction's op. alpha and beta are lists for those functions that take one, in order.
Status read_functions(NodeContext& n, std::vector<Recurrent>& directions) {
    const std::vector<std::string> standard = default_functions(directions.front().kind);
    std::vector<std::string> names;
    if (const auto* a = n.attribute("activations")) names.assign(a->strings().begin(), a->strings().end());
    for (size_t d = 0; names.size() < standard.size() * directions.size() && n.attribute("activations") == nullptr; ++d)
        names.insert(names.end(), standard.begin(), standard.end());
    if (names.size() != standard.size() * directions.size())
        return n.bad_attribute("activations has {} names, expected {}", names.size(), standard.size() * directions.size());
    auto floats = [&](const char* name) {
        const auto* a = n.attribute(name);
        return a == nullptr ? std::vector<float>{} : std::vector<float>(a->floats().begin(), a->floats().end());
    };
    const std::vector<float> alphas = floats("activation_alpha"), betas = floats("activation_beta");
    size_t alpha = 0, beta = 0;
    for (size_t i = 0; i < names.size(); ++i) {
        std::string lower = names[i];
        std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const auto* f =
            std::find_if(std::begin(gate_functions), std::end(gate_functions), [&](const GateFunction& g) { return g.name == lower; });
        if (f == std::end(gate_functions)) return n.unsupported("the activation {} is not supported in recurrent operators", names[i]);
        Recurrent& op = directions[i / standard.size()];
        const size_t k = i % standard.size();
        (k == 0 ? op.f : k == 1 ? op.g : op.k) = f->kind;
        op.alpha[k] = f->takes_alpha && alpha < alphas.size() ? alphas[alpha++] : f->alpha;
        op.beta[k] = f->takes_beta && beta < betas.size() ? betas[beta++] : f->beta;
    }
    return {};
}

// The ops of all directions but for their operands.
Expected<std::vector<Recurrent>> read_attributes(NodeContext& n, RecurrentKind kind) {
    const std::string direction = n.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
        return n.bad_attribute("direction is `{}`, expected forward, reverse or bidirectional", direction);
    Recurrent op;
    op.kind = kind;
    op.reverse = direction == "reverse";
    op.linear_before_reset = kind == RecurrentKind::gru && n.integer("linear_before_reset", 0) != 0;
    if (const float clip = n.number("clip", 0); clip > 0) op.clip = clip;
    if (n.integer("input_forget", 0) != 0) return n.unsupported("coupled input and forget gates are not supported");
    std::vector<Recurrent> all{op};
    if (direction == "bidirectional") {
        all.push_back(op);
        all.back().reverse = true;
    }
    GW_TRY_DO(read_functions(n, all));
    return all;
}

// Every sequence must take all the steps: others would need a mask.
Status check_lengths(NodeContext& n, size_t operand, int64_t steps) {
    if (!n.has(operand)) return {};
    GW_TRY(std::vector<int64_t> lengths, n.need_ints(operand, "sequence_lens"));
    for (int64_t length : lengths)
        if (length != steps) return n.unsupported("a sequence of {} of {} steps is not supported", length, steps);
    return {};
}

class RecurrentImport {
public:
    RecurrentImport(NodeContext& n, RecurrentKind kind) : n_(n), kind_(kind), batch_first_(n.integer("layout", 0) != 0) {}

    Status run() {
        GW_TRY(std::vector<Recurrent> directions, read_attributes(n_, kind_));
        for (size_t i = 0; i < 3; ++i)
            if (n_.rank(n_.in(i)) != 3) return n_.bad_operand(i == 0 ? "X" : i == 1 ? "W" : "R", "rank {}, expected 3", n_.rank(n_.in(i)));
        const auto count = static_cast<int64_t>(directions.size());
        if (n_.shape(n_.in(1))[0] != count || n_.shape(n_.in(2))[0] != count)
            return n_.bad_operand("W", "{} directions, expected {}", n_.shape(n_.in(1))[0], count);
        ValueId x = n_.in(0);
        if (batch_first_) {
            GW_TRY(x, n_.transpose(x, {1, 0, 2}));
        }
        steps_ = n_.shape(x)[0], batch_ = n_.shape(x)[1], hidden_ = n_.shape(n_.in(2))[2];
        if (const int64_t stated = n_.integer("hidden_size", hidden_); stated != hidden_)
            return n_.bad_attribute("hidden_size is {}, but R has {}", stated, hidden_);
        GW_TRY_DO(check_lengths(n_, 4, steps_));
        std::vector<std::vector<ValueId>> results(kind_ == RecurrentKind::lstm ? 3 : 2);
        for (int64_t d = 0; d < count; ++d) {
            GW_TRY(std::vector<ValueId> made, direction(directions[static_cast<size_t>(d)], d, x));
            for (size_t i = 0; i < results.size(); ++i) results[i].push_back(made[i]);
        }
        for (size_t i = 0; i < results.size(); ++i) {
            if (!n_.wants(i)) continue;
            GW_TRY(ValueId joined, join_directions(results[i], i == 0));
            n_.set(i, joined);
        }
        return {};
    }

private:
    // Slice d of an operand whose directions stand first, without that dimension; absent stays absent.
    Expected<ValueId> of_direction(size_t operand, int64_t d, bool batch_before = false) {
        if (!n_.has(operand)) return ValueId{};
        ValueId v = n_.in(operand);
        if (batch_before) {
            GW_TRY(v, n_.transpose(v, {1, 0, 2}));
        }
        GW_TRY(v, n_.slice_axis(v, 0, d, 1));
        const std::vector<int64_t> dims = n_.shape(v).dims();
        return n_.reshape(v, {dims.begin() + 1, dims.end()});
    }
    Expected<ValueId> initial(size_t operand, int64_t d) {
        if (!n_.has(operand)) {
            GW_TRY_DO(n_.check_computed({batch_, hidden_}));
            return n_.add(Tensor::zeros({DType::float32, Shape{batch_, hidden_}, {}}));
        }
        if (n_.rank(n_.in(operand)) != 3) return n_.bad_operand("initial_h", "rank {}, expected 3", n_.rank(n_.in(operand)));
        return of_direction(operand, d, batch_first_);
    }

    Expected<std::vector<ValueId>> direction(const Recurrent& op, int64_t d, ValueId x) {
        const bool lstm = kind_ == RecurrentKind::lstm;
        GW_TRY(ValueId w, of_direction(1, d));
        GW_TRY(ValueId r, of_direction(2, d));
        GW_TRY(ValueId b, of_direction(3, d));
        GW_TRY(ValueId h, initial(5, d));
        ValueId c, p;
        if (lstm) {
            GW_TRY(c, initial(6, d));
            GW_TRY(p, of_direction(7, d));
        }
        return n_.importer.graph.add(op, {x, w, r, h, c, b, p}, {n_.source}, n_.importer.diag);
    }

    // Y [T, D, N, H] of parts [T, N, H], or a last state [D, N, H] of parts [N, H]; batch first where the layout is.
    Expected<ValueId> join_directions(const std::vector<ValueId>& parts, bool sequence) {
        std::vector<ValueId> wide;
        for (ValueId part : parts) {
            GW_TRY(ValueId v, n_.reshape(part, sequence ? std::vector<int64_t>{steps_, 1, batch_, hidden_}
                                                        : std::vector<int64_t>{1, batch_, hidden_}));
            wide.push_back(v);
        }
        ValueId y = wide.front();
        if (wide.size() > 1) {
            GW_TRY(y, n_.emit(Concat{sequence ? 1 : 0}, wide));
        }
        if (!batch_first_) return y;
        return sequence ? n_.transpose(y, {2, 0, 1, 3}) : n_.transpose(y, {1, 0, 2});
    }

    NodeContext& n_;
    RecurrentKind kind_;
    bool batch_first_;
    int64_t steps_ = 0, batch_ = 0, hidden_ = 0;
};

}  // namespace

Status import_recurrent(NodeContext& n, RecurrentKind kind) { return RecurrentImport(n, kind).run(); }

}  // namespace gw::onnx_ops
