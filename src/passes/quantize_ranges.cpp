// Chooses a quantization for every activation. First each node gets its integer form; then values whose ops demand equal scales (pools,
// data movement, concat, minimum and maximum) are put in one group with union-find; then each group's range is the union of its members'
// profiled ranges, unless an op fixes it (softmax).
#include "passes/quantize_ranges.h"

#include "calibrate/collect.h"
#include "ops/recurrent.h"
#include "passes/quantize_recurrent.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gw {
namespace {

class Planner {
public:
    explicit Planner(const Graph& g) : g_(g), uses_(g.use_counts()), users_(g.users()), keys_(value_keys(g)), group_(g.values.size()) {
        std::iota(group_.begin(), group_.end(), 0);
        plan_.roots.resize(g.values.size());
        plan_.quants.resize(g.values.size());
        ignored_.resize(g.values.size());
        fixed_.resize(g.values.size());
    }

    Expected<QuantizePlan> run(const Profile& profile, const QuantizeOptions& options, Diagnostics& diag) {
        choose_forms();
        absorb_regions();
        for (size_t k = 0; k < g_.nodes.size(); ++k) group(g_.nodes[k], plan_.forms[k]);
        for (const State& state : g_.states) {
            plan_.states.push_back(state_form(state));
            if (plan_.states.back() == StateForm::integer) unite(state.value, state.next);
        }
        GW_TRY_DO(choose(profile, options, diag));
        GW_TRY_DO(choose_cells(profile, diag));
        return std::move(plan_);
    }

    QuantizePlan complete(QuantizePlan given) {
        given.roots.resize(g_.values.size());
        plan_ = std::move(given);
        plan_.states.assign(g_.states.size(), StateForm::same);
        choose_forms();
        // A region counts as a whole: what reads an unquantized value inside it decides, so the last node comes first.
        for (size_t k = g_.nodes.size(); k-- > 0;) {
            IntegerForm& f = plan_.forms[k];
            if (f == IntegerForm::none || f == IntegerForm::copy || f == IntegerForm::given) continue;
            const Node& node = g_.nodes[k];
            const bool lookup = f == IntegerForm::lookup;
            bool fits = true;
            for (ValueId id : node.inputs)
                if (!lookup && id.valid() && is_float(id)) fits = fits && (quantized(id) || g_.constant(id) != nullptr);
            if (lookup) fits = quantized(plan_.roots[static_cast<size_t>(node.outputs[0].index)]);
            if (fits && quantized(node.outputs[0])) continue;
            f = fits && lookup && read_by_region(node.outputs[0]) ? IntegerForm::absorbed : IntegerForm::none;
        }
        return std::move(plan_);
    }

private:
    void choose_forms() {
        for (const Node& node : g_.nodes) {
            plan_.forms.push_back(form(node));
            if (plan_.forms.back() == IntegerForm::lookup) set_root(node);
        }
    }

    // Only in a plan to be completed are there quantized values from the beginning.
    bool quantized(ValueId id) const { return !plan_.quants[static_cast<size_t>(id.index)].empty(); }
    bool is_float(ValueId id) const { return g_.type(id).dtype == DType::float32; }

