// Checks and index arithmetic that many ops need. Messages say what was seen and what is expected; the operand is part of the location.
#include "ops/support.h"

namespace gw::detail {

Status check_extent(const Type& t, std::string_view what, const InferContext& context) {
    constexpr int64_t most = int64_t{1} << 31;
    int64_t n = 1;
    bool empty = false;
    for (int64_t d : t.shape.dims()) {
        if (d < 0) return context.fail("{} {} has a negative dimension", what, t.text());
        if (d == 0) empty = true;
        if (d > 0 && n > most / d) return context.fail("{} {} has more than 2^31 elements", what, t.text());
        n *= std::max<int64_t>(d, 1);
    }
    if (empty && !may_be_empty(t)) return context.fail("{} {} has no elements", what, t.text());
    return {};
}

Status check_operands(std::span<const char* const> names, std::span<const Operand> in, size_t required, size_t most,
                      const InferContext& context) {
    if (in.size() > most) return context.fail("{} operands given, expected at most {}", in.size(), most);
    for (size_t i = 0; i < std::max(required, in.size()); ++i) {
        const InferContext here = about(context, names[i]);
        if (!has(in, i)) {
            if (i < required) return here.fail("missing");
            continue;
        }
        GW_TRY_DO(check_extent(*in[i].type, "operand", here));
    }
    return {};
}

Status check_rank(const Type& t, int64_t rank, std::string_view operand, std::string_view dims, const InferContext& context) {
    if (t.shape.rank() == rank) return {};
    return about(context, operand).fail("{} has rank {}, expected {} {}", t.text(), t.shape.rank(), rank, dims);
}

Status check_window(const Pair& stride, const Pair& dilation, const Pads& pad, const InferContext& context) {
    constexpr int64_t most = int64_t{1} << 24;
    for (int64_t s : stride) {
        if (s < 1) return context.fail("stride {} is not positive", s);
        if (s > most) return context.fail("stride {} is above 2^24", s);
    }
    for (int64_t d : dilation) {
        if (d < 1) return context.fail("dilation {} is not positive", d);
        if (d > most) return context.fail("dilation {} is above 2^24", d);
    }
    for (int64_t p : pad) {
        if (p < 0) return context.fail("pad {} is negative", p);
        if (p > most) return context.fail("pad {} is above 2^24", p);
    }
    return {};
}

Status check_zero_point(int32_t zero, std::string_view field, const InferContext& context, DType of) {
    if (of == DType::int16) {
        if (zero == 0) return {};
        return context.fail("{} is {}, but i16 data are symmetric", field, zero);
    }
    if (zero >= -128 && zero <= 127) return {};
    return context.fail("{} is {}, expected -128 to 127", field, zero);
}

Status check_requant(const Requant& r, int64_t channels, const InferContext& context, DType to) {
    if (r.empty()) return context.fail("an integer op of this kind needs a requantization");
    const auto n = static_cast<int64_t>(r.multiplier.size());
    if (n != 1 && n != channels) return context.fail("requantization has {} multipliers, expected 1 or {}", n, channels);
    if (r.shift.size() != r.multiplier.size()) {
        return context.fail("requantization has {} multipliers and {} shifts", n, r.shift.size());
    }
    if (r.lo > r.hi || r.lo < lowest(to) || r.hi > highest(to))
        return context.fail("requantization clamps to [{}, {}], expected a range within {}", r.lo, r.hi, dtype_long_name(to));
    GW_TRY_DO(check_zero_point(r.zero_point, "zero point of the requantization", context, to));
    const bool narrow = r.rounding == Rounding::narrow;
    if (r.pre_shift < 0 || r.pre_shift > (narrow ? 31 : 0))
        return context.fail("pre-shift {} of the requantization is out of range", r.pre_shift);
    const int least = r.rounding == Rounding::twice ? -31 : 1;
    const int most = narrow ? 31 : r.rounding == Rounding::twice ? 30 : 62;
    for (size_t c = 0; c < r.multiplier.size(); ++c) {
        if (r.multiplier[c] < 0 || ((narrow || r.rounding == Rounding::wide) && r.multiplier[c] > 32767)) {
            return context.fail("multiplier {} of channel {} is out of range for {} rounding", r.multiplier[c], c,
                                rounding_name(r.rounding));
        }
        if (r.shift[c] < least || r.shift[c] > most) {
            return context.fail("shift {} of channel {} is out of range [{}, {}] for {} rounding", r.shift[c], c, least, most,
                                rounding_name(r.rounding));
        }
    }
    return {};
}

Status check_float_only(const Requant& r, const InferContext& context) {
    if (r.empty()) return {};
    return context.fail("a requantization is given, but this op computes without one");
}

Status check_no_clamp(float act_lo, float act_hi, const InferContext& context) {
    if (act_lo == -infinity && act_hi == infinity) return {};
    return context.fail("act_lo and act_hi are for float results only; integer results are clamped by their requantization");
}

Expected<std::vector<Type>> one(Type t, const InferContext& context) {
    GW_TRY_DO(check_extent(t, "result", context));
    return std::vector<Type>{std::move(t)};
}

Box whole(const Shape& shape) { return {std::vector<int64_t>(shape.dims().size(), 0), shape.dims()}; }

std::array<int64_t, 2> window_range(int64_t begin, int64_t end, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                                    int64_t size) {
    const int64_t first = begin * stride - pad;
    const int64_t last = (end - 1) * stride - pad + (kernel - 1) * dilation + 1;
    return {std::clamp<int64_t>(first, 0, size), std::clamp<int64_t>(last, 0, size)};
}

Box broadcast_box(const Shape& from, const Box& box) {
    Box b = whole(from);
    const size_t skipped = box.begin.size() - b.begin.size();
    for (size_t i = 0; i < b.begin.size(); ++i) {
        if (b.end[i] == 1) continue;
        b.begin[i] = box.begin[i + skipped];
        b.end[i] = box.end[i + skipped];
    }
    return b;
}

void copy_run(const Tensor& x, int64_t j, Tensor& y, int64_t i, int64_t n) {
    const int width = bits(x.type.dtype);
    if (width < 8) {
        for (int64_t k = 0; k < n; ++k) y.set(i + k, static_cast<double>(x.int_at(j + k)));
        return;
    }
    const int64_t size = width / 8;
    if (n > 0) std::memcpy(raw<char>(y) + i * size, raw<char>(x) + j * size, static_cast<size_t>(n * size));
}

std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to) {
    std::vector<int64_t> s(to.dims().size(), 0);
    const std::vector<int64_t> own = from.strides();
    const size_t skipped = s.size() - own.size();
    for (size_t i = 0; i < own.size(); ++i)
        if (from[static_cast<int64_t>(i)] != 1) s[i + skipped] = own[i];
    return s;
}

}  // namespace gw::detail
