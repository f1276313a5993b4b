// Profiles: counting, adding, the text form, and collecting over a graph.
#include "calibrate/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/files.h"
#include "calibrate/collect.h"
#include "interp/interp.h"

namespace gw {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float inf = std::numeric_limits<float>::infinity();

TensorProfile recorded(const std::vector<float>& values, const std::string& name = "t") {
    Recorder r;
    r.add(values);
    return r.profile(name);
}

// The definition, one value at a time.
TensorProfile by_definition(const std::vector<float>& values) {
    TensorProfile p;
    p.name = "t";
    for (float v : values) {
        if (!std::isfinite(v)) {
            ++p.nonfinite;
            continue;
        }
        if (v == 0) v = 0;
        p.min = p.count == 0 ? v : std::min(p.min, v);
        p.max = p.count == 0 ? v : std::max(p.max, v);
        ++p.count;
        ++p.histogram[bin_of(v)];
    }
    return p;
}

TEST(Recorder, EqualsTheDefinitionForEveryKindOfFloat) {
    std::mt19937 random(5);
    for (int round = 0; round < 40; ++round) {
        std::vector<float> v(static_cast<size_t>(random() % 6000));
        for (float& x : v) {
            switch (random() % 8) {
                case 0:
                    x = 0;
                    break;
                case 1:
                    x = -0.0f;
                    break;
                case 2:
                    x = std::bit_cast<float>(static_cast<uint32_t>(random()));
                    break;  // anything: NaN, infinities, subnormals
                case 3:
                    x = std::bit_cast<float>(static_cast<uint32_t>(random() & 0x800fffff));
                    break;
                case 4:
                    x = round % 3 == 0 ? inf : 1;
                    break;
                default:
                    x = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 64;
                    break;
            }
        }
        if (round % 4 == 1)
            for (float& x : v) x = -std::fabs(x);
        const TensorProfile got = recorded(v), want = by_definition(v);
        EXPECT_EQ(got, want) << round;
        EXPECT_FALSE(std::signbit(got.min) && got.min == 0);
    }
    EXPECT_EQ(recorded({}), by_definition({}));
    EXPECT_EQ(recorded({inf, NAN}).count, 0);
}

TEST(Bins, BoundsHoldTheirValues) {
    for (const float v : {1.0f, -1.0f, 1.999f, 0.1f, -3e-39f, 1e-45f, 3.4e38f, -3.4e38f}) {
        const BinBounds b = bin_bounds(bin_of(v));
        EXPECT_LE(b.low, v);
        EXPECT_GE(b.high, v);
    }
    EXPECT_EQ(bin_bounds(bin_of(1.0f)).low, 1.0);
    EXPECT_EQ(bin_bounds(bin_of(1.0f)).high, 1.0625);
    EXPECT_EQ(bin_bounds(bin_of(-1.0f)).low, -1.0625);
    EXPECT_EQ(bin_bounds(bin_of(-1.0f)).high, -1.0);
    EXPECT_EQ(bin_bounds(bin_of(3.4e38f)).high, 0x1p128);
    EXPECT_EQ(bin_of(-0.0f), zero_bin);
}

// x [1,2] → dense "fc" → clamp without a tensor name → y.
Module small_model() {
    Module m;
    m.file = "small.onnx";
    m.sha256 = std::string(64, 'a');
    Graph& g = m.graphs.emplace_back();
    const ValueId x = g.add_input("x", {DType::float32, {1, 2}, {}});
    const ValueId w = g.add_constant(Tensor::of<float>({3, 2}, {1, 2, -1, 0.5f, 0, -3}), "w");
    const ValueId fc = g.must_add(Dense{}, {x, w, {}}, {{"fc", "Gemm", 0}});
    g[fc].source = "fc_out";
    Unary clamp{UnaryKind::clamp};
    clamp.alpha = 0, clamp.beta = 6;
    const ValueId relu = g.must_add(clamp, {fc}, {{"act", "Clip", 1}});
    const ValueId twice = g.must_add(Binary{}, {relu, relu}, {{"act", "Clip", 1}});
    g.add_output("y", twice);
    return m;
}

SampleSet random_samples(int n, uint32_t seed) {
    std::mt19937 random(seed);
    SampleSet s;
    for (int i = 0; i < n; ++i) {
        std::vector<float> v(2);
        for (float& x : v) x = static_cast<float>(static_cast<int>(random() % 4001) - 2000) / 333;
        s.samples.push_back({Tensor::of<float>({1, 2}, v)});
    }
    return s;
}

Preprocess some_preprocess() {
    Preprocess p;
    p.range = {-1.0f, 1.0f};
    p.mean = {0.1f, 0.2f, 0.3f};
    p.std = {0.25f};
    p.bgr = true;
    return p;
}

TEST(Collect, RecordsEveryFloatValueUnderItsName) {
    Diagnostics diag;
    SampleSet s;
    s.samples = {{Tensor::of<float>({1, 2}, {1, 2})}, {Tensor::of<float>({1, 2}, {-4, 0})}};
    int64_t last = 0;
    const auto p = collect(small_model(), s, {}, diag, [&](int64_t done, int64_t total) {
        EXPECT_EQ(total, 2);
        last = done;
    });
    ASSERT_TRUE(p.ok());
    EXPECT_EQ(last, 2);
    EXPECT_EQ(p->samples, 2);
    EXPECT_EQ(p->model_sha256, std::string(64, 'a'));
    std::vector<std::string> names;
    for (const TensorProfile& t : p->tensors) names.push_back(t.name);
    EXPECT_THAT(names, ElementsAre("x", "fc_out", "act#0", "act#0~2"));
    EXPECT_EQ(*p->find("x"), recorded({1, 2, -4, 0}, "x"));
    EXPECT_EQ(*p->find("fc_out"), recorded({5, 0, -6, -4, 4, 0}, "fc_out"));
    EXPECT_EQ(*p->find("act#0"), recorded({5, 0, 0, 0, 4, 0}, "act#0"));
    EXPECT_EQ(p->find("w"), nullptr);
    s.samples = {{Tensor::of<float>({1, 3}, {1, 2, 3})}};
    EXPECT_FALSE(collect(small_model(), s, {}, diag).ok());
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("has f32[1,3] for input `x`, which is f32[1,2]"));
    s.samples = {{Tensor::of<float>({1, 2}, {inf, 1})}};
    diag.clear();
    EXPECT_TRUE(collect(small_model(), s, {}, diag).ok());
    EXPECT_EQ(diag.errors(), 0);
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("tensor `x` has 1 infinite or NaN values"));
}

