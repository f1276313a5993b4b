// The program language. What parses must verify, print and parse again to the same text, and be planned or refused.
#include "base/check.h"
#include "fuzz/fuzz_target.h"
#include "program/program.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    auto program = gw::parse_program(gw::as_text(data, size), "input.gwp", diag);
    GW_CHECK(program.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (!program) return 0;
    const std::string text = gw::print(*program);
    const auto again = gw::parse_program(text, "again.gwp", diag);
    GW_CHECK(again.ok() && gw::print(*again) == text, "printed text does not read back");
    return 0;
}
