// The .npz format: a zip archive with one .npy file a member.
//
// Only what numpy (and any zip tool) writes for such archives is read: members stored or deflated, found through the central directory,
// zip64 where sizes need it. Every offset and size comes from the file and may lie; all are held against the archive's length before they
// are used, and an uncompressed size against the most that deflate can expand to (1032 : 1) before it is allocated.
#include <zlib.h>

#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "base/files.h"
#include "samples/npy.h"

namespace gw {
namespace {

constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50;
constexpr uint32_t end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr uint32_t all_ones = 0xffffffffu;

// Little-endian fields of the archive, zero outside of it: callers check ranges where that matters.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    uint64_t field(uint64_t at, int size) const {
        uint64_t v = 0;
        if (!holds(at, static_cast<uint64_t>(size))) return 0;
        for (int i = size; i-- > 0;) v = v << 8 | static_cast<unsigned char>(bytes_[at + static_cast<uint64_t>(i)]);
        return v;
    }
    uint16_t u16(uint64_t at) const { return static_cast<uint16_t>(field(at, 2)); }
    uint32_t u32(uint64_t at) const { return static_cast<uint32_t>(field(at, 4)); }
    uint64_t u64(uint64_t at) const { return field(at, 8); }
    bool holds(uint64_t at, uint64_t size) const { return at <= bytes_.size() && size <= bytes_.size() - at; }
    std::string_view bytes(uint64_t at, uint64_t size) const { return bytes_.substr(at, size); }
    uint64_t size() const { return bytes_.size(); }

private:
    std::string_view bytes_;
};

struct Directory {
    uint64_t entries = 0, offset = 0;
};

// The end record is the last thing in the file but for a comment of at most 65535 bytes.
std::optional<Directory> find_directory(const Reader& r) {
    if (r.size() < 22) return std::nullopt;
    const uint64_t last = r.size() - 22, first = last > 65535 ? last - 65535 : 0;
    for (uint64_t at = last + 1; at-- > first;) {
        if (r.u32(at) != end_signature || at + 22 + r.u16(at + 20) != r.size()) continue;
        Directory d{r.u16(at + 10), r.u32(at + 16)};
        const bool wants64 = d.entries == 0xffff || d.offset == all_ones || r.u32(at + 12) == all_ones;
        if (wants64 && at >= 20 && r.u32(at - 20) == locator64_signature) {
            const uint64_t end64 = r.u64(at - 20 + 8);
            if (!r.holds(end64, 56) || r.u32(end64) != end64_signature) return std::nullopt;
            d = {r.u64(end64 + 32), r.u64(end64 + 48)};
        }
        return d;
    }
    return std::nullopt;
}

struct Member {
    std::string name;
    uint16_t flags = 0, method = 0;
    uint32_t crc = 0;
    uint64_t packed = 0, size = 0, offset = 0;
};

// Fields that do not fit 32 bits stand in the extra block 0x0001, in this order, only those that are all ones in the entry.
void read_zip64(const Reader& r, uint64_t at, uint64_t length, Member& m) {
    const uint64_t end = at + length;
    while (at + 4 <= end) {
        const uint64_t size = r.u16(at + 2);
        uint64_t field = at + 4;
        if (r.u16(at) == 1 && field + size <= end) {
            const uint64_t stop = field + size;
            for (uint64_t* v : {&m.size, &m.packed, &m.offset}) {
                if (*v != all_ones || field + 8 > stop) continue;
                *v = r.u64(field);
                field += 8;
            }
        }
        at += 4 + size;
    }
}

std::optional<std::string> inflate_member(std::string_view packed, uint64_t size) {
    if (packed.size() > std::numeric_limits<uInt>::max() || size > std::numeric_limits<uInt>::max()) return std::nullopt;
    std::string out(size, '\0');
    char nothing = 0;
    z_stream z{};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return std::nullopt;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    z.avail_in = static_cast<uInt>(packed.size());
    z.next_out = reinterpret_cast<Bytef*>(size > 0 ? out.data() : &nothing);
    z.avail_out = static_cast<uInt>(size);
    const int status = inflate(&z, Z_FINISH);
    const bool good = status == Z_STREAM_END && z.total_out == size && z.avail_in == 0;
    inflateEnd(&z);
    if (!good) return std::nullopt;
    return out;
}

