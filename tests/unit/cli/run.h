// The command line called in this process: its exit status, and what it printed.
#pragma once
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/cli.h"
#include "support/kit.h"

namespace gw::testing {

struct Said {
    int status = 0;
    std::string out, err;
    nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

inline Said glowworm(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "glowworm");
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Said s;
    s.status = run_cli(static_cast<int>(argv.size()), argv.data());
    std::fflush(stdout);
    s.out = ::testing::internal::GetCapturedStdout();
    s.err = ::testing::internal::GetCapturedStderr();
    return s;
}

inline std::string digits() { return source_file("models/digits.onnx").string(); }
inline std::string pictures() { return source_file("models/digits").string(); }
inline std::string text_of(const std::filesystem::path& path) {
    Diagnostics diag;
    const auto text = read_file(path, diag);
    EXPECT_TRUE(text.ok()) << path;
    return text.ok() ? *text : "";
}
inline void put(const std::filesystem::path& path, const std::string& text) {
    Diagnostics diag;
    ASSERT_TRUE(write_file(path, text, diag).ok());
}

}  // namespace gw::testing
