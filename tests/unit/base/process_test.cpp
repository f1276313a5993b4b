#include "base/process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

namespace gw {
namespace {

TEST(Process, KeepsStreamsApartAndTakesTheExitCode) {
    const ProcessResult r = run_process({"sh", "-c", "echo out; echo err >&2; pwd; exit 7"}, {.folder = "/"});
    EXPECT_TRUE(r.started);
    EXPECT_FALSE(r.ok());
    EXPECT_EQ(r.exit_code, 7);
    EXPECT_EQ(r.out, "out\n/\n");
    EXPECT_EQ(r.err, "err\n");
}

TEST(Process, ReadsMoreThanAPipeHoldsAndKeepsTheLimit) {
    const ProcessResult r =
        run_process({"sh", "-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"}, {.capture_limit = 1000000});
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.out.size(), 1000000u);
    EXPECT_EQ(r.err.size(), 1000000u);
}

TEST(Process, TellsWhatDidNotStart) {
    const ProcessResult r = run_process({"/no/such/program"});
    EXPECT_FALSE(r.started);
    EXPECT_FALSE(r.start_error.empty());
    EXPECT_FALSE(run_process({"true"}, {.folder = "/no/such/folder"}).started);
    EXPECT_FALSE(run_process({}).started);
    EXPECT_EQ(run_process({"sh", "-c", "exit 127"}).exit_code, 127);
}

// The grandchild holds the pipes open and would run for a minute; it must go as well.
TEST(Process, TimeoutEndsTheWholeFamily) {
    const auto start = std::chrono::steady_clock::now();
    const ProcessResult r = run_process({"sh", "-c", "sleep 60 & sleep 60"}, {.timeout_seconds = 0.3});
    EXPECT_TRUE(r.timed_out);
    EXPECT_FALSE(r.ok());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(Process, ChildMayCrash) {
    EXPECT_EQ(run_in_child([] { return 5; }).exit_code, 5);
    const ProcessResult r = run_in_child([]() -> int { return ::raise(SIGSEGV); });
    EXPECT_EQ(r.signal, SIGSEGV);
    EXPECT_EQ(r.exit_code, -1);
}

TEST(Process, FindsPrograms) {
    EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
    EXPECT_FALSE(find_program("sh").empty());
    EXPECT_TRUE(find_program("no-such-program-anywhere").empty());
    EXPECT_TRUE(find_program("/etc/passwd").empty());
}

}  // namespace
}  // namespace gw
