#pragma once
// Preference pairs as one batch for the model. A token is predicted from those before it, so what
// is read of a response is all but its last token; sequences that are read alike are read once (two
// answers of one token each cost one reading of their prompt).

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/lm/train/sequence_model.hpp"

namespace prefdyn::finetune {

/// Two token sequences that begin with the same `prompt` tokens, at least one; what follows is the
/// response, at least one token.
struct PairTokens {
    std::span<const std::int32_t> chosen, rejected;
    Index prompt = 0;
};

/// Token tokens[k] of a response is predicted by row rows[k] of the logits.
struct Response {
    std::vector<Index> rows;
    std::vector<std::int32_t> tokens;
    Index length() const { return static_cast<Index>(tokens.size()); }
};

struct PairBatch {
    TokenBatch tokens;
    std::vector<Index> rows;                     ///< tokens of the batch that have logits
    std::vector<std::array<Response, 2>> pairs;  ///< chosen, rejected
    double tail = 1.0;  ///< TRL's ld_alpha: what tokens beyond the shorter answer's length count

    void add(const PairTokens& pair);

    /// Calls action(pair, side, row, token) for every token of every response: pair after pair,
    /// chosen before rejected.
    template <class Action>
    void for_each_token(Action action) const {
        for (std::size_t i = 0; i < pairs.size(); ++i)
            for (std::size_t side = 0; side < 2; ++side)
                for (std::size_t k = 0; k < pairs[i][side].tokens.size(); ++k)
                    action(i, side, pairs[i][side].rows[k], pairs[i][side].tokens[k]);
    }

    /// What token k of a response of this pair counts.
    double share(std::size_t pair, std::size_t k) const {
        const auto& [chosen, rejected] = pairs[pair];
        return k < std::min(chosen.tokens.size(), rejected.tokens.size()) ? 1.0 : tail;
    }

  private:
    Response place(std::span<const std::int32_t> sequence, Index prompt);
    Index row_of(Index token);
    std::map<std::vector<std::int32_t>, Index> read_;  ///< where a sequence begins
    std::vector<Index> row_of_token_;                  ///< -1: none yet
};

/// Tokens a pair adds to a batch at most, and rows of logits.
Index tokens_read(const PairTokens& pair);
Index rows_read(const PairTokens& pair);

}  // namespace prefdyn::finetune
