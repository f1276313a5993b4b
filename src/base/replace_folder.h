// A folder whose generated files change all at once.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/diagnostics.h"

namespace gw {

// Makes the folder `where` hold `files` (name → content; plain names) in place of those of the same names and of `outdated`, the names of
// generated files that are not made any more. Everything else in the folder stays. Whenever the process or the machine dies, the folder
// holds either all of the old files or all of the new ones.
//
// Where the folder cannot be exchanged as a whole (it has subfolders, is a mount point or the current folder, its parent cannot be written,
// the file system has no exchange), the files are replaced in place: a death in that moment leaves some of the old or some of the new ones,
// never a mixture. An error leaves the old files as they were. What a death left over is cleared by the next call for the same folder.
Status replace_folder(const std::filesystem::path& where, const std::map<std::string, std::string>& files,
                      const std::set<std::string>& outdated, Diagnostics& diag);

}  // namespace gw
