// Ops: what a node of a Graph may be. An op is declared once: a struct with its fields, and the four functions of `Operator` in its .cpp.
// ops.def lists them all; forgetting a function is a compile error that names the op.
//
// Layouts: activations NHWC (any rank for ops that are not spatial), convolution weights OHWI with I = input channels / groups,
// dense weights [O, K]. Integer ops carry their arithmetic explicitly (Requant, zero points); scales on types only say what a value means.
#pragma once
#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/diagnostics.h"
#include "tensor/fixed_point.h"
#include "tensor/tensor.h"

namespace gw {

// What infer sees of an operand: its type, and its value when it is constant. An absent optional operand has type == nullptr.
struct Operand {
    const Type* type = nullptr;
    const Tensor* value = nullptr;
    bool present() const { return type != nullptr; }
};

struct InferContext {
    Location where;
    Diagnostics* diag;
    template <class... Args>
    Failure fail(fmt::format_string<Args...> format, Args&&... args) const {
        return diag->error(DiagId::op_types, where, format, std::forward<Args>(args)...);
    }
};

struct Work {
    int64_t macs = 0;        // multiply-accumulates, padding taps counted
    int64_t parameters = 0;  // elements of constant operands are counted by the graph; this is for ops that hold tables themselves
};

// A box of an activation's index space: [begin, end) in each dimension.
struct Box {
    std::vector<int64_t> begin, end;
};

template <class Struct, class Member>
struct Field {
    std::string_view name;
    Member Struct::*member;
};
template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member) {
    return {name, member};
}

inline constexpr float infinity = std::numeric_limits<float>::infinity();

// ---------------------------------------------------------------------------------------------------------------------------------
// Spatial window: kernel [h, w], stride [h, w], dilation [h, w], pad [top, left, bottom, right].
using Pair = std::array<int64_t, 2>;
using Pads = std::array<int64_t, 4>;

// 2-D convolution. y[n,oy,ox,o] = act(bias[o] + Σ (x[n, oy·sh + ky·dh − top, ox·sw + kx·dw − left, g·I + i] − x_zero) · w[o,ky,kx,i]).
// Taps outside x contribute nothing. Float: act clamps to [act_lo, act_hi]. Integer (x i8, w i8, bias i32): y = requant(acc), of w −
// w_zero. x i16, w i8: sums of 64 bits, bias i64 and requant `wide`, or of 32, bias i32 and requant `twice`; x_zero 0. Without a
// requantization x is i8, u8 or i16 and y the sums themselves, i32, modulo 2^32. Depthwise is groups == input channels. 1-D convolutions
// have height 1.
struct Conv2D {
    static constexpr std::string_view name = "conv2d";
    static constexpr std::array operands{"x", "w", "bias"};
    Pair stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    int64_t groups = 1;
    float act_lo = -infinity, act_hi = infinity;
    int32_t x_zero = 0, w_zero = 0;
    Requant requant;
    static constexpr auto fields() {
        return std::tuple{field("stride", &Conv2D::stride), field("dilation", &Conv2D::dilation), field("pad", &Conv2D::pad),
                          field("groups", &Conv2D::groups), field("act_lo", &Conv2D::act_lo),     field("act_hi", &Conv2D::act_hi),
                          field("x_zero", &Conv2D::x_zero), field("w_zero", &Conv2D::w_zero),     field("requant", &Conv2D::requant)};
    }
    bool operator==(const Conv2D&) const = default;
};

// Fully connected: x [..., K], w [O, K], bias [O]; y [..., O]. Arithmetic as Conv2D's.
struct Dense {
    static constexpr std::string_view name = "dense";
    static constexpr std::array operands{"x", "w", "bias"};
    float act_lo = -infinity, act_hi = infinity;
    int32_t x_zero = 0, w_zero = 0;
    Requant requant;
    static constexpr auto fields() {
        return std::tuple{field("act_lo", &Dense::act_lo), field("act_hi", &Dense::act_hi), field("x_zero", &Dense::x_zero),
                          field("w_zero", &Dense::w_zero), field("requant", &Dense::requant)};
    }
    bool operator==(const Dense&) const = default;
};

