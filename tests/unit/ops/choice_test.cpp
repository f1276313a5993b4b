// argmax and select on cases worked out by hand.
#include "unit/ops/run.h"

namespace gw::test {
namespace {
using Longs = std::vector<int64_t>;
Tensor booleans(Shape shape, const std::vector<uint8_t>& v) { return Tensor::of<uint8_t>(shape, v).with_type({DType::boolean, shape, {}}); }
}  // namespace

TEST(ArgMax, TiesAxesAndTypes) {
    const Tensor x = floats({2, 3}, {1, 7, 7, -2, -2, -5});
    EXPECT_EQ(values<int64_t>(run(Op{ArgMax{1}}, {x})), (Longs{1, 0}));
    EXPECT_EQ(values<int64_t>(run(Op{ArgMax{1, true, false, true}}, {x})), (Longs{2, 1}));
    EXPECT_EQ(values<int64_t>(run(Op{ArgMax{1, true, true}}, {x})), (Longs{0, 2}));
    EXPECT_EQ(values<int64_t>(run(Op{ArgMax{0, true, true, true}}, {x})), (Longs{1, 1, 1}));
    EXPECT_EQ(run(Op{ArgMax{0}}, {x}).shape(), (Shape{1, 3}));
    EXPECT_EQ(run(Op{ArgMax{1, false}}, {x}).shape(), (Shape{2}));
    const Tensor b = bytes({1, 2, 2}, {-128, 127, 5, 6});
    EXPECT_EQ(values<int32_t>(run(Op{ArgMax{1, true, false, false, DType::int32}}, {b})), (std::vector<int32_t>{1, 0}));
}

TEST(Select, PicksByElementAndBroadcasts) {
    const Tensor c = booleans({2, 1}, {1, 0});
    const Tensor y = run(Op{Select{}}, {c, floats({3}, {1, 2, 3}), floats({2, 3}, {10, 20, 30, 40, 50, 60})});
    EXPECT_EQ(y.shape(), (Shape{2, 3}));
    EXPECT_EQ(values<float>(y), (std::vector<float>{1, 2, 3, 40, 50, 60}));
    const Quant q = Quant::tensor(0.5f, 3);
    const Tensor z = run(Op{Select{}}, {booleans({2}, {0, 1}), bytes({2}, {1, 2}, q), bytes({2}, {3, 4}, q)});
    EXPECT_EQ(values<int8_t>(z), (std::vector<int8_t>{3, 2}));
    EXPECT_EQ(z.type.quant, q);
}

TEST(Select, OneQuantizationForBoth) {
    const Tensor c = booleans({2}, {0, 1}), b = bytes({2}, {1, 2});
    EXPECT_NE(infer_error(Op{Select{}}, {c, bytes({2}, {1, 2}, Quant::tensor(0.5f, 0)), b}).find("quantized differently"),
              std::string::npos);
}

}  // namespace gw::test
