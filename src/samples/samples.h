// Samples: what the commands take as SAMPLES, read into the tensors that a model's inputs want.
//
// SAMPLES is one of
//   a folder of PNG/JPEG pictures, by name; subfolders are classes and give the labels
//   a folder of raw tensors: NAME.bin (the input's own bytes, or float32), NAME.txt (numbers), NAME.npy
//   an .npy array, first axis = sample (or one sample of exactly the input's shape)
//   an .npz archive, one array an input, by name; an array called `labels` gives the labels
//   a list file, "path" or "path label" a line, paths relative to the list file, # comments
//   one picture or one .bin file
// each optionally with a selection as in Python: images.npy[100:500], folder[:20], list.txt[-10:].
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "tensor/tensor.h"

namespace gw {

enum class SampleLayout : uint8_t { model, nchw, nhwc };

// How pixels and stored integers become the reals that the model was trained on. Nothing is ever guessed: a model of reals that is fed with
// pixels or integers needs `range` or `sample_scale`.
//   pixels (pictures, and integer arrays when `range` is set): x = (lo + pixel·(hi − lo)/255 − mean[c]) / std[c]
//   integer arrays with `sample_scale`:                        x = sample_scale · (q − sample_zero)
// Channels count in the model's order, after `bgr` has swapped red and blue. mean and std have one entry, or one a channel.
struct Preprocess {
    std::optional<std::pair<float, float>> range;
    std::vector<float> mean, std;
    bool bgr = false;
    bool resize = false;  // other sizes are stretched, bilinear (picture.h); without it they are an error
    std::optional<float> sample_scale;
    std::optional<int32_t> sample_zero;
    SampleLayout layout = SampleLayout::model;  // dimension order of the samples' arrays
    bool operator==(const Preprocess&) const = default;
};

// "0..1", "-128..127": lo < hi.
Expected<std::pair<float, float>> parse_image_range(const std::string& text, Diagnostics& diag);
// "0.49,0.48,0.45"; `option` names it in the error.
Expected<std::vector<float>> parse_floats(const std::string& text, const std::string& option, Diagnostics& diag);
// Options that cannot hold together whatever the samples are: --image-mean without --image-range, a zero std, both kinds of scale …
Status check_preprocess(const Preprocess& preprocess, Diagnostics& diag);
// What a later command uses: `recorded` (of the profile or report named by `file`), with what the command gives itself on top. Where both
// say something about the same thing and differ, that is preprocess_conflict. `layout` and `resize` describe the sample files, not the
// model, and are always the command's own.
Expected<Preprocess> merge_preprocess(const Preprocess& recorded, const Preprocess& given, const std::string& file, Diagnostics& diag);

// One input of the model, as the model states it.
struct SampleSpec {
    std::string name;
    Shape shape;                               // batch dimension 1
    DType dtype = DType::float32;              // what the tensors are to be
    Quant quant;                               // of an integer input that stands for reals: reals are then quantized for it
    SampleLayout order = SampleLayout::model;  // nchw or nhwc when the caller knows; else it is told by the shape (channels 1, 3 or 4)
};

struct SampleSet {
    std::vector<std::vector<Tensor>> samples;  // [sample][input], in the model's own order, shape and dtype
    std::vector<std::string> names;            // of each sample: a path relative to SAMPLES, or "array.npy[7]"
    std::vector<int64_t> labels;               // one a sample, or empty
    std::vector<std::string> class_names;      // of class subfolders and list files with names for labels; else empty
};

struct SampleLimits {
    std::optional<int64_t> first, last;  // samples [first, last), Python's rules for negative numbers; beyond the end is an error
    int64_t max_samples = -1;            // of those at most so many; -1: all
};

// Splits "path[a:b]"; text without a selection, or that names an existing file as it stands, has none.
std::pair<std::filesystem::path, SampleLimits> split_selection(const std::string& text);

// Reads the samples. `path` may carry a selection; `limits` then applies to what it selects.
// Arrays may miss dimensions of 1 ([N,28,28] for [1,1,28,28]) and may be rows of as many elements ([N,490] for [1,49,10,1]).
// Values: already of the input's type → unchanged (an integer input that stands for reals: unless `sample_scale` says that the samples are
// on another scale, or they are uint8 and `range` says that they are pixels); floats of other widths → converted; the rest by `preprocess`.
// An .npz for one input may name its array as it likes; `labels` and `outputs` are never taken for an input.
// Errors: file_unreadable, array_invalid, picture_invalid, samples_invalid, preprocess_missing, preprocess_conflict, labels_invalid.
Expected<SampleSet> read_samples(const std::filesystem::path& path, const std::vector<SampleSpec>& inputs, const Preprocess& preprocess,
                                 const SampleLimits& limits, Diagnostics& diag);

// Labels: an .npy of integers, or text with one integer a line. `path` may carry a selection.
Expected<std::vector<int64_t>> read_labels(const std::filesystem::path& path, Diagnostics& diag);

}  // namespace gw
