// Tensors: storage, element access whatever the type, dequantization.
#include "tensor/tensor.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace gw {
namespace {

// Element access by the switch over dtype needs no second look at the type.
template <class T>
T& cell(void* bytes, size_t k) {
    return static_cast<T*>(bytes)[k];
}

}  // namespace

Tensor Tensor::zeros(Type type) {
    Tensor t;
    t.data_ = std::make_shared<std::vector<uint64_t>>(static_cast<size_t>((type.bytes() + 7) / 8 + 1));
    t.type = std::move(type);
    return t;
}

Tensor Tensor::from_bytes(Type type, std::string_view bytes) {
    Tensor t = zeros(std::move(type));
    GW_CHECK(static_cast<int64_t>(bytes.size()) == t.type.bytes(), "number of bytes");
    if (!bytes.empty()) std::memcpy(t.data_->data(), bytes.data(), bytes.size());
    return t;
}

Tensor Tensor::reshaped(Shape shape) const {
    GW_CHECK(shape.elements() == elements(), "reshape changes the number of elements");
    Tensor t = *this;
    t.type.shape = std::move(shape);
    return t;
}

Tensor Tensor::with_type(Type t) const {
    GW_CHECK(t.bytes() == type.bytes(), "another type must have as many bytes");
    Tensor r = *this;
    r.type = std::move(t);
    return r;
}

double Tensor::at(int64_t i) const {
    GW_CHECK(data_ != nullptr, "tensor without data");
    const auto k = static_cast<size_t>(i);
    void* const bytes = data_->data();
    switch (type.dtype) {
        case DType::float32:
            return cell<float>(bytes, k);
        case DType::float64:
            return cell<double>(bytes, k);
        case DType::float16:
            return half_to_float(cell<uint16_t>(bytes, k));
        default:
            return static_cast<double>(int_at(i));
    }
}

int64_t Tensor::int_at(int64_t i) const {
    GW_CHECK(data_ != nullptr, "tensor without data");
    const auto k = static_cast<size_t>(i);
    void* const bytes = data_->data();
    switch (type.dtype) {
        case DType::boolean:
        case DType::uint8:
            return cell<uint8_t>(bytes, k);
        case DType::int8:
            return cell<int8_t>(bytes, k);
        case DType::int16:
            return cell<int16_t>(bytes, k);
        case DType::uint16:
            return cell<uint16_t>(bytes, k);
        case DType::int32:
            return cell<int32_t>(bytes, k);
        case DType::uint32:
            return cell<uint32_t>(bytes, k);
        case DType::int64:
            return cell<int64_t>(bytes, k);
        case DType::int4:
        case DType::uint4: {
            const int v = cell<uint8_t>(bytes, k / 2) >> (k % 2 * 4) & 15;
            return type.dtype == DType::int4 && v > 7 ? v - 16 : v;
        }
        default:
            return static_cast<int64_t>(at(i));
    }
}

void Tensor::set(int64_t i, double v) {
    GW_CHECK(data_ != nullptr, "tensor without data");
    const auto k = static_cast<size_t>(i);
    void* const bytes = data_->data();
    switch (type.dtype) {
        case DType::float32:
            cell<float>(bytes, k) = static_cast<float>(v);
            break;
        case DType::float64:
            cell<double>(bytes, k) = v;
            break;
        case DType::float16:
            cell<uint16_t>(bytes, k) = float_to_half(static_cast<float>(v));
            break;
        case DType::boolean:
        case DType::uint8:
            cell<uint8_t>(bytes, k) = static_cast<uint8_t>(v);
            break;
        case DType::int8:
            cell<int8_t>(bytes, k) = static_cast<int8_t>(v);
            break;
        case DType::int16:
            cell<int16_t>(bytes, k) = static_cast<int16_t>(v);
            break;
        case DType::uint16:
            cell<uint16_t>(bytes, k) = static_cast<uint16_t>(v);
            break;
        case DType::int32:
            cell<int32_t>(bytes, k) = static_cast<int32_t>(v);
            break;
        case DType::uint32:
            cell<uint32_t>(bytes, k) = static_cast<uint32_t>(v);
            break;
        case DType::int64:
            cell<int64_t>(bytes, k) = static_cast<int64_t>(v);
            break;
        case DType::int4:
        case DType::uint4: {
            uint8_t& b = cell<uint8_t>(bytes, k / 2);
            const int shift = static_cast<int>(k % 2) * 4;
            b = static_cast<uint8_t>((b & ~(15 << shift)) | ((static_cast<int>(v) & 15) << shift));
            break;
        }
    }
}

std::vector<int64_t> Tensor::ints() const {
    std::vector<int64_t> v(static_cast<size_t>(elements()));
    for (size_t i = 0; i < v.size(); ++i) v[i] = int_at(static_cast<int64_t>(i));
    return v;
}

Tensor Tensor::dequantized() const {
    Tensor out = zeros({DType::float32, type.shape, {}});
    auto o = out.mutable_data<float>();
    const Quant& q = type.quant;
    int64_t inner = 1;
    if (q.axis >= 0)
        for (int64_t i = q.axis + 1; i < type.shape.rank(); ++i) inner *= type.shape[i];
    for (int64_t i = 0; i < elements(); ++i) {
        double v = at(i);
        if (!q.empty()) {
            int64_t k = 0;
            if (q.axis >= 0) {
                k = i / inner % type.shape[q.axis];
                if (q.block > 0) k /= q.block;
            }
            v = (v - q.zero_point(k)) * static_cast<double>(q.scale(k));
        }
        o[static_cast<size_t>(i)] = static_cast<float>(v);
    }
    return out;
}

float half_to_float(uint16_t h) {
    const int exponent = h >> 10 & 31;
    const int mantissa = h & 1023;
    const float sign = (h & 0x8000) != 0 ? -1.0f : 1.0f;
    if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
    return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

uint16_t float_to_half(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    const auto sign = static_cast<uint16_t>(u >> 16 & 0x8000);
    if (std::isnan(f)) return static_cast<uint16_t>(sign | 0x7e00);
    const float a = std::fabs(f);
    if (a >= 65520.0f) return static_cast<uint16_t>(sign | 0x7c00);
    if (a < 6.103515625e-05f) return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(a, 24))));
    int e = 0;
    const float m = std::frexp(a, &e);                             // a = m · 2^e, m in [0.5, 1)
    auto r = static_cast<int>(std::nearbyint(std::ldexp(m, 11)));  // 1024 … 2048
    if (r == 2048) r = 1024, ++e;
    return static_cast<uint16_t>(sign | ((e + 14) << 10) | (r - 1024));
}

}  // namespace gw
