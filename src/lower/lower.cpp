// Each node asks the rows of its op what they offer (offers.h); the cheapest offer by the static formula is taken (greedily, from the
// outputs towards the inputs, so that an offer may cover nodes before its root; what those would cost by themselves is taken off its
// price). A reshape computes nothing: its result is its operand's buffer. A concat of parts that lie one after the other, and a slice of
// such a part, become views instead of copies where the buffers allow it. A picture that is joined of columns is laid down part by part,
// each as soon as it is there, so that not all parts have to wait for the last one. A state has a buffer that lives between calls; what the
// next run begins with is computed in that very buffer where every reader of the old value comes before, and is copied there at the end
// where not.
#include "lower/lower.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "lower/column_joins.h"
#include "lower/offers.h"

namespace gw {
namespace {

struct Chosen : Offer {
    std::vector<Weighed> weighed;
    std::vector<Form> forms;  // of all offers
};

class Lowering {
public:
    Lowering(const Graph& g, const Core& core, const LowerOptions& options, Diagnostics& diag, OfferCache* cache)
        : g_(g),
          options_(options),
          diag_(diag),
          uses_(g.use_counts()),
          users_(g.users()),
          joins_(g, options.fusion),
          offers_(g, uses_, users_, core, options, cache) {}

    Expected<Program> run(std::vector<Taken>* taken) {
        p_.name = options_.name;
        p_.regions.push_back({});
        GW_TRY_DO(choose());
        buffer_of_.assign(g_.values.size(), -1);
        make_ports();
        make_states();
        for (size_t k = 0; k < g_.nodes.size(); ++k) node(k);
        finish_outputs();
        std::vector<Taken> made_of;
        for (size_t k = 0; k < g_.nodes.size(); ++k) {
            if (chosen_[k].row != nullptr) {
                emit_step(g_.nodes[k], chosen_[k]);
                made_of.push_back({chosen_[k].form, chosen_[k].forms});
            }
            for (const ColumnJoins::Part& part : joins_.ready_after(k)) lay_down(part);
            made_of.resize(p_.steps.size());
        }
        finish_states();
        for (auto& copy : copies_) p_.steps.push_back(std::move(copy));
        made_of.resize(p_.steps.size());
        if (taken != nullptr) *taken = std::move(made_of);
        GW_TRY_DO(verify(p_, diag_));
        return std::move(p_);
    }

private:
    // --- choice ------------------------------------------------------------------------------------------------------------------------
    Status choose() {
        chosen_.resize(g_.nodes.size());
        std::vector<bool> covered(g_.nodes.size());
        for (size_t k = g_.nodes.size(); k-- > 0;) {
            const Node& n = g_.nodes[k];
            if (covered[k] || get_if<Reshape>(n.op) != nullptr || joins_.joined(k) || is_view_concat(n) || is_view_slice(n)) continue;
            Chosen& chosen = chosen_[k];
            std::vector<Offer> offers = offers_.for_node(k, chosen.weighed);
            for (const Offer& o : offers) chosen.forms.push_back(form_of(g_, o.form, o.candidate));
            if (Offer* taken = offers_.best(k, offers); taken != nullptr) {
                static_cast<Offer&>(chosen) = std::move(*taken);
            } else {
                std::string reasons;
                for (const Weighed& w : chosen.weighed) reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", w.kernel, w.reason);
                diag_.error(DiagId::lower_no_kernel, g_.where(n), "no kernel computes `{}` here ({})", op_name(n.op),
                            reasons.empty() ? "there is none for this op" : reasons);
                continue;
            }
            for (NodeId c : chosen.candidate.covers)
                if (c.index != static_cast<int32_t>(k)) covered[static_cast<size_t>(c.index)] = true;
        }
        if (!diag_.has_errors()) choose_code();
        return diag_.has_errors() ? Status(failure) : Status();
    }

    static int64_t constant_bytes(const Candidate& c) {
        int64_t bytes = 0;
        for (const KernelArgument& a : c.arguments)
            if (a.data.valid()) bytes += a.data.type.bytes();
        return bytes;
    }

