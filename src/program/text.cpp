// The text form of programs; docs/program.md gives the grammar. What was weighed in choosing a kernel is for the report and not part of it.
//
//   program digits {
//     region arena bytes 240 align 4 bound 240 optimal
//     buffer 0 "input": i8[1,28,28,1] q(0.0039,-128) input 0 in caller align 1
//     buffer 1 "conv1": i8[1,14,14,4] in 0 at 0 align 1
//     buffer 2 "left": i8[…] view 1 at 128 align 1
//     data 0 w_conv1: i8[36] weights = base64"…"
//     step "conv1" conv2d macs 7056 executed 6400 from "Conv_0":"Conv" call conv2d_s8 (b0, d0, b1!) { IH=14 IW=14 } types { mult=int16_t }
//     scalar "" gaps { 0 2 604 } step "conv2" conv2d macs … from … loop 4 { step … }
//   }
#include "base/text.h"
#include "program/program.h"
#include "tensor/type_text.h"

namespace gw {
namespace {

std::string print_argument(const Argument& a) {
    std::string s = fmt::format("{}{}", a.kind == Argument::Kind::data ? 'd' : 'b', a.index);
    if (a.offset != 0) s += fmt::format("+{}", a.offset);
    if (a.stride != 0) s += fmt::format("*{}", a.stride);
    return s + (a.written ? "!" : "");
}

void print_step(std::string& s, const Step& step, const std::string& indent) {
    s += fmt::format("{}step {} {} macs {} executed {}", indent, quote(step.name), step.op, step.macs, step.macs_executed);
    if (!step.sources.empty()) s += " from";
    for (const auto& [name, op] : step.sources) s += fmt::format(" {}:{}", quote(name), quote(op));
    if (const Loop* loop = std::get_if<Loop>(&step.what)) {
        s += fmt::format(" loop {} {{\n", loop->count);
        for (const Step& inner : loop->body) print_step(s, inner, indent + "  ");
        s += indent + "}\n";
        return;
    }
    const Call& call = std::get<Call>(step.what);
    s += fmt::format(" call {} (", call.kernel);
    for (size_t i = 0; i < call.arguments.size(); ++i) s += (i > 0 ? ", " : "") + print_argument(call.arguments[i]);
    s += ") {";
    for (const auto& [name, value] : call.constants) s += fmt::format(" {}={}", name, value);
    s += " }";
    if (!call.types.empty()) {
        s += " types {";
        for (const auto& [name, type] : call.types) s += fmt::format(" {}={}", name, quote(type));
        s += " }";
    }
    if (!call.scalar.empty()) s += " scalar " + quote(call.scalar);
    if (!call.gaps.empty()) {
        s += " gaps {";
        for (const Gap& g : call.gaps)
            s += fmt::format(" {} {} {}", g.input, g.output, g.gap) + (g.down ? fmt::format(" down {}", *g.down) : "");
        s += " }";
    }
    s += "\n";
}

class Parser {
public:
    Parser(Lexer& in, Program& p) : in_(in), p_(p) {}

    Status program() {
        GW_TRY_DO(in_.expect("program"));
        GW_TRY(p_.name, in_.word());
        GW_TRY_DO(in_.expect("{"));
        while (!in_.accept("}")) {
            if (in_.accept("region"))
                GW_TRY_DO(region());
            else if (in_.accept("buffer"))
                GW_TRY_DO(buffer());
            else if (in_.accept("data"))
                GW_TRY_DO(data());
            else {
                GW_TRY(Step s, step());
                p_.steps.push_back(std::move(s));
            }
        }
        return verify(p_, in_.diag());
    }

private:
    Status numbered(size_t next, std::string_view what) {
        GW_TRY(int64_t number, in_.integer());
        if (number != static_cast<int64_t>(next)) return in_.fail("{} {} is out of order, expected {}", what, number, next);
        return {};
    }

    // A number that counts something, small enough for our indices.
    Expected<int32_t> index() {
        GW_TRY(int64_t number, in_.integer());
        if (number < 0 || number > INT32_MAX) return in_.fail("{} is not a number of anything here", number);
        return static_cast<int32_t>(number);
    }

    Status region() {
        Region r;
        GW_TRY(r.name, in_.word());
        GW_TRY_DO(in_.expect("bytes"));
        GW_TRY(r.bytes, in_.integer());
        GW_TRY_DO(in_.expect("align"));
        GW_TRY(r.align, in_.integer());
        if (in_.accept("bound")) {
            GW_TRY(r.lower_bound, in_.integer());
            r.optimal = in_.accept("optimal");
        }
        p_.regions.push_back(std::move(r));
        return {};
    }

