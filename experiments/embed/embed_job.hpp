#pragma once
// From a model folder and preference data to features: what embed and scaled do alike.

#include <iosfwd>
#include <optional>

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
    /// Opens the model and reads the prompts. `more` decides about the result beside them and the
    /// options. Throws InputError if `output.out` cannot be written.
    EmbedJob(const EmbedSource& source, const ParameterTable& table, const OutputOptions& output,
             const std::string& more = {});

    /// Whether `output.out` is there as the result of the same call, and is not to be replaced.
    bool was_done() const;

    /// Embeds what is missing and prints the count; false if interrupted, after saying where the
    /// finished rows are: in a file beside `output.out` unless the source names one. Throws
    /// InputError if `output.out` is there and is not to be replaced.
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
    /// The same of an earlier call that died before it did.
    void finish_late() const;

  private:
    std::string task_of(const ParameterTable& table, const std::string& more) const;

    EmbedSource source_;
    OutputOptions output_;
    transformer::Transformer model_;
    EmbedInput input_;
    transformer::ModelHash hash_;
    EmbedPlan plan_;
    std::string task_;  ///< hash of what decides about the result
    std::optional<RowStore> rows_;
};

}  // namespace prefdyn