// Product of two activations: a [..., M, K] · b [..., K, N] → [..., M, N]; leading dimensions broadcast.
// Integer: acc = Σ (a − a_zero)(b − b_zero), y = requant(acc), one multiplier; of i16 in 64 bits, requant `wide`.
// Without a requantization a and b are i16 and y the sums themselves, i32, modulo 2^32.
struct MatMul {
    static constexpr std::string_view name = "matmul";
    static constexpr std::array operands{"a", "b"};
    int32_t a_zero = 0, b_zero = 0;
    Requant requant;
    static constexpr auto fields() {
        return std::tuple{field("a_zero", &MatMul::a_zero), field("b_zero", &MatMul::b_zero), field("requant", &MatMul::requant)};
    }
    bool operator==(const MatMul&) const = default;
};

enum class PoolKind : uint8_t { max, average };
// Pooling over windows of x NHWC. Positions outside x never win a maximum; an average divides by the positions inside x, or by the whole
// window with count_pad (then padding counts as real 0, that is x_zero). Integer (i8, i16): input and output have the same scale and zero
// point; the average rounds half away from zero: acc ≥ 0 ? (acc + n/2)/n : (acc − n/2)/n, of Σ x (with count_pad of Σ (x − x_zero), then
// x_zero added); result clamped to [lo, hi].
struct Pool2D {
    static constexpr std::string_view name = "pool2d";
    static constexpr std::array operands{"x"};
    PoolKind kind = PoolKind::max;
    Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    bool count_pad = false;
    float act_lo = -infinity, act_hi = infinity;
    int32_t x_zero = 0, lo = -128, hi = 127;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Pool2D::kind),     field("kernel", &Pool2D::kernel),
                          field("stride", &Pool2D::stride), field("dilation", &Pool2D::dilation),
                          field("pad", &Pool2D::pad),       field("count_pad", &Pool2D::count_pad),
                          field("act_lo", &Pool2D::act_lo), field("act_hi", &Pool2D::act_hi),
                          field("x_zero", &Pool2D::x_zero), field("lo", &Pool2D::lo),
                          field("hi", &Pool2D::hi)};
    }
    bool operator==(const Pool2D&) const = default;
};

enum class ReduceKind : uint8_t { sum, mean, max, min, product };
// Reduction over `axes` (sorted, non-negative). Integer sum and mean: acc = Σ (x − x_zero), y = requant(acc) (the multiplier holds 1/n);
// integer max and min keep scale and zero point and use no requant. Integer data are i8 or i16, sums have 32 bits.
struct Reduce {
    static constexpr std::string_view name = "reduce";
    static constexpr std::array operands{"x"};
    ReduceKind kind = ReduceKind::mean;
    std::vector<int64_t> axes;
    bool keep_dims = true;
    int32_t x_zero = 0;
    Requant requant;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Reduce::kind), field("axes", &Reduce::axes), field("keep_dims", &Reduce::keep_dims),
                          field("x_zero", &Reduce::x_zero), field("requant", &Reduce::requant)};
    }
    bool operator==(const Reduce&) const = default;
};

