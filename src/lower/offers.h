// What kernels' rows offer for a node: each row of its op is asked, offers are priced by formula or measurement, and the one to take is
// found.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "lower/lower.h"

namespace gw {

// What a row offers for a node. Its candidate's cycles are the measured ones where there are any.
struct Offer {
    const KernelRow* row = nullptr;
    Candidate candidate;
    std::string key;   // empty where no choices are at hand
    std::string form;  // the row's name, and for which options this is its offer where those are not the program's own
    bool measured = false;
    int64_t formula = 0;
    int64_t others = 0;  // what the nodes that it covers besides its root cost by themselves
};

// What a kernel asks for while it runs: operands, results and scratch, with one result over one operand as far as the row allows it.
Form form_of(const Graph& graph, const std::string& name, const Candidate& candidate);

// Of one graph, whose uses and users these are.
class Offers {
public:
    Offers(const Graph& graph, const std::vector<int>& uses, const std::vector<std::vector<NodeId>>& users, const Core& core,
           const LowerOptions& options, OfferCache* cache);

    // For node k, from the cache where nodes that look alike were asked before. `weighed` gets every row of the node's op, with its cycles
    // or its reason.
    std::vector<Offer> for_node(size_t k, std::vector<Weighed>& weighed) const;
    // The offer to take: none that is to be avoided, then one to measure, then the cheapest, where an offer pays for the nodes that others
    // cover and it does not. Null of no offers.
    Offer* best(size_t k, std::vector<Offer>& offers) const;

    // A row's candidate with its measured cycles where there are any.
    Offer priced(const KernelRow& row, Candidate candidate) const;
    // Whether an offer that costs so many cycles by its formula is to be measured next, where the cheapest one costs so many.
    bool wanted(const Offer& offer, int64_t cycles, int64_t cheapest) const;
    // What rows are asked with, and the rows.
    const MatchContext& context() const { return contexts_.front(); }
    const std::vector<const KernelRow*>& rows() const { return rows_; }

private:
    int64_t cycles_of_others(const Candidate& offer, size_t k) const;
    std::vector<Offer> asked(size_t k, std::vector<Weighed>& weighed) const;
    std::vector<Offer> variants(const Offer& offer) const;

    const Graph& g_;
    const LowerOptions& options_;
    OfferCache* cache_;
    const std::vector<int>& uses_;
    const std::vector<std::vector<NodeId>>& users_;
    std::vector<MatchContext> contexts_;  // the options' own first
    const std::vector<const KernelRow*> rows_ = kernel_rows();
};

}  // namespace gw
