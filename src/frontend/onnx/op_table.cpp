// The import table: what the reader supports, in one place. docs/ and `glowworm supported-ops` are written from it.
#include <algorithm>
#include <array>

#include "frontend/onnx/operators.h"

namespace gw {

namespace {
using namespace onnx_ops;
using B = BinaryKind;
using R = ReduceKind;
using F = ReduceForm;
using U = UnaryKind;
constexpr int newest = 21;
constexpr int any = 1 << 20;  // number of operands

// Sorted by name. {name, first opset, last opset, note}, required operands, most operands, function.
constexpr OpRow rows[] = {
    {{"Abs", 7, newest, ""}, 1, 1, unary<U::abs>},
    {{"Acos", 7, newest, ""}, 1, 1, unary<U::acos>},
    {{"Acosh", 9, newest, ""}, 1, 1, unary<U::acosh>},
    {{"Add", 7, newest, ""}, 2, 2, binary<B::add>},
    {{"And", 7, newest, ""}, 2, 2, binary<B::logical_and>},
    {{"ArgMax", 7, newest, "float32, int32 and int8"}, 1, 1, places<false>},
    {{"ArgMin", 7, newest, "float32, int32 and int8"}, 1, 1, places<true>},
    {{"Asin", 7, newest, ""}, 1, 1, unary<U::asin>},
    {{"Asinh", 9, newest, ""}, 1, 1, unary<U::asinh>},
    {{"Atan", 7, newest, ""}, 1, 1, unary<U::atan>},
    {{"Atanh", 9, newest, ""}, 1, 1, unary<U::atanh>},
    {{"AveragePool", 7, newest, "one and two spatial dimensions; padding narrower than the window"}, 1, 1, average_pool},
    {{"BatchNormalization", 7, newest, "inference; constant scale, bias, mean and variance"}, 5, 5, batch_normalization},
    {{"Cast", 7, newest, "float16 and double are computed as float32"}, 1, 1, cast},
    {{"CastLike", 15, newest, ""}, 2, 2, cast_like},
    {{"Ceil", 7, newest, ""}, 1, 1, unary<U::ceil>},
    {{"Celu", 12, newest, ""}, 1, 1, celu},
    {{"Clip", 7, newest, "constant bounds"}, 1, 3, clip},
    {{"Concat", 7, newest, ""}, 1, any, concat},
    {{"Constant", 7, newest, "numbers in dense tensors"}, 0, 0, onnx_ops::constant},
    {{"ConstantOfShape", 9, newest, "constant shape"}, 1, 1, constant_of_shape},
    {{"Conv", 7, newest, "one and two spatial dimensions; constant weights"}, 2, 3, conv},
    {{"ConvInteger", 10, newest, "one and two spatial dimensions; constant weights and weights' zero points"}, 2, 4, conv_integer},
    {{"ConvTranspose", 7, newest, "one and two spatial dimensions; constant weights"}, 2, 3, conv_transpose},
    {{"Cos", 7, newest, ""}, 1, 1, unary<U::cos>},
    {{"Cosh", 9, newest, ""}, 1, 1, unary<U::cosh>},
    {{"DepthToSpace", 7, newest, ""}, 1, 1, depth_to_space},
    {{"DequantizeLinear", 10, newest, "per tensor and per axis; constant scale and zero point"}, 2, 3, dequantize_linear},
    {{"Div", 7, newest, ""}, 2, 2, binary<B::div>},
    {{"Dropout", 7, newest, "inference; the mask is not supported"}, 1, 3, dropout},
    {{"DynamicQuantizeLinear", 11, newest, "computed in float32"}, 1, 1, nullptr},
    {{"Elu", 7, newest, ""}, 1, 1, elu},
    {{"Equal", 7, newest, ""}, 2, 2, binary<B::equal>},
    {{"Erf", 9, newest, ""}, 1, 1, unary<U::erf>},
    {{"Exp", 7, newest, ""}, 1, 1, unary<U::exp>},
    {{"Expand", 8, newest, "constant shape"}, 2, 2, expand},
    {{"Flatten", 7, newest, ""}, 1, 1, flatten},
    {{"Floor", 7, newest, ""}, 1, 1, unary<U::floor>},
    {{"GRU", 7, newest, "float32; sequences of full length; Affine, Elu, HardSigmoid, LeakyRelu, Relu, Sigmoid, Softplus, Tanh"},
     3,
     6,
     recurrent<RecurrentKind::gru>},
    {{"Gather", 7, newest, ""}, 2, 2, gather},
    {{"Gelu", 20, newest, ""}, 1, 1, gelu},
    {{"Gemm", 7, newest, ""}, 2, 3, gemm},
    {{"GlobalAveragePool", 7, newest, ""}, 1, 1, global_average_pool},
    {{"GlobalMaxPool", 7, newest, ""}, 1, 1, global_max_pool},
    {{"Greater", 7, newest, ""}, 2, 2, binary<B::greater>},
    {{"GreaterOrEqual", 12, newest, ""}, 2, 2, greater_or_equal},
    {{"HardSigmoid", 7, newest, ""}, 1, 1, hard_sigmoid},
    {{"HardSwish", 14, newest, ""}, 1, 1, unary<U::hard_swish>},
    {{"Hardmax", 7, newest, ""}, 1, 1, hardmax},
    {{"Identity", 7, newest, ""}, 1, 1, identity},
    {{"If", 7, newest, "constant condition"}, 1, 1, nullptr},
    {{"InstanceNormalization", 7, newest, ""}, 3, 3, instance_normalization},
    {{"LRN", 7, newest, ""}, 1, 1, lrn},
    {{"LSTM", 7, newest,
      "float32; without coupled gates; sequences of full length; Affine, Elu, HardSigmoid, LeakyRelu, Relu, Sigmoid, Softplus, Tanh"},
     3,
     8,
     recurrent<RecurrentKind::lstm>},
    {{"LayerNormalization", 17, newest, ""}, 2, 3, layer_normalization},
    {{"LeakyRelu", 7, newest, ""}, 1, 1, leaky_relu},
    {{"Less", 7, newest, ""}, 2, 2, binary<B::less>},
    {{"LessOrEqual", 12, newest, ""}, 2, 2, less_or_equal},
    {{"Log", 7, newest, ""}, 1, 1, unary<U::log>},
    {{"LogSoftmax", 7, newest, ""}, 1, 1, log_softmax},
    {{"MatMul", 7, newest, ""}, 2, 2, matmul},
    {{"MatMulInteger", 10, newest, ""}, 2, 4, matmul_integer},
    {{"Max", 7, newest, ""}, 1, any, chain<B::max, false>},
    {{"MaxPool", 7, newest, "one and two spatial dimensions; padding narrower than the window; no indices"}, 1, 1, max_pool},
    {{"Mean", 7, newest, ""}, 1, any, chain<B::add, true>},
    {{"MeanVarianceNormalization", 9, newest, ""}, 1, 1, mean_variance_normalization},
    {{"Min", 7, newest, ""}, 1, any, chain<B::min, false>},
    {{"Mish", 18, newest, ""}, 1, 1, mish},
    {{"Mod", 10, newest, ""}, 2, 2, mod},
    {{"Mul", 7, newest, ""}, 2, 2, binary<B::mul>},
    {{"Neg", 7, newest, ""}, 1, 1, unary<U::neg>},
    {{"Not", 7, newest, ""}, 1, 1, logical_not},
    {{"OneHot", 9, newest, "constant depth and values"}, 3, 3, one_hot},
    {{"Or", 7, newest, ""}, 2, 2, binary<B::logical_or>},
    {{"PRelu", 7, newest, ""}, 2, 2, prelu},
    {{"Pad", 7, newest, "constant, reflect and edge; constant pads"}, 1, 4, pad},
    {{"Pow", 7, newest, ""}, 2, 2, onnx_ops::pow},
    {{"QLinearConv", 10, newest, "int8 and uint8; constant scales and zero points"}, 8, 9, nullptr},
    {{"QLinearMatMul", 10, newest, "int8 and uint8; constant scales and zero points"}, 8, 8, nullptr},
    {{"QuantizeLinear", 10, newest, "integers; per tensor and per axis; constant scale and zero point"}, 2, 3, quantize_linear},
    {{"RNN", 7, newest, "float32; sequences of full length; Affine, Elu, HardSigmoid, LeakyRelu, Relu, Sigmoid, Softplus, Tanh"},
     3,
     6,
     recurrent<RecurrentKind::rnn>},
    {{"Range", 11, newest, "constant operands"}, 3, 3, range},
    {{"Reciprocal", 7, newest, ""}, 1, 1, unary<U::reciprocal>},
    {{"ReduceL1", 7, newest, "constant axes"}, 1, 2, reduce<R::sum, F::absolute, 18>},
    {{"ReduceL2", 7, newest, "constant axes"}, 1, 2, reduce<R::sum, F::root_of_squares, 18>},
    {{"ReduceLogSum", 7, newest, "constant axes"}, 1, 2, reduce<R::sum, F::log_of_sum, 18>},
    {{"ReduceLogSumExp", 7, newest, "constant axes"}, 1, 2, reduce_log_sum_exp},
    {{"ReduceMax", 7, newest, "constant axes"}, 1, 2, reduce<R::max, F::plain, 18>},
    {{"ReduceMean", 7, newest, "constant axes"}, 1, 2, reduce<R::mean, F::plain, 18>},
    {{"ReduceMin", 7, newest, "constant axes"}, 1, 2, reduce<R::min, F::plain, 18>},
    {{"ReduceProd", 7, newest, "constant axes"}, 1, 2, reduce<R::product, F::plain, 18>},
    {{"ReduceSum", 7, newest, "constant axes"}, 1, 2, reduce<R::sum, F::plain, 13>},
    {{"ReduceSumSquare", 7, newest, "constant axes"}, 1, 2, reduce<R::sum, F::square, 18>},
    {{"Relu", 7, newest, ""}, 1, 1, relu},
    {{"Reshape", 7, newest, "constant shape"}, 2, 2, onnx_ops::reshape},
    {{"Resize", 10, newest, "nearest and linear, of the spatial dimensions; half_pixel, asymmetric, align_corners, pytorch_half_pixel"},
     1,
     4,
     resize},
    {{"Round", 11, newest, ""}, 1, 1, unary<U::round>},
    {{"Selu", 7, newest, ""}, 1, 1, selu},
    {{"Shape", 7, newest, ""}, 1, 1, shape},
    {{"Shrink", 9, newest, ""}, 1, 1, shrink},
    {{"Sigmoid", 7, newest, ""}, 1, 1, unary<U::sigmoid>},
    {{"Sign", 9, newest, ""}, 1, 1, unary<U::sign>},
    {{"Sin", 7, newest, ""}, 1, 1, unary<U::sin>},
    {{"Sinh", 9, newest, ""}, 1, 1, unary<U::sinh>},
    {{"Size", 7, newest, ""}, 1, 1, onnx_ops::size},
    {{"Slice", 7, newest, "constant bounds"}, 1, 5, slice},
    {{"Softmax", 7, newest, ""}, 1, 1, softmax},
    {{"Softplus", 7, newest, ""}, 1, 1, unary<U::softplus>},
    {{"Softsign", 7, newest, ""}, 1, 1, softsign},
    {{"SpaceToDepth", 7, newest, ""}, 1, 1, space_to_depth},
    {{"Split", 7, newest, "constant sizes"}, 1, 2, split},
    {{"Sqrt", 7, newest, ""}, 1, 1, unary<U::sqrt>},
    {{"Squeeze", 7, newest, "constant axes"}, 1, 2, squeeze},
    {{"Sub", 7, newest, ""}, 2, 2, binary<B::sub>},
    {{"Sum", 7, newest, ""}, 1, any, chain<B::add, false>},
    {{"Tan", 7, newest, ""}, 1, 1, unary<U::tan>},
    {{"Tanh", 7, newest, ""}, 1, 1, unary<U::tanh>},
    {{"ThresholdedRelu", 10, newest, ""}, 1, 1, thresholded_relu},
    {{"Tile", 7, newest, "constant repeats"}, 2, 2, tile},
    {{"Transpose", 7, newest, ""}, 1, 1, transpose},
    {{"Trilu", 14, newest, "constant k"}, 1, 2, trilu},
    {{"Unsqueeze", 7, newest, "constant axes"}, 1, 2, unsqueeze},
    {{"Upsample", 7, 9, "nearest and linear, of the spatial dimensions"}, 1, 2, upsample},
    {{"Where", 9, newest, ""}, 3, 3, onnx_ops::where},
    {{"Xor", 7, newest, ""}, 2, 2, logical_xor},
    {{"com.microsoft.QGemm", 7, newest, ""}, 6, any, nullptr},
    {{"com.microsoft.QLinearAdd", 7, newest, ""}, 8, any, nullptr},
    {{"com.microsoft.QLinearAveragePool", 7, newest, ""}, 4, any, nullptr},
    {{"com.microsoft.QLinearConcat", 7, newest, ""}, 5, any, nullptr},
    {{"com.microsoft.QLinearGlobalAveragePool", 7, newest, ""}, 4, any, nullptr},
    {{"com.microsoft.QLinearLeakyRelu", 7, newest, ""}, 4, any, nullptr},
    {{"com.microsoft.QLinearMul", 7, newest, ""}, 8, any, nullptr},
    {{"com.microsoft.QLinearSigmoid", 7, newest, ""}, 4, any, nullptr},
    {{"com.microsoft.QLinearSoftmax", 7, newest, ""}, 4, any, nullptr},
};
constexpr size_t row_count = std::size(rows);

constexpr bool sorted() {
    for (size_t i = 1; i < row_count; ++i)
        if (!(rows[i - 1].op.name < rows[i].op.name)) return false;
    return true;
}
static_assert(sorted(), "the import table is searched by name");

constexpr auto public_rows = [] {
    std::array<SupportedOp, row_count> r{};
    for (size_t i = 0; i < row_count; ++i) r[i] = rows[i].op;
    return r;
}();

// Families that people ask for, with the reason why they are not there.
constexpr struct {
    std::string_view name, reason;
} reasons[] = {
    {"Loop", "loops are not supported"},
    {"Scan", "loops are not supported"},
    {"NonZero", "the shape of its result depends on the data"},
    {"NonMaxSuppression", "the shape of its result depends on the data"},
    {"Unique", "the shape of its result depends on the data"},
    {"Compress", "the shape of its result depends on the data"},
};
}  // namespace

std::span<const SupportedOp> supported_onnx_ops() { return public_rows; }

const OpRow* find_op(std::string_view name) {
    const auto* found =
        std::lower_bound(std::begin(rows), std::end(rows), name, [](const OpRow& row, std::string_view n) { return row.op.name < n; });
    return found != std::end(rows) && found->op.name == name ? found : nullptr;
}

std::string why_unsupported(std::string_view domain, std::string_view name) {
    if (!domain.empty())
        return fmt::format(
            "operators of the domain `{}` are not supported, and the model defines no such function; --custom {} makes it a call of yours",
            domain, name);
    for (const auto& r : reasons)
        if (r.name == name) return std::string(r.reason);
    return "the operator is not supported";
}

}  // namespace gw
