#include "sim/base/formula.hpp"

#include <doctest/doctest.h>

#include <boost/random/uniform_int_distribution.hpp>

#include "tests/support/support.hpp"

using namespace prefdyn;
using formula::Node;

namespace {

const formula::Grammar kGrammar = {{"exp", "min", "mean", "share"}, false};

std::string canonical(const std::string& text) {
    return formula::text_of(formula::parse(text, kGrammar));
}

/// Column and message of what is wrong.
std::string complaint(const std::string& text) {
    try {
        formula::parse(text, kGrammar);
    } catch (const formula::Error& e) {
        return std::to_string(e.column()) + ": " + e.what() + "; " + e.hint();
    }
    return "";
}

}  // namespace

TEST_CASE("precedence, with the fewest parentheses that keep it") {
    const std::pair<const char*, const char*> kCases[] = {
        {"a+b*c", "a + b * c"},
        {"(a+b)*c", "(a + b) * c"},
        {"a-b-c", "a - b - c"},
        {"a-(b-c)", "a - (b - c)"},
        {"a/b/c", "a / b / c"},
        {"a/(b*c)", "a / (b * c)"},
        {"a^b^c", "a^b^c"},
        {"(a^b)^c", "(a^b)^c"},
        {"-a^2", "-a^2"},
        {"(-a)^2", "(-a)^2"},
        {"a^-2", "a^-2"},
        {"2*-a", "2 * -a"},
        {"a*b^2", "a * b^2"},
        {"a<=b<=c", "a <= b <= c"},
        {"a+1<b", "a + 1 < b"},
        {"not a<b and c>d or e==f", "not a < b and c > d or e == f"},
        {"not(a<b and c>d)", "not (a < b and c > d)"},
        {"rate(s)-min(a, b ,c)", "rate(s) - min(a, b, c)"},
        {"held_out.loss*1e-3", "held_out.loss * 0.001"},
        {"((a))", "a"},
        {"share(m>0)", "share(m > 0)"},
    };
    for (const auto& [text, want] : kCases) {
        CHECK(canonical(text) == want);
        CHECK(canonical(want) == want);
    }
    CHECK(formula::text_of(formula::parse("eta-kappa * 2 - a", {{}, true})) == "eta-kappa * 2 - a");
}

TEST_CASE("what is wrong is told with its column") {
    const std::pair<const char*, const char*> kCases[] = {
        {"a +", "4: the formula ends"},
        {"a + * b", "5: '*' stands where"},
        {"a = b", "3: a single '='; write == "},
        {"(a + b", "7: a ')' is missing; it belongs to the '(' in column 1"},
        {"a + b)", "6: ')' does not continue a formula"},
        {"a b", "3: 'b' does not continue"},
        {"2a", "2: a name directly after a number"},
        {"tan(a + 1)", "1: 'tan' is no function"},
        {"exp a", "1: the function exp takes its argument in parentheses"},
        {"1e999", "1: '1e999' is no number in range"},
        {"", "1: the formula ends"},
        {"a ? b", "3: '?' does not continue"},
    };
    for (const auto& [text, want] : kCases)
        CHECK_MESSAGE(complaint(text).starts_with(want), text, " gives ", complaint(text));
    CHECK(complaint(std::string(100, '(') + "a" + std::string(100, ')')).find("64 levels") !=
          std::string::npos);
    CHECK(complaint(std::string(5000, ' ')).find("5000 characters") != std::string::npos);
    std::string sum = "a";
    for (int k = 0; k < 1000; ++k) sum += "+a";
    CHECK(complaint(sum).empty());
}

TEST_CASE("whatever is typed: a tree with one text, or a complaint inside the text") {
    Stream stream(test::seed(), Purpose::kSuite, 9101);
    const std::string kPieces[] = {"a", "b.c", "exp", "min", "(",   ")",    "+",   "-", "*",
                                   "/", "^",   "<=",  ">",   "==",  "1",    "2.5", "e", ",",
                                   " ", "not", "and", "or",  "(s)", "\xff", "=",   "#"};
    boost::random::uniform_int_distribution<std::size_t> pick(0, std::size(kPieces) - 1),
        length(1, 12);
    std::size_t trees = 0;
    for (int trial = 0; trial < 200000; ++trial) {
        std::string text;
        for (std::size_t k = length(stream); k > 0; --k) text += kPieces[pick(stream)];
        try {
            const std::string once = canonical(text);
            ++trees;
            REQUIRE(canonical(once) == once);
        } catch (const formula::Error& e) {
            REQUIRE(e.column() >= 1);
            REQUIRE(e.column() <= text.size() + 1);
        }
    }
    CHECK(trees > 1000);
}
