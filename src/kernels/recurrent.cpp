// Rows of the recurrent layers and of SVDF. A row packs the weights so that one number of x or h meets the weights of all the gates of a
// unit at once, folds zero points into biases, and lets the new state lie where the old one does: the kernels copy it upward before
// anything else, or read each number of it before the one below is written.
#include <algorithm>

#include "kernels/float_help.h"
#include "tensor/fixed_functions.h"

namespace gw {
namespace {

enum : size_t { op_x, op_w, op_r, op_h, op_c, op_bias, op_peephole };

ValueId operand_id(const Node& node, size_t i) { return i < node.inputs.size() ? node.inputs[i] : ValueId{}; }

// What all recurrent rows begin with.
struct Layer {
    const Node& node;
    const Recurrent& op;
    int64_t steps, batch, inputs, hidden;
    const Tensor *w, *r, *bias;
};
// Nothing, with the reason, where a row cannot take it.
std::optional<Layer> layer(const Graph& graph, NodeId root, RecurrentKind kind, DType dtype, std::string& why) {
    const Node& node = graph[root];
    const Recurrent& op = *get_if<Recurrent>(node.op);
    const Shape& x = graph.type(node.inputs[op_x]).shape;
    const ValueId bias = operand_id(node, op_bias);
    Layer l{node,
            op,
            x[0],
            x[1],
            x[2],
            graph.type(node.inputs[op_h]).shape[1],
            graph.constant(node.inputs[op_w]),
            graph.constant(node.inputs[op_r]),
            graph.constant(bias)};
    if (op.kind != kind)
        why = fmt::format("computes {}", enum_name(kind));
    else if (!is_type(graph, node.inputs[op_x], dtype))
        why = fmt::format("takes and gives {}", dtype_name(dtype));
    else if (l.w == nullptr || l.r == nullptr || (bias.valid() && l.bias == nullptr))
        why = "weights and bias must be constant";
    else
        return l;
    return std::nullopt;
}

// Weights [gates · H][K] as [H][K][gates]: `order` names the gates that are taken, in their order.
template <class T>
Tensor by_unit(const Tensor& m, int64_t hidden, const std::vector<int64_t>& order) {
    const int64_t k = m.shape()[1];
    std::vector<T> v;
    for (int64_t j = 0; j < hidden; ++j)
        for (int64_t i = 0; i < k; ++i)
            for (int64_t gate : order) v.push_back(m.data<T>()[static_cast<size_t>((gate * hidden + j) * k + i)]);
    return Tensor::of<T>(Shape{static_cast<int64_t>(v.size())}, v);
}

// y is written whole where somebody reads it, else only its last row, in scratch.
void add_y(const MatchContext& context, Candidate& c, const Layer& l, int64_t bytes) {
    const ValueId y = l.node.outputs[0];
    const int64_t row = l.batch * l.hidden;
    const bool wanted = context.uses[static_cast<size_t>(y.index)] > 0;
    c.arguments.push_back(wanted ? KernelArgument::output(y, bytes) : KernelArgument::scratch(row * bytes, bytes));
    c.constants = {
        {"T", l.steps}, {"N", l.batch}, {"I", l.inputs}, {"H", l.hidden}, {"Y_STEP", wanted ? row : 0}, {"REVERSE", l.op.reverse ? 1 : 0}};
}

void finish(Candidate& c, const Layer& l, NodeId root, int64_t mac_cycles, int64_t unit_cycles) {
    c.covers = {root};
    c.macs_executed = l.steps * l.batch * (l.w->elements() + l.r->elements());
    c.cycles = c.macs_executed * mac_cycles + l.steps * l.batch * l.hidden * unit_cycles;
}

// The functions of the gates and their clips, chosen by number: see the kernels' head comments.
std::string functions_text(const Recurrent& op) {
    const bool lstm = op.kind == RecurrentKind::lstm;
    std::string s = fmt::format("which == 0 ? ({})", unary_text(op.function(0)));
    if (op.kind != RecurrentKind::rnn) s += fmt::format(" : which == 1 ? ({})", unary_text(op.function(1)));
    if (lstm) s += fmt::format(" : which == 2 ? ({})", unary_text(op.function(2)));
    const std::string clip = clamp_text("x", -op.clip, op.clip);
    if (!lstm) return fmt::format("{} : ({})", s, clip);
    return fmt::format("{} : which == 3 ? ({}) : ({})", s, clip, clamp_text("x", -op.cell_clip, op.cell_clip));
}

// Biases of W and of R, [gates][H] each; zeros without.
std::vector<float> bias_part(const Layer& l, bool of_r) {
    const auto n = static_cast<size_t>(l.op.gates() * l.hidden);
    std::vector<float> v(n, 0.0f);
    if (l.bias != nullptr) std::copy_n(l.bias->data<float>().begin() + static_cast<std::ptrdiff_t>(of_r ? n : 0), n, v.begin());
    return v;
}

KernelArgument float_weights(const std::vector<float>& v, std::string role) {
    return typed_weights(Tensor::of<float>(Shape{static_cast<int64_t>(v.size())}, v), std::move(role), {});
}

Match match_rnn_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = layer(graph, root, RecurrentKind::rnn, DType::float32, why);
    if (!l) return why;
    std::vector<float> bias = bias_part(*l, false);
    const std::vector<float> second = bias_part(*l, true);
    for (size_t i = 0; i < bias.size(); ++i) bias[i] += second[i];
    Candidate c;
    c.arguments = {KernelArgument::input(l->node.inputs[op_x], 4), operand(graph, l->node.inputs[op_h], "h", 4)};
    add_y(context, c, *l, 4);
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], 4));
    c.arguments.push_back(typed_weights(*l->w, "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(*l->r, "r", l->node.inputs[op_r]));
    c.arguments.push_back(float_weights(bias, "bias"));
    c.scalar = functions_text(l->op);
    add_elementwise_overlap(c, 1, 3, l->batch * l->hidden, 4, 4);
    finish(c, *l, root, float_mac_cycles(context.core), libm_cycles(context.core) + 20);
    return c;
}

Match match_gru_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = layer(graph, root, RecurrentKind::gru, DType::float32, why);
    if (!l) return why;
    const std::vector<float> w_bias = bias_part(*l, false), r_bias = bias_part(*l, true);
    std::vector<float> bias;
    for (size_t j = 0, h = static_cast<size_t>(l->hidden); j < h; ++j)
        bias.insert(bias.end(), {w_bias[j] + r_bias[j], w_bias[h + j] + r_bias[h + j], w_bias[2 * h + j], r_bias[2 * h + j]});
    Candidate c;
    c.arguments = {KernelArgument::input(l->node.inputs[op_x], 4), operand(graph, l->node.inputs[op_h], "h", 4)};
    add_y(context, c, *l, 4);
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], 4));
    c.arguments.push_back(typed_weights(by_unit<float>(*l->w, l->hidden, {0, 1, 2}), "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(by_unit<float>(*l->r, l->hidden, {0, 1}), "r", l->node.inputs[op_r]));
    c.arguments.push_back(typed_weights(by_unit<float>(*l->r, l->hidden, {2}), "rn", l->node.inputs[op_r]));
    c.arguments.push_back(float_weights(bias, "bias"));
    c.arguments.push_back(KernelArgument::scratch(3 * 4 * l->hidden, 4));
    c.constants.emplace_back("LINEAR", l->op.linear_before_reset ? 1 : 0);
    c.scalar = functions_text(l->op);
    add_elementwise_overlap(c, 1, 3, l->batch * l->hidden, 4, 4);
    finish(c, *l, root, float_mac_cycles(context.core), 3 * libm_cycles(context.core) + 60);
    return c;
}

Match match_lstm_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = layer(graph, root, RecurrentKind::lstm, DType::float32, why);
    if (!l) return why;
    const ValueId peephole = operand_id(l->node, op_peephole);
    if (peephole.valid() && graph.constant(peephole) == nullptr) return "the peephole must be constant";
    const auto h = static_cast<size_t>(l->hidden);
    const std::vector<float> w_bias = bias_part(*l, false), r_bias = bias_part(*l, true);
    std::vector<float> bias, peep;
    for (size_t j = 0; j < h; ++j)
        for (size_t gate = 0; gate < 4; ++gate) bias.push_back(w_bias[gate * h + j] + r_bias[gate * h + j]);
    for (size_t j = 0; j < h && peephole.valid(); ++j)
        for (size_t gate = 0; gate < 3; ++gate) peep.push_back(graph.constant(peephole)->data<float>()[gate * h + j]);
    if (peep.empty()) peep.push_back(0.0f);
    Candidate c;
    c.arguments = {KernelArgument::input(l->node.inputs[op_x], 4), operand(graph, l->node.inputs[op_h], "h", 4),
                   operand(graph, l->node.inputs[op_c], "c", 4)};
    add_y(context, c, *l, 4);
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], 4));
    c.arguments.push_back(KernelArgument::output(l->node.outputs[2], 4));
    c.arguments.push_back(typed_weights(by_unit<float>(*l->w, l->hidden, {0, 1, 2, 3}), "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(by_unit<float>(*l->r, l->hidden, {0, 1, 2, 3}), "r", l->node.inputs[op_r]));
    c.arguments.push_back(float_weights(bias, "bias"));
    c.arguments.push_back(float_weights(peep, "peep"));
    c.constants.emplace_back("PEEP", peephole.valid() ? 1 : 0);
    c.scalar = functions_text(l->op);
    add_elementwise_overlap(c, 1, 4, l->batch * l->hidden, 4, 4);
    add_elementwise_overlap(c, 2, 5, l->batch * l->hidden, 4, 4);
    finish(c, *l, root, float_mac_cycles(context.core), 5 * libm_cycles(context.core) + 60);
    return c;
}

// The biases of W's products, or of R's, [H][gates], less what the zero point of x or h gives; and whether 32 bits hold every partial sum
// of products.
struct FoldedBias {
    std::vector<int64_t> values;
    bool narrow_values = true, narrow_sums = true;
    FoldedBias(const Layer& l, bool of_r, DType data) {
        const Tensor& m = of_r ? *l.r : *l.w;
        const int32_t zero = of_r ? l.op.h_zero : l.op.x_zero;
        const int64_t k = m.shape()[1], gates = l.op.gates(), most = std::numeric_limits<int32_t>::max();
        const std::vector<int64_t> bias =
            l.bias != nullptr ? l.bias->ints() : std::vector<int64_t>(static_cast<size_t>(2 * gates * l.hidden), 0);
        for (int64_t j = 0; j < l.hidden; ++j) {
            for (int64_t gate = 0; gate < gates; ++gate) {
                const int64_t row = gate * l.hidden + j;
                int64_t sum = bias[static_cast<size_t>((of_r ? gates * l.hidden : 0) + row)], reach = 0;
                for (int64_t i = 0; i < k; ++i) {
                    const int64_t weight = m.data<int8_t>()[static_cast<size_t>(row * k + i)];
                    sum -= zero * weight;
                    reach -= std::abs(weight) * lowest(data);
                }
                values.push_back(sum);
                narrow_values = narrow_values && std::abs(sum) <= most;
                narrow_sums = narrow_sums && std::abs(sum) + reach <= most;
            }
        }
    }
    Tensor tensor(bool narrow) const {
        const Shape shape{static_cast<int64_t>(values.size())};
        return narrow ? Tensor::of<int32_t>(shape, {values.begin(), values.end()}) : Tensor::of<int64_t>(shape, values);
    }
};

int64_t at_gate(const std::vector<int32_t>& values, size_t gate) { return values[values.size() > 1 ? gate : 0]; }

void add_multipliers(Candidate& c, std::string_view prefix, const Requant& r, int64_t gates) {
    for (size_t gate = 0; gate < static_cast<size_t>(gates); ++gate) {
        c.constants.emplace_back(fmt::format("{}_M{}", prefix, gate), at_gate(r.multiplier, gate));
        c.constants.emplace_back(fmt::format("{}_S{}", prefix, gate), at_gate(r.shift, gate));
    }
}

// A layer of int8 or int16, its biases folded.
struct IntLayer : Layer {
    DType data;
    FoldedBias x_bias, h_bias;
    bool narrow_values() const { return x_bias.narrow_values && h_bias.narrow_values; }
    bool narrow_sums() const { return x_bias.narrow_sums && h_bias.narrow_sums; }
    int64_t bytes() const { return data == DType::int8 ? 1 : 2; }
};
std::optional<IntLayer> int_layer(const Graph& graph, NodeId root, RecurrentKind kind, DType data, std::string& why) {
    const auto l = layer(graph, root, kind, data, why);
    if (!l) return std::nullopt;
    const Rounding sums = data == DType::int8 ? Rounding::twice : Rounding::wide;
    const auto rounds = [](const Requant& r, Rounding form) { return r.rounding == form || r.rounding == Rounding::none; };
    why = "rescales with two roundings";
    if (!rounds(l->op.x_requant, sums) || !rounds(l->op.h_requant, sums) || !rounds(l->op.cell_requant, Rounding::twice) ||
        !rounds(l->op.requant, Rounding::twice))
        return std::nullopt;
    const IntLayer made{*l, data, {*l, false, data}, {*l, true, data}};
    why = "sums may leave 32 bits";
    if (data == DType::int8 && !made.narrow_sums()) return std::nullopt;
    return made;
}

// x and h; biases and the table of the functions.
void add_data(const Graph& graph, Candidate& c, const IntLayer& l) {
    c.arguments = {KernelArgument::input(l.node.inputs[op_x], l.bytes()), operand(graph, l.node.inputs[op_h], "h", l.bytes())};
}
void add_biases(Candidate& c, const IntLayer& l) {
    const auto table = logistic_table16();
    c.arguments.push_back(typed_weights(l.x_bias.tensor(l.narrow_values()), "x_bias", {}));
    c.arguments.push_back(typed_weights(l.h_bias.tensor(l.narrow_values()), "h_bias", {}));
    c.arguments.push_back(typed_table(Tensor::of<uint16_t>(Shape{256}, {table.begin(), table.end()}), "logistic"));
}
void finish_int(const MatchContext& context, Candidate& c, const IntLayer& l, NodeId root, int64_t rescalings) {
    const bool small = is_small_core(context.core);
    const Rounding form = l.data == DType::int8 ? Rounding::twice : Rounding::wide;
    finish(c, l, root, (small ? 8 : 4) + (l.narrow_sums() ? 0 : small ? 4 : 2), rescalings * (requant_cycles(context.core, form) + 14));
}

Match match_rnn_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = int_layer(graph, root, RecurrentKind::rnn, DType::int8, why);
    if (!l) return why;
    Candidate c;
    add_data(graph, c, *l);
    add_y(context, c, *l, 1);
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], 1));
    c.arguments.push_back(typed_weights(*l->w, "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(*l->r, "r", l->node.inputs[op_r]));
    add_biases(c, *l);
    const Requant &x = l->op.x_requant, &h = l->op.h_requant;
    c.constants.insert(c.constants.end(),
                       {{"X_MULT", x.multiplier[0]}, {"X_SHIFT", x.shift[0]}, {"H_MULT", h.multiplier[0]}, {"H_SHIFT", h.shift[0]}});
    add_elementwise_overlap(c, 1, 3, l->batch * l->hidden, 1, 1);
    finish_int(context, c, *l, root, 3);
    return c;
}

Match match_gru_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = int_layer(graph, root, RecurrentKind::gru, DType::int8, why);
    if (!l) return why;
    Candidate c;
    add_data(graph, c, *l);
    add_y(context, c, *l, 1);
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], 1));
    c.arguments.push_back(typed_weights(by_unit<int8_t>(*l->w, l->hidden, {0, 1, 2}), "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(by_unit<int8_t>(*l->r, l->hidden, {0, 1}), "r", l->node.inputs[op_r]));
    c.arguments.push_back(typed_weights(by_unit<int8_t>(*l->r, l->hidden, {2}), "rn", l->node.inputs[op_r]));
    add_biases(c, *l);
    c.arguments.push_back(KernelArgument::scratch((l->batch + 3) * l->hidden * 2, 2));
    c.constants.emplace_back("LINEAR", l->op.linear_before_reset ? 1 : 0);
    add_multipliers(c, "X", l->op.x_requant, 3);
    add_multipliers(c, "H", l->op.h_requant, 3);
    add_elementwise_overlap(c, 1, 3, l->batch * l->hidden, 1, 1);
    finish_int(context, c, *l, root, 10);
    return c;
}

template <DType data>
Match match_lstm_int(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto l = int_layer(graph, root, RecurrentKind::lstm, data, why);
    if (!l) return why;
    const Recurrent& op = l->op;
    Candidate c;
    add_data(graph, c, *l);
    c.arguments.push_back(operand(graph, l->node.inputs[op_c], "c", 2));
    add_y(context, c, *l, l->bytes());
    c.arguments.push_back(KernelArgument::output(l->node.outputs[1], l->bytes()));
    c.arguments.push_back(KernelArgument::output(l->node.outputs[2], 2));
    c.arguments.push_back(typed_weights(by_unit<int8_t>(*l->w, l->hidden, {0, 1, 2, 3}), "w", l->node.inputs[op_w]));
    c.arguments.push_back(typed_weights(by_unit<int8_t>(*l->r, l->hidden, {0, 1, 2, 3}), "r", l->node.inputs[op_r]));
    add_biases(c, *l);
    c.types = {{"elem", element_type(data)},
               {"sum", l->narrow_sums() ? "int32_t" : "int64_t"},
               {"bias", l->narrow_values() ? "int32_t" : "int64_t"}};
    const int32_t shift = op.cell_exponent + 12;
    const bool clipped = op.cell_clip != infinity;
    c.constants.insert(c.constants.end(), {{"SHIFT", std::max(shift, 0)},
                                           {"DOWN", std::max(-shift, 0)},
                                           {"C_LO", clipped ? -static_cast<int64_t>(op.cell_clip) : -32768},
                                           {"C_HI", clipped ? static_cast<int64_t>(op.cell_clip) : 32767},
                                           {"FORM", form_number(op.x_requant.rounding)},
                                           {"F_MULT", at_gate(op.cell_requant.multiplier, 0)},
                                           {"F_SHIFT", at_gate(op.cell_requant.shift, 0)},
                                           {"I_MULT", at_gate(op.cell_requant.multiplier, 1)},
                                           {"I_SHIFT", at_gate(op.cell_requant.shift, 1)},
                                           {"Y_MULT", op.requant.multiplier[0]},
                                           {"Y_SHIFT", op.requant.shift[0]},
                                           {"Y_ZERO", op.requant.zero_point},
                                           {"Y_LO", op.requant.lo},
                                           {"Y_HI", op.requant.hi}});
    add_multipliers(c, "X", op.x_requant, 4);
    add_multipliers(c, "H", op.h_requant, 4);
    add_elementwise_overlap(c, 1, 4, l->batch * l->hidden, l->bytes(), l->bytes());
    add_elementwise_overlap(c, 2, 5, l->batch * l->hidden, 2, 2);
    finish_int(context, c, *l, root, 15);
    return c;
}

// --- SVDF ---------------------------------------------------------------------------------------------------------------------------
struct Filters {
    const Node& node;
    const Svdf& op;
    int64_t batch, inputs, filters, moments;
    const Tensor *feature, *time;
};
std::optional<Filters> svdf_filters(const Graph& graph, NodeId root, std::string& why) {
    const Node& node = graph[root];
    const Shape& x = graph.type(node.inputs[0]).shape;
    Filters f{node,
              *get_if<Svdf>(node.op),
              x[0],
              x[1],
              graph.type(node.inputs[1]).shape[0],
              graph.type(node.inputs[2]).shape[1],
              graph.constant(node.inputs[1]),
              graph.constant(node.inputs[2])};
    const ValueId bias = operand_id(node, 4);
    if (f.feature == nullptr || f.time == nullptr || (bias.valid() && graph.constant(bias) == nullptr)) {
        why = "weights and bias must be constant";
        return std::nullopt;
    }
    return f;
}

Candidate svdf_candidate(const Graph& graph, const Filters& f, NodeId root, int64_t bytes, const Tensor& bias, int64_t memory_bytes) {
    Candidate c;
    c.arguments = {KernelArgument::input(f.node.inputs[0], bytes),         operand(graph, f.node.inputs[3], "memory", memory_bytes),
                   KernelArgument::output(f.node.outputs[0], bytes),       KernelArgument::output(f.node.outputs[1], memory_bytes),
                   typed_weights(*f.feature, "feature", f.node.inputs[1]), typed_weights(*f.time, "time", f.node.inputs[2]),
                   typed_weights(bias, "bias", operand_id(f.node, 4))};
    c.constants = {{"N", f.batch}, {"I", f.inputs}, {"F", f.filters}, {"M", f.moments}, {"RANK", f.op.rank}};
    add_elementwise_overlap(c, 1, 3, f.batch * f.filters * f.moments, memory_bytes, memory_bytes);
    c.covers = {root};
    c.macs_executed = f.batch * (f.feature->elements() + f.time->elements());
    return c;
}

Match match_svdf_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto f = svdf_filters(graph, root, why);
    if (!f) return why;
    if (!is_type(graph, f->node.inputs[0], DType::int8)) return "takes and gives i8";
    const Requant& memory = f->op.feature_requant;
    if (memory.rounding == Rounding::narrow && memory.pre_shift != 0) return "the memory's rescaling shifts first";
    const bool bytes = is_type(graph, f->node.inputs[3], DType::int8);
    Candidate c = svdf_candidate(graph, *f, root, 1, bias_or_zeros(graph, operand_id(f->node, 4), f->filters / f->op.rank), bytes ? 1 : 2);
    c.types = {{"memory", bytes ? "int8_t" : "gw_i16"}, {"weight", bytes ? "int8_t" : "int16_t"}};
    c.constants.insert(c.constants.end(), {{"X_ZERO", f->op.x_zero},
                                           {"M_ZERO", memory.zero_point},
                                           {"MEM_FORM", form_number(memory.rounding)},
                                           {"MEM_MULT", memory.multiplier[0]},
                                           {"MEM_SHIFT", memory.shift[0]},
                                           {"MEM_LO", memory.lo},
                                           {"MEM_HI", memory.hi}});
    add_single_requant(c, f->op.requant);
    c.cycles = c.macs_executed * (is_small_core(context.core) ? 10 : 6) +
               f->batch * f->filters * (requant_cycles(context.core, memory.rounding) + 30);
    return c;
}