    // Weights become instructions where that saves the most cycles a byte, as far as the flash goes.
    void choose_code() {
        if (options_.flash_bytes == 0) return;
        struct CodeOffer {
            size_t node;
            Offer offer;
            int64_t saved, bytes;
            bool wanted;
        };
        std::vector<CodeOffer> offers;
        constexpr int64_t code_of_a_step = 1200;  // what a kernel takes besides; most share some
        int64_t used = 0;
        MatchContext context = offers_.context();
        context.weights_as_code = true;
        for (size_t k = 0; k < chosen_.size(); ++k) {
            Chosen& now = chosen_[k];
            if (now.row == nullptr) continue;
            used += constant_bytes(now.candidate) + code_of_a_step;
            for (const KernelRow* row : offers_.rows()) {
                if (row->op != op_name(g_.nodes[k].op) || now.candidate.covers.size() > 1) continue;
                Match match = row->match(context, g_, {static_cast<int32_t>(k)});
                if (!match.candidate || !match.candidate->weights_are_code) continue;
                const std::string name = std::string(row->name) + ", weights as code";
                if (options_.weights_passed) {
                    now.weighed.push_back({name, "the caller passes the weights, so they cannot be code", -1});
                    continue;
                }
                Offer offer = offers_.priced(*row, std::move(*match.candidate));
                offer.form = name;
                if (options_.avoid.count({static_cast<int32_t>(k), name}) != 0) continue;
                now.weighed.push_back({name, "", offer.candidate.cycles, offer.measured});
                now.forms.push_back(form_of(g_, name, offer.candidate));
                const int64_t saved = now.candidate.cycles - offer.candidate.cycles;
                const int64_t bytes = std::max<int64_t>(1, constant_bytes(offer.candidate) - constant_bytes(now.candidate));
                const bool unknown = offers_.wanted(offer, offer.formula, now.formula);
                if (saved > 0 || unknown) offers.push_back({k, std::move(offer), saved, bytes, unknown});
            }
        }
        std::stable_sort(offers.begin(), offers.end(), [](const CodeOffer& a, const CodeOffer& b) {
            return a.wanted != b.wanted ? a.wanted : a.saved * b.bytes > b.saved * a.bytes;
        });
        for (CodeOffer& o : offers) {
            if (used + o.bytes > options_.flash_bytes) continue;
            used += o.bytes;
            static_cast<Offer&>(chosen_[o.node]) = std::move(o.offer);
        }
    }

