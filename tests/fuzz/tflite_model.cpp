// The TFLite reader.
#include "base/check.h"
#include "frontend/tflite/tflite.h"
#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    const auto module = gw::read_tflite_bytes(gw::as_text(data, size), "model.tflite", diag);
    GW_CHECK(module.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (module) {
        gw::Diagnostics broken;
        GW_CHECK(gw::verify(module->main(), broken).ok(), "the reader made a graph that does not verify");
    }
    return 0;
}
