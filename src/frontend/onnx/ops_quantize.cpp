// QuantizeLinear and DequantizeLinear. The problem: ONNX keeps scale and zero point as operands of these two nodes; the graph keeps them in
// the type of the integers between them. The idea: a quantized constant (a weight) becomes a constant whose type carries its quantization,
// followed by a Dequantize that stays, so that a later pass can see both the integers and what they mean. Where integers come from
// somewhere that knows no quantization, the node is spelled in float: (x − zero point) · scale.
#include <cmath>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
struct Scheme {
    Quant quant;
    DType dtype = DType::uint8;  // of the zero point, when there is one
    bool has_zero_point = false;
};

// Operands 1 (scale) and 2 (zero point, optional) for data of shape `s`.
Expected<Scheme> read_scheme(NodeContext& n, const Shape& s) {
    Scheme r;
    if (n.integer("block_size", 0) != 0) return n.unsupported("scales a block are not supported");
    GW_TRY(Tensor scale, n.need_constant(1, "scale"));
    if (!is_float(scale.type.dtype)) return n.bad_operand("scale", "type {}", dtype_long_name(scale.type.dtype));
    Tensor zero;
    r.has_zero_point = n.has(2);
    if (r.has_zero_point) {
        GW_TRY(zero, n.need_constant(2, "zero_point"));
        r.dtype = zero.type.dtype;
        if (!is_integer(r.dtype)) return n.unsupported("quantization to {} is not supported", dtype_long_name(r.dtype));
        if (zero.elements() != scale.elements())
            return n.bad_operand("zero_point", "{} numbers, the scale has {}", zero.elements(), scale.elements());
    }
    const bool per_axis = scale.elements() != 1;
    if (per_axis) {
        GW_TRY(r.quant.axis, n.axis(n.integer("axis", 1), s.rank()));
        if (scale.shape() != Shape{s[r.quant.axis]})
            return n.bad_operand("scale", "shape {}, expected [{}] for axis {} of {}", scale.shape().text(), s[r.quant.axis], r.quant.axis,
                                 s.text());
    }
    for (int64_t i = 0; i < scale.elements(); ++i) {
        const double v = scale.at(i);
        if (!(v > 0) || !std::isfinite(v)) return n.bad_operand("scale", "scale {} of index {}", v, i);
        r.quant.scales.push_back(static_cast<float>(v));
        r.quant.zero_points.push_back(zero.valid() ? static_cast<int32_t>(zero.int_at(i)) : 0);
    }
    return r;
}

// The numbers of a quantization as they broadcast over data of rank `rank`.
Shape scheme_shape(const Quant& q, int64_t rank) {
    if (q.axis < 0) return {};
    std::vector<int64_t> dims(static_cast<size_t>(rank - q.axis), 1);
    dims[0] = static_cast<int64_t>(q.scales.size());
    return Shape(std::move(dims));
}

Status dequantize_in_float(NodeContext& n, const Quant& q) {
    const Shape shape = scheme_shape(q, n.rank(n.in(0)));
    const std::vector<float> zeros(q.zero_points.begin(), q.zero_points.end());
    GW_TRY(ValueId x, n.to_float(n.in(0)));
    GW_TRY(ValueId steps, n.binary(BinaryKind::sub, x, n.add(Tensor::of<float>(shape, zeros))));
    return n.result(n.binary(BinaryKind::mul, steps, n.add(Tensor::of<float>(shape, q.scales))));
}
}  // namespace

Status quantize_linear(NodeContext& n) {
    GW_TRY(Scheme s, read_scheme(n, n.shape(n.in(0))));
    if (const int64_t stated = n.integer("output_dtype", 0); stated != 0) {
        const auto dtype = stated > 0 && stated < 64 ? dtype_of_onnx(static_cast<int>(stated)) : std::nullopt;
        if (!dtype || !is_integer(*dtype))
            return n.unsupported("quantization to {} is not supported", onnx_type_name(static_cast<int>(stated)));
        if (s.has_zero_point && *dtype != s.dtype) return n.bad_attribute("attribute `output_dtype` is not the zero point's type");
        s.dtype = *dtype;
    }
    GW_TRY(ValueId x, n.to_float(n.in(0)));
    return n.result(n.emit(Quantize{s.dtype, s.quant}, {x}));
}

Status dequantize_linear(NodeContext& n) {
    Graph& g = n.importer.graph;
    const ValueId x = n.in(0);
    if (!is_integer(n.dtype(x))) return n.bad_operand("x", "type {}, expected integers", dtype_long_name(n.dtype(x)));
    GW_TRY(Scheme s, read_scheme(n, n.shape(x)));
    if (s.has_zero_point && s.dtype != n.dtype(x))
        return n.bad_operand("x_zero_point", "type {}, x has {}", dtype_long_name(s.dtype), dtype_long_name(n.dtype(x)));
    if (const Tensor t = n.constant(x); t.valid()) {
        Type type = t.type;
        type.quant = s.quant;
        return n.result(n.emit_kept(Dequantize{}, {n.add(t.with_type(std::move(type)), g[x].source)}));
    }
    if (g[x].is_input() && g.type(x).quant.empty() && g.use_counts()[static_cast<size_t>(x.index)] == 0) g[x].type.quant = s.quant;
    if (g.type(x).quant == s.quant) return n.result(n.emit_kept(Dequantize{}, {x}));
    return dequantize_in_float(n, s.quant);
}

}  // namespace gw::onnx_ops
