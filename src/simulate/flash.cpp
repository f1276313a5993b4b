// Flash figures. The bundle is linked as firmware would link it, but with nothing else: start-up is an endless loop and NAME_run (and
// NAME_reset) is kept as a root, so that everything it reaches stays and the rest is dropped. What the same image without the bundle holds
// is taken off. Symbols then say what is weights, what tables; code is the remainder, so that padding and the libraries' constants are
// never lost.
#include "base/files.h"
#include "simulate/build.h"
#include "simulate/elf.h"
#include "simulate/simulate.h"

namespace gw {
namespace {

Expected<simulate::Elf> read_elf(const std::filesystem::path& path, Diagnostics& diag) {
    GW_TRY(const std::string bytes, read_file(path, diag));
    simulate::Elf elf;
    if (!simulate::parse_elf(bytes, elf))
        return diag.error(DiagId::compiler_failed, {.file = path.string()}, "the linker wrote no ELF32 image");
    return elf;
}

int64_t flash_bytes(const simulate::Elf& elf) {
    int64_t total = 0;
    for (const simulate::ElfSection& s : elf.sections)
        if (s.in_flash()) total += s.size;
    return total;
}

}  // namespace

Expected<Flash> measure_flash(const BundleInfo& bundle, const Core& core, const BuildOptions& build, Diagnostics& diag) {
    const TemporaryFolder folder;
    GW_TRY(const std::filesystem::path with_path, simulate::build_bare(bundle, true, core, build, folder.path(), diag));
    GW_TRY(const std::filesystem::path without_path, simulate::build_bare(bundle, false, core, build, folder.path(), diag));
    GW_TRY(const simulate::Elf with, read_elf(with_path, diag));
    GW_TRY(const simulate::Elf without, read_elf(without_path, diag));
    Flash flash;
    flash.total = flash_bytes(with) - flash_bytes(without);
    const std::string weights = bundle.name + "_w_";
    auto is_data = [&](const simulate::ElfSymbol& s) { return simulate::is_constant(bundle.name, s.name); };
    for (const simulate::ElfSymbol& s : with.symbols) {
        const bool placed = s.section > 0 && static_cast<size_t>(s.section) < with.sections.size();
        if (!placed || !with.sections[static_cast<size_t>(s.section)].in_flash()) continue;
        if (is_data(s)) (s.name.starts_with(weights) ? flash.weights : flash.tables) += s.size;
    }
    for (const simulate::ElfSymbol& s : simulate::functions_of(with))
        if (!is_data(s)) flash.code_by_function[simulate::without_clone_suffix(s.name)] += s.size;
    for (const simulate::ElfSymbol& s : without.symbols)
        if (s.function) flash.code_by_function.erase(s.name);
    flash.code = flash.total - flash.weights - flash.tables;
    if (bundle.weights) {
        flash.tables += bundle.tables_bytes;
        flash.weights += bundle.weights->bytes - bundle.tables_bytes;
        flash.total += bundle.weights->bytes;
    }
    return flash;
}

}  // namespace gw
