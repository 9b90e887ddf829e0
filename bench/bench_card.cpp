#include <ostream>

#include "bench/bench_support.hpp"
#include "bench/random_checkpoint.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/model/device/cuda_layer.hpp"

namespace prefdyn {

namespace {

using namespace transformer;

constexpr BenchTransformer kDefaults = {900, 50, 32};
constexpr long kExtent = 8192;  // of the product that shows what the card can do
constexpr int kEmbeddings = 3;

double seconds_of(const std::function<void()>& work) {
    stop_if_requested();
    const Stopwatch watch;
    work();
    return watch.seconds();
}

void print_plan(std::ostream& out, const ModelConfig& c, Precision precision, Index longest) {
    const CardPlan plan = cuda_plan(c, precision, longest);
    const auto gib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
    line(out, "planned memory on the card", gib(plan.total()), "GiB",
         "batches of " + std::to_string(plan.batch_tokens) + " tokens, chunks of " +
             std::to_string(plan.chunk_tokens));
}

}  // namespace

void bench_transformer_card(std::ostream& out, const BenchOptions& options) {
    const Precision precision = precision_of(options);
    const std::string name = precision_names()[static_cast<std::size_t>(precision)];
    const BenchTransformer o = filled(options, kDefaults);
    const ModelConfig c = llama_7b(o.layers);
    const BenchFolder folder(options);
    const double bytes = 2.0 * static_cast<double>(c.parameters());
    out << "card: " << probe_gpu().info.name << "\n";
    line(out, "parameters", static_cast<double>(c.parameters()) * 1e-9, "billion", name);
    print_plan(out, c, precision, o.prompt_tokens);
    const double written = seconds_of([&] { write_random_llama(folder.path(), c, 1); });
    line(out, "checkpoint written", written, "s",
         format_real(std::round(bytes / written * 1e-8) / 10.0) + " GB/s, goal: < 20 s");
    const double rate = device::matrix_rate(precision, kExtent) * 1e-12;
    line(out, "matrix product of 8192, measured", rate, "TFLOP/s");
    std::unique_ptr<Transformer> model;
    const double opening =
        seconds_of([&] { model = std::make_unique<Transformer>(folder.path()); });
    line(out, "opening", opening, "s");
    EmbedOptions how;
    how.precision = precision;
    const std::vector<TokenIds> one = {{1}};
    const double weights = seconds_of([&] { model->embed(one, how); });
    line(out, "one token: all weights to the card", weights, "s",
         format_real(std::round(bytes / weights * 1e-8) / 10.0) + " GB/s");
    const auto prompts = random_prompts(o, c.vocabulary);
    const double flops = static_cast<double>(o.tokens()) * flops_of_token(c) * 1e-12;
    line(out, "products of the layers", flops, "TFLOP",
         std::to_string(o.prompts) + " prompts of " + std::to_string(o.prompt_tokens) + " tokens");
    RowsF rows;
    double best = 1e300;
    for (int k = 0; k < kEmbeddings; ++k) {
        const double now = seconds_of([&] { rows = model->embed(prompts, how); });
        line(out, "embedding, run " + std::to_string(k + 1), now, "s",
             format_real(std::round(flops / now)) + " TFLOP/s");
        best = std::min(best, now);
    }
    line(out, "embedding, the shortest with opening", best + opening, "s");
    line(out, "share of the measured product", flops / best / rate, "", "goal: >= 0.60");
    folder.keep(prompts, rows, out);
    if (!rows.allFinite()) throw std::logic_error("an embedding is not finite");
}

}  // namespace prefdyn
