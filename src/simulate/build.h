// From a bundle's sources to something that runs: objects, a shared object for the host, an image for a core.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/driver.h"
#include "simulate/simulate.h"

namespace gw::simulate {

// The stack of an emulated core. Generated code needs a few hundred bytes; the rest is for what users and floating-point libraries do.
inline constexpr int64_t core_stack_bytes = 32 * 1024;

// The two compilers of a build for a core: one for the bundle's sources, and GCC for start-up code and link.
struct CoreCompilers {
    std::string bundle, gcc;
    bool clang = false;
};
Expected<CoreCompilers> core_compilers(const BuildOptions& build, Diagnostics& diag);
Expected<std::string> host_compiler(const BuildOptions& build, Diagnostics& diag);

// Runs a compiler or linker in `folder`; a failure quotes its first error lines.
Status run_compiler(const std::vector<std::string>& arguments, const std::filesystem::path& folder, Diagnostics& diag);

// Writes the embedded runtime files of these names (without "runtime/") into the folder.
Status write_runtime(const std::filesystem::path& folder, const std::vector<std::string_view>& names, Diagnostics& diag);

// The shared object with the bundle and the sample loop (entry gw_main), built in `folder`.
Expected<std::filesystem::path> build_for_host(const BundleInfo& bundle, const Layout& layout, const BuildOptions& build,
                                               const std::filesystem::path& folder, Diagnostics& diag);

// The image that runs on the core's emulated board, built in `folder`.
Expected<std::filesystem::path> build_for_core(const BundleInfo& bundle, const Layout& layout, const Core& core, const BuildOptions& build,
                                               const std::filesystem::path& folder, Diagnostics& diag);

// The bundle linked with an endless loop instead of a driver; without the bundle when `with_bundle` is false (its objects must be there, so
// call it first with true).
Expected<std::filesystem::path> build_bare(const BundleInfo& bundle, bool with_bundle, const Core& core, const BuildOptions& build,
                                           const std::filesystem::path& folder, Diagnostics& diag);

}  // namespace gw::simulate
