// Sizes without a compiler. Everything about RAM, weights and tables is decided before any C is compiled: by the quantized graph, the
// kernels that lowering takes and the memory plan. So a model can be planned for every core we know within a second, and held against
// boards. Code is the one thing that only the user's compiler knows; it is not guessed: a board's row says how much flash is left for it.
#include "cli/planned.h"

#include "base/text.h"
#include "interp/interp.h"
#include "lower/fit.h"

namespace gw {
namespace {

constexpr const char* least_options = "--optimize ram --input arena --output arena";

}  // namespace

Expected<SizedModel> sized_model(const CommonOptions& o, bool keep_float, Session& s) {
    SizedModel m;
    PassRunner run;
    GW_TRY(m.model, load_model(o.model, o, run, s.diag));
    const Graph& g = m.model.module.main();
    m.graph = g;
    if (keep_float || !m.model.is_float) return m;
    GW_TRY_DO(check_custom(g, s.diag));
    SampleSet samples;
    samples.samples.emplace_back();
    const std::vector<Tensor> inputs = pseudo_random_inputs(g);
    for (size_t i = 0; i < inputs.size(); ++i) samples.samples[0].push_back(to_model_order(g.inputs[i], inputs[i]));
    samples.names = {"pseudo-random"};
    // Warnings about ranges that mean nothing would only mislead.
    Diagnostics quiet;
    GW_TRY(const Profile profile, collect(m.model.module, samples, {}, quiet));
    GW_TRY(m.graph, quantise(g, profile, {}, run, s.diag));
    m.made_up_ranges = true;
    return m;
}

Expected<Planned> plan_for(const SizedModel& model, const Core& core, const PlanOptionsOf& options, Diagnostics& diag) {
    Planned p;
    LowerOptions lower_options;
    lower_options.name = "net";
    lower_options.optimize = options.optimize;
    lower_options.input_in_arena = lower_options.output_in_arena = options.arena;
    GW_TRY(Fitted f, fit_whole(model.graph, core, lower_options, diag));
    p.program = std::move(f.program);
    for (const Data& data : p.program.data) (data.role == DataRole::weights ? p.weights : p.tables) += data.tensor.type.bytes();
    p.ram = ram_bytes(p.program);
    return p;
}

Expected<std::vector<BoardVerdict>> board_verdicts(const SizedModel& model, Session& s) {
    std::map<std::string_view, std::pair<Needs, Needs>> by_core;
    std::vector<BoardVerdict> all;
    const auto progress = s.progress("planning");
    const auto count = static_cast<int64_t>(boards().size());
    int64_t done = 0;
    for (const Board& b : boards()) {
        progress(done++, count);
        if (by_core.count(b.core) == 0) {
            GW_TRY(const Core core, core_named(b.core, s.diag));
            GW_TRY(const Planned plain, plan_for(model, core, {}, s.diag));
            GW_TRY(const Planned least, plan_for(model, core, {"ram", true}, s.diag));
            by_core[b.core] = {plain.needs(), least.needs()};
        }
        const auto& [needs, least] = by_core[b.core];
        BoardVerdict v{&b, "does not fit", fit(b, needs), fit(b, least), needs, least, ""};
        if (v.plain.fits)
            v.verdict = "fits";
        else if (v.best.fits)
            v.verdict = fmt::format("fits with {}", least_options);
        all.push_back(std::move(v));
    }
    progress(count, count);
    return all;
}

std::vector<BoardVerdict> board_verdicts(const Bundle& bundle) {
    const Json& r = bundle.report;
    auto number = [](const Json& j) { return j.is_number() ? j.get<int64_t>() : int64_t{-1}; };
    Needs needs;
    needs.ram = r["ram"]["total_bytes"].get<int64_t>();
    needs.stack = number(r["ram"]["stack_bytes"]);
    needs.code = number(r["flash"]["code_bytes"]);
    needs.weights_and_tables = r["flash"]["weights_bytes"].get<int64_t>() + r["flash"]["tables_bytes"].get<int64_t>();
    const std::string core = r["target"]["cpu"].get<std::string>();
    std::vector<BoardVerdict> all;
    for (const Board& b : boards()) {
        const Fit f = fit(b, needs);
        std::string note = core == b.core ? "" : fmt::format("the bundle is for {}", core);
        all.push_back({&b, f.fits ? "fits" : "does not fit", f, f, needs, needs, std::move(note)});
    }
    return all;
}

Json verdicts_json(const std::vector<BoardVerdict>& all) {
    Json list = Json::array();
    for (const BoardVerdict& v : all) {
        Json j{{"name", v.board->name}, {"core", v.board->core}, {"fits", v.plain.fits}, {"verdict", v.verdict}};
        j["ram_bytes"] = v.needs.ram;
        j["ram_left_bytes"] = v.plain.ram_left;
        j["least_ram_bytes"] = v.least.ram;
        j["fits_with_least_ram"] = v.best.fits;
        j["weights_and_tables_bytes"] = v.needs.weights_and_tables;
        j["code_bytes"] = v.needs.code < 0 ? Json(nullptr) : Json(v.needs.code);
        j["stack_bytes"] = v.needs.stack < 0 ? Json(nullptr) : Json(v.needs.stack);
        j["flash_left_bytes"] = v.plain.flash_left;
        if (!v.note.empty()) j["note"] = v.note;
        list.push_back(std::move(j));
    }
    return list;
}

void say_verdicts(const std::vector<BoardVerdict>& all, Session& s) {
    const bool measured = !all.empty() && all.front().needs.code >= 0;
    s.say(fmt::format("{:<20} {:<13} {:>12} {:>12} {:>12} {:>12}  {}", "board", "core", "RAM B", "RAM left", "flash B", "flash left",
                      "verdict"));
    for (const BoardVerdict& v : all) {
        const Fit& shown = v.plain.fits ? v.plain : v.best;
        std::string why;
        if (!v.plain.fits && !v.best.fits) {
            if (shown.ram_left < 0) why += fmt::format(": {} bytes of RAM too many", with_commas(-shown.ram_left));
            if (shown.flash_left < 0)
                why += fmt::format("{}{} bytes of flash too many", why.empty() ? ": " : ", ", with_commas(-shown.flash_left));
        }
        s.say(fmt::format("{:<20} {:<13} {:>12} {:>12} {:>12} {:>12}  {}{}{}", v.board->name, v.board->core,
                          with_commas(v.board->ram_bytes), with_commas(shown.ram_left), with_commas(v.board->flash_bytes),
                          with_commas(shown.flash_left), v.verdict, why, v.note.empty() ? "" : " (" + v.note + ")"));
    }
    s.say(measured
              ? "\nwhat is left is for the firmware around the model; the stack of one inference is counted"
              : "\nwhat is left of the flash is for the model's code, which is not measured here, and for the firmware around it; what is "
                "left of the RAM is for its stack");
}

}  // namespace gw
