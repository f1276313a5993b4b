// Measurements kept from one run of the tool to the next, in an SQLite file: only a saving of time. Whatever is wrong with the file, the
// tool measures again.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

struct sqlite3;

namespace gw {

class TuneCache {
public:
    TuneCache() = default;  // keeps nothing
    // Makes folder and file where they are missing.
    explicit TuneCache(const std::filesystem::path& file);
    ~TuneCache();
    TuneCache(const TuneCache&) = delete;
    TuneCache& operator=(const TuneCache&) = delete;

    // Cycles of each step of the bundle that `key` stands for: a hash of all that they follow from.
    std::optional<std::vector<int64_t>> find(const std::string& key) const;
    void keep(const std::string& key, const std::vector<int64_t>& cycles);
    bool usable() const { return database_ != nullptr; }

private:
    sqlite3* database_ = nullptr;
};

// $GLOWWORM_CACHE/tune.sqlite, else below $XDG_CACHE_HOME/glowworm or $HOME/.cache/glowworm; empty where none of them is set.
std::filesystem::path tune_cache_file();

}  // namespace gw