TEST(Collect, KeepsAStateOverASequence) {
    Module m;
    m.graphs.emplace_back();
    Graph& g = m.graphs[0];
    const ValueId x = g.add_input("x", {DType::float32, Shape{1}, {}}), sum = g.add_state("sum", Tensor::of<float>({1}, {10}));
    g.states[0].next = g.must_add(Binary{BinaryKind::add}, {x, sum}, {{"more", "Add", 0}});
    g.add_output("y", g.states[0].next);
    SampleSet s;
    for (int k = 0; k < 6; ++k) s.samples.push_back({Tensor::of<float>({1}, {1})});
    Diagnostics diag;
    for (const auto& [sequence, most] : {std::pair<int64_t, float>{1, 10}, {2, 11}, {0, 15}}) {
        const auto p = collect(m, s, {}, diag, {}, sequence);
        ASSERT_TRUE(p.ok());
        EXPECT_EQ(p->find("sum")->min, 10);
        EXPECT_EQ(p->find("sum")->max, most) << sequence;
    }
}

TEST(Collect, TakesSamplesInTheModelsOwnOrder) {
    Module m;
    Graph& g = m.graphs.emplace_back();
    const ValueId x = g.add_input("x", {DType::float32, {1, 2, 1, 3}, {}});  // NHWC of a model's NCHW [1,3,2,1]
    g.inputs[0].perm = {0, 2, 3, 1};
    Unary neg{UnaryKind::neg};
    g.add_output("y", g.must_add(neg, {x}, {{"neg", "Neg", 0}}));
    const std::vector<SampleSpec> specs = sample_specs(g);
    EXPECT_EQ(specs[0].shape, (Shape{1, 3, 2, 1}));
    EXPECT_EQ(specs[0].order, SampleLayout::nchw);
    SampleSet s;
    s.samples = {{Tensor::of<float>({1, 3, 2, 1}, {1, 2, 3, 4, 5, 6})}};
    Diagnostics diag;
    EXPECT_TRUE(collect(m, s, {}, diag).ok());
}

