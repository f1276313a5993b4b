// What the ops' own files share: checks that infer makes again and again, walks over index spaces, access to bytes.
// Only for src/ops.
#pragma once
#include <algorithm>
#include <cstring>

#include "ops/op.h"

namespace gw::detail {

// --- infer --------------------------------------------------------------------------------------------------------------------------
inline bool has(std::span<const Operand> in, size_t i) { return i < in.size() && in[i].present(); }
inline const Tensor* given(std::span<const Tensor* const> in, size_t i) { return i < in.size() ? in[i] : nullptr; }
// The context whose messages name an operand.
inline InferContext about(const InferContext& context, std::string_view operand) {
    return {context.where.with_operand(operand), context.diag};
}
// Shape arithmetic may meet empty lists of dimensions; nothing else may be empty.
inline bool may_be_empty(const Type& t) { return t.dtype == DType::int64 && t.shape.rank() == 1; }
// Dimensions not negative, at most 2^31 elements, not empty unless may_be_empty; `what` is "result" or "operand".
Status check_extent(const Type& t, std::string_view what, const InferContext& context);
// The first `required` operands are there and not more than `most`, all of a sane extent. `names` are the op's own.
Status check_operands(std::span<const char* const> names, std::span<const Operand> in, size_t required, size_t most,
                      const InferContext& context);
template <class T>
Status check_operands(const T&, std::span<const Operand> in, size_t required, const InferContext& context) {
    return check_operands(T::operands, in, required, T::operands.size(), context);
}
Status check_rank(const Type& t, int64_t rank, std::string_view operand, std::string_view dims, const InferContext& context);
// The requantization of an op whose result is `to`, i8 or i16, with `channels` channels (1: one multiplier).
Status check_requant(const Requant& r, int64_t channels, const InferContext& context, DType to = DType::int8);
// Steps and distances of a spatial window: strides and dilations positive, pads not negative, all of them below 2^24.
Status check_window(const Pair& stride, const Pair& dilation, const Pads& pad, const InferContext& context);
// A zero point of i8 data; of i16 data, which are symmetric, it is 0.
Status check_zero_point(int32_t zero, std::string_view field, const InferContext& context, DType of = DType::int8);
// Float ops have no requantization; integer ops no float clamp.
Status check_float_only(const Requant& r, const InferContext& context);
Status check_no_clamp(float act_lo, float act_hi, const InferContext& context);
// The only result, its extent checked.
Expected<std::vector<Type>> one(Type t, const InferContext& context);

// --- boxes --------------------------------------------------------------------------------------------------------------------------
Box whole(const Shape& shape);
// The input positions of a window dimension that outputs [begin, end) read, clipped to [0, size).
std::array<int64_t, 2> window_range(int64_t begin, int64_t end, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                                    int64_t size);
// The box of an operand of shape `from` that broadcasts to the result.
Box broadcast_box(const Shape& from, const Box& box);

// --- evaluate -----------------------------------------------------------------------------------------------------------------------
// The bytes of a tensor whatever its type. The room is compiled without strict aliasing.
template <class T>
const T* raw(const Tensor& t) {
    return reinterpret_cast<const T*>(t.bytes().data());
}
template <class T>
T* raw(Tensor& t) {
    return reinterpret_cast<T*>(const_cast<char*>(t.bytes().data()));
}

// Calls f(pair-free): f(i, j) for every index of `dims` in row-major order; i counts up from 0, j = offset + Σ index·stride.
template <class F>
void walk(const std::vector<int64_t>& dims, const std::vector<int64_t>& strides, int64_t offset, F f) {
    const size_t rank = dims.size();
    if (rank == 0) {
        f(int64_t{0}, offset);
        return;
    }
    for (int64_t d : dims)
        if (d == 0) return;
    std::vector<int64_t> index(rank, 0);
    const int64_t inner = dims[rank - 1];
    const int64_t step = strides[rank - 1];
    int64_t i = 0;
    while (true) {
        for (int64_t k = 0, j = offset; k < inner; ++k, j += step) f(i++, j);
        size_t d = rank - 1;
        while (true) {
            if (d == 0) return;
            --d;
            offset += strides[d];
            if (++index[d] < dims[d]) break;
            offset -= strides[d] * dims[d];
            index[d] = 0;
        }
    }
}

// y[i] = x[j] for the pairs that `pairs(f)` calls f with; by size of element, packed types included.
template <class Pairs>
void move_elements(const Tensor& x, Tensor& y, Pairs pairs) {
    const auto copy = [&](auto zero) {
        using T = decltype(zero);
        const T* a = raw<T>(x);
        T* b = raw<T>(y);
        pairs([a, b](int64_t i, int64_t j) { b[i] = a[j]; });
    };
    switch (bits(x.type.dtype)) {
        case 8:
            copy(uint8_t{});
            break;
        case 16:
            copy(uint16_t{});
            break;
        case 32:
            copy(uint32_t{});
            break;
        case 64:
            copy(uint64_t{});
            break;
        default:
            pairs([&](int64_t i, int64_t j) { y.set(i, static_cast<double>(x.int_at(j))); });
    }
}
// The same for runs: y[i … i+n) = x[j … j+n).
void copy_run(const Tensor& x, int64_t j, Tensor& y, int64_t i, int64_t n);

// Calls f(T{}) with the type T of the elements of i8 or i16 data.
template <class F>
void with_int_type(DType t, F f) {
    if (t == DType::int16) {
        f(int16_t{});
    } else {
        f(int8_t{});
    }
}
// Quantized data that ops compute on in integers.
inline bool is_quantized_int(DType t) { return t == DType::int8 || t == DType::int16; }

// Strides of `from` seen as broadcast to a result of shape `to`: 0 where it repeats.
std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to);

// Product of dims[begin, end).
inline int64_t product(const Shape& s, int64_t begin, int64_t end) {
    int64_t n = 1;
    for (int64_t i = begin; i < end; ++i) n *= s[i];
    return n;
}

inline float clamp_to(float v, float lo, float hi) { return std::min(std::max(v, lo), hi); }

}  // namespace gw::detail
