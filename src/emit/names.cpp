// Names that C accepts: of models, ports and struct members.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "emit/emit.h"

namespace gw {
namespace {
constexpr std::string_view reserved[] = {
    // C99, C11 and C++ keywords
    "alignas", "alignof", "and", "asm", "auto", "bool", "break", "case", "catch", "char", "class", "const", "constexpr", "continue",
    "default", "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
    "inline", "int", "long", "mutable", "namespace", "new", "not", "nullptr", "operator", "or", "private", "protected", "public",
    "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw", "true", "try",
    "typedef", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor",
    // names of standard headers and of what they declare that a file name may well be
    "assert", "complex", "ctype", "errno", "fenv", "inttypes", "iso646", "limits", "locale", "math", "setjmp", "signal", "stdalign",
    "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string", "tgmath", "threads", "time", "uchar",
    "wchar", "wctype", "main", "memcpy", "memset", "arena", "state", "weights", "io", "NULL"};
}  // namespace

std::string c_name(std::string_view wanted, std::vector<std::string>& taken) {
    std::string name = c_identifier(wanted);
    // Identifiers that begin with an underscore belong to the implementation at file scope.
    const size_t first = name.find_first_not_of('_');
    const bool digit = first != std::string::npos && name[first] >= '0' && name[first] <= '9';
    name = first == std::string::npos ? "tensor" : digit ? "n" + name.substr(first) : name.substr(first);
    if (std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved)) name += "_net";
    std::string unique = name;
    for (int i = 2; std::find(taken.begin(), taken.end(), unique) != taken.end(); ++i) unique = name + "_" + std::to_string(i);
    taken.push_back(unique);
    return unique;
}

}  // namespace gw
