// Runs a fuzz target without a fuzzer: every file of the corpus as it is, cut short at every byte (of small files), and with seeded random
// damage. The same on every machine; libFuzzer (preset `fuzz`) searches for what this does not find.
//   smoke CORPUS_FOLDER DAMAGED_COPIES
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/fuzz_target.h"

namespace {

void run(const std::string& bytes) { LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()); }

std::string damaged(std::string bytes, std::mt19937& random) {
    for (unsigned n = 1 + random() % 8; n > 0 && !bytes.empty(); --n) {
        const size_t at = random() % bytes.size();
        switch (random() % 4) {
            case 0:
                bytes[at] = static_cast<char>(random());
                break;
            case 1:
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
                break;
            case 2:
                bytes.erase(at, 1 + random() % 8);
                break;
            default:
                bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 16));
                break;
        }
    }
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 1;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1]))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::fprintf(stderr, "no corpus in %s\n", argv[1]);
        return 1;
    }
    std::mt19937 random(1);
    const long copies = std::strtol(argv[2], nullptr, 10);
    long runs = 0;
    std::vector<std::string> corpus;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        run(corpus.back());
        const size_t step = 1 + corpus.back().size() / 2000;
        for (size_t n = 0; n < corpus.back().size(); n += step, ++runs) run(corpus.back().substr(0, n));
    }
    for (long i = 0; i < copies; ++i, ++runs) run(damaged(corpus[random() % corpus.size()], random));
    std::printf("%ld inputs, none crashed\n", runs);
    return 0;
}
