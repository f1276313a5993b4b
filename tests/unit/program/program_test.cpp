// The program language: what a program may not do is found, and text that does not fit is refused with its line.
#include "program/program.h"

#include <gtest/gtest.h>

#include <functional>

namespace gw {
namespace {

// Two steps over three arena buffers, one of them with a part; placed.
constexpr const char* good_text = R"(program p {
  region arena bytes 32 align 4
  buffer 0 "x": i8[8] input 0 in caller align 1
  buffer 1 "a": i8[16] in 0 at 0 align 4
  buffer 2 "half": i8[8] view 1 at 8 align 1
  buffer 3 "b": i8[16] in 0 at 16 align 1
  buffer 4 "y": i8[8] output 0 in caller align 1
  data 0 w: i8[4] weights = [1,2,3,4]
  step "one" conv2d macs 3 executed 2 from "n0":"Conv" call k (b0, d0, b1!) { N=4 }
  step "two" add macs 0 executed 0 call k (b2, b1, b3!) { N=1 } scalar "a + b"
  step "three" add macs 0 executed 0 loop 4 {
    step "three" add macs 0 executed 0 call k (b3*4, b4*2!) { N=2 } types { t="int8_t" }
  }
}
)";

Program good() {
    Diagnostics diag;
    auto p = parse_program(good_text, "p.gwp", diag);
    EXPECT_TRUE(p.ok()) << (diag.all().empty() ? "" : diag.all().front().text());
    return *p;
}
Call& call_of(Program& p, size_t step) {
    Step& s = p.steps[step];
    if (Loop* loop = std::get_if<Loop>(&s.what)) return std::get<Call>(loop->body[0].what);
    return std::get<Call>(s.what);
}

TEST(ProgramText, PrintedProgramsReadBack) {
    const Program p = good();
    Diagnostics diag;
    const auto again = parse_program(print(p), "p.gwp", diag);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(print(*again), print(p));
    EXPECT_EQ(again->steps[0].sources, p.steps[0].sources);
    EXPECT_EQ(std::get<Loop>(again->steps[2].what).count, 4);
    EXPECT_EQ(again->address(2), 8);
}

TEST(ProgramVerify, PlantedFaultsAreFound) {
    const struct {
        const char* what;
        std::function<void(Program&)> plant;
    } cases[] = {
        {"argument that is not there", [](Program& p) { call_of(p, 0).arguments[0].index = 99; }},
        {"negative argument", [](Program& p) { call_of(p, 0).arguments[0].index = -1; }},
        {"argument beyond its buffer", [](Program& p) { call_of(p, 0).arguments[2].offset = 16; }},
        {"argument in front of its buffer", [](Program& p) { call_of(p, 0).arguments[2].offset = -1; }},
        {"stride that leaves the buffer in the last round", [](Program& p) { call_of(p, 2).arguments[1].stride = 3; }},
        {"loop of nothing", [](Program& p) { std::get<Loop>(p.steps[2].what).count = 0; }},
        {"read before written", [](Program& p) { call_of(p, 0).arguments[0].index = 3; }},
        {"written constant", [](Program& p) { call_of(p, 0).arguments[1].written = true; }},
        {"output never written", [](Program& p) { p.steps.pop_back(); }},
        {"overlapping places", [](Program& p) { p.buffers[3].offset = 12; }},
        {"misaligned place", [](Program& p) { p.buffers[1].offset = 2, p.regions[0].bytes = 40, p.buffers[3].offset = 20; }},
        {"place beyond the region", [](Program& p) { p.buffers[3].offset = 20; }},
        {"view beyond its buffer", [](Program& p) { p.buffers[2].view_offset = 9; }},
        {"view in front of its buffer", [](Program& p) { p.buffers[2].view_offset = -1; }},
        {"view of nothing", [](Program& p) { p.buffers[2].view_of = 77; }},
        {"view of itself", [](Program& p) { p.buffers[2].view_of = 2, p.buffers[2].view_offset = 0; }},
        {"alignment of three", [](Program& p) { p.buffers[1].align = 3; }},
        {"region that is not there", [](Program& p) { p.buffers[1].region = 4; }},
        {"port of another buffer", [](Program& p) { p.inputs[0] = 1; }},
        {"port that is not there", [](Program& p) { p.outputs[0] = 50; }},
        {"gap of an argument that is not there",
         [](Program& p) {
             call_of(p, 0).gaps.push_back({0, 9, 0});
         }},
        {"data without bytes", [](Program& p) { p.data[0].tensor = {}; }},
    };
    for (const auto& c : cases) {
        Program p = good();
        c.plant(p);
        Diagnostics diag;
        EXPECT_FALSE(verify(p, diag).ok()) << c.what;
        ASSERT_GE(diag.errors(), 1) << c.what;
        EXPECT_EQ(diag.all()[0].id, DiagId::program_invalid) << c.what;
    }
}

