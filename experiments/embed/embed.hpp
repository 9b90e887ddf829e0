#pragma once
// Embeddings of many prompts, a chunk at a time; finished chunks are kept in a RowStore.

#include <functional>

#include "experiments/embed/embed_input.hpp"
#include "experiments/results/row_store.hpp"

namespace prefdyn {

struct EmbedPlan {
    transformer::FinalNorm norm = transformer::FinalNorm::kSingle;
    std::string model_hash;
    transformer::Arithmetic arithmetic;
    /// A chunk ends with the prompt that reaches this many tokens: large enough that reading the
    /// weights of a large model costs little beside the arithmetic.
    Index chunk_tokens = 8192;
    std::function<void()> after_chunk;
};

/// Key of a row: model, norm, what decides about rounding, and the prompt's tokens.
std::string row_key(const EmbedPlan& plan, const transformer::TokenIds& ids);

struct EmbedCount {
    std::size_t prompts = 0;   ///< all
    std::size_t distinct = 0;  ///< different prompts
    std::size_t found = 0;     ///< of these, embedded before
    std::size_t done = 0;      ///< embedded now
    Index tokens = 0;          ///< of those embedded now
};

/// Every prompt's row is in `rows` afterwards. Each distinct prompt is embedded once, those that
/// `rows` has not at all. Throws Interrupted with every finished chunk in `rows`, on disk.
EmbedCount embed_missing(const transformer::Transformer& model, const EmbedInput& input,
                         const EmbedPlan& plan, RowStore& rows);

/// (n, d): the rows of one behaviour.
transformer::RowsF features_of(const EmbedBehaviour& behaviour, const EmbedPlan& plan,
                               const RowStore& rows, Index dimension);

}  // namespace prefdyn
