#include "sim/base/formula.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace prefdyn::formula {

namespace {

constexpr std::size_t kMostCharacters = 4096;
constexpr int kDeepest = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
std::string quoted(char c) { return {'\'', c, '\''}; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Operator {
    const char* text;
    Op op;
    int binds;  ///< the larger, the tighter
};

/// Longer ones first where one begins another.
constexpr Operator kOperators[] = {
    {"<=", Op::kAtMost, 4},  {">=", Op::kAtLeast, 4}, {"==", Op::kEqual, 4},
    {"<", Op::kLess, 4},     {">", Op::kGreater, 4},  {"+", Op::kAdd, 5},
    {"-", Op::kSubtract, 5}, {"*", Op::kMultiply, 6}, {"/", Op::kDivide, 6},
    {"^", Op::kPower, 8},    {"and", Op::kAnd, 2},    {"or", Op::kOr, 1},
};
constexpr int kNotBinds = 3, kNegateBinds = 7;

const Operator* operator_of(Op op) {
    const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                     [op](const Operator& o) { return o.op == op; });
    return found == std::end(kOperators) ? nullptr : found;
}

class Parser {
  public:
    Parser(const std::string& text, const Grammar& grammar, std::size_t first)
        : text_(text), grammar_(grammar), first_(first) {}

    Node parse() {
        if (text_.size() > kMostCharacters)
            throw Error(first_, "the formula has " + std::to_string(text_.size()) + " characters",
                        "at most " + std::to_string(kMostCharacters) + " are read");
        Node out = expression(0);
        skip();
        if (at_ < text_.size()) {
            const std::string found = quoted(text_[at_]);
            if (text_[at_] == '=')
                throw Error(column(), "a single '='", "write == for an equality");
            throw Error(column(), found + " does not continue a formula",
                        text_[at_] == ')' ? "there is no '(' to it" : "an operator is missing");
        }
        return out;
    }

