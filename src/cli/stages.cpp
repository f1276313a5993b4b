// The graph after every pass, as a developer asks for it: --dump-stages writes one file a pass, --print-after prints one or all.
#include <CLI/CLI.hpp>

#include "base/files.h"
#include "cli/cli.h"

namespace gw {

void add_stage_options(CLI::App& app, CommonOptions& o) {
    app.add_option("--dump-stages", o.dump_stages, "write the graph after every pass into this folder")->type_name("DIR");
    app.add_option("--print-after", o.print_after, "print the graph after this pass, or after `all`")->type_name("PASS");
}

PassRunner stage_runner(const CommonOptions& o, Session& session) {
    PassRunner run;
    const std::string folder = o.dump_stages, wanted = o.print_after;
    if (folder.empty() && wanted.empty()) return run;
    run.after = [folder, wanted, &session, number = 0](int, std::string_view name, const Graph& g) mutable {
        if (!folder.empty()) {
            GW_CHECK(number < 100, "stages are numbered with two digits");
            if (!write_file(std::filesystem::path(folder) / fmt::format("{:02}-{}.gw", number, name), print(g), session.diag).ok()) return;
        }
        if (wanted == name || wanted == "all") session.print(fmt::format("; after {}\n{}", name, print(g)));
        ++number;
    };
    return run;
}

}  // namespace gw
