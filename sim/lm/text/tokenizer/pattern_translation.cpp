#include <algorithm>
#include <array>
#include <cctype>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"
#include "sim/lm/text/tokenizer/split_pattern.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

constexpr std::size_t kMaxLength = 4096;
constexpr std::string_view kSpaces =
    "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"
    "\\x{3000}";
constexpr std::array<std::string_view, 4> kGroups = {"(?:", "(?i:", "(?!", "(?="};

class Translator {
  public:
    Translator(std::string_view text, const std::string& place) : text_(text), place_(place) {}

    std::string run() {
        if (text_.empty() || text_.size() > kMaxLength)
            refuse("a length of " + std::to_string(text_.size()) + " bytes");
        while (at_ < text_.size()) step();
        if (!caseless_.empty()) refuse("a group that is not closed");
        return std::move(out_);
    }

  private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw InputError(place_ + ": pre-tokeniser pattern " + in_quotes(text_, 300) + " has " +
                             what + " at byte " + std::to_string(at_ + 1) +
                             ", which cannot be matched exactly here",
                         kElsewhere);
    }

    bool ahead(std::string_view what) const { return text_.substr(at_).starts_with(what); }
    bool in_caseless() const {
        return std::find(caseless_.begin(), caseless_.end(), true) != caseless_.end();
    }
    void copy(std::size_t bytes) {
        out_ += text_.substr(at_, bytes);
        at_ += bytes;
    }

    void step() {
        switch (text_[at_]) {
            case '\\':
                return escape(false);
            case '[':
                return character_class();
            case '(':
                return group();
            case ')':
                return close();
            case '{':
                return interval();
            case '*':
            case '+':
            case '?':
                return quantifier();
            case '.':
            case '^':
            case '$':
                refuse("the operator " + in_quotes(text_.substr(at_, 1)));
            case '|':
                quantifiable_ = false;
                return copy(1);
            default:
                quantifiable_ = true;
                return copy_character();
        }
    }

    void copy_character() {
        std::size_t end = at_;
        next_code_point(text_, end);
        copy(end - at_);
    }

    void group() {
        quantifiable_ = false;
        if (ahead("(?")) {
            for (const std::string_view start : kGroups)
                if (ahead(start)) {
                    caseless_.push_back(start == "(?i:");
                    return copy(start.size());
                }
            refuse("the group " + in_quotes(text_.substr(at_, 4)));
        }
        if (ahead("(*")) refuse("the verb " + in_quotes(text_.substr(at_, 4)));
        caseless_.push_back(false);
        copy(1);
    }

    void close() {
        if (caseless_.empty()) refuse("a parenthesis that was not opened");
        caseless_.pop_back();
        quantifiable_ = true;
        copy(1);
    }

    void quantifier() {
        if (!quantifiable_) refuse("a quantifier without operand");
        quantifiable_ = false;
        copy(1);
        if (ahead("?") || ahead("+")) copy(1);
        if (ahead("?") || ahead("+") || ahead("*")) refuse("a quantifier of a quantifier");
    }

    void interval() {
        const auto end = text_.find('}', at_);
        const std::string_view body = text_.substr(at_, end == text_.npos ? end : end - at_);
        const auto valid = [](char c) { return (c >= '0' && c <= '9') || c == ','; };
        if (!quantifiable_ || end == text_.npos || body.size() < 2 || body[1] == ',' ||
            body.size() > 8 || !std::all_of(body.begin() + 1, body.end(), valid) ||
            std::count(body.begin(), body.end(), ',') > 1)
            refuse("the interval " + in_quotes(body));
        quantifiable_ = false;
        copy(body.size() + 1);
        if (ahead("?") || ahead("+") || ahead("*")) refuse("a quantifier of an interval");
    }

    /// \p{Lu}: one or two letters of a general category; Cn and so C depend on the version.
    void property() {
        const auto end = text_.find('}', at_);
        const std::string_view all = text_.substr(at_, end == text_.npos ? end : end - at_ + 1);
        const std::string_view name = all.size() < 5 ? "" : all.substr(3, all.size() - 4);
        constexpr std::string_view kCategories =
            " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl "
            "Zp Cc Cf Co ";
        std::string padded = " ";
        padded.append(name).append(" ");
        if (all.size() < 5 || all[2] != '{' || name.empty() ||
            kCategories.find(padded) == kCategories.npos)
            refuse("the property " + in_quotes(all));
        copy(all.size());
    }

    void escape(bool in_class) {
        if (at_ + 1 >= text_.size()) refuse("a backslash at its end");
        const char c = text_[at_ + 1];
        quantifiable_ = true;
        const bool literal = c == 'r' || c == 'n' || c == 't' ||
                             (std::ispunct(static_cast<unsigned char>(c)) != 0 && c != '_');
        if (in_caseless() && !literal)
            refuse("the escape " + in_quotes(text_.substr(at_, 2)) + " in a caseless group");
        if (literal) return copy(2);
        if (c == 'A' && !in_class) {
            quantifiable_ = false;
            return copy(2);
        }
        if (c == 'p' || c == 'P') return property();
        if (c != 's' && (c != 'S' || in_class))
            refuse("the escape " + in_quotes(text_.substr(at_, 2)));
        at_ += 2;
        if (in_class)
            out_ += kSpaces;
        else
            out_ += (c == 's' ? "[" : "[^") + std::string(kSpaces) + "]";
    }

    void character_class() {
        if (in_caseless() && !plain_letters()) refuse("a character class in a caseless group");
        copy(1);
        if (ahead("^")) copy(1);
        if (ahead("]")) refuse("an empty character class");
        for (bool range_may_follow = false; !ahead("]");) range_may_follow = item(range_may_follow);
        copy(1);
        quantifiable_ = true;
    }

    /// Whether the class ahead holds small ASCII letters alone.
    bool plain_letters() const {
        const auto end = text_.find(']', at_);
        if (end == text_.npos || end < at_ + 2) return false;
        const std::string_view body = text_.substr(at_ + 1, end - at_ - 1);
        return std::all_of(body.begin(), body.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    }

    /// One item of a class; true if it can be the lower end of a range.
    bool item(bool range_may_follow) {
        if (at_ >= text_.size()) refuse("a character class that is not closed");
        if (ahead("[") && !ahead("[:") && !ahead("[^")) return inner_class();
        if (ahead("[") || ahead("&&")) refuse("a class inside a class");
        if (ahead("-")) {
            const bool last = ahead("-]");
            if (!last && !range_may_follow && out_.back() != '[' && out_.back() != '^')
                refuse("a hyphen after a range or a class");
            if (!last && range_may_follow) return range();
            out_ += '\\';
            copy(1);
            return false;
        }
        const bool literal = !ahead("\\") || !(ahead("\\s") || ahead("\\p") || ahead("\\P"));
        if (ahead("\\"))
            escape(true);
        else
            copy_character();
        return literal;
    }

    /// A class inside a class: the union of both.
    bool inner_class() {
        ++at_;
        if (ahead("]")) refuse("an empty character class");
        for (bool range_may_follow = false; !ahead("]");) {
            if (ahead("-")) refuse("a hyphen in a class inside a class");
            range_may_follow = item(range_may_follow);
        }
        ++at_;
        return false;
    }

    bool range() {
        copy(1);
        if (ahead("\\s") || ahead("\\p") || ahead("\\P") || ahead("-"))
            refuse("a range that ends in a class");
        item(false);
        return false;
    }

    std::string_view text_;
    const std::string& place_;
    std::string out_;
    std::vector<bool> caseless_;  ///< one entry an open group
    std::size_t at_ = 0;
    bool quantifiable_ = false;
};

}  // namespace

std::string translate_pattern(std::string_view published, const std::string& place) {
    return Translator(published, place).run();
}

}  // namespace prefdyn::text
