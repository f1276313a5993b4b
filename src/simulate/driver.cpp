// The generated driver. A bundle's C signature depends on its types, on how many tensors it has and on where they lie; the driver includes
// the bundle's own header and passes void pointers, which C converts to whatever the header declares, so that nothing here needs the types.
// The rest of the image (sample_loop.c) reads the tables that are written here.
#include "simulate/driver.h"

#include <bit>

namespace gw::simulate {
namespace {

constexpr int64_t guard_bytes = 32;  // GW_GUARD_BYTES in runtime/gw_runtime.h

// The next offset from `from` on that is an odd multiple of `align`.
int64_t odd_multiple(int64_t from, int64_t align) {
    const int64_t k = (from + align - 1) / align;
    return (k | 1) * align;
}

Status check_range(const BundleInfo& b, const BundleStep& step, const BundleRange& r, Diagnostics& diag) {
    const auto& tensors = r.where == BundleRange::Where::input ? b.inputs : b.outputs;
    const bool arena = r.where == BundleRange::Where::arena, state = r.where == BundleRange::Where::state;
    const bool index_good = arena || state || (r.index >= 0 && r.index < static_cast<int>(tensors.size()));
    if (index_good) {
        const int64_t limit = arena ? b.arena_bytes : state ? b.state_bytes : tensors[static_cast<size_t>(r.index)].bytes;
        if (r.offset >= 0 && r.bytes >= 0 && r.offset + r.bytes <= limit) return {};
    }
    return diag.error(DiagId::bundle_invalid, {.file = b.folder.string(), .node_name = step.name},
                      "{} bytes at {} are not inside the {} they are said to be in", r.bytes, r.offset,
                      arena   ? "arena"
                      : state ? "state"
                              : "tensor");
}

Status check_tensor(const BundleInfo& b, const BundleTensor& t, Diagnostics& diag) {
    const bool align_good = t.align > 0 && std::has_single_bit(static_cast<uint64_t>(t.align));
    const int64_t home = t.home == BundleTensor::Home::arena ? b.arena_bytes : b.placeholders ? b.placeholders->bytes : 0;
    const bool place_good = t.home == BundleTensor::Home::own || (t.offset >= 0 && t.offset + t.bytes <= home);
    if (align_good && place_good && t.bytes >= 0) return {};
    return diag.error(DiagId::bundle_invalid, {.file = b.folder.string(), .operand = t.name},
                      "tensor of {} bytes, alignment {}, offset {} in memory of {} bytes", t.bytes, t.align, t.offset, home);
}

bool has_struct(const BundleInfo& b) { return b.inputs.size() > 1 || b.outputs.size() > 1; }

// The call's statements: in the order of the parameters, and the struct form when there are more than one input or output. The void
// pointers lose their const where a Glow bundle's prototype has none.
std::string call_source(const BundleInfo& b, const Layout& layout) {
    std::string fill, arguments;
    auto address = [](const Placed& p, std::string_view type) { return fmt::format("({})(gw_memory + {})", type, p.offset); };
    if (b.weights) arguments += "(void *)gw_weights, ";
    if (b.placeholders) arguments += address(layout.placeholders, "void *") + ", ";
    auto add = [&](const BundleTensor& t, const Placed& p, std::string_view type) {
        if (t.home != BundleTensor::Home::own) return;
        if (has_struct(b)) {
            fill += fmt::format("    io.{} = {};\n", t.c_name, address(p, type));
        } else {
            arguments += address(p, type) + ", ";
        }
    };
    for (size_t i = 0; i < b.inputs.size(); ++i) add(b.inputs[i], layout.inputs[i], "const void *");
    for (size_t i = 0; i < b.outputs.size(); ++i) add(b.outputs[i], layout.outputs[i], "void *");
    std::string text = "int gw_call(void) {\n    int status;\n";
    if (!fill.empty()) {
        text += fmt::format("    {}_io io;\n    memset(&io, 0, sizeof io);\n{}", b.name, fill);
        arguments += "&io, ";
    }
    const bool inside = b.state_offset >= 0;  // among the inputs and outputs
    const std::string state = b.state_bytes > 0 && !inside ? address(layout.state, "void *") : std::string();
    text += fmt::format("    GW_STACK_BEFORE();\n    status = {}({}{}{}{});\n    GW_STACK_AFTER();\n    return status;\n}}\n\n",
                        b.function(), arguments, address(layout.arena, "void *"), state.empty() ? "" : ", ", state);
    std::string reset = "0";
    if (!state.empty()) reset = fmt::format("{}_reset({})", b.name, state);
    if (inside) reset = fmt::format("{}_reset((void *)gw_weights, {})", b.name, address(layout.placeholders, "void *"));
    text += fmt::format("int gw_reset(void) {{\n    return {};\n}}\n\n", reset);
    return text;
}

// The constants that the caller passes: the bundle's own text of them, as its users include it.
std::string weights_source(const BundleInfo& b) {
    if (!b.weights) return "";
    return fmt::format("static const unsigned char gw_weights[{}] __attribute__((aligned({}))) = {{\n#include \"{}.weights.txt\"\n}};\n",
                       b.weights->bytes, b.weights->align, b.name);
}

std::string places_source(const BundleInfo& b, const Layout& layout) {
    std::string text = "int gw_places_differ(void) {\n    int differ = 0;\n";
    // The function that gives a place is called by what the tensor is, or by the tensor's own name where there are several.
    auto add = [&](const std::vector<BundleTensor>& tensors, const std::vector<Placed>& places, const std::string& role) {
        for (size_t i = 0; i < tensors.size(); ++i) {
            if (tensors[i].home != BundleTensor::Home::arena) continue;
            text += fmt::format("    differ |= (const void *){}_{}(gw_memory + {}) != (const void *)(gw_memory + {});\n", b.name,
                                has_struct(b) ? tensors[i].c_name : role, layout.arena.offset, places[i].offset);
        }
    };
    add(b.inputs, layout.inputs, "input");
    add(b.outputs, layout.outputs, "output");
    return text + "    return differ;\n}\n";
}

}  // namespace

Expected<Layout> plan_layout(const BundleInfo& b, bool capture_steps, Diagnostics& diag) {
    Layout layout;
    for (const auto* tensors : {&b.inputs, &b.outputs})
        for (const BundleTensor& t : *tensors) GW_TRY_DO(check_tensor(b, t, diag));
    GW_TRY_DO(check_tensor(b, {.name = "arena", .bytes = b.arena_bytes, .align = b.arena_align}, diag));
    GW_TRY_DO(check_tensor(b, {.name = "state", .bytes = b.state_bytes, .align = b.state_align}, diag));
    int64_t next = 0;
    auto place = [&](std::string name, int64_t bytes, int64_t align) {
        layout.align = std::max(layout.align, 2 * align);
        const Placed p = {odd_multiple(next + guard_bytes, align), bytes};
        next = p.offset + bytes + guard_bytes;
        layout.blocks.push_back({std::move(name), p});
        return p;
    };
    layout.arena = place("arena", b.arena_bytes, b.arena_align);
    const auto placeholders_block = static_cast<int>(layout.blocks.size());
    if (b.placeholders) layout.placeholders = place("mutable weights", b.placeholders->bytes, b.placeholders->align);
    auto place_tensor = [&](const BundleTensor& t, std::string_view role) {
        if (t.home == BundleTensor::Home::own) return place(fmt::format("{} {}", role, t.name), t.bytes, t.align);
        const Placed& home = t.home == BundleTensor::Home::arena ? layout.arena : layout.placeholders;
        return Placed{home.offset + t.offset, t.bytes};
    };
    for (const BundleTensor& t : b.inputs) layout.inputs.push_back(place_tensor(t, "input"));
    for (const BundleTensor& t : b.outputs) layout.outputs.push_back(place_tensor(t, "output"));
    if (b.state_offset >= 0) {
        if (!b.placeholders || b.state_offset + b.state_bytes > b.placeholders->bytes)
            return diag.error(DiagId::bundle_invalid, {.file = b.folder.string()}, "a state at {} lies outside the mutable weights",
                              b.state_offset);
        layout.state_block = placeholders_block;
        layout.state = {layout.placeholders.offset + b.state_offset, b.state_bytes};
    } else if (b.state_bytes > 0) {
        layout.state_block = static_cast<int>(layout.blocks.size());
        layout.state = place("state", b.state_bytes, b.state_align);
    }
    layout.bytes = next;
    if (!capture_steps) return layout;
    for (const BundleStep& step : b.steps) {
        std::vector<Placed>& ranges = layout.steps.emplace_back();
        for (const BundleRange& r : step.outputs) {
            GW_TRY_DO(check_range(b, step, r, diag));
            const auto index = static_cast<size_t>(r.index);
            const Placed& base = r.where == BundleRange::Where::arena   ? layout.arena
                                 : r.where == BundleRange::Where::state ? layout.state
                                 : r.where == BundleRange::Where::input ? layout.inputs[index]
                                                                        : layout.outputs[index];
            ranges.push_back({base.offset + r.offset, r.bytes});
        }
    }
    return layout;
}

std::string driver_source(const BundleInfo& b, const Layout& layout, std::string_view section) {
    std::string text = fmt::format("#include \"{}.h\"\n#include \"gw_runtime.h\"\n\n#include <string.h>\n\n", b.name);
    std::string attributes = fmt::format("aligned({})", layout.align);
    if (!section.empty()) attributes += fmt::format(", section(\"{}\")", section);
    text += fmt::format("unsigned char gw_memory[{}] __attribute__(({}));\n", layout.bytes, attributes);
    text += "const gw_range gw_blocks[] = {\n";
    for (const Block& block : layout.blocks) text += fmt::format("    {{{}, {}}},\n", block.place.offset, block.place.bytes);
    text += fmt::format("    {{0, 0}}}};\nconst int gw_block_count = {};\nconst int gw_state_block = {};\n", layout.blocks.size(),
                        layout.state_block);
    auto tensors = [&](std::string_view table, const std::vector<BundleTensor>& of, const std::vector<Placed>& places) {
        text += fmt::format("const gw_tensor {}s[] = {{\n", table);
        for (size_t i = 0; i < of.size(); ++i)
            text += fmt::format("    {{{{{}, {}}}, {}}},\n", places[i].offset, places[i].bytes,
                                of[i].home == BundleTensor::Home::arena ? 0 : 1);
        text += fmt::format("    {{{{0, 0}}, 0}}}};\nconst int {}_count = {};\n", table, of.size());
    };
    tensors("gw_input", b.inputs, layout.inputs);
    tensors("gw_output", b.outputs, layout.outputs);
    std::string ends;
    size_t count = 0;
    text += "const gw_range gw_step_ranges[] = {\n";
    for (const auto& step : layout.steps) {
        for (const Placed& p : step) text += fmt::format("    {{{}, {}}},\n", p.offset, p.bytes);
        ends += fmt::format("{}, ", count += step.size());
    }
    text +=
        fmt::format("    {{0, 0}}}};\nconst int gw_step_end[] = {{{}0}};\nconst int gw_step_count = {};\n\n", ends, layout.steps.size());
    return text + weights_source(b) + call_source(b, layout) + places_source(b, layout);
}

}  // namespace gw::simulate
