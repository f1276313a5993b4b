// The problem: ONNX stores one tensor in any of a dozen ways: raw little-endian bytes, typed lists whose element is wider than the type,
// or a range of a file beside the model. The idea: find out how many elements there must be first, from a product that cannot overflow,
// and read each form against that number, so that nothing the file says is believed before it is checked. After it: a Tensor that owns its
// bytes, or one error that names the tensor.
#include "frontend/onnx/tensor_reader.h"

#include <charconv>
#include <cstring>
#include <fstream>

#include "base/files.h"

namespace gw {

std::optional<int64_t> checked_elements(const std::vector<int64_t>& dims) {
    int64_t n = 1;
    bool empty = false;
    for (int64_t d : dims) {
        if (d < 0 || d > max_elements) return std::nullopt;
        if (d == 0) empty = true;
        n *= d == 0 ? 1 : d;
        if (n > max_elements) return std::nullopt;
    }
    return empty ? 0 : n;
}

namespace {
struct TypeRow {
    int onnx;
    std::string_view name;
    std::optional<DType> dtype;
};
// Numbers of TensorProto.DataType; the newer ones are not in every libonnx's schema, so they are written out.
constexpr TypeRow type_rows[] = {
    {1, "float", DType::float32}, {2, "uint8", DType::uint8},      {3, "int8", DType::int8},         {4, "uint16", DType::uint16},
    {5, "int16", DType::int16},   {6, "int32", DType::int32},      {7, "int64", DType::int64},       {8, "string", std::nullopt},
    {9, "bool", DType::boolean},  {10, "float16", DType::float16}, {11, "double", DType::float64},   {12, "uint32", DType::uint32},
    {13, "uint64", std::nullopt}, {14, "complex64", std::nullopt}, {15, "complex128", std::nullopt}, {16, "bfloat16", std::nullopt},
    {17, "float8e4m3fn", {}},     {18, "float8e4m3fnuz", {}},      {19, "float8e5m2", {}},           {20, "float8e5m2fnuz", {}},
    {21, "uint4", DType::uint4},  {22, "int4", DType::int4},       {23, "float4e2m1", std::nullopt},
};

// Entries of a typed list that hold `n` elements: int4 entries hold two each.
int64_t entries_for(DType dtype, int64_t n) { return bits(dtype) == 4 ? (n + 1) / 2 : n; }

template <class List>
bool fill(Tensor& t, const List& list) {
    if (list.size() != t.elements()) return false;
    for (int i = 0; i < list.size(); ++i) t.set(i, static_cast<double>(list[i]));
    return true;
}

// int32_data holds every type up to 32 bits; float16 as its bits, int4 two an entry.
bool fill_int32(Tensor& t, const google::protobuf::RepeatedField<int32_t>& list) {
    if (list.size() != entries_for(t.type.dtype, t.elements())) return false;
    if (t.type.dtype == DType::float16) {
        auto out = t.mutable_data<uint16_t>();
        for (int i = 0; i < list.size(); ++i) out[static_cast<size_t>(i)] = static_cast<uint16_t>(list[i]);
    } else if (bits(t.type.dtype) <= 8) {
        auto out = t.mutable_data<uint8_t>();
        for (int i = 0; i < list.size(); ++i) {
            const bool truth = t.type.dtype == DType::boolean;
            out[static_cast<size_t>(i)] = truth ? static_cast<uint8_t>(list[i] != 0) : static_cast<uint8_t>(list[i]);
        }
    } else if (bits(t.type.dtype) == 16) {
        for (int i = 0; i < list.size(); ++i) {
            const auto v = static_cast<uint16_t>(list[i]);
            t.set(i, t.type.dtype == DType::int16 ? static_cast<int16_t>(v) : v);
        }
    } else {
        return fill(t, list);
    }
    return true;
}

bool fill_int64(Tensor& t, const google::protobuf::RepeatedField<int64_t>& list) {
    if (list.size() != t.elements()) return false;
    auto out = t.mutable_data<int64_t>();
    std::copy(list.begin(), list.end(), out.begin());
    return true;
}

bool fill_typed(Tensor& t, const onnx::TensorProto& proto) {
    switch (t.type.dtype) {
        case DType::float32:
            return fill(t, proto.float_data());
        case DType::float64:
            return fill(t, proto.double_data());
        case DType::int64:
            return fill_int64(t, proto.int64_data());
        case DType::uint32:
            return fill(t, proto.uint64_data());
        default:
            return fill_int32(t, proto.int32_data());
    }
}

// Bytes other than 0 and 1 would make a bool that no kernel expects.
void normalise_booleans(Tensor& t) {
    if (t.type.dtype != DType::boolean) return;
    for (uint8_t& b : t.mutable_data<uint8_t>()) b = b != 0;
}

bool parse_int(const std::string& text, int64_t& value) {
    const char* end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, value);
    return r.ec == std::errc() && r.ptr == end && value >= 0;
}
}  // namespace

