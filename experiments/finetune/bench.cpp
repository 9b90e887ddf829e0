#include "experiments/finetune/bench.hpp"

#include <omp.h>

#include "experiments/bench_support.hpp"
#include "experiments/random_checkpoint.hpp"
#include "sim/finetune/training.hpp"

namespace prefdyn {

namespace {

using namespace finetune;

/// Sequences of which the second half is the answer.
std::vector<transformer::TokenIds> random_sequences(const BenchOptions& o, Index vocabulary) {
    return random_prompts({2 * o.pairs, o.pair_tokens, 0}, vocabulary);
}

std::vector<PairTokens> pairs_of(std::vector<transformer::TokenIds>& sequences, Index prompt) {
    std::vector<PairTokens> out;
    for (std::size_t k = 0; k + 1 < sequences.size(); k += 2) {
        std::copy_n(sequences[k].begin(), prompt, sequences[k + 1].begin());
        out.push_back({sequences[k], sequences[k + 1], prompt});
    }
    return out;
}

TrainingSpec spec_of(const BenchOptions& o) {
    TrainingSpec out;
    out.loss.beta = 0.1;
    out.batch = o.pairs;
    out.steps = 1000;
    out.plan.tokens = 2 * o.pairs * o.pair_tokens;
    return out;
}

}  // namespace

void bench_finetune(std::ostream& out, const BenchOptions& o) {
    const BenchFolder folder(o);
    write_random_llama(folder.path(), llama_110m(o.layers > 0 ? o.layers : 12), 1);
    const transformer::Checkpoint checkpoint(folder.path());
    const transformer::ModelConfig& config = checkpoint.config();
    auto sequences = random_sequences(o, config.vocabulary);
    const auto pairs = pairs_of(sequences, o.pair_tokens / 2);
    const Layout layout(config);
    const double before = peak_resident_mib();
    Training training(config, read_parameters<float>(checkpoint, layout), spec_of(o), pairs,
                      std::vector<ReferenceLogps>(pairs.size(), {-700.0, -700.0}));
    training.step();
    const double processor = processor_seconds();
    const double wall = best_seconds(3, [&] { training.step(); });
    const double each = (processor_seconds() - processor) / 3.0;
    Index tokens = 0, rows = 0;
    for (const PairTokens& pair : pairs) {
        tokens += tokens_read(pair);
        rows += rows_read(pair);
    }
    const auto count = static_cast<double>(tokens);
    const double flops =
        3.0 * (count * flops_of_token(config) +
               2.0 * static_cast<double>(rows * config.vocabulary * config.hidden));
    const auto numbers = 4 * config.parameters() + 2 * config.parameters();
    const double planned =
        static_cast<double>(numbers) * 4.0 +
        static_cast<double>(SequenceModel<float>::bytes(config, tokens, rows, Keep::kAll));
    line(out, "parameters, all trained by AdamW", static_cast<double>(config.parameters()) * 1e-6,
         "million", std::to_string(omp_get_max_threads()) + " threads");
    line(out, "one update, by the clock", wall, "s",
         std::to_string(o.pairs) + " pairs of " + std::to_string(o.pair_tokens) +
             " tokens; goal: < 30");
    line(out, "one update, processor time over threads", each, "s");
    line(out, "tokens", count / each, "/ s", "by processor time");
    line(out, "products, forward and backward", flops / each * 1e-9, "GFLOP/s");
    line(out, "memory, planned", planned / 1048576.0, "MiB", "weights, gradient, moments, tapes");
    line(out, "memory, peak beyond the start", peak_resident_mib() - before, "MiB");
    folder.keep({}, transformer::RowsF(), out);
}

}  // namespace prefdyn
