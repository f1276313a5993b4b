// A YAML document as a plain tree: what yaml-cpp's parser reports, without the bookkeeping of its own nodes, which costs a hundred times
// the parsing.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gw {

struct YamlTree {
    enum class Kind { nothing, scalar, list, map };
    Kind kind = Kind::nothing;
    int line = -1;                  // from 0; −1: not in the document
    std::string text;               // of a scalar
    std::vector<YamlTree> items;    // of a list; of a map: the values
    std::vector<std::string> keys;  // of a map, in the file's order; a key that is no scalar is "?"
    std::vector<int> key_lines;     // their lines

    bool is_scalar() const { return kind == Kind::scalar; }
    bool is_list() const { return kind == Kind::list; }
    bool is_map() const { return kind == Kind::map; }
    // The first value of a key; one of kind nothing where there is none.
    const YamlTree& operator[](std::string_view key) const;
};

// Parses the first document. Errors: `why` says what, with the line; anchors, aliases and more than a million nodes are errors too.
bool parse_yaml(const std::string& text, YamlTree& tree, std::string& why);

}  // namespace gw
