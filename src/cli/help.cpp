// --help, the man page and bash's completions. The options, their texts and their values are CLI11's and stand where each command adds
// them; here are only the things that belong to all commands together: the groups that options are shown in, an example or two a command,
// and the exit statuses. What is not in a table below is shown all the same, under "Options", so that a new option needs nothing here.
#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/cli.h"
#include "target/board.h"
#include "target/core.h"

namespace gw {
namespace {

struct Group {
    const char* title;
    std::vector<std::string_view> options;
};
const std::vector<Group>& groups() {
    static const std::vector<Group> all = {
        {"Target", {"--cpu", "--board", "--on", "--optimize", "--tune", "--choices", "--float-abi"}},
        {"Ranges and precision", {"--calibrate", "--profile", "--precision", "--range", "--numerics", "--define", "--merge"}},
        {"The bundle",
         {"--name", "--emit", "--api", "--io", "--io-layout", "--input", "--output", "--io-align", "--weights", "--selftest",
          "--output-folder"}},
        {"Limits", {"--ram-limit", "--flash-limit", "--cycle-limit", "--measure", "--min-accuracy", "--atol", "--rtol", "--min-sqnr"}},
        {"What samples stand for",
         {"--image-range", "--image-mean", "--image-std", "--image-order", "--image-resize", "--sample-scale", "--sample-zero",
          "--sample-layout"}},
        {"Toolchain", {"--toolchain", "--cc", "--cflags"}},
        {"For developers", {"--dump-stages", "--print-after"}},
        {"General", {"--json", "--help"}},
    };
    return all;
}

struct Examples {
    const char* command;
    std::vector<std::pair<const char*, const char*>> lines;  // command line, what it does
};
const std::vector<Examples>& examples() {
    static const std::vector<Examples> all = {
        {"compile",
         {{"glowworm compile digits.onnx -o digits --cpu cortex-m0plus --calibrate pictures/ --image-range 0..1",
           "an int8 bundle of a float model; the ranges come from a folder of pictures"},
          {"glowworm compile kws.tflite -o kws --board nucleo-l4r5zi", "an int8 TFLite model; exit status 3 if the board is too small"},
          {"glowworm compile digits.onnx -o digits --profile profile.yaml --optimize ram --ram-limit 1500", "a limit of one's own"}}},
        {"calibrate",
         {{"glowworm calibrate digits.onnx pictures/ -o profile.yaml --image-range 0..1", "ranges once, for any number of compilations"},
          {"glowworm calibrate --merge a.yaml b.yaml -o both.yaml", "profiles of parts of a data set, added up"}}},
        {"run",
         {{"glowworm run digits.onnx pictures/7.png --image-range 0..1", "the model as it was read, in the interpreter"},
          {"glowworm run digits/ images.npy[:100] --on cortex-m4 --dequantize -o out.npz", "a bundle's C on an emulated core"}}},
        {"evaluate",
         {{"glowworm evaluate digits/ images.npy --labels labels.npy --min-accuracy 0.95", "exit status 3 below 95 %"},
          {"glowworm evaluate digits/ test/ --on cortex-m0plus", "class subfolders of test/ are the labels"},
          {"glowworm evaluate model.onnx io.npz --expect io.npz --atol 1e-4", "reference outputs"}}},
        {"verify",
         {{"glowworm verify digits/", "the interpreter, this machine and the bundle's core, layer by layer"},
          {"glowworm verify digits/ test.npy --on host,cortex-m4 --expect ref.npz --atol 0.02", "these samples, these places"}}},
        {"profile", {{"glowworm profile digits/ --on cortex-m0plus", "what each layer costs there"}}},
        {"analyze",
         {{"glowworm analyze digits.onnx", "sizes, memory and the boards that it fits"},
          {"glowworm analyze kws.tflite --cpu cortex-m4 --json", "the same for one core, for a script"}}},
        {"sample",
         {{"glowworm sample digits/ pictures/7.png -o seven.inc", "static const int8_t picture[] = { #include \"seven.inc\" };"},
          {"glowworm sample kws.tflite inputs.npy[3:4] -o three.inc", "any sample will do"}}},
        {"boards",
         {{"glowworm boards", "all boards"},
          {"glowworm boards digits/", "which of them the bundle fits"},
          {"glowworm boards digits.onnx", "which of them a model fits, planned for each core"}}},
        {"cores", {{"glowworm cores", "names for --cpu and --on"}}},
        {"supported-ops", {{"glowworm supported-ops | grep -i pool", "what is read of pooling"}}},
        {"opt",
         {{"glowworm opt model.onnx --import-only", "the graph as it was read"},
          {"glowworm opt g.gw --pass fold-constants,simplify --print-after all", "two passes, each with its result"},
          {"glowworm opt g.gw --program --cpu cortex-m4", "the program, placed"}}},
        {"bisect",
         {{"glowworm bisect model.onnx", "after which pass the interpreter gives another answer"},
          {"glowworm bisect model.onnx pictures/ --image-range 0..1 --profile profile.yaml", "through quantization"}}},
        {"reduce",
         {{"glowworm reduce model.onnx --when error:lower-no-kernel -o small.gw", "the nodes that make this error"},
          {"glowworm reduce net.gw --when mismatch --cpu cortex-m0plus -o small.gw", "the nodes whose C differs from the interpreter"},
          {"glowworm reduce net.gw --command './still-fails {}' -o small.gw", "what a script of one's own calls a failure"}}},
    };
    return all;
}

constexpr std::array<std::pair<const char*, const char*>, 4> statuses = {{
    {"0", "done"},
    {"1", "the model, the command or the environment is wrong: one line a fault on standard error"},
    {"2", "a fault of glowworm itself"},
    {"3", "it ran and the verdict is no: a limit passed, a mismatch, accuracy below the minimum"},
}};

constexpr const char* samples_text =
    "SAMPLES is a folder of PNG or JPEG pictures (class subfolders are labels), an .npy (first axis: the sample), an .npz (one array an "
    "input), a folder of raw .bin or .txt tensors, a list file (`path label` a line), or one such file; a selection may follow: "
    "images.npy[100:200].";

std::string wrapped(std::string_view text, size_t indent, size_t width, size_t first = 0) {
    std::string s, word;
    size_t column = first;
    const std::string pad(indent, ' ');
    for (const std::string& w : split(text, ' ')) {
        if (column > indent && column + 1 + w.size() > width) s += "\n" + pad, column = indent;
        if (column > indent) s += ' ', ++column;
        s += w;
        column += w.size();
    }
    return s;
}

// What stands for an option's value: "CORE", "speed|size|ram", "N"; empty for a flag.
std::string value_text(const CLI::Option& o) {
    if (o.get_type_size() == 0) return "";
    std::string type = o.get_type_name();
    if (const size_t open = type.find('{'); open != std::string::npos) {
        type = type.substr(open + 1, type.find('}') - open - 1);
        std::replace(type.begin(), type.end(), ',', '|');
    } else if (type == "TEXT") {
        type = o.get_positional() ? "" : "VALUE";
    } else if (type == "INT" || type == "UINT") {
        type = "N";
    } else if (type == "FLOAT") {
        type = "X";
    }
    return type;
}
// "-o,--output DIR"
std::string option_text(const CLI::Option& o) {
    const std::string value = value_text(o);
    return o.get_name(false, true) + (value.empty() ? "" : " " + value);
}
std::string positional_text(const CLI::Option& o) {
    std::string name = o.get_name(true);
    if (o.get_expected_max() > 1) name += "...";
    return o.get_required() ? name : "[" + name + "]";
}

std::vector<const CLI::App*> commands(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}
std::vector<const CLI::Option*> positionals(const CLI::App& app) {
    return app.get_options([](const CLI::Option* o) { return o->get_positional(); });
}
// Options by group, in the order of the table; "Options" first.
std::vector<std::pair<std::string, std::vector<const CLI::Option*>>> grouped(const CLI::App& app) {
    std::vector<std::pair<std::string, std::vector<const CLI::Option*>>> all;
    std::vector<std::string> titles = {"Options"};
    for (const Group& g : groups()) titles.emplace_back(g.title);
    for (const std::string& title : titles) {
        auto options = app.get_options([&](const CLI::Option* o) { return o->nonpositional() && o->get_group() == title; });
        if (!options.empty()) all.emplace_back(title, std::vector<const CLI::Option*>(options.begin(), options.end()));
    }
    return all;
}

// "glowworm compile MODEL -o DIR [OPTIONS]"
std::string usage_text(const CLI::App& app) {
    std::string s = app.get_parent() == nullptr ? app.get_name() + " COMMAND" : "glowworm " + app.get_name();
    for (const CLI::Option* o : positionals(app)) s += " " + positional_text(*o);
    for (const CLI::Option* o : app.get_options())
        if (o->nonpositional() && o->get_required()) {
            const std::string names = option_text(*o);
            const size_t comma = names.find(','), blank = names.find(' ');
            s += " " + names.substr(0, std::min(comma, blank)) + (blank == std::string::npos ? "" : names.substr(blank));
        }
    return s + " [OPTIONS]";
}

const Examples* examples_of(const CLI::App& app) {
    const auto found = std::find_if(examples().begin(), examples().end(), [&](const Examples& e) { return app.get_name() == e.command; });
    return found == examples().end() ? nullptr : &*found;
}
bool takes_samples(const CLI::App& app) {
    const auto all = positionals(app);
    return std::any_of(all.begin(), all.end(), [](const CLI::Option* o) { return o->get_name(true) == "SAMPLES"; }) ||
           app.get_option_no_throw("--calibrate") != nullptr;
}

class HelpFormatter : public CLI::Formatter {
    static constexpr size_t column = 30, width = 100;

public:
    std::string make_usage(const CLI::App* app, std::string) const override { return "Usage: " + usage_text(*app) + "\n"; }
    std::string make_description(const CLI::App* app) const override { return wrapped(app->get_description(), 0, width) + "\n"; }
    std::string make_option(const CLI::Option* o, bool positional) const override {
        return entry("  " + (positional ? positional_text(*o) : option_text(*o)), o->get_description());
    }
    std::string make_subcommand(const CLI::App* sub) const override { return entry("  " + sub->get_name(), sub->get_description()); }
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string s = make_description(app) + make_usage(app, name) + make_positionals(app);
        for (const auto& [title, options] : grouped(*app)) {
            s += "\n" + title + ":\n";
            for (const CLI::Option* o : options) s += make_option(o, false);
        }
        return s + make_subcommands(app, mode) + make_footer(app);
    }
    std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode) const override {
        const auto all = commands(*app);
        if (all.empty()) return "";
        std::string s = "\nCommands (`glowworm COMMAND --help` tells more):\n";
        for (const CLI::App* sub : all) s += make_subcommand(sub);
        return s;
    }
    std::string make_footer(const CLI::App* app) const override {
        std::string s;
        if (takes_samples(*app)) s += "\n" + wrapped(samples_text, 0, width) + "\n";
        if (const Examples* e = examples_of(*app)) {
            s += "\nExamples:\n";
            for (const auto& [line, what] : e->lines) s += fmt::format("  {}\n      {}\n", line, what);
        }
        s += "\nExit status:\n";
        for (const auto& [status, what] : statuses) s += fmt::format("  {}  {}\n", status, what);
        return s;
    }

private:
    static std::string entry(std::string left, const std::string& text) {
        if (left.size() + 2 > column)
            left += "\n" + std::string(column, ' ');
        else
            left.resize(column, ' ');
        return left + wrapped(text, column, width, column) + "\n";
    }
};

}  // namespace