uint32_t checksum(std::string_view bytes) {
    return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// The bytes of a member; `why` says what is wrong with it when there are none.
std::optional<std::string> member_bytes(const Reader& r, const Member& m, std::string& why) {
    if ((m.flags & 1) != 0) return why = "is encrypted", std::nullopt;
    if (!r.holds(m.offset, 30) || r.u32(m.offset) != local_signature)
        return why = "has no local header where the directory says", std::nullopt;
    const uint64_t data = m.offset + 30 + r.u16(m.offset + 26) + r.u16(m.offset + 28);
    if (!r.holds(data, m.packed)) return why = "goes beyond the end of the archive", std::nullopt;
    std::string bytes;
    if (m.method == 0) {
        if (m.size != m.packed) return why = "is stored with two different sizes", std::nullopt;
        bytes = r.bytes(data, m.packed);
    } else if (m.method == 8) {
        if (m.size / 1032 > m.packed) return why = fmt::format("claims {} bytes, more than its data can hold", m.size), std::nullopt;
        auto inflated = inflate_member(r.bytes(data, m.packed), m.size);
        if (!inflated) return why = "has damaged deflate data", std::nullopt;
        bytes = *std::move(inflated);
    } else {
        return why = fmt::format("is compressed by method {}; only stored and deflate are supported", m.method), std::nullopt;
    }
    if (checksum(bytes) != m.crc) return why = "fails its checksum", std::nullopt;
    return bytes;
}

void put(std::string& out, uint64_t v, int size) {
    for (int i = 0; i < size; ++i) out += static_cast<char>(v >> (8 * i) & 255);
}

// The fields that a local header and a directory entry share, from "version needed" to the length of the extra block.
void put_common(std::string& out, const std::string& name, const std::string& bytes) {
    put(out, 20, 2);      // version needed
    put(out, 0x0800, 2);  // names are UTF-8
    put(out, 0, 2);       // stored
    put(out, 0, 2);       // time 00:00:00
    put(out, 0x21, 2);    // date 1980-01-01
    put(out, checksum(bytes), 4);
    put(out, bytes.size(), 4);
    put(out, bytes.size(), 4);
    put(out, name.size(), 2);
    put(out, 0, 2);
}

}  // namespace

Expected<std::vector<NamedTensor>> parse_npz(std::string_view bytes, const std::string& file, Diagnostics& diag) {
    auto bad = [&](const std::string& why) { return diag.error(DiagId::array_invalid, {.file = file}, "{}", why); };
    const Reader r(bytes);
    const auto directory = find_directory(r);
    if (!directory) return bad("not an .npz archive: it has no zip directory");
    std::vector<NamedTensor> arrays;
    std::set<std::string> names;
    uint64_t at = directory->offset;
    for (uint64_t i = 0; i < directory->entries; ++i) {
        if (!r.holds(at, 46) || r.u32(at) != central_signature) return bad(fmt::format("its zip directory is damaged at entry {}", i));
        Member m{"", r.u16(at + 8), r.u16(at + 10), r.u32(at + 16), r.u32(at + 20), r.u32(at + 24), r.u32(at + 42)};
        const uint64_t name = r.u16(at + 28), extra = r.u16(at + 30), comment = r.u16(at + 32);
        if (!r.holds(at + 46, name + extra + comment)) return bad(fmt::format("its zip directory is damaged at entry {}", i));
        m.name = r.bytes(at + 46, name);
        read_zip64(r, at + 46 + name, extra, m);
        at += 46 + name + extra + comment;
        if (!m.name.ends_with(".npy")) return bad(fmt::format("member `{}` is not an .npy array", m.name));
        std::string why;
        const auto content = member_bytes(r, m, why);
        if (!content) return bad(fmt::format("member `{}` {}", m.name, why));
        m.name.resize(m.name.size() - 4);
        if (!names.insert(m.name).second) return bad(fmt::format("array `{}` is there twice", m.name));
        GW_TRY(Tensor tensor, parse_npy(*content, file + "/" + m.name + ".npy", diag));
        arrays.push_back({m.name, std::move(tensor)});
    }
    return arrays;
}

Expected<std::vector<NamedTensor>> read_npz(const std::filesystem::path& path, Diagnostics& diag) {
    GW_TRY(const std::string bytes, read_file(path, diag));
    return parse_npz(bytes, path.string(), diag);
}

std::string npz_bytes(const std::vector<NamedTensor>& arrays) {
    std::string out, directory;
    std::set<std::string> names;
    for (const NamedTensor& a : arrays) {
        GW_CHECK(names.insert(a.name).second, "two arrays of one name");
        const std::string name = a.name + ".npy", bytes = npy_bytes(a.tensor);
        GW_CHECK(out.size() + bytes.size() + name.size() + 30 < all_ones, "archive beyond 4 GiB");
        put(directory, central_signature, 4);
        put(directory, 20, 2);  // version made by
        put_common(directory, name, bytes);
        put(directory, 0, 2);  // comment
        put(directory, 0, 2);  // disk
        put(directory, 0, 2);  // internal attributes
        put(directory, 0, 4);  // external attributes
        put(directory, out.size(), 4);
        directory += name;
        put(out, local_signature, 4);
        put_common(out, name, bytes);
        out += name;
        out += bytes;
    }
    const size_t offset = out.size();
    out += directory;
    put(out, end_signature, 4);
    put(out, 0, 4);  // disks
    put(out, arrays.size(), 2);
    put(out, arrays.size(), 2);
    put(out, directory.size(), 4);
    put(out, offset, 4);
    put(out, 0, 2);
    return out;
}

Status write_npz(const std::filesystem::path& path, const std::vector<NamedTensor>& arrays, Diagnostics& diag) {
    return write_file(path, npz_bytes(arrays), diag);
}

}  // namespace gw
