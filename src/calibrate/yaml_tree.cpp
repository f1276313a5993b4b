// The problem: yaml-cpp's Node is a graph of shared pointers that merges sets of memory whenever a node joins another, and a profile of a
// few kilobytes takes milliseconds. The idea: its parser also reports events. They are pushed into a tree of values here; what a profile
// never has (anchors, aliases, documents that are graphs) ends the reading.
#include "calibrate/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace gw {
namespace {

constexpr int most_nodes = 1000000;

class TreeBuilder : public YAML::EventHandler {
public:
    explicit TreeBuilder(YamlTree& root) : root_(root) {}
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, YamlTree::Kind::nothing, {}); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { throw YAML::ParserException(mark, "aliases are not read"); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
        leaf(mark, anchor, YamlTree::Kind::scalar, value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(mark, anchor, YamlTree::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(mark, anchor, YamlTree::Kind::map);
    }
    void OnMapEnd() override { close(); }

private:
    // A node that is being filled. In a map, keys and values come in turns.
    struct Open {
        YamlTree node;
        bool awaits_value = false;
    };

    void check(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) throw YAML::ParserException(mark, "anchors are not read");
        if (++nodes_ > most_nodes) throw YAML::ParserException(mark, "more nodes than a profile can have");
    }
    void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlTree::Kind kind, const std::string& value) {
        check(mark, anchor);
        YamlTree node;
        node.kind = kind, node.line = mark.line, node.text = value;
        add(std::move(node));
    }
    void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlTree::Kind kind) {
        check(mark, anchor);
        stack_.emplace_back();
        stack_.back().node.kind = kind, stack_.back().node.line = mark.line;
    }
    void close() {
        YamlTree node = std::move(stack_.back().node);
        stack_.pop_back();
        add(std::move(node));
    }
    void add(YamlTree&& node) {
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = stack_.back();
        if (parent.node.is_map() && !parent.awaits_value) {
            parent.node.keys.push_back(node.is_scalar() ? std::move(node.text) : "?");
            parent.node.key_lines.push_back(node.line);
        } else {
            parent.node.items.push_back(std::move(node));
        }
        parent.awaits_value = !parent.awaits_value;
    }

    YamlTree& root_;
    std::vector<Open> stack_;
    int nodes_ = 0;
};

}  // namespace

const YamlTree& YamlTree::operator[](std::string_view key) const {
    static const YamlTree absent;
    for (size_t i = 0; i < keys.size(); ++i)
        if (keys[i] == key) return items[i];
    return absent;
}

bool parse_yaml(const std::string& text, YamlTree& tree, std::string& why) {
    tree = {};
    try {
        std::istringstream in(text);
        YAML::Parser parser(in);
        TreeBuilder builder(tree);
        parser.HandleNextDocument(builder);
        return true;
    } catch (const YAML::Exception& e) {
        why = e.mark.is_null() ? fmt::format("is not YAML: {}", e.msg) : fmt::format("line {}: is not YAML: {}", e.mark.line + 1, e.msg);
        return false;
    }
}

}  // namespace gw
