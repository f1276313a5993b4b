// The kit: models and data that the tests like to run on and the project may not ship. It lies beside the source folder
// (../shared/kit) or where the environment variable GLOWWORM_KIT says. Without it those tests are skipped, by name and loudly.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace gw {

// kit_file("models/ic01_float.onnx"): its path, whether it exists or not.
inline std::filesystem::path kit_file(std::string_view name) {
    const char* set = std::getenv("GLOWWORM_KIT");
    return std::filesystem::path(set && *set ? set : GLOWWORM_KIT) / name;
}

// A file of the project itself: source_file("models/digits.onnx").
inline std::filesystem::path source_file(std::string_view name) { return std::filesystem::path(GLOWWORM_SOURCE_DIR) / name; }

}  // namespace gw

// First line of a test that needs the kit.
#define GW_REQUIRE_KIT(name) \
    do { \
        if (!std::filesystem::exists(::gw::kit_file(name))) \
            GTEST_SKIP() << "SKIPPED, not tested: the kit file " << ::gw::kit_file(name) << " is not there (set GLOWWORM_KIT)"; \
    } while (false)