enum class BinaryKind : uint8_t {
    add,
    sub,
    mul,
    div,
    pow,
    min,
    max,
    mod,
    squared_difference,
    equal,
    less,
    greater,
    logical_and,
    logical_or
};
// y = a op b with numpy broadcasting. Float: result clamped to [act_lo, act_hi].
// Integer (i8, i16): add and sub: acc = (a − a_zero)·a_multiplier ± (b − b_zero)·b_multiplier, y = requant(acc), one multiplier (narrow
// form: 1); with left_shift > 0 each operand is rescaled by itself before they meet, as TFLite does it: acc = rescale((a −
// a_zero)·2^left_shift, a_multiplier, a_shift) ± rescale((b − b_zero)·2^left_shift, b_multiplier, b_shift), `twice`, the only form for i16,
// left_shift at most 15; squared_difference: the square of that difference, left_shift at most 7, 0 for i16; equal, less and greater: of
// the two rescaled operands, bool, no requantization; mul: acc = (a − a_zero)(b − b_zero), y = requant(acc); min and max: operands and
// result share scale and zero point. int32 and int64 operands are computed exactly (shape arithmetic): division truncates, mod has the
// divisor's sign, a divisor 0 gives 0. Float mod is C's fmod. equal, less and greater give bool; logical_and and logical_or take and give
// bool.
struct Binary {
    static constexpr std::string_view name = "binary";
    static constexpr std::array operands{"a", "b"};
    BinaryKind kind = BinaryKind::add;
    float act_lo = -infinity, act_hi = infinity;
    int32_t a_zero = 0, b_zero = 0, a_multiplier = 1, b_multiplier = 1;
    Requant requant;
    int32_t left_shift = 0, a_shift = 0, b_shift = 0;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Binary::kind),
                          field("act_lo", &Binary::act_lo),
                          field("act_hi", &Binary::act_hi),
                          field("a_zero", &Binary::a_zero),
                          field("b_zero", &Binary::b_zero),
                          field("a_multiplier", &Binary::a_multiplier),
                          field("b_multiplier", &Binary::b_multiplier),
                          field("left_shift", &Binary::left_shift),
                          field("a_shift", &Binary::a_shift),
                          field("b_shift", &Binary::b_shift),
                          field("requant", &Binary::requant)};
    }
    bool operator==(const Binary&) const = default;
};

enum class UnaryKind : uint8_t {
    clamp,  // min(max(x, alpha), beta)
    sigmoid,
    tanh,
    erf,
    exp,
    log,
    sqrt,
    rsqrt,
    reciprocal,
    abs,
    neg,
    floor,
    ceil,
    round,
    sign,
    sin,
    cos,
    tan,
    asin,
    acos,
    atan,
    sinh,
    cosh,
    asinh,
    acosh,
    atanh,
    leaky_relu,    // x ≥ 0 ? x : alpha·x
    elu,           // x ≥ 0 ? x : alpha·(exp(x) − 1)
    hard_sigmoid,  // max(0, min(1, alpha·x + beta))
    hard_swish,    // x · max(0, min(1, x/6 + 1/2))
    softplus,
    gelu,
    silu,
    affine,            // alpha·x + beta
    power,             // x^alpha
    shrink,            // x < −alpha ? x + beta : x > alpha ? x − beta : 0
    thresholded_relu,  // x > alpha ? x : 0
    logical_not
};
// y = f(x), element by element, float (clamp, abs, neg and sign also int32 and int64; logical_not bool). Quantized unary ops are Lookup
// ops.
struct Unary {
    static constexpr std::string_view name = "unary";
    static constexpr std::array operands{"x"};
    UnaryKind kind = UnaryKind::clamp;
    float alpha = 0, beta = 0;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Unary::kind), field("alpha", &Unary::alpha), field("beta", &Unary::beta)};
    }
    bool operator==(const Unary&) const = default;
};

// y[i] = table[x[i] − lowest]; x i8 or u8, table i8 or u8 [256], y as table. Any function of one byte, rescaling included.
struct Lookup {
    static constexpr std::string_view name = "lookup";
    static constexpr std::array operands{"x", "table"};
    static constexpr auto fields() { return std::tuple{}; }
    bool operator==(const Lookup&) const = default;
};

// y = requant(x − x_zero), of i8 or i16 to i8 or i16: another scale, a clamp, or both. With `below` what is less than x_zero has that
// requantization instead; with `magnitude` it is of |x − x_zero|.
struct Rescale {
    static constexpr std::string_view name = "rescale";
    static constexpr std::array operands{"x"};
    DType to = DType::int16;
    int32_t x_zero = 0;
    bool magnitude = false;
    Requant requant, below;
    static constexpr auto fields() {
        return std::tuple{field("to", &Rescale::to), field("x_zero", &Rescale::x_zero), field("magnitude", &Rescale::magnitude),
                          field("requant", &Rescale::requant), field("below", &Rescale::below)};
    }
    bool operator==(const Rescale&) const = default;
};

