// Labels, list files, folders and selections: everything about samples that is names and numbers and not yet a tensor.
#include "samples/labels.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "base/files.h"
#include "samples/npy.h"

namespace gw {
namespace fs = std::filesystem;
namespace {

std::optional<int64_t> integer(std::string_view text) {
    int64_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return v;
}

std::string extension(const fs::path& path) {
    std::string e = path.extension().string();
    for (char& c : e) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return e;
}

bool is_raw(const fs::path& path) {
    const std::string e = extension(path);
    return e == ".bin" || e == ".txt" || e == ".npy";
}

// Files directly in `folder`, and its subfolders, by name; hidden ones are left out.
Status list_folder(const fs::path& folder, std::vector<fs::path>& files, std::vector<fs::path>& folders, Diagnostics& diag) {
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        if (it->path().filename().string().starts_with(".")) continue;
        std::error_code kind;
        if (it->is_directory(kind))
            folders.push_back(it->path());
        else
            files.push_back(it->path());
    }
    if (ec) return diag.error(DiagId::file_unreadable, {.file = folder.string()}, "cannot be read: {}", ec.message());
    std::sort(files.begin(), files.end());
    std::sort(folders.begin(), folders.end());
    return {};
}

// The samples among files: pictures when there are any, else raw tensors. Others are counted.
std::vector<fs::path> samples_among(const std::vector<fs::path>& files, bool pictures, std::vector<fs::path>& left_out) {
    std::vector<fs::path> samples;
    for (const fs::path& f : files) {
        if (pictures ? is_picture(f) : is_raw(f))
            samples.push_back(f);
        else
            left_out.push_back(f);
    }
    return samples;
}

}  // namespace

bool is_picture(const fs::path& path) {
    const std::string e = extension(path);
    return e == ".png" || e == ".jpg" || e == ".jpeg";
}

Expected<std::vector<FolderFile>> folder_files(const fs::path& folder, Diagnostics& diag) {
    std::vector<fs::path> files, folders, left_out;
    GW_TRY_DO(list_folder(folder, files, folders, diag));
    std::vector<std::vector<fs::path>> inside(folders.size());
    bool pictures = std::any_of(files.begin(), files.end(), is_picture);
    for (size_t i = 0; i < folders.size(); ++i) {
        std::vector<fs::path> deeper;
        GW_TRY_DO(list_folder(folders[i], inside[i], deeper, diag));
        pictures = pictures || std::any_of(inside[i].begin(), inside[i].end(), is_picture);
    }
    std::vector<FolderFile> out;
    for (const fs::path& f : samples_among(files, pictures, left_out)) out.push_back({f, f.filename().string(), ""});
    const size_t direct = out.size();
    for (size_t i = 0; i < folders.size(); ++i) {
        const std::string name = folders[i].filename().string();
        for (const fs::path& f : samples_among(inside[i], pictures, left_out)) out.push_back({f, name + "/" + f.filename().string(), name});
    }
    const Location where{.file = folder.string()};
    if (out.empty()) return diag.error(DiagId::samples_invalid, where, "holds no samples: no .png, .jpg, .jpeg, .bin, .txt or .npy file");
    if (direct > 0 && direct < out.size())
        return diag.error(DiagId::samples_invalid, where,
                          "holds samples (`{}`) beside class subfolders (`{}`); either all lie in subfolders or none", out[0].name,
                          out[direct].class_name);
    if (!left_out.empty())
        diag.warning(DiagId::samples_invalid, where, "{} file{} of another kind left out, `{}` first", left_out.size(),
                     left_out.size() == 1 ? "" : "s", left_out[0].filename().string());
    return out;
}

std::vector<ListEntry> list_lines(const std::string& text) {
    std::vector<ListEntry> lines;
    int64_t number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        at = end + 1;
        ++number;
        if (!line.empty() && line[0] == '#') continue;
        const size_t first = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
        if (first != std::string::npos) lines.push_back({line.substr(first, last - first + 1), "", number});
    }
    return lines;
}

