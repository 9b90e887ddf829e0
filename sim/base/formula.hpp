#pragma once
// Formulas as people type them: numbers, names, arithmetic, functions, comparisons. A text becomes
// a tree; what names and functions mean is up to whoever reads the tree.

#include <stdexcept>
#include <string>
#include <vector>

namespace prefdyn::formula {

enum class Op {
    kNumber,
    kName,  ///< `at` says where: `rate(s)` is the name rate at s
    kCall,  ///< of a function
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kPower,
    kLess,
    kGreater,
    kAtMost,
    kAtLeast,
    kEqual,
    kNot,
    kAnd,
    kOr,
};

bool is_relation(Op op);

struct Node {
    Op op = Op::kNumber;
    std::size_t column = 1;  ///< in the text, from 1
    double number = 0.0;
    std::string name = {}, at = {};
    std::vector<Node> arguments = {};
};

/// What is wrong with a formula, and where.
class Error : public std::runtime_error {
  public:
    Error(std::size_t column, const std::string& what, std::string hint = {})
        : std::runtime_error(what), column_(column), hint_(std::move(hint)) {}
    std::size_t column() const { return column_; }
    const std::string& hint() const { return hint_; }

  private:
    std::size_t column_;
    std::string hint_;
};

struct Grammar {
    /// Functions; any other name in front of one name in parentheses is a value somewhere else.
    std::vector<std::string> functions = {};
    /// Whether names hold '-', as options do: `a-b` is a name then, `a - b` a difference.
    bool dashes = false;
};

/// sum, product, power and relation as usual; `^` binds from the right and before a minus sign;
/// `not`, `and`, `or` come last. At most 4096 characters, 64 levels deep. `first` is the column of
/// the first character. Throws Error.
Node parse(const std::string& text, const Grammar& grammar, std::size_t first = 1);

/// The same tree in one form, with the fewest parentheses: equal texts mean equal trees.
std::string text_of(const Node& node);

/// Digits enough to read the same number again.
std::string number_text(double x);

/// A name of letters, digits, '_' and '.', and '-' where the grammar has it.
bool is_name(const std::string& text, bool dashes = false);

}  // namespace prefdyn::formula
