// Labels and list files as text. Used by samples.cpp.
#pragma once
#include <string>
#include <vector>

#include "samples/samples.h"

namespace gw {

// One line of a list file.
struct ListEntry {
    std::string path;
    std::string label;  // "" when the line has none
    int64_t line = 0;
};

// Labels as numbers: integers as they are; names by their place in the sorted list of all names, which `class_names` then holds. Texts that
// are all empty give no labels; some empty, or numbers mixed with names, is labels_invalid.
Expected<std::vector<int64_t>> number_labels(const std::vector<std::string>& labels, std::vector<std::string>& class_names,
                                             const std::string& file, Diagnostics& diag);
// The labels of a tensor: integers, one a sample.
Expected<std::vector<int64_t>> labels_of(const Tensor& tensor, const std::string& file, Diagnostics& diag);

// first and last of `limits` as places in 0 … count; samples_invalid when they lie outside or select nothing.
Expected<std::pair<int64_t, int64_t>> resolve(const SampleLimits& limits, int64_t count, const std::string& file, Diagnostics& diag);

// Lines without comments, blank ends and empty ones.
std::vector<ListEntry> list_lines(const std::string& text);

// What a folder holds: files by name with the class subfolder that each lies in, "" in the folder itself.
struct FolderFile {
    std::filesystem::path path;
    std::string name;  // relative to the folder
    std::string class_name;
};
bool is_picture(const std::filesystem::path& path);
Expected<std::vector<FolderFile>> folder_files(const std::filesystem::path& folder, Diagnostics& diag);

}  // namespace gw
