// Operators that keep something between calls. A variable tensor, or a variable that VAR_HANDLE names, is a state of the graph: reading it
// gives what it holds now, writing it gives what later readers and the next call see. SVDF and the LSTM are one op each; the integers that
// TFLite Micro's reference kernels prepare are computed here, in their precision: which products are float and which double decides the
// last bit.
#include <cmath>

#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

// Constants of the same type, one under the other.
Tensor stacked(const std::vector<const Tensor*>& parts) {
    Type type{parts.front()->type.dtype, parts.front()->shape(), {}};
    std::string bytes;
    for (const Tensor* t : parts) bytes += t->bytes();
    type.shape[0] *= static_cast<int64_t>(parts.size());
    return Tensor::from_bytes(type, bytes);
}

// Operands of the LSTM, in the order of the gates i, o, f, c: the format's is i, f, c, o.
constexpr std::array<size_t, 4> lstm_w{1, 4, 2, 3}, lstm_r{5, 8, 6, 7}, lstm_bias{12, 15, 13, 14};
constexpr size_t lstm_hidden = 18, lstm_cell = 19;

Expected<ValueId> lstm_constants(TfliteNode& n, const std::array<size_t, 4>& operands, const Type& each, std::string_view name) {
    std::vector<const Tensor*> parts;
    for (size_t i : operands) {
        const Tensor* t = n.constant(i);
        if (t == nullptr) return n.unsupported("operand {} ({}) must be constant", i, name);
        if (t->type.dtype != each.dtype || t->shape() != each.shape)
            return n.malformed("operand {} ({}) is {}, expected {}{}", i, name, t->type.text(), dtype_name(each.dtype), each.shape.text());
        parts.push_back(t);
    }
    return n.add(stacked(parts));
}

Expected<Requant> gate_requant(TfliteNode& n, const std::array<size_t, 4>& weights, float scale) {
    std::vector<double> factors;
    for (size_t i : weights) {
        GW_TRY(Quant w, n.quant(i, "weights"));
        if (w.zero_point() != 0) return n.bad_quant("weights", "zero point {} of int8 weights is not 0", w.zero_point());
        factors.push_back(static_cast<double>(scale * w.scale()) / std::ldexp(1.0, -12));
    }
    if (n.is(0, DType::int16)) return wide_requant(n, factors, range_of(DType::int16), "weights");
    return twice_requant(factors, 0, range_of(DType::int16));
}

// Of int8 and int16 data. The reference takes zero points of int16 data for 0 without looking at them; here they must be.
Status lstm_integers(TfliteNode& n, Recurrent& op, float cell_clip) {
    GW_TRY(Quant x, n.quant(0, "input"));
    GW_TRY(Quant h, n.quant(lstm_hidden, "output state"));
    GW_TRY(Quant c, n.quant(lstm_cell, "cell state"));
    if (c.zero_point() != 0) return n.bad_quant("cell state", "zero point {} of an int16 cell is not 0", c.zero_point());
    op.x_zero = x.zero_point(), op.h_zero = h.zero_point();
    GW_TRY(op.x_requant, gate_requant(n, lstm_w, x.scale()));
    GW_TRY(op.h_requant, gate_requant(n, lstm_r, h.scale()));
    const double unit = std::ldexp(1.0, -15), cell = static_cast<double>(c.scale());
    op.cell_requant = twice_requant({unit * cell / cell, unit * unit / cell}, 0, range_of(DType::int16));
    op.requant = twice_requant({unit * unit / static_cast<double>(h.scale())}, h.zero_point(), range_of(n.type(lstm_hidden).dtype));
    if (op.requant.shift[0] > 0) return n.bad_quant("output state", "scale {} is too small for a product of gates", h.scale());
    is_power_of_two(c.scale(), op.cell_exponent);
    if (op.cell_exponent < -24 || op.cell_exponent > 0) return n.bad_quant("cell state", "scale {} is out of range [2^-24, 1]", c.scale());
    if (cell_clip > 0) op.cell_clip = static_cast<float>(std::trunc(std::min(static_cast<double>(cell_clip) / cell, 32767.0)));
    return {};
}