void finish_help(CLI::App& app) {
    app.formatter(std::make_shared<HelpFormatter>());
    for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) {
        sub->formatter(app.get_formatter());
        for (CLI::Option* o : sub->get_options())
            for (const Group& g : groups())
                for (const std::string_view name : g.options)
                    if (o->nonpositional() && o->check_lname(std::string(name.substr(2)))) o->group(g.title);
    }
}

namespace {

// The code point of the UTF-8 sequence at text[at], which is moved to its last byte.
uint32_t code_point(std::string_view text, size_t& at) {
    const auto lead = static_cast<uint8_t>(text[at]);
    const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t code = lead & (0x3fu >> more);
    for (size_t i = 0; i < more && at + 1 < text.size(); ++i) code = code << 6 | (static_cast<uint8_t>(text[++at]) & 0x3fu);
    return code;
}

// Text for roff: backslashes and leading dots lose their meaning, hyphens stay hyphens when copied, and all of it is ASCII.
std::string roff(std::string_view text) {
    std::string s;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (static_cast<uint8_t>(c) >= 0x80)
            s += fmt::format("\\[u{:04X}]", code_point(text, i));
        else if (c == '\\')
            s += "\\e";
        else if (c == '-')
            s += "\\-";
        else if ((c == '.' || c == '\'') && s.empty())
            s += std::string("\\&") + c;
        else
            s += c;
    }
    return s;
}
std::string roff_entry(const std::string& term, const std::string& text) {
    return fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(term), roff(text));
}

}  // namespace

