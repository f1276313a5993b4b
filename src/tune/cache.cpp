// One table: a bundle's hash, and the cycles of its steps as text. Several tools may use the file at once: SQLite locks it, and whoever
// does not get the lock in time measures for itself.
#include "tune/cache.h"

#include <sqlite3.h>

#include <cstdlib>
#include <sstream>

namespace gw {
namespace {

// A statement with the key bound to its first parameter.
class Statement {
public:
    Statement(sqlite3* database, const char* sql, const std::string& key) {
        if (sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK) bind(1, key);
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    void bind(int place, const std::string& text) {
        if (statement_ != nullptr) sqlite3_bind_text(statement_, place, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
    bool has_row() { return statement_ != nullptr && sqlite3_step(statement_) == SQLITE_ROW; }
    std::string text() const { return reinterpret_cast<const char*>(sqlite3_column_text(statement_, 0)); }

private:
    sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

TuneCache::TuneCache(const std::filesystem::path& file) {
    if (file.empty()) return;
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    const char* table = "CREATE TABLE IF NOT EXISTS steps (key TEXT PRIMARY KEY, cycles TEXT NOT NULL) WITHOUT ROWID";
    if (sqlite3_open(file.c_str(), &database_) == SQLITE_OK && sqlite3_busy_timeout(database_, 2000) == SQLITE_OK &&
        sqlite3_exec(database_, table, nullptr, nullptr, nullptr) == SQLITE_OK)
        return;
    sqlite3_close(database_);
    database_ = nullptr;
}

TuneCache::~TuneCache() { sqlite3_close(database_); }

std::optional<std::vector<int64_t>> TuneCache::find(const std::string& key) const {
    if (database_ == nullptr) return std::nullopt;
    Statement statement(database_, "SELECT cycles FROM steps WHERE key = ?1", key);
    if (!statement.has_row()) return std::nullopt;
    std::istringstream words(statement.text());
    std::vector<int64_t> cycles;
    for (int64_t c = 0; words >> c;) cycles.push_back(c);
    if (!words.eof()) return std::nullopt;
    return cycles;
}

void TuneCache::keep(const std::string& key, const std::vector<int64_t>& cycles) {
    if (database_ == nullptr) return;
    std::string text;
    for (const int64_t c : cycles) text += (text.empty() ? "" : " ") + std::to_string(c);
    Statement statement(database_, "INSERT OR REPLACE INTO steps VALUES (?1, ?2)", key);
    statement.bind(2, text);
    statement.has_row();
}

std::filesystem::path tune_cache_file() {
    const auto below = [](const char* variable, const char* rest) -> std::filesystem::path {
        const char* folder = std::getenv(variable);
        return folder == nullptr || *folder == '\0' ? std::filesystem::path() : std::filesystem::path(folder) / rest;
    };
    for (const auto& file : {below("GLOWWORM_CACHE", "tune.sqlite"), below("XDG_CACHE_HOME", "glowworm/tune.sqlite"),
                             below("HOME", ".cache/glowworm/tune.sqlite")})
        if (!file.empty()) return file;
    return {};
}

}  // namespace gw
