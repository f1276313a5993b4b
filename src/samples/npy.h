// Arrays in numpy's file formats: .npy (one array) and .npz (a zip archive of them).
//
// Element types: b1, i1, u1, i2, u2, i4, u4, i8, f2, f4, f8, either byte order; u8 when its values fit int64 (as int64). Packed 4-bit
// tensors are written widened to i1/u1, since numpy has no such type. Scales and zero points are not part of the formats.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "tensor/tensor.h"

namespace gw {

struct NamedTensor {
    std::string name;
    Tensor tensor;
};

// `bytes` is a whole .npy file of version 1, 2 or 3; `file` names it in errors. Fortran order is converted to row-major.
// Errors (array_invalid): not .npy, truncated, bytes left over, a type that is not a number, sizes that do not agree.
Expected<Tensor> parse_npy(std::string_view bytes, const std::string& file, Diagnostics& diag);
Expected<Tensor> read_npy(const std::filesystem::path& path, Diagnostics& diag);
// Version 1.0, little-endian, row-major, header padded to 64 bytes: the bytes numpy.save writes.
std::string npy_bytes(const Tensor& tensor);
Status write_npy(const std::filesystem::path& path, const Tensor& tensor, Diagnostics& diag);

// The arrays of an archive in its order, names without ".npy". Members stored or deflated, zip64 allowed; checksums are compared and sizes
// are checked before anything is allocated. Members that are not .npy are an error.
Expected<std::vector<NamedTensor>> parse_npz(std::string_view bytes, const std::string& file, Diagnostics& diag);
Expected<std::vector<NamedTensor>> read_npz(const std::filesystem::path& path, Diagnostics& diag);
// Stored members, all dated 1980-01-01: the same arrays give the same bytes. Names must differ; below 4 GiB in all.
std::string npz_bytes(const std::vector<NamedTensor>& arrays);
Status write_npz(const std::filesystem::path& path, const std::vector<NamedTensor>& arrays, Diagnostics& diag);

}  // namespace gw
