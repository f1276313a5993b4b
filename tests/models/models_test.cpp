// Every float ONNX model of the kit, through the command line as a user would: compiled with its calibration data,
// scored against float, verified on the host and on emulated cores.
#include <gtest/gtest.h>

#include "base/process.h"
#include "unit/cli/run.h"

namespace gw {
namespace {

using testing::glowworm;
using testing::Said;

// $KIT in an argument is the kit's folder.
std::vector<std::string> in_kit(std::vector<std::string> arguments) {
    for (std::string& a : arguments)
        if (const size_t at = a.find("$KIT"); at != std::string::npos) a.replace(at, 4, kit_file("").string());
    return arguments;
}

struct Model {
    const char* name;
    std::string calibration, samples, labels;
    std::vector<std::string> options;
    double lost;  // points of accuracy, at most
};

const std::vector<std::string> unit_range = {"--image-range", "0..1"}, byte_range = {"--image-range", "0..255"};
const std::vector<std::string> cifar_norm = {
    "--image-range", "0..1", "--image-mean", "0.4914,0.4822,0.4465", "--image-std", "0.2470,0.2435,0.2616", "--sample-layout", "nhwc"};
const std::vector<std::string> mfcc = {"--sample-scale", "0.5847029089927673", "--sample-zero", "83"};

Model mnist(const char* name, std::vector<std::string> options, double lost) {
    return {name, "$KIT/data/mnist_calib", "$KIT/data/mnist_test_images.npy", "$KIT/data/mnist_test_labels.npy", std::move(options), lost};
}
Model cifar(const char* name, std::vector<std::string> options) {
    // Half of the pictures: these models have tens of millions of MACs, and the bar is one point.
    return {name,
            "$KIT/data/cifar10_calib",
            "$KIT/data/cifar10_test_images.npy[0:1000]",
            "$KIT/data/cifar10_test_labels.npy[0:1000]",
            std::move(options),
            1.0};
}
std::vector<Model> models() {
    return {mnist("mnist_nxp", unit_range, 0.3),
            mnist("mnist_nxp_keras", unit_range, 0.3),
            mnist("mnist_nxp_keras_unopt", unit_range, 0.3),
            mnist("lenet_mnist", unit_range, 1.0),
            mnist("lenet_mnist_same", unit_range, 1.0),
            mnist("mnist_zoo_like", byte_range, 1.0),
            cifar("alexnet_light_cifar10", cifar_norm),
            cifar("alexnet_light_cifar10_bn", cifar_norm),
            cifar("ic01_float", byte_range),
            {"kws01_float", "$KIT/data/kws01_inputs.npy[0:100]", "$KIT/data/kws01_inputs.npy[100:500]",
             "$KIT/data/kws01_labels.npy[100:500]", mfcc, 1.0},
            // Trained on the first 400 rows: 100 are left to score it, a point each.
            {"kws_gru",
             "$KIT/data/kws01_inputs.npy[0:100]",
             "$KIT/data/kws01_inputs.npy[400:500]",
             "$KIT/data/kws01_labels.npy[400:500]",
             {"--sample-scale", "1", "--sample-zero", "0"},
             2.0}};
}

std::string file_of(const std::string& model) { return kit_file("models/" + model + ".onnx").string(); }
bool emulation() { return !find_program("arm-none-eabi-gcc").empty() && !find_program("qemu-system-arm").empty(); }

class Models : public ::testing::TestWithParam<Model> {
protected:
    void SetUp() override { GW_REQUIRE_KIT(std::string("models/") + GetParam().name + ".onnx"); }
    std::string bundle() const { return (folder_.path() / "b").string(); }
    Said compile(std::vector<std::string> more) const {
        std::vector<std::string> a = {"compile", file_of(GetParam().name), "-o", bundle(), "--json", "--measure", "none"};
        a.insert(a.end(), more.begin(), more.end());
        return glowworm(in_kit(a));
    }
    std::vector<std::string> quantized() const {
        std::vector<std::string> a = {"--cpu", "cortex-m0plus", "--calibrate", GetParam().calibration};
        a.insert(a.end(), GetParam().options.begin(), GetParam().options.end());
        return a;
    }
    TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Kit, Models, ::testing::ValuesIn(models()), [](const auto& info) { return std::string(info.param.name); });

TEST_P(Models, Int8LosesNoMoreThanTheBar) {
    const Model& m = GetParam();
    ASSERT_EQ(compile(quantized()).status, 0);
    auto accuracy = [&](const std::string& what) {
        std::vector<std::string> a = {"evaluate", what, m.samples, "--labels", m.labels, "--json"};
        a.insert(a.end(), m.options.begin(), m.options.end());
        const Said s = glowworm(in_kit(a));
        EXPECT_EQ(s.status, 0) << s.out;
        return s.status == 0 ? 100 * s.json()["accuracy"].get<double>() : 0.0;
    };
    const double real = accuracy(file_of(m.name)), integer = accuracy(bundle());
    RecordProperty("float", std::to_string(real));
    RecordProperty("int8", std::to_string(integer));
    EXPECT_GE(integer, real - m.lost - 1e-9) << "float " << real << " %, int8 " << integer << " %";
}

TEST_P(Models, NoTransposeIsLeft) {
    const Said s = compile({"--precision", "float32", "--dump-stages", (folder_.path() / "stages").string()});
    ASSERT_EQ(s.status, 0) << s.out;
    std::filesystem::path last;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "stages")) last = std::max(last, entry.path());
    EXPECT_EQ(testing::text_of(last).find("= transpose("), std::string::npos);
}

