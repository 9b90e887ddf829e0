// Embeddings of a generated Llama of 7 billion parameters on a card.

#include "bench/language_models.hpp"
#include "bench/random_checkpoint.hpp"
#include "sim/lm/model/device/cuda_layer.hpp"

namespace prefdyn::bench {

namespace {

using namespace transformer;

constexpr BenchTransformer kDefaults = {900, 50, 32};
constexpr long kExtent = 8192;  // of the product that shows what the card can do
constexpr int kEmbeddings = 3;

}  // namespace

void time_embedding_on_card(Report& report, const BenchOptions& options) {
    const Precision precision = arithmetic_of(options).precision;
    const std::string name = precision_names()[static_cast<std::size_t>(precision)];
    const BenchTransformer o = filled(options, kDefaults);
    const ModelConfig c = llama_7b(o.layers);
    const BenchFolder folder(options);
    const double bytes = 2.0 * static_cast<double>(c.parameters());
    report.out() << "card: " << probe_gpu().info.name << "\n";
    report.line("parameters", static_cast<double>(c.parameters()) * 1e-9, "billion", name);
    const CardPlan plan = cuda_plan(c, precision, o.prompt_tokens);
    report.line("planned memory on the card", static_cast<double>(plan.total()) / (1 << 30), "GiB",
                "batches of " + std::to_string(plan.batch_tokens) + " tokens, chunks of " +
                    std::to_string(plan.chunk_tokens));
    const double written = best_seconds(1, [&] { write_random_llama(folder.path(), c, 1); });
    report.line("checkpoint written", written, "s", at_most(20.0),
                format_real(std::round(bytes / written * 1e-8) / 10.0) + " GB/s");
    const double rate = device::matrix_rate(precision, kExtent) * 1e-12;
    report.line("matrix product of 8192, measured", rate, "TFLOP/s");
    std::unique_ptr<Transformer> model;
    const double opening =
        best_seconds(1, [&] { model = std::make_unique<Transformer>(folder.path()); });
    report.line("opening", opening, "s");
    EmbedOptions how;
    how.arithmetic = arithmetic_of(options);
    const std::vector<TokenIds> one = {{1}};
    const double weights = best_seconds(1, [&] { model->embed(one, how); });
    report.line("one token: all weights to the card", weights, "s",
                format_real(std::round(bytes / weights * 1e-8) / 10.0) + " GB/s");
    const auto prompts = random_prompts(o, c.vocabulary);
    const double flops = static_cast<double>(o.tokens()) * flops_of_token(c) * 1e-12;
    report.line(
        "products of the layers", flops, "TFLOP",
        std::to_string(o.prompts) + " prompts of " + std::to_string(o.prompt_tokens) + " tokens");
    RowsF rows;
    double best = 1e300;
    for (int k = 0; k < kEmbeddings; ++k) {
        const double now = best_seconds(1, [&] { rows = model->embed(prompts, how); });
        report.line("embedding, run " + std::to_string(k + 1), now, "s",
                    format_real(std::round(flops / now)) + " TFLOP/s");
        best = std::min(best, now);
    }
    report.line("embedding, the shortest with opening", best + opening, "s");
    report.line("share of the measured product", flops / best / rate, "", at_least(0.6));
    folder.keep(prompts, rows, report.out());
    if (!rows.allFinite()) throw std::logic_error("an embedding is not finite");
}

}  // namespace prefdyn::bench
