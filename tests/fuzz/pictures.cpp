// PNG and JPEG pictures.
#include "base/check.h"
#include "fuzz/fuzz_target.h"
#include "samples/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    const auto picture = gw::decode_picture(gw::as_text(data, size), 3, "input.png", diag);
    GW_CHECK(picture.ok() || diag.has_errors(), "a refusal without a diagnostic");
    return 0;
}
