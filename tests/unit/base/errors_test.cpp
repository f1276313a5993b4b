// docs/errors.md is made from diagnostics.def: GLOWWORM_UPDATE=1 writes it, a stale one fails, and so does a diagnostic without advice.
#include <gtest/gtest.h>

#include "base/diagnostics.h"
#include "support/generated_page.h"

namespace gw {
namespace {

std::string page() {
    std::string s =
        "# Errors, warnings and notes\n\n"
        "Made from `src/base/diagnostics.def` by `GLOWWORM_UPDATE=1 test_base`. Each line that the tool prints ends with one of these "
        "names in\n"
        "brackets; with `--json` the name is `id`. The line itself says where: file, operator, number and name of the node, operand.\n"
        "Exit status: 0 done, 1 the model, the command or the environment is wrong, 2 our own bug, 3 it ran and the verdict is no.\n\n"
        "| name | when | what to do |\n|---|---|---|\n";
    for (const DiagId id : all_diag_ids())
        s +=
            fmt::format("| `{}` | {} | {} |\n", diag_name(id), testing::table_cell(diag_summary(id)), testing::table_cell(diag_advice(id)));
    return s;
}

TEST(Errors, TheDocumentIsTheTable) { testing::expect_generated("docs/errors.md", page(), "test_base"); }

TEST(Errors, EachSaysWhenAndWhatToDo) {
    for (const DiagId id : all_diag_ids()) {
        EXPECT_TRUE(diag_summary(id).ends_with(".")) << diag_name(id);
        EXPECT_TRUE(diag_advice(id).ends_with(".")) << diag_name(id) << ": diagnostics.def has no advice";
    }
}

}  // namespace
}  // namespace gw
