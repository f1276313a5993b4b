// One sample, one input: matching of shapes, dimension order, and what the stored numbers stand for.
//
// The rules are strict because a wrong one costs nothing but accuracy, and nobody sees it: shapes may differ from the model's by dimensions
// of 1 or by being flat, never by a transposition that no option asked for; numbers may pass as they are only when they have the input's
// own type; everything else needs an option, and the error names it.
#include "samples/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "samples/picture.h"

namespace gw {
namespace {

std::vector<int64_t> without_ones(const std::vector<int64_t>& dims) {
    std::vector<int64_t> out;
    std::copy_if(dims.begin(), dims.end(), std::back_inserter(out), [](int64_t d) { return d != 1; });
    return out;
}

std::optional<ArrayFit> fit_to(const Shape& a, const Shape& item, std::vector<int64_t> perm) {
    ArrayFit fit{1, item, std::move(perm)};
    if (a == item) return fit;
    const std::vector<int64_t> want = without_ones(item.dims());
    const bool flat_item = want.size() <= 1;
    if (a.rank() >= 1) {
        const Shape tail(std::vector<int64_t>(a.dims().begin() + 1, a.dims().end()));
        fit.count = a[0];
        if (without_ones(tail.dims()) == want) return fit;
        if ((tail.rank() == 1 || flat_item) && tail.elements() == item.elements() && tail.rank() > 0) return fit;
    }
    fit.count = 1;
    if (without_ones(a.dims()) == want) return fit;
    if ((a.rank() == 1 || flat_item) && a.elements() == item.elements()) return fit;
    return std::nullopt;
}

bool channel_count(int64_t n) { return n == 1 || n == 3 || n == 4; }

SampleLayout other(SampleLayout order) { return order == SampleLayout::nchw ? SampleLayout::nhwc : SampleLayout::nchw; }

// Item i of the array in the model's order, as a tensor of its own.
Tensor take(const Tensor& array, const ArrayFit& fit, int64_t index, const Shape& model_shape) {
    Type type{array.type.dtype, fit.item, {}};
    const auto bytes = static_cast<size_t>(type.bytes());
    Tensor item = Tensor::from_bytes(type, array.bytes().substr(static_cast<size_t>(index) * bytes, bytes));
    if (fit.perm.empty()) return item.reshaped(model_shape);
    const auto size = static_cast<size_t>(bits(type.dtype) / 8);
    std::string out;
    out.reserve(bytes);
    const std::vector<int64_t> stride = fit.item.strides();
    std::vector<int64_t> at(fit.perm.size(), 0);
    int64_t from = 0;
    for (int64_t k = 0, n = model_shape.elements(); k < n; ++k) {
        out.append(item.bytes().substr(static_cast<size_t>(from) * size, size));
        for (size_t d = at.size(); d-- > 0;) {
            const int64_t step = stride[static_cast<size_t>(fit.perm[d])];
            from += step;
            if (++at[d] < model_shape[static_cast<int64_t>(d)]) break;
            from -= step * at[d];
            at[d] = 0;
        }
    }
    return Tensor::from_bytes({type.dtype, model_shape, {}}, out);
}

}  // namespace

// The model's own order when it has four dimensions: as the caller says, or told by which side has a number of channels.
std::optional<SampleLayout> InputConverter::known_order() const {
    if (spec_.shape.rank() != 4) return std::nullopt;
    if (spec_.order != SampleLayout::model) return spec_.order;
    const bool first = channel_count(spec_.shape[1]), last = channel_count(spec_.shape[3]);
    if (first == last) return std::nullopt;
    return first ? SampleLayout::nchw : SampleLayout::nhwc;
}

Expected<ArrayFit> InputConverter::fit(const Shape& shape, const std::string& file) {
    const Shape& m = spec_.shape;
    auto in_other_order = [&]() -> std::pair<Shape, std::vector<int64_t>> {
        if (preprocess_.layout == SampleLayout::nhwc) return {{m[0], m[2], m[3], m[1]}, {0, 3, 1, 2}};
        return {{m[0], m[3], m[1], m[2]}, {0, 2, 3, 1}};
    };
    std::optional<ArrayFit> same, turned;
    const auto order = known_order();
    const bool turnable = preprocess_.layout != SampleLayout::model && m.rank() == 4 && !(m[1] == 1 && m[3] == 1);
    if (!turnable || !order || *order == preprocess_.layout) same = fit_to(shape, m, {});
    if (turnable && (!order || *order != preprocess_.layout)) {
        auto [item, perm] = in_other_order();
        turned = fit_to(shape, item, std::move(perm));
    }
    const Location where{.file = file};
    if (same && turned)
        return diag_.error(
            DiagId::samples_invalid, where,
            "an array of shape {} fits input `{}` {} in both dimension orders; give the samples in the model's own order and "
            "leave --sample-layout out",
            shape.text(), spec_.name, m.text());
    if (same) return *same;
    if (turned) return *turned;
    std::string hint;
    if (preprocess_.layout == SampleLayout::model && m.rank() == 4) {
        if (fit_to(shape, {m[0], m[2], m[3], m[1]}, {}))
            hint = "; --sample-layout nhwc says that the channels come last";
        else if (fit_to(shape, {m[0], m[3], m[1], m[2]}, {}))
            hint = "; --sample-layout nchw says that the channels come first";
    }
    return diag_.error(DiagId::samples_invalid, where, "an array of shape {} does not hold samples for input `{}` {}{}", shape.text(),
                       spec_.name, m.text(), hint);
}

// The picture that the input wants. `picture_pixels`: width · height of the file, for inputs that are flat.
Expected<InputConverter::Image> InputConverter::image(int64_t picture_pixels, const std::string& file) {
    auto bad = [&](const std::string& why) {
        return diag_.error(DiagId::samples_invalid, {.file = file}, "input `{}` {} {}", spec_.name, spec_.shape.text(), why);
    };
    const Shape& s = spec_.shape;
    auto make = [&](int64_t a, int64_t b, int64_t c, SampleLayout order) {
        return order == SampleLayout::nchw ? Image{a, b, c, order} : Image{c, a, b, order};
    };
    if (s.rank() == 4 || (s.rank() == 3 && s[0] != 1)) {
        if (s.rank() == 4 && s[0] != 1) return bad("takes more than one picture at a time");
        const int64_t k = s.rank() - 3;
        std::optional<SampleLayout> order = known_order();
        const bool first = channel_count(s[k]), last = channel_count(s[k + 2]);
        if (!order && first != last) order = first ? SampleLayout::nchw : SampleLayout::nhwc;
        if (!order && preprocess_.layout != SampleLayout::model && first && last) order = preprocess_.layout;
        if (!order && first && last) return bad("may have its channels first or last; --sample-layout nchw or nhwc says which");
        if (!order) return bad("does not take pictures: neither its first nor its last dimension is 1, 3 or 4 channels");
        const Image image = make(s[k], s[k + 1], s[k + 2], *order);
        if (!channel_count(image.channels)) return bad("does not take pictures: it has neither 1, 3 nor 4 channels");
        return image;
    }
    if (s.rank() == 3) return Image{1, s[1], s[2], SampleLayout::nchw};
    if (s.rank() == 2 && s[0] != 1) return Image{1, s[0], s[1], SampleLayout::nchw};
    // A flat input takes a grey picture of as many pixels, row after row; there is no size to resize to.
    if (s.elements() == picture_pixels) return Image{1, -1, -1, SampleLayout::nchw};
    return bad(fmt::format("is flat and takes grey pictures of {} pixels; this one has {}", s.elements(), picture_pixels));
}

Expected<InputConverter::Meaning> InputConverter::meaning(DType from, bool text, bool picture, const std::string& what) {
    const bool takes_reals = is_float(spec_.dtype) || !spec_.quant.empty();
    const Location where{.file = what};
    if (is_float(from)) {
        if (from == spec_.dtype) return Meaning::unchanged;
        if (takes_reals) return Meaning::reals;
        return diag_.error(DiagId::samples_invalid, where, "holds {} values, input `{}` takes {}", dtype_long_name(from), spec_.name,
                           dtype_long_name(spec_.dtype));
    }
    if (!takes_reals) return from == spec_.dtype ? Meaning::unchanged : Meaning::integers;
    if (preprocess_.sample_scale && !picture) return Meaning::scaled;
    if (preprocess_.range && (from != spec_.dtype || from == DType::uint8)) return Meaning::pixels;
    if (from == spec_.dtype) return Meaning::unchanged;
    if (text && !is_float(spec_.dtype)) return Meaning::integers;
    const std::string hint = picture ? "--image-range says which reals the pixels 0…255 stand for (with --image-mean and --image-std)"
                                     : "--image-range says so for pixels 0…255, --sample-scale and --sample-zero for quantized values";
    return diag_.error(DiagId::preprocess_missing, where, "holds {}, input `{}` takes {}; {}", picture ? "pixels" : "integers", spec_.name,
                       is_float(spec_.dtype) ? "reals" : fmt::format("{} that stand for reals", dtype_long_name(spec_.dtype)), hint);
}

Expected<Tensor> InputConverter::from_array(const Tensor& array, const ArrayFit& fit, int64_t index, const std::string& what, bool text) {
    GW_TRY(const Meaning m, meaning(array.type.dtype, text, false, what));
    std::optional<SampleLayout> order = known_order();
    if (!order && preprocess_.layout != SampleLayout::model && spec_.shape.rank() == 4)
        order = fit.perm.empty() ? preprocess_.layout : other(preprocess_.layout);
    return convert(take(array, fit, index, spec_.shape), m, order, what);
}

Expected<Tensor> InputConverter::from_picture(std::string_view bytes, const std::string& file) {
    GW_TRY(const Meaning m, meaning(DType::uint8, false, true, file));
    // A flat input is matched by the number of pixels, so that has to be known before the channels to decode into.
    int64_t pixels = 0;
    if (spec_.shape.rank() == 1 || (spec_.shape.rank() == 2 && spec_.shape[0] == 1)) {
        GW_TRY(const Picture grey, decode_picture(bytes, 1, file, diag_));
        pixels = grey.width * grey.height;
    }
    GW_TRY(const Image want, image(pixels, file));
    GW_TRY(Picture picture, decode_picture(bytes, want.channels, file, diag_));
    if (want.height >= 0 && (picture.width != want.width || picture.height != want.height)) {
        if (!preprocess_.resize)
            return diag_.error(DiagId::picture_invalid, {.file = file}, "is {} × {}, input `{}` takes {} × {}; --image-resize stretches",
                               picture.width, picture.height, spec_.name, want.width, want.height);
        picture = resize_picture(picture, want.width, want.height);
    }
    const Shape interleaved{1, picture.height, picture.width, picture.channels};
    const Tensor t = Tensor::of<uint8_t>(interleaved, picture.pixels);
    const ArrayFit fit{1, interleaved, want.order == SampleLayout::nchw ? std::vector<int64_t>{0, 3, 1, 2} : std::vector<int64_t>{}};
    const Shape ordered = want.order == SampleLayout::nchw ? Shape{1, picture.channels, picture.height, picture.width} : interleaved;
    return convert(take(t, fit, 0, ordered).reshaped(spec_.shape), m, want.order, file);
}

void InputConverter::store(Tensor& to, size_t index, float real) const {
    if (spec_.dtype == DType::float32) {
        to.mutable_data<float>()[index] = real;
    } else if (is_float(spec_.dtype)) {
        to.set(static_cast<int64_t>(index), real);
    } else {
        GW_CHECK(spec_.quant.per_tensor(), "an input with one scale");
        const double q = std::nearbyint(real / spec_.quant.scale()) + spec_.quant.zero_point();
        to.set(static_cast<int64_t>(index),
               std::isnan(q) ? 0.0 : std::clamp(q, static_cast<double>(lowest(spec_.dtype)), static_cast<double>(highest(spec_.dtype))));
    }
}

Expected<Tensor> InputConverter::convert(const Tensor& item, Meaning m, std::optional<SampleLayout> order, const std::string& what) {
    if (m == Meaning::unchanged) {
        Tensor same = item;
        same.type.quant = spec_.quant;
        return same;
    }
    if (m == Meaning::pixels) return convert_pixels(item, order, what);
    Tensor out = Tensor::zeros({spec_.dtype, spec_.shape, spec_.quant});
    const auto n = static_cast<size_t>(item.elements());
    for (size_t i = 0; i < n; ++i) {
        const auto at = static_cast<int64_t>(i);
        if (m == Meaning::integers) {
            const int64_t v = item.int_at(at);
            const bool boolean = spec_.dtype == DType::boolean;
            if (v < (boolean ? 0 : lowest(spec_.dtype)) || v > (boolean ? 1 : highest(spec_.dtype)))
                return diag_.error(DiagId::samples_invalid, {.file = what}, "value {} at {} does not fit {}, the type of input `{}`", v, i,
                                   dtype_long_name(spec_.dtype), spec_.name);
            if (spec_.dtype == DType::int64)
                out.mutable_data<int64_t>()[i] = v;
            else
                out.set(at, static_cast<double>(v));
        } else if (m == Meaning::scaled) {
            const int64_t centred = item.int_at(at) - preprocess_.sample_zero.value_or(0);
            store(out, i, static_cast<float>(static_cast<double>(*preprocess_.sample_scale) * static_cast<double>(centred)));
        } else if (spec_.dtype == DType::float64) {
            out.set(at, item.at(at));
        } else {
            store(out, i, static_cast<float>(item.at(at)));
        }
    }
    return out;
}

Status InputConverter::prepare_pixels(std::optional<SampleLayout> order, const std::string& what) {
    const size_t entries = std::max({preprocess_.mean.size(), preprocess_.std.size(), size_t{1}});
    const Shape& s = spec_.shape;
    const bool by_channel = entries > 1 || preprocess_.bgr;
    if (by_channel) {
        const int64_t k = s.rank() - 3;
        if (!order || s.rank() < 3) {
            if (entries > 1)
                return diag_.error(
                    DiagId::samples_invalid, {.file = what},
                    "the mean or deviation of each channel is given, and input `{}` {} does not tell where its channels are; "
                    "--sample-layout says so",
                    spec_.name, s.text());
        } else {
            const bool first = *order == SampleLayout::nchw;
            channels_ = s.rank() == 3 && s[0] == 1 ? 1 : s[first ? k : k + 2];
            channel_stride_ = first ? s[k + 1] * s[k + 2] : 1;
        }
        for (const size_t n : {preprocess_.mean.size(), preprocess_.std.size()})
            if (n > 1 && static_cast<int64_t>(n) != channels_)
                return diag_.error(DiagId::preprocess_conflict, {.file = what},
                                   "{} means or deviations are given, input `{}` {} has {} channels", n, spec_.name, s.text(), channels_);
    }
    const auto entry = [](const std::vector<float>& v, size_t c, float otherwise) {
        return v.empty() ? otherwise : v[v.size() == 1 ? 0 : c];
    };
    const double lo = preprocess_.range->first, hi = preprocess_.range->second;
    for (size_t c = 0; c < static_cast<size_t>(channels_); ++c) {
        auto& table = value_of_pixel_.emplace_back();
        for (int p = 0; p < 256; ++p)
            table[static_cast<size_t>(p)] =
                static_cast<float>((lo + p * (hi - lo) / 255.0 - entry(preprocess_.mean, c, 0)) / entry(preprocess_.std, c, 1));
    }
    return {};
}

Expected<Tensor> InputConverter::convert_pixels(const Tensor& item, std::optional<SampleLayout> order, const std::string& what) {
    if (value_of_pixel_.empty()) GW_TRY_DO(prepare_pixels(order, what));
    Tensor out = Tensor::zeros({spec_.dtype, spec_.shape, spec_.quant});
    const auto n = static_cast<size_t>(item.elements());
    const bool swap = preprocess_.bgr && channels_ >= 3;
    for (size_t i = 0; i < n; ++i) {
        const int64_t channel = channels_ == 1 ? 0 : static_cast<int64_t>(i) / channel_stride_ % channels_;
        // The model's channel 0 is blue where the pixels have red first.
        const int64_t from = static_cast<int64_t>(i) + (swap && channel < 3 ? (2 - 2 * channel) * channel_stride_ : 0);
        const int64_t pixel = item.int_at(from);
        if (pixel < 0 || pixel > 255)
            return diag_.error(DiagId::samples_invalid, {.file = what},
                               "value {} at {} is not a pixel (0…255), which --image-range says it is", pixel, i);
        store(out, i, value_of_pixel_[static_cast<size_t>(channel)][static_cast<size_t>(pixel)]);
    }
    return out;
}

}  // namespace gw
