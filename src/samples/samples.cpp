// SAMPLES in all its forms → one tensor a sample and input.
//
// Two shapes of source: arrays (all samples in one file, cut up) and items (a file a sample, loaded only when selected). Both name each
// sample, give it a label when there are labels, and leave the meaning of its numbers to InputConverter. Faults of single items are
// collected, ten at most, so that a folder with three damaged pictures makes three lines.
#include "samples/samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/files.h"
#include "base/text.h"
#include "samples/convert.h"
#include "samples/labels.h"
#include "samples/npy.h"

namespace gw {
namespace fs = std::filesystem;
namespace {

constexpr int most_faults = 10;

struct Source {
    fs::path path;
    SampleLimits inner, outer;  // of the suffix, and of the caller within that
    std::vector<InputConverter> inputs;
    Diagnostics& diag;

    std::string file() const { return path.string(); }
    Expected<std::pair<int64_t, int64_t>> select(int64_t count) const {
        GW_TRY(const auto first, resolve(inner, count, file(), diag));
        GW_TRY(const auto second, resolve(outer, first.second - first.first, file(), diag));
        return std::pair{first.first + second.first, first.first + second.second};
    }
};

struct Item {
    fs::path path;
    std::string name;
};

// Numbers with blanks, commas or line ends between: int64 when all are integers, else float32.
Expected<Tensor> parse_numbers(const std::string& text, const std::string& file, Diagnostics& diag) {
    std::vector<int64_t> ints;
    std::vector<float> reals;
    bool integral = true;
    constexpr std::string_view between = " \t\r\n,;";
    for (size_t at = text.find_first_not_of(between); at != std::string::npos; at = text.find_first_not_of(between, at)) {
        const size_t end = std::min(text.find_first_of(between, at), text.size());
        const char *from = text.data() + at + (text[at] == '+' ? 1 : 0), *to = text.data() + end;
        int64_t i = 0;
        float f = 0;
        const auto as_int = std::from_chars(from, to, i);
        integral = integral && as_int.ec == std::errc() && as_int.ptr == to;
        const auto as_real = std::from_chars(from, to, f);
        if (as_real.ec != std::errc() || as_real.ptr != to)
            return diag.error(DiagId::samples_invalid, {.file = file}, "`{}` is not a number",
                              text.substr(at, std::min<size_t>(end - at, 40)));
        ints.push_back(i);
        reals.push_back(f);
        at = end;
    }
    const Shape shape{static_cast<int64_t>(reals.size())};
    if (integral) return Tensor::of<int64_t>(shape, ints);
    return Tensor::of<float>(shape, reals);
}

// A raw file has no header: its length says whether it holds the input's own bytes, reals, or pixels.
Expected<Tensor> parse_bin(const std::string& bytes, const SampleSpec& spec, const Preprocess& preprocess, const std::string& file,
                           Diagnostics& diag) {
    const auto size = static_cast<int64_t>(bytes.size()), n = spec.shape.elements();
    const Type own{spec.dtype, spec.shape, {}};
    if (size == own.bytes()) return Tensor::from_bytes(own, bytes);
    if (size == 4 * n && (is_float(spec.dtype) || !spec.quant.empty())) return Tensor::from_bytes({DType::float32, spec.shape, {}}, bytes);
    if (size == n && preprocess.range) return Tensor::from_bytes({DType::uint8, spec.shape, {}}, bytes);
    std::string hint;
    if (size == n) hint = "; one byte a value needs --image-range when they are pixels, and an .npy, which states its type, otherwise";
    return diag.error(DiagId::samples_invalid, {.file = file}, "has {} bytes, input `{}` {} takes {}{}", size, spec.name, own.text(),
                      own.bytes(), hint);
}

Expected<Tensor> load_item(const fs::path& path, const Preprocess& preprocess, InputConverter& input, Diagnostics& diag) {
    const std::string file = path.string();
    GW_TRY(const std::string bytes, read_file(path, diag));
    if (is_picture(path)) return input.from_picture(bytes, file);
    const std::string ext = path.extension().string();
    if (ext == ".bin") {
        GW_TRY(const Tensor t, parse_bin(bytes, input.spec(), preprocess, file, diag));
        return input.from_array(t, {1, input.spec().shape, {}}, 0, file);
    }
    if (ext != ".npy" && ext != ".txt")
        return diag.error(DiagId::samples_invalid, {.file = file}, "is not a .png, .jpg, .jpeg, .bin, .txt or .npy file");
    GW_TRY(const Tensor t, ext == ".npy" ? parse_npy(bytes, file, diag) : parse_numbers(bytes, file, diag));
    GW_TRY(const ArrayFit fit, input.fit(t.shape(), file));
    if (fit.count != 1) return diag.error(DiagId::samples_invalid, {.file = file}, "holds {} samples, one was expected", fit.count);
    return input.from_array(t, fit, 0, file, ext == ".txt");
}

// `labels` as text, "" for none, for all items before selection.
Expected<SampleSet> read_items(Source& source, const std::vector<Item>& items, const std::vector<std::string>& labels,
                               const Preprocess& preprocess) {
    Diagnostics& diag = source.diag;
    if (source.inputs.size() != 1)
        return diag.error(DiagId::samples_invalid, {.file = source.file()},
                          "the model has {} inputs; an .npz with one array for each gives their samples", source.inputs.size());
    SampleSet set;
    GW_TRY(const auto selected, source.select(static_cast<int64_t>(items.size())));
    // Numbered before selection, so that a class has the same number in every selection.
    GW_TRY(set.labels, number_labels(labels, set.class_names, source.file(), diag));
    const int before = diag.errors();
    for (int64_t i = selected.first; i < selected.second; ++i) {
        const Item& item = items[static_cast<size_t>(i)];
        auto tensor = load_item(item.path, preprocess, source.inputs[0], diag);
        if (!tensor && diag.errors() - before >= most_faults) return failure;
        if (!tensor) continue;
        set.samples.push_back({*std::move(tensor)});
        set.names.push_back(item.name);
    }
    if (diag.errors() > before) return failure;
    if (!set.labels.empty()) set.labels = {set.labels.begin() + selected.first, set.labels.begin() + selected.second};
    return set;
}

// `arrays[i]` holds the samples of input i.
Expected<SampleSet> read_arrays(Source& source, const std::vector<const Tensor*>& arrays, const std::vector<int64_t>& labels) {
    Diagnostics& diag = source.diag;
    std::vector<ArrayFit> fits;
    for (size_t k = 0; k < arrays.size(); ++k) {
        GW_TRY(ArrayFit fit, source.inputs[k].fit(arrays[k]->shape(), source.file()));
        fits.push_back(std::move(fit));
        if (fits[k].count != fits[0].count)
            return diag.error(DiagId::samples_invalid, {.file = source.file()}, "holds {} samples for input `{}` and {} for input `{}`",
                              fits[0].count, source.inputs[0].spec().name, fits[k].count, source.inputs[k].spec().name);
    }
    if (!labels.empty() && static_cast<int64_t>(labels.size()) != fits[0].count)
        return diag.error(DiagId::labels_invalid, {.file = source.file()}, "holds {} labels for {} samples", labels.size(), fits[0].count);
    GW_TRY(const auto selected, source.select(fits[0].count));
    SampleSet set;
    for (int64_t i = selected.first; i < selected.second; ++i) {
        std::vector<Tensor> tensors;
        for (size_t k = 0; k < arrays.size(); ++k) {
            GW_TRY(Tensor t, source.inputs[k].from_array(*arrays[k], fits[k], i, source.file()));
            tensors.push_back(std::move(t));
        }
        set.samples.push_back(std::move(tensors));
        set.names.push_back(fmt::format("{}[{}]", source.path.filename().string(), i));
        if (!labels.empty()) set.labels.push_back(labels[static_cast<size_t>(i)]);
    }
    return set;
}

Expected<SampleSet> read_npz_samples(Source& source) {
    Diagnostics& diag = source.diag;
    GW_TRY(const std::vector<NamedTensor> all, read_npz(source.path, diag));
    std::vector<int64_t> labels;
    std::vector<const NamedTensor*> others;  // may be an input of any name
    for (const NamedTensor& a : all) {
        if (a.name != "labels" && a.name != "outputs") others.push_back(&a);
        if (a.name == "labels" && a.tensor.elements() > 0) {
            GW_TRY(labels, labels_of(a.tensor, source.file() + "/labels.npy", diag));
        }
    }
    std::string there;
    for (const NamedTensor& a : all) there += (there.empty() ? "`" : ", `") + a.name + "`";
    std::vector<const Tensor*> arrays;
    const int before = diag.errors();
    for (const InputConverter& input : source.inputs) {
        const std::string& name = input.spec().name;
        auto found = std::find_if(others.begin(), others.end(), [&](const NamedTensor* a) { return a->name == name; });
        if (found == others.end())
            found = std::find_if(others.begin(), others.end(),
                                 [&](const NamedTensor* a) { return c_identifier(a->name) == c_identifier(name); });
        if (found == others.end() && source.inputs.size() == 1 && others.size() == 1) found = others.begin();
        if (found != others.end())
            arrays.push_back(&(*found)->tensor);
        else
            (void)diag.error(DiagId::samples_invalid, {.file = source.file()}, "holds no array for input `{}`; it has {}", name,
                             there.empty() ? "none" : there);
    }
    if (diag.errors() > before) return failure;
    return read_arrays(source, arrays, labels);
}

Expected<SampleSet> read_folder(Source& source, const Preprocess& preprocess) {
    GW_TRY(const auto files, folder_files(source.path, source.diag));
    std::vector<Item> items;
    std::vector<std::string> labels;
    for (const FolderFile& f : files) {
        items.push_back({f.path, f.name});
        labels.push_back(f.class_name);
    }
    return read_items(source, items, labels, preprocess);
}

// "path", "path 7" or "path name"; a path may hold blanks, so the last word is a label only when the line as a whole is no file.
Expected<SampleSet> read_list(Source& source, const Preprocess& preprocess) {
    GW_TRY(const std::string text, read_file(source.path, source.diag));
    std::vector<Item> items;
    std::vector<std::string> labels;
    const fs::path folder = source.path.parent_path();
    for (const ListEntry& e : list_lines(text)) {
        std::string path = e.path, label;
        std::error_code ec;
        const size_t blank = path.find_last_of(" \t");
        if (blank != std::string::npos && !fs::exists(folder / path, ec)) {
            label = path.substr(blank + 1);
            path.resize(path.find_last_not_of(" \t", blank) + 1);
        }
        if (!fs::exists(folder / path, ec))
            return source.diag.error(DiagId::samples_invalid, {.file = source.file()}, "line {}: there is no file `{}`", e.line, path);
        items.push_back({folder / path, path});
        labels.push_back(label);
    }
    return read_items(source, items, labels, preprocess);
}

}  // namespace

Expected<SampleSet> read_samples(const fs::path& path, const std::vector<SampleSpec>& inputs, const Preprocess& preprocess,
                                 const SampleLimits& limits, Diagnostics& diag) {
    GW_TRY_DO(check_preprocess(preprocess, diag));
    auto [file, inner] = split_selection(path.string());
    Source source{file, inner, limits, {}, diag};
    for (const SampleSpec& spec : inputs) source.inputs.emplace_back(spec, preprocess, diag);
    if (inputs.empty()) return diag.error(DiagId::samples_invalid, {.file = source.file()}, "the model has no inputs to read samples for");
    std::error_code ec;
    if (!fs::exists(file, ec)) return diag.error(DiagId::file_unreadable, {.file = source.file()}, "does not exist");
    if (fs::is_directory(file, ec)) return read_folder(source, preprocess);
    const std::string ext = file.extension().string();
    if (ext == ".npz") return read_npz_samples(source);
    if (ext == ".npy") {
        if (inputs.size() != 1)
            return diag.error(DiagId::samples_invalid, {.file = source.file()},
                              "the model has {} inputs; an .npz with one array for each gives their samples", inputs.size());
        GW_TRY(const Tensor array, read_npy(file, diag));
        return read_arrays(source, {&array}, {});
    }
    if (is_picture(file) || ext == ".bin") return read_items(source, {{file, file.filename().string()}}, {""}, preprocess);
    return read_list(source, preprocess);
}

}  // namespace gw
