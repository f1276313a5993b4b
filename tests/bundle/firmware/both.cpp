// Two bundles in one C++ program, one arena as large and as aligned as the larger wants: their outputs must be those that each gives alone.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "one.h"
#include "two.h"

namespace {
constexpr std::size_t larger(std::size_t a, std::size_t b) { return a > b ? a : b; }
alignas(16) unsigned char arena[larger(ONE_ARENA_BYTES, TWO_ARENA_BYTES) + 1];
ONE_INPUT_TYPE one_in[ONE_INPUT_COUNT];
ONE_OUTPUT_TYPE one_out[ONE_OUTPUT_COUNT];
TWO_LEFT_TYPE left[TWO_LEFT_COUNT];
TWO_RIGHT_TYPE right[TWO_RIGHT_COUNT];
TWO_SUM_TYPE sum[TWO_SUM_COUNT];
TWO_PEAK_TYPE peak[TWO_PEAK_COUNT];

void print(const void* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::printf("%02x", static_cast<const unsigned char*>(bytes)[i]);
    std::printf("\n");
}
}  // namespace

int main() {
    std::FILE* f = std::fopen("inputs.bin", "rb");
    if (f == nullptr || std::fread(one_in, 1, sizeof one_in, f) != sizeof one_in || std::fread(left, 1, sizeof left, f) != sizeof left ||
        std::fread(right, 1, sizeof right, f) != sizeof right)
        return 1;
    std::fclose(f);
    two_io io;
    io.left = left, io.right = right, io.sum = sum, io.peak = peak;
    for (int round = 0; round < 3; ++round) {
        std::memset(arena, 0x5A + round, sizeof arena);
        if (one_run(one_in, one_out, arena) != ONE_OK || two_run(&io, arena) != TWO_OK) return 2;
    }
    if (one_run(nullptr, one_out, arena) != ONE_ERR_NULL) return 3;
    io.peak = nullptr;
    if (two_run(&io, arena) != TWO_ERR_NULL || two_run(nullptr, arena) != TWO_ERR_NULL) return 4;
    print(one_out, sizeof one_out);
    print(sum, sizeof sum);
    print(peak, sizeof peak);
    return 0;
}
