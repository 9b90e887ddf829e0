#pragma once
// What the benchmarks of language models share.

#include <iosfwd>

#include "bench/bench.hpp"
#include "sim/lm/model/transformer.hpp"

namespace prefdyn::bench {

/// What is embedded, and the layers of the generated model.
struct BenchTransformer {
    Index prompts = 0, prompt_tokens = 0, layers = 0;
    Index tokens() const { return prompts * prompt_tokens; }
};
/// The options, their zeros replaced by the defaults.
BenchTransformer filled(const BenchOptions& options, const BenchTransformer& defaults);
transformer::Arithmetic arithmetic_of(const BenchOptions& options);

/// A new folder for a generated model, removed at the end unless it is to be kept.
class BenchFolder {
  public:
    explicit BenchFolder(const BenchOptions& options);
    ~BenchFolder();
    BenchFolder(const BenchFolder&) = delete;
    BenchFolder& operator=(const BenchFolder&) = delete;

    const std::string& path() const { return path_; }
    /// If it stays: writes prompts.txt (ids, a line a prompt) and embeddings.f32 (n, d), says
    /// where.
    void keep(const std::vector<transformer::TokenIds>& prompts, const transformer::RowsF& rows,
              std::ostream& out) const;

  private:
    std::string path_;
    bool kept_;
};

std::vector<transformer::TokenIds> random_prompts(const BenchTransformer& plan, Index vocabulary);

/// Multiplications and additions of one token in all matrix products of the layers.
double flops_of_token(const transformer::ModelConfig& config);

/// A Llama of 110 million parameters if it has 12 layers.
transformer::ModelConfig llama_110m(Index layers);
/// Llama 2 with 7 billion parameters if it has 32 layers, the head tied.
transformer::ModelConfig llama_7b(Index layers);

/// Embeds random prompts with a generated Llama of 7 billion parameters on the card and holds the
/// rate against that of a large matrix product in the same run.
void time_embedding_on_card(Report& report, const BenchOptions& options);

}  // namespace prefdyn::bench
