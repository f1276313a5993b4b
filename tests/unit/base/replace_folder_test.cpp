// replace_folder: what is in the folder afterwards, in both ways of replacing. Deaths are tested with the tool itself (tests/robustness).
#include "base/replace_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/files.h"

namespace gw {
namespace {
namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

void put(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

// Everything below a folder, without the folder's own name.
Files content(const fs::path& folder) {
    Files all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().lexically_relative(folder).string();
        if (entry.is_directory()) {
            all[name] = "(folder)";
            continue;
        }
        std::ifstream in(entry.path(), std::ios::binary);
        all[name].assign(std::istreambuf_iterator<char>(in), {});
    }
    return all;
}

struct ReplaceFolder : ::testing::Test {
    TemporaryFolder temporary;
    fs::path parent = temporary.path() / "parent", folder = parent / "bundle";
    Diagnostics diag;
    void SetUp() override { fs::create_directories(folder); }
    bool replace(const Files& files, const std::set<std::string>& outdated = {}) {
        return replace_folder(folder, files, outdated, diag).ok();
    }
    static ino_t inode(const fs::path& path) {
        struct stat s {};
        return ::stat(path.c_str(), &s) == 0 ? s.st_ino : 0;
    }
};

TEST_F(ReplaceFolder, MakesAFolderThatIsNotThere) {
    folder = parent / "a" / "b";
    ASSERT_TRUE(replace({{"x", "1"}, {"y", ""}}));
    EXPECT_EQ(content(parent / "a"), (Files{{"b", "(folder)"}, {"b/x", "1"}, {"b/y", ""}}));
}

TEST_F(ReplaceFolder, ExchangesTheFolderAndKeepsWhatIsTheUsers) {
    put(folder / "x", "old"), put(folder / "gone", "old"), put(folder / "mine", "m");
    fs::create_symlink("nowhere", folder / "link");
    ::chmod(folder.c_str(), 0750);
    const ino_t before = inode(folder), mine = inode(folder / "mine");
    ASSERT_TRUE(replace({{"x", "new"}, {"y", "new"}}, {"gone", "never"}));
    EXPECT_NE(inode(folder), before);
    EXPECT_EQ(inode(folder / "mine"), mine);
    EXPECT_EQ(fs::read_symlink(folder / "link"), "nowhere");
    fs::remove(folder / "link");
    EXPECT_EQ(content(parent), (Files{{"bundle", "(folder)"}, {"bundle/x", "new"}, {"bundle/y", "new"}, {"bundle/mine", "m"}}));
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms(0750));
}

TEST_F(ReplaceFolder, FollowsALink) {
    fs::create_directory_symlink("bundle", parent / "link");
    folder = parent / "link";
    ASSERT_TRUE(replace({{"x", "1"}}));
    EXPECT_TRUE(fs::is_symlink(parent / "link"));
    EXPECT_EQ(content(parent / "bundle"), (Files{{"x", "1"}}));
}

TEST_F(ReplaceFolder, ReplacesInPlaceWhatCannotBeExchanged) {
    fs::create_directory(folder / "build");
    put(folder / "build" / "o", "o"), put(folder / "x", "old"), put(folder / "gone", "old"), put(folder / "mine", "m");
    const ino_t before = inode(folder);
    ASSERT_TRUE(replace({{"x", "new"}, {"y", "new"}}, {"gone"}));
    EXPECT_EQ(inode(folder), before);
    EXPECT_EQ(content(parent), (Files{{"bundle", "(folder)"},
                                      {"bundle/x", "new"},
                                      {"bundle/y", "new"},
                                      {"bundle/mine", "m"},
                                      {"bundle/build", "(folder)"},
                                      {"bundle/build/o", "o"}}));
}

TEST_F(ReplaceFolder, TheCurrentFolderStaysTheSame) {
    const fs::path here = fs::current_path();
    const ino_t before = inode(folder);
    fs::create_directory(folder / "below");
    fs::current_path(folder / "below");
    fs::remove(folder / "below");  // even from a folder that has gone
    fs::current_path(folder);
    const bool good = replace_folder(".", {{"x", "1"}}, {}, diag).ok();
    fs::current_path(here);
    ASSERT_TRUE(good);
    EXPECT_EQ(inode(folder), before);
    EXPECT_EQ(content(parent), (Files{{"bundle", "(folder)"}, {"bundle/x", "1"}}));
}

TEST_F(ReplaceFolder, AnErrorLeavesTheOldFiles) {
    put(folder / "a", "old");
    fs::create_directory(folder / "x");
    EXPECT_FALSE(replace({{"a", "new"}, {"x", "new"}}));
    ASSERT_EQ(diag.all().size(), 1u);
    EXPECT_EQ(diag.all()[0].id, DiagId::file_unwritable);
    EXPECT_EQ(content(parent), (Files{{"bundle", "(folder)"}, {"bundle/a", "old"}, {"bundle/x", "(folder)"}}));
}

// A death before the exchange leaves new files and links; one after it the old files, and perhaps what the user put there in between.
TEST_F(ReplaceFolder, ClearsWhatADeathLeft) {
    for (const fs::path& place : {parent / ".bundle.glowworm", folder / ".glowworm"}) {
        fs::create_directories(place / "new");
        put(place / "files", "x\ny\n");
        put(place / "new" / "x", "half"), put(place / "new" / "mine", "link"), put(place / "new" / "late", "late");
    }
    put(folder / "x", "old"), put(folder / "mine", "m");
    ASSERT_TRUE(replace({{"x", "new"}}));
    EXPECT_EQ(content(parent), (Files{{"bundle", "(folder)"}, {"bundle/x", "new"}, {"bundle/mine", "m"}, {"bundle/late", "late"}}));
}

}  // namespace
}  // namespace gw
