// Text of diagnostics. The identifiers live in diagnostics.def; tests/diag has a test for each.
#include "base/diagnostics.h"

#include <algorithm>

namespace gw {
namespace {
struct Entry {
    DiagId id;
    std::string_view name, summary, advice;
};
constexpr Entry entries[] = {
#define DIAG(id, ...) {DiagId::id, #id, __VA_ARGS__},
#include "base/diagnostics.def"
#undef DIAG
};
constexpr std::string_view severity_names[] = {"error", "warning", "note"};
}  // namespace

std::string diag_name(DiagId id) {
    std::string name(entries[static_cast<size_t>(id)].name);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

std::string_view diag_summary(DiagId id) { return entries[static_cast<size_t>(id)].summary; }

std::string_view diag_advice(DiagId id) { return entries[static_cast<size_t>(id)].advice; }

std::vector<DiagId> all_diag_ids() {
    std::vector<DiagId> ids;
    for (const Entry& e : entries) ids.push_back(e.id);
    return ids;
}

std::string Diagnostic::text() const {
    std::string place;
    if (!location.op.empty()) place += fmt::format("`{}`", location.op);
    if (location.node >= 0) place += fmt::format("{}#{}", place.empty() ? "" : " ", location.node);
    if (!location.node_name.empty()) place += fmt::format("{}\"{}\"", place.empty() ? "" : " ", location.node_name);
    if (!location.operand.empty()) place += fmt::format("{}operand `{}`", place.empty() ? "" : ", ", location.operand);
    std::string line = fmt::format("{}: {}: {}{}{} [{}]", location.file.empty() ? "glowworm" : location.file,
                                   severity_names[static_cast<size_t>(severity)], place, place.empty() ? "" : ": ", message, diag_name(id));
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

void Diagnostics::add(Diagnostic d) {
    if (d.severity == Severity::error) ++errors_;
    all_.push_back(std::move(d));
}

}  // namespace gw
