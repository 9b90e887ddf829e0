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
    t.text("claim", &o.claim,
           "id of a rigorous claim that bounds something; another is refused with a list of them",
           true);
    t.integer("budget", &o.budget, 1, 1000000000, "runs", "cases to try in all");
    t.real("after", &o.after, 0.0, 1e9, false, "1 / kappa",
           "only times with kappa t at least this count: how tight is the claim late?");
    t.seed("seed", &o.seed, "everything random follows from it");
    t.text("replay", &o.replay,
           "run one case alone, as a search wrote it: restart and coordinates");
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

void declare(ParameterTable& t, TokenizeOptions& o) {
    t.text("model", &o.model, "tokenizer.model or tokenizer.json, or a folder with one", true);
    t.text("text", &o.text, "text to show the tokens of, as it is");
    declare(t, o.prompts);
}

void declare(ParameterTable& t, EmbedCommandOptions& o) {
    t.text("model", &o.model, "folder in Hugging Face layout, with its tokeniser", true);
    declare(t, o.prompts);
    t.text("tokens", &o.tokens, "token ids made elsewhere instead of --data (docs/tokens.md)");
    t.flag("no-shared", &o.no_shared,
           "leave away what both answers begin with, which else ends every prompt");
    t.flag("truncate", &o.truncate,
           "keep the last tokens of a prompt longer than the context, behind the bos of --bos");
    t.choice("norm", &o.norm, {"none", "single", "double"},
             "how often the model's final norm is applied");
    declare(t, o.output, true);
    t.text("cache", &o.cache,
           "file that keeps every embedded row for later calls; default: OUT.rows, removed when "
           "OUT is written");
}

void declare(ParameterTable& t, InspectOptions& o) {
    t.text("model", &o.model, "folder in Hugging Face layout", true);
    t.text("prompt", &o.prompt, "text to go on from, the most probable token each time");
    t.flag("bos", &o.bos, "put the beginning-of-sequence token before the prompt");
    t.integer("tokens-out", &o.tokens_out, 1, 100000, "tokens", "length of the continuation");
    t.integer("prompts", &o.prompts, 1, 100000000, "", "prompts of the memory plan");
    t.integer("prompt-tokens", &o.prompt_tokens, 1, 1000000, "tokens", "length of each of them");
    t.integer("threads", &o.threads, 0, 4096, "", "0 takes all cores");
}

}  // namespace prefdyn