    Status buffer() {
        Buffer b;
        GW_TRY_DO(numbered(p_.buffers.size(), "buffer"));
        GW_TRY(b.name, in_.string());
        GW_TRY_DO(in_.expect(":"));
        GW_TRY(b.type, parse_type(in_));
        const auto self = static_cast<int32_t>(p_.buffers.size());
        auto port = [&](BufferRole role, std::vector<int32_t>& ports) -> Status {
            GW_TRY(int64_t number, in_.integer());
            if (number != static_cast<int64_t>(ports.size())) return in_.fail("port {} is out of order", number);
            b.role = role;
            b.port = static_cast<int32_t>(number);
            ports.push_back(self);
            return {};
        };
        if (in_.accept("input")) {
            GW_TRY_DO(port(BufferRole::input, p_.inputs));
        } else if (in_.accept("output")) {
            GW_TRY_DO(port(BufferRole::output, p_.outputs));
        } else if (in_.accept("scratch")) {
            b.role = BufferRole::scratch;
        } else if (in_.accept("state")) {
            GW_TRY_DO(port(BufferRole::state, p_.states));
            if (in_.accept("init")) {
                GW_TRY(b.init, index());
            } else if (in_.accept("fill")) {
                GW_TRY(int64_t fill, in_.integer());
                if (fill < 0 || fill > 255) return in_.fail("{} is not a byte", fill);
                b.fill = static_cast<uint8_t>(fill);
            }
        }
        if (in_.accept("view")) {
            GW_TRY(b.view_of, index());
            GW_TRY_DO(in_.expect("at"));
            GW_TRY(b.view_offset, in_.integer());
        } else {
            GW_TRY_DO(in_.expect("in"));
            if (in_.accept("caller")) {
                b.region = -1;
            } else {
                GW_TRY(b.region, index());
            }
            if (in_.accept("at")) {
                GW_TRY(b.offset, in_.integer());
            }
        }
        GW_TRY_DO(in_.expect("align"));
        GW_TRY(b.align, in_.integer());
        p_.buffers.push_back(std::move(b));
        return {};
    }

    Status data() {
        Data d;
        GW_TRY_DO(numbered(p_.data.size(), "data"));
        GW_TRY(d.name, in_.word());
        GW_TRY_DO(in_.expect(":"));
        GW_TRY(Type type, parse_type(in_));
        if (in_.accept("table"))
            d.role = DataRole::table;
        else
            GW_TRY_DO(in_.expect("weights"));
        d.in_ram = in_.accept("ram");
        GW_TRY_DO(in_.expect("="));
        GW_TRY(d.tensor, parse_values(in_, type));
        p_.data.push_back(std::move(d));
        return {};
    }

    Expected<Step> step() {
        Step s;
        GW_TRY_DO(in_.expect("step"));
        GW_TRY(s.name, in_.string());
        GW_TRY(s.op, in_.word());
        GW_TRY_DO(in_.expect("macs"));
        GW_TRY(s.macs, in_.integer());
        GW_TRY_DO(in_.expect("executed"));
        GW_TRY(s.macs_executed, in_.integer());
        if (in_.accept("from")) {
            while (in_.next_is("\"")) {
                GW_TRY(std::string name, in_.string());
                GW_TRY_DO(in_.expect(":"));
                GW_TRY(std::string op, in_.string());
                s.sources.emplace_back(std::move(name), std::move(op));
            }
        }
        if (in_.accept("loop")) {
            if (++depth_ > 64) return in_.fail("loops are nested too deeply");
            Loop loop;
            GW_TRY(loop.count, in_.integer());
            GW_TRY_DO(in_.expect("{"));
            while (!in_.accept("}")) {
                GW_TRY(Step inner, step());
                loop.body.push_back(std::move(inner));
            }
            --depth_;
            s.what = std::move(loop);
            return s;
        }
        GW_TRY_DO(in_.expect("call"));
        GW_TRY(Call c, call());
        s.what = std::move(c);
        return s;
    }