    bool is_port(ValueId id) const {
        if (g_[id].is_input() || g_[id].is_constant() || g_[id].is_state()) return true;
        return std::any_of(g_.outputs.begin(), g_.outputs.end(), [&](const Port& p) { return p.value == id; }) ||
               std::any_of(g_.states.begin(), g_.states.end(), [&](const State& s) { return s.next == id; });
    }
    // A value that can be made in its place inside a concat: a kernel writes it, and no other concat wants it. Whoever else reads it finds
    // it there.
    bool is_part(ValueId id) const {
        const Node* producer = g_.producer(id);
        if (producer == nullptr || is_port(id) || get_if<Reshape>(producer->op) != nullptr || is_view_slice(*producer)) return false;
        const Concat* join = get_if<Concat>(producer->op);
        if (join != nullptr && !is_view_concat(*producer) && !joins_.is_picture(static_cast<size_t>(g_[id].node.index))) return false;
        const std::vector<NodeId>& readers = users_[static_cast<size_t>(id.index)];
        return std::count_if(readers.begin(), readers.end(), [&](NodeId r) { return get_if<Concat>(g_[r].op) != nullptr; }) == 1;
    }
    // The only reader of a value, if that is a concat whose parts can lie one after the other.
    bool goes_into_concat(ValueId id) const {
        const std::vector<NodeId>& readers = users_[static_cast<size_t>(id.index)];
        if (readers.size() != 1 || uses_[static_cast<size_t>(id.index)] != 1) return false;
        const Node& reader = g_[readers[0]];
        const Concat* c = get_if<Concat>(reader.op);
        return c != nullptr && outer_ones(g_.type(reader.outputs[0]).shape, c->axis);
    }
    static bool outer_ones(const Shape& s, int64_t axis) {
        for (int64_t i = 0; i < axis; ++i)
            if (s[i] != 1) return false;
        return true;
    }
    bool is_view_concat(const Node& n) const {
        const Concat* c = get_if<Concat>(n.op);
        if (c == nullptr || !options_.fusion || joins_.joined(static_cast<size_t>(g_[n.outputs[0]].node.index)) ||
            !outer_ones(g_.type(n.outputs[0]).shape, c->axis) || bits(g_.type(n.outputs[0]).dtype) < 8)
            return false;
        std::set<ValueId> seen;
        return std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId id) { return is_part(id) && seen.insert(id).second; });
    }
    // One axis is cut, all before it are 1, in steps of 1; of a value that is no constant and no output, for a reader that can take it
    // where it lies: a concat cannot.
    bool is_view_slice(const Node& n) const {
        const Slice* s = get_if<Slice>(n.op);
        if (s == nullptr || !options_.fusion || (is_port(n.inputs[0]) && !g_[n.inputs[0]].is_input()) || is_port(n.outputs[0]) ||
            goes_into_concat(n.outputs[0]))
            return false;
        const Shape& x = g_.type(n.inputs[0]).shape;
        int64_t axis = 0;
        while (axis < x.rank() && x[axis] == 1) ++axis;
        for (int64_t i = 0; i < x.rank(); ++i) {
            const auto k = static_cast<size_t>(i);
            if (s->step[k] != 1) return false;
            if (i != axis && (s->start[k] != 0 || s->size[k] != x[i])) return false;
        }
        return axis < x.rank() && bits(g_.type(n.inputs[0]).dtype) >= 8;
    }

    // --- buffers -----------------------------------------------------------------------------------------------------------------------
    int32_t add_buffer(std::string name, Type type, BufferRole role) {
        Buffer b;
        b.name = std::move(name);
        b.type = std::move(type);
        b.role = role;
        p_.buffers.push_back(std::move(b));
        return static_cast<int32_t>(p_.buffers.size() - 1);
    }
    std::string name_of(ValueId id) const { return g_[id].source.empty() ? "t" + std::to_string(id.index) : g_[id].source; }

    void make_ports() {
        for (size_t i = 0; i < g_.inputs.size(); ++i) {
            const Port& port = g_.inputs[i];
            const int32_t b = add_buffer(port.name, g_.type(port.value), BufferRole::input);
            p_.buffers.back().port = static_cast<int32_t>(i);
            p_.buffers.back().region = options_.input_in_arena ? 0 : -1;
            p_.buffers.back().align = options_.io_align;
            p_.inputs.push_back(b);
            buffer_of_[static_cast<size_t>(port.value.index)] = b;
        }
        for (size_t i = 0; i < g_.outputs.size(); ++i) {
            const Port& port = g_.outputs[i];
            const int32_t b = add_buffer(port.name, g_.type(port.value), BufferRole::output);
            p_.buffers.back().port = static_cast<int32_t>(i);
            p_.buffers.back().region = options_.output_in_arena ? 0 : -1;
            p_.buffers.back().align = options_.io_align;
            p_.outputs.push_back(b);
            // The value itself is made there, through reshapes, unless it is an input, a constant or another output already: then a copy at
            // the end fills the buffer, and whoever reads the value meanwhile finds it where it was made.
            const std::vector<ValueId> chain = through_reshapes(port.value);
            if (!g_[chain.back()].node.valid() || buffer_of_[static_cast<size_t>(chain.back().index)] >= 0) continue;
            for (ValueId value : chain) buffer_of_[static_cast<size_t>(value.index)] = b;
        }
    }

    // The value and those that it is another shape of, the one that is made last in the list.
    std::vector<ValueId> through_reshapes(ValueId value) const {
        std::vector<ValueId> chain = {value};
        while (g_[chain.back()].node.valid() && get_if<Reshape>(g_.producer(chain.back())->op) != nullptr)
            chain.push_back(g_.producer(chain.back())->inputs[0]);
        return chain;
    }

