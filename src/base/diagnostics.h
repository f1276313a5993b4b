// Diagnostics: what is wrong with the model, the command or the environment, located in the model's own terms and collected, so that
// nine unsupported operators make nine lines. Library code adds to a Diagnostics; only cli/ prints one.
//
// Printed form, one line each:
//   kws.onnx: error: `Conv` #17 "conv_4", operand `w`: weight has rank 3, expected 4 [conv-weight-rank]
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"

namespace gw {

enum class DiagId {
#define DIAG(id, ...) id,
#include "base/diagnostics.def"
#undef DIAG
};

// "onnx-unsupported-op" for DiagId::onnx_unsupported_op.
std::string diag_name(DiagId id);
// For docs/errors.md: when it is reported, and what to do about it.
std::string_view diag_summary(DiagId id);
std::string_view diag_advice(DiagId id);
std::vector<DiagId> all_diag_ids();

// A place in a model file. Every field may be empty.
struct Location {
    std::string file;
    std::string op;     // operator as the model spells it
    int64_t node = -1;  // index of the node in the file
    std::string node_name;
    std::string operand;

    Location with_operand(std::string_view name) const {
        Location l = *this;
        l.operand = name;
        return l;
    }
};

enum class Severity { error, warning, note };

struct Diagnostic {
    DiagId id;
    Severity severity;
    Location location;
    std::string message;
    std::string text() const;  // the printed form, without newline
};

class Diagnostics {
public:
    // Returns failure, so that `return diag.error(…)` works in a function that returns Expected<T>.
    template <class... Args>
    Failure error(DiagId id, const Location& where, fmt::format_string<Args...> format, Args&&... args) {
        add({id, Severity::error, where, fmt::format(format, std::forward<Args>(args)...)});
        return failure;
    }
    template <class... Args>
    void warning(DiagId id, const Location& where, fmt::format_string<Args...> format, Args&&... args) {
        add({id, Severity::warning, where, fmt::format(format, std::forward<Args>(args)...)});
    }
    template <class... Args>
    void note(DiagId id, const Location& where, fmt::format_string<Args...> format, Args&&... args) {
        add({id, Severity::note, where, fmt::format(format, std::forward<Args>(args)...)});
    }
    void add(Diagnostic d);
    const std::vector<Diagnostic>& all() const { return all_; }
    int errors() const { return errors_; }
    bool has_errors() const { return errors_ > 0; }
    void clear() { all_.clear(), errors_ = 0; }

private:
    std::vector<Diagnostic> all_;
    int errors_ = 0;
};

}  // namespace gw