Expected<std::vector<int64_t>> number_labels(const std::vector<std::string>& labels, std::vector<std::string>& class_names,
                                             const std::string& file, Diagnostics& diag) {
    const auto empty = static_cast<size_t>(std::count(labels.begin(), labels.end(), ""));
    if (empty == labels.size()) return std::vector<int64_t>{};
    const Location where{.file = file};
    if (empty > 0) {
        const auto at = std::find(labels.begin(), labels.end(), "") - labels.begin();
        return diag.error(DiagId::labels_invalid, where, "sample {} has no label, others have", at);
    }
    std::vector<int64_t> numbers;
    std::string text;
    for (const std::string& l : labels) {
        if (const auto n = integer(l))
            numbers.push_back(*n);
        else
            text = l;
    }
    if (numbers.size() == labels.size()) return numbers;
    if (!numbers.empty()) return diag.error(DiagId::labels_invalid, where, "some labels are numbers and some are names (`{}`)", text);
    const std::set<std::string> names(labels.begin(), labels.end());
    class_names.assign(names.begin(), names.end());
    for (const std::string& l : labels) numbers.push_back(std::distance(names.begin(), names.find(l)));
    return numbers;
}

Expected<std::vector<int64_t>> labels_of(const Tensor& tensor, const std::string& file, Diagnostics& diag) {
    const Shape& s = tensor.shape();
    if (is_float(tensor.type.dtype) || s.rank() < 1 || s.elements() != s[0])
        return diag.error(DiagId::labels_invalid, {.file = file}, "labels are one integer a sample; this is {} {}",
                          dtype_long_name(tensor.type.dtype), s.text());
    return tensor.ints();
}

Expected<std::pair<int64_t, int64_t>> resolve(const SampleLimits& limits, int64_t count, const std::string& file, Diagnostics& diag) {
    const auto place = [&](std::optional<int64_t> v, int64_t otherwise) { return !v ? otherwise : *v < 0 ? *v + count : *v; };
    const int64_t first = place(limits.first, 0), last = place(limits.last, count);
    const Location where{.file = file};
    if (count == 0) return diag.error(DiagId::samples_invalid, where, "holds no samples");
    if (first < 0 || last > count || first >= last)
        return diag.error(DiagId::samples_invalid, where, "holds {} samples, of which [{}:{}] selects none or more than there are", count,
                          limits.first ? std::to_string(*limits.first) : "", limits.last ? std::to_string(*limits.last) : "");
    const int64_t size = limits.max_samples < 0 ? last - first : std::min(last - first, limits.max_samples);
    return std::pair{first, first + size};
}

Expected<std::vector<int64_t>> read_labels(const fs::path& path, Diagnostics& diag) {
    const auto [file, limits] = split_selection(path.string());
    const std::string name = file.string();
    std::vector<int64_t> labels;
    std::error_code ec;
    if (fs::is_directory(file, ec)) {
        GW_TRY(const auto files, folder_files(file, diag));
        std::vector<std::string> texts, class_names;
        for (const FolderFile& f : files) texts.push_back(f.class_name);
        GW_TRY(labels, number_labels(texts, class_names, name, diag));
    } else if (extension(file) == ".npy") {
        GW_TRY(const Tensor tensor, read_npy(file, diag));
        GW_TRY(labels, labels_of(tensor, name, diag));
    } else {
        GW_TRY(const std::string text, read_file(file, diag));
        std::vector<std::string> texts, class_names;
        for (const ListEntry& e : list_lines(text)) {
            const size_t space = e.path.find_last_of(" \t,");
            texts.push_back(space == std::string::npos ? e.path : e.path.substr(space + 1));
            if (space == std::string::npos && !integer(e.path))
                return diag.error(DiagId::labels_invalid, {.file = name}, "line {}: `{}` is not an integer", e.line, e.path);
        }
        GW_TRY(labels, number_labels(texts, class_names, name, diag));
    }
    if (labels.empty()) return diag.error(DiagId::labels_invalid, {.file = name}, "holds no labels");
    GW_TRY(const auto selected, resolve(limits, static_cast<int64_t>(labels.size()), name, diag));
    return std::vector<int64_t>(labels.begin() + selected.first, labels.begin() + selected.second);
}

}  // namespace gw
