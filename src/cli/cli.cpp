// Parses the command line, runs the chosen command and says how it ended. With --json everything, errors included, is one object on
// standard output.
#include "cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "cli/help.h"

namespace gw {

void Session::say(const std::string& line) const {
    clear_bar();
    if (!json) std::fputs((line + "\n").c_str(), stdout);
}

void Session::clear_bar() const {
    if (bar_shown_) std::fputs("\r\033[K", stderr);
    bar_shown_ = false;
}

void Session::print(const std::string& text) {
    if (json)
        result["text"] = result.value("text", std::string()) + text + "\n";
    else
        say(text);
}

std::function<void(int64_t, int64_t)> Session::progress(const std::string& what) const {
    if (json || ::isatty(STDERR_FILENO) == 0) return [](int64_t, int64_t) {};
    return [this, what](int64_t done, int64_t total) {
        if (done >= total) return clear_bar();
        constexpr int64_t width = 40;
        const int64_t filled = done * width / total;
        std::fprintf(stderr, "\r%s [%s%s] %lld/%lld", what.c_str(), std::string(static_cast<size_t>(filled), '#').c_str(),
                     std::string(static_cast<size_t>(width - filled), '.').c_str(), static_cast<long long>(done),
                     static_cast<long long>(total));
        std::fflush(stderr);
        bar_shown_ = true;
    };
}

namespace {

Json diagnostic_json(const Diagnostic& d) {
    Json j{{"id", diag_name(d.id)}, {"message", d.message}};
    if (!d.location.file.empty()) j["file"] = d.location.file;
    if (!d.location.op.empty()) j["operator"] = d.location.op;
    if (d.location.node >= 0) j["node"] = d.location.node;
    if (!d.location.node_name.empty()) j["node_name"] = d.location.node_name;
    if (!d.location.operand.empty()) j["operand"] = d.location.operand;
    return j;
}

void report_faults(Session& s, int status) {
    s.clear_bar();
    if (!s.json) {
        for (const Diagnostic& d : s.diag.all()) std::fputs((d.text() + "\n").c_str(), stderr);
        if (s.diag.errors() > 1) std::fprintf(stderr, "glowworm: %d errors\n", s.diag.errors());
        return;
    }
    Json out{{"status", status}};
    for (auto& [key, value] : s.result.items()) out[key] = value;
    static constexpr const char* lists[] = {"errors", "warnings", "notes"};
    for (const char* list : lists) out[list] = Json::array();
    for (const Diagnostic& d : s.diag.all()) out[lists[static_cast<size_t>(d.severity)]].push_back(diagnostic_json(d));
    std::fputs((out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n").c_str(), stdout);
}

// A broken check ends the process; with --json it still leaves one object on standard output.
[[noreturn]] void check_failed_in_json(std::string_view file, int line, std::string_view condition, std::string_view message) {
    const std::string text =
        fmt::format("{}:{}: {} ({}); this is a bug in glowworm", std::filesystem::path(file).filename().string(), line, message, condition);
    const Json out{{"status", exit_bug}, {"errors", {{{"id", "internal-error"}, {"message", text}}}}};
    std::fputs((out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n").c_str(), stdout);
    std::fflush(stdout);
    ::_exit(exit_bug);
}

// What packagers call at build time; not among the commands that --help lists.
void add_pages(CLI::App& app, Command& chosen) {
    app.add_subcommand("man-page", "print the manual page in roff")->group("")->callback([&app, &chosen] {
        chosen = [&app](Session& s) { return s.print(man_page(app)), exit_done; };
    });
    app.add_subcommand("bash-completion", "print a script that completes the commands in bash")->group("")->callback([&app, &chosen] {
        chosen = [&app](Session& s) { return s.print(bash_completion(app)), exit_done; };
    });
}

constexpr auto all_commands = {add_compile, add_calibrate, add_run,   add_evaluate, add_verify, add_profile, add_analyze,
                               add_sample,  add_boards,    add_lists, add_opt,      add_bisect, add_reduce,  add_pages};

// --help, --version, or a command line that does not parse.
int end_of_parsing(const CLI::App& app, const CLI::ParseError& e, Session& s) {
    if (e.get_exit_code() != 0) {
        s.diag.error(DiagId::bad_option, {}, "{}; `glowworm --help` lists the commands, `glowworm COMMAND --help` their options", e.what());
        report_faults(s, exit_wrong);
        return exit_wrong;
    }
    std::ostringstream out, err;
    app.exit(e, out, err);
    if (s.json)
        s.result["text"] = out.str();
    else
        std::fputs(out.str().c_str(), stdout);
    report_faults(s, exit_done);
    return exit_done;
}

}  // namespace

int run_cli(int argc, char** argv) {
    CLI::App app{"Ahead-of-time neural-network compiler for microcontrollers: a model file in, a bundle of plain C99 out.", "glowworm"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "glowworm " + version());
    app.failure_message(CLI::FailureMessage::simple);
    Session session;
    Command chosen;
    for (auto add : all_commands) add(app, chosen);
    for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; }))
        sub->add_flag("--json", session.json, "print one JSON object on standard output, errors included");
    finish_help(app);
    // Before parsing, so that errors of parsing are JSON too.
    for (int i = 1; i < argc; ++i) session.json = session.json || std::string_view(argv[i]) == "--json";
    set_check_handler(session.json ? check_failed_in_json : nullptr);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return end_of_parsing(app, e, session);
    }
    int status = exit_wrong;
    try {
        if (chosen) status = chosen(session);
    } catch (const std::bad_alloc&) {
        session.diag.error(DiagId::file_unreadable, {}, "there is not enough memory for this model");
    }
    if (status == exit_done && session.diag.has_errors()) status = exit_wrong;
    report_faults(session, status);
    return status;
}

}  // namespace gw
