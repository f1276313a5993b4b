// Dispatch from the variant to each op's own functions, names, and the text of fields. The text is derived from `fields()`, so an op gets
// its text form by listing its fields; a field whose type has no text here is a compile error.
#include "ops/op.h"

#include <charconv>

#include "base/text.h"

namespace gw {
namespace {
// What ops.def promises of each row.
template <class T>
concept HasName = requires {
    { T::name } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasOperands = requires {
    { T::operands[0] } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasFields = requires {
    std::tuple_size<decltype(T::fields())>::value;
};
template <class T>
concept HasEquality = requires(const T& a) {
    { a == a } -> std::convertible_to<bool>;
};
template <class T>
concept HasFunctions = requires(const T& op, std::span<const Operand> operands, const InferContext& context,
                                std::span<const Tensor* const> in, std::span<Tensor> out, std::span<const Type* const> types,
                                const Type& type, const Box& box) {
    { infer(op, operands, context) } -> std::same_as<Expected<std::vector<Type>>>;
    { evaluate(op, in, out) } -> std::same_as<void>;
    { work(op, types, types) } -> std::same_as<Work>;
    { needs(op, types, type, box, size_t{0}) } -> std::same_as<std::optional<Box>>;
};
#define OP(T) \
    static_assert(HasName<T>, #T " has no `name`"); \
    static_assert(HasOperands<T>, #T " has no `operands`"); \
    static_assert(HasFields<T>, #T " has no `fields()`"); \
    static_assert(HasEquality<T>, #T " has no operator=="); \
    static_assert(HasFunctions<T>, #T " lacks infer, evaluate, work or needs");
#include "ops/ops.def"
#undef OP

template <class F>
auto visit_op(const Op& op, F f) {
    using Result = decltype(f(std::get<0>(op)));
    return std::visit(
        [&](const auto& o) -> Result {
            if constexpr (std::is_same_v<std::decay_t<decltype(o)>, EndOfOps>) {
                check_failed(__FILE__, __LINE__, "op", "an op that is none was used");
            } else {
                return f(o);
            }
        },
        op);
}

// --- names of enumerators -----------------------------------------------------------------------------------------------------------
constexpr std::string_view pool_names[] = {"max", "average"};
constexpr std::string_view reduce_names[] = {"sum", "mean", "max", "min", "product"};
constexpr std::string_view binary_names[] = {
    "add", "sub", "mul", "div", "pow", "min", "max", "mod", "squared_difference", "equal", "less", "greater", "logical_and", "logical_or"};
constexpr std::string_view unary_names[] = {"clamp",
                                            "sigmoid",
                                            "tanh",
                                            "erf",
                                            "exp",
                                            "log",
                                            "sqrt",
                                            "rsqrt",
                                            "reciprocal",
                                            "abs",
                                            "neg",
                                            "floor",
                                            "ceil",
                                            "round",
                                            "sign",
                                            "sin",
                                            "cos",
                                            "tan",
                                            "asin",
                                            "acos",
                                            "atan",
                                            "sinh",
                                            "cosh",
                                            "asinh",
                                            "acosh",
                                            "atanh",
                                            "leaky_relu",
                                            "elu",
                                            "hard_sigmoid",
                                            "hard_swish",
                                            "softplus",
                                            "gelu",
                                            "silu",
                                            "affine",
                                            "power",
                                            "shrink",
                                            "thresholded_relu",
                                            "logical_not"};
constexpr std::string_view ties_names[] = {"even", "away"};
constexpr std::string_view softmax_names[] = {"ratio", "reciprocal", "table16"};
constexpr std::string_view recurrent_names[] = {"rnn", "gru", "lstm"};
constexpr std::string_view pad_names[] = {"constant", "reflect", "edge", "symmetric"};
constexpr std::string_view resize_names[] = {"nearest", "linear"};
constexpr std::string_view coordinate_names[] = {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"};
constexpr std::string_view resize_rounding_names[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
constexpr std::string_view resize_units_names[] = {"of_256", "of_1024"};
static_assert(std::size(binary_names) == static_cast<size_t>(BinaryKind::logical_or) + 1);
static_assert(std::size(unary_names) == static_cast<size_t>(UnaryKind::logical_not) + 1);

std::span<const std::string_view> names_of(PoolKind) { return pool_names; }
std::span<const std::string_view> names_of(ReduceKind) { return reduce_names; }
std::span<const std::string_view> names_of(BinaryKind) { return binary_names; }
std::span<const std::string_view> names_of(UnaryKind) { return unary_names; }
std::span<const std::string_view> names_of(Ties) { return ties_names; }
std::span<const std::string_view> names_of(SoftmaxForm) { return softmax_names; }
std::span<const std::string_view> names_of(RecurrentKind) { return recurrent_names; }
std::span<const std::string_view> names_of(PadMode) { return pad_names; }
std::span<const std::string_view> names_of(ResizeMode) { return resize_names; }
std::span<const std::string_view> names_of(ResizeCoordinates) { return coordinate_names; }
std::span<const std::string_view> names_of(ResizeRounding) { return resize_rounding_names; }
std::span<const std::string_view> names_of(ResizeUnits) { return resize_units_names; }

// --- writing field values: no blanks, brackets balanced -----------------------------------------------------------------------------
std::string to_text(bool v) { return v ? "true" : "false"; }
std::string to_text(int64_t v) { return std::to_string(v); }
std::string to_text(int32_t v) { return std::to_string(v); }
std::string to_text(float v) { return format_float(v); }
std::string to_text(DType v) { return std::string(dtype_name(v)); }
std::string to_text(const Quant& v) { return v.empty() ? "none" : v.text(); }
std::string to_text(const std::string& v) { return v; }
std::string to_text(const Type& v) { return Type{v.dtype, v.shape, {}}.text(); }  // a result's quantization is its value's
template <class E>
requires std::is_enum_v<E> std::string to_text(E v) { return std::string(names_of(v)[static_cast<size_t>(v)]); }
template <class List>
std::string list_text(const List& list) {
    std::string s = "[";
    for (const auto& v : list) {
        if (s.size() > 1) s += ',';
        s += to_text(v);
    }
    return s + "]";
}
template <class T>
std::string to_text(const std::vector<T>& v) {
    return list_text(v);
}
template <class T, size_t n>
std::string to_text(const std::array<T, n>& v) {
    return list_text(v);
}
// "narrow(pre=2,mul=[…],shift=[…],zero=-3,lo=-128,hi=127)"
std::string to_text(const Requant& r) {
    return fmt::format("{}(pre={},mul={},shift={},zero={},lo={},hi={})", rounding_name(r.rounding), r.pre_shift, to_text(r.multiplier),
                       to_text(r.shift), r.zero_point, r.lo, r.hi);
}

// --- reading them back --------------------------------------------------------------------------------------------------------------
template <class T>
bool read_number(std::string_view text, T& v) {
    const char* end = text.data() + text.size();
    T read{};
    const auto [rest, error] = std::from_chars(text.data(), end, read);
    if (error != std::errc() || rest != end || read != read) return false;  // no field may be not-a-number: it would differ from itself
    v = read;
    return true;
}
bool from_text(std::string_view text, int64_t& v) { return read_number(text, v); }
bool from_text(std::string_view text, int32_t& v) { return read_number(text, v); }
bool from_text(std::string_view text, float& v) { return read_number(text, v); }
bool from_text(std::string_view text, bool& v) {
    v = text == "true";
    return v || text == "false";
}
bool from_text(std::string_view text, DType& v) {
    const std::optional<DType> t = dtype_from_name(text);
    if (t) v = *t;
    return t.has_value();
}
bool from_text(std::string_view text, Rounding& v) {
    for (Rounding r : {Rounding::none, Rounding::narrow, Rounding::single, Rounding::twice, Rounding::even, Rounding::wide}) {
        if (rounding_name(r) != text) continue;
        v = r;
        return true;
    }
    return false;
}
template <class E>
requires std::is_enum_v<E>
bool from_text(std::string_view text, E& v) {
    const auto names = names_of(E{});
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] != text) continue;
        v = static_cast<E>(i);
        return true;
    }
    return false;
}
// A C identifier.
bool from_text(std::string_view text, std::string& v) {
    if (text.empty() || c_identifier(text) != text) return false;
    v = text;
    return true;
}
// "a,b,c" at bracket depth 0.
std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    if (text.empty()) return parts;
    size_t start = 0;
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[' || text[i] == '(') ++depth;
        if (text[i] == ']' || text[i] == ')') --depth;
        if (text[i] == ',' && depth == 0) parts.push_back(text.substr(start, i - start)), start = i + 1;
    }
    parts.push_back(text.substr(start));
    return parts;
}
// Takes PREFIX( … ) off.
bool enclosed(std::string_view& text, std::string_view open, char close) {
    if (!text.starts_with(open) || text.size() <= open.size() || text.back() != close) return false;
    text = text.substr(open.size(), text.size() - open.size() - 1);
    return true;
}
bool from_text(std::string_view text, Type& v) {
    const size_t open = text.find('[');
    if (open == std::string_view::npos || !from_text(text.substr(0, open), v.dtype)) return false;
    text.remove_prefix(open);
    if (!enclosed(text, "[", ']')) return false;
    std::vector<int64_t> dims;
    for (std::string_view part : parts_of(text)) {
        dims.push_back(0);
        if (!from_text(part, dims.back()) || dims.back() < 0) return false;
    }
    v.shape = Shape(std::move(dims));
    return true;
}
template <class T>
bool from_text(std::string_view text, std::vector<T>& v) {
    if (!enclosed(text, "[", ']')) return false;
    std::vector<T> list;
    for (std::string_view part : parts_of(text)) {
        T item{};
        if (!from_text(part, item)) return false;
        list.push_back(item);
    }
    v = std::move(list);
    return true;
}
template <class T, size_t n>
bool from_text(std::string_view text, std::array<T, n>& v) {
    std::vector<T> list;
    if (!from_text(text, list) || list.size() != n) return false;
    std::copy(list.begin(), list.end(), v.begin());
    return true;
}
// "key=value"
template <class T>
bool from_pair(std::string_view text, std::string_view key, T& v) {
    return text.size() > key.size() && text.starts_with(key) && text[key.size()] == '=' && from_text(text.substr(key.size() + 1), v);
}
bool from_text(std::string_view text, Requant& v) {
    const size_t open = text.find('(');
    if (open == std::string_view::npos) return false;
    Requant r;
    if (!from_text(text.substr(0, open), r.rounding)) return false;
    text.remove_prefix(open);
    if (!enclosed(text, "(", ')')) return false;
    const std::vector<std::string_view> p = parts_of(text);
    if (p.size() != 6 || !from_pair(p[0], "pre", r.pre_shift) || !from_pair(p[1], "mul", r.multiplier) ||
        !from_pair(p[2], "shift", r.shift) || !from_pair(p[3], "zero", r.zero_point) || !from_pair(p[4], "lo", r.lo) ||
        !from_pair(p[5], "hi", r.hi)) {
        return false;
    }
    v = std::move(r);
    return true;
}
bool from_text(std::string_view text, Quant& v) {
    if (text == "none") {
        v = {};
        return true;
    }
    return quant_from_text(text, v);
}

std::string_view kind_of_text(const Quant&) { return "a quantization q(scale,zero)"; }
std::string_view kind_of_text(const Requant&) { return "a requantization rounding(pre=,mul=[],shift=[],zero=,lo=,hi=)"; }
std::string_view kind_of_text(bool) { return "true or false"; }
std::string_view kind_of_text(const std::string&) { return "a C identifier"; }
template <class T>
std::string_view kind_of_text(const T&) {
    if constexpr (std::is_enum_v<T>) return "one of its names";
    if constexpr (std::is_arithmetic_v<T>) return "a number in range";
    return "a list of numbers";
}
}  // namespace

// --- dispatch -----------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Op& op, std::span<const Operand> in, const InferContext& context) {
    return visit_op(op, [&](const auto& o) { return infer(o, in, context); });
}
void evaluate(const Op& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    visit_op(op, [&](const auto& o) { evaluate(o, in, out); });
}
Work work(const Op& op, std::span<const Type* const> in, std::span<const Type* const> out) {
    return visit_op(op, [&](const auto& o) { return work(o, in, out); });
}
std::optional<Box> needs(const Op& op, std::span<const Type* const> in, const Type& out, const Box& out_box, size_t operand) {
    return visit_op(op, [&](const auto& o) { return needs(o, in, out, out_box, operand); });
}

std::string_view op_name(const Op& op) {
    return visit_op(op, [](const auto& o) { return std::decay_t<decltype(o)>::name; });
}

std::string operand_name(const Op& op, size_t i) {
    return visit_op(op, [i](const auto& o) -> std::string {
        constexpr auto& names = std::decay_t<decltype(o)>::operands;
        const std::string_view last = names[names.size() - 1];
        if (last.ends_with("...") && i + 1 >= names.size()) {
            return fmt::format("{}[{}]", last.substr(0, last.size() - 3), i + 1 - names.size());
        }
        return i < names.size() ? std::string(names[i]) : fmt::format("operand {}", i);
    });
}

std::vector<Op> all_ops() {
    std::vector<Op> ops;
#define OP(T) ops.push_back(T{});
#include "ops/ops.def"
#undef OP
    return ops;
}

std::optional<Op> op_from_name(std::string_view name) {
    for (Op& op : all_ops())
        if (op_name(op) == name) return std::move(op);
    return std::nullopt;
}

std::string_view enum_name(PoolKind k) { return pool_names[static_cast<size_t>(k)]; }
std::string_view enum_name(ReduceKind k) { return reduce_names[static_cast<size_t>(k)]; }
std::string_view enum_name(BinaryKind k) { return binary_names[static_cast<size_t>(k)]; }
std::string_view enum_name(UnaryKind k) { return unary_names[static_cast<size_t>(k)]; }
std::string_view enum_name(Ties k) { return ties_names[static_cast<size_t>(k)]; }
std::string_view enum_name(SoftmaxForm k) { return softmax_names[static_cast<size_t>(k)]; }
std::string_view enum_name(RecurrentKind k) { return recurrent_names[static_cast<size_t>(k)]; }
std::string_view enum_name(PadMode k) { return pad_names[static_cast<size_t>(k)]; }
std::string_view enum_name(ResizeMode k) { return resize_names[static_cast<size_t>(k)]; }
std::string_view enum_name(ResizeCoordinates k) { return coordinate_names[static_cast<size_t>(k)]; }
std::string_view enum_name(ResizeRounding k) { return resize_rounding_names[static_cast<size_t>(k)]; }
std::string_view enum_name(ResizeUnits k) { return resize_units_names[static_cast<size_t>(k)]; }

// --- fields -------------------------------------------------------------------------------------------------------------------------
std::string print_fields(const Op& op) {
    return visit_op(op, [](const auto& o) {
        using T = std::decay_t<decltype(o)>;
        const T standard{};
        std::string s;
        const auto print = [&](const auto& f) {
            if (o.*f.member == standard.*f.member) return;
            if (!s.empty()) s += ' ';
            s += fmt::format("{}={}", f.name, to_text(o.*f.member));
        };
        std::apply([&](const auto&... f) { (print(f), ...); }, T::fields());
        return s;
    });
}

bool set_field(Op& op, std::string_view name, std::string_view value, std::string& why) {
    return std::visit(
        [&](auto& o) {
            using T = std::decay_t<decltype(o)>;
            if constexpr (std::is_same_v<T, EndOfOps>) {
                return false;
            } else {
                bool found = false;
                bool read = false;
                const auto set = [&](const auto& f) {
                    if (f.name != name) return;
                    found = true;
                    read = from_text(value, o.*f.member);
                    if (!read)
                        why = fmt::format("`{}` is not {}, which field {} of {} takes", value, kind_of_text(o.*f.member), name, T::name);
                };
                std::apply([&](const auto&... f) { (set(f), ...); }, T::fields());
                if (!found) why = fmt::format("{} has no field {}", T::name, name);
                return read;
            }
        },
        op);
}

bool quant_from_text(std::string_view text, Quant& quant) {
    Quant q;
    if (text.empty()) {
        quant = q;
        return true;
    }
    if (!enclosed(text, "q(", ')')) return false;
    const std::vector<std::string_view> p = parts_of(text);
    if (p.size() == 2 && !p[0].starts_with("axis=")) {
        q.scales.resize(1), q.zero_points.resize(1);
        if (!from_text(p[0], q.scales[0]) || !from_text(p[1], q.zero_points[0])) return false;
    } else {
        if (p.size() < 3 || p.size() > 4 || !from_pair(p[0], "axis", q.axis) || q.axis < 0) return false;
        if (p.size() == 4 && (!from_pair(p[1], "block", q.block) || q.block < 1)) return false;
        if (!from_text(p[p.size() - 2], q.scales) || !from_text(p[p.size() - 1], q.zero_points)) return false;
        if (q.scales.empty() || q.scales.size() != q.zero_points.size()) return false;
    }
    quant = std::move(q);
    return true;
}

}  // namespace gw
