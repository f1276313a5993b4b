// glowworm calibrate: ranges and histograms of every tensor over samples, into profile.yaml; or several profiles merged into one.
#include <CLI/CLI.hpp>

#include "cli/cli.h"

namespace gw {
namespace {

struct CalibrateOptions : CommonOptions {
    std::string output;
    std::vector<std::string> parts;
};

Expected<Profile> make_profile(const CalibrateOptions& o, Session& s) {
    if (!o.parts.empty()) {
        std::vector<Profile> parts;
        for (const std::string& path : o.parts) {
            GW_TRY(Profile p, read_profile(path, s.diag));
            parts.push_back(std::move(p));
        }
        return merge(parts, s.diag);
    }
    if (o.model.empty() || o.samples.empty())
        return s.diag.error(DiagId::bad_option, {}, "calibrate needs MODEL and SAMPLES, or --merge A B ...");
    PassRunner run;
    GW_TRY(LoadedModel model, load_model(o.model, o, run, s.diag));
    GW_TRY_DO(check_custom(model.module.main(), s.diag));
    GW_TRY(Preprocess p, preprocess_of(o, s.diag));
    GW_TRY_DO(check_preprocess(p, s.diag));
    GW_TRY(SampleSet samples, read_samples(o.samples, sample_specs(model.module.main()), p, {}, s.diag));
    return collect(model.module, samples, p, s.diag, s.progress("calibrating"), o.sequence);
}

int calibrate(const CalibrateOptions& o, Session& s) {
    const auto profile = make_profile(o, s);
    if (!profile || !write_profile(o.output, *profile, s.diag)) return exit_wrong;
    s.result = Json{{"profile", o.output},
                    {"samples", profile->samples},
                    {"tensors", profile->tensors.size()},
                    {"model_sha256", profile->model_sha256}};
    s.say(fmt::format("{}: ranges of {} tensors over {} samples", o.output, profile->tensors.size(), profile->samples));
    return exit_done;
}

}  // namespace

void add_calibrate(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<CalibrateOptions>();
    CLI::App* sub = app.add_subcommand("calibrate", "record ranges and histograms of every tensor");
    sub->add_option("MODEL", o->model, "a float model");
    sub->add_option("SAMPLES", o->samples, "samples to run");
    sub->add_option("--merge", o->parts, "profiles of the same model to add up")->type_name("FILE");
    sub->add_option("-o,--output", o->output, "the profile")->required()->type_name("profile.yaml");
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return calibrate(*o, s); }; });
}

}  // namespace gw