// A gap lets an output lie over an input; without it, or with a second reading of the same buffer that has none, the same places are wrong.
TEST(ProgramVerify, OverlapNeedsAGapForEveryReading) {
    Program p = good();
    call_of(p, 1).arguments = {{Argument::Kind::buffer, 1, 0, 0, false}, {Argument::Kind::buffer, 3, 0, 0, true}};
    p.buffers[3].offset = 0;
    p.buffers[2].view_of = -1, p.buffers[2].offset = 24;  // no part of `a` any more
    Diagnostics diag;
    EXPECT_FALSE(verify(p, diag).ok());
    call_of(p, 1).gaps = {{0, 1, 0}};
    diag.clear();
    EXPECT_TRUE(verify(p, diag).ok()) << diag.all().front().text();
    call_of(p, 1).arguments.insert(call_of(p, 1).arguments.begin() + 1, {Argument::Kind::buffer, 1, 0, 0, false});
    call_of(p, 1).gaps = {{0, 2, 0}};
    diag.clear();
    EXPECT_FALSE(verify(p, diag).ok());
    call_of(p, 1).gaps = {{0, 2, 0}, {1, 2, 4}};
    diag.clear();
    EXPECT_FALSE(verify(p, diag).ok());
    call_of(p, 1).gaps = {{0, 2, 0}, {1, 2, 0}};
    diag.clear();
    EXPECT_TRUE(verify(p, diag).ok()) << diag.all().front().text();
}

TEST(ProgramText, MalformedTextIsRefused) {
    const std::string text = good_text;
    auto with = [&](const std::string& from, const std::string& to) {
        std::string s = text;
        const size_t at = s.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return s.replace(at, from.size(), to);
    };
    const struct {
        const char* what;
        std::string text;
    } cases[] = {
        {"nothing", ""},
        {"cut short", text.substr(0, text.size() - 3)},
        {"buffers out of order", with("buffer 1", "buffer 2")},
        {"data out of order", with("data 0", "data 1")},
        {"ports out of order", with("input 0", "input 1")},
        {"argument of nothing", with("(b0, d0", "(b0, q0")},
        {"argument without number", with("(b0, d0", "(b, d0")},
        {"offset of letters", with("b0, d0", "b0+x, d0")},
        {"view of a negative buffer", with("view 1 at 8", "view -2 at 8")},
        {"view of a huge buffer", with("view 1 at 8", "view 4294967297 at 8")},
        {"region of a negative number", with("in 0 at 0", "in -7 at 0")},
        {"no macs", with("macs 3 ", "")},
        {"constant without value", with("{ N=4 }", "{ N= }")},
        {"scalar without end", with("\"a + b\"", "\"a + b")},
        {"escape at the end", text.substr(0, text.find("a + b")) + "\\"},
        {"role of nothing", with("weights = [1,2,3,4]", "colour = [1,2,3,4]")},
        {"values of another size", with("[1,2,3,4]", "[1,2,3,4,5]")},
    };
    for (const auto& c : cases) {
        Diagnostics diag;
        EXPECT_FALSE(parse_program(c.text, "p.gwp", diag).ok()) << c.what;
        EXPECT_GE(diag.errors(), 1) << c.what;
    }
    for (size_t n = 0; n < text.size() - 2; ++n) {
        Diagnostics diag;
        EXPECT_FALSE(parse_program(text.substr(0, n), "p.gwp", diag).ok()) << n;
    }
}

}  // namespace
}  // namespace gw
