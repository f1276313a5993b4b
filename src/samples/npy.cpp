// The .npy format: a magic string, a version, a Python dictionary literal {'descr', 'fortran_order', 'shape'}, the elements.
// The header is text that anyone may have written, so it is parsed by a small scanner of its own: keys in any order, either quote, spaces
// and trailing commas as Python allows. Nothing is allocated before the shape has been held against the bytes that are really there.
#include "samples/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <limits>
#include <optional>

#include "base/files.h"

namespace gw {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

constexpr std::string_view magic = "\x93NUMPY";

struct Header {
    std::string descr;
    bool fortran = false;
    std::vector<int64_t> shape;
};

// Reads the dictionary literal. `error` says what was wrong when parse() gives nothing.
class HeaderScanner {
public:
    explicit HeaderScanner(std::string_view text) : text_(text) {}
    std::string error;

    std::optional<Header> parse() {
        Header h;
        bool have_descr = false, have_order = false, have_shape = false;
        if (!eat('{')) return fail("does not start with '{'");
        while (!eat('}')) {
            const auto key = string();
            if (!key || !eat(':')) return fail("a quoted key and ':' were expected");
            bool* seen = *key == "descr" ? &have_descr : *key == "fortran_order" ? &have_order : *key == "shape" ? &have_shape : nullptr;
            if (seen == nullptr || *seen) return fail(fmt::format("unexpected key '{}'", *key));
            *seen = true;
            if (*key == "descr" && !read_descr(h)) return std::nullopt;
            if (*key == "fortran_order" && !read_bool(h.fortran)) return fail("'fortran_order' is neither True nor False");
            if (*key == "shape" && !read_shape(h.shape)) return fail("'shape' is not a tuple of sizes");
            if (!eat(',')) {
                if (eat('}')) break;
                return fail("',' or '}' was expected");
            }
        }
        skip();
        if (at_ != text_.size()) return fail("text after '}'");
        if (!have_descr || !have_order || !have_shape) return fail("'descr', 'fortran_order' and 'shape' are not all there");
        return h;
    }

private:
    std::nullopt_t fail(std::string why) {
        if (error.empty()) error = std::move(why);
        return std::nullopt;
    }
    void skip() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    bool eat(char c) {
        skip();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::optional<std::string> string() {
        skip();
        if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
        const size_t end = text_.find(text_[at_], at_ + 1);
        if (end == std::string_view::npos) return std::nullopt;
        std::string s(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        return s;
    }
    bool read_descr(Header& h) {
        skip();
        if (at_ < text_.size() && text_[at_] == '[') return fail("it holds records, not numbers"), false;
        const auto s = string();
        if (!s) return fail("'descr' is not a string"), false;
        h.descr = *s;
        return true;
    }
    bool read_bool(bool& v) {
        skip();
        for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
            if (text_.substr(at_, word.size()) == word) {
                v = word == "True";
                at_ += word.size();
                return true;
            }
        }
        return false;
    }
    bool read_shape(std::vector<int64_t>& shape) {
        if (!eat('(')) return false;
        while (!eat(')')) {
            skip();
            int64_t v = 0;
            const size_t start = at_;
            for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
                if (v > (std::numeric_limits<int64_t>::max() - 9) / 10) return false;
                v = v * 10 + (text_[at_] - '0');
            }
            if (at_ == start) return false;
            if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // numpy under Python 2 wrote long integers
            shape.push_back(v);
            if (!eat(',')) return eat(')');
        }
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

struct ElementType {
    DType dtype;
    int size;  // bytes
    bool swap = false;
    bool unsigned64 = false;
};

std::optional<ElementType> element_type(std::string_view descr) {
    if (descr.size() < 2) return std::nullopt;
    const char order = descr[0];
    if (order != '<' && order != '>' && order != '|' && order != '=') return std::nullopt;
    const std::string_view kind = descr.substr(1);
    struct Row {
        std::string_view kind;
        DType dtype;
        int size;
    };
    static constexpr Row rows[] = {{"b1", DType::boolean, 1}, {"i1", DType::int8, 1},    {"u1", DType::uint8, 1},
                                   {"i2", DType::int16, 2},   {"u2", DType::uint16, 2},  {"i4", DType::int32, 4},
                                   {"u4", DType::uint32, 4},  {"i8", DType::int64, 8},   {"f2", DType::float16, 2},
                                   {"f4", DType::float32, 4}, {"f8", DType::float64, 8}, {"u8", DType::int64, 8}};
    for (const Row& row : rows)
        if (row.kind == kind) return ElementType{row.dtype, row.size, order == '>' && row.size > 1, kind == "u8"};
    return std::nullopt;
}

std::string descr_of(DType t) {
    switch (t) {
        case DType::boolean:
            return "|b1";
        case DType::int4:
        case DType::int8:
            return "|i1";
        case DType::uint4:
        case DType::uint8:
            return "|u1";
        case DType::int16:
            return "<i2";
        case DType::uint16:
            return "<u2";
        case DType::int32:
            return "<i4";
        case DType::uint32:
            return "<u4";
        case DType::int64:
            return "<i8";
        case DType::float16:
            return "<f2";
        case DType::float32:
            return "<f4";
        case DType::float64:
            return "<f8";
    }
    GW_CHECK(false, "element type without a numpy name");
}

// Writable bytes of a tensor of one of the whole-byte types.
std::span<char> raw(Tensor& t) {
    auto* p = const_cast<char*>(t.bytes().data());
    return {p, t.bytes().size()};
}

// Column-major elements into row-major order.
void from_fortran(std::string_view in, std::span<char> out, const Shape& shape, size_t size) {
    if (shape.elements() == 0) return;
    const int64_t rank = shape.rank();
    std::vector<int64_t> index(static_cast<size_t>(rank), 0), stride(static_cast<size_t>(rank), 1);
    for (size_t i = 1; i < stride.size(); ++i) stride[i] = stride[i - 1] * shape[static_cast<int64_t>(i) - 1];
    int64_t from = 0;
    for (int64_t to = 0, n = shape.elements(); to < n; ++to) {
        std::memcpy(out.data() + static_cast<size_t>(to) * size, in.data() + static_cast<size_t>(from) * size, size);
        for (size_t i = index.size(); i-- > 0;) {
            from += stride[i];
            if (++index[i] < shape[static_cast<int64_t>(i)]) break;
            from -= stride[i] * index[i];
            index[i] = 0;
        }
    }
}

// Number of bytes the shape asks for, or nothing when that is more than can be.
std::optional<int64_t> bytes_of(const std::vector<int64_t>& shape, int size) {
    constexpr int64_t most = int64_t{1} << 56;
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
        for (const int64_t d : shape)
            if (d > most) return std::nullopt;
        return 0;
    }
    int64_t n = size;
    for (const int64_t d : shape) {
        if (d > most / n) return std::nullopt;
        n *= d;
    }
    return n;
}

}  // namespace

Expected<Tensor> parse_npy(std::string_view bytes, const std::string& file, Diagnostics& diag) {
    auto bad = [&](const std::string& why) { return diag.error(DiagId::array_invalid, {.file = file}, "{}", why); };
    if (bytes.substr(0, magic.size()) != magic) return bad("not a .npy array: it does not begin with \\x93NUMPY");
    if (bytes.size() < 10) return bad("truncated in the .npy header");
    const int version = static_cast<unsigned char>(bytes[6]);
    if (version < 1 || version > 3) return bad(fmt::format("version {} of the .npy format is not known (1 to 3 are)", version));
    const size_t length_bytes = version == 1 ? 2 : 4;
    if (bytes.size() < 8 + length_bytes) return bad("truncated in the .npy header");
    size_t length = 0;
    for (size_t i = length_bytes; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[8 + i]);
    const size_t start = 8 + length_bytes;
    if (length > bytes.size() - start) return bad("truncated in the .npy header");
    HeaderScanner scanner(bytes.substr(start, length));
    const auto header = scanner.parse();
    if (!header) return bad(fmt::format("malformed .npy header: {}", scanner.error));
    const auto element = element_type(header->descr);
    if (!element)
        return bad(fmt::format("elements of type '{}' are not supported: bool, integers and floats up to 64 bits are", header->descr));
    if (header->shape.size() > 32) return bad(fmt::format("has {} dimensions", header->shape.size()));
    const auto expected = bytes_of(header->shape, element->size);
    const std::string_view data = bytes.substr(start + length);
    if (!expected) return bad("its shape asks for more bytes than a file can hold");
    if (static_cast<size_t>(*expected) != data.size())
        return bad(fmt::format("its shape {} of '{}' asks for {} bytes of data, the file has {}", Shape(header->shape).text(),
                               header->descr, *expected, data.size()));

    Tensor t = Tensor::zeros({element->dtype, Shape(header->shape), {}});
    const std::span<char> out = raw(t);
    const auto size = static_cast<size_t>(element->size);
    if (header->fortran && header->shape.size() > 1)
        from_fortran(data, out, t.shape(), size);
    else if (!data.empty())
        std::memcpy(out.data(), data.data(), data.size());
    if (element->swap)
        for (size_t i = 0; i < out.size(); i += size)
            std::reverse(out.begin() + static_cast<long>(i), out.begin() + static_cast<long>(i + size));
    if (element->unsigned64)
        for (const int64_t v : t.data<int64_t>())
            if (v < 0) return bad("holds unsigned 64-bit values above 2^63 - 1");
    if (element->dtype == DType::boolean)
        for (char& c : out) c = static_cast<char>(c != 0);
    return t;
}

Expected<Tensor> read_npy(const std::filesystem::path& path, Diagnostics& diag) {
    GW_TRY(const std::string bytes, read_file(path, diag));
    return parse_npy(bytes, path.string(), diag);
}

std::string npy_bytes(const Tensor& tensor) {
    std::string shape = "(";
    for (int64_t i = 0; i < tensor.shape().rank(); ++i) shape += fmt::format("{}{}", i > 0 ? ", " : "", tensor.shape()[i]);
    if (tensor.shape().rank() == 1) shape += ",";
    shape += ")";
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr_of(tensor.type.dtype), shape);
    header.append(63 - (10 + header.size()) % 64, ' ');
    header += '\n';
    GW_CHECK(header.size() < 65536, "header of an array with thousands of dimensions");
    std::string out(magic);
    out += std::string("\x01\x00", 2);
    out += static_cast<char>(header.size() & 255);
    out += static_cast<char>(header.size() >> 8);
    out += header;
    if (bits(tensor.type.dtype) < 8) {
        for (int64_t i = 0; i < tensor.elements(); ++i) out += static_cast<char>(tensor.int_at(i));
    } else {
        out += tensor.bytes();
    }
    return out;
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor, Diagnostics& diag) {
    return write_file(path, npy_bytes(tensor), diag);
}

}  // namespace gw