    Expected<Argument> argument() {
        Argument a;
        GW_TRY(std::string w, in_.word());  // b3+128 is one word: '+' belongs to words
        const size_t plus = w.find('+');
        const std::string head = w.substr(0, plus);
        if (head.size() < 2 || (head[0] != 'b' && head[0] != 'd') || head.find_first_not_of("0123456789", 1) != std::string::npos ||
            head.size() > 9)
            return in_.fail("`{}` is not an argument", w);
        a.kind = head[0] == 'd' ? Argument::Kind::data : Argument::Kind::buffer;
        a.index = std::stoi(head.substr(1));
        if (plus != std::string::npos) {
            const std::string offset = w.substr(plus + 1);
            if (offset.empty() || offset.size() > 15 || offset.find_first_not_of("0123456789") != std::string::npos)
                return in_.fail("`{}` is not an argument", w);
            a.offset = std::stoll(offset);
        }
        if (in_.accept("*")) {
            GW_TRY(a.stride, in_.integer());
        }
        a.written = in_.accept("!");
        return a;
    }

    Expected<Call> call() {
        Call c;
        GW_TRY(c.kernel, in_.word());
        GW_TRY_DO(in_.expect("("));
        while (!in_.accept(")")) {
            if (!c.arguments.empty()) GW_TRY_DO(in_.expect(","));
            GW_TRY(Argument a, argument());
            c.arguments.push_back(a);
        }
        GW_TRY_DO(in_.expect("{"));
        while (!in_.accept("}")) {
            GW_TRY(std::string name, in_.word());
            GW_TRY_DO(in_.expect("="));
            GW_TRY(int64_t value, in_.integer());
            c.constants.emplace_back(std::move(name), value);
        }
        if (in_.accept("types")) {
            GW_TRY_DO(in_.expect("{"));
            while (!in_.accept("}")) {
                GW_TRY(std::string name, in_.word());
                GW_TRY_DO(in_.expect("="));
                GW_TRY(std::string type, in_.string());
                c.types.emplace_back(std::move(name), std::move(type));
            }
        }
        if (in_.accept("scalar")) {
            GW_TRY(c.scalar, in_.string());
        }
        if (in_.accept("gaps")) {
            GW_TRY_DO(in_.expect("{"));
            while (!in_.accept("}")) {
                GW_TRY(int64_t input, in_.integer());
                GW_TRY(int64_t output, in_.integer());
                GW_TRY(int64_t gap, in_.integer());
                c.gaps.push_back({static_cast<int32_t>(input), static_cast<int32_t>(output), gap, {}});
                if (in_.accept("down")) {
                    GW_TRY(c.gaps.back().down, in_.integer());
                }
            }
        }
        return c;
    }

    Lexer& in_;
    Program& p_;
    int depth_ = 0;
};

}  // namespace

std::string print(const Program& p) {
    std::string s = fmt::format("program {} {{\n", p.name);
    for (const Region& r : p.regions) {
        s += fmt::format("  region {} bytes {} align {}", r.name, r.bytes, r.align);
        if (r.lower_bound > 0) s += fmt::format(" bound {}{}", r.lower_bound, r.optimal ? " optimal" : "");
        s += "\n";
    }
    for (size_t i = 0; i < p.buffers.size(); ++i) {
        const Buffer& b = p.buffers[i];
        s += fmt::format("  buffer {} {}: {}", i, quote(b.name), b.type.text());
        if (b.role == BufferRole::input) s += fmt::format(" input {}", b.port);
        if (b.role == BufferRole::output) s += fmt::format(" output {}", b.port);
        if (b.role == BufferRole::scratch) s += " scratch";
        if (b.role == BufferRole::state) s += fmt::format(" state {}", b.port);
        if (b.init >= 0)
            s += fmt::format(" init {}", b.init);
        else if (b.fill != 0)
            s += fmt::format(" fill {}", b.fill);
        if (b.view_of >= 0)
            s += fmt::format(" view {} at {}", b.view_of, b.view_offset);
        else if (b.region < 0)
            s += " in caller";
        else
            s += fmt::format(" in {}", b.region) + (b.offset >= 0 ? fmt::format(" at {}", b.offset) : "");
        s += fmt::format(" align {}\n", b.align);
    }
    for (size_t i = 0; i < p.data.size(); ++i) {
        const Data& d = p.data[i];
        s += fmt::format("  data {} {}: {} {}{} = {}\n", i, d.name, d.tensor.type.text(), d.role == DataRole::table ? "table" : "weights",
                         d.in_ram ? " ram" : "", print_values(d.tensor));
    }
    for (const Step& step : p.steps) print_step(s, step, "  ");
    return s + "}\n";
}

Expected<Program> parse_program(std::string_view text, const std::string& file, Diagnostics& diag) {
    Lexer in(text, file, diag);
    Program p;
    GW_TRY_DO(Parser(in, p).program());
    return p;
}

}  // namespace gw
