// SAMPLES in every form, and every rule of preprocessing with its error.
#include "samples/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include <cmath>
#include <fstream>

#include "base/files.h"
#include "samples/npy.h"
#include "samples/picture.h"
#include "support/kit.h"

namespace gw {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::Pointwise;

class Samples : public ::testing::Test {
protected:
    TemporaryFolder folder;
    Diagnostics diag;

    fs::path at(const std::string& name) {
        const fs::path p = folder.path() / name;
        fs::create_directories(p.parent_path());
        return p;
    }
    void write(const std::string& name, const std::string& bytes) { std::ofstream(at(name), std::ios::binary) << bytes; }
    void write_png(const std::string& name, int w, int h, int channels, const std::vector<uint8_t>& pixels) {
        ASSERT_TRUE(stbi_write_png(at(name).c_str(), w, h, channels, pixels.data(), w * channels));
    }
    void write_array(const std::string& name, const Tensor& t) { ASSERT_TRUE(write_npy(at(name), t, diag).ok()); }

    Expected<SampleSet> read(const std::string& name, const std::vector<SampleSpec>& specs, const Preprocess& p = {},
                             const SampleLimits& limits = {}) {
        return read_samples(folder.path() / name, specs, p, limits, diag);
    }
    // The values of one sample of a model with one input.
    std::vector<float> values(const std::string& name, const SampleSpec& spec, const Preprocess& p = {}, size_t sample = 0) {
        const auto set = read(name, {spec}, p);
        if (!set.ok() || sample >= set->samples.size())
            return ADD_FAILURE() << (diag.all().empty() ? "no sample" : diag.all()[0].text()), std::vector<float>{};
        const Tensor& t = set->samples[sample][0];
        EXPECT_EQ(t.type.dtype, spec.dtype);
        EXPECT_EQ(t.shape(), spec.shape);
        std::vector<float> v;
        for (int64_t i = 0; i < t.elements(); ++i) v.push_back(static_cast<float>(t.at(i)));
        return v;
    }
    std::string error(DiagId id, const std::string& name, const std::vector<SampleSpec>& specs, const Preprocess& p = {},
                      const SampleLimits& limits = {}) {
        diag.clear();
        EXPECT_FALSE(read(name, specs, p, limits).ok());
        for (const Diagnostic& d : diag.all())
            if (d.severity == Severity::error) {
                EXPECT_EQ(d.id, id) << d.text();
                return d.text();
            }
        ADD_FAILURE() << "no error";
        return "";
    }
};

Preprocess range(float lo, float hi) {
    Preprocess p;
    p.range = {lo, hi};
    return p;
}

SampleSpec f32(Shape shape) { return {"x", std::move(shape), DType::float32, {}, SampleLayout::model}; }

TEST_F(Samples, PicturesBecomeTheModelsChannelsAndOrder) {
    write_png("rgb.png", 2, 2, 3, {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120});
    Preprocess p = range(0, 255);
    EXPECT_THAT(values("rgb.png", f32({1, 2, 2, 3}), p), ElementsAre(10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120));
    EXPECT_THAT(values("rgb.png", f32({1, 3, 2, 2}), p), ElementsAre(10, 40, 70, 100, 20, 50, 80, 110, 30, 60, 90, 120));
    EXPECT_THAT(values("rgb.png", f32({3, 2, 2}), p), ElementsAre(10, 40, 70, 100, 20, 50, 80, 110, 30, 60, 90, 120));
    // (77·10 + 150·20 + 29·30) >> 8 = 18
    EXPECT_THAT(values("rgb.png", f32({1, 1, 2, 2}), p), ElementsAre(18, 48, 78, 108));
    EXPECT_THAT(values("rgb.png", f32({1, 4}), p), ElementsAre(18, 48, 78, 108));
    EXPECT_THAT(values("rgb.png", f32({2, 2}), p), ElementsAre(18, 48, 78, 108));
    p.bgr = true;
    EXPECT_THAT(values("rgb.png", f32({1, 2, 2, 3}), p), ElementsAre(30, 20, 10, 60, 50, 40, 90, 80, 70, 120, 110, 100));
    EXPECT_THAT(values("rgb.png", f32({1, 3, 2, 2}), p), ElementsAre(30, 60, 90, 120, 20, 50, 80, 110, 10, 40, 70, 100));
    EXPECT_THAT(values("rgb.png", f32({1, 2, 2, 4}), p),
                ElementsAre(30, 20, 10, 255, 60, 50, 40, 255, 90, 80, 70, 255, 120, 110, 100, 255));
    write_png("grey.png", 2, 1, 1, {7, 9});
    p.bgr = false;
    p.layout = SampleLayout::nchw;
    EXPECT_THAT(values("grey.png", f32({1, 3, 1, 2}), p), ElementsAre(7, 9, 7, 9, 7, 9));
    SampleSpec odd = f32({1, 3, 2, 3});
    write_png("odd.png", 3, 2, 1, {1, 2, 3, 4, 5, 6});
    p.layout = SampleLayout::model;
    EXPECT_THAT(error(DiagId::samples_invalid, "odd.png", {odd}, p), HasSubstr("--sample-layout nchw or nhwc"));
    odd.order = SampleLayout::nchw;
    EXPECT_THAT(values("odd.png", odd, p), ElementsAre(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6));
    EXPECT_THAT(error(DiagId::samples_invalid, "odd.png", {f32({1, 8, 2, 2})}, p), HasSubstr("does not take pictures"));
    EXPECT_THAT(error(DiagId::samples_invalid, "odd.png", {f32({2, 1, 2, 3})}, p), HasSubstr("more than one picture"));
    EXPECT_THAT(error(DiagId::samples_invalid, "odd.png", {f32({1, 5})}, p), HasSubstr("grey pictures of 5 pixels; this one has 6"));
}

TEST_F(Samples, RangeMeanAndStdAreAppliedInOrder) {
    write_png("p.png", 1, 2, 3, {0, 51, 255, 255, 0, 51});
    const SampleSpec nchw = f32({1, 3, 2, 1});
    Preprocess p = range(-1, 1);
    p.layout = SampleLayout::nchw;
    EXPECT_THAT(values("p.png", nchw, p), Pointwise(FloatEq(), std::vector<float>{-1, 1, -0.6f, -1, 1, -0.6f}));
    p = range(0, 1);
    p.layout = SampleLayout::nchw;
    p.mean = {0.5f, 0.25f, 0};
    p.std = {0.5f, 2, 4};
    EXPECT_THAT(values("p.png", nchw, p), Pointwise(FloatEq(), std::vector<float>{-1, 1, -0.025f, -0.125f, 0.25f, 0.05f}));
    p.bgr = true;  // mean[0] and std[0] are then the blue ones
    EXPECT_THAT(values("p.png", nchw, p), Pointwise(FloatEq(), std::vector<float>{1, -0.6f, -0.025f, -0.125f, 0, 0.25f}));
    p = range(-128, 127);
    p.mean = {2};
    EXPECT_THAT(values("p.png", f32({1, 2}), p)[0], (77 * 0 + 150 * 51 + 29 * 255) / 256 - 130.0f);
    p.mean = {1, 2};
    EXPECT_THAT(error(DiagId::samples_invalid, "p.png", {f32({1, 2})}, p), HasSubstr("does not tell where its channels are"));
    p.layout = SampleLayout::nchw;
    EXPECT_THAT(error(DiagId::preprocess_conflict, "p.png", {nchw}, p),
                HasSubstr("2 means or deviations are given, input `x` [1,3,2,1] has 3 channels"));
}

TEST_F(Samples, ResizeIsBilinearAndOnlyOnRequest) {
    write_png("p.png", 2, 1, 1, {0, 100});
    SampleSpec spec = f32({1, 1, 2, 4});
    spec.order = SampleLayout::nchw;
    Preprocess p = range(0, 255);
    EXPECT_THAT(error(DiagId::picture_invalid, "p.png", {spec}, p),
                AllOf(HasSubstr("is 2 × 1, input `x` takes 4 × 2"), HasSubstr("--image-resize")));
    p.resize = true;
    diag.clear();
    EXPECT_THAT(values("p.png", spec, p), ElementsAre(0, 25, 75, 100, 0, 25, 75, 100));
    const Picture quarter = resize_picture({4, 2, 1, {0, 40, 80, 120, 20, 60, 100, 140}}, 2, 1);
    EXPECT_THAT(quarter.pixels, ElementsAre(30, 110));
}

TEST_F(Samples, NothingIsGuessed) {
    write_png("p.png", 2, 2, 1, {1, 2, 3, 4});
    EXPECT_THAT(error(DiagId::preprocess_missing, "p.png", {f32({1, 2, 2, 1})}),
                AllOf(HasSubstr("holds pixels"), HasSubstr("--image-range")));
    write_array("u8.npy", Tensor::of<uint8_t>({1, 2, 2, 1}, {1, 2, 3, 4}));
    EXPECT_THAT(error(DiagId::preprocess_missing, "u8.npy", {f32({1, 2, 2, 1})}),
                AllOf(HasSubstr("holds integers"), HasSubstr("--image-range"), HasSubstr("--sample-scale")));
    write("t/a.txt", "1 2 3 4");
    EXPECT_THAT(error(DiagId::preprocess_missing, "t", {f32({1, 2, 2, 1})}), HasSubstr("--sample-scale"));
    SampleSpec int8{"x", {1, 2, 2, 1}, DType::int8, Quant::tensor(0.5f, 3), SampleLayout::model};
    EXPECT_THAT(error(DiagId::preprocess_missing, "p.png", {int8}), HasSubstr("takes int8 that stand for reals"));
    // Scaled integers are no way to read a picture.
    Preprocess scaled;
    scaled.sample_scale = 0.5f;
    EXPECT_THAT(error(DiagId::preprocess_missing, "p.png", {f32({1, 2, 2, 1})}, scaled), HasSubstr("--image-range"));
}

TEST_F(Samples, IntegersAndReals) {
    const SampleSpec x = f32({1, 4});
    Preprocess scaled;
    scaled.sample_scale = 0.5f;
    scaled.sample_zero = 83;
    write_array("i8.npy", Tensor::of<int8_t>({2, 4}, {83, 85, -128, 127, 0, 0, 0, 0}));
    EXPECT_THAT(values("i8.npy", x, scaled), ElementsAre(0, 1, -105.5f, 22));
    write_array("f64.npy", Tensor::of<double>({1, 4}, {0.1, 2, 3, 4}));
    EXPECT_THAT(values("f64.npy", x), ElementsAre(0.1f, 2, 3, 4));
    write_array("f32.npy", Tensor::of<float>({1, 4}, {1, 2, 3, -4.5f}));
    EXPECT_THAT(values("f32.npy", x, range(0, 1)), ElementsAre(1, 2, 3, -4.5f)) << "already the model's type";
    write_array("i32.npy", Tensor::of<int32_t>({1, 4}, {0, 51, 255, 102}));
    EXPECT_THAT(values("i32.npy", x, range(0, 1)), Pointwise(FloatEq(), std::vector<float>{0, 0.2f, 1, 0.4f}));
    EXPECT_THAT(error(DiagId::samples_invalid, "i8.npy", {x}, range(0, 1)), HasSubstr("value -128 at 2 is not a pixel"));

    // An integer input that stands for reals.
    SampleSpec q{"x", {1, 4}, DType::int8, Quant::tensor(0.5f, 3), SampleLayout::model};
    EXPECT_THAT(values("i8.npy", q), ElementsAre(83, 85, -128, 127)) << "already the model's type";
    EXPECT_THAT(values("i8.npy", q, scaled), ElementsAre(3, 5, -128, 47)) << "another scale than the input's";
    EXPECT_THAT(values("f32.npy", q), ElementsAre(5, 7, 9, -6));
    write_array("ties.npy", Tensor::of<float>({1, 4}, {0.25f, 0.75f, 1e9f, -1e9f}));
    EXPECT_THAT(values("ties.npy", q), ElementsAre(3, 5, 127, -128)) << "half to even, saturating";
    write("t/a.txt", "1, -2\n3 4");
    EXPECT_THAT(values("t", q), ElementsAre(1, -2, 3, 4));
    write("t/a.txt", "1, -2.5\n3 1e2");
    EXPECT_THAT(values("t", x), ElementsAre(1, -2.5f, 3, 100));
    write("t/a.txt", "1 two 3 4");
    EXPECT_THAT(error(DiagId::samples_invalid, "t", {x}), HasSubstr("`two` is not a number"));

    // An integer input that stands for nothing but itself: token numbers.
    const SampleSpec tokens{"x", {1, 4}, DType::int64, {}, SampleLayout::model};
    EXPECT_THAT(values("i32.npy", tokens), ElementsAre(0, 51, 255, 102));
    EXPECT_THAT(error(DiagId::samples_invalid, "f32.npy", {tokens}), HasSubstr("holds float32 values, input `x` takes int64"));
    SampleSpec narrow = tokens;
    narrow.dtype = DType::int8;
    EXPECT_THAT(error(DiagId::samples_invalid, "i32.npy", {narrow}), HasSubstr("value 255 at 2 does not fit int8"));
    // uint8 input: pictures and pixels are already of its type.
    SampleSpec u8{"x", {1, 2, 2, 1}, DType::uint8, Quant::tensor(1 / 255.0f, 0), SampleLayout::model};
    write_png("p.png", 2, 2, 1, {1, 2, 3, 255});
    EXPECT_THAT(values("p.png", u8), ElementsAre(1, 2, 3, 255));
    EXPECT_THAT(values("p.png", u8, range(0, 1)), ElementsAre(1, 2, 3, 255));
}

TEST_F(Samples, ArrayShapes) {
    std::vector<float> v(30);
    for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
    auto count = [&](const Shape& array, const Shape& input) {
        write_array("a.npy", Tensor::of<float>(array, std::vector<float>(static_cast<size_t>(array.elements()))));
        const auto set = read("a.npy", {f32(input)});
        return set.ok() ? static_cast<int64_t>(set->samples.size()) : int64_t{-1};
    };
    EXPECT_EQ(count({5, 2, 3, 4}, {1, 2, 3, 4}), 5);
    EXPECT_EQ(count({1, 2, 3, 4}, {1, 2, 3, 4}), 1);
    EXPECT_EQ(count({2, 3, 4}, {1, 2, 3, 4}), 1);
    EXPECT_EQ(count({5, 4, 4}, {1, 1, 4, 4}), 5);
    EXPECT_EQ(count({5, 4, 4, 1}, {1, 1, 4, 4}), 5);
    EXPECT_EQ(count({5, 1, 4, 4}, {1, 4, 4, 1}), 5);
    EXPECT_EQ(count({5, 490}, {1, 49, 10, 1}), 5);
    EXPECT_EQ(count({490}, {1, 49, 10, 1}), 1);
    EXPECT_EQ(count({5, 28, 28}, {1, 784}), 5);
    EXPECT_EQ(count({28, 28}, {1, 784}), 1);
    EXPECT_EQ(count({7}, {1, 1}), 7);
    EXPECT_EQ(count({7, 1}, {1, 1}), 7);
    EXPECT_EQ(count({3, 4, 2}, {4, 2}), 3);
    EXPECT_EQ(count({4, 2}, {4, 2}), 1);
    EXPECT_EQ(count({5, 3, 2}, {1, 6, 1, 1, 1}), 5);
    EXPECT_EQ(diag.errors(), 0);
    EXPECT_EQ(count({5, 3, 2}, {1, 2, 3}), -1);
    EXPECT_THAT(error(DiagId::samples_invalid, "a.npy", {f32({1, 7})}),
                HasSubstr("an array of shape [5,3,2] does not hold samples for input `x` [1,7]"));
    write_array("nhwc.npy", Tensor::of<float>({2, 2, 2, 3}, {v.begin(), v.begin() + 24}));
    EXPECT_THAT(error(DiagId::samples_invalid, "nhwc.npy", {f32({1, 3, 2, 2})}), HasSubstr("--sample-layout nhwc says"));
    write_array("nchw.npy", Tensor::of<float>({2, 3, 2, 2}, {v.begin(), v.begin() + 24}));
    EXPECT_THAT(error(DiagId::samples_invalid, "nchw.npy", {f32({1, 2, 2, 3})}), HasSubstr("--sample-layout nchw says"));
    Preprocess p;
    diag.clear();
    p.layout = SampleLayout::nhwc;
    EXPECT_THAT(values("nhwc.npy", f32({1, 3, 2, 2}), p, 1), ElementsAre(12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23));
    EXPECT_THAT(values("nhwc.npy", f32({1, 2, 2, 3}), p, 1), ElementsAre(12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
    write_array("rows.npy", Tensor::of<float>({2, 12}, {v.begin(), v.begin() + 24}));
    EXPECT_THAT(values("rows.npy", f32({1, 3, 2, 2}), p, 0), ElementsAre(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11));
    p.layout = SampleLayout::nchw;
    EXPECT_THAT(values("nchw.npy", f32({1, 2, 2, 3}), p, 0), ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    // Channels that no rule knows (2): the dimensions themselves tell.
    write_array("odd.npy", Tensor::of<float>({1, 3, 5, 2}, v));
    p.layout = SampleLayout::nhwc;
    EXPECT_THAT(values("odd.npy", f32({1, 2, 3, 5}), p, 0)[1], 2);
    write_array("cube.npy", Tensor::of<float>({3, 2, 2, 2}, {v.begin(), v.begin() + 24}));
    EXPECT_THAT(error(DiagId::samples_invalid, "cube.npy", {f32({1, 2, 2, 2})}, p), HasSubstr("in both dimension orders"));
    // Mean by channel on an array of pixels, turned.
    write_array("pixels.npy", Tensor::of<uint8_t>({1, 1, 2, 3}, {10, 20, 30, 40, 50, 60}));
    p.range = {0.0f, 255.0f};
    p.mean = {1, 2, 3};
    SampleSpec spec = f32({1, 3, 1, 2});
    EXPECT_THAT(values("pixels.npy", spec, p, 0), ElementsAre(9, 39, 18, 48, 27, 57));
    p.bgr = true;
    EXPECT_THAT(values("pixels.npy", spec, p, 0), ElementsAre(29, 59, 18, 48, 7, 37));
}

TEST_F(Samples, SelectionsNamesAndLimits) {
    std::vector<float> v(10);
    for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
    write_array("a.npy", Tensor::of<float>({10, 1}, v));
    write_array("l.npy", Tensor::of<uint8_t>({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    const SampleSpec x = f32({1, 1});
    auto first_and_count = [&](const std::string& name, const SampleLimits& limits = {}) {
        const auto set = read(name, {x}, {}, limits);
        return set.ok() ? std::pair{set->names[0], set->samples.size()} : std::pair{std::string("failed"), size_t{0}};
    };
    EXPECT_EQ(first_and_count("a.npy"), std::pair(std::string("a.npy[0]"), size_t{10}));
    EXPECT_EQ(first_and_count("a.npy[2:5]"), std::pair(std::string("a.npy[2]"), size_t{3}));
    EXPECT_EQ(first_and_count("a.npy[:4]"), std::pair(std::string("a.npy[0]"), size_t{4}));
    EXPECT_EQ(first_and_count("a.npy[-3:]"), std::pair(std::string("a.npy[7]"), size_t{3}));
    EXPECT_EQ(first_and_count("a.npy[2:8]", {.first = 1, .last = {}, .max_samples = 2}), std::pair(std::string("a.npy[3]"), size_t{2}));
    EXPECT_THAT(error(DiagId::samples_invalid, "a.npy[5:11]", {x}), HasSubstr("holds 10 samples, of which [5:11]"));
    EXPECT_THAT(error(DiagId::samples_invalid, "a.npy[5:5]", {x}), HasSubstr("selects none"));
    error(DiagId::file_unreadable, "a.npy[x:5]", {x});
    error(DiagId::file_unreadable, "none.npy", {x});
    diag.clear();
    const auto labels = read_labels(folder.path() / "l.npy[3:6]", diag);
    ASSERT_TRUE(labels.ok());
    EXPECT_THAT(*labels, ElementsAre(3, 4, 5));
    write_array("empty.npy", Tensor::of<float>({0, 1}, {}));
    EXPECT_THAT(error(DiagId::samples_invalid, "empty.npy", {x}), HasSubstr("holds no samples"));
    // A file whose name ends like a selection is that file.
    write_array("b[0:1]", Tensor::of<float>({10, 1}, v));
    EXPECT_EQ(split_selection((folder.path() / "b[0:1]").string()).first.filename(), "b[0:1]");
}

TEST_F(Samples, ArchivesGiveSeveralInputsAndLabels) {
    const Tensor a = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), b = Tensor::of<float>({2, 1}, {7, 8}),
                 l = Tensor::of<int64_t>({2}, {1, 0});
    ASSERT_TRUE(write_npz(at("io.npz"), {{"h0", b}, {"mfcc_0", a}, {"labels", l}, {"outputs", b}}, diag).ok());
    SampleSpec mfcc = f32({1, 3}), h0 = f32({1, 1});
    mfcc.name = "mfcc:0", h0.name = "h0";
    const auto set = read("io.npz", {mfcc, h0});
    ASSERT_TRUE(set.ok());
    ASSERT_EQ(set->samples.size(), 2u);
    EXPECT_THAT(set->samples[1][0].data<float>(), ElementsAre(4, 5, 6));
    EXPECT_THAT(set->samples[1][1].data<float>(), ElementsAre(8));
    EXPECT_THAT(set->labels, ElementsAre(1, 0));
    SampleSpec other = h0;
    other.name = "state";
    EXPECT_THAT(error(DiagId::samples_invalid, "io.npz", {mfcc, other}),
                HasSubstr("holds no array for input `state`; it has `h0`, `mfcc_0`"));
    ASSERT_TRUE(write_npz(at("one.npz"), {{"inputs", a}, {"outputs", b}}, diag).ok());
    EXPECT_THAT(values("one.npz", f32({1, 3}), {}, 1), ElementsAre(4, 5, 6));
    ASSERT_TRUE(write_npz(at("uneven.npz"), {{"h0", Tensor::of<float>({3, 1}, {1, 2, 3})}, {"mfcc_0", a}}, diag).ok());
    EXPECT_THAT(error(DiagId::samples_invalid, "uneven.npz", {mfcc, h0}),
                HasSubstr("holds 2 samples for input `mfcc:0` and 3 for input `h0`"));
    ASSERT_TRUE(write_npz(at("labels.npz"), {{"a", a}, {"labels", Tensor::of<int8_t>({3}, {1, 2, 3})}}, diag).ok());
    EXPECT_THAT(error(DiagId::labels_invalid, "labels.npz", {f32({1, 3})}), HasSubstr("3 labels for 2 samples"));
    write_array("a.npy", a);
    EXPECT_THAT(error(DiagId::samples_invalid, "a.npy", {mfcc, h0}), HasSubstr("an .npz with one array for each"));
}

TEST_F(Samples, FoldersAndLists) {
    const SampleSpec x = f32({1, 2});
    const Preprocess p = range(0, 255);
    write_png("c/dog/b.png", 2, 1, 1, {3, 4});
    write_png("c/dog/a.png", 2, 1, 1, {1, 2});
    write_png("c/cat/z.PNG", 2, 1, 1, {5, 6});
    write("c/dog/notes.md", "hello");
    auto set = read("c", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_THAT(set->names, ElementsAre("cat/z.PNG", "dog/a.png", "dog/b.png"));
    EXPECT_THAT(set->labels, ElementsAre(0, 1, 1));
    EXPECT_THAT(set->class_names, ElementsAre("cat", "dog"));
    EXPECT_THAT(set->samples[1][0].data<float>(), ElementsAre(1, 2));
    ASSERT_EQ(diag.all().size(), 1u);
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("1 file of another kind left out, `notes.md` first"));
    set = read("c[1:]", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_THAT(set->labels, ElementsAre(1, 1));
    const auto labels = read_labels(folder.path() / "c", diag);
    ASSERT_TRUE(labels.ok());
    EXPECT_THAT(*labels, ElementsAre(0, 1, 1));
    // Subfolders that are numbers are the labels themselves.
    write_png("n/7/a.png", 2, 1, 1, {1, 2});
    write_png("n/10/a.png", 2, 1, 1, {3, 4});
    set = read("n", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_THAT(set->labels, ElementsAre(10, 7));
    EXPECT_TRUE(set->class_names.empty());
    write_png("n/a.png", 2, 1, 1, {1, 2});
    EXPECT_THAT(error(DiagId::samples_invalid, "n", {x}, p), HasSubstr("beside class subfolders"));
    fs::create_directory(at("none"));
    EXPECT_THAT(error(DiagId::samples_invalid, "none", {x}, p), HasSubstr("holds no samples"));

    write("list.txt", "# pictures\nc/dog/a.png 4\n\n  c/cat/z.PNG   5 \r\nwith blank.png 6\n");
    write_png("with blank.png", 2, 1, 1, {8, 9});
    set = read("list.txt", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_THAT(set->labels, ElementsAre(4, 5, 6));
    EXPECT_THAT(set->names, ElementsAre("c/dog/a.png", "c/cat/z.PNG", "with blank.png"));
    write("named.txt", "c/dog/a.png dog\nc/cat/z.PNG cat\n");
    set = read("named.txt", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_THAT(set->labels, ElementsAre(1, 0));
    EXPECT_THAT(set->class_names, ElementsAre("cat", "dog"));
    write("plain.txt", "c/dog/a.png\nwith blank.png\n");
    set = read("plain.txt", {x}, p);
    ASSERT_TRUE(set.ok());
    EXPECT_TRUE(set->labels.empty());
    write("bad.txt", "c/dog/a.png 1\nc/dog/c.png 2\n");
    EXPECT_THAT(error(DiagId::samples_invalid, "bad.txt", {x}, p), HasSubstr("line 2: there is no file `c/dog/c.png`"));
    write("half.txt", "c/dog/a.png 1\nc/dog/b.png\n");
    EXPECT_THAT(error(DiagId::labels_invalid, "half.txt", {x}, p), HasSubstr("sample 1 has no label"));
    write("mixed.txt", "c/dog/a.png 1\nc/dog/b.png dog\n");
    EXPECT_THAT(error(DiagId::labels_invalid, "mixed.txt", {x}, p), HasSubstr("some are names (`dog`)"));
}

TEST_F(Samples, RawTensors) {
    const SampleSpec x = f32({1, 2});
    const float reals[] = {1.5f, -2};
    const std::string bytes(reinterpret_cast<const char*>(reals), sizeof reals);
    write("r/a.bin", bytes);
    write("r/b.txt", "3.5 4");
    write_array("r/c.npy", Tensor::of<float>({1, 2}, {5, 6}));
    EXPECT_THAT(values("r", x, {}, 0), ElementsAre(1.5f, -2));
    EXPECT_THAT(values("r", x, {}, 1), ElementsAre(3.5f, 4));
    EXPECT_THAT(values("r", x, {}, 2), ElementsAre(5, 6));
    EXPECT_THAT(values("r/a.bin", x), ElementsAre(1.5f, -2));
    const SampleSpec q{"x", {1, 2}, DType::int8, Quant::tensor(0.5f, 1), SampleLayout::model};
    EXPECT_THAT(values("r/a.bin", q), ElementsAre(4, -3));
    write("s/a.bin", "\x01\x80");
    EXPECT_THAT(values("s", q), ElementsAre(1, -128));
    EXPECT_THAT(values("s", x, range(0, 255)), ElementsAre(1, 128));
    EXPECT_THAT(error(DiagId::samples_invalid, "s", {x}), HasSubstr("--image-range when they are pixels"));
    write("s/a.bin", "abc");
    EXPECT_THAT(error(DiagId::samples_invalid, "s", {x}), HasSubstr("has 3 bytes, input `x` f32[1,2] takes 8"));
    write_array("r/c.npy", Tensor::of<float>({2, 2}, {5, 6, 7, 8}));
    EXPECT_THAT(error(DiagId::samples_invalid, "r", {x}), HasSubstr("holds 2 samples, one was expected"));
}

TEST_F(Samples, DamagedPicturesAreAllNamed) {
    write("d/a.png", "no picture");
    write_png("d/b.png", 2, 1, 1, {1, 2});
    write("d/c.jpg", "\xff\xd8\xff nor this");
    EXPECT_FALSE(read("d", {f32({1, 2})}, range(0, 1)).ok());
    ASSERT_EQ(diag.errors(), 2);
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("a.png: error: is not a PNG or JPEG picture"));
    EXPECT_THAT(diag.all()[1].text(), HasSubstr("c.jpg: error: "));
    EXPECT_EQ(diag.all()[1].id, DiagId::picture_invalid);
}

TEST_F(Samples, JpegIsRead) {
    const std::vector<uint8_t> flat(16 * 16 * 3, 200);
    ASSERT_TRUE(stbi_write_jpg(at("p.jpg").c_str(), 16, 16, 3, flat.data(), 95));
    for (const float v : values("p.jpg", f32({1, 3, 16, 16}), range(0, 255))) EXPECT_NEAR(v, 200, 2);
}

TEST_F(Samples, LabelFiles) {
    auto labels = [&](const std::string& text) {
        write("l.txt", text);
        diag.clear();
        const auto l = read_labels(folder.path() / "l.txt", diag);
        return l.ok() ? *l : std::vector<int64_t>{-999};
    };
    EXPECT_THAT(labels("3\n1\n# no\n\n2\n"), ElementsAre(3, 1, 2));
    EXPECT_THAT(labels("a.png 3\nb.png 1\n"), ElementsAre(3, 1));
    EXPECT_THAT(labels("a.png cat\nb.png ant\n"), ElementsAre(1, 0));
    EXPECT_THAT(labels("three\n"), ElementsAre(-999));
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("line 1: `three` is not an integer"));
    EXPECT_THAT(labels("# none\n"), ElementsAre(-999));
    EXPECT_EQ(diag.all()[0].id, DiagId::labels_invalid);
    write_array("f.npy", Tensor::of<float>({2}, {1, 2}));
    EXPECT_FALSE(read_labels(folder.path() / "f.npy", diag).ok());
    EXPECT_THAT(diag.all()[1].text(), HasSubstr("labels are one integer a sample; this is float32 [2]"));
}

TEST(PreprocessOptions, AreParsedAndCheckedAgainstEachOther) {
    Diagnostics diag;
    EXPECT_EQ(*parse_image_range("-1..1", diag), std::pair(-1.0f, 1.0f));
    EXPECT_EQ(*parse_image_range("0..255", diag), std::pair(0.0f, 255.0f));
    EXPECT_THAT(*parse_floats("0.5, 1,-2e-1", "--image-mean", diag), ElementsAre(0.5f, 1, -0.2f));
    for (const char* bad : {"", "1", "1..0", "0..0", "a..b", "0..inf", "..1"}) EXPECT_FALSE(parse_image_range(bad, diag).ok()) << bad;
    for (const char* bad : {"", "1,,2", "x", "nan"}) EXPECT_FALSE(parse_floats(bad, "--image-std", diag).ok()) << bad;
    EXPECT_EQ(diag.all().back().id, DiagId::bad_option);
    auto errors = [](auto change) {
        Preprocess p;
        p.range = {0.0f, 1.0f};
        change(p);
        Diagnostics d;
        const bool good = check_preprocess(p, d).ok();
        EXPECT_EQ(good, d.errors() == 0);
        return d.errors();
    };
    EXPECT_EQ(errors([](Preprocess& p) { p.mean = {1, 2, 3}, p.std = {1}; }), 0);
    EXPECT_EQ(errors([](Preprocess& p) { p.sample_scale = 1; }), 1);
    EXPECT_EQ(errors([](Preprocess& p) { p.range.reset(), p.mean = {1}, p.std = {1}; }), 2);
    EXPECT_EQ(errors([](Preprocess& p) { p.sample_zero = 1; }), 1);
    EXPECT_EQ(errors([](Preprocess& p) { p.range.reset(), p.sample_scale = 0; }), 1);
    EXPECT_EQ(errors([](Preprocess& p) { p.std = {1, 0}; }), 1);
    EXPECT_EQ(errors([](Preprocess& p) { p.mean = {1, 2}, p.std = {1, 2, 3}; }), 1);
}

TEST(PreprocessOptions, MergeRefusesContradictions) {
    Preprocess recorded;
    recorded.range = {0.0f, 1.0f};
    recorded.mean = {0.5f};
    Diagnostics diag;
    auto merged = [&](auto change) {
        Preprocess given;
        change(given);
        diag.clear();
        return merge_preprocess(recorded, given, "profile.yaml", diag);
    };
    EXPECT_EQ(*merged([](Preprocess&) {}), recorded);
    EXPECT_EQ(*merged([](Preprocess& g) { g.range = {0.0f, 1.0f}; }), recorded);
    EXPECT_EQ(merged([](Preprocess& g) { g.layout = SampleLayout::nhwc; })->layout, SampleLayout::nhwc);
    EXPECT_FALSE(merged([](Preprocess& g) { g.range = {-1.0f, 1.0f}; }).ok());
    EXPECT_EQ(diag.all()[0].text(),
              "profile.yaml: error: was made with --image-range 0..1, which --image-range -1..1 contradicts [preprocess-conflict]");
    EXPECT_FALSE(merged([](Preprocess& g) { g.mean = {0.25f}; }).ok());
    EXPECT_FALSE(merged([](Preprocess& g) { g.std = {0.25f}; }).ok());
    EXPECT_FALSE(merged([](Preprocess& g) { g.bgr = true; }).ok());
    // Another kind of samples is no contradiction.
    const auto scaled = merged([](Preprocess& g) { g.sample_scale = 0.5f, g.sample_zero = 3; });
    ASSERT_TRUE(scaled.ok());
    EXPECT_FALSE(scaled->range.has_value());
    EXPECT_TRUE(scaled->mean.empty());
    recorded = *scaled;
    EXPECT_FALSE(merged([](Preprocess& g) { g.sample_scale = 0.25f; }).ok());
    EXPECT_FALSE(merged([](Preprocess& g) { g.sample_scale = 0.5f, g.sample_zero = 4; }).ok());
    EXPECT_TRUE(merged([](Preprocess& g) { g.range = {0.0f, 1.0f}, g.mean = {1}; }).ok());
}

// ---------------------------------------------------------------------------------------------------------------------------------
TEST(KitSamples, MnistArrayAndPictures) {
    GW_REQUIRE_KIT("data/mnist_test_images.npy");
    Diagnostics diag;
    const auto set = read_samples(kit_file("data/mnist_test_images.npy"), {f32({1, 1, 28, 28})}, range(0, 1), {}, diag);
    ASSERT_TRUE(set.ok());
    ASSERT_EQ(set->samples.size(), 5000u);
    double sum = 0;
    for (const auto& s : set->samples)
        for (const float v : s[0].data<float>()) sum += v;
    EXPECT_NEAR(sum / (5000 * 784), 0.13, 0.01);  // MNIST's published mean is 0.1307
    EXPECT_EQ(read_labels(kit_file("data/mnist_test_labels.npy"), diag)->size(), 5000u);
    const auto pictures = read_samples(kit_file("data/mnist_calib"), {f32({1, 28, 28, 1})}, range(0, 1), {}, diag);
    ASSERT_TRUE(pictures.ok());
    EXPECT_EQ(pictures->samples.size(), 100u);
    EXPECT_TRUE(pictures->labels.empty());
}

TEST(KitSamples, SpeechFeaturesAndColourPictures) {
    GW_REQUIRE_KIT("data/kws01_inputs.npy");
    Diagnostics diag;
    Preprocess p;
    p.sample_scale = 0.5847029089927673f;
    p.sample_zero = 83;
    const auto speech = read_samples(kit_file("data/kws01_inputs.npy[100:500]"), {f32({1, 49, 10, 1})}, p, {}, diag);
    ASSERT_TRUE(speech.ok());
    EXPECT_EQ(speech->samples.size(), 400u);
    EXPECT_EQ(speech->names[0], "kws01_inputs.npy[100]");
    const auto array = read_npy(kit_file("data/kws01_inputs.npy"), diag);
    EXPECT_FLOAT_EQ(speech->samples[2][0].data<float>()[17], static_cast<float>(array->at(102 * 490 + 17) - 83) * 0.5847029089927673f);
    Preprocess colours = range(0, 1);
    colours.mean = {0.4914f, 0.4822f, 0.4465f};
    colours.std = {0.2470f, 0.2435f, 0.2616f};
    EXPECT_FALSE(read_samples(kit_file("data/cifar10_test_images.npy"), {f32({1, 3, 32, 32})}, colours, {}, diag).ok());
    colours.layout = SampleLayout::nhwc;
    const auto cifar = read_samples(kit_file("data/cifar10_test_images.npy"), {f32({1, 3, 32, 32})}, colours, {}, diag);
    ASSERT_TRUE(cifar.ok());
    const auto pixels = read_npy(kit_file("data/cifar10_test_images.npy"), diag);
    const double blue = pixels->at(3 * 3072 + (5 * 32 + 7) * 3 + 2);
    EXPECT_FLOAT_EQ(cifar->samples[3][0].data<float>()[2 * 1024 + 5 * 32 + 7], static_cast<float>((blue / 255 - 0.4465f) / 0.2616f));
}

}  // namespace
}  // namespace gw
