// Text files that are compiled into the executable (cmake/embed.cmake), so that an installed glowworm needs no other file.
#pragma once
#include <span>
#include <string_view>

namespace gw {

struct EmbeddedFile {
    std::string_view name;  // path below the set's base folder, with '/'
    std::string_view content;
};

std::span<const EmbeddedFile> embedded_kernels();   // kernels/: defined in the room that emits them
std::span<const EmbeddedFile> embedded_simulate();  // src/simulate/runtime and src/simulate/plugin: defined in the simulate room

// The file of that name, or null.
inline const EmbeddedFile* find_embedded(std::span<const EmbeddedFile> files, std::string_view name) {
    for (const EmbeddedFile& file : files)
        if (file.name == name) return &file;
    return nullptr;
}

}  // namespace gw
