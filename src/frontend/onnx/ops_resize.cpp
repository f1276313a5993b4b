// Resize and its ancestor Upsample. The problem: five versions state the new size as factors or sizes, for all dimensions or for some, with
// a coordinate rule that the oldest imply. The idea: reduce all of them to the size of H and W, the factor of each and the rule.
#include <cmath>

#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
// Factor and size of each dimension of the data.
struct Target {
    std::vector<double> scale;
    std::vector<int64_t> size;
};

Target unchanged(const Shape& s) { return {std::vector<double>(s.dims().size(), 1.0), s.dims()}; }

Status take_scales(NodeContext& n, const Tensor& scales, const std::vector<int64_t>& axes, Target& t) {
    if (scales.elements() != static_cast<int64_t>(axes.size()))
        return n.bad_operand("scales", "{} factors for {} dimensions", scales.elements(), axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
        const auto d = static_cast<size_t>(axes[i]);
        const double factor = scales.at(static_cast<int64_t>(i));
        if (!(factor > 0) || factor > 1e6) return n.bad_operand("scales", "factor {}", factor);
        t.scale[d] = factor;
        t.size[d] = static_cast<int64_t>(std::floor(static_cast<double>(t.size[d]) * factor));
        if (t.size[d] < 1) return n.bad_operand("scales", "factor {} leaves nothing of dimension {}", factor, d);
    }
    return {};
}

Status take_sizes(NodeContext& n, const std::vector<int64_t>& sizes, const std::vector<int64_t>& axes, Target& t) {
    if (sizes.size() != axes.size()) return n.bad_operand("sizes", "{} sizes for {} dimensions", sizes.size(), axes.size());
    const std::string policy = n.text("keep_aspect_ratio_policy", "stretch");
    double common = policy == "not_larger" ? infinity : 0;
    if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
        return n.bad_attribute("keep_aspect_ratio_policy `{}` is unknown", policy);
    for (size_t i = 0; i < axes.size(); ++i) {
        if (sizes[i] < 1 || sizes[i] > max_elements) return n.bad_operand("sizes", "size {}", sizes[i]);
        if (t.size[static_cast<size_t>(axes[i])] < 1) return n.bad_operand("X", "an empty dimension cannot be resized");
        const double factor = static_cast<double>(sizes[i]) / static_cast<double>(t.size[static_cast<size_t>(axes[i])]);
        common = policy == "not_larger" ? std::min(common, factor) : std::max(common, factor);
    }
    for (size_t i = 0; i < axes.size(); ++i) {
        const auto d = static_cast<size_t>(axes[i]);
        const auto before = static_cast<double>(t.size[d]);
        t.size[d] = policy == "stretch" ? sizes[i] : static_cast<int64_t>(std::floor(before * common + 0.5));
        if (t.size[d] < 1) return n.bad_operand("sizes", "size {} of dimension {}", t.size[d], d);
        t.scale[d] = policy == "stretch" ? static_cast<double>(sizes[i]) / before : common;
    }
    return {};
}

// With align_corners positions depend on the new length. Where a factor gives no whole length, ONNX's document means the length that is
// rounded down and its own test the one that is not: nobody can say what the model's author saw.
Status check_corners(NodeContext& n, const Target& t, const Resize& op) {
    if (op.coordinates != ResizeCoordinates::align_corners) return {};
    const Shape s = n.shape(n.in(0));
    for (int64_t i = 0; i < s.rank(); ++i) {
        const double exact = static_cast<double>(s[i]) * t.scale[static_cast<size_t>(i)];
        const auto whole = static_cast<double>(t.size[static_cast<size_t>(i)]);
        if (std::fabs(exact - whole) > 1e-4 * whole)
            return n.unsupported("align_corners with a factor that makes {:.4g} positions of {}, not a whole number; give sizes instead",
                                 exact, s[i]);
    }
    return {};
}

// Emits the resize of H and W; nothing else may change.
Status emit_resize(NodeContext& n, const Target& t, Resize op) {
    const Shape s = n.shape(n.in(0));
    bool same = true;
    for (int64_t i = 0; i < s.rank(); ++i) {
        const bool changes = t.scale[static_cast<size_t>(i)] != 1 || t.size[static_cast<size_t>(i)] != s[i];
        if (changes && i < 2) return n.unsupported("only the spatial dimensions may change their size");
        same = same && !changes;
    }
    if (same) return n.result(n.in(0));
    if (s.rank() != 3 && s.rank() != 4)
        return n.unsupported("data of rank {}; images [N,C,H,W] and sequences [N,C,L] are supported", s.rank());
    GW_TRY_DO(n.check_size(t.size));
    GW_TRY_DO(check_corners(n, t, op));
    for (size_t k = 0; k < 2; ++k) {
        const int64_t d = s.rank() - 2 + static_cast<int64_t>(k);
        if (d < 2) continue;  // the height of a sequence is 1 and stays so
        op.size[k] = t.size[static_cast<size_t>(d)];
        op.scale[k] = static_cast<float>(t.scale[static_cast<size_t>(d)]);
    }
    GW_TRY(ValueId x, n.to_nhwc(n.in(0)));
    GW_TRY(ValueId y, n.emit(op, {x}));
    return n.result(n.from_nhwc(y, s.rank()));
}