TEST(Merge, OfPartsEqualsTheWholeExactly) {
    Diagnostics diag;
    const Module m = small_model();
    SampleSet all = random_samples(301, 1), a, b;
    a.samples.assign(all.samples.begin(), all.samples.begin() + 117);
    b.samples.assign(all.samples.begin() + 117, all.samples.end());
    const auto whole = collect(m, all, {}, diag), first = collect(m, a, {}, diag), second = collect(m, b, {}, diag);
    EXPECT_EQ(*merge(std::vector{*first, *second}, diag), *whole);
    EXPECT_EQ(*merge(std::vector{*second, *first}, diag), *whole);
    EXPECT_EQ(*merge(std::vector{*whole}, diag), *whole);
    EXPECT_NE(*first, *whole);
    Profile none = *first;
    none.samples = 0;
    for (TensorProfile& t : none.tensors) t = recorded({}, t.name);
    EXPECT_EQ(*merge(std::vector{none, *whole}, diag), *whole) << "0 is the minimum of no values only";
    EXPECT_EQ(diag.errors(), 0);
}

TEST(Merge, RefusesWhatDoesNotBelongTogether) {
    Diagnostics diag;
    const auto a = collect(small_model(), random_samples(3, 1), {}, diag);
    auto refused = [&](auto change) {
        Profile b = *a;
        change(b);
        diag.clear();
        EXPECT_FALSE(merge(std::vector{*a, b}, diag).ok());
        EXPECT_EQ(diag.all()[0].id, DiagId::profile_mismatch);
        return diag.all()[0].text();
    };
    EXPECT_THAT(refused([](Profile& p) { p.model_sha256[0] = 'b'; }), HasSubstr("cannot be merged with one of small.onnx (baaaaaaaaaaa…)"));
    EXPECT_THAT(refused([](Profile& p) { p.preprocess.range = {0.0f, 1.0f}; }), HasSubstr("different preprocessing"));
    EXPECT_THAT(refused([](Profile& p) { p.tensors[1].name = "z"; }), HasSubstr("different tensors"));
    EXPECT_THAT(refused([](Profile& p) { p.tensors.pop_back(); }), HasSubstr("different tensors"));
    Profile laid_out = *a;
    laid_out.preprocess.layout = SampleLayout::nhwc;
    EXPECT_TRUE(merge(std::vector{*a, laid_out}, diag).ok());
}

TEST(ProfileYaml, ReadsBackEqual) {
    Diagnostics diag;
    auto p = collect(small_model(), random_samples(50, 9), some_preprocess(), diag);
    p->model_file = "we \"said\": so # ü\n.onnx";
    std::mt19937 random(3);
    std::vector<float> wild;
    for (int i = 0; i < 3000; ++i) wild.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
    p->tensors.push_back(recorded(wild, "a: {b}, [c] 'd' \\ \t\x01"));
    p->tensors.push_back(recorded({}, "true"));
    p->tensors.push_back(recorded({1e-45f, -0.0f, 0.1f}, ""));
    const std::string text = profile_yaml(*p);
    const auto back = parse_profile(text, "p.yaml", diag);
    ASSERT_TRUE(back.ok()) << diag.all()[0].text();
    EXPECT_EQ(*back, *p);
    EXPECT_EQ(profile_yaml(*back), text);
    Profile scaled{"m", "h", {}, 0, {}};
    scaled.preprocess.sample_scale = 0.5847029089927673f;
    scaled.preprocess.sample_zero = -83;
    scaled.preprocess.resize = true;
    scaled.preprocess.layout = SampleLayout::nhwc;
    TemporaryFolder folder;
    ASSERT_TRUE(write_profile(folder.path() / "profile.yaml", scaled, diag).ok());
    EXPECT_EQ(*read_profile(folder.path() / "profile.yaml", diag), scaled);
    EXPECT_EQ(diag.errors(), 0);
}

