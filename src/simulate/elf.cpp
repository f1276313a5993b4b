// Reading an ELF file. Each number comes through a bounds-checked reader that remembers failure, so a damaged file is refused, never walked
// out of.
#include "simulate/elf.h"

#include <algorithm>
#include <tuple>

namespace gw::simulate {
namespace {

struct Reader {
    std::string_view bytes;
    bool good = true;
    uint32_t number(uint64_t at, int count) {
        if (at + static_cast<uint64_t>(count) > bytes.size()) return good = false, 0;
        uint32_t v = 0;
        for (int i = count - 1; i >= 0; --i) v = v << 8 | static_cast<unsigned char>(bytes[at + static_cast<uint64_t>(i)]);
        return v;
    }
    std::string text(uint64_t at) {
        if (at >= bytes.size()) return good = false, std::string();
        const size_t end = bytes.find('\0', at);
        if (end == std::string_view::npos) return good = false, std::string();
        return std::string(bytes.substr(at, end - at));
    }
};

constexpr uint32_t symbol_table = 2;  // SHT_SYMTAB

void read_symbols(Reader& in, uint32_t at, uint32_t size, uint32_t strings, Elf& elf) {
    for (uint64_t p = at; p + 16 <= uint64_t{at} + size && in.good; p += 16) {
        const uint32_t kind = in.number(p + 12, 1) & 15;
        if (kind != 1 && kind != 2) continue;  // STT_OBJECT, STT_FUNC
        ElfSymbol s;
        s.name = in.text(uint64_t{strings} + in.number(p, 4));
        s.function = kind == 2, s.object = kind == 1;
        s.address = in.number(p + 4, 4) & (s.function ? ~1u : ~0u);
        s.size = in.number(p + 8, 4);
        s.section = static_cast<int>(in.number(p + 14, 2));
        elf.symbols.push_back(std::move(s));
    }
}

}  // namespace

bool parse_elf(std::string_view bytes, Elf& elf) {
    elf = {};
    if (bytes.substr(0, 6) != std::string_view("\x7f"
                                               "ELF\x01\x01",
                                               6))
        return false;
    Reader in{bytes};
    const uint64_t headers = in.number(32, 4);
    const uint32_t entry = in.number(46, 2), count = in.number(48, 2), names = in.number(50, 2);
    auto field = [&](uint64_t section, int k) { return in.number(headers + section * entry + static_cast<uint64_t>(4 * k), 4); };
    const uint32_t name_base = field(names, 4);
    for (uint32_t i = 0; i < count && in.good; ++i) {
        elf.sections.push_back({in.text(uint64_t{name_base} + field(i, 0)), field(i, 1), field(i, 2), field(i, 3), field(i, 5)});
        if (field(i, 1) == symbol_table) read_symbols(in, field(i, 4), field(i, 5), field(field(i, 6), 4), elf);
    }
    return in.good && !elf.sections.empty();
}

std::vector<ElfSymbol> functions_of(const Elf& elf) {
    std::vector<ElfSymbol> all, kept;
    for (const ElfSymbol& s : elf.symbols)
        if (s.function && s.size > 0) all.push_back(s);
    std::sort(all.begin(), all.end(), [](const ElfSymbol& a, const ElfSymbol& b) {
        return std::tuple(a.address, -int64_t{a.size}, std::string_view(a.name)) <
               std::tuple(b.address, -int64_t{b.size}, std::string_view(b.name));
    });
    uint64_t end = 0;
    for (ElfSymbol& s : all) {
        if (s.address < end) continue;
        end = uint64_t{s.address} + s.size;
        kept.push_back(std::move(s));
    }
    return kept;
}

std::string function_at(const Elf& elf, uint32_t address) {
    for (const ElfSymbol& s : elf.symbols)
        if (s.function && address >= s.address && address < s.address + s.size) return without_clone_suffix(s.name);
    return "";
}

bool is_constant(std::string_view bundle, std::string_view symbol) {
    return symbol.starts_with(bundle) &&
           (symbol.substr(bundle.size()).starts_with("_w_") || symbol.substr(bundle.size()).starts_with("_t_"));
}

std::string without_clone_suffix(std::string_view symbol) { return std::string(symbol.substr(0, symbol.find('.', 1))); }

}  // namespace gw::simulate
