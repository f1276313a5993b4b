// What a person reads about the commands, all of it made from the one option table that CLI11 holds: `--help`, the man page, and the
// completions of bash.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace gw {

// Sorts the options of all commands into groups, adds examples and exit statuses, and sets a formatter that wraps lines.
void finish_help(CLI::App& app);
// The manual page in roff's man macros (section 1). The same options give the same bytes: no date.
std::string man_page(const CLI::App& app);
// A script for bash that completes commands, options, their values, cores and boards, and files.
std::string bash_completion(const CLI::App& app);

}  // namespace gw
