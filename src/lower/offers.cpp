// Asking costs most of a search over many programs of one network, so the answers are kept by what a row may look at.
#include "lower/offers.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/text.h"

namespace gw {
namespace {

// All that was offered for a node, and that node's operands and results.
struct Known {
    std::vector<ValueId> inputs, outputs;
    std::vector<Offer> offers;
    std::vector<Weighed> weighed;
};

// Whatever a row may look at when it is asked about a node: the node, its operands, who makes them and who reads its results.
std::string surroundings(const Graph& g, const std::vector<std::vector<NodeId>>& users, const std::vector<int>& uses, const Node& n) {
    std::string key = fmt::format("{} {}", op_name(n.op), print_fields(n.op));
    for (const ValueId id : n.inputs) {
        key += fmt::format("\n{}", std::find(n.inputs.begin(), n.inputs.end(), id) - n.inputs.begin());
        if (!id.valid()) {
            key += " -";
        } else if (const Tensor* t = g.constant(id)) {
            key += fmt::format(" {} {}", t->type.text(), static_cast<const void*>(t->bytes().data()));
        } else {
            const Node* producer = g.producer(id);
            key += fmt::format(" {} {} {} {}", g.type(id).text(), g[id].is_input(), uses[static_cast<size_t>(id.index)],
                               producer == nullptr ? "" : op_name(producer->op));
        }
    }
    for (const ValueId id : n.outputs) {
        key += fmt::format("\n{} {}", g.type(id).text(), uses[static_cast<size_t>(id.index)]);
        for (const NodeId user : users[static_cast<size_t>(id.index)]) key += fmt::format(" {}", op_name(g[user].op));
    }
    return key;
}

// The same offers for another node: its values in the place of the first node's. False where an offer speaks of other nodes or values.
bool translate(std::vector<Offer>& offers, const Known& from, const Node& to, NodeId root) {
    for (Offer& o : offers) {
        if (o.candidate.covers.size() != 1) return false;
        o.candidate.covers = {root};
        for (KernelArgument& a : o.candidate.arguments) {
            for (ValueId* value : {&a.value, &a.data_of}) {
                if (!value->valid()) continue;
                const auto in = std::find(from.inputs.begin(), from.inputs.end(), *value);
                const auto out = std::find(from.outputs.begin(), from.outputs.end(), *value);
                if (in == from.inputs.end() && out == from.outputs.end()) return false;
                *value = in != from.inputs.end() ? to.inputs[static_cast<size_t>(in - from.inputs.begin())]
                                                 : to.outputs[static_cast<size_t>(out - from.outputs.begin())];
            }
        }
    }
    return true;
}

// Tells the forms of a row for one node apart.
std::string form_key(const KernelRow& row, const Candidate& c) {
    std::string key(row.name);
    for (const auto& [name, value] : c.constants) key += fmt::format(" {}={}", name, value);
    for (const KernelArgument& a : c.arguments) key += fmt::format(" {}:{}", static_cast<int>(a.kind), a.scratch_bytes);
    return key;
}

}  // namespace

struct OfferCache::Contents {
    std::map<std::string, Known> known;
    std::vector<Tensor> kept;  // the constants that keys name by their address live as long as the keys
};
OfferCache::OfferCache() : contents(std::make_unique<Contents>()) {}
OfferCache::~OfferCache() = default;

Form form_of(const Graph& g, const std::string& name, const Candidate& c) {
    Form f{name, c.cycles, 0, 0, 0, 0};
    int64_t in = 0, out = 0, padding = 0;
    std::set<ValueId> counted;
    for (const KernelArgument& a : c.arguments) {
        if (a.kind == KernelArgument::Kind::scratch) f.scratch += a.scratch_bytes + a.align - 1;
        if (a.value.valid() && !g[a.value].is_constant()) padding += a.align - 1;
        if (a.value.valid() && !g[a.value].is_constant() && counted.insert(a.value).second)
            (a.kind == KernelArgument::Kind::output ? out : in) += g.type(a.value).bytes();
    }
    int64_t least = in + out;
    for (size_t x = 0; x < c.arguments.size(); ++x)
        if (c.arguments[x].kind == KernelArgument::Kind::input && !g[c.arguments[x].value].is_constant())
            f.apart += std::min(g.type(c.arguments[x].value).bytes(), out);
    for (const Overlap& o : c.overlaps) {
        const KernelArgument &x = c.arguments[o.input], &y = c.arguments[o.output];
        if (g[x.value].is_constant()) continue;
        const int64_t x_bytes = g.type(x.value).bytes(), y_bytes = g.type(y.value).bytes();
        const int64_t gap = std::max<int64_t>(0, o.down ? std::min(o.gap, *o.down) : o.gap);
        const int64_t both = std::min(x_bytes + y_bytes, std::max(y_bytes, gap + x_bytes));
        least = std::min(least, in + out - x_bytes - y_bytes + both);
        f.apart -= x_bytes + y_bytes - both;
    }
    f.bytes = least + f.scratch + padding;
    f.spread = least - std::max(in, out);
    return f;
}

std::string refusal(const KernelRow& row, const LowerOptions& options) {
    if (row.weights_as_code && options.weights_passed) return "turns weights into code, which --weights pointer and --api glow rule out";
    return "";
}

Offers::Offers(const Graph& graph, const std::vector<int>& uses, const std::vector<std::vector<NodeId>>& users, const Core& core,
               const LowerOptions& options, OfferCache* cache)
    : g_(graph), options_(options), cache_(cache), uses_(uses), users_(users), contexts_{{graph, uses, users, core, options.optimize}} {
    if (options.choices != nullptr && options.optimize == "speed") contexts_.push_back({graph, uses, users, core, "size"});
    if (options.all_forms) contexts_.push_back({graph, uses, users, core, options.optimize == "speed" ? "ram" : "speed"});
}

Offer Offers::priced(const KernelRow& row, Candidate candidate) const {
    Offer offer{&row, std::move(candidate), {}, {}, false, 0};
    offer.formula = offer.candidate.cycles;
    if (options_.choices == nullptr) return offer;
    offer.key = candidate_key(row, offer.candidate, g_);
    const auto known = options_.choices->entries.find(offer.key);
    if (known == options_.choices->entries.end()) return offer;
    offer.measured = true;
    offer.candidate.cycles = known->second.cycles;
    return offer;
}

// What the nodes that an offer covers besides node k cost when each has a kernel of its own.
int64_t Offers::cycles_of_others(const Candidate& offer, size_t k) const {
    int64_t cycles = 0;
    for (const NodeId id : offer.covers) {
        if (id.index == static_cast<int32_t>(k)) continue;
        std::optional<int64_t> least;
        for (const KernelRow* row : rows_) {
            if (row->op != op_name(g_[id].op) || !refusal(*row, options_).empty()) continue;
            Match match = row->match(contexts_.front(), g_, id);
            if (!match.candidate) continue;
            const int64_t own = priced(*row, std::move(*match.candidate)).candidate.cycles;
            least = std::min(least.value_or(own), own);
        }
        cycles += least.value_or(0);
    }
    return cycles;
}

std::vector<Offer> Offers::for_node(size_t k, std::vector<Weighed>& weighed) const {
    if (cache_ == nullptr) return asked(k, weighed);
    const Node& n = g_.nodes[k];
    std::string key = surroundings(g_, users_, uses_, n);
    const NodeId root{static_cast<int32_t>(k)};
    if (const auto at = cache_->contents->known.find(key); at != cache_->contents->known.end()) {
        std::vector<Offer> offers = at->second.offers;
        if (translate(offers, at->second, n, root)) {
            weighed = at->second.weighed;
            return offers;
        }
    }
    std::vector<Offer> offers = asked(k, weighed);
    Known known{n.inputs, n.outputs, offers, weighed};
    if (std::vector<Offer> same = offers; translate(same, known, n, root)) {
        for (const ValueId id : n.inputs)
            if (const Tensor* t = g_.constant(id)) cache_->contents->kept.push_back(*t);
        cache_->contents->known.insert_or_assign(std::move(key), std::move(known));
    }
    return offers;
}

// What the rows offer for node k, the options' own forms first. Other forms count only where measurements tell what they cost, or where
// all are asked for.
std::vector<Offer> Offers::asked(size_t k, std::vector<Weighed>& weighed) const {
    const Node& n = g_.nodes[k];
    std::vector<Offer> offers;
    std::set<std::string> known;
    for (const MatchContext& context : contexts_) {
        const bool own = &context == contexts_.data();
        for (const KernelRow* row : rows_) {
            if (row->op != op_name(n.op)) continue;
            const std::string refused = refusal(*row, options_);
            Match match = refused.empty() ? row->match(context, g_, {static_cast<int32_t>(k)}) : Match(refused);
            if (!options_.fusion && match.candidate && match.candidate->covers.size() > 1) match = Match("fusion is switched off");
            const std::string name = std::string(row->name) + (own ? "" : ", as for --optimize " + context.optimize);
            if (!match.candidate) {
                if (own) weighed.push_back({name, match.reason});
                continue;
            }
            Offer offer = priced(*row, std::move(*match.candidate));
            offer.form = name;
            if (!own && !options_.all_forms && !offer.measured && options_.explore != LowerOptions::Explore::all) continue;
            if (!offer.key.empty() && !known.insert(offer.key).second) continue;
            if (options_.all_forms && offer.key.empty() && !known.insert(form_key(*row, offer.candidate)).second) continue;
            offer.others = cycles_of_others(offer.candidate, k);
            std::vector<Offer> all = variants(offer);
            all.insert(all.begin(), std::move(offer));
            for (Offer& o : all) {
                weighed.push_back({o.form, "", o.candidate.cycles, o.measured});
                offers.push_back(std::move(o));
            }
        }
    }
    return offers;
}

// An offer with the other values of its constant that only measurements can choose: those that were measured or are to be.
std::vector<Offer> Offers::variants(const Offer& offer) const {
    std::vector<Offer> all;
    if (options_.choices == nullptr || !offer.candidate.tunable) return all;
    const auto& [constant, others] = *offer.candidate.tunable;
    for (const int64_t value : others) {
        Candidate candidate = offer.candidate;
        candidate.cycles = offer.formula;
        for (auto& [name, now] : candidate.constants)
            if (name == constant) now = value;
        Offer variant = priced(*offer.row, std::move(candidate));
        variant.form = fmt::format("{}, {} {}", offer.form, constant, value);
        variant.others = offer.others;
        if (variant.measured || options_.explore != LowerOptions::Explore::none) all.push_back(std::move(variant));
    }
    return all;
}

bool Offers::wanted(const Offer& offer, int64_t cycles, int64_t cheapest) const {
    return options_.explore != LowerOptions::Explore::none && !offer.measured &&
           (options_.explore == LowerOptions::Explore::all || cycles <= 2 * cheapest);
}

Offer* Offers::best(size_t k, std::vector<Offer>& offers) const {
    int64_t most_others = 0, cheapest = INT64_MAX;
    for (const Offer& o : offers) most_others = std::max(most_others, o.others);
    for (const Offer& o : offers) cheapest = std::min(cheapest, o.formula + most_others - o.others);
    const auto rank = [&](const Offer& o) {
        const bool avoided = options_.avoid.count({static_cast<int32_t>(k), o.form}) != 0;
        return std::tuple(avoided, !wanted(o, o.formula + most_others - o.others, cheapest), o.candidate.cycles - o.others);
    };
    const auto least = std::min_element(offers.begin(), offers.end(), [&](const Offer& a, const Offer& b) { return rank(a) < rank(b); });
    return least == offers.end() ? nullptr : &*least;
}

}  // namespace gw
