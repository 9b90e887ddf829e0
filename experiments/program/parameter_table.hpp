#pragma once
// Parameters, declared once: the table makes the command line, the config file, --help, the
// reference page, the columns of a result file and the run id.

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn {

enum class ParameterType { kReal, kInteger, kChoice, kText, kTexts, kFlag };

struct Parameter {
    std::string name = {}, unit = {}, help = {};
    ParameterType type = ParameterType::kText;
    std::string range = {};                 ///< as shown to the user
    std::vector<std::string> choices = {};  ///< all that it may be, where these are few
    std::string default_text = {};
    std::string origin = "default";  ///< default, command line, or the config file's path
    bool identity = true;            ///< part of the run id
    bool required = false;           ///< must be given
    bool positional = false;         ///< may be given without its name
    /// Returns what is wrong, empty if nothing.
    std::function<std::string(const std::string&)> set = {};
    std::function<std::string()> get = {};
    /// What enters the run id in place of the value, which may be nothing.
    std::function<std::string()> contents = {};
};

/// Bound to one options object, which must outlive it.
class ParameterTable {
  public:
    /// Closed range [low, high]; low_open excludes low.
    void real(const std::string& name, double* target, double low, double high, bool low_open,
              const std::string& unit, const std::string& help);
    void integer(const std::string& name, Index* target, Index low, Index high,
                 const std::string& unit, const std::string& help);
    void seed(const std::string& name, std::uint64_t* target, const std::string& help);
    void text(const std::string& name, std::string* target, const std::string& help,
              bool required = false);
    /// One or more, separated by spaces on the command line; one in a config file.
    void texts(const std::string& name, std::vector<std::string>* target, const std::string& help,
               bool required = false);
    void flag(const std::string& name, bool* target, const std::string& help);
    template <class Enum>
    void choice(const std::string& name, Enum* target, const std::vector<std::string>& names,
                const std::string& help) {
        choice_by_index(
            name, names, help, [target](std::size_t k) { *target = static_cast<Enum>(k); },
            [target] { return static_cast<std::size_t>(*target); });
    }
    /// The parameter declared last may also be given as a bare argument.
    void positional() { parameters_.back().positional = true; }
    /// The parameter declared last names a place: what lies there counts, not how it is called.
    void place() { parameters_.back().identity = false; }
    /// The same, of a place whose contents are part of the run id; without any it has no line
    /// there.
    void place(std::function<std::string()> contents) {
        parameters_.back().contents = std::move(contents);
    }
    /// `problem(value)` says what is wrong with the parameter declared last, nothing if it is
    /// right.
    void check(std::function<std::string(const std::string&)> problem);
    /// `other` is another spelling of `value` for the parameter declared last.
    void spelling(const std::string& other, const std::string& value);
    /// What must hold of all values together: says what is wrong, nothing if all is right. Asked
    /// at the end of `parse`.
    void rule(std::function<std::string(const ParameterTable&)> problem) {
        rules_.push_back(std::move(problem));
    }
    /// Whether a command line or config file named the parameter.
    bool given(const std::string& name) const;
    /// "--a, --b", of `names` those given another value than their default; empty if none is.
    std::string given_of(const std::vector<std::string>& names) const;
    /// The parameters declared from here on do not enter the run id (output, threads ...).
    void stop_identity() { identity_ = false; }

    /// Command line first, then `--config FILE` (key = value lines) for what it leaves open.
    /// Reports everything that is wrong in one InputError.
    void parse(const std::vector<std::string>& arguments);

    const std::vector<Parameter>& parameters() const { return parameters_; }
    std::vector<Parameter>& parameters() { return parameters_; }
    /// Null if there is none of this name.
    Parameter* find(const std::string& name);
    /// "name=value\n" of every identity parameter, in table order.
    std::string canonical() const;
    /// "name = value  # origin\n" of every parameter.
    std::string values() const;

  private:
    void add(const std::string& name, const std::string& unit, const std::string& help,
             ParameterType type, const std::string& range,
             std::function<std::string(const std::string&)> set, std::function<std::string()> get);
    void choice_by_index(const std::string& name, const std::vector<std::string>& names,
                         const std::string& help, std::function<void(std::size_t)> set,
                         std::function<std::size_t()> get);

    std::vector<Parameter> parameters_;
    std::vector<std::function<std::string(const ParameterTable&)>> rules_;
    bool identity_ = true;
};

/// `text` with its vertical bars escaped, for a Markdown table.
std::string markdown_cell(const std::string& text);

/// The texts one behind the other with `between` in between.
std::string joined(const std::vector<std::string>& texts, const std::string& between);

/// Shortest text that reads back as the same double.
std::string format_real(double value);

/// Reads the number that all of `text` is; false if it is none.
template <class T>
bool parse_number(std::string_view text, T& value) {
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
}

/// Reads the finite number that `text` is but for blanks around it; false if it is none.
bool parse_real(const std::string& text, double& value);

}  // namespace prefdyn
