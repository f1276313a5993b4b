// The problem: a bundle is ten files that belong together, a file system renames one at a time, and whoever builds firmware while the tool
// is killed must not get the new weights with the old code. The idea: Linux exchanges two folders in one step (renameat2, RENAME_EXCHANGE).
// The new files are written and flushed into a folder beside the old one, the user's own files in the old folder are linked into it, and
// the two change places; then the old one is cleared.
//
//   PARENT/.NAME.glowworm/        the workplace, locked while in use; what is found in it unlocked was left by a death
//   PARENT/.NAME.glowworm/files   names of generated files: these may be deleted, everything else belongs to the user and goes back
//   PARENT/.NAME.glowworm/new     becomes NAME, and is then the old NAME
//
// The other way, in place, has the same workplace inside the folder. There all old files are removed before the first new one appears, so
// that an interrupted build fails for a missing file and never succeeds with a mixture. docs/decisions/0018 weighs the two.
#include "base/replace_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace gw {
namespace fs = std::filesystem;
namespace {

using Names = std::set<std::string>;

// Flushes a file's or folder's content to the disk. File systems that cannot are as safe as they get.
void flush(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)::fsync(fd);
    ::close(fd);
}

// Writes and flushes; errno tells why not.
bool write_flushed(const fs::path& path, std::string_view content) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    bool good = true;
    while (good && !content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        good = n > 0 || (n < 0 && errno == EINTR);
        if (n > 0) content.remove_prefix(static_cast<size_t>(n));
    }
    good = good && (::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP);
    const int error = errno;
    good = ::close(fd) == 0 && good;
    if (!good && error != 0) errno = error;
    return good;
}

class Workplace {
public:
    // Takes `place` for the files of `folder`, and first clears what a death left in it. Not ok(): it cannot be made; errno tells why.
    Workplace(fs::path place, fs::path folder) : place_(std::move(place)), folder_(std::move(folder)) {
        // Whoever had the lock removes the folder when done, so a lock may be that of a folder that has gone: then once more.
        for (int attempt = 0; attempt < 1000 && !ok(); ++attempt) {
            if (::mkdir(place_.c_str(), 0700) != 0 && errno != EEXIST) return;
            const int fd = ::open(place_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0) {
                if (errno == ENOENT) continue;
                return;
            }
            struct stat locked {
            }, there{};
            (void)::flock(fd, LOCK_EX);
            if (::fstat(fd, &locked) == 0 && ::lstat(place_.c_str(), &there) == 0 && locked.st_ino == there.st_ino)
                lock_ = fd;
            else
                ::close(fd);
        }
        if (ok()) empty();
    }
    ~Workplace() {
        if (!ok()) return;
        empty();
        ::rmdir(place_.c_str());
        ::close(lock_);
    }
    Workplace(const Workplace&) = delete;
    Workplace& operator=(const Workplace&) = delete;

    bool ok() const { return lock_ >= 0; }
    fs::path fresh() const { return place_ / "new"; }

    // Writes the new files. `generated` names all that may be deleted from now on.
    bool fill(const std::map<std::string, std::string>& files, const Names& generated) {
        std::string list;
        for (const std::string& name : generated) list += name + '\n';
        if (!write_flushed(place_ / "files", list)) return false;
        flush(place_);
        if (::mkdir(fresh().c_str(), 0777) != 0) return false;
        for (const auto& [name, content] : files)
            if (!write_flushed(fresh() / name, content)) return false;
        return true;
    }

private:
    // Deletes generated files and links; anything that the user's folder lacks goes back there.
    void empty() {
        std::error_code ec;
        Names generated;
        std::ifstream list(place_ / "files");
        for (std::string line; std::getline(list, line);) generated.insert(line);
        for (fs::directory_iterator at(fresh(), ec), end; !ec && at != end; at.increment(ec)) {
            const fs::path back = folder_ / at->path().filename();
            std::error_code gone;
            if (!generated.contains(at->path().filename().string()) && !fs::exists(fs::symlink_status(back, gone)))
                ::rename(at->path().c_str(), back.c_str());
            else if (!fs::is_directory(at->symlink_status(gone)))
                ::unlink(at->path().c_str());
        }
        ::rmdir(fresh().c_str());
        ::unlink((place_ / "files").c_str());
    }

