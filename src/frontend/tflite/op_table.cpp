// The operators that are read, by the format's numbers.
#include "frontend/tflite/operators.h"

namespace gw {
namespace {
using namespace tflite_ops;

constexpr std::string_view both = "int8 float32";
constexpr std::string_view all = "int8 int16 float32";
constexpr std::string_view integers = "int8 int16 float32 int32 int64";
constexpr std::string_view hybrid = "and int8 weights of float data; int16 data have int8 weights";
constexpr std::string_view floats = "float32";
constexpr std::string_view numbers = "float32 int32 int64";
constexpr std::string_view compared = "int8 float32 int32 int64";

constexpr TfliteOpRow rows[] = {
    {0, {"ADD", integers, ""}, add},
    {1, {"AVERAGE_POOL_2D", all, ""}, average_pool},
    {2,
     {"CONCATENATION", "any", "without a fused activation; int8 operands quantized as the result; uint8 ones are rescaled"},
     concatenation},
    {3, {"CONV_2D", all, hybrid}, conv},
    {4, {"DEPTHWISE_CONV_2D", all, hybrid}, depthwise_conv},
    {5, {"DEPTH_TO_SPACE", "any", ""}, depth_to_space},
    {6, {"DEQUANTIZE", "int8 int16", "and float16 constants"}, dequantize},
    {8, {"FLOOR", floats, ""}, real<UnaryKind::floor>},
    {9, {"FULLY_CONNECTED", all, hybrid}, fully_connected},
    {11, {"L2_NORMALIZATION", both, ""}, l2_normalization},
    {14, {"LOGISTIC", all, ""}, logistic},
    {17, {"MAX_POOL_2D", all, ""}, max_pool},
    {18, {"MUL", integers, ""}, mul},
    {19, {"RELU", all, ""}, relu},
    {20, {"RELU_N1_TO_1", both, ""}, relu_n1_to_1},
    {21, {"RELU6", all, ""}, relu6},
    {22, {"RESHAPE", "any", ""}, reshape},
    {23, {"RESIZE_BILINEAR", both, ""}, resize_bilinear},
    {25, {"SOFTMAX", all, ""}, softmax},
    {26, {"SPACE_TO_DEPTH", "any", ""}, space_to_depth},
    {27, {"SVDF", both, "int16 or int8 memory"}, svdf},
    {28, {"TANH", all, ""}, tanh},
    {34, {"PAD", "any", ""}, pad},
    {36, {"GATHER", "any", "without batch dimensions"}, gather},
    {37, {"BATCH_TO_SPACE_ND", "any", "one or two block sizes"}, batch_to_space},
    {38, {"SPACE_TO_BATCH_ND", "any", "one or two block sizes"}, space_to_batch},
    {39, {"TRANSPOSE", "any", ""}, transpose},
    {40, {"MEAN", all, ""}, reduce<ReduceKind::mean>},
    {41, {"SUB", integers, ""}, sub},
    {42, {"DIV", compared, ""}, div},
    {43, {"SQUEEZE", "any", ""}, reshape},
    {44,
     {"UNIDIRECTIONAL_SEQUENCE_LSTM", all,
      "int16 cell; int16 data have int8 weights and int64 biases; without peephole, projection and layer normalization"},
     sequence_lstm},
    {45, {"STRIDED_SLICE", "any", "without ellipsis and new axes"}, strided_slice},
    {47, {"EXP", both, "int8 as TFLite has it; TFLite Micro has none"}, exp},
    {49, {"SPLIT", "any", ""}, split},
    {50, {"LOG_SOFTMAX", both, ""}, log_softmax},
    {53, {"CAST", "any", ""}, cast},
    {54, {"PRELU", both, ""}, prelu},
    {55, {"MAXIMUM", integers, ""}, extreme<BinaryKind::max>},
    {56, {"ARG_MAX", "int8 float32 int32", ""}, arg_extreme<false>},
    {57, {"MINIMUM", integers, ""}, extreme<BinaryKind::min>},
    {58, {"LESS", integers, ""}, comparison<Comparison::less>},
    {59, {"NEG", numbers, ""}, real<UnaryKind::neg>},
    {60, {"PADV2", "any", ""}, pad},
    {61, {"GREATER", integers, ""}, comparison<Comparison::greater>},
    {62, {"GREATER_EQUAL", integers, ""}, comparison<Comparison::greater_equal>},
    {63, {"LESS_EQUAL", integers, ""}, comparison<Comparison::less_equal>},
    {64, {"SELECT", "any", ""}, select},
    {65, {"SLICE", "any", ""}, slice},
    {66, {"SIN", floats, ""}, real<UnaryKind::sin>},
    {67, {"TRANSPOSE_CONV", all, "without a fused activation"}, transpose_conv},
    {69, {"TILE", "any", ""}, tile},
    {70, {"EXPAND_DIMS", "any", ""}, reshape},
    {71, {"EQUAL", "int8 int16 float32 int32 int64 bool", ""}, comparison<Comparison::equal>},
    {72, {"NOT_EQUAL", "int8 int16 float32 int32 int64 bool", ""}, comparison<Comparison::not_equal>},
    {73, {"LOG", floats, ""}, real<UnaryKind::log>},
    {74, {"SUM", "int8 int16 float32 int32", ""}, reduce<ReduceKind::sum>},
    {75, {"SQRT", floats, ""}, real<UnaryKind::sqrt>},
    {76, {"RSQRT", both, ""}, rsqrt},
    {77, {"SHAPE", "any", "becomes a constant"}, shape},
    {78, {"POW", floats, ""}, pow},
    {79, {"ARG_MIN", "int8 float32 int32", ""}, arg_extreme<true>},
    {81, {"REDUCE_PROD", "float32 int32", ""}, reduce<ReduceKind::product>},
    {82, {"REDUCE_MAX", "int8 int16 float32 int32", ""}, reduce<ReduceKind::max>},
    {83, {"PACK", "any", ""}, pack},
    {84, {"LOGICAL_OR", "bool", ""}, logical<BinaryKind::logical_or>},
    {86, {"LOGICAL_AND", "bool", ""}, logical<BinaryKind::logical_and>},
    {87, {"LOGICAL_NOT", "bool", ""}, logical_not},
    {88, {"UNPACK", "any", ""}, unpack},
    {89, {"REDUCE_MIN", "int8 int16 float32 int32", ""}, reduce<ReduceKind::min>},
    {92, {"SQUARE", floats, ""}, square},
    {94, {"FILL", "any", "of constants"}, fill},
    {97, {"RESIZE_NEAREST_NEIGHBOR", "any", ""}, resize_nearest},
    {98, {"LEAKY_RELU", all, "slope not negative"}, leaky_relu},
    {99, {"SQUARED_DIFFERENCE", integers, ""}, squared_difference},
    {100, {"MIRROR_PAD", "any", ""}, mirror_pad},
    {101, {"ABS", integers, ""}, abs},
    {102, {"SPLIT_V", "any", ""}, split_v},
    {104, {"CEIL", floats, ""}, real<UnaryKind::ceil>},
    {108, {"COS", floats, ""}, real<UnaryKind::cos>},
    {111, {"ELU", both, ""}, elu},
    {114, {"QUANTIZE", "float32 int8 int16 to int8 int16", "uint8 is read as int8, 128 lower"}, quantize},
    {116, {"ROUND", floats, ""}, real<UnaryKind::round>},
    {117, {"HARD_SWISH", both, ""}, hard_swish},
    {123, {"SELECT_V2", "any", ""}, select},
    {126, {"BATCH_MATMUL", all, ""}, batch_matmul},
    {129, {"CALL_ONCE", "any", "of a subgraph that assigns constants to variables"}, call_once},
    {142, {"VAR_HANDLE", "any", ""}, var_handle},
    {143, {"READ_VARIABLE", "any", ""}, read_variable},
    {144, {"ASSIGN_VARIABLE", "any", ""}, assign_variable},
    {158, {"SIGN", numbers, ""}, real<UnaryKind::sign>},
};
}  // namespace

std::span<const TfliteOpRow> tflite_op_rows() { return rows; }

std::span<const SupportedTfliteOp> supported_tflite_ops() {
    static const std::vector<SupportedTfliteOp> list = [] {
        std::vector<SupportedTfliteOp> all;
        for (const TfliteOpRow& r : rows) all.push_back(r.op);
        return all;
    }();
    return list;
}

}  // namespace gw
