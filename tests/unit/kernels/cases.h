// Random operands and requantizations for kernel tests.
#pragma once
#include <random>
#include <vector>

#include "support/kernel_harness.h"

namespace gw {

class Dice {
public:
    explicit Dice(uint32_t seed) : engine_(seed) {}
    int64_t between(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(engine_() % static_cast<uint64_t>(hi - lo + 1)); }
    bool chance(int percent) { return between(1, 100) <= percent; }
    // Full-range bytes, now and then with long runs of an extreme.
    Tensor bytes(Shape shape, Quant quant = {}) {
        Tensor t = Tensor::zeros({DType::int8, std::move(shape), std::move(quant)});
        const int mode = static_cast<int>(between(0, 5));
        for (int8_t& v : t.mutable_data<int8_t>())
            v = static_cast<int8_t>(mode == 0 ? -128 : mode == 1 ? 127 : mode == 2 ? (chance(50) ? -128 : 127) : between(-128, 127));
        return t;
    }
    Tensor words(Shape shape, int64_t lo, int64_t hi) {
        Tensor t = Tensor::zeros({DType::int32, std::move(shape), {}});
        for (int32_t& v : t.mutable_data<int32_t>()) v = static_cast<int32_t>(between(lo, hi));
        return t;
    }
    int32_t zero() {
        const int64_t pick = between(0, 4);
        return static_cast<int32_t>(pick == 0 ? -128 : pick == 1 ? 127 : pick == 2 ? 0 : between(-128, 127));
    }
    Tensor floats(Shape shape, double lo, double hi) {
        Tensor t = Tensor::zeros({DType::float32, std::move(shape), {}});
        for (float& v : t.mutable_data<float>()) v = static_cast<float>(lo + (hi - lo) * static_cast<double>(engine_()) / 4294967295.0);
        return t;
    }
    // A rescaling of accumulators up to max_abs onto the output range and, sometimes, far beyond it.
    Requant requant(int64_t channels, int64_t max_abs) {
        const auto form = static_cast<Rounding>(between(1, 4));
        const bool shared = chance(30);
        std::vector<double> real;
        for (int64_t i = 0; i < (shared ? 1 : channels); ++i) {
            const double reach = chance(20) ? 2000.0 : static_cast<double>(between(20, 200));
            real.push_back(reach / static_cast<double>(std::max<int64_t>(1, max_abs)) *
                           (1.0 + static_cast<double>(between(0, 999)) / 1000.0));
        }
        int32_t lo = -128, hi = 127;
        if (chance(30)) lo = static_cast<int32_t>(between(-128, 0)), hi = static_cast<int32_t>(between(lo, 127));
        return make_requant(form, real, std::vector<int64_t>(real.size(), max_abs), zero(), lo, hi);
    }

private:
    std::mt19937 engine_;
};

inline void expect_clean(KernelHarness& harness, size_t at_least_runs) {
    EXPECT_GE(harness.runs(), at_least_runs);
    const std::vector<std::string> faults = harness.run();
    for (size_t i = 0; i < std::min<size_t>(faults.size(), 12); ++i) ADD_FAILURE() << faults[i];
}

}  // namespace gw
