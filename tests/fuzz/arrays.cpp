// .npy and .npz.
#include "base/check.h"
#include "fuzz/fuzz_target.h"
#include "samples/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    const auto one = gw::parse_npy(gw::as_text(data, size), "input.npy", diag);
    GW_CHECK(one.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (one) {
        const auto again = gw::parse_npy(gw::npy_bytes(*one), "again.npy", diag);
        GW_CHECK(again.ok() && again->bytes() == one->bytes(), "a written array does not read back");
    }
    const auto many = gw::parse_npz(gw::as_text(data, size), "input.npz", diag);
    GW_CHECK(many.ok() || diag.has_errors(), "a refusal without a diagnostic");
    return 0;
}
