// Updates of a generated Llama: of every weight, on a card of adapters.

#include "sim/lm/train/training.hpp"

#include <omp.h>

#include "bench/bench.hpp"
#include "bench/language_models.hpp"
#include "bench/random_checkpoint.hpp"
#include "experiments/program/usage.hpp"
#include "sim/lm/model/device/cuda_layer.hpp"
#include "sim/lm/train/cuda_engine.hpp"

namespace prefdyn::bench {

namespace {

using namespace finetune;

/// What is trained: a model of 110 million parameters whole, on a card one of 7 billion by
/// adapters.
struct Plan {
    Index pairs, tokens;  ///< tokens: of a sequence, of which the second half is the answer
    transformer::ModelConfig config;
    TrainingSpec spec;

    explicit Plan(const BenchOptions& o) {
        const bool on_card = o.device == Device::kCuda;
        const auto either = [&](Index given, Index cpu, Index card) {
            return given > 0 ? given : on_card ? card : cpu;
        };
        const Index layers = either(o.layers, 12, 32);
        pairs = either(o.pairs, 8, 32);
        tokens = std::max<Index>(2, either(o.pair_tokens, 128, 100));
        config = on_card ? llama_7b(layers) : llama_110m(layers);
        spec.loss.beta = 0.1;
        spec.batch = pairs;
        spec.steps = 1000;
        spec.plan.tokens = 2 * pairs * tokens;
        spec.arithmetic = arithmetic_of(o);
        if (on_card) spec.trained.part = TrainedPart::kLora;
    }
};

std::vector<PairTokens> pairs_of(std::vector<transformer::TokenIds>& sequences, Index prompt) {
    std::vector<PairTokens> out;
    for (std::size_t k = 0; k + 1 < sequences.size(); k += 2) {
        std::copy_n(sequences[k].begin(), prompt, sequences[k + 1].begin());
        out.push_back({sequences[k], sequences[k + 1], prompt});
    }
    return out;
}

/// Tokens read and rows of logits of one update.
struct UpdateSize {
    Index tokens = 0, rows = 0;
    explicit UpdateSize(const std::vector<PairTokens>& pairs) {
        for (const PairTokens& pair : pairs) {
            tokens += tokens_read(pair);
            rows += rows_read(pair);
        }
    }
};

/// Multiplications and additions of an update: forward, through to the inputs, and into the
/// gradient of what is trained.
double flops_of(const Plan& plan, const UpdateSize& size) {
    const transformer::ModelConfig& c = plan.config;
    const auto tokens = static_cast<double>(size.tokens);
    const double head = 2.0 * static_cast<double>(size.rows * c.vocabulary * c.hidden);
    const double layers = tokens * flops_of_token(c);
    if (plan.spec.trained.part == TrainedPart::kFull) return 3.0 * (layers + head);
    const Index targets = c.layers * c.hidden * (c.heads + c.kv_heads) * c.head_size;
    return 2.0 * (layers + head) + 2.0 * tokens * static_cast<double>(targets);
}

void report_card(Report& report, const Plan& plan, const UpdateSize& size, double wall, double rate,
                 Index held) {
    const double flops = flops_of(plan, size);
    const std::size_t bytes =
        device_bytes(plan.config, plan.spec.arithmetic.precision, plan.config.parameters(),
                     2 * held, size.tokens, size.rows, plan.spec.plan.keep);
    report.line("tokens", static_cast<double>(size.tokens) / wall, "/ s");
    report.line("products, forward and backward", flops / wall * 1e-12, "TFLOP/s");
    report.line("matrix product of 8192, measured", rate, "TFLOP/s");
    report.line("share of the measured product", flops / wall * 1e-12 / rate, "");
    report.line("planned memory on the card", static_cast<double>(bytes) / (1 << 30), "GiB",
                "weights, those beside adapters, gradient, tapes");
}

void report_processor(Report& report, const Plan& plan, const UpdateSize& size, double each,
                      double beyond) {
    const auto numbers = 4 * plan.config.parameters();
    const double planned = static_cast<double>(numbers) * 4.0 +
                           static_cast<double>(SequenceModel<float>::bytes(
                               plan.config, size.tokens, size.rows, plan.spec.plan.keep));
    report.line("one update, processor time over threads", each, "s");
    report.line("tokens", static_cast<double>(size.tokens) / each, "/ s", "by processor time");
    report.line("products, forward and backward", flops_of(plan, size) / each * 1e-9, "GFLOP/s");
    report.line("memory, planned", planned / 1048576.0, "MiB", "weights, gradient, moments, tapes");
    report.line("memory, peak beyond the start", beyond, "MiB");
}

void run(Report& report, const BenchOptions& o) {
    const Plan plan(o);
    const BenchFolder folder(o);
    write_random_llama(folder.path(), plan.config, 1);
    const transformer::Checkpoint checkpoint(folder.path());
    const transformer::ModelConfig& config = checkpoint.config();
    auto sequences = random_prompts({2 * plan.pairs, plan.tokens, 0}, config.vocabulary);
    const auto pairs = pairs_of(sequences, plan.tokens / 2);
    const UpdateSize size(pairs);
    const Layout layout(config);
    forget_peak();
    const double before = peak_resident_mib();
    Training training(make_engine(config, read_parameters<float>(checkpoint, layout),
                                  plan.spec.engine(), longest_read(pairs)),
                      layout, plan.spec, pairs,
                      std::vector<ReferenceLogps>(pairs.size(), {-700.0, -700.0}));
    training.step();
    const double processor = processor_seconds();
    const double wall = best_seconds(3, [&] { training.step(); });
    const double each = (processor_seconds() - processor) / 3.0;
    const Index trained = Trainable<float>(layout, plan.spec.trained, 0).size();
    const bool card = o.device == Device::kCuda;
    report.line(
        "parameters", static_cast<double>(config.parameters()) * 1e-6, "million",
        std::to_string(trained) + " trained by AdamW; " +
            (card ? probe_gpu().info.name : std::to_string(omp_get_max_threads()) + " threads"));
    report.line(
        "one update, by the clock", wall, "s", card ? Goal{} : at_most(30.0),
        std::to_string(plan.pairs) + " pairs of " + std::to_string(plan.tokens) + " tokens");
    if (card) {
        constexpr long kExtent = 8192;
        const double rate =
            transformer::device::matrix_rate(plan.spec.arithmetic.precision, kExtent) * 1e-12;
        const Index held = 2 * config.layers * config.hidden * config.hidden;
        report_card(report, plan, size, wall, rate, held);
    } else {
        report_processor(report, plan, size, each, peak_resident_mib() - before);
    }
    folder.keep(sequences, transformer::RowsF(), report.out());
}

}  // namespace

Benchmark training_benchmark() {
    return {"training", "--finetune", &BenchOptions::finetune,
            "updates of a generated Llama: of every weight, on a card of adapters", run};
}

}  // namespace prefdyn::bench