// TFLite's logistic (kind sigmoid) or hyperbolic tangent (tanh) of i16, in Q0.15: fixed_logistic16 or fixed_tanh16 of
// (x·multiplier + 2^(shift−1)) >> shift, or x·multiplier with shift 0. y has the scale 2^-15.
struct Sigmoid16 {
    static constexpr std::string_view name = "sigmoid16";
    static constexpr std::array operands{"x"};
    UnaryKind kind = UnaryKind::sigmoid;
    int32_t multiplier = 3, shift = 0;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Sigmoid16::kind), field("multiplier", &Sigmoid16::multiplier), field("shift", &Sigmoid16::shift)};
    }
    bool operator==(const Sigmoid16&) const = default;
};

// x / √(Σ x²) along the last axis, i8 to i8 of scale 1/128 and zero point 0, as TFLite computes it: with the inverse root of
// Σ (x − x_zero)² as a fixed-point number (fixed_inverse_sqrt), y = clamp(rescale(x − x_zero), −128, 127), `twice`, shifted up by 7.
struct L2Norm {
    static constexpr std::string_view name = "l2_norm";
    static constexpr std::array operands{"x"};
    int32_t x_zero = 0;
    static constexpr auto fields() { return std::tuple{field("x_zero", &L2Norm::x_zero)}; }
    bool operator==(const L2Norm&) const = default;
};

// ratio: one division an element. reciprocal: TFLite's, one fixed-point reciprocal a line.
// table16: TFLite's for i16, exponentials and reciprocal by interpolated tables.
enum class SoftmaxForm : uint8_t { ratio, reciprocal, table16 };
// Softmax over `axis` (non-negative; after canonicalisation the last). Float: exp(x − max)/Σ, log of it with `log`.
// Integer (i8): e[k] = table[max − x[k]] with table u32 [256]. The output's scale is 1/256, zero point −128.
// ratio: y[k] = min(127, (e[k]·256 + Σ/2) / Σ − 128), in unsigned 32-bit arithmetic: e ≤ 2^23, and Σ e < 2^31 guaranteed by the table's
// maker. reciprocal: e in Q0.31, e < 2^31; at most 4095 elements a line; S = Σ ((e + 2^11) >> 12), in Q12.19; with the reciprocal of S
// (fixed_reciprocal): y[k] = min(127, rounding_divide(high_mul(scale, e[k]), bits_over_unit + 23) − 128).
// reciprocal with `log`: table u32 [2, 256], e as before and the distances max − x in Q5.26, at most 17; y[k] = clamp(127 +
// rounding_divide(−distance[k] − fixed_log(S), 22)), scale 1/16, zero point 127.
// Integer (i16, form table16, no table operand): d = clamp16(rescale(x[k] − max) + 32767), by multiplier and shift, `twice`, that take
// 10/65535 to 1; e[k] = exp_table16 at d, S = Σ e, at most 65535 elements; S·2^h in [2^30, 2^31) with h leading zeros less one;
// r = one_over_one_plus_table16 at clamp16(((S·2^h + 2^13) >> 14) − 98304); y[k] = (e[k]·r + 2^(29−h)) >> (30 − h), clamped to
// [0, 32767]. The output's scale is 2^-15, zero point 0.
struct Softmax {
    static constexpr std::string_view name = "softmax";
    static constexpr std::array operands{"x", "table"};
    int64_t axis = -1;
    bool log = false;
    SoftmaxForm form = SoftmaxForm::ratio;
    int32_t multiplier = 0, shift = 0;
    static constexpr auto fields() {
        return std::tuple{field("axis", &Softmax::axis), field("log", &Softmax::log), field("form", &Softmax::form),
                          field("multiplier", &Softmax::multiplier), field("shift", &Softmax::shift)};
    }
    bool operator==(const Softmax&) const = default;
};

