// A wait state of the flash costs every load from it a cycle, so a constant is worth its loads, whatever the number of wait states is.
// Which constants to take for a budget is the 0/1 knapsack problem; in words of four bytes it is small enough to be solved by its table.
#include "program/weights_in_ram.h"

#include <algorithm>

#include "base/check.h"

namespace gw {
namespace {

constexpr int64_t word = 4;  // bytes

int64_t words(const Data& d) { return (d.tensor.type.bytes() + word - 1) / word; }

}  // namespace

std::vector<int64_t> estimated_loads(const Program& p) {
    // A loop's calls share the multiplications of their step.
    std::vector<std::vector<const Call*>> calls(p.steps.size());
    for_each_call(p.steps, [&](const Call& call, int64_t step) { calls[static_cast<size_t>(step)].push_back(&call); });
    std::vector<int64_t> loads(p.data.size(), 0);
    for (size_t k = 0; k < calls.size(); ++k) {
        int64_t weights = 0, results = 0;
        const auto multiplied = [](const Data& d) { return d.role == DataRole::weights && d.tensor.type.dtype != DType::int32; };
        for (const Call* call : calls[k])
            for (const Argument& a : call->arguments) {
                if (a.kind == Argument::Kind::data && multiplied(p.data[static_cast<size_t>(a.index)]))
                    weights += p.data[static_cast<size_t>(a.index)].tensor.type.bytes();
                const bool result = a.kind == Argument::Kind::buffer && a.written;
                if (result && p.buffers[static_cast<size_t>(a.index)].role != BufferRole::scratch)
                    results += p.buffers[static_cast<size_t>(a.index)].type.shape.elements();
            }
        for (const Call* call : calls[k])
            for (const Argument& a : call->arguments) {
                if (a.kind != Argument::Kind::data) continue;
                const Data& d = p.data[static_cast<size_t>(a.index)];
                loads[static_cast<size_t>(a.index)] +=
                    multiplied(d) ? p.steps[k].macs_executed / word * d.tensor.type.bytes() / std::max<int64_t>(weights, 1) : results;
            }
    }
    return loads;
}

void place_in_ram(Program& p, int64_t budget, const std::vector<int64_t>& loads) {
    GW_CHECK(loads.size() == p.data.size(), "a figure for each datum");
    int64_t all = 0;
    for (size_t i = 0; i < p.data.size(); ++i) all += loads[i] > 0 ? words(p.data[i]) : 0;
    if (all <= budget / word) {  // the table would be as large as the model
        for (size_t i = 0; i < p.data.size(); ++i) p.data[i].in_ram = loads[i] > 0;
        return;
    }
    const auto room = static_cast<size_t>(budget / word);
    // best[w]: the most loads that the data so far make from w words; taken[i][w]: whether datum i is among them.
    std::vector<int64_t> best(room + 1, 0);
    std::vector<std::vector<bool>> taken(p.data.size(), std::vector<bool>(room + 1, false));
    for (size_t i = 0; i < p.data.size(); ++i) {
        const auto size = static_cast<size_t>(words(p.data[i]));
        if (loads[i] <= 0) continue;
        for (size_t w = room + 1; w-- > size;) {
            if (best[w - size] + loads[i] <= best[w]) continue;
            best[w] = best[w - size] + loads[i];
            taken[i][w] = true;
        }
    }
    size_t w = room;
    for (size_t i = p.data.size(); i-- > 0;) {
        p.data[i].in_ram = taken[i][w];
        if (taken[i][w]) w -= static_cast<size_t>(words(p.data[i]));
    }
}

int64_t bytes_in_ram(const Program& p) {
    int64_t bytes = 0;
    for (const Data& d : p.data) bytes += d.in_ram ? words(d) * word : 0;
    return bytes;
}

}  // namespace gw