// [N, T, …] and [T, N, …] into one another; nothing but a reshape where one of them is 1.
Expected<ValueId> swapped(TfliteNode& n, ValueId x) {
    const Shape s = n.importer.graph.type(x).shape;
    if (s[0] == 1 || s[1] == 1) return n.reshape(x, Shape{s[1], s[0], s[2]});
    return n.emit(Transpose{{1, 0, 2}}, {x});
}

std::string variable_key(const tfl::VarHandleOptions* o) {
    auto text = [](const flatbuffers::String* s) { return s == nullptr ? std::string() : s->str(); };
    return o == nullptr ? "/" : text(o->container()) + "/" + text(o->shared_name());
}
std::string variable_name(const std::string& key) { return key.substr(key.find('/') + 1); }

}  // namespace

Status sequence_lstm(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 24));
    const auto* o = n.options<tfl::SequenceLstmOptions>();
    if (o == nullptr) return n.malformed("has no options");
    for (size_t i : {9, 10, 11})
        if (n.has(i)) return n.unsupported("peephole weights are not supported");
    for (size_t i : {16, 17})
        if (n.has(i)) return n.unsupported("a projection is not supported");
    for (size_t i : {20, 21, 22, 23})
        if (n.has(i)) return n.unsupported("layer normalization is not supported");
    if (!n.has(1) || !n.has(5)) return n.unsupported("coupled input and forget gates are not supported");
    for (const auto* list : {&lstm_w, &lstm_r, &lstm_bias})
        for (size_t i : *list)
            if (!n.has(i)) return n.malformed("operand {} is missing", i);
    if (!n.has(lstm_hidden) || !n.has(lstm_cell)) return n.malformed("the states are missing");
    if (o->activation() != tfl::Activation::tanh)
        return n.unsupported("the activation number {} is not supported, tanh is", static_cast<int>(o->activation()));
    const Shape &x = n.type(0).shape, &w = n.type(1).shape;
    if (x.rank() != 3 || w.rank() != 2) return n.malformed("data {} and weights {}, expected ranks 3 and 2", x.text(), w.text());
    const DType element = n.type(0).dtype;
    const bool integer = element == DType::int8 || element == DType::int16;
    if (!integer && element != DType::float32) return n.bad_types();
    const int64_t batch = o->time_major() ? x[1] : x[0], hidden = w[0];
    const DType narrow = integer ? DType::int8 : element, wide = !integer ? element : element == DType::int8 ? DType::int32 : DType::int64;
    GW_TRY(ValueId weights, lstm_constants(n, lstm_w, {narrow, Shape{hidden, x[2]}, {}}, "weights"));
    GW_TRY(ValueId recurrent, lstm_constants(n, lstm_r, {narrow, Shape{hidden, hidden}, {}}, "recurrent weights"));
    GW_TRY(ValueId bias, lstm_constants(n, lstm_bias, {wide, Shape{hidden}, {}}, "bias"));
    for (size_t i : {lstm_hidden, lstm_cell}) {
        const DType expected = i == lstm_hidden || !integer ? element : DType::int16;
        if (n.type(i).dtype != expected || n.type(i).elements() != batch * hidden)
            return n.malformed("operand {} is {}, expected {}[{},{}]", i, n.type(i).text(), dtype_name(expected), batch, hidden);
    }
    Recurrent op;
    if (integer) {
        GW_TRY_DO(lstm_integers(n, op, o->cell_clip()));
    } else if (o->cell_clip() > 0) {
        op.cell_clip = o->cell_clip();
    }
    const Tensor zeros = Tensor::zeros({wide, Shape{4 * hidden}, {}});  // the recurrent products have no bias of their own
    bias = n.add(stacked({n.importer.graph.constant(bias), &zeros}));
    ValueId data = n.value(0);
    if (!o->time_major()) {
        GW_TRY(data, swapped(n, data));
    }
    GW_TRY(ValueId h, n.reshape(n.value(lstm_hidden), Shape{batch, hidden}));
    GW_TRY(ValueId c, n.reshape(n.value(lstm_cell), Shape{batch, hidden}));
    GW_TRY(std::vector<ValueId> made, n.emit_all(op, {data, weights, recurrent, h, c, bias}));
    GW_TRY_DO(n.assign(lstm_hidden, made[1]));
    GW_TRY_DO(n.assign(lstm_cell, made[2]));
    ValueId y = made[0];
    if (!o->time_major()) {
        GW_TRY(y, swapped(n, y));
    }
    return n.result(y);
}

