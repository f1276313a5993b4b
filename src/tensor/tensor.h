// A tensor: a type and its bytes. The bytes are shared and immutable once a tensor is copied: constants pass through the compiler
// without being copied; whoever writes does so through `mutable_data()` of a tensor made by `Tensor::zeros`.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tensor/type.h"

namespace gw {

namespace detail {
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
    static constexpr DType value = DType::float32;
};
template <>
struct DTypeOf<double> {
    static constexpr DType value = DType::float64;
};
template <>
struct DTypeOf<int8_t> {
    static constexpr DType value = DType::int8;
};
template <>
struct DTypeOf<uint8_t> {
    static constexpr DType value = DType::uint8;
};
template <>
struct DTypeOf<int16_t> {
    static constexpr DType value = DType::int16;
};
template <>
struct DTypeOf<uint16_t> {
    static constexpr DType value = DType::uint16;
};
template <>
struct DTypeOf<int32_t> {
    static constexpr DType value = DType::int32;
};
template <>
struct DTypeOf<uint32_t> {
    static constexpr DType value = DType::uint32;
};
template <>
struct DTypeOf<int64_t> {
    static constexpr DType value = DType::int64;
};
}  // namespace detail

class Tensor {
public:
    Tensor() = default;
    static Tensor zeros(Type type);
    static Tensor from_bytes(Type type, std::string_view bytes);  // bytes.size() == type.bytes()
    template <class T>
    static Tensor of(Shape shape, const std::vector<T>& values, Quant quant = {}) {
        Tensor t = zeros({detail::DTypeOf<T>::value, std::move(shape), std::move(quant)});
        GW_CHECK(static_cast<int64_t>(values.size()) == t.type.elements(), "number of values");
        std::copy(values.begin(), values.end(), t.mutable_data<T>().begin());
        return t;
    }

    Type type;

    int64_t elements() const { return type.elements(); }
    const Shape& shape() const { return type.shape; }
    bool valid() const { return data_ != nullptr; }
    std::string_view bytes() const { return {reinterpret_cast<const char*>(data_->data()), static_cast<size_t>(type.bytes())}; }
    // T must be the C++ type of dtype (uint8_t also views bool and packed types).
    template <class T>
    std::span<const T> data() const {
        check<T>();
        return {reinterpret_cast<const T*>(data_->data()), count<T>()};
    }
    template <class T>
    std::span<T> mutable_data() {
        check<T>();
        return {reinterpret_cast<T*>(data_->data()), count<T>()};
    }
    // Same bytes, other shape of as many elements.
    Tensor reshaped(Shape shape) const;
    Tensor with_type(Type t) const;  // same bytes seen as another type of the same size in bytes

    // Element i whatever the dtype, as a real number: integers as they are (no scale applied), float16 widened.
    double at(int64_t i) const;
    void set(int64_t i, double v);  // integers: v must be integral and in range
    int64_t int_at(int64_t i) const;
    std::vector<int64_t> ints() const;
    // real = scale · (q − zero_point); floats as they are; float32 of the same shape.
    Tensor dequantized() const;

private:
    template <class T>
    void check() const {
        GW_CHECK(data_ != nullptr, "tensor without data");
        GW_CHECK(type.dtype == detail::DTypeOf<T>::value || (sizeof(T) == 1 && bits(type.dtype) <= 8) ||
                     (type.dtype == DType::float16 && sizeof(T) == 2),
                 "tensor read as another element type");
    }
    template <class T>
    size_t count() const {
        return bits(type.dtype) < 8 ? static_cast<size_t>(type.bytes()) : static_cast<size_t>(type.elements());
    }
    std::shared_ptr<std::vector<uint64_t>> data_;  // 8-byte aligned
};

float half_to_float(uint16_t h);
uint16_t float_to_half(float f);  // round to nearest even

}  // namespace gw