    IntegerForm form(const Node& node) const {
        bool floats = false;
        for (ValueId id : node.inputs) floats = floats || (id.valid() && is_float(id));
        for (ValueId id : node.outputs) floats = floats || is_float(id);
        if (!floats) return IntegerForm::copy;
        const Op& op = node.op;
        if (plan_.exact && (get_if<Quantize>(op) || get_if<Dequantize>(op)))
            return quantized(get_if<Quantize>(op) ? node.inputs[0] : node.outputs[0]) ? IntegerForm::given : IntegerForm::none;
        if (!is_float(node.inputs[0]) || !is_float(node.outputs[0])) return IntegerForm::none;
        if (get_if<Conv2D>(op) || get_if<Dense>(op)) {
            const bool constant =
                g_.constant(node.inputs[1]) && (node.inputs.size() < 3 || !node.inputs[2].valid() || g_.constant(node.inputs[2]));
            if (plan_.exact && !has_integer_weights(node)) return IntegerForm::none;
            return constant && !g_.constant(node.inputs[0]) ? IntegerForm::linear : IntegerForm::none;
        }
        if (get_if<MatMul>(op)) return IntegerForm::matmul;
        if (get_if<Pool2D>(op)) return IntegerForm::pool;
        if (const Reduce* r = get_if<Reduce>(op)) return r->kind == ReduceKind::product ? IntegerForm::none : IntegerForm::reduce;
        if (const Binary* b = get_if<Binary>(op)) {
            if (!region_root(node).valid()) {
                switch (b->kind) {
                    case BinaryKind::add:
                    case BinaryKind::sub:
                        return IntegerForm::add;
                    case BinaryKind::mul:
                        return IntegerForm::multiply;
                    case BinaryKind::min:
                    case BinaryKind::max:
                        return !plan_.exact && (g_.constant(node.inputs[0]) || g_.constant(node.inputs[1])) ? IntegerForm::none
                                                                                                            : IntegerForm::minmax;
                    default:
                        return IntegerForm::none;
                }
            }
            return IntegerForm::lookup;
        }
        if (get_if<Unary>(op)) return IntegerForm::lookup;
        if (const Softmax* s = get_if<Softmax>(op)) {
            const Shape& shape = g_.type(node.inputs[0]).shape;
            return !s->log && s->axis == shape.rank() - 1 ? IntegerForm::softmax : IntegerForm::none;
        }
        if (const Recurrent* r = get_if<Recurrent>(op))
            return !plan_.exact && has_integer_recurrence(node, *r) ? IntegerForm::recurrent : IntegerForm::none;
        if (const Pad* p = get_if<Pad>(op))
            return p->mode == PadMode::constant || p->value == 0 ? IntegerForm::movement : IntegerForm::none;
        if (get_if<Reshape>(op) || get_if<Transpose>(op) || get_if<Concat>(op) || get_if<Slice>(op) || get_if<Gather>(op) ||
            get_if<Resize>(op))
            return IntegerForm::movement;
        return IntegerForm::none;
    }

    // Weights that the model gives as integers around one zero point.
    bool has_integer_weights(const Node& node) const {
        const auto w = plan_.given.find(node.inputs[1].index);
        return w != plan_.given.end() && has_one_zero_point(w->second.type.quant);
    }

    // Constant weights, and functions that have an integer form.
    bool has_integer_recurrence(const Node& node, const Recurrent& op) const {
        enum : size_t { x, w, r, h, c, bias, peephole };
        auto absent = [&](size_t i) { return i >= node.inputs.size() || !node.inputs[i].valid(); };
        return has_integer_form(op) && !g_.constant(node.inputs[x]) && g_.constant(node.inputs[w]) && g_.constant(node.inputs[r]) &&
               (absent(bias) || g_.constant(node.inputs[bias])) && absent(peephole);
    }

    ValueId root(ValueId id) const {
        if (plan_.exact && quantized(id)) return id;
        return plan_.roots[static_cast<size_t>(id.index)].valid() ? plan_.roots[static_cast<size_t>(id.index)] : id;
    }

    // The one value of the result's shape that an elementwise node depends on; invalid when there are two.
    ValueId region_root(const Node& node) const {
        ValueId found;
        for (ValueId id : node.inputs) {
            const Tensor* c = g_.constant(id);
            if (c != nullptr && c->elements() == 1) continue;
            if (c != nullptr || g_.type(id).shape != g_.type(node.outputs[0]).shape) return {};
            const ValueId r = root(id);
            if (found.valid() && found != r) return {};
            found = r;
        }
        return found;
    }
    void set_root(const Node& node) { plan_.roots[static_cast<size_t>(node.outputs[0].index)] = region_root(node); }

    // An elementwise value that only elementwise values of the same region read needs no table of its own. Without a second reader of the
    // root's own integers the region still needs the root quantized.
    void absorb_regions() {
        for (size_t k = g_.nodes.size(); k-- > 0;) {
            if (plan_.forms[k] != IntegerForm::lookup) continue;
            const ValueId y = g_.nodes[k].outputs[0];
            if (read_by_region(y)) plan_.forms[k] = IntegerForm::absorbed;
        }
    }
    bool read_by_region(ValueId y) const {
        const auto& readers = users_[static_cast<size_t>(y.index)];
        if (uses_[static_cast<size_t>(y.index)] > static_cast<int>(readers.size())) return false;  // an output or a state
        return std::all_of(readers.begin(), readers.end(), [&](NodeId n) {
            const IntegerForm f = plan_.forms[static_cast<size_t>(n.index)];
            const auto region = [&](ValueId id) { return plan_.roots[static_cast<size_t>(id.index)]; };
            return (f == IntegerForm::lookup || f == IntegerForm::absorbed) && region(g_[n].outputs[0]) == region(y);
        });
    }

