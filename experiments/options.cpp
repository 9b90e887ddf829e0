#include "experiments/options.hpp"

namespace prefdyn {

void declare(ParameterTable& t, SimulateOptions& o) {
    declare(t, o.run);
    t.text("features", &o.features,
           "features to train on instead of sampled ones: HDF5 with one behaviour, or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    declare(t, o.output, true);
}

void declare(ParameterTable& t, VerifyOptions& o) {
    t.flag("quick", &o.quick, "a small suite, seconds");
    t.flag("full", &o.full, "a large suite, repeated with five seeds");
    t.text("claims", &o.claims, "comma-separated claim ids or prefixes (T2 takes T2a and T2b)");
    t.text("embeddings", &o.embeddings, "features to check the theorems on instead: HDF5 or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    t.real("beta", &o.beta, 0.0, 1e6, true, "", "strength of the reference, for --embeddings");
    t.integer("replicates", &o.replicates, 1000, 10000000, "", "datasets a coverage test draws");
    t.seed("seed", &o.seed, "everything random follows from it");
    declare(t, o.output, false);
}

void declare(ParameterTable& t, FalsifyOptions& o) {
    t.text("claim", &o.claim, "id of a rigorous claim about single runs: T1 to T4, T6a, T6b, T6e", true);
    t.integer("budget", &o.budget, 1, 1000000000, "runs", "trained heads to try in all");
    t.real("after", &o.after, 0.0, 1e9, false, "1 / kappa",
           "only times with kappa t at least this count: how tight is the claim late?");
    t.seed("seed", &o.seed, "everything random follows from it");
    declare(t, o.output, true);
}

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
    t.integer("threads", &o.threads, 0, 4096, "", "0 takes all cores");
    t.flag("mixture", &o.mixture,
           "measure a large mixture on the single-precision engine, and nothing else");
    t.integer("behaviours", &o.behaviours, 2, 10000, "", "behaviours of that mixture");
    t.integer("mixture-samples", &o.mixture_samples, 4, 10000000, "", "its training samples");
    t.integer("mixture-steps", &o.mixture_steps, 1, 1000000, "updates",
              "full-batch steps of gradient descent on it");
    t.flag("transformer", &o.transformer,
           "measure embeddings of a generated Llama of 110 million parameters, and nothing else");
    t.integer("prompts", &o.prompts, 1, 1000000, "", "prompts it embeds");
    t.integer("prompt-tokens", &o.prompt_tokens, 1, 2048, "tokens", "length of each");
}

void declare(ParameterTable& table, TokenizeOptions& options) {
    table.text("model", &options.model, "tokenizer.model or tokenizer.json, or a folder with one",
               true);
    table.text("text", &options.text, "text to show the tokens of, as it is");
    table.text("data", &options.data, "preference data: a .jsonl file, or a folder of them");
    table.text("template", &options.prompt_template,
               "text around {prompt}; \\n, \\t and \\\\ are read as newline, tab, backslash");
    table.text("suffix", &options.suffix, "text behind the template, written likewise");
    table.flag("bos", &options.bos, "put the beginning-of-sequence token first");
    table.text("first", &options.first, "first answer (label +1); empty: as the data has it");
    table.text("second", &options.second, "second answer (label -1)");
    table.real("min-confidence", &options.min_confidence, 0.0, 1.0, false, "",
               "drop lines with a lower label_confidence");
}

}  // namespace prefdyn
