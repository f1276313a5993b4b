// The commands of the contract, one promise a test: SAMPLES in every form, sample, analyze, boards, limits with advice, references, stages,
// and one JSON object from every command whatever happens.
#include "base/process.h"
#include "base/text.h"
#include "run.h"
#include "samples/npy.h"
#include "target/board.h"

namespace gw::testing {
namespace {

namespace fs = std::filesystem;

class Commands : public ::testing::Test {
protected:
    std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
    // The first pictures of the embedded set, with their labels.
    std::vector<std::pair<fs::path, std::string>> some_pictures(size_t n) const {
        std::vector<std::pair<fs::path, std::string>> all;
        for (const auto& entry : fs::directory_iterator(pictures()))
            if (entry.path().extension() == ".png") all.emplace_back(entry.path(), entry.path().filename().string().substr(0, 1));
        std::sort(all.begin(), all.end());
        all.resize(std::min(n, all.size()));
        return all;
    }
    // Those pictures as the model's float input, one under the other.
    std::vector<Tensor> tensors(size_t n) const {
        Diagnostics diag;
        Preprocess p;
        p.range = {0.0f, 1.0f};
        const auto set = read_samples(pictures(), {{"image", Shape{1, 1, 28, 28}, DType::float32, {}, SampleLayout::nchw}}, p,
                                      {0, static_cast<int64_t>(n), -1}, diag);
        EXPECT_TRUE(set.ok());
        std::vector<Tensor> all;
        for (const auto& s : set->samples) all.push_back(s[0]);
        return all;
    }
    static Tensor stacked(const std::vector<Tensor>& all) {
        std::string bytes;
        for (const Tensor& t : all) bytes += t.bytes();
        return Tensor::from_bytes({DType::float32, Shape{static_cast<int64_t>(all.size()), 1, 28, 28}, {}}, bytes);
    }
    void int8_bundle(const std::string& to, std::vector<std::string> more = {}) const {
        std::vector<std::string> a = {"compile",   digits(),        "-o",          to,         "--name",        "digits",
                                      "--cpu",     "cortex-m0plus", "--calibrate", pictures(), "--image-range", "0..1",
                                      "--measure", "none",          "--json"};
        a.insert(a.end(), more.begin(), more.end());
        const Said s = glowworm(a);
        ASSERT_EQ(s.status, 0) << s.out;
    }
    static std::string first_error(const Said& s) {
        const auto j = s.json();
        return j.is_discarded() || j["errors"].empty()
                   ? ""
                   : j["errors"][0]["id"].get<std::string>() + ": " + j["errors"][0]["message"].get<std::string>();
    }

private:
    TemporaryFolder folder_;
};

TEST_F(Commands, SamplesInEveryFormGiveTheSameAnswers) {
    constexpr size_t n = 12;
    const auto files = some_pictures(n);
    ASSERT_EQ(files.size(), n);
    const std::vector<Tensor> x = tensors(n);
    Diagnostics diag;
    std::vector<int64_t> label_numbers;
    std::string list, labels_text;
    for (size_t i = 0; i < n; ++i) {
        const auto& [path, label] = files[i];
        const std::string stem = path.stem().string();
        put(at("raw/" + stem + ".bin"), std::string(x[i].bytes()));
        std::string numbers;
        for (int64_t e = 0; e < x[i].elements(); ++e) numbers += format_float(static_cast<float>(x[i].at(e))) + (e % 28 == 27 ? "\n" : " ");
        put(at("text/" + stem + ".txt"), numbers);
        put(at("classes/" + label + "/" + path.filename().string()), text_of(path));
        put(at("plain/" + path.filename().string()), text_of(path));
        list += "plain/" + path.filename().string() + " " + label + "\n";
        labels_text += label + "\n";
        label_numbers.push_back(std::stoi(label));
    }
    put(at("list.txt"), list);
    put(at("labels.txt"), labels_text);
    ASSERT_TRUE(write_npy(at("x.npy"), stacked(x), diag));
    const Tensor labels = Tensor::of<int64_t>(Shape{static_cast<int64_t>(n)}, label_numbers);
    ASSERT_TRUE(write_npy(at("labels.npy"), labels, diag));
    ASSERT_TRUE(write_npz(at("x.npz"), {{"image", stacked(x)}, {"labels", labels}}, diag));
    const std::vector<std::vector<std::string>> forms = {
        {pictures() + "[:12]", "--labels", at("labels.txt"), "--image-range", "0..1"},
        {at("plain"), "--labels", at("labels.npy"), "--image-range", "0..1"},
        {at("classes"), "--image-range", "0..1"},
        {at("list.txt"), "--image-range", "0..1"},
        {at("x.npy"), "--labels", at("labels.npy")},
        {at("x.npz")},
        {at("raw"), "--labels", at("labels.txt")},
        {at("text"), "--labels", at("labels.txt")},
    };
    for (const auto& form : forms) {
        std::vector<std::string> a = {"evaluate", digits(), "--json"};
        a.insert(a.end(), form.begin(), form.end());
        const Said s = glowworm(a);
        ASSERT_EQ(s.status, 0) << form[0] << s.out;
        EXPECT_EQ(s.json()["samples"], n) << form[0];
        EXPECT_EQ(s.json()["correct"], n) << form[0];
    }
}

TEST_F(Commands, PicturesOfOtherSizesOnlyOnRequest) {
    // 40 × 20 pixels, and the model takes 28 × 28.
    const std::string big = source_file("tests/unit/cli/Inputs/wide.png").string();
    const Said no = glowworm({"run", digits(), big, "--image-range", "0..1", "--json"});
    EXPECT_EQ(no.status, 1);
    EXPECT_NE(first_error(no).find("--image-resize"), std::string::npos) << no.out;
    EXPECT_EQ(glowworm({"run", digits(), big, "--image-range", "0..1", "--image-resize", "--json"}).status, 0);
}

TEST_F(Commands, EveryCommandPrintsOneJsonObjectWhateverHappens) {
    int8_bundle(at("b"));
    put(at("broken.onnx"), "not a model");
    const std::string broken = at("broken.onnx"), no_folder = at("nowhere");
    const std::vector<std::pair<int, std::vector<std::string>>> cases = {
        {1, {"compile", broken, "-o", at("c")}},
        {1, {"calibrate", broken, pictures(), "-o", at("p.yaml")}},
        {1, {"run", broken, pictures()}},
        {1, {"evaluate", broken, pictures()}},
        {1, {"verify", no_folder}},
        {1, {"profile", no_folder}},
        {1, {"analyze", broken}},
        {1, {"sample", broken, pictures(), "-o", at("x.inc")}},
        {1, {"boards", broken}},
        {1, {"opt", broken}},
        {1, {"bisect", broken}},
        {1, {"reduce", broken, "--when", "crash"}},
        {1, {"reduce", digits(), "--when", "crash"}},
        {1, {"no-such-command"}},
        {1, {"compile", "--no-such-option"}},
        {1, {}},
        {0, {"analyze", digits()}},
        {0, {"boards"}},
        {0, {"boards", at("b")}},
        {0, {"cores"}},
        {0, {"supported-ops"}},
        {0, {"opt", digits()}},
        {0, {"bisect", digits()}},
        {0, {"run", at("b"), pictures() + "[:1]"}},
        {0, {"sample", at("b"), pictures() + "[:1]", "-o", at("x.inc")}},
        {0, {"verify", at("b"), "--on", "host"}},
        {0, {"compile", "--help"}},
        {0, {"man-page"}},
        {0, {"bash-completion"}},
    };
    for (const auto& [status, words] : cases) {
        std::vector<std::string> a = words;
        a.push_back("--json");
        const Said s = glowworm(a);
        const std::string what = words.empty() ? "(nothing)" : words[0];
        EXPECT_EQ(s.status, status) << what << s.out;
        EXPECT_TRUE(s.err.empty()) << what << s.err;
        const auto j = s.json();
        ASSERT_TRUE(j.is_object()) << what << ": " << s.out.substr(0, 200);
        EXPECT_EQ(std::count(s.out.begin(), s.out.end(), '\n'), 1) << what;
        EXPECT_EQ(j["status"], status) << what;
        EXPECT_EQ(j["errors"].empty(), status == 0) << what << s.out;
        if (status != 0) {
            EXPECT_TRUE(j["errors"][0].contains("id") && j["errors"][0].contains("message")) << s.out;
        }
    }
}

// Where the fault is: file, operator, number and name of the node, operand.
TEST_F(Commands, JsonErrorsAreLocatedInTheModel) {
    put(at("g.gw"),
        "graph main { input %x \"x\": i8[1,2,2,1] input %w \"w\": i8[1,1,1,1]\n"
        "%y = conv2d(%x, %w, _) requant=single(pre=0,mul=[1],shift=[1],zero=0,lo=-128,hi=127) from \"odd\":\"Conv\":4 output %y \"y\" }\n");
    const auto e = glowworm({"compile", at("g.gw"), "-o", at("b"), "--measure", "none", "--json"}).json()["errors"][0];
    EXPECT_EQ(e["id"], "lower-no-kernel");
    EXPECT_EQ(e["node"], 4);
    EXPECT_EQ(e["node_name"], "odd");
    EXPECT_EQ(e["operator"], "Conv");
    // A check of our own that fails is JSON as well; it ends the process, hence a child.
    const auto child = run_in_child([] {
        std::vector<std::string> words = {"glowworm", "cores", "--json"};
        std::vector<char*> argv;
        for (auto& w : words) argv.push_back(w.data());
        (void)run_cli(3, argv.data());
        std::fflush(stdout);
        GW_CHECK(1 + 1 == 3, "planted");
        return 0;
    });
    EXPECT_EQ(child.exit_code, 2);
    const std::vector<std::string> lines = split(child.out, '\n');
    ASSERT_GE(lines.size(), 2u);
    const auto bug = nlohmann::json::parse(lines[1], nullptr, false);
    EXPECT_EQ(bug["status"], 2);
    EXPECT_NE(bug["errors"][0]["message"].get<std::string>().find("planted"), std::string::npos);
}

TEST_F(Commands, WhatWasUsedMayNotBeContradicted) {
    int8_bundle(at("b"), {"--image-order", "bgr"});
    for (const std::vector<std::string>& option : std::vector<std::vector<std::string>>{
             {"--image-range", "-1..1"}, {"--image-order", "rgb"}, {"--image-mean", "0.5"}, {"--image-std", "2"}}) {
        for (const char* command : {"run", "evaluate", "sample"}) {
            std::vector<std::string> a = {command, at("b"), pictures() + "[:1]", "--json"};
            if (std::string_view(command) == "sample") a.insert(a.end(), {"-o", at("x.inc")});
            a.insert(a.end(), option.begin(), option.end());
            const Said s = glowworm(a);
            EXPECT_EQ(s.status, 1) << command << " " << option[0];
            EXPECT_EQ(first_error(s).substr(0, 20), "preprocess-conflict:") << command << " " << option[0] << s.out;
        }
    }
    EXPECT_EQ(glowworm({"run", at("b"), pictures() + "[:1]", "--image-order", "bgr", "--image-range", "0..1", "--json"}).status, 0);
}

// The C array holds the very bytes that `run` feeds to the bundle.
TEST_F(Commands, SampleWritesTheQuantizedInput) {
    int8_bundle(at("b"));
    const Said s = glowworm({"sample", at("b"), some_pictures(1)[0].first.string(), "-o", at("one.inc"), "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    EXPECT_EQ(s.json()["files"][0]["count"], 784);
    put(at("main.c"),
        "#include <stdint.h>\n#include <stdio.h>\n#include \"b/digits.h\"\nstatic const int8_t sample[DIGITS_INPUT_COUNT] = {\n#include "
        "\"one.inc\"\n};\n"
        "static uint32_t arena[(DIGITS_ARENA_BYTES + 3) / 4];\nint main(void) { int8_t y[10]; int best = 0, i;\n"
        "  if (sizeof sample != 784 || digits_run(sample, y, arena) != 0) return 99;\n"
        "  for (i = 1; i < 10; ++i) if (y[i] > y[best]) best = i;\n  printf(\"%d\\n\", best); return 0; }\n");
    const auto built = run_process({"cc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-o", at("main"), at("main.c"),
                                    at("b/digits.c"), at("b/digits_weights.c"), "-I" + at("b")});
    ASSERT_TRUE(built.ok()) << built.err;
    EXPECT_EQ(run_process({at("main")}).out, some_pictures(1)[0].second + "\n");
    // A float model: with a profile the same bytes as the bundle's, without one an error, float32 on request.
    const std::string text = text_of(at("one.inc"));
    auto values = [](const std::string& t) { return t.substr(t.find("*/")); };
    ASSERT_EQ(glowworm({"sample", digits(), some_pictures(1)[0].first.string(), "-o", at("two.inc"), "--profile", at("b/profile.yaml"),
                        "--image-range", "0..1", "--json"})
                  .status,
              0);
    EXPECT_EQ(values(text), values(text_of(at("two.inc"))));
    const Said none = glowworm({"sample", digits(), pictures() + "[:1]", "-o", at("x.inc"), "--image-range", "0..1", "--json"});
    EXPECT_EQ(none.status, 1);
    EXPECT_EQ(first_error(none).substr(0, 13), "needs-ranges:");
    ASSERT_EQ(
        glowworm({"sample", digits(), pictures() + "[:1]", "-o", at("f.inc"), "--precision", "float32", "--image-range", "0..1", "--json"})
            .status,
        0);
    EXPECT_NE(text_of(at("f.inc")).find("static const float sample[784]"), std::string::npos);
    EXPECT_EQ(first_error(glowworm({"sample", at("b"), pictures(), "-o", at("x.inc"), "--json"})).substr(0, 16), "samples-invalid:");
}

// Planned without ranges and without a compiler, and yet the bytes that compile comes to.
TEST_F(Commands, AnalyzePlansWhatCompileMakes) {
    for (const char* cpu : {"generic", "cortex-m0plus", "cortex-m4"}) {
        const Said a = glowworm({"analyze", digits(), "--cpu", cpu, "--json"});
        ASSERT_EQ(a.status, 0) << a.out;
        const auto j = a.json();
        const auto compiled = glowworm({"compile", digits(), "-o", at("b"), "--cpu", cpu, "--calibrate", pictures(), "--image-range",
                                        "0..1", "--measure", "none", "--json"})
                                  .json()["report"];
        EXPECT_EQ(j["ram"]["total_bytes"], compiled["ram"]["total_bytes"]) << cpu;
        EXPECT_EQ(j["flash"]["weights_bytes"], compiled["flash"]["weights_bytes"]) << cpu;
        // Which requantization a layer takes depends on ranges, and a few bytes of tables with it.
        EXPECT_NEAR(j["flash"]["tables_bytes"].get<double>(), compiled["flash"]["tables_bytes"].get<double>(), 64) << cpu;
        EXPECT_TRUE(j["flash"]["code_bytes"].is_null());
        EXPECT_EQ(j["model"]["macs"], 16696);
        EXPECT_EQ(j["model"]["parameters"], 1662);
        EXPECT_EQ(j["layers"].size(), compiled["steps"].size());
        int64_t weights = 0, busiest = 0;
        for (const auto& layer : j["layers"]) {
            weights += layer["weights_bytes"].get<int64_t>();
            busiest = std::max(busiest, layer["arena_in_use_bytes"].get<int64_t>());
        }
        EXPECT_EQ(weights, j["flash"]["weights_bytes"].get<int64_t>() + j["flash"]["tables_bytes"].get<int64_t>());
        EXPECT_LE(busiest, j["ram"]["arena_bytes"].get<int64_t>());
        EXPECT_LE(j["ram"]["lower_bound_bytes"], j["ram"]["total_bytes"]);
        EXPECT_LE(j["least_ram"]["total_bytes"], j["ram"]["total_bytes"]);
        EXPECT_LE(j["least_ram"]["total_bytes"], j["plain_liveness_bytes"]);
        EXPECT_EQ(j["boards"].size(), boards().size());
    }
}

TEST_F(Commands, TheFrontiersRowsAreWhatLimitsMake) {
    const Said a = glowworm({"analyze", digits(), "--cpu", "cortex-m4", "--frontier", "--input", "caller", "--output", "caller", "--json"});
    ASSERT_EQ(a.status, 0) << a.out;
    const auto rows = a.json()["frontier"];
    ASSERT_GE(rows.size(), 2U);
    for (size_t i = 0; i < rows.size(); ++i) {
        const int64_t ram = rows[i]["ram_bytes"].get<int64_t>();
        EXPECT_LE(rows[i]["macs_executed"].get<int64_t>() - rows[i]["recomputed_macs"].get<int64_t>(), 16696);
        EXPECT_GE(rows[i]["mac_factor"].get<double>(), 1.0);
        if (i > 0) {
            EXPECT_LT(ram, rows[i - 1]["ram_bytes"].get<int64_t>());
        }
        const Said made = glowworm({"compile", digits(), "-o", at("b"), "--cpu", "cortex-m4", "--calibrate", pictures() + "[:3]",
                                    "--image-range", "0..1", "--ram-limit", std::to_string(ram), "--measure", "none", "--json"});
        ASSERT_EQ(made.status, 0) << made.out;
        EXPECT_LE(made.json()["report"]["ram"]["total_bytes"].get<int64_t>(), ram);
        EXPECT_GE(made.json()["report"]["model"]["macs_recomputed"].get<int64_t>(), 0);
    }
}

TEST_F(Commands, BoardsSayWhatFits) {
    int8_bundle(at("b"));
    const auto bundle = glowworm({"boards", at("b"), "--json"}).json();
    const auto report = nlohmann::json::parse(text_of(at("b/report.json")));
    for (const auto& b : bundle["boards"]) {
        const Board* board = find_board(b["name"].get<std::string>());
        ASSERT_NE(board, nullptr);
        EXPECT_EQ(b["ram_left_bytes"].get<int64_t>(), board->ram_bytes - report["ram"]["total_bytes"].get<int64_t>());
        EXPECT_EQ(b["fits"].get<bool>(), true) << "the digit net is small";
    }
    // 20 KB in and 20 KB behind the first layer: too much for some, for some only with the least RAM.
    put(at("wide.gw"),
        "graph main { input %x \"x\": i8[1,100,100,2] %a = pool2d(%x) kernel=[3,3] pad=[1,1,1,1] %y = pool2d(%a) kernel=[100,100] output "
        "%y \"y\" }\n");
    const auto wide = glowworm({"boards", at("wide.gw"), "--json"}).json();
    std::map<std::string, std::string> verdicts;
    for (const auto& b : wide["boards"]) verdicts[b["name"].get<std::string>()] = b["verdict"].get<std::string>();
    EXPECT_EQ(verdicts["frdm-ke16z"], "does not fit");
    EXPECT_EQ(verdicts["nucleo-l4r5zi"], "fits");
    EXPECT_TRUE(verdicts["frdm-k32l2b"].starts_with("fits with --optimize ram")) << verdicts["frdm-k32l2b"];
}

TEST_F(Commands, BoardsOfTheApplicationNoteAndTheBenchmarks) {
    // AN13438, Table 2: flash, RAM and clock.
    const struct {
        const char* name;
        int64_t mhz, flash_kb, ram_kb;
    } note[] = {{"lpc845breakout", 30, 64, 16},
                {"frdm-ke16z", 48, 64, 8},
                {"frdm-ke02z40m", 40, 64, 4},
                {"frdm-k32l2b", 48, 256, 32},
                {"frdm-kv11z", 75, 128, 16}};
    for (const auto& n : note) {
        const Board* b = find_board(n.name);
        ASSERT_NE(b, nullptr) << n.name;
        EXPECT_EQ(b->core, "cortex-m0plus");
        EXPECT_EQ(b->clock_hz, n.mhz * 1'000'000) << n.name;
        EXPECT_EQ(b->flash_bytes, n.flash_kb * 1024) << n.name;
        EXPECT_EQ(b->ram_bytes, n.ram_kb * 1024) << n.name;
        EXPECT_EQ(b->source, "AN13438");
    }
    for (const char* name : {"mimxrt1060-evk", "mimxrt685-evk", "numaker-pfm-nuc472", "nucleo-l4r5zi", "nucleo-h7a3zi", "nucleo-u575zi"})
        EXPECT_NE(find_board(name), nullptr) << name;
    for (const Board& b : boards()) EXPECT_FALSE(b.source.empty()) << b.name;
    EXPECT_GE(boards().size(), 35u);
}

// By how much, what would help (found by trying), and who is to blame.
TEST_F(Commands, ALimitThatIsPassedComesWithAdvice) {
    auto compile = [&](std::vector<std::string> more) {
        std::vector<std::string> a = {"compile",  digits(),        "-o",   at("l"),     "--cpu", "cortex-m0plus", "--calibrate",
                                      pictures(), "--image-range", "0..1", "--measure", "none",  "--json"};
        a.insert(a.end(), more.begin(), more.end());
        return glowworm(a);
    };
    const int64_t plain = compile({}).json()["report"]["ram"]["total_bytes"];
    const int64_t least = compile({"--optimize", "ram", "--input", "arena", "--output", "arena"}).json()["report"]["ram"]["total_bytes"];
    ASSERT_LT(least, plain);
    // One that options can meet: the advice works when it is taken.
    const Said can = compile({"--ram-limit", std::to_string(least)});
    EXPECT_EQ(can.status, 3);
    const auto limit = can.json()["limits"][0];
    const int64_t needs = limit["needs"];  // of the smallest program that the search under the limit found
    EXPECT_LE(needs, plain);
    EXPECT_EQ(limit["over"], needs - least);
    ASSERT_FALSE(limit["tried"].empty());
    EXPECT_TRUE(limit["tried"].back()["fits"].get<bool>());
    const std::string message = can.json()["errors"][0]["message"];
    EXPECT_NE(message.find("would fit"), std::string::npos) << message;
    EXPECT_NE(message.find("is to blame"), std::string::npos) << message;
    EXPECT_NE(message.find(with_commas(needs - least) + " too many"), std::string::npos) << message;
    std::vector<std::string> taken = {"--ram-limit", std::to_string(least)};
    for (const std::string& word : split(limit["tried"].back()["options"].get<std::string>(), ' ')) taken.push_back(word);
    EXPECT_EQ(compile(taken).status, 0);
    // One that nothing can meet, the bundle is written all the same.
    const Said cannot = compile({"--ram-limit", "700"});
    EXPECT_EQ(cannot.status, 3);
    EXPECT_NE(cannot.json()["errors"][0]["message"].get<std::string>().find("no option would fit"), std::string::npos) << cannot.out;
    EXPECT_TRUE(fs::exists(at("l/digits.c")));
    // Weights alone that are too many need no measurement; a board's limits are named as the board's.
    EXPECT_EQ(compile({"--flash-limit", "1000"}).status, 3);
    EXPECT_EQ(compile({"--flash-limit", "100000"}).status, 1);
    const Said board =
        glowworm({"compile", digits(), "-o", at("k"), "--board", "frdm-ke02z40m", "--precision", "float32", "--measure", "none", "--json"});
    EXPECT_EQ(board.status, 1) << board.out;
    EXPECT_NE(board.out.find("--board frdm-ke02z40m with"), std::string::npos) << board.out;
}

TEST_F(Commands, ReferencesAreComparedWithinTolerances) {
    const std::string few = pictures() + "[:3]";
    ASSERT_EQ(glowworm({"run", digits(), few, "--image-range", "0..1", "-o", at("ref.npz"), "--json"}).status, 0);
    int8_bundle(at("b"));
    auto evaluate = [&](const std::string& model, std::vector<std::string> more) {
        std::vector<std::string> a = {"evaluate", model, few, "--image-range", "0..1", "--expect", at("ref.npz"), "--json"};
        a.insert(a.end(), more.begin(), more.end());
        return glowworm(a).status;
    };
    EXPECT_EQ(evaluate(digits(), {"--atol", "0"}), 0);
    EXPECT_EQ(evaluate(at("b"), {}), 0);
    EXPECT_EQ(evaluate(at("b"), {"--atol", "5"}), 0);
    EXPECT_EQ(evaluate(at("b"), {"--atol", "0"}), 3);
    auto verify = [&](std::vector<std::string> more) {
        std::vector<std::string> a = {"verify", at("b"), few, "--on", "host", "--expect", at("ref.npz"), "--json"};
        a.insert(a.end(), more.begin(), more.end());
        return glowworm(a).status;
    };
    EXPECT_EQ(verify({"--atol", "5"}), 0);
    EXPECT_EQ(verify({"--rtol", "1e-9"}), 3);
    const Said alone = glowworm({"verify", at("b"), "--expect", at("ref.npz"), "--json"});
    EXPECT_EQ(alone.status, 1) << "whose outputs would these be?";
    // A reference of other samples.
    EXPECT_EQ(glowworm({"evaluate", at("b"), pictures() + "[:4]", "--expect", at("ref.npz"), "--json"}).status, 1);
}

TEST_F(Commands, StagesCanBeWrittenAndPrinted) {
    const Said s = glowworm({"opt", digits(), "--dump-stages", at("stages"), "--print-after", "simplify", "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    EXPECT_TRUE(fs::exists(at("stages/00-import.gw")));
    std::string simplified;
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator(at("stages"))) {
        ++n;
        if (entry.path().filename().string().ends_with("-simplify.gw")) simplified = entry.path().string();
    }
    EXPECT_GE(n, 9u);
    EXPECT_TRUE(s.json()["text"].get<std::string>().starts_with("; after simplify\n"));
    // What was dumped reads back.
    ASSERT_FALSE(simplified.empty());
    EXPECT_EQ(glowworm({"opt", simplified, "--json"}).status, 0);
}

// 31 nodes, one of which no kernel takes.
TEST_F(Commands, ReduceIsolatesTheNodeOfAnError) {
    std::string graph =
        "graph main { input %x \"x\": i8[1,4,4,1] input %w \"w\": i8[1,1,1,1]\n%v0 = pool2d(%x) kernel=[1,1] from \"first\":\"P\":0\n";
    for (int i = 1; i < 31; ++i)
        graph +=
            i == 18
                ? fmt::format(
                      "%v{} = conv2d(%v{}, %w, _) requant=single(pre=0,mul=[1],shift=[1],zero=0,lo=-128,hi=127) from \"odd\":\"Conv\":18\n",
                      i, i - 1)
                : fmt::format("%v{} = pool2d(%v{}) kernel=[2,2] pad=[1,1,0,0] hi={} from \"p{}\":\"P\":{}\n", i, i - 1, 100 + i % 20, i, i);
    put(at("g.gw"), graph + "output %v30 \"y\" }\n");
    const Said s = glowworm({"reduce", at("g.gw"), "--when", "error:lower-no-kernel", "-o", at("small.gw"), "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    EXPECT_EQ(s.json()["nodes_before"], 31);
    EXPECT_EQ(s.json()["nodes"], 1);
    EXPECT_NE(text_of(at("small.gw")).find("\"odd\""), std::string::npos);
    // By a command: a node of which the text says hi=107.
    const Said c = glowworm({"reduce", at("g.gw"), "--command", "grep -q hi=107 {}", "-o", at("small.gw"), "--json"});
    ASSERT_EQ(c.status, 0) << c.out;
    EXPECT_EQ(c.json()["nodes"], 1);
    EXPECT_EQ(glowworm({"reduce", at("g.gw"), "--when", "mismatch", "--json"}).status, 1) << "it does not even compile";
    EXPECT_EQ(glowworm({"reduce", at("g.gw"), "--json"}).status, 1);
    EXPECT_EQ(glowworm({"reduce", at("g.gw"), "--when", "sometimes", "--json"}).status, 1);
}

}  // namespace
}  // namespace gw::testing