    int find(int i) {
        return group_[static_cast<size_t>(i)] == i ? i : group_[static_cast<size_t>(i)] = find(group_[static_cast<size_t>(i)]);
    }
    void unite(ValueId a, ValueId b) { group_[static_cast<size_t>(find(a.index))] = find(b.index); }

    void group(const Node& node, IntegerForm form) {
        const ValueId y = node.outputs[0];
        switch (form) {
            case IntegerForm::pool: {
                unite(node.inputs[0], y);
                // What a maximum discards needs no precision.
                const bool only_reader = uses_[static_cast<size_t>(node.inputs[0].index)] == 1 && g_.producer(node.inputs[0]) != nullptr;
                if (get_if<Pool2D>(node.op)->kind == PoolKind::max && only_reader)
                    ignored_[static_cast<size_t>(node.inputs[0].index)] = true;
                break;
            }
            case IntegerForm::reduce:
                if (get_if<Reduce>(node.op)->kind == ReduceKind::max || get_if<Reduce>(node.op)->kind == ReduceKind::min)
                    unite(node.inputs[0], y);
                break;
            case IntegerForm::minmax:
                unite(node.inputs[0], y);
                unite(node.inputs[1], y);
                break;
            case IntegerForm::softmax:
                fixed_[static_cast<size_t>(y.index)] = Quant::tensor(1.0f / 256, -128);
                break;
            case IntegerForm::recurrent: {
                const ValueId h = node.inputs[3];
                unite(node.outputs[1], y);
                if (!g_.constant(h)) unite(h, y);
                if (get_if<Recurrent>(node.op)->kind != RecurrentKind::lstm) {
                    fixed_[static_cast<size_t>(y.index)] = fixed_[static_cast<size_t>(node.outputs[1].index)] = hidden_quant();
                }
                break;
            }
            case IntegerForm::movement: {
                const size_t n = get_if<Concat>(node.op) != nullptr ? node.inputs.size() : 1;
                for (size_t i = 0; i < n; ++i) unite(node.inputs[i], y);
                break;
            }
            default:
                break;
        }
    }

    // Float values that will exist as integers.
    bool wanted(ValueId id) const {
        const Value& v = g_[id];
        if (v.type.dtype != DType::float32 || v.is_constant()) return false;
        if (v.node.valid() && plan_.forms[static_cast<size_t>(v.node.index)] == IntegerForm::absorbed) return false;
        return true;
    }

    Expected<const TensorProfile*> profile_of(ValueId id, const Profile& profile, Diagnostics& diag) const {
        if (const TensorProfile* p = profile.find(keys_[static_cast<size_t>(id.index)])) return p;
        const Node* node = g_.producer(id);
        Location where = node != nullptr ? g_.where(*node) : Location{.file = g_.file};
        return diag.error(DiagId::profile_missing_tensor, where.with_operand(g_[id].source),
                          "the profile has no range for this tensor; was it made from another model?");
    }

    // A float state is an integer where what it takes is one: held as a float it would not know more.
    StateForm state_form(const State& state) const {
        if (!is_float(state.value) || g_.constant(state.next)) return StateForm::same;
        const Value& next = g_[state.next];
        if (!next.node.valid()) return StateForm::integer;
        const Node& maker = g_[next.node];
        const IntegerForm form = plan_.forms[static_cast<size_t>(next.node.index)];
        if (form == IntegerForm::recurrent && next.result == 2) {
            const auto& readers = users_[static_cast<size_t>(state.value.index)];
            const bool alone = maker.inputs[4] == state.value && uses_[static_cast<size_t>(state.value.index)] == 1 && readers.size() == 1;
            return alone ? StateForm::cell : StateForm::same;
        }
        return form == IntegerForm::none || form == IntegerForm::copy ? StateForm::same : StateForm::integer;
    }

