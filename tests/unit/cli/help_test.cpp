// Help that a person can work from: every command explains its options, shows an example and its exit statuses; the man page and bash's
// completions come from the same table and hold all of it.
#include "base/process.h"
#include "base/text.h"
#include "run.h"

namespace gw {
namespace {

using testing::glowworm;

const std::vector<std::string> commands = {"compile", "calibrate", "run",   "evaluate",      "verify", "profile", "analyze",
                                           "sample",  "boards",    "cores", "supported-ops", "opt",    "bisect",  "reduce"};

TEST(Help, EveryCommandHasExamplesGroupsAndStatuses) {
    const std::string all = glowworm({"--help"}).out;
    for (const std::string& c : commands) {
        EXPECT_NE(all.find("\n  " + c + " "), std::string::npos) << c;
        const auto s = glowworm({c, "--help"});
        EXPECT_EQ(s.status, 0);
        EXPECT_NE(s.out.find("Usage: glowworm " + c), std::string::npos) << c;
        EXPECT_NE(s.out.find("\nExamples:\n  glowworm " + c), std::string::npos) << c << ": help.cpp has no example";
        EXPECT_NE(s.out.find("\nExit status:\n  0  done"), std::string::npos) << c;
        // Lines a terminal can show.
        for (const std::string& line : split(s.out, '\n')) EXPECT_TRUE(line.starts_with("  glowworm") || line.size() <= 118) << line;
    }
    const std::string compile = glowworm({"compile", "--help"}).out;
    for (const char* group : {"\nTarget:\n", "\nLimits:\n", "\nWhat samples stand for:\n", "\nToolchain:\n"})
        EXPECT_NE(compile.find(group), std::string::npos) << group;
    EXPECT_NE(compile.find("speed|size|ram"), std::string::npos);
    EXPECT_EQ(all.find("man-page"), std::string::npos) << "a hidden command is listed";
}

TEST(Help, EveryOptionIsExplained) {
    for (const std::string& c : commands) {
        const std::string page = glowworm({c, "--help"}).out;
        const std::vector<std::string> lines = split(page.substr(0, page.find("\nExamples:")), '\n');
        for (size_t i = 0; i < lines.size(); ++i) {
            if (!lines[i].starts_with("  -")) continue;
            // The text stands behind the option, or on the next line when the option is long.
            const bool here = lines[i].size() > 30, next = i + 1 < lines.size() && lines[i + 1].starts_with(std::string(30, ' '));
            EXPECT_TRUE(here || next) << c << ": " << lines[i];
        }
    }
}

TEST(Help, TheManPageIsCleanAndWhole) {
    const std::string page = glowworm({"man-page"}).out;
    for (const std::string& c : commands)
        EXPECT_NE(page.find("\n.SS " + std::string(c == "supported-ops" ? "supported\\-ops" : c)), std::string::npos) << c;
    for (const char* part : {".TH GLOWWORM 1", ".SH SYNOPSIS", ".SH EXIT STATUS", "\\-\\-ram\\-limit"})
        EXPECT_NE(page.find(part), std::string::npos) << part;
    EXPECT_EQ(page, glowworm({"man-page"}).out);
    if (find_program("groff").empty()) GTEST_SKIP() << "SKIPPED: groff is not there to check the page";
    TemporaryFolder folder;
    testing::put(folder.path() / "glowworm.1", page);
    const auto r = run_process({"groff", "-man", "-Tutf8", "-P-cbou", "-ww", (folder.path() / "glowworm.1").string()});
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.err, "");
    EXPECT_NE(r.out.find("EXIT STATUS"), std::string::npos);
}

// What bash would offer for the words of a command line, of which the last is being typed.
std::string offered(const std::string& words) {
    TemporaryFolder folder;
    testing::put(folder.path() / "completion", glowworm({"bash-completion"}).out);
    const auto r = run_process({"bash", "-c",
                                "set -eu; source " + (folder.path() / "completion").string() + "; COMP_WORDS=(" + words +
                                    "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _glowworm; echo \"${COMPREPLY[*]}\""});
    EXPECT_TRUE(r.ok()) << r.err;
    return r.out;
}

TEST(Help, BashCompletes) {
    EXPECT_EQ(offered("glowworm co"), "compile cores\n");
    EXPECT_EQ(offered("glowworm compile --ram"), "--ram-limit\n");
    EXPECT_EQ(offered("glowworm compile m.onnx --optimize s"), "speed size\n");
    EXPECT_EQ(offered("glowworm compile --cpu cortex-m0"), "cortex-m0 cortex-m0plus\n");
    EXPECT_EQ(offered("glowworm compile --board frdm-ke"), "frdm-ke16z frdm-ke02z40m\n");
    EXPECT_EQ(offered("glowworm run b s --on i"), "interpreter\n");
    EXPECT_EQ(offered("glowworm run ''"), "\n") << "files are bash's own business";
}

}  // namespace
}  // namespace gw
