#include "theory/formula/mathml.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

namespace prefdyn::theory {

using formula::Node;
using formula::Op;

namespace {

std::string tag(const char* name, const std::string& inner) {
    std::string out("<");
    return out.append(name).append(">").append(inner).append("</").append(name).append(">");
}
std::string row(const std::string& inner) { return tag("mrow", inner); }
std::string sign(const std::string& text) { return tag("mo", text); }
std::string fenced(const std::string& inner) { return row(sign("(") + inner + sign(")")); }

const char* const kGap = "<mspace width=\"0.25em\"/>";

const std::map<std::string, std::string>& letters() {
    static const std::map<std::string, std::string> all = {
        {"kappa", "\u03ba"},  {"beta", "\u03b2"},  {"eta", "\u03b7"},   {"delta", "\u03b4"},
        {"lambda", "\u03bb"}, {"Delta", "\u0394"}, {"Sigma", "\u03a3"}, {"phi", "\u03c6"},
        {"mu", "\u03bc"},     {"Phi", "\u03a6"},   {"sigma", "\u03c3"}, {"zbar", "z\u0304"},
        {"bbar", "b\u0304"},  {"int", "\u222b"}};
    return all;
}

/// A symbol of the quantity table, "||Delta W(t)||_F", piece by piece: words in Greek, `_x` and
/// `^x` below and above what stands before them.
class Symbol {
  public:
    explicit Symbol(const std::string& text) : text_(text) {}

    std::string mathml() {
        std::string out;
        while (at_ < text_.size()) {
            if (text_[at_] == ' ') {
                ++at_;
                out += kGap;
                continue;
            }
            std::string piece = next();
            while (at_ < text_.size() && (text_[at_] == '_' || text_[at_] == '^')) {
                const bool below = text_[at_++] == '_';
                piece = tag(below ? "msub" : "msup", piece + script());
            }
            out += piece;
        }
        return row(out);
    }

  private:
    /// What stands below or above: one piece, or all between parentheses.
    std::string script() {
        if (at_ >= text_.size() || text_[at_] != '(') return next();
        const auto begin = ++at_;
        for (int depth = 1; at_ < text_.size(); ++at_) {
            depth += text_[at_] == '(' ? 1 : text_[at_] == ')' ? -1 : 0;
            if (depth == 0) break;
        }
        const std::string inside = text_.substr(begin, at_ - begin);
        if (at_ < text_.size()) ++at_;
        return Symbol(inside).mathml();
    }

    std::string next() {
        if (at_ >= text_.size()) return row("");
        const auto begin = at_;
        const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
        const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
        if (letter(text_[at_])) {
            while (at_ < text_.size() && letter(text_[at_])) ++at_;
            const std::string word = text_.substr(begin, at_ - begin);
            const auto greek = letters().find(word);
            return tag("mi", greek == letters().end() ? word : greek->second);
        }
        if (digit(text_[at_])) {
            while (at_ < text_.size() && (digit(text_[at_]) || text_[at_] == '.')) ++at_;
            return tag("mn", text_.substr(begin, at_ - begin));
        }
        if (text_.compare(at_, 2, "||") == 0) {
            at_ += 2;
            return sign("\u2016");
        }
        const char c = text_[at_++];
        if (c == '\'') return sign("\u2032");
        if (c == '<') return sign("&lt;");
        if (c == '>') return sign("&gt;");
        if (c == '.') return sign("\u00b7");
        return sign(std::string(1, c));
    }

    const std::string& text_;
    std::size_t at_ = 0;
};

int binds(const Node& node) {
    switch (node.op) {
        case Op::kAdd:
        case Op::kSubtract:
            return 1;
        case Op::kNegate:
        case Op::kMultiply:
            return 2;
        case Op::kPower:
            return 4;
        default:
            return formula::is_relation(node.op) || node.op == Op::kAnd || node.op == Op::kOr ||
                           node.op == Op::kNot
                       ? 0
                       : 5;  // names, numbers, calls, fractions
    }
}

class Writer {
  public:
    explicit Writer(std::string time) : time_(std::move(time)) {}

    std::string write(const Node& node) const {
        switch (node.op) {
            case Op::kNumber:
                return tag("mn", formula::text_of(node));
            case Op::kName:
                return Symbol(symbol_at(node, time_)).mathml();
            case Op::kCall:
                return call(node);
            case Op::kNegate:
                return row(sign("\u2212") + inner(node.arguments[0], 2));
            case Op::kDivide:
                return tag("mfrac", row(write(node.arguments[0])) + row(write(node.arguments[1])));
            case Op::kPower:
                return tag("msup", inner(node.arguments[0], 5) + row(write(node.arguments[1])));
            case Op::kNot:
                return row(sign("\u00ac") + inner(node.arguments[0], 1));
            default:
                return row(inner(node.arguments[0], binds(node)) + sign(between(node.op)) +
                           inner(node.arguments[1], binds(node) + 1));
        }
    }

  private:
    std::string inner(const Node& node, int least) const {
        const std::string text = write(node);
        return binds(node) < least ? fenced(text) : text;
    }

    static std::string between(Op op) {
        switch (op) {
            case Op::kAdd:
                return "+";
            case Op::kSubtract:
                return "\u2212";
            case Op::kMultiply:
                return "\u2062";  // invisible times
            case Op::kLess:
                return "&lt;";
            case Op::kGreater:
                return "&gt;";
            case Op::kAtMost:
                return "\u2264";
            case Op::kAtLeast:
                return "\u2265";
            case Op::kAnd:
                return "\u2227";
            case Op::kOr:
                return "\u2228";
            default:
                return "=";
        }
    }

    std::string call(const Node& node) const {
        const std::string first = write(node.arguments[0]);
        if (node.name == "sqrt") return tag("msqrt", first);
        if (node.name == "abs") return row(sign("|") + first + sign("|"));
        if (node.name == "exp") return tag("msup", tag("mi", "e") + row(first));
        std::string inside = first;
        for (std::size_t k = 1; k < node.arguments.size(); ++k)
            inside += sign(",") + write(node.arguments[k]);
        const auto greek = letters().find(node.name);
        const std::string name = node.name == "sigmoid"     ? "\u03c3"
                                 : greek == letters().end() ? node.name
                                                            : greek->second;
        return row(tag("mi", name) + fenced(inside));
    }

    std::string time_;
};

}  // namespace

std::string mathml_of(const FormulaClaim& claim) {
    using enum Restriction::Records;
    std::string out;
    for (const Statement& s : claim.statements) {
        const Writer writer(s.where.records == kStart ? "0" : "t");
        std::string words;
        const auto add = [&](const std::string& part) {
            words.append(words.empty() ? "" : sign(",")).append(part);
        };
        if (s.where.records == kEnd) add(tag("mtext", "at the end"));
        if (s.where.records == kPairs || s.where.records == kNeighbours)
            add(tag("mi", "s") + sign("\u2264") + tag("mi", "t"));
        for (const Node& c : s.where.conditions) add(writer.write(c));
        const std::string where =
            words.empty()
                ? ""
                : row(tag("mtext", "for") + kGap + words + sign(":") + "<mspace width=\"1em\"/>");
        out += tag("math", row(where + writer.write(s.relation)));
    }
    return out;
}

}  // namespace prefdyn::theory
