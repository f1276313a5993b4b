// ConvInteger and MatMulInteger: sums of products of bytes as int32, exact. The problem: either operand is int8 or uint8 with a zero point
// of its own, which dynamic quantization computes at run time, while conv2d and dense take int8 weights around one known zero point. The
// idea: data with a zero point that is known go in as they are; others become int16, the zero point taken off. Weights become int8, 128
// lower where they were uint8, with their zero point off where that fits; a matrix for which it does not, or that is no constant, is int16
// like the data.
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
bool is_byte(DType t) { return t == DType::int8 || t == DType::uint8; }

Status check_bytes(NodeContext& n, size_t i, std::string_view name) {
    const DType t = n.dtype(n.in(i));
    if (!is_byte(t)) return n.bad_operand(name, "type {}, expected int8 or uint8", dtype_long_name(t));
    if (n.has(i + 2) && n.dtype(n.in(i + 2)) != t)
        return n.bad_operand(fmt::format("{}_zero_point", name), "type {}, {} has {}", dtype_long_name(n.dtype(n.in(i + 2))), name,
                             dtype_long_name(t));
    return {};
}

// Operand i less its zero point, operand i + 2, as int16. Several zero points lie along dimension `axis`.
Expected<ValueId> centred(NodeContext& n, size_t i, int64_t axis) {
    if (!n.has(i + 2)) return n.emit(Cast{DType::int16}, {n.in(i)});
    GW_TRY(ValueId x, n.emit(Cast{DType::int32}, {n.in(i)}));
    GW_TRY(ValueId zero, n.emit(Cast{DType::int32}, {n.in(i + 2)}));
    if (n.rank(zero) == 1 && n.shape(zero)[0] > 1) {
        std::vector<int64_t> dims(static_cast<size_t>(std::max<int64_t>(n.rank(x) - axis, 1)), 1);
        dims[0] = n.shape(zero)[0];
        GW_TRY(zero, n.reshape(zero, std::move(dims)));
    }
    if (broadcast(n.shape(x), n.shape(zero)) != n.shape(x))
        return n.bad_operand("", "zero points of shape {} do not fit {}", n.shape(n.in(i + 2)).text(), n.shape(x).text());
    GW_TRY(x, n.binary(BinaryKind::sub, x, zero));
    return n.emit(Cast{DType::int16}, {x});
}

// Operand 0: as it is where its one zero point is known.
struct Data {
    ValueId x;
    int32_t zero = 0;
};
Expected<Data> data(NodeContext& n) {
    const Tensor zero = n.has(2) ? n.constant(n.in(2)) : Tensor();
    if (zero.valid() && zero.elements() == 1) return Data{n.in(0), static_cast<int32_t>(zero.int_at(0))};
    if (!n.has(2)) return Data{n.in(0)};
    GW_TRY(ValueId x, centred(n, 0, n.rank(n.in(0)) - 2));
    return Data{x};
}

// Operand 1 as int8 around one zero point, if it is constant and has such a form. Several zero points lie along `axis`.
struct Bytes {
    Weight weight;
    int32_t zero = 0;
};
std::optional<Bytes> bytes(const NodeContext& n, int64_t axis) {
    const Tensor w = n.constant(n.in(1)), zeros = n.has(3) ? n.constant(n.in(3)) : Tensor();
    if (!w.valid() || (n.has(3) && !zeros.valid())) return std::nullopt;
    const int64_t lower = w.type.dtype == DType::uint8 ? 128 : 0, several = zeros.valid() ? zeros.elements() : 1;
    if (several != 1 && (zeros.shape().rank() != 1 || several != w.shape()[axis])) return std::nullopt;
    const int64_t inner = w.shape().strides()[static_cast<size_t>(axis)];
    const auto zero_of = [&](int64_t i) { return zeros.valid() ? zeros.int_at(several == 1 ? 0 : i / inner % several) : 0; };
    const Type type{DType::int8, w.shape(), {}};
    Tensor plain = Tensor::zeros(type), shifted = Tensor::zeros(type);
    bool fits = true;
    for (int64_t i = 0; i < w.elements(); ++i) {
        const int64_t v = w.int_at(i) - zero_of(i);
        fits = fits && v >= lowest(DType::int8) && v <= highest(DType::int8);
        if (fits) plain.set(i, static_cast<double>(v));
        shifted.set(i, static_cast<double>(w.int_at(i) - lower));
    }
    const std::string& source = n.importer.graph[n.in(1)].source;
    if (fits) return Bytes{{plain, false, source}};
    if (several != 1) return std::nullopt;
    return Bytes{{shifted, false, source}, static_cast<int32_t>(zero_of(0) - lower)};
}
}  // namespace

Status conv_integer(NodeContext& n) {
    GW_TRY_DO(check_bytes(n, 0, "x"));
    GW_TRY_DO(check_bytes(n, 1, "w"));
    auto w = n.rank(n.in(1)) > 0 ? bytes(n, 0) : std::nullopt;
    if (!w) return n.unsupported("weights must be constant and fit int8 around their zero points, which must be constant");
    if (n.has(2) && n.shape(n.in(2)).elements() != 1)
        return n.bad_operand("x_zero_point", "{} numbers, expected one", n.shape(n.in(2)).elements());
    GW_TRY(Data d, data(n));
    Conv2D op;
    op.x_zero = d.zero, op.w_zero = w->zero;
    return convolve(n, d.x, std::move(w->weight), {}, op);
}

Status matmul_integer(NodeContext& n) {
    GW_TRY_DO(check_bytes(n, 0, "A"));
    GW_TRY_DO(check_bytes(n, 1, "B"));
    const int64_t rank = n.rank(n.in(1));
    if (auto w = rank == 1 || rank == 2 ? bytes(n, rank - 1) : std::nullopt) {
        GW_TRY(Data d, data(n));
        Dense op;
        op.x_zero = d.zero, op.w_zero = w->zero;
        return multiply(n, d.x, std::move(w->weight), n.in(1), op);
    }
    GW_TRY(ValueId a, centred(n, 0, n.rank(n.in(0)) - 2));
    GW_TRY(ValueId b, centred(n, 1, rank - 1));
    return multiply(n, a, std::nullopt, b, {});
}

}  // namespace gw::onnx_ops
