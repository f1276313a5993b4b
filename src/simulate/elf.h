// Just enough of ELF32 little-endian (TIS ELF 1.2, Arm IHI 0044) to read section sizes and symbols of a linked image.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gw::simulate {

struct ElfSection {
    std::string name;
    uint32_t type = 0, flags = 0, address = 0, size = 0;
    bool in_flash() const { return (flags & 2) != 0 && type != 8; }  // SHF_ALLOC, and not SHT_NOBITS
};

struct ElfSymbol {
    std::string name;
    uint32_t address = 0, size = 0;  // a function's address without the Thumb bit
    bool function = false, object = false;
    int section = 0;
};

struct Elf {
    std::vector<ElfSection> sections;
    std::vector<ElfSymbol> symbols;  // functions and objects, in the file's order
};

// False when `bytes` is no such file or lies about its own tables.
bool parse_elf(std::string_view bytes, Elf& elf);

// The functions by address, without overlap: of several names for one place the first in the alphabet stays, and a label inside a function
// counts as part of it (the compilers' libraries have both).
std::vector<ElfSymbol> functions_of(const Elf& elf);

// The function that holds the address, without clone suffixes; "" when there is none.
std::string function_at(const Elf& elf, uint32_t address);

// "digits_step_3.constprop.0" → "digits_step_3".
std::string without_clone_suffix(std::string_view symbol);

// Whether a bundle called `bundle` names a constant so: NAME_w_…, weights, or NAME_t_…, tables.
bool is_constant(std::string_view bundle, std::string_view symbol);

}  // namespace gw::simulate