// --- recurrent layers: the state comes in as an operand and goes out as a result; a Graph's states keep it between runs ---------------
enum class RecurrentKind : uint8_t { rnn, gru, lstm };
// A recurrent layer over x [T, N, I], T steps one after the other (from the last to the first when `reverse`), H units. w [G·H, I] meets x,
// r [G·H, H] meets h; G gates in ONNX's order: rnn 1; gru z r n (update, reset, new); lstm i o f c. h and c are [N, H]; c is the lstm's
// alone. Results: y [T, N, H], h after the last step, and of an lstm c after it.
// Float: bias [2·G·H], W's before R's; s_k = x·w_k + h·r_k + both biases, kept within ±clip; f, g and k are the gates' functions.
//   rnn  h' = f(s)
//   gru  z = f(s_z), r = f(s_r), n = g(x·w_n + b_n + (r⊙h)·r_n + b_rn), or with linear_before_reset g(… + r⊙(h·r_n + b_rn));
//        h' = (1 − z)⊙n + z⊙h
//   lstm peephole [3·H], i o f: i = f(s_i + p_i⊙c), f = f(s_f + p_f⊙c), c' = f⊙c + i⊙g(s_c), kept within ±cell_clip,
//        o = f(s_o + p_o⊙c'), h' = o⊙k(c')
// Integer, with logistic and tanh alone, no clip and no peephole: x, w, r, h and y i8, bias i32 [2·G·H]; of an lstm c i16 with the scale
//   2^cell_exponent; of rnn and gru h and y in Q0.7, h_zero 0. Each gate's sums over x and over h go to Q3.12 by x_requant and h_requant (a
//   multiplier a gate), its function gives Q0.15; cell_requant has two multipliers, of f·c and i·g; these three clamp to int16. requant is
//   of the lstm's h. An lstm's x, h and y may be i16: zero points 0, bias i64, sums of 64 bits, x_requant and h_requant `wide`.
//   docs/arithmetic.md has the formulas.
struct Recurrent {
    static constexpr std::string_view name = "recurrent";
    static constexpr std::array operands{"x", "w", "r", "h", "c", "bias", "peephole"};
    RecurrentKind kind = RecurrentKind::lstm;
    bool reverse = false, linear_before_reset = false;
    UnaryKind f = UnaryKind::sigmoid, g = UnaryKind::tanh, k = UnaryKind::tanh;
    std::array<float, 3> alpha{0, 0, 0}, beta{0, 0, 0};  // of f, g and k
    float clip = infinity, cell_clip = infinity;
    int32_t x_zero = 0, h_zero = 0, cell_exponent = 0;
    Requant x_requant, h_requant, cell_requant, requant;
    static constexpr auto fields() {
        return std::tuple{field("kind", &Recurrent::kind),
                          field("reverse", &Recurrent::reverse),
                          field("linear_before_reset", &Recurrent::linear_before_reset),
                          field("f", &Recurrent::f),
                          field("g", &Recurrent::g),
                          field("k", &Recurrent::k),
                          field("alpha", &Recurrent::alpha),
                          field("beta", &Recurrent::beta),
                          field("clip", &Recurrent::clip),
                          field("cell_clip", &Recurrent::cell_clip),
                          field("x_zero", &Recurrent::x_zero),
                          field("h_zero", &Recurrent::h_zero),
                          field("cell_exponent", &Recurrent::cell_exponent),
                          field("x_requant", &Recurrent::x_requant),
                          field("h_requant", &Recurrent::h_requant),
                          field("cell_requant", &Recurrent::cell_requant),
                          field("requant", &Recurrent::requant)};
    }
    int64_t gates() const { return kind == RecurrentKind::rnn ? 1 : kind == RecurrentKind::gru ? 3 : 4; }
    // The gates' functions: 0 f, 1 g, 2 k.
    Unary function(size_t i) const { return {i == 0 ? f : i == 1 ? g : k, alpha[i], beta[i]}; }
    bool operator==(const Recurrent&) const = default;
};

