// .npy and .npz: what is written reads back, what numpy and zip tools write is read, what is malformed is refused with a reason.
#include "samples/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <optional>

#include "base/files.h"
#include "support/kit.h"

namespace gw {
namespace {
using ::testing::HasSubstr;

std::string npy(std::string_view header, std::string_view data, int version = 1) {
    std::string h(header);
    h += '\n';
    std::string out = "\x93NUMPY";
    out += static_cast<char>(version);
    out += '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(h.size() >> (8 * i) & 255);
    return out + h + std::string(data);
}

std::string error_of(const std::string& bytes) {
    Diagnostics diag;
    EXPECT_FALSE(parse_npy(bytes, "a.npy", diag).ok());
    EXPECT_EQ(diag.errors(), 1);
    if (diag.all().empty()) return "";
    EXPECT_EQ(diag.all()[0].id, DiagId::array_invalid);
    return diag.all()[0].text();
}

Tensor random_tensor(DType dtype, const Shape& shape, uint32_t seed) {
    Tensor t = Tensor::zeros({dtype, shape, {}});
    for (int64_t i = 0; i < t.elements(); ++i) {
        seed = seed * 1664525u + 1013904223u;
        const int v = static_cast<int>(seed >> 24);  // 0 … 255
        if (is_float(dtype)) {
            t.set(i, v / 4.0 - 20);
        } else if (dtype == DType::boolean) {
            t.set(i, v & 1);
        } else {
            // From the lowest to nearly the highest value, exact in double.
            const double step = bits(dtype) < 8 ? v % 16 : std::ldexp(v, bits(dtype) - 8);
            t.set(i, step + static_cast<double>(lowest(dtype)));
        }
    }
    return t;
}

TEST(Npy, EveryTypeReadsBack) {
    for (int d = 0; d <= static_cast<int>(DType::float64); ++d) {
        const auto dtype = static_cast<DType>(d);
        for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{2, 3, 5}, Shape{1, 0, 4}}) {
            const Tensor t = random_tensor(dtype, shape, 7 + static_cast<uint32_t>(d));
            Diagnostics diag;
            const std::string bytes = npy_bytes(t);
            EXPECT_EQ((bytes.size() - (bits(dtype) < 8 ? static_cast<size_t>(t.elements()) : t.bytes().size())) % 64, 0u);
            const auto back = parse_npy(bytes, "a.npy", diag);
            ASSERT_TRUE(back.ok()) << dtype_name(dtype) << shape.text();
            EXPECT_EQ(back->shape(), shape);
            const DType wide = dtype == DType::int4 ? DType::int8 : dtype == DType::uint4 ? DType::uint8 : dtype;
            EXPECT_EQ(back->type.dtype, wide);
            for (int64_t i = 0; i < t.elements(); ++i) ASSERT_EQ(back->at(i), t.at(i)) << dtype_name(dtype) << " " << i;
        }
    }
}

TEST(Npy, ReadsFortranOrderBigEndianAndEveryVersion) {
    // [[0, 1, 2], [3, 4, 5]] column by column.
    const std::string columns("\0\3\1\4\2\5", 6);
    for (int version = 1; version <= 3; ++version) {
        Diagnostics diag;
        const auto t = parse_npy(npy("{\"shape\":(2, 3L),'fortran_order':True , 'descr': '|i1',}  ", columns, version), "a.npy", diag);
        ASSERT_TRUE(t.ok());
        EXPECT_EQ(t->shape(), (Shape{2, 3}));
        EXPECT_THAT(t->ints(), ::testing::ElementsAre(0, 1, 2, 3, 4, 5));
    }
    Diagnostics diag;
    const auto big =
        parse_npy(npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", std::string("\x01\x02\xff\xfe", 4)), "a.npy", diag);
    ASSERT_TRUE(big.ok());
    EXPECT_THAT(big->ints(), ::testing::ElementsAre(258, -2));
    // Three dimensions: element [i][j][k] of shape (2, 2, 3) lies at i + 2j + 4k.
    std::string cube(12, '\0');
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j)
            for (int k = 0; k < 3; ++k) cube[static_cast<size_t>(i + 2 * j + 4 * k)] = static_cast<char>(100 * i + 10 * j + k);
    const auto c = parse_npy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3)}", cube), "a.npy", diag);
    ASSERT_TRUE(c.ok());
    EXPECT_THAT(c->ints(), ::testing::ElementsAre(0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112));
    const auto wide =
        parse_npy(npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", std::string("\x05\0\0\0\0\0\0\0", 8)), "a.npy", diag);
    ASSERT_TRUE(wide.ok());
    EXPECT_EQ(wide->type.dtype, DType::int64);
    EXPECT_EQ(wide->int_at(0), 5);
    EXPECT_EQ(diag.errors(), 0);
}

