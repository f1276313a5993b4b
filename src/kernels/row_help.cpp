// What the rows of several families share.
#include "kernels/row_help.h"

#include <algorithm>
#include <cstdlib>

namespace gw {
namespace {

KernelArgument with_own_alignment(KernelArgument argument) {
    argument.align = std::max<int64_t>(1, bits(argument.data.type.dtype) / 8);
    return argument;
}

template <class T>
Tensor table_of(const std::vector<int32_t>& values, int64_t channels, int64_t& size) {
    const bool same = std::all_of(values.begin(), values.end(), [&](int32_t v) { return v == values.front(); });
    size = same ? 1 : channels;
    std::vector<T> out;
    for (int64_t i = 0; i < size; ++i) out.push_back(static_cast<T>(values[values.size() == 1 ? 0 : static_cast<size_t>(i)]));
    return Tensor::of<T>(Shape{size}, out);
}

// Positions of one axis that output `o` finds inside the input.
int64_t inside(int64_t o, int64_t stride, int64_t pad, int64_t kernel, int64_t dilation, int64_t in) {
    int64_t n = 0;
    for (int64_t k = 0; k < kernel; ++k) {
        const int64_t i = o * stride - pad + k * dilation;
        n += i >= 0 && i < in;
    }
    return n;
}

}  // namespace

KernelArgument typed_weights(Tensor t, std::string role, ValueId of) {
    return with_own_alignment(KernelArgument::weights(std::move(t), std::move(role), of));
}
KernelArgument typed_table(Tensor t, std::string role) { return with_own_alignment(KernelArgument::table(std::move(t), std::move(role))); }

int64_t form_number(Rounding form) {
    if (form == Rounding::none) return 9;
    return form == Rounding::even ? 0 : form == Rounding::wide ? 8 : static_cast<int64_t>(form);
}

void add_channel_requant(Candidate& c, const Requant& given, int64_t channels) {
    Requant r = given;
    if (r.empty()) r.multiplier = r.shift = {0};
    int64_t multipliers = 1, shifts = 1;
    // The multipliers of these forms have 15 bits.
    const bool narrow = r.rounding == Rounding::narrow || r.rounding == Rounding::wide || r.empty();
    c.arguments.push_back(typed_table(
        narrow ? table_of<int16_t>(r.multiplier, channels, multipliers) : table_of<int32_t>(r.multiplier, channels, multipliers), "mult"));
    c.arguments.push_back(typed_table(table_of<int8_t>(r.shift, channels, shifts), "shift"));
    c.types.emplace_back("mult", narrow ? "int16_t" : "int32_t");
    c.constants.insert(c.constants.end(), {{"FORM", form_number(r.rounding)},
                                           {"PRE", r.pre_shift},
                                           {"MULT_N", multipliers},
                                           {"SHIFT_N", shifts},
                                           {"Y_ZERO", r.zero_point},
                                           {"LO", r.lo},
                                           {"HI", r.hi}});
}

void add_single_requant(Candidate& c, const Requant& r, Rounding if_none) {
    const bool none = r.empty();
    c.constants.insert(c.constants.end(), {{"FORM", form_number(none ? if_none : r.rounding)},
                                           {"PRE", r.pre_shift},
                                           {"MULT", none ? 1 : r.multiplier[0]},
                                           {"SHIFT", none ? 1 : r.shift[0]},
                                           {"Y_ZERO", r.zero_point},
                                           {"LO", r.lo},
                                           {"HI", r.hi}});
}

KernelArgument operand(const Graph& graph, ValueId value, std::string role, int64_t align, int64_t stride) {
    if (const Tensor* constant = graph.constant(value)) {
        KernelArgument a = typed_weights(*constant, std::move(role), value);
        a.align = align;
        a.stride = stride;
        return a;
    }
    return KernelArgument::input(value, align, stride);
}

void add_elementwise_overlap(Candidate& c, size_t input, size_t output, int64_t elements, int64_t in_bytes, int64_t out_bytes) {
    if (c.arguments[input].kind != KernelArgument::Kind::input) return;
    c.overlaps.push_back({input, output, minimum_gap(elementwise_trace(elements, in_bytes, out_bytes))});
}

std::optional<std::vector<std::pair<std::string, int64_t>>> broadcast_constants(const Shape& a, const Shape& b, const Shape& y) {
    struct Dim {
        int64_t size, a, b;
    };
    const auto steps = [&](const Shape& s) {
        std::vector<int64_t> out(static_cast<size_t>(y.rank()), 0);
        const std::vector<int64_t> own = s.strides();
        for (int64_t i = 0; i < s.rank(); ++i)
            if (s[i] != 1) out[static_cast<size_t>(y.rank() - s.rank() + i)] = own[static_cast<size_t>(i)];
        return out;
    };
    const std::vector<int64_t> of_a = steps(a), of_b = steps(b);
    std::vector<Dim> dims;
    for (int64_t i = 0; i < y.rank(); ++i) {
        const Dim d{y[i], of_a[static_cast<size_t>(i)], of_b[static_cast<size_t>(i)]};
        if (d.size == 1) continue;
        if (!dims.empty() && dims.back().a == d.a * d.size && dims.back().b == d.b * d.size) {
            dims.back() = {dims.back().size * d.size, d.a, d.b};
        } else {
            dims.push_back(d);
        }
    }
    if (dims.size() > 4) return std::nullopt;
    dims.insert(dims.begin(), 4 - dims.size(), Dim{1, 0, 0});
    std::vector<std::pair<std::string, int64_t>> out;
    for (size_t i = 0; i < 4; ++i) {
        const std::string n = std::to_string(i);
        out.insert(out.end(), {{"D" + n, dims[i].size}, {"A" + n, dims[i].a}, {"B" + n, dims[i].b}});
    }
    return out;
}

int64_t Window::taps_inside() const {
    int64_t rows = 0, columns = 0;
    for (int64_t o = 0; o < out_h; ++o) rows += inside(o, stride[0], pad[0], kernel[0], dilation[0], in_h);
    for (int64_t o = 0; o < out_w; ++o) columns += inside(o, stride[1], pad[1], kernel[1], dilation[1], in_w);
    return rows * columns;
}

bool Window::clipped() const { return taps_inside() != out_h * out_w * kernel[0] * kernel[1]; }

Overlap window_overlap(const Window& w, int64_t in_pixel, int64_t out_pixel, bool reads_first, bool both_ways) {
    const auto gap = [&](const Pads& pad) {
        return minimum_gap(window_trace(w.out_h, w.out_w, out_pixel, w.in_h, w.in_w, in_pixel, w.stride, pad, reads_first));
    };
    Overlap o{0, 1, gap(w.pad), {}};
    if (!both_ways) return o;
    // Walked from the last pixel to the first, the same window looks like this from the other end.
    const Pads mirrored{(w.out_h - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1 - w.in_h - w.pad[0],
                        (w.out_w - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1 - w.in_w - w.pad[1], 0, 0};
    o.down = gap(mirrored);
    return o;
}

void add_window(Candidate& c, const Window& w) {
    c.constants.insert(c.constants.end(), {{"IH", w.in_h},
                                           {"IW", w.in_w},
                                           {"OH", w.out_h},
                                           {"OW", w.out_w},
                                           {"KH", w.kernel[0]},
                                           {"KW", w.kernel[1]},
                                           {"SH", w.stride[0]},
                                           {"SW", w.stride[1]},
                                           {"DH", w.dilation[0]},
                                           {"DW", w.dilation[1]},
                                           {"PT", w.pad[0]},
                                           {"PL", w.pad[1]}});
}

int64_t requant_cycles(const Core& core, Rounding form) {
    const bool small = is_small_core(core);
    if (form == Rounding::narrow) return small ? 28 : 12;
    // A 64-bit product is a library call on small cores.
    if (small) return form == Rounding::single ? 90 : form == Rounding::even ? 100 : form == Rounding::wide ? 120 : 190;
    return form == Rounding::single ? 18 : form == Rounding::even ? 22 : form == Rounding::wide ? 26 : 30;
}

bool is_small_core(const Core& core) { return core.isa == Isa::v6m || core.isa == Isa::portable; }

Tensor pack_by_blocks(const Tensor& w, int64_t groups, int64_t outputs, int64_t depth, int64_t offset) {
    const int64_t element = bits(w.type.dtype) / 8;
    const std::string_view in = w.bytes();
    std::string out;
    out.reserve(in.size());
    for (int64_t g = 0; g < groups; ++g) {
        for (int64_t block = 0; block < outputs; block += 4) {
            const int64_t width = std::min<int64_t>(4, outputs - block);
            for (int64_t k = 0; k < depth; ++k)
                for (int64_t o = 0; o < width; ++o)
                    out += in.substr(static_cast<size_t>(((g * outputs + block + o) * depth + k) * element), static_cast<size_t>(element));
        }
    }
    GW_CHECK(out.size() == in.size(), "packing changes the number of weights");
    if (offset != 0)
        for (char& byte : out) byte = static_cast<char>(static_cast<unsigned char>(byte) + offset);
    return Tensor::from_bytes({offset != 0 ? DType::uint8 : w.type.dtype, Shape{static_cast<int64_t>(w.elements())}, {}}, out);
}

int64_t weight_offset(const Core& core, int64_t depth, const Tensor& bias) {
    int64_t largest = 0;
    for (const int32_t b : bias.data<int32_t>()) largest = std::max<int64_t>(largest, std::abs(int64_t{b}));
    return core.isa == Isa::v6m && depth * 255 * 255 + largest < (int64_t{1} << 31) ? 128 : 0;
}

Tensor bias_or_zeros(const Graph& graph, ValueId bias, int64_t channels) {
    const Tensor* given = graph.constant(bias);
    return given ? given->reshaped(Shape{channels}) : Tensor::zeros({DType::int32, Shape{channels}, {}});
}

int64_t block_mac_cycles(const Core& core, int64_t loads, int64_t outputs) {
    const bool small = is_small_core(core);
    const int64_t shared = small ? 12 : 6, each = small ? 4 : 2, tail = outputs % 4;
    return loads * ((outputs / 4) * (shared + 4 * each) + (tail != 0 ? shared + tail * each : 0));
}

bool is_type(const Graph& graph, ValueId value, DType dtype) { return value.valid() && graph.type(value).dtype == dtype; }

LayerOperands layer_operands(const Node& node) {
    const Conv2D* conv = get_if<Conv2D>(node.op);
    return {node.inputs[0], node.inputs[1], node.inputs.size() > 2 ? node.inputs[2] : ValueId{}, node.outputs[0],
            conv != nullptr ? conv->w_zero : get_if<Dense>(node.op)->w_zero};
}

const char* unfit_int8_layer(const Graph& graph, const LayerOperands& layer, const Requant& requant) {
    return unfit_layer(graph, layer, requant, DType::int8);
}
namespace {
const char* unfit_constants(const Graph& graph, const LayerOperands& layer) {
    if (!graph.constant(layer.w) || !is_type(graph, layer.w, DType::int8)) return "the weights must be constant i8";
    return layer.bias_id.valid() && !graph.constant(layer.bias_id) ? "the bias must be constant" : nullptr;
}
}  // namespace
const char* unfit_layer(const Graph& graph, const LayerOperands& layer, const Requant& requant, DType data) {
    if (!is_type(graph, layer.x, data) || !is_type(graph, layer.y, data))
        return data == DType::int8 ? "takes and gives i8" : "takes and gives i16";
    if (const char* why = unfit_constants(graph, layer)) return why;
    if (layer.w_zero != 0) return "the weights have a zero point";
    return requant.empty() ? "has no requantization" : nullptr;
}
const char* unfit_sums(const Graph& graph, const LayerOperands& layer, const Requant& requant) {
    if (!requant.empty() || !is_type(graph, layer.y, DType::int32)) return "gives i32 sums";
    return unfit_constants(graph, layer);
}

std::string element_type(DType dtype) {
    return dtype == DType::int8 ? "int8_t" : dtype == DType::uint8 ? "uint8_t" : fmt::format("gw_{}", dtype_name(dtype));
}

void add_sums(Candidate& c, const Graph& graph, const LayerOperands& layer, int64_t channels) {
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    const DType data = graph.type(layer.x).dtype;
    const Tensor* given = graph.constant(layer.bias_id);
    const Tensor& w = *graph.constant(layer.w);
    const std::vector<int64_t> bias = given != nullptr ? given->ints() : std::vector<int64_t>(static_cast<size_t>(channels), 0);
    bool narrow_bias = true, narrow_sums = true;
    const auto weights = w.data<int8_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    for (size_t o = 0; o < bias.size(); ++o) {
        int64_t reach = std::abs(bias[o]);
        narrow_bias = narrow_bias && reach <= most;
        const int64_t largest = data == DType::int16 ? 32768 : 255;
        for (size_t k = 0; k < depth; ++k) reach += (std::abs(int{weights[o * depth + k]}) + std::abs(layer.w_zero)) * largest;
        narrow_sums = narrow_sums && reach <= most;
    }
    narrow_sums = narrow_sums || is_type(graph, layer.y, DType::int8);  // whose sums have 32 bits by definition
    const Tensor values =
        narrow_bias ? Tensor::of<int32_t>(Shape{channels}, {bias.begin(), bias.end()}) : Tensor::of<int64_t>(Shape{channels}, bias);
    c.arguments.push_back(typed_weights(values, "bias", layer.bias_id));
    c.types.insert(
        c.types.end(),
        {{"elem", element_type(data)}, {"sum", narrow_sums ? "int32_t" : "int64_t"}, {"bias", narrow_bias ? "int32_t" : "int64_t"}});
}

int64_t leading_elements(const Shape& shape, int64_t keep) {
    int64_t n = 1;
    for (int64_t i = 0; i < shape.rank() - keep; ++i) n *= shape[i];
    return n;
}

}  // namespace gw