Status read_mode(NodeContext& n, Resize& op) {
    const std::string mode = n.text("mode", "nearest");
    if (mode == "cubic") return n.unsupported("cubic interpolation is not supported");
    if (mode != "nearest" && mode != "linear") return n.bad_attribute("attribute `mode`: `{}` is unknown", mode);
    op.mode = mode == "linear" ? ResizeMode::linear : ResizeMode::nearest;
    return {};
}

Status read_rules(NodeContext& n, Resize& op) {
    const std::string coordinates = n.text("coordinate_transformation_mode", "half_pixel");
    if (coordinates == "asymmetric")
        op.coordinates = ResizeCoordinates::asymmetric;
    else if (coordinates == "align_corners")
        op.coordinates = ResizeCoordinates::align_corners;
    else if (coordinates == "pytorch_half_pixel")
        op.coordinates = ResizeCoordinates::pytorch_half_pixel;
    else if (coordinates != "half_pixel")
        return n.unsupported("coordinate_transformation_mode `{}` is not supported", coordinates);
    const std::string rounding = n.text("nearest_mode", "round_prefer_floor");
    if (rounding == "round_prefer_ceil")
        op.rounding = ResizeRounding::round_prefer_ceil;
    else if (rounding == "floor")
        op.rounding = ResizeRounding::floor;
    else if (rounding == "ceil")
        op.rounding = ResizeRounding::ceil;
    else if (rounding != "round_prefer_floor")
        return n.bad_attribute("attribute `nearest_mode`: `{}` is unknown", rounding);
    if (n.integer("antialias", 0) != 0) return n.unsupported("antialiasing is not supported");
    return {};
}

std::vector<int64_t> all_axes(int64_t rank) {
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
    return axes;
}

// Upsample and the first Resize: factors only; positions are out/scale, rounded down.
Status resize_by_factors(NodeContext& n, const Tensor& scales) {
    const Shape s = n.shape(n.in(0));
    Resize op;
    op.coordinates = ResizeCoordinates::asymmetric;
    op.rounding = ResizeRounding::floor;
    GW_TRY_DO(read_mode(n, op));
    Target t = unchanged(s);
    GW_TRY_DO(take_scales(n, scales, all_axes(s.rank()), t));
    return emit_resize(n, t, op);
}
}  // namespace

Status upsample(NodeContext& n) {
    if (n.opset >= 9) {
        GW_TRY(Tensor scales, n.need_constant(1, "scales"));
        return resize_by_factors(n, scales);
    }
    const auto* a = n.attribute("scales");
    if (a == nullptr || a->type() != onnx::AttributeProto::FLOATS) return n.bad_attribute("attribute `scales` must be a list of numbers");
    const std::vector<float> factors(a->floats().begin(), a->floats().end());
    return resize_by_factors(n, Tensor::of<float>({static_cast<int64_t>(factors.size())}, factors));
}

Status resize(NodeContext& n) {
    if (n.opset == 10) {
        GW_TRY(Tensor scales, n.need_constant(1, "scales"));
        return resize_by_factors(n, scales);
    }
    const Shape s = n.shape(n.in(0));
    Resize op;
    GW_TRY_DO(read_mode(n, op));
    GW_TRY_DO(read_rules(n, op));
    std::vector<int64_t> axes = n.integers("axes", all_axes(s.rank()));
    for (int64_t& a : axes) {
        GW_TRY(a, n.axis(a, s.rank()));
    }
    Target t = unchanged(s);
    Tensor scales;
    if (n.has(2)) {
        GW_TRY(scales, n.need_constant(2, "scales"));
    }
    if (n.has(3)) {
        GW_TRY(std::vector<int64_t> sizes, n.need_ints(3, "sizes"));
        GW_TRY_DO(take_sizes(n, sizes, axes, t));
    } else if (scales.valid() && scales.elements() > 0) {
        GW_TRY_DO(take_scales(n, scales, axes, t));
    } else {
        return n.bad_operand("scales", "neither factors nor sizes are given");
    }
    return emit_resize(n, t, op);
}

}  // namespace gw::onnx_ops