    void make_states() {
        if (g_.states.empty()) return;
        p_.regions.push_back({"state"});
        for (size_t i = 0; i < g_.states.size(); ++i) {
            const State& state = g_.states[i];
            const int32_t b = add_buffer(state.name, g_.type(state.value), BufferRole::state);
            Buffer& buffer = p_.buffers.back();
            buffer.port = static_cast<int32_t>(i);
            buffer.region = Program::state_region_number;
            buffer.align = std::max<int64_t>(1, bits(buffer.type.dtype) / 8);
            const std::string_view bytes = state.init.bytes();
            if (bytes.find_first_not_of(bytes.empty() ? '\0' : bytes[0]) == std::string_view::npos)
                buffer.fill = bytes.empty() ? uint8_t{0} : static_cast<uint8_t>(bytes[0]);
            else
                buffer.init = add_data("w_init_" + c_identifier(state.name), state.init, DataRole::weights);
            p_.states.push_back(b);
            buffer_of_[static_cast<size_t>(state.value.index)] = b;
        }
        for (size_t i = 0; i < g_.states.size(); ++i) {
            const std::vector<ValueId> chain = through_reshapes(g_.states[i].next);
            if (!may_replace(g_.states[i], chain.back())) continue;
            for (ValueId value : chain) buffer_of_[static_cast<size_t>(value.index)] = p_.states[i];
        }
    }

    // Whether `made` may be computed where the state's old value lies: a kernel makes it, for no other buffer yet, and whoever reads the
    // old value has done so before, or is that kernel itself, which then says that it may work in place.
    bool may_replace(const State& state, ValueId made) const {
        if (!g_[made].node.valid() || buffer_of_[static_cast<size_t>(made.index)] >= 0) return false;
        const auto writer = static_cast<size_t>(g_[made].node.index);
        const Chosen& chosen = chosen_[writer];
        if (chosen.row == nullptr) return false;
        auto is_old = [&](ValueId id) { return id.valid() && through_reshapes(id).back() == state.value; };
        for (const Port& port : g_.outputs)
            if (is_old(port.value)) return false;
        for (const State& other : g_.states)
            if (is_old(other.next)) return false;
        for (size_t k = 0; k < g_.nodes.size(); ++k) {
            const Node& n = g_.nodes[k];
            if (get_if<Reshape>(n.op) != nullptr || std::none_of(n.inputs.begin(), n.inputs.end(), is_old)) continue;
            const size_t step = step_of(k);
            if (step > writer || (step == writer && !in_place(chosen.candidate, is_old, made))) return false;
        }
        return true;
    }
    // The node whose kernel computes node k.
    size_t step_of(size_t k) const {
        for (size_t root = k; root < chosen_.size(); ++root)
            for (NodeId c : chosen_[root].candidate.covers)
                if (chosen_[root].row != nullptr && c.index == static_cast<int32_t>(k)) return root;
        return chosen_.size();
    }
    template <class F>
    bool in_place(const Candidate& c, const F& is_old, ValueId made) const {
        if (c.batch > 1) return false;
        for (size_t o = 0; o < c.arguments.size(); ++o) {
            const KernelArgument& out = c.arguments[o];
            if (out.kind != KernelArgument::Kind::output || out.value != made) continue;
            for (size_t i = 0; i < c.arguments.size(); ++i) {
                if (c.arguments[i].kind != KernelArgument::Kind::input || !is_old(c.arguments[i].value)) continue;
                if (std::none_of(c.overlaps.begin(), c.overlaps.end(),
                                 [&](const Overlap& v) { return v.input == i && v.output == o && v.gap <= 0; }))
                    return false;
            }
        }
        return true;
    }

