// Every kernel file compiles as it lies, without a warning, with the compilers that users build bundles with.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "support/kernel_harness.h"

namespace gw {
namespace {

struct Compiler {
    const char* label;
    std::vector<std::string> command;
};

std::vector<Compiler> compilers() {
    return {{"host gcc", {"gcc"}},
            {"host clang", {"clang-19"}},
            {"gcc for Cortex-M0+", {"arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"}},
            {"gcc for Cortex-M4", {"arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"}},
            {"gcc for Cortex-M55", {"arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"}},
            {"clang for Cortex-M55",
             {"clang", "--target=thumbv8.1m.main-none-eabihf", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-isystem",
              "/usr/lib/arm-none-eabi/include"}}};
}

// All kernels in one compilation each, through a file that includes them: their names do not clash, by the rule of prefixes.
TEST(KernelFiles, CompileWithoutAWarning) {
    const std::filesystem::path kernels = std::filesystem::path(GLOWWORM_SOURCE_DIR) / "kernels";
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kernels))
        if (entry.path().extension() == ".c") files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    ASSERT_GE(files.size(), 15U);
    const TemporaryFolder folder;
    std::string all;
    for (const std::string& file : files) all += "#include \"" + file + "\"\n";
    Diagnostics diag;
    const auto source = folder.path() / "all.c";
    ASSERT_TRUE(write_file(source, all, diag).ok());
    for (const Compiler& compiler : compilers()) {
        if (find_program(compiler.command[0]).empty()) {
            GTEST_LOG_(WARNING) << "not tested, " << compiler.command[0] << " is not installed: " << compiler.label;
            continue;
        }
        for (const char* level : {"-O0", "-O2", "-Os"}) {
            std::vector<std::string> command = compiler.command;
            command.insert(command.end(), {"-std=c99", level, "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror",
                                           "-I" + kernels.string(), "-c", source.string(), "-o", (folder.path() / "all.o").string()});
            const ProcessResult result = run_process(command);
            EXPECT_TRUE(result.ok()) << compiler.label << ' ' << level << ": " << result.start_error << result.err.substr(0, 2000);
        }
    }
}

// Each file has a row, and each row whose text is not generated a file, its own or that of its int8 twin. A kernel that serves several ops
// has a row for each.
TEST(KernelFiles, HaveRows) {
    const std::filesystem::path kernels = std::filesystem::path(GLOWWORM_SOURCE_DIR) / "kernels";
    std::vector<std::string> files, rows;
    std::set<std::string> seen;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kernels))
        if (entry.path().extension() == ".c") files.push_back(entry.path().stem().string());
    for (const KernelRow* row : kernel_rows()) {
        if (row->generate != nullptr) continue;
        if (row->file.empty()) rows.emplace_back(row->name);
        EXPECT_FALSE(kernel_text(row->set, row->source()).empty());
        EXPECT_TRUE(seen.insert(fmt::format("{} of {}", row->name, row->op)).second) << row->name;
    }
    std::sort(files.begin(), files.end());
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    EXPECT_EQ(files, rows);
}

}  // namespace
}  // namespace gw