TEST(Npy, RefusesWhatIsMalformed) {
    const std::string good = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4,)}", "abcd");
    EXPECT_THAT(error_of("hello"), HasSubstr("a.npy: error: not a .npy array"));
    EXPECT_THAT(error_of(""), HasSubstr("not a .npy array"));
    for (size_t n = 6; n + 4 < good.size(); ++n) EXPECT_THAT(error_of(good.substr(0, n)), HasSubstr("truncated")) << n;
    EXPECT_THAT(error_of(good.substr(0, good.size() - 1)), HasSubstr("asks for 4 bytes of data, the file has 3"));
    EXPECT_THAT(error_of(good + "x"), HasSubstr("asks for 4 bytes of data, the file has 5"));
    EXPECT_THAT(error_of(npy("{}", "", 9)), HasSubstr("version 9"));
    EXPECT_THAT(error_of(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "abcd")), HasSubstr("'|O' are not supported"));
    EXPECT_THAT(error_of(npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "abcdefgh")), HasSubstr("'<c8' are not supported"));
    EXPECT_THAT(error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "abcd")), HasSubstr("records"));
    EXPECT_THAT(error_of(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "a")), HasSubstr("'shape' is not a tuple"));
    EXPECT_THAT(error_of(npy("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "a")), HasSubstr("'fortran_order'"));
    EXPECT_THAT(error_of(npy("{'descr': '|u1', 'fortran_order': False}", "a")), HasSubstr("not all there"));
    EXPECT_THAT(error_of(npy("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}", "a")),
                HasSubstr("unexpected key 'descr'"));
    EXPECT_THAT(error_of(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", "a")), HasSubstr("text after"));
    EXPECT_THAT(error_of(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}", "")),
                HasSubstr("more bytes than a file can hold"));
    EXPECT_THAT(error_of(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", "")), HasSubstr("'shape'"));
    EXPECT_THAT(error_of(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", "")),
                HasSubstr("asks for 8000000000000 bytes"));
    EXPECT_THAT(error_of(npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", std::string(8, '\xff'))), HasSubstr("2^63"));
}

// ---------------------------------------------------------------------------------------------------------------------------------
struct ZipMember {
    std::string name, content;
    bool deflate = false;
    uint16_t flags = 0, method_override = 0;
    std::optional<uint32_t> crc, size;
    bool zip64 = false;
};

void put(std::string& s, uint64_t v, int n) {
    for (int i = 0; i < n; ++i) s += static_cast<char>(v >> (8 * i) & 255);
}

std::string deflated(const std::string& in) {
    z_stream z{};
    EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&z, in.size()), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

// An archive as other tools write them: sizes absent from the local header, zip64 fields where asked for, a comment at the end.
std::string zip(const std::vector<ZipMember>& members) {
    std::string out, dir;
    for (const ZipMember& m : members) {
        const std::string data = m.deflate ? deflated(m.content) : m.content;
        const int method = m.method_override ? m.method_override : m.deflate ? 8 : 0;
        const size_t offset = out.size();
        const uint32_t crc = m.crc.value_or(crc32(m.content));
        const uint32_t size = m.size.value_or(static_cast<uint32_t>(m.content.size()));
        put(out, 0x04034b50, 4), put(out, 45, 2), put(out, m.flags, 2), put(out, static_cast<uint64_t>(method), 2), put(out, 0x5678, 2);
        put(out, 0x1234, 2), put(out, 0, 4), put(out, 0xffffffff, 4), put(out, 0xffffffff, 4), put(out, m.name.size(), 2), put(out, 5, 2);
        out += m.name + "extra" + data;
        std::string extra;
        if (m.zip64) {
            put(extra, 0x7777, 2), put(extra, 3, 2);
            extra += "abc";
            put(extra, 1, 2), put(extra, 24, 2), put(extra, size, 8), put(extra, data.size(), 8), put(extra, offset, 8);
        }
        const uint64_t ones = 0xffffffff;
        put(dir, 0x02014b50, 4), put(dir, 45, 2), put(dir, 45, 2), put(dir, m.flags, 2), put(dir, static_cast<uint64_t>(method), 2);
        put(dir, 0x5678, 2), put(dir, 0x1234, 2), put(dir, crc, 4), put(dir, m.zip64 ? ones : data.size(), 4),
            put(dir, m.zip64 ? ones : size, 4);
        put(dir, m.name.size(), 2), put(dir, extra.size(), 2), put(dir, 2, 2), put(dir, 0, 8), put(dir, m.zip64 ? ones : offset, 4);
        dir += m.name + extra + "hi";
    }
    const size_t at = out.size();
    out += dir;
    put(out, 0x06054b50, 4), put(out, 0, 4), put(out, members.size(), 2), put(out, members.size(), 2), put(out, dir.size(), 4),
        put(out, at, 4);
    put(out, 7, 2);
    return out + "comment";
}

std::string npz_error(const std::string& bytes) {
    Diagnostics diag;
    EXPECT_FALSE(parse_npz(bytes, "a.npz", diag).ok());
    EXPECT_EQ(diag.errors(), 1);
    return diag.all().empty() ? "" : diag.all()[0].text();
}

TEST(Npz, WrittenArchivesReadBackAndAreDeterministic) {
    const std::vector<NamedTensor> arrays = {{"x", random_tensor(DType::float32, {3, 4}, 1)},
                                             {"y:0/z", random_tensor(DType::int8, {5}, 2)}};
    const std::string bytes = npz_bytes(arrays);
    EXPECT_EQ(bytes, npz_bytes(arrays));
    Diagnostics diag;
    TemporaryFolder folder;
    ASSERT_TRUE(write_npz(folder.path() / "a.npz", arrays, diag).ok());
    const auto back = read_npz(folder.path() / "a.npz", diag);
    ASSERT_TRUE(back.ok());
    ASSERT_EQ(back->size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ((*back)[i].name, arrays[i].name);
        EXPECT_EQ((*back)[i].tensor.type, arrays[i].tensor.type);
        EXPECT_EQ((*back)[i].tensor.bytes(), arrays[i].tensor.bytes());
    }
    const auto none = parse_npz(npz_bytes({}), "a.npz", diag);
    ASSERT_TRUE(none.ok());
    EXPECT_TRUE(none->empty());
}

TEST(Npz, ReadsDeflateAndZip64) {
    std::vector<float> zeros(100000, 0.0f);
    zeros[777] = 1.5f;
    const Tensor big = Tensor::of<float>({100000}, zeros), small = random_tensor(DType::int32, {2, 2}, 3);
    Diagnostics diag;
    const auto back = parse_npz(
        zip({{"big.npy", npy_bytes(big), true, 0x0008}, {"small.npy", npy_bytes(small), false, 0, 0, {}, {}, true}}), "a.npz", diag);
    ASSERT_TRUE(back.ok()) << diag.all()[0].text();
    EXPECT_EQ((*back)[0].tensor.bytes(), big.bytes());
    EXPECT_EQ((*back)[1].tensor.bytes(), small.bytes());
    EXPECT_EQ((*back)[1].name, "small");
}

TEST(Npz, RefusesWhatIsMalformed) {
    const std::string content = npy_bytes(random_tensor(DType::float32, {3}, 1));
    EXPECT_THAT(npz_error("PK"), HasSubstr("a.npz: error: not an .npz archive"));
    EXPECT_THAT(npz_error(zip({{"readme.txt", "hi"}})), HasSubstr("member `readme.txt` is not an .npy array"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, true, 1}})), HasSubstr("is encrypted"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, false, 0, 14}})), HasSubstr("method 14"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, false, 0, 0, 1234}})), HasSubstr("fails its checksum"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, true, 0, 0, 1234}})), HasSubstr("fails its checksum"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, false, 0, 0, {}, 7}})), HasSubstr("two different sizes"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, true, 0, 0, {}, 0x7fffffff}})), HasSubstr("claims 2147483647 bytes"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content, true, 0, 0, {}, 139}})), HasSubstr("damaged deflate data"));
    EXPECT_THAT(npz_error(zip({{"a.npy", content}, {"a.npy", content}})), HasSubstr("array `a` is there twice"));
    EXPECT_THAT(npz_error(zip({{"a.npy", "nonsense"}})), HasSubstr("a.npz/a.npy: error: not a .npy array"));
}