    // Buffers of a node's results; reshapes, concats and slices that are views share memory.
    void node(size_t k) {
        const Node& n = g_.nodes[k];
        if (get_if<Reshape>(n.op) != nullptr) {
            const auto y = static_cast<size_t>(n.outputs[0].index);
            if (buffer_of_[y] < 0) buffer_of_[y] = value_buffer(n.inputs[0]);
            return;
        }
        if (is_view_slice(n)) {
            const Slice& s = *get_if<Slice>(n.op);
            const std::vector<int64_t> strides = g_.type(n.inputs[0]).shape.strides();
            int64_t offset = 0;
            for (size_t i = 0; i < strides.size(); ++i) offset += s.start[i] * strides[i];
            const int32_t x = value_buffer(n.inputs[0]);
            const int32_t y = value_buffer(n.outputs[0]);
            p_.buffers[static_cast<size_t>(y)].view_of = x;
            p_.buffers[static_cast<size_t>(y)].view_offset = offset * bits(g_.type(n.inputs[0]).dtype) / 8;
            return;
        }
        if (joins_.joined(k)) {
            if (joins_.is_picture(k)) value_buffer(n.outputs[0]);
            return;
        }
        if (chosen_[k].row == nullptr && !is_view_concat(n)) return;  // covered by another node's kernel
        // A result that nobody reads has no buffer where its kernel leaves it out.
        const auto writes = [&](ValueId id) {
            const auto& arguments = chosen_[k].candidate.arguments;
            return chosen_[k].row == nullptr || std::any_of(arguments.begin(), arguments.end(), [&](const KernelArgument& a) {
                       return a.kind == KernelArgument::Kind::output && a.value == id;
                   });
        };
        for (ValueId id : n.outputs)
            if (writes(id)) value_buffer(id);
        if (is_view_concat(n)) {
            int64_t offset = 0;
            for (ValueId id : n.inputs) {
                Buffer& part = p_.buffers[static_cast<size_t>(value_buffer(id))];
                part.view_of = value_buffer(n.outputs[0]);
                part.view_offset = offset;
                offset += part.bytes();
            }
        }
    }

    int32_t value_buffer(ValueId id) {
        int32_t& b = buffer_of_[static_cast<size_t>(id.index)];
        if (b < 0) {
            GW_CHECK(!g_[id].is_constant(), "a constant has no buffer");
            b = add_buffer(name_of(id), g_.type(id), BufferRole::activation);
        }
        return b;
    }

    // An output whose value lives elsewhere (an input, a constant, another output) is copied at the end.
    void finish_outputs() {
        for (size_t i = 0; i < g_.outputs.size(); ++i) {
            ValueId value = g_.outputs[i].value;
            const int32_t b = p_.outputs[i];
            for (const Node* n = g_.producer(value); n != nullptr && get_if<Reshape>(n->op) != nullptr; n = g_.producer(value))
                value = n->inputs[0];
            const bool made_there = g_[value].node.valid() && buffer_of_[static_cast<size_t>(value.index)] == b;
            if (made_there) continue;
            copy(g_.outputs[i].name, g_.outputs[i].value, value_place(value), b);
        }
    }

    Argument value_place(ValueId value) {
        if (const Tensor* t = g_.constant(value))
            return {Argument::Kind::data, add_data("w_" + c_identifier(name_of(value)), *t, DataRole::weights), 0, 0, false};
        return {Argument::Kind::buffer, value_buffer(value), 0, 0, false};
    }

    // Copies buffer or data `from` into buffer `to` after the last layer; then it holds `value`.
    void copy(const std::string& name, ValueId value, Argument from, int32_t to) {
        Step step;
        step.name = name;
        step.op = "copy";
        step.values = {value.index};
        Call call;
        call.kernel = "copy_bytes";
        call.arguments = {from, {Argument::Kind::buffer, to, 0, 0, true}};
        call.constants = {{"BYTES", p_.buffers[static_cast<size_t>(to)].bytes()}};
        step.what = std::move(call);
        copies_.push_back(std::move(step));
    }

