// The command line's promises: exit statuses, one JSON object with --json, old bundles untouched, and a broken kernel caught by name.
#include <algorithm>
#include <regex>

#include "run.h"

namespace gw::testing {
namespace {

class Cli : public ::testing::Test {
protected:
    std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
    // The int8 digit model for an M0+, not measured.
    Said compile(const std::string& to, std::vector<std::string> more = {}) const {
        std::vector<std::string> a = {"compile",   digits(),        "-o",          to,         "--name",        "digits",
                                      "--cpu",     "cortex-m0plus", "--calibrate", pictures(), "--image-range", "0..1",
                                      "--measure", "none",          "--json"};
        a.insert(a.end(), more.begin(), more.end());
        return glowworm(a);
    }
    static bool has_error(const Said& s, const std::string& id) {
        const auto json = s.json();
        if (json.is_discarded()) return s.err.find("[" + id + "]") != std::string::npos;
        return std::any_of(json["errors"].begin(), json["errors"].end(), [&](const auto& e) { return e["id"] == id; });
    }

private:
    TemporaryFolder folder_;
};

TEST_F(Cli, CompileEvaluateAndVerifyOneBundle) {
    const Said c = compile(at("b"));
    ASSERT_EQ(c.status, 0) << c.out;
    EXPECT_TRUE(c.err.empty()) << c.err;
    const auto report = c.json()["report"];
    EXPECT_EQ(report["schema"], 1);
    EXPECT_EQ(report["model"]["parameters"], 1662);
    EXPECT_TRUE(report["cycles"]["total"].is_null());
    EXPECT_EQ(report["cycles"]["reason"], "--measure none");
    EXPECT_EQ(nlohmann::json::parse(text_of(at("b/report.json"))), report);
    for (const char* file : {"digits.h", "digits.c", "digits_weights.c", "digits_private.h", "digits.weights.bin", "digits.weights.txt",
                             "digits.gw", "report.txt", "CMakeLists.txt", "profile.yaml"})
        EXPECT_TRUE(std::filesystem::exists(at(std::string("b/") + file))) << file;
    const Said e = glowworm({"evaluate", at("b"), pictures(), "--labels", source_file("models/digits.txt").string(), "--json"});
    ASSERT_EQ(e.status, 0) << e.out;
    EXPECT_GE(e.json()["accuracy"].get<double>(), 0.95);
    const Said v = glowworm({"verify", at("b"), "--on", "host", "--json"});
    ASSERT_EQ(v.status, 0) << v.out;
    EXPECT_EQ(v.json()["verified"], nlohmann::json::array({"host"}));
}

TEST_F(Cli, SameInputsSameBytes) {
    ASSERT_EQ(compile(at("a")).status, 0);
    ASSERT_EQ(compile(at("b")).status, 0);
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(at("a"))) {
        EXPECT_EQ(text_of(entry.path()), text_of(std::filesystem::path(at("b")) / entry.path().filename())) << entry.path().filename();
        ++files;
    }
    EXPECT_GE(files, 11u);
}

TEST_F(Cli, AProfileGivesTheSameBundleAsItsSamples) {
    ASSERT_EQ(compile(at("a")).status, 0);
    ASSERT_EQ(glowworm({"calibrate", digits(), pictures(), "--image-range", "0..1", "-o", at("p.yaml")}).status, 0);
    const Said c = glowworm({"compile", digits(), "-o", at("b"), "--name", "digits", "--cpu", "cortex-m0plus", "--profile", at("p.yaml"),
                             "--measure", "none", "--json"});
    ASSERT_EQ(c.status, 0) << c.out;
    for (const char* file : {"/digits.c", "/digits_weights.c", "/digits.gw", "/digits.h"})
        EXPECT_EQ(text_of(at("a") + file), text_of(at("b") + file)) << file;
    // What the profile recorded may not be contradicted.
    const Said other =
        glowworm({"compile", digits(), "-o", at("c"), "--profile", at("p.yaml"), "--image-range", "-1..1", "--measure", "none", "--json"});
    EXPECT_EQ(other.status, 1);
    EXPECT_TRUE(has_error(other, "preprocess-conflict")) << other.out;
    const Said evaluated = glowworm(
        {"evaluate", at("b"), pictures(), "--labels", source_file("models/digits.txt").string(), "--image-range", "0..255", "--json"});
    EXPECT_EQ(evaluated.status, 1);
    EXPECT_TRUE(has_error(evaluated, "preprocess-conflict")) << evaluated.out;
}

// A kernel that is wrong by one bit of one weight, one clamp or one index is named, by step, with exit status 3.
TEST_F(Cli, ABrokenKernelIsCaughtAndItsStepNamed) {
    ASSERT_EQ(compile(at("b")).status, 0);
    const auto report = nlohmann::json::parse(text_of(at("b/report.json")));
    const std::string good_c = text_of(at("b/digits.c")), good_w = text_of(at("b/digits_weights.c"));
    for (size_t k = 0; k < report["steps"].size(); ++k) {
        const std::string name = report["steps"][k]["name"], function = report["steps"][k]["function"];
        // The step calls the same kernel on a destination one byte off … or reads one byte further: any place is wrong.
        const size_t body = good_c.find("int " + function + "(");
        ASSERT_NE(body, std::string::npos) << function;
        const size_t source = good_c.find("(const void *)(", body);
        const size_t end = good_c.find("return 0;", body);
        if (source == std::string::npos || source > end) continue;
        std::string broken = good_c;
        broken.insert(source + std::string("(const void *)(").size(), "1 + ");
        put(at("b/digits.c"), broken);
        const Said v = glowworm({"verify", at("b"), "--on", "host", "--json"});
        EXPECT_EQ(v.status, 3) << name << v.out;
        EXPECT_TRUE(has_error(v, "verify-mismatch")) << v.out;
        EXPECT_EQ(v.json()["first_difference"]["name"], name);
        EXPECT_EQ(v.json()["errors"][0]["node_name"], name);
        const Said told = glowworm({"verify", at("b"), "--on", "host"});
        EXPECT_NE(told.err.find(name), std::string::npos) << told.err;
        EXPECT_NE(told.err.find("[verify-mismatch]"), std::string::npos);
    }
    put(at("b/digits.c"), good_c);
    // One weight.
    const std::regex first_weight("(digits_w_[a-zA-Z0-9_]*\\[[0-9]+\\] = \\{\\n\\s*)(-?[0-9]+)");
    std::smatch m;
    ASSERT_TRUE(std::regex_search(good_w, m, first_weight));
    const int weight = std::stoi(m[2]);
    put(at("b/digits_weights.c"), std::regex_replace(good_w, first_weight, "$01" + std::to_string(weight > 0 ? weight - 40 : weight + 40),
                                                     std::regex_constants::format_first_only));
    EXPECT_EQ(glowworm({"verify", at("b"), "--on", "host", "--json"}).status, 3);
    put(at("b/digits_weights.c"), good_w);
    EXPECT_EQ(glowworm({"verify", at("b"), "--on", "host", "--json"}).status, 0);
}

TEST_F(Cli, FilesThatDoNotBelongTogetherAreRefused) {
    ASSERT_EQ(compile(at("b")).status, 0);
    const std::string graph = text_of(at("b/digits.gw")), report = text_of(at("b/report.json"));
    std::string changed = graph;
    changed[changed.find("graph main")] = 'G';
    put(at("b/digits.gw"), changed);
    for (const char* command : {"verify", "profile"}) {
        const Said v = glowworm({command, at("b"), "--json"});
        EXPECT_EQ(v.status, 1) << command;
        EXPECT_TRUE(has_error(v, "bundle-invalid")) << v.out;
    }
    put(at("b/digits.gw"), graph);
    for (const std::string& text :
         {std::string("{"), std::string("[]"), std::string("{\"schema\":1}"), report.substr(0, report.size() / 2)}) {
        put(at("b/report.json"), text);
        const Said v = glowworm({"verify", at("b"), "--json"});
        EXPECT_EQ(v.status, 1);
        EXPECT_TRUE(has_error(v, "bundle-invalid")) << v.out;
    }
}

TEST_F(Cli, AFailedCompileLeavesTheOldBundleUntouched) {
    ASSERT_EQ(compile(at("b")).status, 0);
    std::map<std::string, std::string> before;
    for (const auto& entry : std::filesystem::directory_iterator(at("b"))) before[entry.path().filename()] = text_of(entry.path());
    put(at("broken.onnx"), text_of(digits()).substr(0, 900));
    EXPECT_EQ(glowworm({"compile", at("broken.onnx"), "-o", at("b"), "--precision", "float32", "--measure", "none", "--json"}).status, 1);
    EXPECT_EQ(compile(at("b"), {"--image-mean", "1,2,3,4"}).status, 1);
    std::map<std::string, std::string> after;
    for (const auto& entry : std::filesystem::directory_iterator(at("b"))) after[entry.path().filename()] = text_of(entry.path());
    EXPECT_EQ(before, after);
}

TEST_F(Cli, WhatCannotBeWritten) {
    put(at("file"), "kept");
    const Said s = compile(at("file"));
    EXPECT_EQ(s.status, 1);
    EXPECT_TRUE(has_error(s, "file-unwritable")) << s.out;
    EXPECT_EQ(text_of(at("file")), "kept");
}

TEST_F(Cli, LimitsAreVerdicts) {
    const Said ram = compile(at("b"), {"--ram-limit", "10"});
    EXPECT_EQ(ram.status, 3);
    EXPECT_TRUE(has_error(ram, "limit-exceeded")) << ram.out;
    EXPECT_EQ(compile(at("b"), {"--ram-limit", "100000"}).status, 0);
    // What was not measured cannot be judged.
    const Said cycles = compile(at("c"), {"--cycle-limit", "1000000000"});
    EXPECT_EQ(cycles.status, 1);
    EXPECT_TRUE(has_error(cycles, "limit-exceeded"));
    EXPECT_FALSE(std::filesystem::exists(at("c")));
}

TEST_F(Cli, AccuracyBelowTheMinimumIsAVerdict) {
    const std::vector<std::string> command = {
        "evaluate",      digits(), pictures(), "--labels",      source_file("models/digits.txt").string(),
        "--image-range", "0..1",   "--json",   "--min-accuracy"};
    auto with = [&](const std::string& p) {
        auto c = command;
        c.push_back(p);
        return glowworm(c);
    };
    EXPECT_EQ(with("0.5").status, 0);
    const Said low = with("1.01");
    EXPECT_EQ(low.status, 3);
    EXPECT_TRUE(has_error(low, "accuracy-low")) << low.out;
}

// Wrong use: status 1, the diagnostic, one JSON object with --json and one line on standard error without.
TEST_F(Cli, WrongUseIsOneLineAndStatusOne) {
    const struct {
        const char* id;
        std::vector<std::string> command;
    } cases[] = {
        {"needs-ranges", {"compile", digits(), "-o", at("x"), "--measure", "none"}},
        {"file-unreadable", {"compile", at("nowhere.onnx"), "-o", at("x"), "--precision", "float32"}},
        {"file-unreadable", {"verify", at("nowhere")}},
        {"unknown-core", {"compile", digits(), "-o", at("x"), "--cpu", "cortex-x9", "--precision", "float32"}},
        {"bad-option", {"compile", digits(), "-o", at("x"), "--board", "no-such-board", "--precision", "float32"}},
        {"bad-option", {"compile", digits(), "-o", at("x"), "--precision", "int7"}},
        {"bad-option", {"compile", digits()}},
        {"bad-option", {"no-such-command"}},
        {"bad-option", {}},
        {"bad-option", {"compile", digits(), "-o", at("x"), "--define", "N=0", "--precision", "float32"}},
        {"bad-option", {"run", digits(), pictures(), "--image-range", "0..1", "--on", "cortex-m4"}},
        {"bad-option", {"evaluate", digits(), pictures(), "--image-range", "0..1"}},
        {"preprocess-missing", {"run", digits(), pictures()}},
        {"bad-option", {"compile", digits(), "-o", at("x"), "--calibrate", pictures(), "--image-range", "0..1", "--range", "nonsense"}},
        {"tool-missing",
         {"compile", digits(), "-o", at("x"), "--precision", "float32", "--cpu", "cortex-m4", "--cycle-limit", "1", "--cc",
          at("no-compiler")}},
    };
    for (const auto& c : cases) {
        std::string line;
        for (const auto& a : c.command) line += a + " ";
        if (std::string(c.id) != "tool-missing") {
            const Said plain = glowworm(c.command);
            EXPECT_EQ(plain.status, 1) << line << plain.err;
            EXPECT_NE(plain.err.find(std::string("[") + c.id + "]"), std::string::npos) << line << "\n" << plain.err;
            EXPECT_TRUE(plain.out.empty()) << line << plain.out;
        }
        auto command = c.command;
        command.push_back("--json");
        const Said json = glowworm(command);
        EXPECT_EQ(json.status, 1) << line;
        ASSERT_TRUE(json.json().is_object()) << line << json.out;
        EXPECT_EQ(json.json()["status"], 1);
        EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 1) << line;
        EXPECT_TRUE(json.err.empty()) << line << json.err;
        EXPECT_TRUE(std::string(c.id) == "tool-missing" || has_error(json, c.id)) << line << json.out;
        EXPECT_FALSE(std::filesystem::exists(at("x"))) << line;
    }
}