TEST(ProfileYaml, FaultsAreLocated) {
    const Profile good{"m.onnx", "abc", some_preprocess(), 2, {recorded({1, 2, -3, 0, 0}, "x"), recorded({5}, "y")}};
    const std::string text = profile_yaml(good);
    auto error = [&](const std::string& from, const std::string& to) {
        std::string t = text;
        const size_t at = t.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        if (at != std::string::npos) t.replace(at, from.size(), to);
        Diagnostics diag;
        EXPECT_FALSE(parse_profile(t, "p.yaml", diag).ok()) << to;
        EXPECT_EQ(diag.errors(), 1);
        if (diag.all().empty()) return std::string();
        EXPECT_EQ(diag.all()[0].id, DiagId::profile_invalid);
        return diag.all()[0].text();
    };
    auto line_of = [&](const std::string& s) {
        return fmt::format("p.yaml: error: line {}: ", std::count(text.begin(), text.begin() + static_cast<long>(text.find(s)), '\n') + 1);
    };
    EXPECT_THAT(error("schema: 1", "schema: 2"), HasSubstr("line 3: this glowworm reads schema 1"));
    EXPECT_THAT(error("schema: 1\n", ""), HasSubstr("key `schema` is missing"));
    EXPECT_THAT(error("samples: 2", "samples: two"), HasSubstr(line_of("samples: 2") + "an integer was expected, `two` found"));
    EXPECT_THAT(error("samples: 2", "samples: -2"), HasSubstr("a count was expected"));
    EXPECT_THAT(error("samples: 2", "sample: 2"), HasSubstr("unknown key `sample`"));
    EXPECT_THAT(error("samples: 2", "samples: 2\nsamples: 3"), HasSubstr("key `samples` is there twice"));
    EXPECT_THAT(error("min: -3", "min: -3.5"), HasSubstr("min and max do not lie in the outermost bins"));
    EXPECT_THAT(error("max: 2", "max: 9"), HasSubstr("min and max do not lie in the outermost bins"));
    EXPECT_THAT(error("min: -3", "min: .inf"), HasSubstr(line_of("min: -3") + "a number was expected, `.inf` found"));
    EXPECT_THAT(error("min: -3", "min: inf"), HasSubstr("a finite number was expected"));
    EXPECT_THAT(error("zeros: 2", "zeros: 3"),
                HasSubstr(line_of("- name: \"x\"") + "tensor `x`: zeros and bins add up to 6, `count` says 5"));
    EXPECT_THAT(error("name: \"y\"", "name: \"x\""), HasSubstr(line_of("- name: \"y\"") + "the tensor is there twice"));
    EXPECT_THAT(error("bins: {", "bins: {8192: 1, "), HasSubstr("there is no bin 8192"));
    EXPECT_THAT(error("bins: {", "bins: {4080: 1, "), HasSubstr("there is no bin 4080"));
    EXPECT_THAT(error("bins: {", "bins: {7: 0, "), HasSubstr("an empty bin"));
    EXPECT_THAT(error("bins: {", "bins: {7: 1, 7: 1, "), HasSubstr("bin 7 is there twice"));
    EXPECT_THAT(error("bins: {", "bins: [1]\n    b: {"), HasSubstr("unknown key `b`"));
    EXPECT_THAT(error("image_order: bgr", "image_order: gbr"), HasSubstr("`gbr` is none of rgb, bgr"));
    EXPECT_THAT(error("image_range: [-1, 1]", "image_range: [-1]"), HasSubstr("a range has two numbers"));
    EXPECT_THAT(error("image_range: [-1, 1]", "image_range: [-1, 1"), HasSubstr("is not YAML"));
    EXPECT_THAT(error("tensor_count: 2", "tensor_count: 3"), HasSubstr(line_of("tensor_count") + "3 tensors are announced, 2 are there"));
    EXPECT_THAT(error("tensors:", "tensors: 3\nx:"), HasSubstr("unknown key `x`"));
    for (const char* junk : {"", "[]", "3", "a: b: c", "{", "\t", "- x", "*a", "&a [*a]"}) {
        Diagnostics diag;
        EXPECT_FALSE(parse_profile(junk, "p.yaml", diag).ok()) << junk;
        EXPECT_EQ(diag.errors(), 1) << junk;
    }
    // Every truncation is refused or, where only trailing line ends are gone, equal.
    for (size_t n = 0; n < text.size(); ++n) {
        Diagnostics diag;
        const auto p = parse_profile(text.substr(0, n), "p.yaml", diag);
        if (p.ok()) {
            EXPECT_EQ(*p, good) << n;
        }
    }
}

}  // namespace
}  // namespace gw
