#include "bench/options.hpp"

namespace prefdyn::bench {

void declare(ParameterTable& t, BenchOptions& o) {
    t.integer("vocabulary", &o.vocabulary, 2, 1000000, "tokens", "V of the head");
    t.integer("dimension", &o.dimension, 1, 100000, "", "feature dimension d");
    t.integer("samples", &o.samples, 2, 10000000, "", "training samples n");
    t.integer("batch", &o.batch, 1, 10000000, "samples", "minibatch");
    t.integer("steps", &o.steps, 1, 1000000, "updates",
              "steps of the reduced engine, all recorded");
    t.integer("dense-steps", &o.dense_steps, 1, 100000, "updates", "steps of the dense engine");
    t.integer("large-samples", &o.large_samples, 2, 10000000, "",
              "samples of the matrix that exceeds the cache");
    declare(t, o.machine);
    t.flag("many-heads", &o.many_heads,
           "measure full-batch steps on the large matrix and many small heads trained together; "
           "with this or another of these flags what they name alone");
    t.integer("heads", &o.heads, 1, 10000000, "", "small heads it trains");
    t.integer("heads-steps", &o.heads_steps, 10, 1000000, "updates",
              "full-batch steps it makes on the large matrix");
    t.flag("mixture", &o.mixture, "measure a large mixture on the single-precision engine");
    t.integer("behaviours", &o.behaviours, 2, 10000, "", "behaviours of that mixture");
    t.integer("mixture-samples", &o.mixture_samples, 4, 10000000, "", "its training samples");
    t.integer("mixture-steps", &o.mixture_steps, 1, 1000000, "updates",
              "full-batch steps of gradient descent on it");
    t.flag("claims", &o.claims, "measure claims as formulas beside the same claims in C++");
    t.flag("sweep", &o.sweep,
           "measure points of a sweep (200 samples, d = 64, 500 full-batch steps) beside batched "
           "numpy and torch programs");
    t.integer("sweep-points", &o.sweep_points, 1, 100000, "", "its points, measured five times");
    t.text("python", &o.python, "the Python with numpy or torch that those programs run in");
    t.text("peers", &o.peers, "those programs");
    t.flag("transformer", &o.transformer,
           "measure embeddings of a generated Llama: 110 million parameters, on a card 7 billion");
    t.integer("prompts", &o.prompts, 0, 1000000, "",
              "prompts it embeds; 0 takes 256, on a card 900");
    t.integer("prompt-tokens", &o.prompt_tokens, 0, 2048, "tokens",
              "length of each; 0 takes 32, on a card 50");
    t.integer("layers", &o.layers, 0, 1000, "", "its layers; 0 takes 12, on a card 32");
    t.flag("finetune", &o.finetune,
           "measure DPO updates of that Llama: of every weight, on a card of adapters of q and v");
    t.integer("pairs", &o.pairs, 0, 100000, "", "pairs of an update; 0 takes 8, on a card 32");
    t.integer("pair-tokens", &o.pair_tokens, 0, 2048, "tokens",
              "length of each sequence, its second half the answer; 0 takes 128, on a card 100");
    t.choice("precision", &o.precision, {"auto", "float32", "tf32", "bfloat16"},
             "of that Llama; auto takes bfloat16 on a card, float32 on the processor");
    t.text("folder", &o.folder,
           "an existing folder to generate it below; by default that for temporary files");
    t.flag("keep", &o.keep,
           "leave it there, with the prompts and their embeddings, for another program to read");
    t.flag("list", &o.list, "say what is timed and which flag asks for it, and time nothing");
    t.flag("strict", &o.strict, "exit with 1 if a goal is missed");
}

}  // namespace prefdyn::bench
