// Running other programs. fork and exec with pipes for both output streams, one poll loop that reads them and watches the clock. The child
// is the leader of a process group of its own, so that a timeout also ends what it started (compilers start assemblers and linkers). An
// exec that fails reports errno through a close-on-exec pipe, which tells "could not start" from "started and exited 127".
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace gw {
namespace {

struct Pipe {
    int read_end = -1, write_end = -1;
    bool open() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
        read_end = ends[0], write_end = ends[1];
        return true;
    }
    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }
    ~Pipe() { close(read_end), close(write_end); }
};

// Reads once from `fd` into `text`; false at the end of the stream.
bool read_some(int fd, std::string& text, size_t limit) {
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n == 0) return false;
    if (text.size() < limit) text.append(buffer.data(), std::min(static_cast<size_t>(n), limit - text.size()));
    return true;
}

// Waits for `pid`, reading its streams meanwhile.
void collect(pid_t pid, Pipe& out, Pipe& err, const ProcessOptions& options, ProcessResult& result) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.timeout_seconds));
    bool reaped = false;
    int status = 0;
    while (!reaped) {
        std::array<pollfd, 2> fds = {{{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}}};
        // A closed stream is -1, which poll ignores; then the short wait only paces the waitpid below.
        const bool streams = out.read_end >= 0 || err.read_end >= 0;
        ::poll(fds.data(), fds.size(), streams ? 50 : 5);
        if ((fds[0].revents & (POLLIN | POLLHUP)) != 0 && !read_some(out.read_end, result.out, options.capture_limit))
            Pipe::close(out.read_end);
        if ((fds[1].revents & (POLLIN | POLLHUP)) != 0 && !read_some(err.read_end, result.err, options.capture_limit))
            Pipe::close(err.read_end);
        reaped = ::waitpid(pid, &status, WNOHANG) == pid;
        if (!reaped && options.timeout_seconds > 0 && Clock::now() > end) {
            result.timed_out = true;
            ::kill(-pid, SIGKILL);
            reaped = ::waitpid(pid, &status, 0) == pid;
        }
    }
    // What is still in the pipes. A grandchild may hold them open, so never wait for their end.
    for (auto [pipe, text] : {std::pair{&out, &result.out}, std::pair{&err, &result.err}}) {
        pollfd fd = {pipe->read_end, POLLIN, 0};
        while (pipe->read_end >= 0 && ::poll(&fd, 1, 0) > 0 && read_some(pipe->read_end, *text, options.capture_limit)) continue;
    }
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
}

// Forks; the child calls `body` with its streams in place and never returns from here.
template <class Body>
ProcessResult spawn(const ProcessOptions& options, const Body& body) {
    ProcessResult result;
    Pipe out, err, start;
    if (!out.open() || !err.open() || !start.open()) {
        result.start_error = std::strerror(errno);
        return result;
    }
    const pid_t pid = ::fork();
    if (pid < 0) {
        result.start_error = std::strerror(errno);
        return result;
    }
    if (pid == 0) {
        ::setpgid(0, 0);
        const int null = ::open("/dev/null", O_RDONLY);
        if (null >= 0) ::dup2(null, STDIN_FILENO);
        ::dup2(out.write_end, STDOUT_FILENO);
        ::dup2(err.write_end, STDERR_FILENO);
        for (int s : {SIGINT, SIGTERM, SIGPIPE}) ::signal(s, SIG_DFL);
        const rlimit no_core = {0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        int error = 0;
        if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0)
            error = errno;
        else
            error = body(start.write_end);
        (void)!::write(start.write_end, &error, sizeof error);
        ::_exit(127);
    }
    ::setpgid(pid, pid);  // in both, because either may come first
    Pipe::close(out.write_end), Pipe::close(err.write_end), Pipe::close(start.write_end);
    int error = 0;
    ssize_t n = 0;
    do n = ::read(start.read_end, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    result.started = n != static_cast<ssize_t>(sizeof error);
    if (!result.started) result.start_error = std::strerror(error);
    collect(pid, out, err, options, result);
    if (!result.started) result.exit_code = -1;
    return result;
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
    ProcessResult result;
    if (arguments.empty()) {
        result.start_error = "no program given";
        return result;
    }
    std::vector<char*> argv;
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    return spawn(options, [&](int) {
        ::execvp(argv[0], argv.data());
        return errno;
    });
}

ProcessResult run_in_child(const std::function<int()>& body, const ProcessOptions& options) {
    return spawn(options, [&](int start) -> int {
        ::close(start);  // tells the parent that we run
        ::_exit(body() & 0xff);
    });
}

std::filesystem::path find_program(std::string_view name) {
    const std::string text(name);
    auto runs = [](const std::string& path) {
        std::error_code ec;
        return ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path, ec);
    };
    if (text.find('/') != std::string::npos) return runs(text) ? std::filesystem::path(text) : std::filesystem::path();
    const char* path = std::getenv("PATH");
    if (text.empty() || path == nullptr) return {};
    for (const std::string& folder : split(path, ':')) {
        const std::string candidate = (folder.empty() ? "." : folder) + "/" + text;
        if (runs(candidate)) return candidate;
    }
    return {};
}

}  // namespace gw