// No truncation and no single damaged byte of an archive may do more than fail or give other numbers.
TEST(Npz, SurvivesDamage) {
    const std::string whole = zip({{"a.npy", npy_bytes(random_tensor(DType::float32, {9}, 1)), true},
                                   {"b.npy", npy_bytes(random_tensor(DType::int8, {4}, 1)), false, 0, 0, {}, {}, true}});
    int refused = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
        Diagnostics diag;
        EXPECT_FALSE(parse_npz(whole.substr(0, i), "a.npz", diag).ok());
        for (const int flip : {1, 0x80, 0xff}) {
            std::string damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ flip);
            Diagnostics d;
            const auto r = parse_npz(damaged, "a.npz", d);
            EXPECT_EQ(r.ok(), d.errors() == 0);
            refused += !r.ok();
        }
    }
    EXPECT_GT(refused, static_cast<int>(whole.size()));
}

TEST(Npz, ReadsTheKitsReferenceArchives) {
    GW_REQUIRE_KIT("models/vww01_float_io.npz");
    Diagnostics diag;
    const auto io = read_npz(kit_file("models/vww01_float_io.npz"), diag);
    ASSERT_TRUE(io.ok());
    ASSERT_EQ(io->size(), 2u);
    EXPECT_EQ((*io)[0].name, "inputs");
    EXPECT_EQ((*io)[0].tensor.shape(), (Shape{8, 96, 96, 3}));
    EXPECT_EQ((*io)[1].tensor.type.text(), "f32[8,2]");
}

}  // namespace
}  // namespace gw
