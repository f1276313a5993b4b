// Reading and writing types and the values of constants.
#include "tensor/type_text.h"

#include <cmath>
#include <random>

#include "base/files.h"
#include "base/text.h"

namespace gw {
namespace {

Expected<std::vector<float>> parse_floats(Lexer& in) {
    std::vector<float> v;
    GW_TRY_DO(in.expect("["));
    while (!in.accept("]")) {
        if (!v.empty()) GW_TRY_DO(in.expect(","));
        GW_TRY(double d, in.number());
        v.push_back(static_cast<float>(d));
    }
    return v;
}

Expected<Quant> parse_quant(Lexer& in) {
    Quant q;
    if (in.accept("axis")) {
        GW_TRY_DO(in.expect("="));
        GW_TRY(q.axis, in.integer());
        GW_TRY_DO(in.expect(","));
        if (in.accept("block")) {
            GW_TRY_DO(in.expect("="));
            GW_TRY(q.block, in.integer());
            GW_TRY_DO(in.expect(","));
        }
        GW_TRY(q.scales, parse_floats(in));
        GW_TRY_DO(in.expect(","));
        GW_TRY(std::vector<int64_t> z, parse_ints(in));
        q.zero_points.assign(z.begin(), z.end());
    } else {
        GW_TRY(double scale, in.number());
        GW_TRY_DO(in.expect(","));
        GW_TRY(int64_t zero, in.integer());
        q = Quant::tensor(static_cast<float>(scale), static_cast<int32_t>(zero));
    }
    GW_TRY_DO(in.expect(")"));
    return q;
}

}  // namespace

Expected<std::vector<int64_t>> parse_ints(Lexer& in) {
    std::vector<int64_t> v;
    GW_TRY_DO(in.expect("["));
    while (!in.accept("]")) {
        if (!v.empty()) GW_TRY_DO(in.expect(","));
        GW_TRY(int64_t i, in.integer());
        v.push_back(i);
    }
    return v;
}

Expected<Type> parse_type(Lexer& in) {
    GW_TRY(std::string name, in.word());
    const auto dtype = dtype_from_name(name);
    if (!dtype) return in.fail("`{}` is not an element type", name);
    GW_TRY(std::vector<int64_t> dims, parse_ints(in));
    int64_t elements = 1;
    for (int64_t d : dims) {
        if (d < 0 || d > (int64_t{1} << 31)) return in.fail("dimension {} is out of range", d);
        elements *= d;
        if (elements > (int64_t{1} << 31)) return in.fail("a type has more than 2^31 elements");
    }
    Type type{*dtype, Shape(std::move(dims)), {}};
    if (in.accept("q(")) {
        GW_TRY(type.quant, parse_quant(in));
    }
    return type;
}

std::string print_values(const Tensor& t) {
    constexpr int64_t longest_list = 32;
    if (t.elements() > longest_list) return "base64\"" + base64_encode(t.bytes()) + "\"";
    std::string s = "[";
    for (int64_t i = 0; i < t.elements(); ++i) {
        if (i > 0) s += ",";
        if (t.type.dtype == DType::float64)
            s += format_double(t.at(i));
        else
            s += is_float(t.type.dtype) ? format_float(static_cast<float>(t.at(i))) : std::to_string(t.int_at(i));
    }
    return s + "]";
}

Expected<Tensor> parse_values(Lexer& in, const Type& type) {
    if (in.accept("base64\"")) {
        GW_TRY(std::string_view text, in.until('"'));
        std::string bytes;
        if (!base64_decode(text, bytes)) return in.fail("base64 text is malformed");
        if (static_cast<int64_t>(bytes.size()) != type.bytes())
            return in.fail("constant has {} bytes, its type {}", bytes.size(), type.bytes());
        return Tensor::from_bytes(type, bytes);
    }
    if (!in.next_is("["))
        GW_TRY_DO(in.make_values(type.elements()));
    else if (type.elements() > in.characters_left())
        return in.fail("constant has fewer than the {} values of its type", type.elements());
    Tensor t = Tensor::zeros(type);
    const int64_t n = type.elements();
    const bool real = is_float(type.dtype);
    auto store = [&](int64_t i, double v) -> Status {
        if (!real && (v != std::floor(v) || v < static_cast<double>(lowest(type.dtype)) || v > static_cast<double>(highest(type.dtype))))
            return in.fail("{} does not fit {}", v, dtype_name(type.dtype));
        t.set(i, v);
        return {};
    };
    if (in.accept("splat(")) {
        GW_TRY(double v, in.number());
        for (int64_t i = 0; i < n; ++i) GW_TRY_DO(store(i, v));
        GW_TRY_DO(in.expect(")"));
        return t;
    }
    if (in.accept("iota")) {
        for (int64_t i = 0; i < n; ++i) GW_TRY_DO(store(i, static_cast<double>(i)));
        return t;
    }
    if (in.accept("random(")) {
        GW_TRY(int64_t seed, in.integer());
        GW_TRY_DO(in.expect(")"));
        std::mt19937 random(static_cast<uint32_t>(seed));
        for (int64_t i = 0; i < n; ++i) {
            const uint32_t r = random();
            const auto byte = static_cast<int64_t>(r >> 24);
            double v = static_cast<double>(r >> 8) / static_cast<double>(1 << 23) - 1.0;
            if (type.dtype == DType::boolean)
                v = static_cast<double>(r >> 31);
            else if (!real)
                v = bits(type.dtype) <= 8 ? static_cast<double>(lowest(type.dtype) + (byte >> (8 - bits(type.dtype))))
                                          : static_cast<double>(r % 2001) - 1000;
            if (!real && lowest(type.dtype) == 0 && v < 0) v = -v;
            t.set(i, v);
        }
        return t;
    }
    GW_TRY_DO(in.expect("["));
    for (int64_t i = 0; i < n; ++i) {
        if (i > 0) GW_TRY_DO(in.expect(","));
        if (real) {
            GW_TRY(double v, in.number());
            t.set(i, v);
        } else {
            GW_TRY(int64_t v, in.integer());
            if (v < lowest(type.dtype) || v > highest(type.dtype)) return in.fail("{} does not fit {}", v, dtype_name(type.dtype));
            if (type.dtype == DType::int64)
                t.mutable_data<int64_t>()[static_cast<size_t>(i)] = v;
            else
                t.set(i, static_cast<double>(v));
        }
    }
    GW_TRY_DO(in.expect("]"));
    return t;
}

}  // namespace gw
