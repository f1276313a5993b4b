// A test that a firmware can run on any board without a file or a wire: inputs come from a generator of three lines, each layer runs by
// itself, and a checksum of what it wrote is compared with the one that the interpreter gave when the bundle was made. So a flash page that
// went bad, a compiler that is wrong and memory that forgets are found, and named by the first layer that shows it. Nothing is stored but
// four bytes a layer and sample.
#include "emit/selftest.h"

#include <algorithm>

#include "base/text.h"

namespace gw {
namespace {

class SelftestText {
public:
    SelftestText(const Program& p, const EmitOptions& o, const Interface& face) : p_(p), o_(o), face_(face), n_(p.name), N_(to_upper(n_)) {}

    std::string text(const std::string& head) {
        std::string s = head + fmt::format("#include \"{}_private.h\"\n\n", n_);
        s += tables() + hash() + memory();
        s += fmt::format("\n{}\n{{\n    {}_ctx c;\n    int sample, layer, r;\n", face_.selftest_signature(), n_);
        if (!face_.inputs.empty()) s += fmt::format("    uint32_t random = {}u;\n    uint32_t i;\n", selftest_seed);
        const bool has_state = p_.state_bytes() > 0;
        s += fmt::format("    const unsigned char *base[{}];\n", state_base() + (has_state ? 1 : 0));
        const std::string own_memory = place_tensors();
        if (!own_memory.empty()) s += fmt::format("    unsigned char *io = {0}_selftest_io;\n", n_);
        s += face_.checks(false) + face_.fill_context(false) + own_memory + bases();
        const std::string reset = has_state ? fmt::format("    (void){}_reset({});\n", n_, face_.reset_arguments()) : "";
        s += reset;
        s += fmt::format("    for (sample = 0; sample < {}; ++sample) {{\n", o_.selftest->checksums.size());
        for (size_t i = 0; i < face_.inputs.size(); ++i) s += fill_input(i);
        s += fmt::format(
            "        for (layer = 0, r = 0; layer < {0}_LAYERS; ++layer) {{\n"
            "            uint32_t h = 2166136261u;\n"
            "            if ({1}_layer(&c, layer) != 0) return 1 + layer;\n"
            "            for (; r < {2} && {1}_selftest_range[r].layer == layer; ++r)\n"
            "                h = {1}_hash(h, base[{1}_selftest_range[r].base] + {1}_selftest_range[r].offset, "
            "{1}_selftest_range[r].bytes);\n"
            "            if (h != {1}_selftest_sum[sample][layer]) return 1 + layer;\n"
            "        }}\n    }}\n",
            N_, n_, ranges_);
        return s + reset + "    return 0;\n}\n";
    }

private:
    const Buffer& buffer(int32_t b) const { return p_.buffers[static_cast<size_t>(b)]; }

    size_t state_base() const { return 1 + face_.inputs.size() + face_.outputs.size(); }
    // Number of a buffer's home in `base`: the arena, then the inputs, then the outputs, then the state.
    size_t base_of(const Buffer& root) const {
        if (root.region == Program::state_region_number) return state_base();
        if (root.region >= 0) return 0;
        return 1 + static_cast<size_t>(root.port) + (root.role == BufferRole::input ? 0 : face_.inputs.size());
    }

    std::string tables() {
        std::string rows;
        for (size_t k = 0; k < p_.steps.size(); ++k) {
            for (const int32_t b : written_buffers(p_, p_.steps[k])) {
                int64_t offset = 0;
                const Buffer& root = buffer(p_.root(b, offset));
                if (root.region >= 0) offset += root.offset;
                rows += fmt::format("    {{{}, {}, {}u, {}u}},\n", k, base_of(root), offset, buffer(b).bytes());
                ++ranges_;
            }
        }
        std::string s = fmt::format(
            "/* What each layer writes: from `offset` on in the arena (base 0), an input or an output. */\n"
            "static const struct {{\n    int layer, base;\n    uint32_t offset, bytes;\n}} {}_selftest_range[{}] = {{\n{}}};\n\n",
            n_, ranges_, rows);
        s += fmt::format("/* FNV-1a of these bytes, a sample a row. */\nstatic const uint32_t {}_selftest_sum[{}][{}] = {{\n", n_,
                         o_.selftest->checksums.size(), p_.steps.size());
        for (const auto& row : o_.selftest->checksums) {
            std::string line;
            for (size_t k = 0; k < row.size(); ++k) line += fmt::format("{}0x{:08X}u,", k % 8 == 0 ? "\n     " : " ", row[k]);
            s += "    {" + line + "},\n";
        }
        return s + "};\n";
    }

