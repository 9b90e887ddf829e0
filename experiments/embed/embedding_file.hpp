#pragma once
// The result of embed: a feature file (sim/data/feature_file.hpp) that says where every row comes
// from.

#include "experiments/embed/embed.hpp"

namespace prefdyn {

using FileAttributes = std::vector<std::pair<std::string, std::string>>;

/// The ids that both answers begin with, between blanks.
std::string shared_tokens(const text::ResponsePair& pair);

/// Written beside PATH, closed, reopened and checked, renamed. A group a behaviour: `features`
/// (n, d) float32, `label` (n), `line` (n), `head` (2, d) float32, and what the prompts were made
/// of as attributes; `attributes` go to the file itself.
void write_embeddings(const std::string& path, const transformer::Transformer& model,
                      const EmbedInput& input, const EmbedPlan& plan, const RowStore& rows,
                      const FileAttributes& attributes);

}  // namespace prefdyn