std::string man_page(const CLI::App& app) {
    std::string s = fmt::format(".TH GLOWWORM 1 \"\" \"glowworm {}\" \"User Commands\"\n", version());
    s += ".SH NAME\nglowworm \\- ahead\\-of\\-time neural\\-network compiler for microcontrollers\n";
    s += ".SH SYNOPSIS\n";
    for (const CLI::App* sub : commands(app)) s += fmt::format(".B {}\n.br\n", roff(usage_text(*sub)));
    s += fmt::format(".SH DESCRIPTION\n{}\n.PP\n{}\n", roff(app.get_description()), roff(samples_text));
    s += ".SH COMMANDS\n";
    for (const CLI::App* sub : commands(app)) {
        s += fmt::format(".SS {}\n{}\n", roff(sub->get_name()), roff(sub->get_description()));
        for (const CLI::Option* o : positionals(*sub)) s += roff_entry(positional_text(*o), o->get_description());
        for (const auto& [title, options] : grouped(*sub)) {
            if (title == "General") continue;
            s += fmt::format(".PP\n.I {}\n", roff(title));
            for (const CLI::Option* o : options) s += roff_entry(option_text(*o), o->get_description());
        }
        if (const Examples* e = examples_of(*sub)) {
            s += ".PP\n.I Examples\n";
            for (const auto& [line, what] : e->lines) s += fmt::format(".PP\n.nf\n{}\n.fi\n.RS\n{}\n.RE\n", roff(line), roff(what));
        }
    }
    s += ".SH OPTIONS OF EVERY COMMAND\n";
    s += roff_entry("--json", "print one JSON object on standard output, errors included");
    s += roff_entry("-h,--help", "print the command's options and examples");
    s += ".SH EXIT STATUS\n";
    for (const auto& [status, what] : statuses) s += roff_entry(status, what);
    s += ".SH SEE ALSO\ndocs/architecture.md, docs/errors.md and docs/debugging.md in the source tree\n";
    return s;
}