// TFLite's SVDF, a dense layer factored in rank: x [N, I], feature [F, I], time [F, M], state [N, F·M], bias [F / rank]. Each filter's
// memory moves up by one and takes Σ feature·x as its last; y[u] = act(bias[u] + Σ over the rank filters of unit u of Σ time·memory).
// Results: y [N, F / rank] and the new state. Integer: x, feature, y i8; state and time i8 or i16; bias i32:
// memory = feature_requant(Σ feature·(x − x_zero)), which holds the state's zero point and clamps to its type;
// y = requant(bias + Σ time·(memory − the state's zero point)).
struct Svdf {
    static constexpr std::string_view name = "svdf";
    static constexpr std::array operands{"x", "feature", "time", "state", "bias"};
    int64_t rank = 1;
    float act_lo = -infinity, act_hi = infinity;
    int32_t x_zero = 0;
    Requant feature_requant, requant;
    static constexpr auto fields() {
        return std::tuple{field("rank", &Svdf::rank),
                          field("act_lo", &Svdf::act_lo),
                          field("act_hi", &Svdf::act_hi),
                          field("x_zero", &Svdf::x_zero),
                          field("feature_requant", &Svdf::feature_requant),
                          field("requant", &Svdf::requant)};
    }
    bool operator==(const Svdf&) const = default;
};

// --- data movement: any dtype, quantization passes through unchanged ----------------------------------------------------------------
struct Reshape {
    static constexpr std::string_view name = "reshape";
    static constexpr std::array operands{"x"};
    std::vector<int64_t> shape;  // all dimensions given
    static constexpr auto fields() { return std::tuple{field("shape", &Reshape::shape)}; }
    bool operator==(const Reshape&) const = default;
};
// y.dim[i] = x.dim[perm[i]].
struct Transpose {
    static constexpr std::string_view name = "transpose";
    static constexpr std::array operands{"x"};
    std::vector<int64_t> perm;
    static constexpr auto fields() { return std::tuple{field("perm", &Transpose::perm)}; }
    bool operator==(const Transpose&) const = default;
};
// Any number of operands along `axis`.
struct Concat {
    static constexpr std::string_view name = "concat";
    static constexpr std::array operands{"x..."};
    int64_t axis = 0;
    static constexpr auto fields() { return std::tuple{field("axis", &Concat::axis)}; }
    bool operator==(const Concat&) const = default;
};
// y[i] = x[start + i·step] in each dimension; size is y's shape; step may be negative.
struct Slice {
    static constexpr std::string_view name = "slice";
    static constexpr std::array operands{"x"};
    std::vector<int64_t> start, size, step;
    static constexpr auto fields() {
        return std::tuple{field("start", &Slice::start), field("size", &Slice::size), field("step", &Slice::step)};
    }
    bool operator==(const Slice&) const = default;
};
// reflect leaves out the edge itself, symmetric repeats it.
enum class PadMode : uint8_t { constant, reflect, edge, symmetric };
// before/after a dimension; non-negative. `value` is in the element's own numbers (a quantized tensor's zero point for real 0).
struct Pad {
    static constexpr std::string_view name = "pad";
    static constexpr std::array operands{"x"};
    std::vector<int64_t> before, after;
    PadMode mode = PadMode::constant;
    float value = 0;
    static constexpr auto fields() {
        return std::tuple{field("before", &Pad::before), field("after", &Pad::after), field("mode", &Pad::mode),
                          field("value", &Pad::value)};
    }
    bool operator==(const Pad&) const = default;
};
// y = x indexed along `axis` by indices (i32 or i64, negative counts from the end, out of range is clamped at run time and an error when
// constant); shape x[:axis] + indices.shape + x[axis+1:].
struct Gather {
    static constexpr std::string_view name = "gather";
    static constexpr std::array operands{"x", "indices"};
    int64_t axis = 0;
    static constexpr auto fields() { return std::tuple{field("axis", &Gather::axis)}; }
    bool operator==(const Gather&) const = default;
};
// Place of the greatest element along `axis` (of the least with `smallest`); of equal ones the first, or the `last`. x f32, i8 or i32;
// result `to`, i32 or i64.
struct ArgMax {
    static constexpr std::string_view name = "argmax";
    static constexpr std::array operands{"x"};
    int64_t axis = 0;
    bool keep_dims = true, smallest = false, last = false;
    DType to = DType::int64;
    static constexpr auto fields() {
        return std::tuple{field("axis", &ArgMax::axis), field("keep_dims", &ArgMax::keep_dims), field("smallest", &ArgMax::smallest),
                          field("last", &ArgMax::last), field("to", &ArgMax::to)};
    }
    bool operator==(const ArgMax&) const = default;
};
// y = condition ? a : b with numpy broadcasting; condition bool, a and b of one type and quantization.
struct Select {
    static constexpr std::string_view name = "select";
    static constexpr std::array operands{"condition", "a", "b"};
    static constexpr auto fields() { return std::tuple{}; }
    bool operator==(const Select&) const = default;
};
enum class ResizeMode : uint8_t { nearest, linear };
enum class ResizeCoordinates : uint8_t { half_pixel, asymmetric, align_corners, pytorch_half_pixel };
enum class ResizeRounding : uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
// Integer weights of a linear resize: in units of 1/256, or in units of 1/1024 from places computed in integers, as TFLite has them.
enum class ResizeUnits : uint8_t { of_256, of_1024 };
// Resizes H and W of x NHWC to `size`; scale [h, w] is the model's (out/in when it gave sizes). Linear on i8: weights in units of 1/256,
// y = (Σ w_y·w_x·x + 2^15) >> 16; quantization unchanged. With units of_1024 y = Σ w_y·w_x·x / 2^20, rounded half away from zero.
struct Resize {
    static constexpr std::string_view name = "resize";
    static constexpr std::array operands{"x"};
    Pair size{1, 1};
    std::array<float, 2> scale{1, 1};
    ResizeMode mode = ResizeMode::nearest;
    ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
    ResizeRounding rounding = ResizeRounding::round_prefer_floor;
    ResizeUnits units = ResizeUnits::of_256;
    static constexpr auto fields() {
        return std::tuple{field("size", &Resize::size),         field("scale", &Resize::scale),
                          field("mode", &Resize::mode),         field("coordinates", &Resize::coordinates),
                          field("rounding", &Resize::rounding), field("units", &Resize::units)};
    }
    bool operator==(const Resize&) const = default;
};