TEST_F(Cli, NamesThatCDoesNotTakeAreReported) {
    const Said s = glowworm({"compile", digits(), "-o", at("b"), "--name", "int", "--precision", "float32", "--measure", "none", "--json"});
    ASSERT_EQ(s.status, 0);
    EXPECT_EQ(s.json()["name"], "int_net");
    ASSERT_EQ(s.json()["warnings"].size(), 1u);
    std::filesystem::copy_file(digits(), at("time.onnx"));
    const Said t = glowworm({"compile", at("time.onnx"), "-o", at("t"), "--precision", "float32", "--measure", "none", "--json"});
    EXPECT_EQ(t.json()["name"], "time_net");
}

TEST_F(Cli, StagesAreDumpedInOrderAndReadBack) {
    ASSERT_EQ(compile(at("b"), {"--dump-stages", at("stages")}).status, 0);
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(at("stages"))) {
        names.push_back(entry.path().filename());
        Diagnostics diag;
        EXPECT_TRUE(parse_module(text_of(entry.path()), "stage", diag).ok()) << entry.path();
    }
    std::sort(names.begin(), names.end());
    ASSERT_GE(names.size(), 12u);
    EXPECT_EQ(names.front(), "00-import.gw");
    EXPECT_EQ(names[names.size() - 4].substr(3), "quantize.gw");  // then merge-common, drop-channels and drop-borders
    const Said s = compile(at("c"), {"--print-after", "quantize"});
    EXPECT_EQ(s.status, 0);
    EXPECT_TRUE(s.json().is_object());  // nothing but the object
}

TEST_F(Cli, FloatEdgeAndArenaPlacesInTheReport) {
    const Said s = compile(at("b"), {"--input", "arena", "--output", "arena", "--optimize", "ram"});
    ASSERT_EQ(s.status, 0);
    EXPECT_EQ(s.json()["report"]["ram"]["io_outside_arena_bytes"], 0);
    EXPECT_EQ(glowworm({"verify", at("b"), "--on", "host", "--json"}).status, 0);
    const Said f = compile(at("f"), {"--io", "float"});
    ASSERT_EQ(f.status, 0) << f.out;
    for (const auto& t : f.json()["report"]["model"]["tensors"]) EXPECT_EQ(t["dtype"], "float32");
    EXPECT_EQ(glowworm({"verify", at("f"), "--on", "host", "--json"}).status, 0);
}

}  // namespace
}  // namespace gw::testing
