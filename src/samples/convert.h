// From what a sample file holds to the tensor that one input wants. Used by samples.cpp only.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "samples/samples.h"

namespace gw {

// How an array of samples lies: `count` samples of shape `item` one after the other; `perm` takes an item to the model's order.
struct ArrayFit {
    int64_t count = 1;
    Shape item;
    std::vector<int64_t> perm;  // model dim i = item dim perm[i]; empty: the same order
};

class InputConverter {
public:
    InputConverter(const SampleSpec& spec, const Preprocess& preprocess, Diagnostics& diag)
        : spec_(spec), preprocess_(preprocess), diag_(diag) {}

    const SampleSpec& spec() const { return spec_; }
    // How an array of this shape holds samples; samples_invalid when it does not.
    Expected<ArrayFit> fit(const Shape& shape, const std::string& file);
    // Sample `index` of an array that fits. `text`: the numbers come from a text file, so that their integer width says nothing.
    Expected<Tensor> from_array(const Tensor& array, const ArrayFit& fit, int64_t index, const std::string& what, bool text = false);
    Expected<Tensor> from_picture(std::string_view bytes, const std::string& file);

private:
    struct Image {
        int64_t channels, height, width;
        SampleLayout order;
    };
    enum class Meaning { unchanged, reals, integers, pixels, scaled };

    std::optional<SampleLayout> known_order() const;
    Expected<Image> image(int64_t picture_pixels, const std::string& file);
    Expected<Meaning> meaning(DType from, bool text, bool picture, const std::string& what);
    Expected<Tensor> convert(const Tensor& item, Meaning meaning, std::optional<SampleLayout> order, const std::string& what);
    Expected<Tensor> convert_pixels(const Tensor& item, std::optional<SampleLayout> order, const std::string& what);
    Status prepare_pixels(std::optional<SampleLayout> order, const std::string& what);
    void store(Tensor& to, size_t index, float real) const;

    const SampleSpec& spec_;
    const Preprocess& preprocess_;
    Diagnostics& diag_;
    // value_of_pixel_[c][pixel], made at the first need: every channel's 256 values.
    std::vector<std::array<float, 256>> value_of_pixel_;
    int64_t channels_ = 1, channel_stride_ = 1;  // of the model's order; one channel when all are treated alike
};

}  // namespace gw
