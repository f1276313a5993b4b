// Parses the command line, runs the chosen command and says how it ended. With --json everything, errors included, is one object on
// standard output.
#include "cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

namespace gw {

void Session::say(const std::string& line) const {
    if (!json) std::fputs((line + "\n").c_str(), stdout);
}

std::function<void(int64_t, int64_t)> Session::progress(const std::string& what) const {
    if (json || ::isatty(STDERR_FILENO) == 0) return [](int64_t, int64_t) {};
    return [what](int64_t done, int64_t total) {
        constexpr int64_t width = 40;
        const int64_t filled = total > 0 ? done * width / total : width;
        std::fprintf(stderr, "\r%s [%s%s] %lld/%lld", what.c_str(), std::string(static_cast<size_t>(filled), '#').c_str(),
                     std::string(static_cast<size_t>(width - filled), '.').c_str(), static_cast<long long>(done),
                     static_cast<long long>(total));
        if (done >= total) std::fprintf(stderr, "\r%*s\r", static_cast<int>(what.size() + width + 32), "");
        std::fflush(stderr);
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

}  // namespace

int run_cli(int argc, char** argv) {
    CLI::App app{"Ahead-of-time neural-network compiler for microcontrollers: a model file in, a bundle of plain C99 out.", "glowworm"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "glowworm " + version());
    app.failure_message(CLI::FailureMessage::simple);
    Session session;
    Command chosen;
    for (auto add : {add_compile, add_calibrate, add_run, add_evaluate, add_verify, add_profile, add_lists, add_opt}) add(app, chosen);
    for (CLI::App* sub : app.get_subcommands({})) sub->add_flag("--json", session.json, "print one JSON object on standard output");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) return app.exit(e);
        for (int i = 1; i < argc; ++i) session.json = session.json || std::string_view(argv[i]) == "--json";
        session.diag.error(DiagId::bad_option, {}, "{}", e.what());
        report_faults(session, exit_wrong);
        return exit_wrong;
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
