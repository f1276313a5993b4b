// profile.yaml. What reads must be written and read again to the same profile.
#include "calibrate/profile.h"
#include "base/check.h"
#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::Diagnostics diag;
    const auto profile = gw::parse_profile(std::string(gw::as_text(data, size)), "input.yaml", diag);
    GW_CHECK(profile.ok() || diag.has_errors(), "a refusal without a diagnostic");
    if (!profile) return 0;
    const auto again = gw::parse_profile(gw::profile_yaml(*profile), "again.yaml", diag);
    GW_CHECK(again.ok() && *again == *profile, "a written profile does not read back");
    return 0;
}
