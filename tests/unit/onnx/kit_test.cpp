// The kit's models: all of its CNNs import and verify, those with reference inputs and outputs give the reference's numbers, and the one
// that cannot be compiled says why.
#include <gmock/gmock.h>

#include <cmath>

#include "frontend/onnx/onnx.h"
#include "interp/interp.h"
#include "samples/npy.h"
#include "support/kit.h"

namespace gw {
namespace {

struct Facts {
    const char* file;
    int64_t macs, outputs;  // from the models' layer tables
};
class OnnxKitModel : public testing::TestWithParam<Facts> {};

TEST_P(OnnxKitModel, Imports) {
    const std::string name = std::string("models/") + GetParam().file;
    GW_REQUIRE_KIT(name);
    Diagnostics diag;
    auto module = read_onnx(kit_file(name), {}, diag);
    for (const auto& d : diag.all())
        if (d.severity != Severity::note) ADD_FAILURE() << d.text();
    ASSERT_TRUE(module);
    EXPECT_TRUE(verify(module->main(), diag));
    EXPECT_EQ(module->main().macs(), GetParam().macs);
    ASSERT_EQ(module->main().outputs.size(), 1u);
    EXPECT_EQ(module->main().outputs[0].model_shape, (Shape{1, GetParam().outputs}));
}
INSTANTIATE_TEST_SUITE_P(Cnns, OnnxKitModel,
                         testing::Values(Facts{"mnist_nxp.onnx", 16696, 10}, Facts{"mnist_nxp_keras.onnx", 16696, 10},
                                         Facts{"mnist_nxp_keras_unopt.onnx", 16696, 10}, Facts{"lenet_mnist.onnx", 2293000, 10},
                                         Facts{"lenet_mnist_same.onnx", 6522000, 10}, Facts{"mnist_zoo_like.onnx", 786560, 10},
                                         Facts{"alexnet_light_cifar10.onnx", 26562560, 10},
                                         Facts{"alexnet_light_cifar10_bn.onnx", 26562560, 10}, Facts{"ad01_float.onnx", 264192, 640},
                                         Facts{"ic01_float.onnx", 12501632, 10}, Facts{"kws01_float.onnx", 2656768, 12},
                                         Facts{"vww01_float.onnx", 7489664, 2}),
                         [](const auto& model) {
                             std::string name = model.param.file;
                             return name.substr(0, name.find('.'));
                         });

class OnnxKitReference : public testing::TestWithParam<const char*> {};

// Row i of an array [rows, …] as a tensor of `shape`.
Tensor row(const Tensor& all, int64_t i, const Shape& shape) {
    const int64_t n = shape.elements();
    const auto data = all.data<float>().subspan(static_cast<size_t>(i * n), static_cast<size_t>(n));
    return Tensor::of<float>(shape, std::vector<float>(data.begin(), data.end()));
}

TEST_P(OnnxKitReference, GivesTheReferencesOutputs) {
    const std::string model = std::string("models/") + GetParam() + ".onnx", io = std::string("models/") + GetParam() + "_io.npz";
    GW_REQUIRE_KIT(model);
    GW_REQUIRE_KIT(io);
    Diagnostics diag;
    auto module = read_onnx(kit_file(model), {}, diag);
    auto arrays = read_npz(kit_file(io), diag);
    ASSERT_TRUE(module);
    ASSERT_TRUE(arrays);
    ASSERT_EQ(arrays->size(), 2u);
    const Tensor inputs = (*arrays)[0].tensor, outputs = (*arrays)[1].tensor;
    const Graph& g = module->main();
    for (int64_t i = 0; i < inputs.shape()[0]; ++i) {
        const std::vector<Tensor> in{row(inputs, i, g.type(g.inputs[0].value).shape)};
        const std::vector<Tensor> y = interpret(g, in);
        const Tensor expected = row(outputs, i, y.at(0).shape());
        double largest = 0, worst = 0;
        for (int64_t k = 0; k < expected.elements(); ++k) {
            largest = std::max(largest, std::fabs(expected.at(k)));
            worst = std::max(worst, std::fabs(expected.at(k) - y[0].at(k)));
        }
        EXPECT_LE(worst, 1e-4 * largest) << "input " << i;
    }
}
INSTANTIATE_TEST_SUITE_P(MlperfTiny, OnnxKitReference, testing::Values("ad01_float", "ic01_float", "kws01_float", "vww01_float"),
                         [](const auto& model) { return std::string(model.param); });

// The keyword spotter with a GRU on the rows that it was not trained on: the accuracy that the kit states.
TEST(OnnxKit, TheRecurrentModelIsAsGoodAsTheKitSays) {
    GW_REQUIRE_KIT("models/kws_gru.onnx");
    Diagnostics diag;
    auto module = read_onnx(kit_file("models/kws_gru.onnx"), {}, diag);
    auto inputs = read_npy(kit_file("data/kws01_inputs.npy"), diag), labels = read_npy(kit_file("data/kws01_labels.npy"), diag);
    ASSERT_TRUE(module) << (diag.all().empty() ? "" : diag.all().front().text());
    ASSERT_TRUE(inputs);
    ASSERT_TRUE(labels);
    const Graph& g = module->main();
    int right = 0;
    for (int64_t i = 400; i < 500; ++i) {
        Tensor x = Tensor::zeros(g.type(g.inputs[0].value));
        ASSERT_EQ(x.elements(), 490);
        for (int64_t k = 0; k < 490; ++k) x.set(k, inputs->at(i * 490 + k));
        const std::vector<Tensor> in{x};
        const Tensor y = interpret(g, in).at(0);
        int64_t best = 0;
        for (int64_t k = 1; k < y.elements(); ++k)
            if (y.at(k) > y.at(best)) best = k;
        right += best == labels->int_at(i) ? 1 : 0;
    }
    EXPECT_EQ(right, 75);
}

}  // namespace
}  // namespace gw
