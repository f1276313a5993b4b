// Custom operators on the command line: which there are (--custom), and the user's functions for the interpreter (--custom-source). A
// function sees the same call there as in firmware, so what `verify` compares is one function, compiled twice.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "base/lexer.h"
#include "cli/cli.h"
#include "kernels/kernel.h"
#include "tensor/type_text.h"

namespace gw {
namespace {

int32_t type_number(DType t) {
    switch (t) {
        case DType::float32:
            return GLOWWORM_FLOAT32;
        case DType::int8:
            return GLOWWORM_INT8;
        case DType::uint8:
            return GLOWWORM_UINT8;
        case DType::int16:
            return GLOWWORM_INT16;
        case DType::uint16:
            return GLOWWORM_UINT16;
        case DType::int32:
            return GLOWWORM_INT32;
        case DType::uint32:
            return GLOWWORM_UINT32;
        case DType::int64:
            return GLOWWORM_INT64;
        case DType::boolean:
            return GLOWWORM_BOOL;
        default:
            return 0;
    }
}

// A type as the C side has it, with the dimensions that it points to.
struct CType {
    std::vector<int32_t> dims;
    glowworm_type type{};
    explicit CType(const Type* t) {
        if (t == nullptr) return;
        dims.assign(t->shape.dims().begin(), t->shape.dims().end());
        const bool quantized = t->quant.per_tensor();
        type = {type_number(t->dtype), static_cast<int32_t>(dims.size()), nullptr, quantized ? t->quant.scale() : 0.0f,
                quantized ? t->quant.zero_point() : 0};
    }
};
// The list of them; the caller keeps `of`.
std::vector<glowworm_type> c_types(const std::vector<CType>& of) {
    std::vector<glowworm_type> list;
    for (const CType& t : of) list.push_back(t.type), list.back().dims = t.dims.data();
    return list;
}

// The function of one node, with the types that its operands and results have in the graph.
CustomCode code_of(const Graph& graph, const Node& node, std::shared_ptr<void> library, void (*function)(const glowworm_call*)) {
    std::vector<CType> in, out;
    for (ValueId id : node.inputs) in.emplace_back(id.valid() ? &graph.type(id) : nullptr);
    for (ValueId id : node.outputs) out.emplace_back(&graph.type(id));
    const Custom& op = *get_if<Custom>(node.op);
    const std::vector<uint8_t> options(op.options.begin(), op.options.end());
    return [=, keep = std::move(library)](std::span<const Tensor* const> x, std::span<Tensor> y) {
        const std::vector<glowworm_type> in_types = c_types(in), out_types = c_types(out);
        std::vector<const void*> inputs;
        std::vector<void*> outputs;
        for (const Tensor* t : x) inputs.push_back(t == nullptr ? nullptr : t->bytes().data());
        for (Tensor& t : y) outputs.push_back(const_cast<char*>(t.bytes().data()));
        const glowworm_call call{inputs.data(),
                                 outputs.data(),
                                 in_types.data(),
                                 out_types.data(),
                                 static_cast<int32_t>(inputs.size()),
                                 static_cast<int32_t>(outputs.size()),
                                 options.empty() ? nullptr : options.data(),
                                 static_cast<uint32_t>(options.size())};
        function(&call);
    };
}

std::vector<std::string> functions_of(const Graph& graph) {
    std::set<std::string> names;
    for (const Node& n : graph.nodes)
        if (const Custom* op = get_if<Custom>(n.op)) names.insert(op->function);
    return {names.begin(), names.end()};
}

}  // namespace

void add_custom_source_option(CLI::App& app, CommonOptions& o) {
    app.add_option("--custom-source", o.custom_sources, "C file that defines the functions of custom operators; docs/custom-ops.md")
        ->type_name("FILE.c");
}

Expected<std::map<std::string, std::vector<Type>>> parse_custom(const std::vector<std::string>& given, Diagnostics& diag) {
    std::map<std::string, std::vector<Type>> all;
    for (const std::string& text : given) {
        const size_t eq = text.find('=');
        const std::string name = text.substr(0, eq);
        if (name.empty()) return diag.error(DiagId::bad_option, {}, "--custom {}: expected NAME or NAME=TYPE,TYPE", text);
        std::vector<Type>& types = all[name];
        if (eq == std::string::npos) continue;
        Diagnostics why;
        Lexer in(std::string_view(text).substr(eq + 1), "--custom", why);
        do {
            auto type = parse_type(in);
            if (!type)
                return diag.error(DiagId::bad_option, {}, "--custom {}: expected types such as f32[1,10],i8[4] ({})", text,
                                  why.all().empty() ? "" : why.all().front().message);
            types.push_back(*std::move(type));
        } while (in.accept(","));
        if (!in.at_end()) return diag.error(DiagId::bad_option, {}, "--custom {}: expected types such as f32[1,10],i8[4]", text);
    }
    return all;
}

Status bind_custom(Graph& graph, const CommonOptions& o, Diagnostics& diag) {
    const std::vector<std::string> names = functions_of(graph);
    if (names.empty() || o.custom_sources.empty()) return {};
    GW_TRY(const CustomLibrary library, load_custom(names, kernel_text("", "glowworm_custom.h"), build_options(o), diag));
    for (Node& n : graph.nodes)
        if (Custom* op = get_if<Custom>(n.op))
            op->code = std::make_shared<const CustomCode>(code_of(graph, n, library.handle, library.functions.at(op->function)));
    return {};
}

Status check_custom(const Graph& graph, Diagnostics& diag) {
    for (const Node& n : graph.nodes) {
        const Custom* op = get_if<Custom>(n.op);
        if (op == nullptr || op->code != nullptr) continue;
        return diag.error(DiagId::custom_missing, graph.where(n),
                          "the interpreter needs glowworm_custom_{}: give the C file that defines it with --custom-source", op->function);
    }
    return {};
}

}  // namespace gw
