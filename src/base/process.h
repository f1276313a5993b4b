// Other programs: run one to its end with an argument vector (no shell), its output captured and its time limited.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gw {

struct ProcessOptions {
    std::filesystem::path folder;            // working folder; empty: ours
    double timeout_seconds = 0;              // 0: none. When it passes, the program and all it started are killed.
    size_t capture_limit = size_t{1} << 20;  // bytes kept of each stream; the rest is read and dropped
};

struct ProcessResult {
    bool started = false;  // false: no such program or no right to run it; start_error says why
    bool timed_out = false;
    int exit_code = -1;  // -1 when it did not end by itself
    int signal = 0;      // the signal that ended it, or 0
    std::string start_error;
    std::string out, err;  // standard output and standard error
    bool ok() const { return started && !timed_out && exit_code == 0; }
};

// arguments[0] is the program: a path, or a name that is looked up in PATH. Standard input is empty.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

// Runs `body` in a forked copy of this process and returns how that ended: code that may crash or never return (a compiled model) cannot
// take us with it. The body's return value is the exit code (0 to 255). It must not touch what other threads may hold.
ProcessResult run_in_child(const std::function<int()>& body, const ProcessOptions& options = {});

// Where a program of that name is: the name itself when it holds a '/' and can be executed, else its place in PATH; empty when there is
// none.
std::filesystem::path find_program(std::string_view name);

}  // namespace gw
