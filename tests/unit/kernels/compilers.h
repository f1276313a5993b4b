// Specialised kernels must be quiet under every compiler and option that users build bundles with, and must call nothing but what a bundle
// may call. Sources are caught on their way through the harness.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "base/files.h"
#include "base/process.h"
#include "support/kernel_harness.h"

namespace gw {

class EveryCompiler {
public:
    explicit EveryCompiler(size_t most) : most_(most) {}

    // For the harness's constructor.
    KernelFault fault() {
        KernelFault f;
        f.edit_source = [this](std::string source) {
            if (count_ < most_) {
                ++count_;
                std::string visible = source;  // as a function that must be compiled
                size_t at = visible.find("static void k");
                while (at != std::string::npos && visible[visible.find_first_not_of("0123456789", at + 13)] != '(')
                    at = visible.find("static void k", at + 1);  // a helper's name goes on
                EXPECT_NE(at, std::string::npos);
                visible.erase(at, 7);
                text_ += visible;
            }
            return source;
        };
        return f;
    }

    void expect_quiet() const {
        ASSERT_GT(count_, 0U);
        const TemporaryFolder folder;
        Diagnostics diag;
        const std::string source = (folder.path() / "kernels.c").string(), object = (folder.path() / "kernels.o").string();
        ASSERT_TRUE(write_file(folder.path() / "gw_kernel.h", kernel_text("", "gw_kernel.h"), diag).ok());
        ASSERT_TRUE(write_file(source, "#include \"gw_kernel.h\"\n#include <math.h>\n" + text_, diag).ok());
        const std::vector<std::vector<std::string>> compilers = {
            {"gcc", "-O3"},
            {"clang", "-O0"},
            {"clang", "-O2"},
            {"arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0plus", "-Os"},
            {"arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0plus", "-O0"},
            {"arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O3"},
        };
        for (std::vector<std::string> command : compilers) {
            if (!run_process({command[0], "--version"}).ok()) {
                std::fprintf(stderr, "skipped: %s is not installed\n", command[0].c_str());
                continue;
            }
            const std::string name = command[0] + " " + command.back();
            command.insert(command.end(), {"-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wdouble-promotion",
                                           "-Wfloat-conversion", "-Werror", "-c", source, "-o", object});
            const ProcessResult done = run_process(command);
            EXPECT_TRUE(done.ok()) << name << ": " << done.err.substr(0, 2000);
            if (done.ok() && command[0].starts_with("arm")) expect_modest(object, name);
        }
    }

private:
    // memcpy, memset, float functions of libm, and the compiler's own helpers except those of double.
    static void expect_modest(const std::string& object, const std::string& name) {
        const ProcessResult listed = run_process({"arm-none-eabi-nm", "-u", object});
        ASSERT_TRUE(listed.ok());
        const std::set<std::string> allowed = {"memcpy", "memset", "memmove", "expf",  "logf",  "sqrtf", "powf",   "erff",   "expm1f",
                                               "log1pf", "fmodf",  "floorf",  "ceilf", "rintf", "fabsf", "sinf",   "cosf",   "tanf",
                                               "asinf",  "acosf",  "atanf",   "sinhf", "coshf", "tanhf", "asinhf", "acoshf", "atanhf"};
        std::istringstream words(listed.out);
        for (std::string word; words >> word;) {
            if (word == "U" || allowed.contains(word)) continue;
            const bool helper = word.starts_with("__aeabi_") && !word.starts_with("__aeabi_d") && word.find("2d") == std::string::npos;
            const bool division = word == "__aeabi_idivmod" || word.starts_with("__gnu_thumb1_case") || word.starts_with("__aeabi_ldiv");
            EXPECT_TRUE(helper || division) << name << " calls " << word;
        }
    }

    size_t most_, count_ = 0;
    std::string text_;
};

}  // namespace gw
