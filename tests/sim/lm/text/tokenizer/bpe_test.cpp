#include "sim/lm/text/tokenizer/bpe.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "sim/lm/text/tokenizer/byte_alphabet.hpp"
#include "sim/lm/text/utf8.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::Tokens;
using text::Merges;
using text::Token;

namespace {

struct SlowRule {
    std::size_t rank;
    Token result;
};
using SlowRules = std::map<std::pair<Token, Token>, SlowRule>;

/// Looks through the whole list for the best pair, again and again.
Tokens merge_slowly(const SlowRules& rules, Tokens symbols) {
    for (;;) {
        std::size_t best = symbols.size(), rank = rules.size();
        for (std::size_t k = 0; k + 1 < symbols.size(); ++k) {
            const auto rule = rules.find({symbols[k], symbols[k + 1]});
            if (rule != rules.end() && rule->second.rank < rank) best = k, rank = rule->second.rank;
        }
        if (best == symbols.size()) return symbols;
        symbols[best] = rules.at({symbols[best], symbols[best + 1]}).result;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
}

}  // namespace

TEST_CASE("the pair of lowest rank first, the leftmost of equals") {
    Merges merges;
    REQUIRE(merges.add('b', 'c', 300));
    REQUIRE(merges.add('a', 'b', 301));
    REQUIRE(merges.add('a', 'a', 302));
    REQUIRE(merges.add(302, 'a', 303));
    CHECK_FALSE(merges.add('a', 'b', 304));
    CHECK(merges.apply({'a', 'b', 'c'}) == Tokens{'a', 300});
    CHECK(merges.apply({'a', 'b', 'a'}) == Tokens{301, 'a'});
    CHECK(merges.apply({'a', 'a', 'a'}) == Tokens{303});
    CHECK(merges.apply({'a', 'a', 'a', 'a'}) == Tokens{302, 302});
    CHECK(merges.apply({}).empty());
    CHECK(merges.apply({'a'}) == Tokens{'a'});
}

TEST_CASE("random merges give what the search through the whole list gives") {
    Stream stream(test::seed(), Purpose::kSuite, 91);
    std::size_t merged = 0;
    for (int trial = 0; trial < 2000; ++trial) {
        Merges merges;
        SlowRules rules;
        for (Token result = 4; result < 40; ++result) {
            const auto a = static_cast<Token>(stream() % static_cast<unsigned>(result));
            const auto b = static_cast<Token>(stream() % static_cast<unsigned>(result));
            const bool fresh =
                rules.emplace(std::pair(a, b), SlowRule{rules.size(), result}).second;
            if (merges.add(a, b, result) != fresh) FAIL("add");
        }
        Tokens symbols;
        for (std::size_t k = stream() % 60; k > 0; --k)
            symbols.push_back(static_cast<Token>(stream() % 4));
        const Tokens want = merge_slowly(rules, symbols);
        if (merges.apply(symbols) != want) FAIL("trial " << trial);
        merged += want.size() < symbols.size() ? 1 : 0;
    }
    CHECK(merged > 1000);
}

TEST_CASE("the alphabet has 256 different printable characters and comes back") {
    std::string all;
    std::map<std::string, int> seen;
    for (int b = 0; b < 256; ++b) {
        all += static_cast<char>(b);
        ++seen[text::byte_character(static_cast<std::uint8_t>(b))];
    }
    CHECK(seen.size() == 256);
    CHECK(text::byte_character(' ') == "Ġ");
    CHECK(text::byte_character('\n') == "Ċ");
    CHECK(text::byte_character(0) == "Ā");
    CHECK(text::byte_character(0xAD) == "Ń");
    CHECK(text::byte_character('A') == "A");
    CHECK(text::piece_bytes(text::spell_bytes(all)) == all);
    CHECK_FALSE(text::piece_bytes("a b"));
    CHECK_FALSE(text::piece_bytes("日"));
}
