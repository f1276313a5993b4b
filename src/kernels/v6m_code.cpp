// Weights as instructions. A weight that is an immediate operand needs no load, one that is 0 needs nothing, a power of two needs a shift
// in place of a move and a product. Three channels share the words that they read; their sums stay in low registers, the 32-bit
// accumulators of both pixels in the six high ones. The code has no branch and no literal, so it runs at any address.
//
// Every other instruction of a routine is one of three for a weight:  movs r6, #|w|;  muls r6, word;  adds (or subs) sum, r6.
#include "kernels/v6m_code.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

namespace gw {
namespace {

// Thumb encodings, Armv6-M Architecture Reference Manual, A6.7.
class Assembler {
public:
    explicit Assembler(WeightCode& code) : code_(code) {}
    void movs(int rd, int value) { put(0x2000 | rd << 8 | value); }
    void muls(int rd, int rm) { put(0x4340 | rm << 3 | rd); }
    void adds(int rd, int rn, int rm) { put(0x1800 | rm << 6 | rn << 3 | rd); }
    void subs(int rd, int rn, int rm) { put(0x1A00 | rm << 6 | rn << 3 | rd); }
    void rsbs(int rd, int rn) { put(0x4240 | rn << 3 | rd); }
    void lsls(int rd, int rm, int by) { put(by << 6 | rm << 3 | rd); }
    void asrs(int rd, int rm, int by) { put(0x1000 | by << 6 | rm << 3 | rd); }
    void sxth(int rd, int rm) { put(0xB200 | rm << 3 | rd); }
    void add_to_high(int rd, int rm) { put(0x4480 | rm << 3 | (rd & 7)); }
    void move_to_high(int rd, int rm) { put(0x4680 | rm << 3 | (rd & 7)); }
    void add_bytes(int rd, int bytes) { put(0x3000 | rd << 8 | bytes); }
    void load(int rn, int list) { put(0xC800 | rn << 8 | list, 1 + std::popcount(static_cast<unsigned>(list))); }
    void push_return() { put(0xB500, 2); }
    void pop_return() { put(0xBD00, 4); }

private:
    void put(int instruction, int cycles = 1) {
        code_.instructions.push_back(static_cast<uint16_t>(instruction));
        code_.cycles += cycles;
    }
    WeightCode& code_;
};

constexpr int words[] = {4, 5, 7};  // registers of three taps' words
constexpr int product = 6;
constexpr int most_step = 252;                         // bytes of whole words that one ADDS steps over
constexpr int accumulator[] = {8, 9, 10, 11, 12, 14};  // two a channel

// One channel's sum since it was last taken apart: register r1, r2 or r3.
struct Sum {
    int lo = 0, hi = 0;  // what the products can come to
    bool empty = true;
};

// Takes the sum of channel c apart into its two accumulators.
void flush(Assembler& a, Sum& sum, int c) {
    if (sum.empty) return;
    const int r = 1 + c;
    a.sxth(product, r);
    a.subs(r, r, product);
    a.asrs(r, r, 16);
    a.add_to_high(accumulator[2 * c], product);
    a.add_to_high(accumulator[2 * c + 1], r);
    sum = {};
}

// Adds word · w to the sum of channel c, after taking it apart where it would leave int16.
void add_product(Assembler& a, Sum& sum, int c, int word, int w) {
    if (w == 0) return;
    const int least = std::min(-128 * w, 127 * w), most = std::max(-128 * w, 127 * w);
    if (sum.lo + least < -32768 || sum.hi + most > 32767) flush(a, sum, c);
    const int r = 1 + c;
    const auto size = static_cast<unsigned>(std::abs(w));
    const int to = sum.empty ? r : product;
    int factor = to;  // register that holds word · |w|
    if (size == 1 && !sum.empty) {
        factor = word;
    } else if (std::has_single_bit(size)) {
        a.lsls(to, word, std::countr_zero(size));
    } else {
        a.movs(to, static_cast<int>(size));
        a.muls(to, word);
    }
    if (!sum.empty)
        w > 0 ? a.adds(r, r, factor) : a.subs(r, r, factor);
    else if (w < 0)
        a.rsbs(r, r);
    sum = {sum.lo + least, sum.hi + most, false};
}

}  // namespace

WeightCode weight_code(const Tensor& weights, int64_t channels, int64_t depth) {
    WeightCode code;
    Assembler a(code);
    const auto all = weights.data<int8_t>();
    for (int64_t first = 0; first < channels; first += 3) {
        const int n = static_cast<int>(std::min<int64_t>(3, channels - first));
        const auto at = [&](int c, int64_t tap) { return int{all[static_cast<size_t>((first + c) * depth + tap)]}; };
        code.starts.push_back(static_cast<uint32_t>(code.instructions.size()));
        a.push_return();
        for (int i = 0; i < 6; ++i) a.move_to_high(accumulator[i], 1 + i / 2);
        std::array<Sum, 3> sums;
        int skipped = 0;  // bytes of words that nobody reads, since the last ones that somebody does
        for (int64_t tap = 0; tap < depth; tap += 3) {
            const int taps = static_cast<int>(std::min<int64_t>(3, depth - tap));
            int list = 0;
            bool used = false;
            for (int t = 0; t < taps; ++t) {
                list |= 1 << words[t];
                for (int c = 0; c < n; ++c) used = used || at(c, tap + t) != 0;
            }
            skipped += used ? 0 : 4 * taps;
            if (!used) continue;
            for (; skipped > 0; skipped -= std::min(skipped, most_step)) a.add_bytes(0, std::min(skipped, most_step));
            a.load(0, list);
            for (int c = 0; c < n; ++c)
                for (int t = 0; t < taps; ++t) add_product(a, sums[static_cast<size_t>(c)], c, words[t], at(c, tap + t));
        }
        for (int c = 0; c < n; ++c) flush(a, sums[static_cast<size_t>(c)], c);
        a.pop_return();
    }
    return code;
}

}  // namespace gw
