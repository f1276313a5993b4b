// The options that say what samples stand for: read from text, held against each other, and against what an earlier command recorded.
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "samples/samples.h"

namespace gw {
namespace {

bool parse_number(std::string_view text, float& v) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(v);
}

bool parse_index(std::string_view text, std::optional<int64_t>& v) {
    if (text.empty()) return v.reset(), true;
    int64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    v = n;
    return true;
}

// "--image-mean 0.5,0.5,0.5"
std::string option_text(const std::string& option, const std::vector<float>& values) {
    std::string s = option;
    for (size_t i = 0; i < values.size(); ++i) s += (i == 0 ? " " : ",") + format_float(values[i]);
    return s;
}

std::string range_text(const std::pair<float, float>& r) {
    return fmt::format("--image-range {}..{}", format_float(r.first), format_float(r.second));
}

}  // namespace

Expected<std::pair<float, float>> parse_image_range(const std::string& text, Diagnostics& diag) {
    const size_t dots = text.find("..");
    std::pair<float, float> r;
    if (dots == std::string::npos || !parse_number(std::string_view(text).substr(0, dots), r.first) ||
        !parse_number(std::string_view(text).substr(dots + 2), r.second) || r.first >= r.second)
        return diag.error(DiagId::bad_option, {}, "--image-range {}: LOW..HIGH was expected, such as 0..1, -1..1 or 0..255", text);
    return r;
}

Expected<std::vector<float>> parse_floats(const std::string& text, const std::string& option, Diagnostics& diag) {
    std::vector<float> values;
    for (const std::string& part : split(text, ',')) {
        float v = 0;
        if (!parse_number(part, v))
            return diag.error(DiagId::bad_option, {}, "{} {}: numbers with commas between were expected", option, text);
        values.push_back(v);
    }
    return values;
}

Status check_preprocess(const Preprocess& p, Diagnostics& diag) {
    const int before = diag.errors();
    auto conflict = [&](const std::string& why) { (void)diag.error(DiagId::preprocess_conflict, {}, "{}", why); };
    if (p.range && p.sample_scale)
        conflict("--image-range and --sample-scale exclude each other: samples are either pixels or scaled integers");
    if (!p.range && !p.mean.empty()) conflict("--image-mean needs --image-range, which says what it is subtracted from");
    if (!p.range && !p.std.empty()) conflict("--image-std needs --image-range, which says what is divided by it");
    if (p.sample_zero && !p.sample_scale) conflict("--sample-zero needs --sample-scale");
    if (p.sample_scale && !(*p.sample_scale > 0 && std::isfinite(*p.sample_scale))) conflict("--sample-scale must be above 0");
    if (p.mean.size() > 1 && p.std.size() > 1 && p.mean.size() != p.std.size())
        conflict(fmt::format("--image-mean has {} entries and --image-std {}", p.mean.size(), p.std.size()));
    for (const float s : p.std)
        if (!(s > 0)) conflict("--image-std must be above 0");
    if (p.range && !(p.range->first < p.range->second)) conflict("--image-range must rise");
    if (diag.errors() > before) return failure;
    return {};
}

Expected<Preprocess> merge_preprocess(const Preprocess& recorded, const Preprocess& given, const std::string& file, Diagnostics& diag) {
    Preprocess p = recorded;
    const int before = diag.errors();
    auto contradicts = [&](const std::string& option, const std::string& used) {
        (void)diag.error(DiagId::preprocess_conflict, {.file = file}, "was made with {}, which {} contradicts", used, option);
    };
    auto real = [](float v) { return format_float(v); };
    // Pixels and scaled integers are two kinds of samples; a command that names one kind is not bound by what the other was.
    if (given.sample_scale && !given.range) p.range.reset(), p.mean.clear(), p.std.clear();
    if (given.range && !given.sample_scale) p.sample_scale.reset(), p.sample_zero.reset();
    if (given.range && p.range && *given.range != *p.range) contradicts(range_text(*given.range), range_text(*p.range));
    const bool pixels_recorded = p.range.has_value();
    auto list = [&](const std::vector<float>& mine, std::vector<float>& theirs, const std::string& option) {
        if (mine.empty()) return;
        if (pixels_recorded && mine != theirs)
            contradicts(option_text(option, mine), theirs.empty() ? "no " + option : option_text(option, theirs));
        theirs = mine;
    };
    list(given.mean, p.mean, "--image-mean");
    list(given.std, p.std, "--image-std");
    if (given.bgr && pixels_recorded && !recorded.bgr) contradicts("--image-order bgr", "--image-order rgb");
    if (given.sample_scale && p.sample_scale && *given.sample_scale != *p.sample_scale)
        contradicts("--sample-scale " + real(*given.sample_scale), "--sample-scale " + real(*p.sample_scale));
    if (given.sample_zero && p.sample_scale && *given.sample_zero != p.sample_zero.value_or(0))
        contradicts(fmt::format("--sample-zero {}", *given.sample_zero), fmt::format("--sample-zero {}", p.sample_zero.value_or(0)));
    if (given.range) p.range = given.range;
    if (given.sample_scale) p.sample_scale = given.sample_scale;
    if (given.sample_zero) p.sample_zero = given.sample_zero;
    p.bgr = recorded.bgr || given.bgr;
    p.resize = given.resize;
    p.layout = given.layout;
    if (diag.errors() > before) return failure;
    return p;
}

std::pair<std::filesystem::path, SampleLimits> split_selection(const std::string& text) {
    std::error_code ec;
    const size_t open = text.rfind('['), colon = text.find(':', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || open == 0 || text.back() != ']' || colon == std::string::npos || std::filesystem::exists(text, ec))
        return {text, {}};
    SampleLimits limits;
    const std::string_view view(text);
    if (!parse_index(view.substr(open + 1, colon - open - 1), limits.first)) return {text, {}};
    if (!parse_index(view.substr(colon + 1, text.size() - colon - 2), limits.last)) return {text, {}};
    return {text.substr(0, open), limits};
}

}  // namespace gw