    // A cell has 16 bits: its whole range fits.
    Status choose_cells(const Profile& profile, Diagnostics& diag) {
        for (size_t k = 0; k < g_.nodes.size(); ++k) {
            const Node& node = g_.nodes[k];
            if (plan_.forms[k] != IntegerForm::recurrent || get_if<Recurrent>(node.op)->kind != RecurrentKind::lstm) continue;
            GW_TRY(const TensorProfile* after, profile_of(node.outputs[2], profile, diag));
            const auto [lo, hi] = choose_range(*after, RangeMethod{});
            plan_.cell_exponents[static_cast<int32_t>(k)] = cell_exponent(double{lo}, double{hi}, g_.type(node.inputs[0]).shape[0]);
        }
        return {};
    }

    Status choose(const Profile& profile, const QuantizeOptions& options, Diagnostics& diag) {
        const size_t n = g_.values.size();
        std::vector<std::optional<std::pair<double, double>>> range(n);
        std::vector<std::optional<Quant>> fixed(n);
        std::vector<bool> any(n);
        for (size_t i = 0; i < n; ++i) {
            const ValueId id{static_cast<int32_t>(i)};
            if (!wanted(id)) continue;
            const auto root_index = static_cast<size_t>(find(id.index));
            any[root_index] = true;
            if (fixed_[i]) fixed[root_index] = fixed_[i];
        }
        for (size_t i = 0; i < n; ++i) {
            const ValueId id{static_cast<int32_t>(i)};
            const auto root_index = static_cast<size_t>(find(id.index));
            if (!wanted(id) || fixed_[i] || ignored_[i]) continue;
            GW_TRY(const TensorProfile* p, profile_of(id, profile, diag));
            const auto [lo, hi] = choose_range(*p, options.range);
            auto& r = range[root_index];
            r = r ? std::pair(std::min(r->first, double{lo}), std::max(r->second, double{hi})) : std::pair(double{lo}, double{hi});
        }
        // A fixed scale holds for the whole group only if the others fit into its range; else they take their own, and the fixed value is
        // rescaled where it joins them.
        for (size_t i = 0; i < n; ++i) {
            if (!fixed[i] || !range[i]) continue;
            const double least = fixed[i]->scale() * (-128.0 - fixed[i]->zero_point()),
                         most = fixed[i]->scale() * (128.0 - fixed[i]->zero_point());
            if (range[i]->first >= least - 1e-6 && range[i]->second <= most + 1e-6) continue;
            range[i] = std::pair(std::min(range[i]->first, least), std::max(range[i]->second, most));
            fixed[i].reset();
        }
        for (size_t i = 0; i < n; ++i) {
            const auto root_index = static_cast<size_t>(find(static_cast<int>(i)));
            if (!any[root_index] || !is_float({static_cast<int32_t>(i)})) continue;
            if (fixed_[i])
                plan_.quants[i] = *fixed_[i];
            else if (fixed[root_index])
                plan_.quants[i] = *fixed[root_index];
            else if (range[root_index])
                plan_.quants[i] = activation_quant(range[root_index]->first, range[root_index]->second);
            else
                plan_.quants[i] = activation_quant(0, 1);
        }
        return {};
    }

    const Graph& g_;
    std::vector<int> uses_;
    std::vector<std::vector<NodeId>> users_;
    std::vector<std::string> keys_;
    std::vector<int> group_;
    std::vector<bool> ignored_;
    std::vector<std::optional<Quant>> fixed_;
    QuantizePlan plan_;
};

}  // namespace

bool has_one_zero_point(const Quant& q) {
    return std::all_of(q.zero_points.begin(), q.zero_points.end(), [&](int32_t z) { return z == q.zero_points.front(); });
}

Quant activation_quant(double lo, double hi) {
    lo = std::min(lo, 0.0), hi = std::max(hi, 0.0);
    if (hi - lo < 1e-12) hi = lo + 1;
    const auto scale = static_cast<float>((hi - lo) / 255);
    const double zero = std::nearbyint(-128 - lo / static_cast<double>(scale));
    return Quant::tensor(scale, static_cast<int32_t>(std::clamp(zero, -128.0, 127.0)));
}

Expected<QuantizePlan> plan_quantization(const Graph& graph, const Profile& profile, const QuantizeOptions& options, Diagnostics& diag) {
    return Planner(graph).run(profile, options, diag);
}

QuantizePlan complete_plan(const Graph& graph, QuantizePlan plan) { return Planner(graph).complete(std::move(plan)); }

}  // namespace gw