    fs::path place_, folder_;
    int lock_ = -1;
};

// A parent of the current folder, or that folder: exchanging it would leave the caller's shell in a folder that has gone.
bool holds_current_folder(const fs::path& folder) {
    std::error_code ec;
    for (fs::path at = fs::current_path(ec); !ec && !at.empty(); at = at.parent_path()) {
        if (fs::equivalent(at, folder, ec)) return true;
        if (at == at.root_path()) break;
    }
    return false;
}

// Links the user's files of the old folder into the new one, and gives it the old one's owner and mode. False: a subfolder, or no links
// here.
bool adopt(const fs::path& folder, const fs::path& fresh, const Names& generated) {
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
        if (generated.contains(at->path().filename().string())) continue;
        if (at->is_directory(ec) && !at->is_symlink(ec)) return false;
        if (::link(at->path().c_str(), (fresh / at->path().filename()).c_str()) != 0) return false;
    }
    struct stat old {};
    if (ec || ::stat(folder.c_str(), &old) != 0) return false;
    if (::chown(fresh.c_str(), old.st_uid, old.st_gid) != 0 && old.st_uid != ::geteuid()) return false;
    return ::chmod(fresh.c_str(), old.st_mode & 07777) == 0;
}

// Exchanges the folders. False: nothing has happened, and the other way must do.
bool exchange(const fs::path& folder, const std::map<std::string, std::string>& files, const Names& generated) {
    if (holds_current_folder(folder)) return false;
    const fs::path parent = folder.parent_path();
    Workplace work(parent / ("." + folder.filename().string() + ".glowworm"), folder);
    if (!work.ok() || !work.fill(files, generated) || !adopt(folder, work.fresh(), generated)) return false;
    flush(work.fresh());
    if (::renameat2(AT_FDCWD, work.fresh().c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) != 0) return false;
    flush(parent);
    return true;
}

Status replace_in_place(const fs::path& folder, const std::map<std::string, std::string>& files, const Names& generated,
                        Diagnostics& diag) {
    const auto failed = [&](const fs::path& where) {
        return diag.error(DiagId::file_unwritable, {.file = where.string()}, "cannot be written: {}", std::strerror(errno));
    };
    Workplace work(folder / ".glowworm", folder);
    if (!work.ok() || !work.fill(files, generated)) return failed(folder);
    for (const std::string& name : generated)
        if (::unlink((folder / name).c_str()) != 0 && errno != ENOENT) return failed(folder / name);
    flush(folder);
    for (const auto& [name, content] : files)
        if (::rename((work.fresh() / name).c_str(), (folder / name).c_str()) != 0) return failed(folder / name);
    flush(folder);
    return {};
}

}  // namespace

Status replace_folder(const fs::path& where, const std::map<std::string, std::string>& files, const Names& outdated, Diagnostics& diag) {
    std::error_code ec;
    fs::create_directories(where, ec);
    // The folder itself, where a link leads to it.
    const fs::path folder = ec ? where : fs::canonical(where, ec);
    if (ec) return diag.error(DiagId::file_unwritable, {.file = where.string()}, "cannot be created: {}", ec.message());
    Names generated = outdated;
    for (const auto& [name, content] : files) generated.insert(name);
    for (const std::string& name : generated)
        if (fs::is_directory(fs::symlink_status(folder / name, ec)))
            return diag.error(DiagId::file_unwritable, {.file = (where / name).string()}, "cannot be written: a folder has this name");
    // What a death left in the other way's workplace.
    if (fs::exists(folder / ".glowworm", ec)) const Workplace leftover(folder / ".glowworm", folder);
    if (exchange(folder, files, generated)) return {};
    return replace_in_place(folder, files, generated, diag);
}

}  // namespace gw