namespace {

// The words that may follow an option: its set of values, or names from our own tables; empty: files.
std::string completions(const CLI::Option& o) {
    const std::string type = o.get_type_name();
    if (const size_t open = type.find('{'); open != std::string::npos) {
        std::string values = type.substr(open + 1, type.find('}') - open - 1);
        std::replace(values.begin(), values.end(), ',', ' ');
        return values;
    }
    if (o.check_lname("board")) {
        std::string names;
        for (const Board& b : boards()) names += (names.empty() ? "" : " ") + std::string(b.name);
        return names;
    }
    std::string cores = fmt::format("{}", fmt::join(core_names(), " "));
    if (o.check_lname("cpu")) return cores;
    if (o.check_lname("on")) return "interpreter " + cores;  // `host` is one of the cores
    return "";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
    std::string names, cases;
    for (const CLI::App* sub : commands(app)) {
        names += (names.empty() ? "" : " ") + sub->get_name();
        std::string options, values;
        for (const CLI::Option* o : sub->get_options()) {
            if (!o->nonpositional()) continue;
            const std::vector<std::string> spellings = split(o->get_name(false, true), ',');
            options += (options.empty() ? "" : " ") + fmt::format("{}", fmt::join(spellings, " "));
            const std::string words = completions(*o);
            if (!words.empty()) values += fmt::format("        {}) words=\"{}\" ;;\n", fmt::join(spellings, "|"), words);
        }
        cases +=
            fmt::format("    {})\n        options=\"{}\"\n        case $previous in\n{}        *) words= ;;\n        esac\n        ;;\n",
                        sub->get_name(), options, values);
    }
    return fmt::format(R"(# bash completion for glowworm, made by glowworm itself
_glowworm() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} options= words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "{} --help --version" -- "$word")
        return
    fi
    case ${{COMP_WORDS[1]}} in
{}    esac
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    fi
}}
complete -o default -F _glowworm glowworm
)",
                       names, cases);
}

}  // namespace gw
