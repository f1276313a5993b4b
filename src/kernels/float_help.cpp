// What the float and the data-movement rows share.
//
// Float constants reach a kernel as text, inside its scalar expression: nine significant digits bring every float back exactly.
#include "kernels/float_help.h"

#include <algorithm>
#include <cmath>

namespace gw {

std::string float_literal(float v) {
    if (std::isnan(v)) return "NAN";
    if (std::isinf(v)) return v > 0 ? "INFINITY" : "(-INFINITY)";
    std::string text = fmt::format("{:.9g}", static_cast<double>(v));
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text + "f";
}

std::string clamp_text(std::string_view value, float lo, float hi) {
    if (std::isinf(lo) && std::isinf(hi)) return std::string(value);
    const bool plain = value.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    if (plain && std::isinf(hi)) return fmt::format("{0} < {1} ? {1} : {0}", value, float_literal(lo));
    if (plain && std::isinf(lo)) return fmt::format("{0} > {1} ? {1} : {0}", value, float_literal(hi));
    return fmt::format("gw_clamp_f32({}, {}, {})", value, float_literal(lo), float_literal(hi));
}

std::string_view c_element(DType dtype) {
    switch (dtype) {
        case DType::boolean:
        case DType::uint8:
            return "uint8_t";
        case DType::int8:
            return "int8_t";
        case DType::int16:
            return "gw_i16";
        case DType::uint16:
            return "gw_u16";
        case DType::int32:
            return "gw_i32";
        case DType::uint32:
            return "gw_u32";
        case DType::int64:
            return "gw_i64";
        case DType::float32:
            return "gw_f32";
        default:
            return {};
    }
}

std::string_view c_moved_element(int64_t bytes) {
    switch (bytes) {
        case 1:
            return "uint8_t";
        case 2:
            return "gw_u16";
        case 4:
            return "gw_u32";
        case 8:
            return "gw_i64";
        default:
            return {};
    }
}

int64_t element_bytes(const Graph& graph, ValueId value) { return bits(graph.type(value).dtype) / 8; }

bool Walk::extend(size_t rank) {
    if (dims.size() > rank) return false;
    const size_t missing = rank - dims.size();
    dims.insert(dims.begin(), missing, 1);
    for (std::vector<int64_t>& s : strides) s.insert(s.begin(), missing, 0);
    return true;
}

void Walk::add_constants(Candidate& candidate, std::initializer_list<std::string_view> names) const {
    for (size_t i = 0; i < dims.size(); ++i) candidate.constants.emplace_back(fmt::format("D{}", i), dims[i]);
    size_t operand = 0;
    for (std::string_view name : names) {
        for (size_t i = 0; i < dims.size(); ++i) candidate.constants.emplace_back(fmt::format("{}{}", name, i), strides[operand][i]);
        ++operand;
    }
}

Walk merged(const std::vector<int64_t>& dims, const std::vector<std::vector<int64_t>>& strides) {
    Walk walk;
    walk.strides.resize(strides.size());
    for (size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == 1) continue;
        bool joins = !walk.dims.empty();
        for (size_t k = 0; joins && k < strides.size(); ++k) joins = walk.strides[k].back() == strides[k][i] * dims[i];
        if (!joins) walk.dims.push_back(1);
        walk.dims.back() *= dims[i];
        for (size_t k = 0; k < strides.size(); ++k) {
            if (joins)
                walk.strides[k].back() = strides[k][i];
            else
                walk.strides[k].push_back(strides[k][i]);
        }
    }
    return walk;
}

std::pair<Walk, Walk> reduction_walks(const Shape& x, const std::vector<int64_t>& axes) {
    const std::vector<int64_t> strides = x.strides();
    std::vector<int64_t> size[2], step[2];  // [0]: kept, [1]: reduced
    for (size_t i = 0; i < strides.size(); ++i) {
        const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
        size[reduced].push_back(x[static_cast<int64_t>(i)]);
        step[reduced].push_back(strides[i]);
    }
    return {merged(size[0], {step[0]}), merged(size[1], {step[1]})};
}

std::vector<int64_t> repeated_strides(const Shape& from, const Shape& to) {
    std::vector<int64_t> own = from.strides(), out(to.dims().size(), 0);
    const size_t missing = out.size() - own.size();
    for (size_t i = 0; i < own.size(); ++i)
        if (from[static_cast<int64_t>(i)] != 1) out[missing + i] = own[i];
    return out;
}

TileTrace pixel_trace(const Window& w, int64_t out_pixel_bytes, int64_t in_pixel_bytes, int64_t last_out, int64_t last_in) {
    const TileTrace pixels = window_trace(w.out_h, w.out_w, out_pixel_bytes, w.in_h, w.in_w, in_pixel_bytes, w.stride, w.pad, true);
    TileTrace trace;
    trace.reads_first = true;
    trace.tiles.reserve(2 * pixels.tiles.size());
    for (const Tile& pixel : pixels.tiles) {
        trace.tiles.push_back({pixel.written_end - last_out, pixel.read_begin});
        trace.tiles.push_back({pixel.written_end, pixel.read_begin + last_in});
    }
    return trace;
}

int64_t float_mac_cycles(const Core& core) { return core.features.fpu ? 6 : is_small_core(core) ? 190 : 75; }
int64_t float_op_cycles(const Core& core) { return core.features.fpu ? 4 : is_small_core(core) ? 80 : 35; }
int64_t libm_cycles(const Core& core) { return core.features.fpu ? 120 : is_small_core(core) ? 3000 : 1200; }

Tensor float_bias(const Graph& graph, ValueId bias, int64_t channels) {
    const Tensor* given = graph.constant(bias);
    return given ? given->reshaped(Shape{channels}) : Tensor::zeros({DType::float32, Shape{channels}, {}});
}

void add_float_weights(Candidate& c, const Graph& graph, Tensor packed, const Quant& quant, ValueId w, ValueId bias, int64_t channels) {
    Tensor sums = float_bias(graph, bias, channels);
    const bool scaled = packed.type.dtype == DType::int8;
    if (scaled) {
        std::vector<float> both;
        for (int64_t o = 0; o < channels; ++o) both.push_back(sums.data<float>()[static_cast<size_t>(o)] / quant.scale(o));
        for (int64_t o = 0; o < channels; ++o) both.push_back(quant.scale(o));
        sums = Tensor::of<float>(Shape{2, channels}, both);
    }
    c.types.emplace_back("weight", scaled ? "int8_t" : "float");
    c.constants.emplace_back("SCALED", scaled ? 1 : 0);
    c.arguments.push_back(typed_weights(std::move(packed), "w", w));
    // A bias with scales behind it is no longer the model's own constant.
    c.arguments.push_back(typed_weights(std::move(sums), "bias", scaled ? ValueId{} : bias));
}

}  // namespace gw
