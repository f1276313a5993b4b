// Who holds the arena when. The planner's answer is a set of addresses; here it is read step by step, so that a limit that is passed has a
// layer to blame. Overlaps are counted once, because the planner has proved them harmless: the number is of bytes, not of tensors.
#include "report/usage.h"

#include <algorithm>

#include "base/text.h"

namespace gw {
namespace {

struct Life {
    int64_t first = -1, last = -1;
    void touch(int64_t step) {
        if (first < 0) first = step;
        last = step;
    }
};

std::vector<Life> lives(const Program& p) {
    std::vector<Life> all(p.buffers.size());
    for_each_call(p.steps, [&](const Call& call, int64_t step) {
        for (const Argument& a : call.arguments) {
            int64_t offset = 0;
            if (a.kind == Argument::Kind::buffer) all[static_cast<size_t>(p.root(a.index, offset))].touch(step);
        }
    });
    for (size_t b = 0; b < p.buffers.size(); ++b) {
        int64_t offset = 0;
        Life& life = all[static_cast<size_t>(p.root(static_cast<int32_t>(b), offset))];
        if (p.buffers[b].role == BufferRole::input) life.first = 0, life.last = std::max<int64_t>(life.last, 0);
        if (p.buffers[b].role == BufferRole::output) life.last = static_cast<int64_t>(p.steps.size()) - 1;
    }
    return all;
}

// Length of the union of [offset, offset + bytes).
int64_t covered(const Program& p, const std::vector<int32_t>& buffers) {
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const int32_t b : buffers) {
        const Buffer& buffer = p.buffers[static_cast<size_t>(b)];
        ranges.emplace_back(buffer.offset, buffer.offset + buffer.bytes());
    }
    std::sort(ranges.begin(), ranges.end());
    int64_t bytes = 0, end = 0;
    for (const auto& [from, to] : ranges) {
        bytes += std::max<int64_t>(0, to - std::max(from, end));
        end = std::max(end, to);
    }
    return bytes;
}

}  // namespace

std::vector<StepUsage> arena_usage(const Program& p) {
    const std::vector<Life> all = lives(p);
    std::vector<StepUsage> usage(p.steps.size());
    for (size_t k = 0; k < usage.size(); ++k) {
        for (size_t b = 0; b < all.size(); ++b) {
            const bool alive = all[b].first >= 0 && all[b].first <= static_cast<int64_t>(k) && static_cast<int64_t>(k) <= all[b].last;
            if (alive && p.buffers[b].region == 0 && p.buffers[b].view_of < 0) usage[k].buffers.push_back(static_cast<int32_t>(b));
        }
        auto bytes = [&](int32_t b) { return p.buffers[static_cast<size_t>(b)].bytes(); };
        std::stable_sort(usage[k].buffers.begin(), usage[k].buffers.end(), [&](int32_t a, int32_t b) { return bytes(a) > bytes(b); });
        usage[k].bytes = covered(p, usage[k].buffers);
    }
    return usage;
}

int64_t busiest_step(const std::vector<StepUsage>& usage) {
    const auto most =
        std::max_element(usage.begin(), usage.end(), [](const StepUsage& a, const StepUsage& b) { return a.bytes < b.bytes; });
    return most == usage.end() ? -1 : most - usage.begin();
}

std::string short_name(std::string_view name) {
    constexpr size_t longest = 40;
    const std::string_view first = name.substr(0, name.find(';'));
    return first.size() <= longest ? std::string(first) : std::string(first.substr(0, longest - 3)) + "...";
}

std::string usage_text(const Program& p, const StepUsage& usage) {
    std::string s;
    constexpr size_t shown = 3;
    for (size_t i = 0; i < std::min(shown, usage.buffers.size()); ++i) {
        const Buffer& b = p.buffers[static_cast<size_t>(usage.buffers[i])];
        s += fmt::format("{}{} {}", i == 0 ? "" : ", ", b.role == BufferRole::scratch ? "scratch" : "`" + short_name(b.name) + "`",
                         with_commas(b.bytes()));
    }
    return s;
}

Fit fit(const Board& board, const Needs& needs) {
    Fit f;
    f.ram_left = board.ram_bytes - needs.ram - std::max<int64_t>(needs.stack, 0);
    f.flash_left = board.flash_bytes - needs.weights_and_tables - std::max<int64_t>(needs.code, 0);
    f.fits = f.ram_left >= 0 && f.flash_left >= 0;
    return f;
}

}  // namespace gw
