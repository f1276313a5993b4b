// KernelHarness on an emulated core: the same program with newlib's files by semihosting, the memory map's linker script of the bundles'
// test images, and a start-up of a few lines. Only the board of the Cortex-M55 is known here: it is the core whose kernels have
// instructions that no host can run.
#include <array>

#include "base/files.h"
#include "base/process.h"
#include "support/kernel_harness.h"

namespace gw {
namespace {

// Vectors and floating-point registers are off after reset. newlib takes its memory from the big region.
constexpr std::string_view startup = R"(
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
extern void initialise_monitor_handles(void);
extern int main(int argc, char **argv);
extern uint32_t gw_stack_top[];
static unsigned char heap[64 << 20] __attribute__((section(".gw_big"), aligned(8)));
void *_sbrk(ptrdiff_t n);
void _fini(void);
void _fini(void) {}
void *_sbrk(ptrdiff_t n)
{
    static size_t used;
    void *p = heap + used;
    if (n < 0 || (size_t)n > sizeof heap - used) return (void *)-1;
    used += (size_t)n;
    return p;
}
static void __attribute__((noreturn, used)) reset(void)
{
    static char name[] = "kernels", data[] = "data", results[] = "results";
    static char *arguments[] = {name, data, results, 0};
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    __asm volatile("dsb\n isb" ::: "memory");
    initialise_monitor_handles();
    exit(main(3, arguments));
}
static void fault(void)
{
    static const uint32_t stop[2] = {0x20023u, 99};
    register uint32_t r0 __asm("r0") = 0x20;
    register const uint32_t *r1 __asm("r1") = stop;
    for (;;) __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}
__attribute__((section(".vectors"), used)) void *const gw_vectors[16] = {gw_stack_top, reset, fault, fault, fault, fault, fault};
)";

constexpr std::string_view memory_map = R"(
MEMORY
{
    CODE (rwx) : ORIGIN = 0x10000000, LENGTH = 0x80000
    DATA (rwx) : ORIGIN = 0x31000000, LENGTH = 0x400000
    BIG (rwx) : ORIGIN = 0x70000000, LENGTH = 0x10000000
}
gw_stack_bytes = 0x100000;
)";

}  // namespace

std::vector<std::string> KernelHarness::run_on_core(const std::string& compiler, const std::string& level) {
    GW_CHECK(core_->machine == "mps3-an547", "the memory map is that of the Cortex-M55's board");
    Diagnostics diag;
    const TemporaryFolder folder;
    const auto path = [&](const char* name) { return (folder.path() / name).string(); };
    if (!write_files(
            folder.path(),
            {{"start.c", std::string(startup)}, {"memory.ld", std::string(memory_map)}, {"kernels.c", program()}, {"data", data()}}, diag))
        return {"cannot write the program"};
    const bool clang = compiler == "clang";
    std::vector<std::string> compile{clang ? "clang" : "arm-none-eabi-gcc"}, link{"arm-none-eabi-gcc"};
    const std::vector<std::string>& flags = clang ? core_->clang_flags : core_->gcc_flags;
    compile.insert(compile.end(), flags.begin(), flags.end());
    if (clang) compile.insert(compile.end(), {"-isystem", "/usr/lib/arm-none-eabi/include"});
    compile.insert(compile.end(),
                   {"-std=c99", level, "-Wall", "-Wextra", "-Wconversion", "-Werror", "-c", path("kernels.c"), "-o", path("kernels.o")});
    if (clang) compile.emplace_back("-Wno-unused-function");  // the header stands in the same file
    link.insert(link.end(), core_->gcc_flags.begin(), core_->gcc_flags.end());
    link.insert(link.end(), {"-O1", "--specs=rdimon.specs", "-nostartfiles", "-Wl,-L" + folder.path().string(),
                             "-T" + std::string(GLOWWORM_SOURCE_DIR) + "/src/simulate/runtime/sections.ld", path("start.c"),
                             path("kernels.o"), "-o", path("image.elf"), "-lm"});
    for (const auto& command : {compile, link})
        if (const ProcessResult built = run_process(command, {folder.path(), 300, size_t{1} << 22}); !built.ok())
            return {"the program does not compile: " + built.start_error + built.err.substr(0, 4000)};
    const ProcessResult done = run_process({"qemu-system-arm", "-M", std::string(core_->machine), "-display", "none", "-monitor", "none",
                                            "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", "image.elf"},
                                           {folder.path(), 300, size_t{1} << 22});
    if (!done.ok()) return failure_of(done.err);
    const Expected<std::string> read = read_file(folder.path() / "results", diag);
    if (!read) return {"no results"};
    return compare(*read);
}

}  // namespace gw