Status svdf(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 5));
    const auto* o = n.options<tfl::SvdfOptions>();
    if (o == nullptr) return n.malformed("has no options");
    if (!n.has(4)) return n.malformed("the state is missing");
    Svdf op;
    op.rank = o->rank();
    if (n.is(0, DType::int8)) {
        // The fused activation does nothing here: the reference clamps to int8 alone.
        GW_TRY(Quant x, n.quant(0, "input"));
        GW_TRY(Quant feature, n.quant(1, "feature weights"));
        GW_TRY(Quant time, n.quant(2, "time weights"));
        GW_TRY(Quant state, n.quant(4, "state"));
        GW_TRY(Quant y, n.out_quant());
        const bool bytes = n.type(4).dtype == DType::int8;
        op.x_zero = x.zero_point();
        op.feature_requant = twice_requant({static_cast<double>(x.scale() * feature.scale() / state.scale())}, state.zero_point(),
                                           bytes ? IntRange{} : IntRange{-32768, 32767});
        op.requant = twice_requant({static_cast<double>(state.scale() * time.scale() / y.scale())}, y.zero_point(), {});
    } else {
        GW_TRY(FloatRange act, float_activation(n, o->activation()));
        op.act_lo = act.lo, op.act_hi = act.hi;
    }
    GW_TRY(std::vector<ValueId> made, n.emit_all(op, {n.value(0), n.value(1), n.value(2), n.value(4), n.value(3)}));
    GW_TRY_DO(n.assign(4, made[1]));
    return n.result(made[0]);
}

Status call_once(TfliteNode& n) {
    const auto* o = n.options<tfl::CallOnceOptions>();
    return n.importer.run_once(o == nullptr ? 0 : o->init_subgraph_index(), n.where);
}

Status var_handle(TfliteNode& n) {
    GW_TRY_DO(n.operands(0, 0));
    TfliteImporter::Slot& slot = n.importer.slots[static_cast<size_t>(n.proto.outputs()->Get(0))];
    if (!slot.resource) return n.malformed("result `{}` is not a resource", slot.name);
    slot.key = variable_key(n.options<tfl::VarHandleOptions>());
    return {};
}

Status read_variable(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    if (n.importer.once) return n.unsupported("an initialisation subgraph reads a variable");
    const std::string& key = n.importer.slot_of(n.proto, 0).key;
    if (key.empty()) return n.malformed("its operand is not a resource");
    TfliteImporter::Variable& v = n.importer.variables[key];
    const Type& type = n.out_type(0);
    if (v.init.valid() && (v.init.type.dtype != type.dtype || v.init.shape() != type.shape))
        return n.malformed("variable `{}` is initialised as {}, but read as {}", variable_name(key), v.init.type.text(), type.text());
    if (v.state < 0) {
        GW_TRY(v.value, n.importer.add_state(variable_name(key), type, v.init, v.state, n.where));
    }
    return n.result(v.value);
}

Status assign_variable(TfliteNode& n) {
    if (n.inputs() != 2 || !n.has(0) || !n.has(1) || n.outputs() != 0) return n.malformed("has other than two operands and no result");
    const std::string& key = n.importer.slot_of(n.proto, 0).key;
    if (key.empty()) return n.malformed("its first operand is not a resource");
    TfliteImporter::Variable& v = n.importer.variables[key];
    if (n.importer.once) {
        if (n.constant(1) == nullptr) return n.unsupported("an initialisation subgraph assigns what is not constant");
        v.init = *n.constant(1);
        return {};
    }
    Graph& g = n.importer.graph;
    const Type type = g.type(n.value(1));
    if (v.init.valid() && (v.init.type.dtype != type.dtype || v.init.shape() != type.shape))
        return n.malformed("variable `{}` is initialised as {}, but assigned {}", variable_name(key), v.init.type.text(), type.text());
    if (v.state < 0) {
        GW_TRY(v.value, n.importer.add_state(variable_name(key), type, v.init, v.state, n.where));
    }
    State& state = g.states[static_cast<size_t>(v.state)];
    if (state.init.type.dtype != type.dtype || state.init.shape() != type.shape)
        return n.malformed("variable `{}` is {}, but assigned {}", variable_name(key), state.init.type.text(), type.text());
    state.next = v.value = n.value(1);
    return {};
}

}  // namespace gw::tflite_ops
