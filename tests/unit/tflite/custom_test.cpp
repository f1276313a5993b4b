// Custom operators become calls of the user's functions: their options, their types and what they leave out are the file's.
#include <gmock/gmock.h>

#include "frontend/tflite/tflite.h"
#include "support/tflite_builder.h"

namespace gw {
namespace {
using tfl::ElementType;
using tfl::Options;

std::string model() {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int8, {1, 4}, {{0.5f}, {-3}, 0}),
                  y = m.tensor("y", ElementType::int8, {1, 2}, {{0.25f}, {7}, 0}), z = m.tensor("z", ElementType::float32, {1});
    m.inputs = {x}, m.outputs = {y, z};
    const std::vector<uint8_t> options{1, 0, 255};
    m.op(32, {x, -1}, {y, z}, Options::NONE, 0, "My-Own", &options);
    return m.finish();
}

TEST(TfliteCustom, IsACallOfTheUsersFunction) {
    Diagnostics diag;
    const auto module = read_tflite_bytes(model(), "m.tflite", diag, {.batch = 1, .custom = {"My-Own"}});
    ASSERT_TRUE(module) << diag.all().back().text();
    const Graph& g = module->main();
    ASSERT_TRUE(verify(g, diag));
    ASSERT_EQ(g.nodes.size(), 1u);
    const Custom& op = *get_if<Custom>(g.nodes[0].op);
    EXPECT_EQ(op.function, "My_Own");
    EXPECT_EQ(op.options, (std::vector<int32_t>{1, 0, 255}));
    EXPECT_EQ(g.type(g.outputs[0].value).text(), "i8[1,2] q(0.25,7)");
    EXPECT_EQ(g.type(g.outputs[1].value).text(), "f32[1]");
    EXPECT_FALSE(g.nodes[0].inputs[1].valid());
}

TEST(TfliteCustom, IsRefusedUnlessItIsAskedFor) {
    Diagnostics diag;
    EXPECT_FALSE(read_tflite_bytes(model(), "m.tflite", diag, {.batch = 1, .custom = {"Another"}}));
    ASSERT_EQ(diag.errors(), 1);
    EXPECT_EQ(diag.all()[0].id, DiagId::tflite_unsupported_op);
    EXPECT_THAT(diag.all()[0].text(), testing::HasSubstr("--custom My-Own makes it a call of your function"));
}

}  // namespace
}  // namespace gw
