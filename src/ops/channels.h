// Channels: what an op declares about the last dimension of its operands and its result. From these declarations passes find channels that
// always hold the same value or that nobody reads, and take them out.
//
// Which channel of an operand a channel of the result is made from follows from `needs`. What an op adds is the values that its result's
// channels can take, for linear ops which channels their weights leave unread, and how the op reads once channels are gone.
#pragma once
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "ops/op.h"

namespace gw {

// The values that one channel of a tensor can take, in the element's own numbers.
struct ChannelRange {
    double lo = -std::numeric_limits<double>::infinity(), hi = std::numeric_limits<double>::infinity();
    bool constant() const { return lo == hi; }
    bool operator==(const ChannelRange&) const = default;
};
using ChannelRanges = std::vector<ChannelRange>;

// Size of the last dimension; a scalar has one channel.
int64_t channels_of(const Type& type);
// All that the element type allows.
ChannelRanges any_values(const Type& type);
// What a known tensor holds.
ChannelRanges values_of(const Tensor& tensor);

// One operand k as seen from the result: source[c] is the only channel of k that channel c of the result reads, −1 where it reads none.
// Without `linked` every channel of the result may read all of the operand.
struct ChannelLink {
    bool linked = false;
    std::vector<int64_t> source;
};

// A node as the functions below see it: types and known values of its operands (nullptr: absent, not known), the ranges of their channels
// and their links, and the type of its first result.
struct ChannelNode {
    std::vector<const Type*> in;
    std::vector<const Tensor*> value;
    std::vector<ChannelRanges> range;
    std::vector<ChannelLink> link;
    const Type* out = nullptr;
};

// The channels that stay, in ascending order: of each operand (empty for an absent one) and of the result.
struct KeptChannels {
    std::vector<std::vector<int64_t>> operand;
    std::vector<int64_t> result;
};

// A node without some of its channels: its op, and new values for constant operands (invalid: the operand as it is).
struct Selected {
    Op op;
    std::vector<Tensor> constants;
};

// From the op's `needs`.
std::vector<ChannelLink> channel_links(const Op& op, std::span<const Type* const> in, const Type& out);
// What each channel of the result can hold; always right is any_values(*node.out).
ChannelRanges result_ranges(const Op& op, const ChannelNode& node);
// The channels of operand 0, not linked, that the results in `wanted` read. Always right is all of them. `range` are the results' own:
// a linear op computes a result that never changes from its bias alone.
std::vector<bool> channels_read(const Op& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted);
// Whether select_channels can take out channels of this node.
bool selects_channels(const Op& op, const ChannelNode& node);
// The op on the channels that stay: its kept results hold the same values as before, given what `node.range` says of the operands.
// `range` as for channels_read.
Selected select_channels(const Op& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept);

// Part of `t` along `axis`, its quantization with it.
Tensor take(const Tensor& t, int64_t axis, const std::vector<int64_t>& indices);

// --- declarations of linear ops: conv2d and dense (channels_linear.cpp) --------------------------------------------------------------
ChannelRanges linear_ranges(const Conv2D& op, const ChannelNode& node);
ChannelRanges linear_ranges(const Dense& op, const ChannelNode& node);
std::vector<bool> linear_reads(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted);
std::vector<bool> linear_reads(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted);
bool linear_selects(const Conv2D& op, const ChannelNode& node);
bool linear_selects(const Dense& op, const ChannelNode& node);
Selected linear_select(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept);
Selected linear_select(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept);
// What an accumulator range becomes through `requant`; [lo, hi] where the arithmetic could wrap.
ChannelRange rescaled(const Requant& requant, ChannelRange acc, int64_t channel);

}  // namespace gw
