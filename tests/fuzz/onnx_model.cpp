// The ONNX reader, which takes a file: the bytes go to one in memory.
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "frontend/onnx/onnx.h"
#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const int file = ::memfd_create("model.onnx", 0);
    GW_CHECK(file >= 0 && ::write(file, data, size) == static_cast<ssize_t>(size), "no file in memory");
    gw::Diagnostics diag;
    const auto module = gw::read_onnx("/proc/self/fd/" + std::to_string(file), {}, diag);
    GW_CHECK(module.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (module) {
        gw::Diagnostics broken;
        GW_CHECK(gw::verify(module->main(), broken).ok(), "the reader made a graph that does not verify");
    }
    ::close(file);
    return 0;
}