  private:
    std::size_t column() const { return first_ + at_; }

    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    bool take(char c) {
        skip();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    /// The name that begins here; does not move.
    std::string name_here() const {
        std::size_t end = at_;
        const auto inside = [&](std::size_t k) {
            if (k >= text_.size()) return false;
            const char c = text_[k];
            if (is_letter(c) || is_digit(c)) return true;
            const bool follows =
                k + 1 < text_.size() && (is_letter(text_[k + 1]) || is_digit(text_[k + 1]));
            return follows && (c == '.' || (c == '-' && grammar_.dashes));
        };
        if (end < text_.size() && is_letter(text_[end]))
            while (inside(end)) ++end;
        return text_.substr(at_, end - at_);
    }

    const Operator* operator_here() {
        skip();
        const std::string word = name_here();
        for (const Operator& o : kOperators)
            if (is_letter(o.text[0])
                    ? word == o.text
                    : text_.compare(at_, std::char_traits<char>::length(o.text), o.text) == 0)
                return &o;
        return nullptr;
    }

    /// Operators that bind at least as tightly as `least`.
    Node expression(int least) {
        const Depth here(*this);
        Node left = prefixed();
        for (const Operator* o = operator_here(); o && o->binds >= least; o = operator_here()) {
            const std::size_t where = column();
            at_ += std::char_traits<char>::length(o->text);
            Node right = expression(o->op == Op::kPower ? kNegateBinds : o->binds + 1);
            left = {.op = o->op, .column = where, .arguments = {std::move(left), std::move(right)}};
        }
        return left;
    }

    Node prefixed() {
        skip();
        const std::size_t where = column();
        if (name_here() == "not") {
            at_ += 3;
            return {.op = Op::kNot, .column = where, .arguments = {expression(kNotBinds)}};
        }
        if (take('-'))
            return {.op = Op::kNegate, .column = where, .arguments = {expression(kNegateBinds)}};
        return primary();
    }

    Node primary() {
        const std::size_t where = column();
        if (take('(')) {
            Node inner = expression(0);
            close(where);
            return inner;
        }
        if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
        const std::string name = name_here();
        if (name.empty() || name == "and" || name == "or") missing(where);
        at_ += name.size();
        if (std::ranges::count(grammar_.functions, name) > 0) return call(name, where);
        Node out{.op = Op::kName, .column = where, .name = name};
        if (take('(')) {
            skip();
            out.at = name_here();
            at_ += out.at.size();
            skip();
            if (out.at.empty() || at_ >= text_.size() || text_[at_] != ')')
                throw Error(where, "'" + name + "' is no function",
                            "functions: " + listed(grammar_.functions));
            ++at_;
        }
        return out;
    }

    static std::string listed(const std::vector<std::string>& names) {
        std::string out;
        for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
        return out.empty() ? "none" : out;
    }

    [[noreturn]] void missing(std::size_t where) const {
        if (at_ >= text_.size())
            throw Error(where, "the formula ends where a number or a name should stand");
        throw Error(where, quoted(text_[at_]) +
                               " stands where a number or a name "
                               "should");
    }

    void close(std::size_t opened) {
        if (!take(')'))
            throw Error(column(), "a ')' is missing",
                        "it belongs to the '(' in column " + std::to_string(opened));
    }

    Node call(const std::string& name, std::size_t where) {
        Node out{.op = Op::kCall, .column = where, .name = name};
        if (!take('('))
            throw Error(where, "the function " + name +
                                   " takes its argument in "
                                   "parentheses");
        do out.arguments.push_back(expression(0));
        while (take(','));
        close(where + name.size());
        return out;
    }

    Node number() {
        Node out{.op = Op::kNumber, .column = column()};
        const char* begin = text_.data() + at_;
        const auto [end, problem] = std::from_chars(begin, text_.data() + text_.size(), out.number);
        if (problem != std::errc() || !std::isfinite(out.number))
            throw Error(column(), "'" + std::string(begin, end) + "' is no number in range");
        at_ += static_cast<std::size_t>(end - begin);
        if (at_ < text_.size() && is_letter(text_[at_]))
            throw Error(column(), "a name directly after a number", "write 2 * name");
        return out;
    }

    /// Guards the stack.
    class Depth {
      public:
        explicit Depth(Parser& p) : parser_(p) {
            if (++parser_.depth_ > kDeepest)
                throw Error(p.column(), "the formula is more than " + std::to_string(kDeepest) +
                                            " levels deep");
        }
        ~Depth() { --parser_.depth_; }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;

      private:
        Parser& parser_;
    };

    const std::string& text_;
    const Grammar& grammar_;
    std::size_t first_, at_ = 0;
    int depth_ = 0;
};

int binds(const Node& node) {
    if (const Operator* o = operator_of(node.op)) return o->binds;
    if (node.op == Op::kNegate) return kNegateBinds;
    if (node.op == Op::kNot) return kNotBinds;
    return node.op == Op::kNumber && node.number < 0.0 ? kNegateBinds : 10;
}

std::string inner_text(const Node& node, int least) {
    const std::string text = text_of(node);
    return binds(node) < least ? "(" + text + ")" : text;
}

}  // namespace

std::string number_text(double x) {
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, x);
    return {digits, result.ptr};
}

bool is_relation(Op op) {
    return op == Op::kLess || op == Op::kGreater || op == Op::kAtMost || op == Op::kAtLeast ||
           op == Op::kEqual;
}

Node parse(const std::string& text, const Grammar& grammar, std::size_t first) {
    return Parser(text, grammar, first).parse();
}

std::string text_of(const Node& node) {
    switch (node.op) {
        case Op::kNumber:
            return number_text(node.number);
        case Op::kName:
            return node.at.empty() ? node.name : node.name + "(" + node.at + ")";
        case Op::kCall: {
            std::string out = node.name + "(";
            for (std::size_t k = 0; k < node.arguments.size(); ++k)
                out.append(k == 0 ? "" : ", ").append(text_of(node.arguments[k]));
            return out + ")";
        }
        case Op::kNegate:
            return std::string("-").append(inner_text(node.arguments[0], kNegateBinds));
        case Op::kNot:
            return std::string("not ").append(inner_text(node.arguments[0], kNotBinds));
        default:
            break;
    }
    const Operator& o = *operator_of(node.op);
    const bool from_right = node.op == Op::kPower;
    const std::string left = inner_text(node.arguments[0], o.binds + (from_right ? 1 : 0)),
                      right =
                          inner_text(node.arguments[1], from_right ? kNegateBinds : o.binds + 1);
    return from_right ? left + "^" + right : left + " " + o.text + " " + right;
}

bool is_name(const std::string& text, bool dashes) {
    return !text.empty() && is_letter(text[0]) && std::ranges::all_of(text, [&](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || (dashes && c == '-');
    });
}

}  // namespace prefdyn::formula
