// profile.yaml, written and read.
//
// Written by hand-made formatting, so that the bytes are ours and the same everywhere; read through yaml-cpp's parser, so that people may
// edit and comment the file. The reader believes nothing: every key must be known, every count must add up, because a profile is kept for
// months and merged across machines, and a wrong one costs accuracy without a word.
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "calibrate/profile.h"
#include "calibrate/yaml_tree.h"

namespace gw {
namespace {

constexpr std::string_view layout_names[] = {"model", "nchw", "nhwc"};

std::string float_list(const std::vector<float>& values) {
    std::string s = "[";
    for (size_t i = 0; i < values.size(); ++i) s += (i > 0 ? ", " : "") + format_float(values[i]);
    return s + "]";
}

std::string preprocess_yaml(const Preprocess& p) {
    std::string s = "preprocess:\n";
    if (p.range) s += fmt::format("  image_range: {}\n", float_list({p.range->first, p.range->second}));
    if (!p.mean.empty()) s += fmt::format("  image_mean: {}\n", float_list(p.mean));
    if (!p.std.empty()) s += fmt::format("  image_std: {}\n", float_list(p.std));
    s += fmt::format("  image_order: {}\n  image_resize: {}\n", p.bgr ? "bgr" : "rgb", p.resize);
    if (p.sample_scale) s += fmt::format("  sample_scale: {}\n", format_float(*p.sample_scale));
    if (p.sample_zero) s += fmt::format("  sample_zero: {}\n", *p.sample_zero);
    return s + fmt::format("  sample_layout: {}\n", layout_names[static_cast<size_t>(p.layout)]);
}

std::string tensor_yaml(const TensorProfile& t) {
    std::string s = fmt::format("  - name: {}\n    min: {}\n    max: {}\n    count: {}\n", quote(t.name), format_float(t.min),
                                format_float(t.max), t.count);
    const auto zeros = t.histogram.find(zero_bin);
    s += fmt::format("    zeros: {}\n    nonfinite: {}\n    bins: {{", zeros == t.histogram.end() ? 0 : zeros->second, t.nonfinite);
    int n = 0;
    for (const auto& [bin, count] : t.histogram) {
        if (bin == zero_bin) continue;
        s += n == 0 ? "" : n % 12 == 0 ? ",\n      " : ", ";
        s += fmt::format("{}: {}", bin, count);
        ++n;
    }
    return s + "}\n";
}

// Walks the document; the first fault ends the reading (`failed`), with its line.
class ProfileReader {
public:
    ProfileReader(const std::string& file, Diagnostics& diag) : file_(file), diag_(diag) {}

