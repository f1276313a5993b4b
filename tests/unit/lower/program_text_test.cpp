// Lowered and placed programs survive the way through their text form.
#include "support/bundle.h"

namespace gw {
namespace {

TEST(ProgramText, LoweredProgramsComeBackAsTheyWere) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
        Diagnostics diag;
        const Graph f = testing::optimised(
            testing::RandomGraph(seed, {.batch = seed % 4 == 0 ? 2 : 1, .blocks = 4, .extra_output = seed % 2 == 0}).make());
        const Graph g = seed % 3 == 0 ? f : testing::quantized(f, diag);
        const auto core = find_core("generic");
        auto program = lower(g, *core, {.name = "net", .input_in_arena = seed % 2 == 0}, diag);
        ASSERT_TRUE(program.ok());
        for (const bool placed : {false, true}) {
            if (placed) ASSERT_TRUE(place_buffers(*program, true, diag).ok());
            const std::string text = print(*program);
            Diagnostics trouble;
            const auto back = parse_program(text, "t.gwp", trouble);
            ASSERT_TRUE(back.ok()) << trouble.all().front().text() << "\n" << text;
            EXPECT_EQ(print(*back), text);
            ASSERT_EQ(back->buffers.size(), program->buffers.size());
            for (size_t i = 0; i < back->buffers.size(); ++i) {
                EXPECT_EQ(back->buffers[i].type, program->buffers[i].type);
                EXPECT_EQ(back->buffers[i].offset, program->buffers[i].offset);
                EXPECT_EQ(back->buffers[i].view_of, program->buffers[i].view_of);
            }
            for (size_t i = 0; i < back->data.size(); ++i) EXPECT_EQ(back->data[i].tensor.bytes(), program->data[i].tensor.bytes());
            ASSERT_EQ(back->steps.size(), program->steps.size());
            for (size_t i = 0; i < back->steps.size(); ++i) {
                const Call* a = std::get_if<Call>(&back->steps[i].what);
                const Call* b = std::get_if<Call>(&program->steps[i].what);
                ASSERT_EQ(a == nullptr, b == nullptr);
                if (a == nullptr) continue;
                EXPECT_EQ(a->arguments, b->arguments);
                EXPECT_EQ(a->gaps, b->gaps);
                EXPECT_EQ(a->constants, b->constants);
                EXPECT_EQ(a->types, b->types);
                EXPECT_EQ(a->scalar, b->scalar);
            }
        }
    }
}

}  // namespace
}  // namespace gw