// What one output position of one dimension of a resize reads: y = x[low]·(1 − weight) + x[high]·weight; nearest: x[low] alone.
struct ResizeTap {
    int64_t low, high;
    float weight;   // of `high`, 0 to 1
    int32_t parts;  // the same in the op's units, rounded to nearest; of_1024 may lie outside 0 to 1024 at the edges
};
// One tap an output position of dimension H (0) or W (1) of an input of `in_size` positions.
std::vector<ResizeTap> resize_taps(const Resize& op, size_t dimension, int64_t in_size);

// --- changes of element type -------------------------------------------------------------------------------------------------------
// Numeric conversion; float → integer truncates toward zero and saturates; anything → bool is x ≠ 0.
struct Cast {
    static constexpr std::string_view name = "cast";
    static constexpr std::array operands{"x"};
    DType to = DType::float32;
    static constexpr auto fields() { return std::tuple{field("to", &Cast::to)}; }
    bool operator==(const Cast&) const = default;
};
enum class Ties : uint8_t { even, away };
// f32 → integer with the quantization in the field: q = clamp(round(x / scale) + zero_point); halves go to the even number as in ONNX, or
// away from zero as in TFLite.
struct Quantize {
    static constexpr std::string_view name = "quantize";
    static constexpr std::array operands{"x"};
    DType to = DType::int8;
    Quant quant;
    Ties ties = Ties::even;
    static constexpr auto fields() {
        return std::tuple{field("to", &Quantize::to), field("quant", &Quantize::quant), field("ties", &Quantize::ties)};
    }
    bool operator==(const Quantize&) const = default;
};
// Integer with the quantization of its type → f32.
struct Dequantize {
    static constexpr std::string_view name = "dequantize";
    static constexpr std::array operands{"x"};
    static constexpr auto fields() { return std::tuple{}; }
    bool operator==(const Dequantize&) const = default;
};