    Expected<Profile> read(const YamlTree& root) {
        Profile p;
        const std::set<std::string> keys = {"schema", "model", "samples", "preprocess", "tensor_count", "tensors"};
        fields(root, keys, keys);
        if (!failed_ && integer(root["schema"]) != 1) fail(root["schema"], "this glowworm reads schema 1");
        if (failed_) return failure;
        const YamlTree& model = root["model"];
        fields(model, {"file", "sha256"}, {"file", "sha256"});
        if (failed_) return failure;
        p.model_file = text(model["file"]);
        p.model_sha256 = text(model["sha256"]);
        p.samples = count(root["samples"]);
        p.preprocess = preprocess(root["preprocess"]);
        if (failed_) return failure;
        if (!root["tensors"].is_list()) return fail(root["tensors"], "`tensors` is not a list"), failure;
        std::set<std::string> names;
        for (const YamlTree& node : root["tensors"].items) {
            p.tensors.push_back(tensor(node));
            if (!failed_ && !names.insert(p.tensors.back().name).second) fail(node, "the tensor is there twice");
            if (failed_) return failure;
        }
        // A file that was cut off between two tensors is YAML like any other.
        if (count(root["tensor_count"]) != static_cast<int64_t>(p.tensors.size()))
            fail(root["tensor_count"], fmt::format("{} tensors are announced, {} are there", text(root["tensor_count"]), p.tensors.size()));
        if (failed_) return failure;
        return p;
    }

private:
    void fail(const YamlTree& node, const std::string& why) { fail(node.line, why); }
    void fail(int line, const std::string& why) {
        if (failed_) return;
        failed_ = true;
        if (line < 0)
            (void)diag_.error(DiagId::profile_invalid, {.file = file_}, "{}", why);
        else
            (void)diag_.error(DiagId::profile_invalid, {.file = file_}, "line {}: {}", line + 1, why);
    }
    // A map with keys of `allowed`, none twice, and all of `required`.
    void fields(const YamlTree& node, const std::set<std::string>& allowed, const std::set<std::string>& required) {
        if (failed_) return;
        if (!node.is_map()) return fail(node, "a map of keys was expected");
        std::set<std::string> seen;
        for (size_t i = 0; i < node.keys.size(); ++i) {
            const std::string& key = node.keys[i];
            if (!allowed.contains(key)) return fail(node.key_lines[i], fmt::format("unknown key `{}`", key));
            if (!seen.insert(key).second) return fail(node.key_lines[i], fmt::format("key `{}` is there twice", key));
        }
        for (const std::string& key : required)
            if (!seen.contains(key)) return fail(node, fmt::format("key `{}` is missing", key));
    }
    std::string text(const YamlTree& node) {
        if (!node.is_scalar()) return fail(node, "text was expected"), "";
        return node.text;
    }
    template <class T>
    T number(const YamlTree& node, std::string_view what) {
        return number<T>(node.is_scalar() ? node.text : "", node.line, what);
    }
    template <class T>
    T number(const std::string& s, int line, std::string_view what) {
        T v{};
        const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
        if (s.empty() || error != std::errc() || end != s.data() + s.size())
            return fail(line, fmt::format("{} was expected, `{}` found", what, s)), T{};
        return v;
    }
    int64_t integer(const YamlTree& node) { return number<int64_t>(node, "an integer"); }
    int64_t count(const YamlTree& node) {
        const auto v = integer(node);
        if (v < 0 || v > int64_t{1} << 60) fail(node, "a count was expected");
        return failed_ ? 0 : v;
    }
    float real(const YamlTree& node) {
        const auto v = number<float>(node, "a number");
        if (!std::isfinite(v)) fail(node, "a finite number was expected");
        return v;
    }
    std::vector<float> reals(const YamlTree& node) {
        std::vector<float> v;
        if (!node.is_list()) return fail(node, "a list of numbers was expected"), v;
        for (const YamlTree& n : node.items) v.push_back(real(n));
        return v;
    }

    Preprocess preprocess(const YamlTree& node) {
        Preprocess p;
        fields(node,
               {"image_range", "image_mean", "image_std", "image_order", "image_resize", "sample_scale", "sample_zero", "sample_layout"},
               {"image_order", "image_resize", "sample_layout"});
        if (failed_) return p;
        if (has(node, "image_range")) {
            const std::vector<float> r = reals(node["image_range"]);
            if (r.size() == 2)
                p.range = {r[0], r[1]};
            else
                fail(node["image_range"], "a range has two numbers");
        }
        if (has(node, "image_mean")) p.mean = reals(node["image_mean"]);
        if (has(node, "image_std")) p.std = reals(node["image_std"]);
        p.bgr = one_of(node["image_order"], {"rgb", "bgr"}) == 1;
        p.resize = one_of(node["image_resize"], {"false", "true"}) == 1;
        p.layout = static_cast<SampleLayout>(one_of(node["sample_layout"], {"model", "nchw", "nhwc"}));
        if (has(node, "sample_scale")) p.sample_scale = real(node["sample_scale"]);
        if (has(node, "sample_zero")) p.sample_zero = number<int32_t>(node["sample_zero"], "an integer");
        return p;
    }
    static bool has(const YamlTree& node, std::string_view key) { return node[key].line >= 0; }
    int one_of(const YamlTree& node, const std::vector<std::string>& words) {
        const std::string s = text(node);
        for (size_t i = 0; i < words.size(); ++i)
            if (words[i] == s) return static_cast<int>(i);
        fail(node, fmt::format("`{}` is none of {}", s, fmt::join(words, ", ")));
        return 0;
    }

