// docs/tflite-ops.md is made from the reader's own table: GLOWWORM_UPDATE=1 writes it, a stale one fails.
#include <gtest/gtest.h>

#include "frontend/tflite/tflite.h"
#include "support/generated_page.h"

namespace gw {
namespace {

std::string page() {
    std::string s =
        "# TFLite operators\n\n"
        "Made by `GLOWWORM_UPDATE=1 test_tflite`; `glowworm supported-ops` prints the same list. What is not in it is refused with its "
        "name.\n"
        "int8 is TFLite Micro's arithmetic, byte for byte (docs/arithmetic.md). \"any\": whatever element type a kernel moves.\n\n"
        "| operator | element types | limits |\n|---|---|---|\n";
    for (const SupportedTfliteOp& op : supported_tflite_ops()) s += fmt::format("| {} | {} | {} |\n", op.name, op.types, op.note);
    return s;
}

TEST(TfliteList, TheDocumentIsTheTable) { testing::expect_generated("docs/tflite-ops.md", page(), "test_tflite"); }

}  // namespace
}  // namespace gw
