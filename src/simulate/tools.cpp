// Which of the programs that we drive are there.
#include <cstdlib>

#include "base/process.h"
#include "base/text.h"
#include "simulate/simulate.h"

namespace gw {
namespace {

Tool find_tool(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const std::filesystem::path path = find_program(name);
        if (path.empty()) continue;
        const ProcessResult r = run_process({path.string(), "--version"}, {.timeout_seconds = 60});
        if (r.ok()) return {path, r.out.substr(0, r.out.find('\n'))};
    }
    return {};
}

}  // namespace

Tools find_tools() {
    Tools tools;
    tools.arm_gcc = find_tool({"arm-none-eabi-gcc"});
    tools.clang = find_tool({"clang"});
    tools.qemu = find_tool({"qemu-system-arm"});
    std::vector<std::string> host = {"cc", "gcc", "clang"};
    if (const char* cc = std::getenv("CC"); cc != nullptr && *cc != 0) host.insert(host.begin(), cc);
    tools.host_cc = find_tool(host);
    auto need = [&](const Tool& tool, std::string_view text) {
        if (tool.path.empty()) tools.missing.emplace_back(text);
    };
    need(tools.arm_gcc, "arm-none-eabi-gcc: builds images for Cortex-M (Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi)");
    need(tools.qemu, "qemu-system-arm: runs them (Debian: qemu-system-arm)");
    need(tools.host_cc, "a C compiler for this machine: runs bundles here and builds the pricing plugin (Debian: gcc)");
    return tools;
}

}  // namespace gw