std::optional<DType> dtype_of_onnx(int data_type) {
    for (const TypeRow& row : type_rows)
        if (row.onnx == data_type) return row.dtype;
    return std::nullopt;
}

std::string onnx_type_name(int data_type) {
    for (const TypeRow& row : type_rows)
        if (row.onnx == data_type) return std::string(row.name);
    return fmt::format("type {}", data_type);
}

Expected<std::string_view> TensorReader::external(const onnx::TensorProto& proto, int64_t bytes, const Location& where, Diagnostics& diag) {
    std::string location;
    int64_t offset = 0, length = -1;
    for (const auto& entry : proto.external_data()) {
        bool good = true;
        if (entry.key() == "location") location = entry.value();
        if (entry.key() == "offset") good = parse_int(entry.value(), offset);
        if (entry.key() == "length") good = parse_int(entry.value(), length);
        if (!good) return diag.error(DiagId::onnx_external_data, where, "external data: {} `{}` is not a size", entry.key(), entry.value());
    }
    if (location.empty()) return diag.error(DiagId::onnx_external_data, where, "external data without a file name");
    const std::filesystem::path relative = std::filesystem::path(location).lexically_normal();
    const bool outside = relative.is_absolute() || relative.empty() || *relative.begin() == "..";
    if (outside) return diag.error(DiagId::onnx_external_data, where, "external data file `{}` lies outside the model's folder", location);
    auto found = files_.find(location);
    if (found == files_.end()) {
        std::error_code ec;
        const std::filesystem::path path = folder_ / relative;
        if (!std::filesystem::is_regular_file(path, ec))
            return diag.error(DiagId::onnx_external_data, where, "external data file `{}` is missing", location);
        // A link inside the folder may still lead out of it.
        const auto real = std::filesystem::weakly_canonical(path, ec),
                   root = std::filesystem::weakly_canonical(folder_.empty() ? "." : folder_, ec);
        const auto inside = real.lexically_relative(root);
        if (inside.empty() || *inside.begin() == "..")
            return diag.error(DiagId::onnx_external_data, where, "external data file `{}` lies outside the model's folder", location);
        GW_TRY(std::string content, read_file(path, diag));
        found = files_.emplace(location, std::move(content)).first;
    }
    const auto size = static_cast<int64_t>(found->second.size());
    if (length < 0) length = bytes;
    if (length != bytes)
        return diag.error(DiagId::onnx_external_data, where, "external data: {} bytes stated, {} needed for its type and shape", length,
                          bytes);
    if (offset > size || length > size - offset)
        return diag.error(DiagId::onnx_external_data, where, "external data file `{}` has {} bytes, the tensor needs {} from {} on",
                          location, size, length, offset);
    return std::string_view(found->second).substr(static_cast<size_t>(offset), static_cast<size_t>(length));
}

Expected<Tensor> TensorReader::read(const onnx::TensorProto& proto, const Location& where, Diagnostics& diag) {
    const std::vector<int64_t> dims(proto.dims().begin(), proto.dims().end());
    const auto dtype = dtype_of_onnx(proto.data_type());
    if (!dtype) return diag.error(DiagId::onnx_type, where, "element type {} is not supported", onnx_type_name(proto.data_type()));
    for (int64_t d : dims)
        if (d < 0) return diag.error(DiagId::onnx_tensor, where, "dimension {} of a constant tensor", d);
    const auto elements = checked_elements(dims);
    if (!elements) return diag.error(DiagId::onnx_too_large, where, "tensor of shape {} is too large", Shape(dims).text());
    if (proto.has_segment()) return diag.error(DiagId::onnx_tensor, where, "tensors in segments are not supported");
    Type type{*dtype, Shape(dims), {}};
    const int64_t bytes = type.bytes();
    if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
        GW_TRY(std::string_view content, external(proto, bytes, where, diag));
        Tensor t = Tensor::from_bytes(std::move(type), content);
        normalise_booleans(t);
        return t;
    }
    if (proto.has_raw_data()) {
        if (static_cast<int64_t>(proto.raw_data().size()) != bytes)
            return diag.error(DiagId::onnx_tensor, where, "{} holds {} bytes, {} needed", type.text(), proto.raw_data().size(), bytes);
        Tensor t = Tensor::from_bytes(std::move(type), proto.raw_data());
        normalise_booleans(t);
        return t;
    }
    // A shape alone must not make us allocate gigabytes: the data must be there first.
    const int64_t present = int64_t{proto.float_data_size()} + proto.int32_data_size() + proto.int64_data_size() +
                            proto.double_data_size() + proto.uint64_data_size();
    if (present < entries_for(*dtype, *elements)) return diag.error(DiagId::onnx_tensor, where, "{} holds {} values", type.text(), present);
    Tensor t = Tensor::zeros(std::move(type));
    if (!fill_typed(t, proto))
        return diag.error(DiagId::onnx_tensor, where, "the values of {} are not as many as its shape says", t.type.text());
    return t;
}

}  // namespace gw
