#include "sim/lm/train/pair_batch.hpp"

#include <algorithm>

namespace prefdyn::finetune {

void PairBatch::add(const PairTokens& pair) {
    pairs.push_back({place(pair.chosen, pair.prompt), place(pair.rejected, pair.prompt)});
}

/// What is read of the sequence becomes part of the batch unless it is there already.
Response PairBatch::place(std::span<const std::int32_t> sequence, Index prompt) {
    const auto input = sequence.first(sequence.size() - 1);
    auto found = read_.find(std::vector<std::int32_t>(input.begin(), input.end()));
    if (found == read_.end()) {
        found = read_.emplace(std::vector(input.begin(), input.end()), tokens.tokens()).first;
        tokens.add(input);
        row_of_token_.resize(tokens.ids.size(), -1);
    }
    Response out;
    for (Index k = prompt; k < static_cast<Index>(sequence.size()); ++k) {
        out.rows.push_back(row_of(found->second + k - 1));
        out.tokens.push_back(sequence[static_cast<std::size_t>(k)]);
    }
    return out;
}

Index PairBatch::row_of(Index token) {
    Index& row = row_of_token_[static_cast<std::size_t>(token)];
    if (row < 0) {
        row = static_cast<Index>(rows.size());
        rows.push_back(token);
    }
    return row;
}

namespace {

bool read_alike(const PairTokens& pair) {
    return std::ranges::equal(pair.chosen.first(pair.chosen.size() - 1),
                              pair.rejected.first(pair.rejected.size() - 1));
}

}  // namespace

Index tokens_read(const PairTokens& pair) {
    const auto one = static_cast<Index>(pair.chosen.size()) - 1;
    return read_alike(pair) ? one : one + static_cast<Index>(pair.rejected.size()) - 1;
}

Index rows_read(const PairTokens& pair) {
    const Index one = static_cast<Index>(pair.chosen.size()) - pair.prompt;
    return read_alike(pair) ? one : one + static_cast<Index>(pair.rejected.size()) - pair.prompt;
}

}  // namespace prefdyn::finetune
