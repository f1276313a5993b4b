// docs/tflite-ops.md is made from the reader's own table: GLOWWORM_UPDATE=1 writes it, a stale one fails.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "frontend/tflite/tflite.h"
#include "support/kit.h"

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

TEST(TfliteList, TheDocumentIsTheTable) {
    Diagnostics diag;
    const auto file = source_file("docs/tflite-ops.md");
    if (std::getenv("GLOWWORM_UPDATE") != nullptr) {
        ASSERT_TRUE(write_file(file, page(), diag));
    }
    const auto text = read_file(file, diag);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, page()) << "run test_tflite with GLOWWORM_UPDATE=1";
}

}  // namespace
}  // namespace gw
