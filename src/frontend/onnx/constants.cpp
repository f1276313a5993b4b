// Weights are laid out anew and shape arithmetic is done while a model is read. Everything here works on any element type: elements move as
// they are, by bytes, or one at a time where a type is packed.
#include "frontend/onnx/constants.h"

#include <cstring>

namespace gw {

namespace {
// Copies element `from` of x to element `to` of y.
void move_element(const Tensor& x, int64_t from, Tensor& y, char* out, int64_t to) {
    const auto size = static_cast<size_t>(bits(x.type.dtype) / 8);
    if (size == 0) {
        y.set(to, static_cast<double>(x.int_at(from)));
        return;
    }
    std::memcpy(out + static_cast<size_t>(to) * size, x.bytes().data() + static_cast<size_t>(from) * size, size);
}

char* writable(Tensor& t) {
    // Every element type is a view of bytes; the typed views of Tensor differ only in their pointer's type.
    switch (bits(t.type.dtype)) {
        case 16:
            return t.type.dtype == DType::int16 ? reinterpret_cast<char*>(t.mutable_data<int16_t>().data())
                                                : reinterpret_cast<char*>(t.mutable_data<uint16_t>().data());
        case 32:
            if (t.type.dtype == DType::float32) return reinterpret_cast<char*>(t.mutable_data<float>().data());
            return t.type.dtype == DType::int32 ? reinterpret_cast<char*>(t.mutable_data<int32_t>().data())
                                                : reinterpret_cast<char*>(t.mutable_data<uint32_t>().data());
        case 64:
            return t.type.dtype == DType::int64 ? reinterpret_cast<char*>(t.mutable_data<int64_t>().data())
                                                : reinterpret_cast<char*>(t.mutable_data<double>().data());
        default:
            return reinterpret_cast<char*>(t.mutable_data<uint8_t>().data());
    }
}

// Strides of x seen through the broadcast shape: 0 where x has size 1 or no dimension.
std::vector<int64_t> broadcast_strides(const Shape& x, const Shape& shape) {
    const std::vector<int64_t> own = x.strides();
    std::vector<int64_t> strides(shape.dims().size(), 0);
    const auto lead = static_cast<size_t>(shape.rank() - x.rank());
    for (size_t i = 0; i < own.size(); ++i) strides[lead + i] = x[static_cast<int64_t>(i)] == 1 ? 0 : own[i];
    return strides;
}

// Calls f(to, from…) for each index of `shape` in order; one `from` for each list of strides.
template <class F>
void walk(const Shape& shape, const std::vector<std::vector<int64_t>>& strides, F f) {
    std::vector<int64_t> index(shape.dims().size(), 0), from(strides.size(), 0);
    const int64_t n = shape.elements();
    for (int64_t to = 0; to < n; ++to) {
        f(to, from);
        for (size_t d = index.size(); d-- > 0;) {
            ++index[d];
            for (size_t k = 0; k < strides.size(); ++k) from[k] += strides[k][d];
            if (index[d] < shape[static_cast<int64_t>(d)]) break;
            for (size_t k = 0; k < strides.size(); ++k) from[k] -= strides[k][d] * index[d];
            index[d] = 0;
        }
    }
}
}  // namespace

Tensor permuted(const Tensor& x, const std::vector<int64_t>& perm) {
    const std::vector<int64_t> own = x.shape().strides();
    std::vector<int64_t> dims, strides;
    Quant quant = x.type.quant;
    for (size_t i = 0; i < perm.size(); ++i) {
        dims.push_back(x.shape()[perm[i]]);
        strides.push_back(own[static_cast<size_t>(perm[i])]);
        if (x.type.quant.axis == perm[i]) quant.axis = static_cast<int64_t>(i);
    }
    Tensor y = Tensor::zeros({x.type.dtype, Shape(std::move(dims)), std::move(quant)});
    char* out = writable(y);
    walk(y.shape(), {strides}, [&](int64_t to, const std::vector<int64_t>& from) { move_element(x, from[0], y, out, to); });
    return y;
}

Tensor reshaped_axis(const Tensor& x, Shape shape, int64_t to) {
    Tensor y = x.reshaped(std::move(shape));
    if (y.type.quant.axis >= 0) y.type.quant.axis = to;
    return y;
}

Tensor scaled(const Tensor& x, double factor) {
    Tensor y = Tensor::zeros(x.type);
    for (int64_t i = 0; i < x.elements(); ++i) y.set(i, x.at(i) * factor);
    return y;
}

Tensor filled(DType dtype, Shape shape, double value) {
    Tensor y = Tensor::zeros({dtype, std::move(shape), {}});
    if (value == 0) return y;
    for (int64_t i = 0; i < y.elements(); ++i) y.set(i, value);
    return y;
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
    Tensor y = Tensor::zeros({x.type.dtype, shape, {}});
    char* out = writable(y);
    walk(shape, {broadcast_strides(x.shape(), shape)},
         [&](int64_t to, const std::vector<int64_t>& from) { move_element(x, from[0], y, out, to); });
    return y;
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, const Shape& shape) {
    Tensor y = Tensor::zeros({a.type.dtype, shape, {}});
    char* out = writable(y);
    walk(shape, {broadcast_strides(condition.shape(), shape), broadcast_strides(a.shape(), shape), broadcast_strides(b.shape(), shape)},
         [&](int64_t to, const std::vector<int64_t>& from) {
             const bool first = condition.int_at(from[0]) != 0;
             move_element(first ? a : b, first ? from[1] : from[2], y, out, to);
         });
    return y;
}

bool all_equal(const Tensor& x) {
    for (int64_t i = 1; i < x.elements(); ++i)
        if (!(x.at(i) == x.at(0))) return false;
    return x.elements() > 0;
}

}  // namespace gw