Match match_svdf_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const auto f = svdf_filters(graph, root, why);
    if (!f) return why;
    if (!is_type(graph, f->node.inputs[0], DType::float32)) return "takes and gives f32";
    Candidate c = svdf_candidate(graph, *f, root, 4, float_bias(graph, operand_id(f->node, 4), f->filters / f->op.rank), 4);
    c.scalar = clamp_text("v", f->op.act_lo, f->op.act_hi);
    c.cycles = c.macs_executed * float_mac_cycles(context.core) + f->batch * f->filters * 30;
    return c;
}

constexpr KernelRow rows[] = {
    {"rnn_f32", "any", "recurrent", match_rnn_f32},
    {"rnn_s8", "any", "recurrent", match_rnn_s8},
    {"gru_f32", "any", "recurrent", match_gru_f32},
    {"gru_s8", "any", "recurrent", match_gru_s8},
    {"lstm_f32", "any", "recurrent", match_lstm_f32},
    {"lstm_s8", "any", "recurrent", match_lstm_int<DType::int8>},
    {"lstm_s16", "any", "recurrent", match_lstm_int<DType::int16>, false, "lstm_s8"},
    {"svdf_s8", "any", "svdf", match_svdf_s8},
    {"svdf_f32", "any", "svdf", match_svdf_f32},
};

}  // namespace

std::span<const KernelRow> recurrent_rows() { return rows; }

}  // namespace gw
