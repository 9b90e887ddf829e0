#pragma once
// Byte-pair encoding: the merges of a vocabulary, applied to one piece of text.

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace prefdyn::text {

using Token = std::int32_t;

/// The hint where a tokeniser is not one of those that are read.
inline constexpr const char* kElsewhere =
    "make the token ids with the model's own tokeniser and give them with --tokens FILE.h5";

class Merges {
  public:
    /// Merging (left, right) gives `result`; ranks are given in the order of the calls. False if
    /// the pair is there already.
    bool add(Token left, Token right, Token result);

    /// Merges the pair of lowest rank, the leftmost of equals, until none is left.
    /// O(n log n) for n symbols.
    std::vector<Token> apply(const std::vector<Token>& symbols) const;

    std::size_t size() const { return rules_.size(); }

  private:
    struct Rule {
        std::uint32_t rank;
        Token result;
    };
    const Rule* find(Token left, Token right) const;
    friend class MergeQueue;

    std::unordered_map<std::uint64_t, Rule> rules_;
};

}  // namespace prefdyn::text
