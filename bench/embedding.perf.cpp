// Embeddings of a generated Llama beside a large matrix product of the same run.

#include <dlfcn.h>
#include <omp.h>

#include <algorithm>

#include "bench/bench.hpp"
#include "bench/language_models.hpp"
#include "bench/random_checkpoint.hpp"
#include "experiments/program/usage.hpp"
#include "sim/lm/model/gemm/gemm.hpp"
#include "sim/lm/model/transformer.hpp"

namespace prefdyn::bench {

namespace {

using namespace transformer;

constexpr BenchTransformer kDefaults = {256, 32, 12};  // a chunk of embed

/// y = x W^T with x (1536, 768) and W (2048, 768): the shape of the model's widest product.
struct Product {
    static constexpr int kRows = 1536, kIn = 768, kOut = 2048;
    static constexpr double kFlops = 2.0 * kRows * kIn * kOut;
    RowsF x = RowsF::Constant(kRows, kIn, 0.5f), w = RowsF::Constant(kOut, kIn, 0.25f);
    RowsF y = RowsF(kRows, kOut);
};

/// Best of a few repetitions by the clock and by processor time.
struct Rate {
    double clock = 0.0, processor = 0.0;  ///< GFLOP/s
};

template <class Work>
Rate best_rate(int repetitions, double flops, Work work) {
    Rate best;
    for (int r = 0; r < repetitions; ++r) {
        const Stopwatch watch;
        const double start = processor_seconds();
        work();
        best.processor = std::max(best.processor, flops / (processor_seconds() - start) * 1e-9);
        best.clock = std::max(best.clock, flops / watch.seconds() * 1e-9);
    }
    return best;
}

constexpr int kRepetitions = 15;

Rate own_rate(Product& p) {
    Tensor tensor{"w", "memory", "F32", Dtype::kF32, {Product::kOut, Product::kIn}, {}};
    tensor.bytes = std::as_bytes(std::span(p.w.data(), static_cast<std::size_t>(p.w.size())));
    PackedMatrix packed;
    packed.pack(tensor);
    return best_rate(kRepetitions, Product::kFlops, [&] {
        multiply(best_kernels(), view_of(p.x), packed, p.y.data(), Product::kOut, false);
    });
}

/// Rate of OpenBLAS where this machine has it; 0 elsewhere. Nothing else uses it.
Rate openblas_rate(Product& p) {
    using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*,
                           int, float, float*, int);
    void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    const auto sgemm = library ? reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm")) : nullptr;
    const auto threads =
        library ? reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"))
                : nullptr;
    if (!sgemm || !threads) return {};
    threads(omp_get_max_threads());
    constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;
    return best_rate(kRepetitions, Product::kFlops, [&] {
        sgemm(kRowMajor, kPlain, kTransposed, Product::kRows, Product::kOut, Product::kIn, 1.0f,
              p.x.data(), Product::kIn, p.w.data(), Product::kIn, 0.0f, p.y.data(), Product::kOut);
    });
}

void run(Report& report, const BenchOptions& options) {
    if (options.device == Device::kCuda) return time_embedding_on_card(report, options);
    require_precision(arithmetic_of(options));
    const BenchTransformer o = filled(options, kDefaults);
    const BenchFolder folder(options);
    write_random_llama(folder.path(), llama_110m(o.layers), 1);
    const Transformer model(folder.path());
    const auto prompts = random_prompts(o, model.config().vocabulary);
    Product product;
    const Rate own = own_rate(product), blas = openblas_rate(product);
    const double flops =
        static_cast<double>(o.prompts * o.prompt_tokens) * flops_of_token(model.config());
    RowsF embeddings;
    forget_peak();
    const Rate rate = best_rate(1, flops, [&] { embeddings = model.embed(prompts); });
    const MemoryPlan plan = memory_plan(model.config(), o.prompts, o.prompts * o.prompt_tokens,
                                        o.prompt_tokens, omp_get_max_threads());
    report.line("parameters", static_cast<double>(model.config().parameters()) * 1e-6, "million",
                best_kernels().name);
    const auto rates = [&](const std::string& what, const Rate& r, const std::string& note) {
        report.line(what + ", by the clock", r.clock, "GFLOP/s", note);
        report.line(what + ", by processor time", r.processor, "GFLOP/s");
    };
    rates("matrix product, own", own, std::to_string(omp_get_max_threads()) + " threads");
    rates("matrix product, OpenBLAS", blas, "0: not on this machine");
    rates("embedding, products of the layers alone", rate,
          std::to_string(o.prompts) + " prompts of " + std::to_string(o.prompt_tokens) + " tokens");
    report.line("share of the best product, by the clock",
                rate.clock / std::max(own.clock, blas.clock), "", at_least(0.7));
    report.line("share of the best product, by processor time",
                rate.processor / std::max(own.processor, blas.processor), "",
                "the same where others compute too");
    report.line("planned memory beside the mapped file",
                static_cast<double>(plan.total()) / (1 << 20), "MiB");
    report.line("peak resident memory", peak_resident_mib(), "MiB", "with what was mapped");
    folder.keep(prompts, embeddings, report.out());
    if (!embeddings.allFinite()) throw std::logic_error("an embedding is not finite");
}

}  // namespace

Benchmark embedding_benchmark() {
    return {"embedding", "--transformer", &BenchOptions::transformer,
            "embeddings of a generated Llama", run};
}

}  // namespace prefdyn::bench