    std::string hash() const {
        return fmt::format(
            "\nstatic uint32_t {}_hash(uint32_t h, const unsigned char *bytes, uint32_t count)\n{{\n    uint32_t i;\n"
            "    for (i = 0; i < count; ++i) h = (h ^ bytes[i]) * 16777619u;\n    return h;\n}}\n",
            n_);
    }

    // Inputs and outputs that the caller of NAME_run holds: the only memory of the bundle's own, there if this function is linked.
    std::string memory() {
        int64_t end = 0;
        for (const EmittedBlock& b : face_.blocks) {
            if (!Interface::is_tensor(b)) continue;
            io_align_ = std::max(io_align_, b.align);
            end = (end + b.align - 1) / b.align * b.align;
            io_offsets_.push_back(end);
            end += b.bytes;
        }
        if (io_offsets_.empty()) return "";
        return fmt::format("\n/* Inputs and outputs, aligned by hand. */\nstatic unsigned char {}_selftest_io[{}];\n", n_,
                           end + io_align_ - 1);
    }

    std::string place_tensors() const {
        if (io_offsets_.empty()) return "";
        std::string s;
        if (io_align_ > 1) s += fmt::format("    io += ({0}u - (uintptr_t)io % {0}u) % {0}u;\n", io_align_);
        size_t next = 0;
        for (const EmittedBlock& b : face_.blocks)
            if (Interface::is_tensor(b))
                s += fmt::format("    c.{}{} = io + {};\n", b.role == EmittedBlock::Role::input ? "input" : "output", b.port,
                                 io_offsets_[next++]);
        return s;
    }

    std::string address(const EmittedPort& port, const std::string& field) const {
        return face_.in_arena(port.buffer) ? fmt::format("c.arena + {}", p_.address(port.buffer)) : "c." + field;
    }

    std::string bases() const {
        std::string s = "    base[0] = c.arena;\n";
        size_t n = 1;
        for (size_t i = 0; i < face_.inputs.size(); ++i)
            s += fmt::format("    base[{}] = {};\n", n++, address(face_.inputs[i], fmt::format("input{}", i)));
        for (size_t i = 0; i < face_.outputs.size(); ++i)
            s += fmt::format("    base[{}] = {};\n", n++, address(face_.outputs[i], fmt::format("output{}", i)));
        if (p_.state_bytes() > 0) s += fmt::format("    base[{}] = c.state;\n", n);
        return s;
    }

    // One element a step of the generator: its high byte, as an integer of the type's sign or as a real in [0, 1]. Written byte by byte:
    // the memory has no type of its own. The compiler's side of this is selftest_inputs.
    std::string fill_input(size_t i) const {
        const Type& t = buffer(face_.inputs[i].buffer).type;
        const bool is_signed = lowest(t.dtype) < 0, real = is_float(t.dtype);
        const std::string value = real ? "(float)(random >> 24) / 255.0f"
                                       : fmt::format("({})({}(random >> 24){})", dtype_c_name(t.dtype), is_signed ? "(int)" : "",
                                                     is_signed                   ? " - 128"
                                                     : t.dtype == DType::boolean ? " & 1u"
                                                                                 : "");
        const EmittedPort& port = face_.inputs[i];
        const std::string to = face_.in_arena(port.buffer) ? fmt::format("c.arena + {}", p_.address(port.buffer))
                                                           : fmt::format("(unsigned char *)(uintptr_t)c.input{}", i);
        return fmt::format(
            "        for (i = 0; i < {0}u; ++i) {{\n            {1} x;\n            random = random * 1664525u + 1013904223u;\n"
            "            x = {2};\n            memcpy({3} + i * sizeof x, &x, sizeof x);\n        }}\n",
            t.elements(), dtype_c_name(t.dtype), value, to);
    }

    const Program& p_;
    const EmitOptions& o_;
    const Interface& face_;
    const std::string n_, N_;
    int ranges_ = 0;
    int64_t io_align_ = 1;
    std::vector<int64_t> io_offsets_;
};

}  // namespace

std::string selftest_text(const Program& program, const EmitOptions& options, const Interface& face, const std::string& head) {
    GW_CHECK(options.selftest && !options.selftest->checksums.empty() && !program.steps.empty(), "a self-test without checksums");
    return SelftestText(program, options, face).text(head);
}

}  // namespace gw
