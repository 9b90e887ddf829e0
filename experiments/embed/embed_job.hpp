#pragma once
// From a model folder and preference data to features: what embed and scaled do alike.

#include <iosfwd>

#include "experiments/embed/embed.hpp"
#include "experiments/embed/embedding_file.hpp"
#include "experiments/program/output_options.hpp"
#include "sim/lm/model/model_hash.hpp"

namespace prefdyn {

struct EmbedSource {
    std::string model, base, tokens, cache;
    PromptOptions prompts;
    bool no_shared = false, truncate = false;
    transformer::FinalNorm norm = transformer::FinalNorm::kSingle;
    transformer::Arithmetic arithmetic;  ///< the device is chosen by the command
};

void declare(ParameterTable& table, EmbedSource& source);

class EmbedJob {
  public:
    /// Opens the model, reads the prompts, and opens the file of finished rows, which is beside
    /// `output.out` unless the source names one. Throws InputError if `output.out` cannot be
    /// written.
    EmbedJob(const EmbedSource& source, const ParameterTable& table, const OutputOptions& output);

    /// Embeds what is missing and prints the count; false if interrupted, after saying where the
    /// finished rows are.
    bool run(std::ostream& out);

    /// Says where the finished rows are after an interruption.
    void print_kept(std::ostream& out) const;

    const transformer::Transformer& model() const { return model_; }
    const EmbedInput& input() const { return input_; }
    const std::string& model_hash() const { return hash_.hash; }
    /// (n, d) of one behaviour, after `run`.
    transformer::RowsF features(const EmbedBehaviour& behaviour) const;
    /// Where every row comes from, as attributes of a result file.
    FileAttributes attributes() const;
    void write(const std::string& path, const FileAttributes& attributes) const;
    /// Removes the rows, unless the source named their file.
    void finish();

  private:
    EmbedSource source_;
    transformer::Transformer model_;
    EmbedInput input_;
    transformer::ModelHash hash_;
    EmbedPlan plan_;
    RowStore rows_;
};

}  // namespace prefdyn