TEST_P(Models, SameBytesOnHostAndEmulatedCores) {
    if (!emulation()) GTEST_SKIP() << "SKIPPED, not tested: no cross-compiler or emulator";
    ASSERT_EQ(compile(quantized()).status, 0);
    const Said v = glowworm({"verify", bundle(), "--on", "host,cortex-m0plus,cortex-m4", "--json"});
    EXPECT_EQ(v.status, 0) << v.out;
    EXPECT_EQ(v.json()["verified"].size(), 3u);
}

TEST_P(Models, FloatAgreesOnHostAndEmulatedCore) {
    if (!emulation()) GTEST_SKIP() << "SKIPPED, not tested: no cross-compiler or emulator";
    ASSERT_EQ(compile({"--precision", "float32", "--cpu", "cortex-m4"}).status, 0);
    const Said v = glowworm({"verify", bundle(), "--on", "host,cortex-m4", "--json"});
    EXPECT_EQ(v.status, 0) << v.out;
}

TEST(ModelsOfTheKit, WakeWordsStayClose) {
    GW_REQUIRE_KIT("models/vww01_float.onnx");
    const TemporaryFolder folder;
    const std::string bundle = (folder.path() / "b").string(), io = kit_file("models/vww01_float_io.npz").string();
    ASSERT_EQ(glowworm({"compile", file_of("vww01_float"), "-o", bundle, "--calibrate", io, "--measure", "none", "--json"}).status, 0);
    const Said s = glowworm({"evaluate", bundle, io, "--expect", io, "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    EXPECT_GE(s.json()["sqnr_db"].get<double>(), 20) << s.out;
    EXPECT_EQ(s.json()["same_top1"], s.json()["samples"]);
}

TEST(ModelsOfTheKit, TheAutoencoderStaysClose) {
    GW_REQUIRE_KIT("models/ad01_float.onnx");
    const TemporaryFolder folder;
    const std::string bundle = (folder.path() / "b").string(), io = kit_file("models/ad01_float_io.npz").string();
    ASSERT_EQ(glowworm({"compile", file_of("ad01_float"), "-o", bundle, "--calibrate", io, "--measure", "none", "--json"}).status, 0);
    const Said s = glowworm({"evaluate", bundle, io, "--expect", io, "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    EXPECT_GE(s.json()["sqnr_db"].get<double>(), 20) << s.out;
}

// Exporters write the same net with and without transposes: the bundle costs the same.
TEST(ModelsOfTheKit, ThreeExportsOfOneNetCostTheSame) {
    GW_REQUIRE_KIT("models/mnist_nxp_keras_unopt.onnx");
    std::vector<nlohmann::json> reports;
    for (const char* name : {"mnist_nxp", "mnist_nxp_keras", "mnist_nxp_keras_unopt"}) {
        const TemporaryFolder folder;
        const Said s = glowworm(in_kit({"compile", file_of(name), "-o", (folder.path() / "b").string(), "--name", "net", "--cpu",
                                        "cortex-m0plus", "--calibrate", "$KIT/data/mnist_calib", "--image-range", "0..1", "--json"}));
        ASSERT_EQ(s.status, 0) << s.out;
        reports.push_back(s.json()["report"]);
    }
    for (size_t i = 1; i < reports.size(); ++i) {
        EXPECT_EQ(reports[i]["ram"]["arena_bytes"], reports[0]["ram"]["arena_bytes"]);
        EXPECT_EQ(reports[i]["ram"]["total_bytes"], reports[0]["ram"]["total_bytes"]);
        EXPECT_EQ(reports[i]["flash"]["total_bytes"], reports[0]["flash"]["total_bytes"]);
        EXPECT_EQ(reports[i]["steps"].size(), reports[0]["steps"].size());
        if (reports[0]["cycles"]["total"].is_null()) continue;
        // Weights that differ in the last bit may round to other integers, and data-dependent branches follow: no more than that.
        EXPECT_NEAR(reports[i]["cycles"]["total"].get<double>() / reports[0]["cycles"]["total"].get<double>(), 1, 0.002);
    }
}

TEST(ModelsOfTheKit, TheDigitNetGivesTheSameBytesOnEveryCore) {
    if (!emulation()) GTEST_SKIP() << "SKIPPED, not tested: no cross-compiler or emulator";
    const TemporaryFolder folder;
    const std::string bundle = (folder.path() / "b").string();
    ASSERT_EQ(glowworm({"compile", testing::digits(), "-o", bundle, "--calibrate", testing::pictures(), "--image-range", "0..1",
                        "--measure", "none", "--json"})
                  .status,
              0);
    const Said v =
        glowworm({"verify", bundle, "--on", "host,cortex-m0,cortex-m0plus,cortex-m3,cortex-m4,cortex-m7,cortex-m33,cortex-m55", "--json"});
    EXPECT_EQ(v.status, 0) << v.out;
    EXPECT_EQ(v.json()["verified"].size(), 8u);
}

}  // namespace
}  // namespace gw