    // What was not computed in a state's own buffer is copied there, after everything that reads the old value. States that take each
    // other's old values go through memory of their own first.
    void finish_states() {
        std::vector<std::pair<size_t, Argument>> wanted;
        for (size_t i = 0; i < g_.states.size(); ++i) {
            const ValueId value = through_reshapes(g_.states[i].next).back();
            Argument from = value_place(value);
            if (from.kind == Argument::Kind::buffer && from.index == p_.states[i]) continue;
            if (g_[value].is_state()) {
                const int32_t between = add_buffer(g_.states[i].name + " next", g_.type(value), BufferRole::activation);
                copy(g_.states[i].name, g_.states[i].next, from, between);
                from.index = between;
            }
            wanted.emplace_back(i, from);
        }
        for (const auto& [i, from] : wanted) copy(g_.states[i].name, g_.states[i].next, from, p_.states[i]);
    }

    // --- steps -------------------------------------------------------------------------------------------------------------------------
    int32_t add_data(const std::string& wanted, const Tensor& t, DataRole role) {
        std::string key = fmt::format("{} {} ", static_cast<int>(role), t.type.text()) + std::string(t.bytes());
        const auto known = data_by_bytes_.find(key);
        if (known != data_by_bytes_.end()) return known->second;
        std::string name = wanted;
        for (int i = 2; !data_names_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
        p_.data.push_back({name, t, role});
        const auto index = static_cast<int32_t>(p_.data.size() - 1);
        data_by_bytes_.emplace(std::move(key), index);
        return index;
    }

    std::string step_name(const Node& n) {
        std::string name = !n.sources.empty() ? n.sources.front().name : name_of(n.outputs[0]);
        std::string unique = name;
        for (int i = 2; !step_names_.insert(unique).second; ++i) unique = name + "_" + std::to_string(i);
        return unique;
    }

    void emit_step(const Node& n, const Chosen& chosen) {
        const Candidate& c = chosen.candidate;
        Step step;
        step.name = step_name(n);
        step.op = std::string(op_name(n.op));
        for (NodeId id : c.covers)
            for (const Source& s : g_[id].sources) step.sources.emplace_back(s.name, s.op);
        for (NodeId id : c.covers) {
            std::vector<const Type*> in, out;
            for (ValueId operand : g_[id].inputs) in.push_back(operand.valid() ? &g_.type(operand) : nullptr);
            for (ValueId result : g_[id].outputs) out.push_back(&g_.type(result));
            step.macs += work(g_[id].op, in, out).macs;
        }
        step.macs_executed = c.macs_executed;
        step.weighed = chosen.weighed;
        step.cycles = c.cycles;
        step.candidate = chosen.key;
        for (const KernelArgument& a : c.arguments)
            if (a.kind == KernelArgument::Kind::output &&
                std::find(step.values.begin(), step.values.end(), a.value.index) == step.values.end())
                step.values.push_back(a.value.index);
        Call call;
        call.kernel = std::string(chosen.row->name);
        call.constants = c.constants;
        call.types = c.types;
        call.scalar = c.scalar;
        for (const KernelArgument& a : c.arguments) call.arguments.push_back(argument(a, c_identifier(step.name)));
        if (call.kernel == "slice_run") read_only_the_run(n, call);
        for (const Overlap& o : c.overlaps)
            if (call.arguments[o.input].kind == Argument::Kind::buffer)
                call.gaps.push_back({static_cast<int32_t>(o.input), static_cast<int32_t>(o.output), o.gap, o.down});
        if (c.batch > 1) {
            Step inner = step;
            inner.weighed.clear();
            call.gaps.clear();
            inner.what = std::move(call);
            step.what = Loop{c.batch, {std::move(inner)}};
        } else {
            step.what = std::move(call);
        }
        p_.steps.push_back(std::move(step));
    }

    // Copies a part that is there to its place. With the last one the whole is there.
    void lay_down(const ColumnJoins::Part& p) {
        const Type &part = g_.type(p.part), &whole = g_.type(p.whole);
        const int64_t pixel = whole.shape[3] * bits(whole.dtype) / 8, run = part.shape[2] * pixel, to = whole.shape[2] * pixel;
        const Node& join = *g_.producer(p.whole);
        Step step;
        step.name = step_name(join);
        step.op = "copy";
        for (const Source& s : join.sources) step.sources.emplace_back(s.name, s.op);
        if (p.last) step.values = {p.whole.index};
        step.cycles = 40 + part.shape[1] * (40 + run);
        Call call;
        call.kernel = "copy_rows";
        call.arguments = {value_place(p.part), value_place(p.whole)};
        call.arguments[1].offset = p.row * to + p.column * pixel;
        call.arguments[1].written = true;
        call.constants = {{"ROWS", part.shape[1]}, {"RUN", run}, {"FIRST", 0}, {"FROM", run}, {"TO", to}};
        step.what = std::move(call);
        p_.steps.push_back(std::move(step));
    }

    // A run that is copied out of an activation or input keeps that run alive, not all of it.
    void read_only_the_run(const Node& n, Call& call) {
        if (!options_.fusion || (is_port(n.inputs[0]) && !g_[n.inputs[0]].is_input())) return;
        const int32_t x = call.arguments[0].index;
        const auto first = std::find_if(call.constants.begin(), call.constants.end(), [](const auto& c) { return c.first == "FIRST"; });
        const int32_t run = add_buffer(name_of(n.inputs[0]), g_.type(n.outputs[0]), BufferRole::activation);
        p_.buffers[static_cast<size_t>(run)].view_of = x;
        p_.buffers[static_cast<size_t>(run)].view_offset = first->second;
        p_.buffers[static_cast<size_t>(run)].region = p_.buffers[static_cast<size_t>(x)].region;
        call.arguments[0].index = run;
        first->second = 0;
    }

    Argument argument(const KernelArgument& a, const std::string& step) {
        switch (a.kind) {
            case KernelArgument::Kind::input:
            case KernelArgument::Kind::output: {
                const bool written = a.kind == KernelArgument::Kind::output;
                if (const Tensor* t = g_.constant(a.value))
                    return {Argument::Kind::data, add_data("w_" + step + (a.role.empty() ? "" : "_" + a.role), *t, DataRole::weights), 0,
                            a.stride, false};
                const int32_t b = value_buffer(a.value);
                int64_t offset = 0;
                // Views must start where the kernel can read: their root gets the alignment, and the view keeps its own for the planner.
                Buffer& buffer = p_.buffers[static_cast<size_t>(b)];
                buffer.align = std::max(buffer.align, a.align);
                Buffer& root = p_.buffers[static_cast<size_t>(p_.root(b, offset))];
                root.align = std::max(root.align, a.align);
                return {Argument::Kind::buffer, b, 0, a.stride, written};
            }
            case KernelArgument::Kind::weights:
            case KernelArgument::Kind::table: {
                const bool table = a.kind == KernelArgument::Kind::table;
                return {
                    Argument::Kind::data,
                    add_data(fmt::format("{}_{}_{}", table ? "t" : "w", step, a.role), a.data, table ? DataRole::table : DataRole::weights),
                    0, a.stride, false};
            }
            case KernelArgument::Kind::scratch: {
                const int32_t b = add_buffer(step + " scratch", {DType::uint8, Shape{a.scratch_bytes}, {}}, BufferRole::scratch);
                p_.buffers.back().align = a.align;
                return {Argument::Kind::buffer, b, 0, 0, true};
            }
        }
        return {};
    }

    const Graph& g_;
    const LowerOptions& options_;
    Diagnostics& diag_;
    std::vector<int> uses_;
    std::vector<std::vector<NodeId>> users_;
    const ColumnJoins joins_;
    const Offers offers_;
    std::vector<Chosen> chosen_;
    std::vector<int32_t> buffer_of_;
    std::vector<Step> copies_;
    std::map<std::string, int32_t> data_by_bytes_;
    std::set<std::string> data_names_, step_names_;
    Program p_;
};

}  // namespace

Expected<Program> lower(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag, OfferCache* cache,
                        std::vector<Taken>* taken) {
    return Lowering(graph, core, options, diag, cache).run(taken);
}

}  // namespace gw
