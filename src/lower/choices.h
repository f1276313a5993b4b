// What kernels were measured to cost, candidate by candidate: the file NAME.choices. Lowering takes these cycles in place of the rows'
// formulas, so that a program follows from the model, the options and this text, wherever it is lowered.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/kernel.h"

namespace gw {

struct Choices {
    struct Entry {
        int64_t cycles = 0;         // of the whole layer, priced
        std::string kernel, layer;  // for people
    };
    std::string core, optimize, compiler;  // what was measured for and with; core: as Core::name
    std::map<std::string, Entry> entries;  // by candidate_key
    std::map<std::string, int64_t> loads;  // datum → words and parts of words that an inference loads from it; for --weights-ram
};

// Names a candidate by all that its code and its work follow from: kernel, constants, types, packed data, and the operands' types. 16 hex
// digits. Not by the kernel's text, so that choices outlive an improved kernel.
std::string candidate_key(const KernelRow& row, const Candidate& candidate, const Graph& graph);

// The text of NAME.choices: four lines that say what was measured, then one a candidate: key, cycles, kernel, layer; then, where the loads
// from constants were counted, one a constant: `data`, loads, its name.
std::string choices_text(const Choices& choices);
// Errors (choices_invalid) name `file` and the line.
Expected<Choices> parse_choices(std::string_view text, const std::string& file, Diagnostics& diag);

}  // namespace gw