    TensorProfile tensor(const YamlTree& node) {
        TensorProfile t;
        fields(node, {"name", "min", "max", "count", "zeros", "nonfinite", "bins"},
               {"name", "min", "max", "count", "zeros", "nonfinite", "bins"});
        if (failed_) return t;
        t.name = text(node["name"]);
        t.min = real(node["min"]);
        t.max = real(node["max"]);
        t.count = count(node["count"]);
        t.nonfinite = count(node["nonfinite"]);
        const int64_t zeros = count(node["zeros"]);
        if (zeros > 0) t.histogram[zero_bin] = zeros;
        if (!failed_ && !node["bins"].is_map()) fail(node["bins"], "`bins` is not a map of bin: count");
        if (failed_) return t;
        const YamlTree& bins = node["bins"];
        for (size_t i = 0; i < bins.keys.size(); ++i) {
            const int line = bins.key_lines[i];
            const int64_t bin = number<int64_t>(bins.keys[i], line, "an integer"), n = count(bins.items[i]);
            if (!failed_ && (bin < 0 || bin >= bin_count || (bin & 0xff0) == 0xff0)) fail(line, fmt::format("there is no bin {}", bin));
            if (!failed_ && n == 0) fail(bins.items[i], "an empty bin");
            if (!failed_ && !t.histogram.emplace(static_cast<int>(bin), n).second) fail(line, fmt::format("bin {} is there twice", bin));
            if (failed_) return t;
        }
        check(t, node);
        return t;
    }
    // Counts add up, and the extremes lie in the outermost bins.
    void check(const TensorProfile& t, const YamlTree& node) {
        int64_t sum = 0;
        double lowest = INFINITY, highest = -INFINITY;
        int lowest_bin = zero_bin, highest_bin = zero_bin;
        for (const auto& [bin, n] : t.histogram) {
            if (__builtin_add_overflow(sum, n, &sum)) return fail(node, "the counts add up to more than can be");
            const BinBounds b = bin_bounds(bin);
            // −0…: the bin of the smallest negative numbers ends at 0, where the zeros are; the middle of a bin orders it.
            const double middle = (b.low + b.high) / 2;
            if (middle < lowest) lowest = middle, lowest_bin = bin;
            if (middle > highest) highest = middle, highest_bin = bin;
        }
        if (sum != t.count)
            return fail(node, fmt::format("tensor `{}`: zeros and bins add up to {}, `count` says {}", t.name, sum, t.count));
        if (t.count == 0 && (t.min != 0 || t.max != 0)) return fail(node, fmt::format("tensor `{}`: min and max without values", t.name));
        if (t.count > 0 && (bin_of(t.min) != lowest_bin || bin_of(t.max) != highest_bin))
            return fail(node, fmt::format("tensor `{}`: min and max do not lie in the outermost bins", t.name));
        if (t.min > t.max) return fail(node, fmt::format("tensor `{}`: min is above max", t.name));
    }

    const std::string& file_;
    Diagnostics& diag_;
    bool failed_ = false;
};

}  // namespace

std::string profile_yaml(const Profile& profile) {
    std::string s =
        "# Values of every tensor over the samples, as `glowworm calibrate` saw them. A bin is a float32's sign, exponent and top four "
        "mantissa\n"
        "# bits (its bits 31 to 19); zeros are counted apart. `glowworm calibrate --merge` adds profiles of one model exactly.\n";
    s += fmt::format("schema: 1\nmodel:\n  file: {}\n  sha256: {}\nsamples: {}\n", quote(profile.model_file), quote(profile.model_sha256),
                     profile.samples);
    s += preprocess_yaml(profile.preprocess);
    s += fmt::format("tensor_count: {}\n", profile.tensors.size());
    s += profile.tensors.empty() ? "tensors: []\n" : "tensors:\n";
    for (const TensorProfile& t : profile.tensors) s += tensor_yaml(t);
    return s;
}

Expected<Profile> parse_profile(const std::string& text, const std::string& file, Diagnostics& diag) {
    YamlTree tree;
    std::string why;
    if (!parse_yaml(text, tree, why)) return diag.error(DiagId::profile_invalid, {.file = file}, "{}", why);
    return ProfileReader(file, diag).read(tree);
}

Expected<Profile> read_profile(const std::filesystem::path& path, Diagnostics& diag) {
    GW_TRY(const std::string text, read_file(path, diag));
    return parse_profile(text, path.string(), diag);
}

Status write_profile(const std::filesystem::path& path, const Profile& profile, Diagnostics& diag) {
    return write_file(path, profile_yaml(profile), diag);
}

}  // namespace gw
