// The pricing plugin: built for the emulator that is installed, and its result.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "simulate/elf.h"
#include "simulate/simulate.h"

namespace gw::simulate {

// The plugin's shared object, or why there is none. Without it a run still computes; it is only not priced.
struct Plugin {
    std::filesystem::path path;
    std::string reason;
};

// The plugin interface version that an emulator with this `--version` line speaks, as far as we speak it too; 0: none that we know.
int plugin_interface(std::string_view version_line);

// Builds the embedded plugin sources with the host's compiler, once for each text and interface: the result is kept in
// $XDG_CACHE_HOME/glowworm (or ~/.cache/glowworm), or, where that cannot be written, in `folder`.
Plugin find_plugin(const std::filesystem::path& qemu, const std::filesystem::path& folder);

// QEMU's -plugin argument. Names of files are relative to the emulator's working folder.
std::string plugin_argument(const Plugin& plugin, const Core& core, const BundleInfo& bundle);

// The plugin's symbol file: a line `address size kind name` each; a bundle's steps are of kind "step", all other functions "func". With
// `data` its constants follow, of kind "data", and the plugin counts the loads from each.
std::string symbol_file(const Elf& elf, const BundleInfo& bundle, bool data);

// How the emulator ends when the plugin found code that the core could not run; the JSON says what.
inline constexpr int plugin_fault_exit = 125;

// Reads the plugin's JSON into `result`: means of one inference. An access or instruction that the core does not have is a diagnostic.
Status read_prices(std::string_view json, const Core& core, const BundleInfo& bundle, RunResult& result, Diagnostics& diag);

}  // namespace gw::simulate
