// The pricing plugin against hand-written instruction sequences.
//
// The problem: the plugin's figures are what users and kernel choices rely on, and no hardware is at hand to contradict
// them. The idea: every sequence below is short enough to be priced by hand from the cores' tables; it becomes one
// function ("step") of an image that is assembled with the cross compiler, run in QEMU with the plugin loaded, and read
// back from the plugin's report. Without cross compiler or emulator these tests fail, for then nothing was tested.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path project() {
#ifdef GLOWWORM_SOURCE_DIR
    return GLOWWORM_SOURCE_DIR;
#else
    return fs::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
#endif
}

// One directory for the whole binary, removed at its end.
const fs::path& work() {
    static const struct Work {
        fs::path path;
        Work() {
            std::string name = (fs::temp_directory_path() / "gw_plugin_XXXXXX").string();
            path = mkdtemp(name.data());
        }
        ~Work() { fs::remove_all(path); }
    } instance;
    return instance.path;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

// Runs a shell command and gives its exit status; what it printed is in the file "log".
int run(const std::string& command) {
    int status = std::system((command + " > '" + (work() / "log").string() + "' 2>&1 < /dev/null").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string log() { return text_of(work() / "log"); }

struct Core {
    const char* name;
    const char* machine;
    const char* flags;
    const char* isa;
    int return_cycles;  // BX LR
};

constexpr std::array<Core, 4> kCores = {{
    {"cortex-m0", "mps2-an385", "-mcpu=cortex-m0", "v6m", 3},
    {"cortex-m0plus", "mps2-an385", "-mcpu=cortex-m0plus", "v6m", 2},
    {"cortex-m3", "mps2-an385", "-mcpu=cortex-m3", "v7m", 3},
    {"cortex-m4", "mps2-an386", "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16", "v7m", 3},
}};
constexpr Core kM7 = {"cortex-m7", "mps2-an500", "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16", "v7m", 0};

// The plugin, built once.
const fs::path& plugin() {
    static const fs::path built = [] {
        fs::path so = work() / "plugin.so";
        std::string sources = (project() / "src/simulate/plugin").string();
        int status = run("cc -std=c99 -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -DGW_QEMU_PLUGIN_VERSION=1 -o '" +
                         so.string() + "' '" + sources + "'/*.c");
        EXPECT_EQ(status, 0) << "the plugin does not compile:\n" << log();
        return so;
    }();
    return built;
}

// Assembles `source` with the start-up code for `core`. Symbols whose name begins with "step_" become steps, as do those
// that begin with "place_"; "root" is the root. Constants whose name begins with "data_" are watched.
void build(const Core& core, const std::string& image, const fs::path& source, const std::string& options = "",
           const std::string& libraries = "") {
    fs::path files = project() / "tests/plugin";
    std::string elf = (work() / (image + ".elf")).string();
    ASSERT_EQ(run(std::string("arm-none-eabi-gcc -nostdlib ") + core.flags + " " + options + " -T '" + (files / "image.ld").string() +
                  "' '" + (files / "startup.S").string() + "' '" + source.string() + "' " + libraries + " -o '" + elf + "'"),
              0)
        << "cross compiler missing or at odds with the test:\n"
        << log();
    ASSERT_EQ(run("arm-none-eabi-nm -S '" + elf + "'"), 0) << log();
    std::istringstream lines(log());
    std::ofstream symbols(work() / (image + ".syms"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string address, size, type, name;
        if (!(words >> address >> size >> type >> name)) continue;
        if (name.rfind("data_", 0) == 0) symbols << address << ' ' << size << " data " << name << '\n';
        if (type != "T" && type != "t") continue;
        bool step = name.rfind("step_", 0) == 0 || name.rfind("place_", 0) == 0;
        symbols << address << ' ' << size << (step ? " step " : " func ") << name << '\n';
    }
}

struct Outcome {
    int status = -1;
    Json report;
};

// Runs the image under the plugin as `core`.
Outcome simulate(const Core& core, const std::string& image, const std::string& root = "root", const std::string& options = "") {
    std::string base = (work() / image).string();
    fs::remove(base + ".json");
    Outcome outcome;
    outcome.status = run(std::string("timeout 60 qemu-system-arm -M ") + core.machine + " " + options +
                         " -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel '" + base +
                         ".elf' -plugin '" + plugin().string() + "',core=" + core.name + ",isa=" + core.isa + ",syms='" + base +
                         ".syms',root=" + root + ",out='" + base + ".json'");
    EXPECT_TRUE(fs::exists(base + ".json")) << "emulator missing or failed (status " << outcome.status << "):\n" << log();
    if (fs::exists(base + ".json")) outcome.report = Json::parse(text_of(base + ".json"));
    return outcome;
}

std::map<std::string, Json> by_name(const Json& list) {
    std::map<std::string, Json> map;
    for (const Json& entry : list) map[entry["name"].get<std::string>()] = entry;
    return map;
}

// The option that makes QEMU execute blocks of one instruction, so that everything happens at a border of blocks.
const std::string& singly() {
    static const std::string option = run("qemu-system-arm -help") == 0 && log().find("-singlestep") != std::string::npos
                                          ? "-singlestep"
                                          : "-accel tcg,one-insn-per-tb=on";
    return option;
}

// ---- sequences with known prices ----

constexpr int kNo = -1;  // the core does not have these instructions

// `body` runs with r0 = 0, r1 = buffer, r2 = buffer + 32, r3 = 4, r5 = 7, s0 to s3 = 1.0 and the word at [r1] = r1.
// Cycles are those of the body without the BX LR behind it, except where the body returns by itself.
struct Sequence {
    const char* name;
    const char* body;
    std::array<int, 4> cycles;  // M0, M0+, M3, M4
    int loads, stores, multiplies;
    bool returns = false;
};

const std::vector<Sequence> kSequences = {
    // Data processing: 1 each.
    {"nop", "nop", {1, 1, 1, 1}, 0, 0, 0},
    {"alu", "movs r0,#1; adds r0,r0,r3; lsls r0,r0,#3; uxtb r0,r0; rev r0,r0; mov r8,r0; cmp r0,r8", {7, 7, 7, 7}, 0, 0, 0},
    {"muls", "muls r0,r3,r0", {1, 1, 1, 1}, 0, 0, 1},
    {"alu32", "movw r0,#1234; ubfx r0,r0,#1,#2; bfi r0,r3,#0,#3; add.w r0,r0,r3,lsl #2", {kNo, kNo, 4, 4}, 0, 0, 0},
    {"nop_w", "nop.w", {kNo, kNo, 1, 1}, 0, 0, 0},
    {"pld", "pld [r1]", {kNo, kNo, 1, 1}, 0, 0, 0},
    {"mul32", "mul r0,r3,r5", {kNo, kNo, 1, 1}, 0, 0, 1},
    {"mla", "mla r0,r3,r5,r0", {kNo, kNo, 2, 1}, 0, 0, 1},
    {"mls", "mls r0,r3,r5,r0", {kNo, kNo, 2, 1}, 0, 0, 1},
    {"smull", "smull r0,r6,r3,r5", {kNo, kNo, 5, 1}, 0, 0, 1},
    {"umlal", "umlal r0,r6,r3,r5", {kNo, kNo, 7, 1}, 0, 0, 1},
    {"sdiv", "sdiv r0,r5,r3", {kNo, kNo, 12, 12}, 0, 0, 0},
    {"udiv", "udiv r0,r5,r3", {kNo, kNo, 12, 12}, 0, 0, 0},
    {"dsp",
     "smlad r0,r3,r5,r0; smlald r0,r6,r3,r5; sxtb16 r0,r0; sadd16 r0,r0,r5; smmlar r0,r3,r5,r0; ssat r0,#8,r0",
     {kNo, kNo, kNo, 6},
     0,
     0,
     3},
    // Single loads and stores: 2; on M3 and M4 a store with a constant offset takes 1.
    {"ldr", "ldr r0,[r1]", {2, 2, 2, 2}, 1, 0, 0},
    {"ldr_narrow", "ldrb r0,[r1,#1]; nop; ldrh r0,[r1,#2]; nop; ldrsb r0,[r1,r3]; nop; ldrsh r0,[r1,r3]", {11, 11, 11, 11}, 4, 0, 0},
    {"ldr_literal", "ldr r0,1f; nop; b 2f; .balign 4; 1: .word 5; 2:", {6, 5, 6, 6}, 1, 0, 0},
    {"ldr_sp", "ldr r0,[sp]", {2, 2, 2, 2}, 1, 0, 0},
    {"str_imm", "str r0,[r1,#4]", {2, 2, 1, 1}, 0, 1, 0},
    {"str_reg", "str r0,[r1,r3]", {2, 2, 2, 2}, 0, 1, 0},
    {"strb_strh", "strb r0,[r1,#5]; nop; strh r0,[r1,#6]; nop; strb r0,[r1,r3]", {8, 8, 6, 6}, 0, 3, 0},
    {"ldrd_strd", "ldrd r6,r7,[r1]; strd r6,r7,[r2]", {kNo, kNo, 6, 6}, 2, 2, 0},
    {"ldrex_strex", "ldrex r0,[r1]; nop; strex r6,r0,[r2]", {kNo, kNo, 5, 5}, 1, 1, 0},
    // Neighbouring loads overlap on M3 and M4.
    {"ldr_ldr", "ldr r0,[r1]; ldr r6,[r2]", {4, 4, 3, 3}, 2, 0, 0},
    {"ldr_x4", "ldr r0,[r1]; ldr r6,[r2]; ldr r7,[r1,#8]; ldrb r0,[r2,#3]", {8, 8, 5, 5}, 4, 0, 0},
    {"ldr_nop_ldr", "ldr r0,[r1]; nop; ldr r6,[r2]", {5, 5, 5, 5}, 2, 0, 0},
    {"ldr_dependent", "ldr r6,[r1]; ldr r0,[r6]", {4, 4, 4, 4}, 2, 0, 0},
    {"ldr_index_dependent", "ldr r6,[r2]; ldr r0,[r1,r6]", {4, 4, 4, 4}, 2, 0, 0},
    {"ldr_str_imm", "ldr r0,[r1]; str r0,[r2,#20]", {4, 4, 3, 3}, 1, 1, 0},
    {"ldr_str_reg", "ldr r0,[r1,r3]; str r0,[r2,r3]", {4, 4, 3, 3}, 1, 1, 0},
    {"str_ldr", "str r0,[r2]; ldr r6,[r1]", {4, 4, 3, 3}, 1, 1, 0},
    {"str_reg_ldr", "str r0,[r2,r3]; ldr r6,[r1]", {4, 4, 4, 4}, 1, 1, 0},
    {"str_reg_x2", "str r0,[r2,r3]; str r0,[r1,r3]", {4, 4, 4, 4}, 0, 2, 0},
    {"ldr_str_ldr", "ldr r0,[r1]; str r0,[r2,r3]; ldr r6,[r2]", {6, 6, 5, 5}, 2, 1, 0},
    {"ldr_post_same_base", "ldr r0,[r1],#4; ldr r6,[r1],#4", {kNo, kNo, 4, 4}, 2, 0, 0},
    {"ldr_post_two_bases", "ldr r0,[r1],#4; ldr r6,[r2],#4", {kNo, kNo, 3, 3}, 2, 0, 0},
    {"ldrex_ldr", "ldrex r0,[r1]; ldr r6,[r2]", {kNo, kNo, 3, 3}, 2, 0, 0},
    {"ldr_ldrd", "ldr r0,[r1]; ldrd r6,r7,[r2]; ldr r0,[r1]", {kNo, kNo, 7, 7}, 4, 0, 0},
    // Unaligned accesses: a halfword in two, a word in two or three.
    {"unaligned_half", "ldrh r0,[r1,#1]", {kNo, kNo, 3, 3}, 1, 0, 0},
    {"unaligned_word_2", "ldr r0,[r1,#2]", {kNo, kNo, 3, 3}, 1, 0, 0},
    {"unaligned_word_1", "ldr r0,[r1,#1]", {kNo, kNo, 4, 4}, 1, 0, 0},
    {"unaligned_store", "str r0,[r1,#5]", {kNo, kNo, 3, 3}, 0, 1, 0},
    // Multiple transfers: 1 + N.
    {"ldm", "ldmia r1!,{r4,r6,r7}", {4, 4, 4, 4}, 3, 0, 0},
    {"ldm_base", "ldmia r1,{r1,r6}", {3, 3, 3, 3}, 2, 0, 0},
    {"stm", "stmia r2!,{r5,r6}", {3, 3, 3, 3}, 0, 2, 0},
    {"ldm32", "ldmia.w r1,{r6,r8,r9,r10}; stmdb r2,{r8,r9}", {kNo, kNo, 8, 8}, 4, 2, 0},
    {"push_pop", "push {r4,r5,lr}; pop {r4,r5}; pop {r6}", {9, 9, 9, 9}, 3, 3, 0},
    {"pop_pc", "push {r4,lr}; pop {r4,pc}", {9, 8, 8, 8}, 2, 2, 0, true},
    {"pop_pc_alone", "push {lr}; pop {pc}", {7, 6, 6, 6}, 1, 1, 0, true},
    // Branches.
    {"b", "b 1f; nop; 1:", {3, 2, 3, 3}, 0, 0, 0},
    {"bcc_not_taken", "cmp r3,#0; beq 1f; nop; 1:", {3, 3, 3, 3}, 0, 0, 0},
    {"bcc_taken", "cmp r3,#4; beq 1f; nop; 1:", {4, 3, 4, 4}, 0, 0, 0},
    {"bcc_w", "cmp r3,#4; beq.w 1f; nop; 1: bne.w 2f; b.w 2f; nop; 2:", {kNo, kNo, 8, 8}, 0, 0, 0},
    {"loop", "movs r0,#5; 1: subs r0,r0,#1; bne 1b", {19, 15, 19, 19}, 0, 0, 0},
    {"loop_load", "movs r0,#3; 1: ldr r6,[r1]; ldr r7,[r2]; muls r6,r7,r6; subs r0,r0,#1; bne 1b", {26, 24, 23, 23}, 6, 0, 3},
    {"bl", "mov r7,lr; bl leaf; mov lr,r7", {10, 8, 9, 9}, 0, 0, 0},
    {"bl_next", "mov r7,lr; bl 1f; 1: mov lr,r7", {6, 5, 5, 5}, 0, 0, 0},
    {"blx", "mov r7,lr; ldr r0,=leaf; blx r0; mov lr,r7", {11, 9, 11, 11}, 1, 0, 0},
    {"mov_pc", "adr r0,1f; mov pc,r0; nop; .balign 4; 1:", {4, 3, 4, 4}, 0, 0, 0},
    {"add_pc", "movs r0,#2; add pc,r0; nop; nop", {4, 3, 4, 4}, 0, 0, 0},
    {"ldr_pc", "adr r0,1f; adds r0,#1; str r0,[r2]; ldr pc,[r2]; nop; .balign 4; 1:", {kNo, kNo, 7, 7}, 1, 1, 0},
    {"tbb", "movs r0,#0; tbb [pc,r0]; 1: .byte (2f-1b)/2, 0; nop; 2:", {kNo, kNo, 5, 5}, 1, 0, 0},
    {"cbz_taken", "movs r0,#0; cbz r0,1f; nop; 1:", {kNo, kNo, 4, 4}, 0, 0, 0},
    {"cbnz_not_taken", "movs r0,#0; cbnz r0,1f; nop; 1:", {kNo, kNo, 3, 3}, 0, 0, 0},
    // System.
    {"mrs_msr", "mrs r0,PRIMASK; msr PRIMASK,r0", {8, 6, 4, 4}, 0, 0, 0},
    {"dmb_dsb", "dmb; dsb", {8, 6, 2, 2}, 0, 0, 0},
    {"isb", "isb", {4, 3, 3, 3}, 0, 0, 0},
    {"cps", "cpsid i; cpsie i", {2, 2, 4, 4}, 0, 0, 0},
    // IT blocks: IT 1, what fails 1.
    {"it_alu", "cmp r3,#4; ite eq; addeq r0,r0,r3; subne r0,r0,r3", {kNo, kNo, 4, 4}, 0, 0, 0},
    {"it_load", "cmp r3,#4; it eq; ldreq r0,[r1]", {kNo, kNo, 4, 4}, 1, 0, 0},
    {"it_load_fails", "cmp r3,#5; it eq; ldreq r0,[r1]", {kNo, kNo, 3, 3}, 0, 0, 0},
    {"ite_loads", "cmp r3,#4; ite ne; ldrne r0,[r1]; ldreq r0,[r2]", {kNo, kNo, 5, 5}, 1, 0, 0},
    {"itt_loads", "cmp r3,#4; itt eq; ldreq r0,[r1]; ldreq r6,[r2]", {kNo, kNo, 5, 5}, 2, 0, 0},
    {"itt_loads_fail", "cmp r3,#5; itt eq; ldreq r0,[r1]; ldreq r6,[r2]", {kNo, kNo, 4, 4}, 0, 0, 0},
    {"it_load_load", "cmp r3,#4; it eq; ldreq r0,[r1]; ldr r6,[r2]", {kNo, kNo, 5, 5}, 2, 0, 0},
    {"it_load_fails_load", "cmp r3,#5; it eq; ldreq r0,[r1]; ldr r6,[r2]", {kNo, kNo, 5, 5}, 1, 0, 0},
    {"it_stores", "cmp r3,#4; ittt eq; streq r0,[r2]; streq r0,[r2,r3]; ldmiaeq r1,{r6,r7}", {kNo, kNo, 8, 8}, 2, 2, 0},
    {"it_ldm_fails", "cmp r3,#5; itt eq; ldmiaeq r1,{r6,r7}; streq r0,[r1]", {kNo, kNo, 4, 4}, 0, 0, 0},
    {"it_unaligned", "cmp r3,#4; it eq; ldreq.w r0,[r1,#1]", {kNo, kNo, 6, 6}, 1, 0, 0},
    {"it_return", "cmp r3,#4; it eq; bxeq lr", {kNo, kNo, 5, 5}, 0, 0, 0, true},
    {"it_return_fails", "cmp r3,#5; it eq; bxeq lr", {kNo, kNo, 3, 3}, 0, 0, 0},
    {"it_pop_pc", "push {r4,lr}; cmp r3,#4; it eq; popeq {r4,pc}", {kNo, kNo, 10, 10}, 2, 2, 0, true},
    // Floating point.
    {"vadd_vmul", "vadd.f32 s4,s0,s1; vmul.f32 s5,s2,s3; vsub.f32 s6,s0,s1; vnmul.f32 s7,s0,s1", {kNo, kNo, kNo, 4}, 0, 0, 2},
    {"vmla_vfma", "vmla.f32 s0,s1,s2; vmls.f32 s0,s1,s2; vfma.f32 s3,s1,s2; vfnms.f32 s3,s1,s2", {kNo, kNo, kNo, 12}, 0, 0, 4},
    {"vdiv", "vdiv.f32 s0,s1,s2", {kNo, kNo, kNo, 14}, 0, 0, 0},
    {"vsqrt", "vsqrt.f32 s0,s1", {kNo, kNo, kNo, 14}, 0, 0, 0},
    {"vmisc",
     "vabs.f32 s4,s0; vneg.f32 s5,s0; vmov.f32 s6,#1.0; vmov s7,s0; vcvt.s32.f32 s8,s0; vcmp.f32 s0,s1; vmrs APSR_nzcv,fpscr",
     {kNo, kNo, kNo, 7},
     0,
     0,
     0},
    {"vldr", "vldr s4,[r1]; vldr d3,[r1,#8]", {kNo, kNo, kNo, 5}, 3, 0, 0},
    {"vstr", "vstr s0,[r2]; vstr d0,[r2,#8]", {kNo, kNo, kNo, 5}, 0, 3, 0},
    {"vldm", "vldmia r1!,{s4-s7}; vldmia r1,{d2-d4}", {kNo, kNo, kNo, 12}, 10, 0, 0},
    {"vstm", "vstmia r2,{s0-s2}; vstmia r2,{d0-d1}", {kNo, kNo, kNo, 9}, 0, 7, 0},
    {"vpush_vpop", "vpush {d8}; vpop {d8}; vpush {s16}; vpop {s16}", {kNo, kNo, kNo, 10}, 3, 3, 0},
    {"vmov_core", "vmov r0,s0; vmov s4,r0", {kNo, kNo, kNo, 2}, 0, 0, 0},
    {"vmov_pair", "vmov r6,r7,d0; vmov d2,r6,r7; vmov s4,s5,r6,r7", {kNo, kNo, kNo, 6}, 0, 0, 0},
    {"it_vldr", "cmp r3,#4; ite eq; vldreq d2,[r1]; vldrne s4,[r1]", {kNo, kNo, kNo, 6}, 2, 0, 0},
};

std::string head() { return ".syntax unified\n.thumb\n.text\n"; }

std::string function(const std::string& name, const std::string& body) {
    return ".thumb_func\n.global " + name + "\n.type " + name + ", %function\n" + name + ":\n" + body + "\n.size " + name + ", . - " +
           name + "\n";
}

// root sets up the registers and calls each of `steps` in turn.
std::string caller(const std::vector<std::string>& steps, bool fp) {
    std::string body = "push {r4-r7,lr}\n";
    for (const std::string& step : steps) {
        body += "ldr r1,=buffer\nmovs r2,#32\nadd r2,r1\nmovs r0,#0\nstr r0,[r2]\nstr r1,[r1]\nmovs r3,#4\nmovs r5,#7\n";
        if (fp) body += "vmov.f32 s0,#1.0\nvmov.f32 s1,#1.0\nvmov.f32 s2,#1.0\nvmov.f32 s3,#1.0\n";
        body += "ldr r6,=" + step + "\nblx r6\nb 9f\n.ltorg\n9:\n";
    }
    return function("test_main", "push {r4,lr}\nbl root\npop {r4,pc}") + function("root", body + "pop {r4-r7,pc}") +
           function("leaf", "nop\nbx lr");
}

class PricedCore : public testing::TestWithParam<size_t> {};

TEST_P(PricedCore, SequencesCostWhatTheTableSays) {
    const Core& core = kCores[GetParam()];
    std::vector<std::string> steps;
    std::string functions;
    for (const Sequence& s : kSequences) {
        if (s.cycles[GetParam()] == kNo) continue;
        std::string body = s.body;
        for (size_t at = 0; (at = body.find("; ", at)) != std::string::npos;) body.replace(at, 2, "\n");
        steps.push_back(std::string("step_") + s.name);
        functions += ".balign 4\n" + function(steps.back(), body + "\nbx lr") + ".ltorg\n";
    }
    std::ofstream(work() / "sequences.s") << head() << caller(steps, std::string(core.name) == "cortex-m4") << functions;
    ASSERT_NO_FATAL_FAILURE(build(core, "sequences", work() / "sequences.s"));
    Outcome outcome = simulate(core, "sequences");
    ASSERT_EQ(outcome.status, 0) << log();
    EXPECT_EQ(outcome.report["faults"].size(), 0u) << outcome.report["faults"];
    std::map<std::string, Json> measured = by_name(outcome.report["steps"]);
    for (const Sequence& s : kSequences) {
        if (s.cycles[GetParam()] == kNo) continue;
        const Json& step = measured[std::string("step_") + s.name];
        SCOPED_TRACE(std::string(s.name) + ": " + s.body);
        EXPECT_EQ(step["calls"], 1);
        EXPECT_EQ(step["cycles"], s.cycles[GetParam()] + (s.returns ? 0 : core.return_cycles));
        EXPECT_EQ(step["loads"], s.loads);
        EXPECT_EQ(step["stores"], s.stores);
        EXPECT_EQ(step["multiplies"], s.multiplies);
    }
    EXPECT_EQ(simulate(core, "sequences", "root", singly()).report, outcome.report) << "how QEMU cuts its blocks must not matter";
}

// One loop at every place around the border of a 1 KiB page, where QEMU cuts its blocks and misreports a size.
TEST_P(PricedCore, PlacementDoesNotMatter) {
    const Core& core = kCores[GetParam()];
    bool v7 = std::string(core.isa) == "v7m";
    std::string body = "movs r0,#10\n1: ldr r6,[r1]\nldr r7,[r2]\nldrb r4,[r1,#4]\nmuls r6,r7,r6\nstr r6,[r2,r3]\nnop\n";
    if (v7) {
        body += "cmp r0,#5\nittee lt\nldrlt r6,[r1]\nldrlt r7,[r2]\nldrge r6,[r2]\nldrge r7,[r1]\n";
        body += "ldr.w r6,[r1,#8]\nldr.w r7,[r2,#4]\nmla r4,r6,r7,r4\n";
    }
    body += "subs r0,r0,#1\nbne 1b\nbx lr";
    int bytes = v7 ? 44 : 20;
    std::vector<std::string> steps;
    std::string functions;
    for (int start = 0x400 - bytes; start <= 0x402; start += 2) {
        steps.push_back("place_" + std::to_string(start));
        functions += ".balign 1024\n.space " + std::to_string(start) + "\n" + function(steps.back(), body);
    }
    std::ofstream(work() / "placement.s") << head() << caller(steps, false) << functions;
    ASSERT_NO_FATAL_FAILURE(build(core, "placement", work() / "placement.s"));
    Outcome outcome = simulate(core, "placement");
    ASSERT_EQ(outcome.status, 0) << log();
    std::map<std::string, Json> measured = by_name(outcome.report["steps"]);
    ASSERT_EQ(measured.size(), steps.size());
    // Per turn, v6-M: three loads and a store 2 each, MULS, NOP, SUBS 1 each, BNE.
    // v7-M: the loads 2 + 1 + 1, MULS 1, STR 2, NOP 1; CMP, IT 2; the IT block 2 + 1 for its loads and 2 for what fails; the
    // wide loads follow a load (r0 >= 5, six turns: 1 + 1) or one that failed (r0 < 5, four turns: 2 + 1); MLA; SUBS; BNE.
    int branch = core.return_cycles;
    int v6_cycles = 1 + 10 * (8 + 3) + 9 * branch + 1 + branch;
    int mla = std::string(core.name) == "cortex-m3" ? 2 : 1;
    int v7_cycles = 1 + 10 * (8 + 2 + mla + 1) + 10 * 5 + 4 * 3 + 6 * 2 + 9 * branch + 1 + branch;
    for (const auto& [name, step] : measured) {
        SCOPED_TRACE(name);
        EXPECT_EQ(step["cycles"], v7 ? v7_cycles : v6_cycles);
        EXPECT_EQ(step["instructions"], v7 ? 1 + 10 * 17 + 1 : 1 + 10 * 8 + 1);
        EXPECT_EQ(step["loads"], v7 ? 10 * 7 : 30);
        EXPECT_EQ(step["stores"], 10);
        EXPECT_EQ(step["multiplies"], v7 ? 20 : 10);
    }
}

// Compiled code costs the same wherever it lies and however QEMU cuts it.
TEST_P(PricedCore, CompiledCodeCostsTheSameHoweverItRuns) {
    const Core& core = kCores[GetParam()];
    for (const char* level : {"-O2", "-Os"}) {
        std::string flags = std::string("-std=c99 -ffreestanding -fno-tree-loop-distribute-patterns ") + level;
        Json first;
        for (int pad : {0, 4, 508, 1012, 1020}) {
            SCOPED_TRACE(std::string(level) + " pad " + std::to_string(pad));
            // libgcc follows the objects on the command line, for it only fills what they leave open.
            ASSERT_NO_FATAL_FAILURE(
                build(core, "program", project() / "tests/plugin/program.c", flags + " -DPAD=" + std::to_string(pad), "-lgcc"));
            Outcome outcome = simulate(core, "program");
            ASSERT_EQ(outcome.status, 0) << log();
            if (pad == 0) {
                first = outcome.report;
                EXPECT_EQ(simulate(core, "program", "root", singly()).report, first);
                EXPECT_EQ(first["calls"], 3);
                EXPECT_EQ(by_name(first["steps"])["step_dot"]["calls"], 6);
                EXPECT_GT(first["cycles"]["min"], 64 * 64 * 6);
                int64_t cycles = 0;
                for (const Json& f : first["functions"]) cycles += f["cycles"].get<int64_t>();
                EXPECT_EQ(first["cycles"]["total"], cycles);
            }
            EXPECT_EQ(outcome.report, first);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cores, PricedCore, testing::Range<size_t>(0, kCores.size()), [](const auto& which) {
    std::string name = kCores[which.param].name;
    name.replace(name.find('-'), 1, "_");
    return name;
});

// ---- who is charged ----

TEST(Account, StepsAreInclusiveAndFunctionsExclusive) {
    const Core& core = kCores[1];
    ASSERT_NO_FATAL_FAILURE(build(core, "calls", project() / "tests/plugin/calls.S"));
    Outcome outcome = simulate(core, "calls");
    ASSERT_EQ(outcome.status, 0) << log();
    const Json& report = outcome.report;
    // Cortex-M0+: leaf = NOP 1 + BX 2 = 3. With n the argument of root:
    //   step_loop    PUSH 3, n x (BL 3 + leaf 3 + SUBS 1), BNE n - 1 times 2 and once 1, POP pc 5 = 9n + 7
    //   step_switch  PUSH 3, BL 3, skip (MOV 1, ADDS 1, BX 2), the last NOP 1, POP pc 5 = 16
    //   step_tail    NOP 1, B 2, leaf 3 = 6
    //   step_last    MULS 1, BX 2 = 3
    //   step_self    three SUBS, BNE taken twice and once not, BX = 3 + 5 + 2 = 10
    //   step_jump    NOP 1, B 2 = 3; then step_jumped, NOP 2, BX 2 = 4
    //   step_split   PUSH 3, BL 3, its part NOP 1, BX 2, POP pc 5 = 14
    //   root         PUSH 3, MOV 1, six BL 18, MOVS 1, MOV 1, POP 2, POP 2, MOV 1, B 2 = 31, and the steps
    auto loop = [](int n) { return 9 * n + 7; };
    auto root = [&](int n) { return 31 + loop(n) + 16 + 6 + 10 + 3 + 4 + 14 + 3; };
    EXPECT_EQ(report["calls"], 3);
    EXPECT_EQ(report["cycles"]["min"], root(1));
    EXPECT_EQ(report["cycles"]["max"], root(3));
    EXPECT_EQ(report["cycles"]["total"], root(1) + root(2) + root(3));
    std::map<std::string, Json> steps = by_name(report["steps"]);
    EXPECT_EQ(steps["step_loop"]["cycles"], loop(1) + loop(2) + loop(3));
    EXPECT_EQ(steps["step_loop"]["instructions"], 3 * 2 + (1 + 2 + 3) * 5);
    EXPECT_EQ(steps["step_switch"]["cycles"], 3 * 16);
    EXPECT_EQ(steps["step_tail"]["cycles"], 3 * 6);
    EXPECT_EQ(steps["step_self"]["cycles"], 3 * 10);
    EXPECT_EQ(steps["step_self"]["calls"], 3);
    EXPECT_EQ(steps["step_jump"]["cycles"], 3 * 3);
    EXPECT_EQ(steps["step_jumped"]["cycles"], 3 * 4);
    EXPECT_EQ(steps["step_split"]["cycles"].get<int>() + steps["step_split.part.0"]["cycles"].get<int>(), 3 * 14);
    EXPECT_EQ(steps["step_split"]["calls"].get<int>() + steps["step_split.part.0"]["calls"].get<int>(), 3);
    EXPECT_EQ(steps["step_last"]["cycles"], 3 * 3);
    EXPECT_EQ(steps["step_last"]["calls"], 3);
    EXPECT_EQ(steps["step_last"]["multiplies"], 3);
    EXPECT_EQ(steps["step_unused"]["cycles"], 0);
    EXPECT_EQ(steps["step_unused"]["calls"], 0);
    std::map<std::string, Json> functions = by_name(report["functions"]);
    EXPECT_EQ(functions["leaf"]["cycles"], (1 + 2 + 3 + 3) * 3);  // its call outside root is not counted
    EXPECT_EQ(functions["root"]["cycles"], 3 * 31);
    EXPECT_EQ(functions["skip"]["cycles"], 3 * 4);
    EXPECT_EQ(functions["step_tail"]["cycles"], 3 * 3);
    EXPECT_EQ(functions.count("test_main"), 0u);
    EXPECT_EQ(functions.count("(unknown)"), 0u);
    int64_t cycles = 0, instructions = 0, loads = 0, stores = 0;
    for (const Json& f : report["functions"]) {
        cycles += f["cycles"].get<int64_t>();
        instructions += f["instructions"].get<int64_t>();
        loads += f["loads"].get<int64_t>();
        stores += f["stores"].get<int64_t>();
    }
    EXPECT_EQ(report["cycles"]["total"], cycles);
    EXPECT_EQ(report["instructions"], instructions);
    EXPECT_EQ(report["loads"], loads);
    EXPECT_EQ(report["stores"], stores);
}

// Words, parts of words and pairs of words; what runs outside the root and what is no constant does not count.
TEST(Account, LoadsFromConstantsAreCounted) {
    std::ofstream(work() / "constants.S") << R"(
    .syntax unified
    .thumb
    .text
    .thumb_func
    .global root
    .type root, %function
root:
    ldr r0, =data_words
    ldr r1, [r0]
    ldr r1, [r0, #12]
    ldm r0!, {r1, r2, r3}
    ldr r0, =data_bytes
    ldrb r1, [r0, #2]
    ldrh r1, [r0]
    ldr r0, =other
    ldr r1, [r0]
    bx lr
    .size root, . - root
    .thumb_func
    .global test_main
    .type test_main, %function
test_main:
    push {r4, lr}
    ldr r0, =data_words
    ldr r1, [r0]
    bl root
    bl root
    pop {r4, pc}
    .size test_main, . - test_main
    .ltorg
    .align 2
    .type data_words, %object
data_words: .word 1, 2, 3, 4
    .size data_words, 16
    .type data_unread, %object
data_unread: .word 1
    .size data_unread, 4
    .type other, %object
other: .word 1
    .size other, 4
    .type data_bytes, %object
data_bytes: .byte 1, 2, 3, 4
    .size data_bytes, 4
)";
    for (const Core& core : {kCores[1], kCores[3], kM7}) {
        ASSERT_NO_FATAL_FAILURE(build(core, "constants", work() / "constants.S"));
        for (const std::string& blocks : {std::string(), singly()}) {
            Outcome outcome = simulate(core, "constants", "root", blocks);
            ASSERT_EQ(outcome.status, 0) << log();
            std::map<std::string, Json> data = by_name(outcome.report["data"]);
            EXPECT_EQ(data.size(), 3u);
            EXPECT_EQ(data["data_words"]["loads"], 2 * 5) << core.name;
            EXPECT_EQ(data["data_bytes"]["loads"], 2 * 2) << core.name;
            EXPECT_EQ(data["data_unread"]["loads"], 0) << core.name;
        }
    }
}

TEST(Account, CoreWithoutTableCountsInstructionsOnly) {
    ASSERT_NO_FATAL_FAILURE(build(kM7, "calls_m7", project() / "tests/plugin/calls.S"));
    Outcome outcome = simulate(kM7, "calls_m7");
    ASSERT_EQ(outcome.status, 0) << log();
    EXPECT_TRUE(outcome.report["cycles"].is_null());
    EXPECT_EQ(outcome.report["calls"], 3);
    std::map<std::string, Json> steps = by_name(outcome.report["steps"]);
    EXPECT_TRUE(steps["step_loop"]["cycles"].is_null());
    EXPECT_EQ(steps["step_loop"]["instructions"], 3 * 2 + (1 + 2 + 3) * 5);
}

// Figures that look like a measurement and are none must not pass.
TEST(Account, RootThatNeverReturnsFails) {
    ASSERT_NO_FATAL_FAILURE(build(kCores[1], "endless", project() / "tests/plugin/calls.S", "-DENDLESS"));
    Outcome outcome = simulate(kCores[1], "endless");
    EXPECT_EQ(outcome.status, 125);
    ASSERT_EQ(outcome.report["faults"].size(), 1u) << outcome.report["faults"];
    EXPECT_EQ(outcome.report["faults"][0]["kind"], "unfinished");
    EXPECT_EQ(outcome.report["faults"][0]["symbol"], "root");
    EXPECT_EQ(outcome.report["calls"], 0);
}

TEST(Account, RootThatIsNeverCalledFails) {
    const Core& core = kCores[1];
    ASSERT_NO_FATAL_FAILURE(build(core, "uncalled", project() / "tests/plugin/calls.S"));
    std::ofstream(work() / "uncalled.syms", std::ios::app) << "00080000 00000010 func root2\n";
    Outcome outcome = simulate(core, "uncalled", "root2");
    EXPECT_EQ(outcome.status, 125);
    ASSERT_EQ(outcome.report["faults"].size(), 1u) << outcome.report["faults"];
    EXPECT_EQ(outcome.report["faults"][0]["kind"], "not-called");
}

TEST(Account, UnknownRootIsRefused) {
    const Core& core = kCores[1];
    ASSERT_NO_FATAL_FAILURE(build(core, "rootless", project() / "tests/plugin/calls.S"));
    std::ofstream(work() / "rootless.syms") << "00000100 00000010 func other\n";
    std::string base = (work() / "rootless").string();
    EXPECT_NE(run("timeout 60 qemu-system-arm -M mps2-an385 -nographic -monitor none -serial none -kernel '" + base + ".elf' -plugin '" +
                  plugin().string() + "',core=cortex-m0plus,isa=v6m,syms='" + base + ".syms',root=root,out='" + base + ".json'"),
              0);
    EXPECT_NE(log().find("root symbol root is not in"), std::string::npos) << log();
    EXPECT_FALSE(fs::exists(base + ".json"));
}

// ---- the ARMv6-M guard ----

// The image is assembled for a Cortex-M3, so that the assembler lets the culprits pass; `kind` is empty for a clean run.
void expect_guard(int fault, const std::string& kind) {
    Core image = kCores[2];
    Core as_m0plus = kCores[1];
    ASSERT_NO_FATAL_FAILURE(build(image, "guard", project() / "tests/plugin/guard.S", "-DFAULT=" + std::to_string(fault)));
    Outcome outcome = simulate(as_m0plus, "guard");
    EXPECT_EQ(outcome.report["calls"], 1) << "the run itself goes on to its end";
    if (kind.empty()) {
        EXPECT_EQ(outcome.status, 0) << log();
        EXPECT_EQ(outcome.report["faults"].size(), 0u) << outcome.report["faults"];
        return;
    }
    EXPECT_EQ(outcome.status, 125) << "a run with a fault must fail";
    ASSERT_EQ(outcome.report["faults"].size(), 1u) << outcome.report["faults"];
    EXPECT_EQ(outcome.report["faults"][0]["kind"], kind);
    EXPECT_EQ(outcome.report["faults"][0]["symbol"], "culprit");
    // The culprit is the second instruction of its function, two bytes in.
    std::ifstream symbols(work() / "guard.syms");
    for (std::string address, size, type, name; symbols >> address >> size >> type >> name;) {
        if (name != "culprit") continue;
        EXPECT_EQ(std::stoul(outcome.report["faults"][0]["address"].get<std::string>(), nullptr, 16), std::stoul(address, nullptr, 16) + 2);
    }
}

TEST(Guard, CleanRunPasses) { expect_guard(0, ""); }

TEST(Guard, UnalignedLoadFails) { expect_guard(1, "unaligned"); }

TEST(Guard, Thumb2OpcodeFails) { expect_guard(2, "opcode"); }

TEST(Guard, NewerSixteenBitOpcodeFails) { expect_guard(3, "opcode"); }

}  // namespace
