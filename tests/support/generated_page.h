// Documents that are made from the code's own tables: a stale one fails, GLOWWORM_UPDATE=1 writes it.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/files.h"
#include "support/kit.h"

namespace gw::testing {

// Compares the file (a path in the source tree) with what it should hold; `binary` is the test that makes it, for the message.
inline void expect_generated(const std::string& path, const std::string& content, const std::string& binary) {
    Diagnostics diag;
    const auto file = source_file(path);
    if (std::getenv("GLOWWORM_UPDATE") != nullptr) {
        ASSERT_TRUE(write_file(file, content, diag));
    }
    const auto text = read_file(file, diag);
    ASSERT_TRUE(text) << path << " is missing: run " << binary << " with GLOWWORM_UPDATE=1";
    EXPECT_EQ(*text, content) << path << " is stale: run " << binary << " with GLOWWORM_UPDATE=1";
}

// Text inside a cell of a Markdown table.
inline std::string table_cell(std::string_view text) {
    std::string s;
    for (const char c : text) s += c == '|' ? std::string("\\|") : std::string(1, c);
    return s;
}

}  // namespace gw::testing
