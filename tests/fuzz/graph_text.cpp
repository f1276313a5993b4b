// The graph language. What parses must verify, print and parse again to the same text.
#include "base/check.h"
#include "fuzz/fuzz_target.h"
#include "graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    const auto module = gw::parse_module(gw::as_text(data, size), "input.gw", diag);
    GW_CHECK(module.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (!module) return 0;
    const std::string text = gw::print(*module);
    const auto again = gw::parse_module(text, "again.gw", diag);
    GW_CHECK(again.ok() && gw::print(*again) == text, "printed text does not read back");
    return 0;
}