// --- what others define --------------------------------------------------------------------------------------------------------------
inline constexpr size_t custom_operands_at_most = 16;
// Runs a custom operator in the interpreter. Operands that are left out are null.
using CustomCode = std::function<void(std::span<const Tensor* const> in, std::span<Tensor> out)>;
// A call of the user's C function glowworm_custom_<function> (docs/custom-ops.md): any operands, results of the types that `results`
// states, quantized as their values say. Nothing else is known of it: it has no effect but its results, and equal operands give equal ones.
// `options` are the bytes that the model gives the operator. `code` is no part of the op: without it the op cannot be evaluated.
struct Custom {
    static constexpr std::string_view name = "custom";
    static constexpr std::array operands{"x..."};
    std::string function;
    std::vector<Type> results;
    std::vector<int32_t> options;
    std::shared_ptr<const CustomCode> code;
    static constexpr auto fields() {
        return std::tuple{field("function", &Custom::function), field("results", &Custom::results), field("options", &Custom::options)};
    }
    bool operator==(const Custom& o) const { return function == o.function && results == o.results && options == o.options; }
};

// ---------------------------------------------------------------------------------------------------------------------------------
#define OP(T) T,
struct EndOfOps {
    bool operator==(const EndOfOps&) const = default;
};
using Op = std::variant<
#include "ops/ops.def"
    EndOfOps>;
#undef OP

// The four functions every op defines, found by its type.
#define OP(T) \
    Expected<std::vector<Type>> infer(const T&, std::span<const Operand> in, const InferContext&); \
    void evaluate(const T&, std::span<const Tensor* const> in, std::span<Tensor> out); \
    Work work(const T&, std::span<const Type* const> in, std::span<const Type* const> out); \
    std::optional<Box> needs(const T&, std::span<const Type* const> in, const Type& out, const Box& out_box, size_t operand);
#include "ops/ops.def"
#undef OP

// Dispatch. `evaluate` writes tensors that are allocated with the inferred types; absent operands are nullptr.
Expected<std::vector<Type>> infer(const Op& op, std::span<const Operand> in, const InferContext& context);
void evaluate(const Op& op, std::span<const Tensor* const> in, std::span<Tensor> out);
Work work(const Op& op, std::span<const Type* const> in, std::span<const Type* const> out);
// The box of `operand` that the box of the result needs; nothing means all of it.
std::optional<Box> needs(const Op& op, std::span<const Type* const> in, const Type& out, const Box& out_box, size_t operand);
std::string_view op_name(const Op& op);
// Name of operand i ("x", or "x" with its index for a list).
std::string operand_name(const Op& op, size_t i);
// A default-constructed op by name.
std::optional<Op> op_from_name(std::string_view name);
std::vector<Op> all_ops();

// Field values as text "stride=[2,2] pad=[1,1,1,1]": fields at their default are left out. Reading back is exact.
std::string print_fields(const Op& op);
// Sets one field from its text; false with a reason when there is no such field or the text does not fit.
bool set_field(Op& op, std::string_view name, std::string_view value, std::string& why);

// Names of enumerators, the same in text forms and reports.
std::string_view enum_name(PoolKind);
std::string_view enum_name(ReduceKind);
std::string_view enum_name(BinaryKind);
std::string_view enum_name(UnaryKind);
std::string_view enum_name(SoftmaxForm);
std::string_view enum_name(RecurrentKind);
std::string_view enum_name(Ties);
std::string_view enum_name(PadMode);
std::string_view enum_name(ResizeMode);
std::string_view enum_name(ResizeCoordinates);
std::string_view enum_name(ResizeRounding);
std::string_view enum_name(ResizeUnits);

// Reads what Quant::text writes ("q(0.5,-3)", "" for none); false when the text does not fit.
bool quant_from_text(std::string_view text, Quant& quant);

template <class T>
T* get_if(Op& op) {
    return std::get_if<T>(&op);
}
template <class T>
const T* get_if(const Op& op) {
    return std::get_if<T>(&op);
}

// Float meaning of the elementwise families, used by evaluate and by the tables of quantized ops.
float apply_unary(const Unary& op, float x);
float apply_binary(BinaryKind kind, float a, float b);

}  // namespace gw
