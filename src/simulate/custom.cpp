// Custom operators in the interpreter: the user's C files become a shared object for this machine, which is loaded here. Unlike a bundle's
// run, which has a process of its own, the functions are called in between the interpreter's own ops, thousands of times; a fault in
// them ends the tool.
#include <dlfcn.h>

#include "base/files.h"
#include "simulate/build.h"

namespace gw {
namespace fs = std::filesystem;
using namespace simulate;

Expected<CustomLibrary> load_custom(const std::vector<std::string>& names, std::string_view header, const BuildOptions& build,
                                    Diagnostics& diag) {
    const TemporaryFolder folder;
    GW_TRY_DO(write_file(folder.path() / "glowworm_custom.h", header, diag));
    GW_TRY(const std::string cc, host_compiler(build, diag));
    std::vector<std::string> command = {cc, "-std=c99", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-I."};
    std::error_code ec;
    for (const fs::path& source : build.custom_sources) {
        if (!fs::is_regular_file(source, ec))
            return diag.error(DiagId::file_unreadable, {.file = source.string()}, "there is no such file");
        command.push_back(fs::absolute(source, ec).string());
    }
    command.insert(command.end(), {"-o", "custom.so", "-lm"});
    GW_TRY_DO(run_compiler(command, folder.path(), diag));
    void* handle = ::dlopen((folder.path() / "custom.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return diag.error(DiagId::custom_missing, {}, "--custom-source cannot be loaded: {}", ::dlerror());
    CustomLibrary library;
    library.handle = std::shared_ptr<void>(handle, [](void* h) { ::dlclose(h); });
    for (const std::string& name : names) {
        const std::string symbol = "glowworm_custom_" + name;
        void* found = ::dlsym(handle, symbol.c_str());
        if (found == nullptr) return diag.error(DiagId::custom_missing, {}, "--custom-source does not define {}", symbol);
        library.functions[name] = reinterpret_cast<void (*)(const glowworm_call*)>(found);
    }
    return library;
}

}  // namespace gw
