#include "theory/formula/mathml.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <utility>
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

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

const char* const kGap = "<mspace width=\"0.25em\"/>";

const std::map<std::string, std::string>& letters() {
    static const std::map<std::string, std::string> all = {
        {"kappa", "\u03ba"},  {"beta", "\u03b2"},  {"eta", "\u03b7"},         {"delta", "\u03b4"},
        {"lambda", "\u03bb"}, {"Delta", "\u0394"}, {"Sigma", "\u03a3"},       {"phi", "\u03c6"},
        {"mu", "\u03bc"},     {"Phi", "\u03a6"},   {"sigma", "\u03c3"},       {"zbar", "z\u0304"},
        {"bbar", "b\u0304"},  {"int", "\u222b"},   {"alpha", "\u03b1"},       {"tau", "\u03c4"},
        {"pi", "\u03c0"},     {"sum", "\u2211"},   {"sqrt", "\u221a"},        {"gamma", "\u03b3"},
        {"theta", "\u03b8"},  {"nu", "\u03bd"},    {"pihat", "\u03c0\u0302"}, {"rhat", "r\u0302"},
        {"Dhat", "D\u0302"},  {"rho", "\u03c1"},   {"epsilon", "\u03b5"}};
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
    /// What stands below or above: one piece, or all between parentheses or braces.
    std::string script() {
        if (at_ + 1 < text_.size() && text_[at_] == '-' && is_digit(text_[at_ + 1])) {
            ++at_;
            return row(sign("\u2212") + next());
        }
        if (at_ >= text_.size() || (text_[at_] != '(' && text_[at_] != '{')) return next();
        const char open = text_[at_], close = open == '(' ? ')' : '}';
        const auto begin = ++at_;
        for (int depth = 1; at_ < text_.size(); ++at_) {
            depth += text_[at_] == open ? 1 : text_[at_] == close ? -1 : 0;
            if (depth == 0) break;
        }
        const std::string inside = text_.substr(begin, at_ - begin);
        if (at_ < text_.size()) ++at_;
        return Symbol(inside).mathml();
    }

    std::string next() {
        if (at_ >= text_.size()) return row("");
        const auto begin = at_;
        if (is_letter(text_[at_])) {
            while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
            const std::string word = text_.substr(begin, at_ - begin);
            const auto greek = letters().find(word);
            return tag("mi", greek == letters().end() ? word : greek->second);
        }
        if (is_digit(text_[at_])) {
            while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
            return tag("mn", text_.substr(begin, at_ - begin));
        }
        if (text_.compare(at_, 2, "||") == 0) {
            at_ += 2;
            return sign("\u2016");
        }
        static constexpr std::pair<const char*, const char*> kPairs[] = {
            {"<=", "\u2264"}, {">=", "\u2265"}, {"->", "\u2192"}};
        for (const auto& [two, drawn] : kPairs)
            if (text_.compare(at_, 2, two) == 0) {
                at_ += 2;
                return sign(drawn);
            }
        const char c = text_[at_++];
        if (c == '-') return sign("\u2212");
        if (c == '&') return sign("&amp;");
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

/// Words of a statement that belong to a formula though they are letters alone.
bool is_symbol(const std::string& word) {
    static constexpr const char* kNames[] = {"log", "exp", "ln",  "min", "max", "sup",
                                             "inf", "tr",  "Var", "KL",  "cos", "sin"};
    return letters().contains(word) ||
           std::ranges::any_of(kNames, [&](const char* name) { return word == name; });
}

/// Whether a word between spaces, its punctuation apart, is part of a formula.
bool is_formula(const std::string& word) {
    if (word.empty()) return false;
    if (std::ranges::all_of(word, is_letter))
        return word.size() == 1 ? word != "a" && word != "A" && word != "I" : is_symbol(word);
    if (word[0] == 'T' && word.size() > 1 && is_digit(word[1])) return false;  // a claim's id
    // What is letters, hyphens and parentheses alone is prose unless one of its words is a symbol.
    std::string part;
    bool long_word = false, symbol = false, other = false;
    for (std::size_t k = 0; k <= word.size(); ++k) {
        if (k < word.size() && is_letter(word[k])) {
            part += word[k];
            continue;
        }
        long_word = long_word || (part.size() > 1 && !is_symbol(part));
        symbol = symbol || is_symbol(part);
        part.clear();
        if (k < word.size())
            other = other || std::string("-()'").find(word[k]) == std::string::npos;
    }
    return other || symbol || !long_word;
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text)
        out.append(c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c));
    return out;
}

}  // namespace

std::string mathml_of(const std::string& statement) {
    std::string out, formula;
    const auto finish = [&] {
        if (!formula.empty())
            out.append(out.empty() ? "" : " ").append(tag("math", Symbol(formula).mathml()));
        formula.clear();
    };
    std::istringstream words(statement);
    for (std::string word; words >> word;) {
        std::string behind;
        while (!word.empty() && std::string(",:;.").find(word.back()) != std::string::npos) {
            behind.insert(behind.begin(), word.back());
            word.pop_back();
        }
        if (is_formula(word)) {
            formula.append(formula.empty() ? "" : " ").append(word);
            if (behind.empty()) continue;
            finish();
            out += behind;
            continue;
        }
        finish();
        out.append(out.empty() ? "" : " ").append(escaped(word)).append(behind);
    }
    finish();
    return out;
}

std::string mathml_of(const Claim& claim) {
    return claim.formula ? mathml_of(*claim.formula) : mathml_of(claim.statement);
}

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
