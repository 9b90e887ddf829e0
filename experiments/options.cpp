#include "experiments/options.hpp"

#include "sim/error.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

void declare_claims(ParameterTable& t, std::string& claims) {
    t.text("claims", &claims, "comma-separated claim ids or prefixes (T2 takes T2a and T2b)");
    t.check([](const std::string& ids) -> std::string {
        try {
            theory::select_claims(ids);
            return {};
        } catch (const InputError& error) {
            return std::string("is not known: ") + error.what() +
                   (error.hint().empty() ? "" : "; " + error.hint());
        }
    });
}

}  // namespace

void declare(ParameterTable& t, SimulateOptions& o) {
    declare(t, o.run);
    t.text("features", &o.features,
           "features to train on instead of sampled ones: HDF5 with one behaviour, or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    declare(t, o.output);
    t.rule([&o](const ParameterTable& table) {
        const bool given = !o.features.empty();
        const std::string idle = table.given_of(idle_options(o.run, given));
        return idle.empty() ? ""
                            : idle + ": without effect; " +
                                  (given ? "given features are not sampled, and " : "") +
                                  "only sgd and adam have minibatches";
    });
    t.rule([&o](const ParameterTable& table) {
        return std::string(
            o.features.empty() && table.given("labels") ? "--labels: needs --features" : "");
    });
}

void declare(ParameterTable& t, VerifyOptions& o) {
    t.flag("quick", &o.quick, "a small suite, seconds");
    t.flag("full", &o.full, "a large suite, repeated with five seeds");
    declare_claims(t, o.claims);
    t.text("embeddings", &o.embeddings, "features to check the theorems on instead: HDF5 or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    t.real("beta", &o.beta, 0.0, 1e6, true, "", "strength of the reference, for --embeddings");
    t.text("gram", &o.gram,
           "behaviours of your own for T8: the products of their mean differences, rows apart by "
           "semicolons (\"16, 8; 8, 9\")");
    t.text("weights", &o.weights, "their shares of the samples, by commas; else equal");
    t.integer("replicates", &o.replicates, 1000, 10000000, "",
              "datasets a coverage test draws; 1000 by default with --quick, 20000 with --full");
    t.seed("seed", &o.seed, "everything random follows from it");
    declare(t, o.output, "; else results/verify.h5, of given features results/features.h5");
    t.rule([&o](const ParameterTable&) {
        return std::string(o.quick && o.full ? "--quick and --full exclude each other" : "");
    });
    t.rule([&o](const ParameterTable& table) {
        const std::string idle = o.embeddings.empty() ? table.given_of({"labels", "beta"}) : "";
        return idle.empty() ? "" : idle + ": needs --embeddings";
    });
    t.rule([&o](const ParameterTable&) -> std::string {
        if (o.gram.empty()) return o.weights.empty() ? "" : "--weights: needs --gram";
        return o.embeddings.empty() ? "" : "--gram: --embeddings brings behaviours of its own";
    });
}

void declare(ParameterTable& t, FalsifyOptions& o) {
    t.text("claim", &o.claim,
           "ids or prefixes of rigorous claims that bound something: T2 takes T2a and T2b", true);
    t.integer("budget", &o.budget, 1, 1000000000, "runs", "cases to try for each claim");
    t.real("after", &o.after, 0.0, 1e9, false, "1 / kappa",
           "only times with kappa t at least this count: how tight is the claim late?");
    t.seed("seed", &o.seed, "everything random follows from it");
    t.text("replay", &o.replay,
           "run one case alone, as a search wrote it: restart and coordinates");
    t.stop_identity();
    t.text("out", &o.output.out,
           "config that replays the nearest case, features beside it; of several claims a folder "
           "for them; else results/falsify_CLAIM.ini");
    t.flag("force", &o.output.force, "replace an existing config");
    declare(t, o.output.machine);
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
}

void declare(ParameterTable& t, DialoguesOptions& o) {
    t.text("in", &o.in, "dialogues: lines with the fields chosen and rejected, not compressed",
           true);
    t.positional();
    t.text("out", &o.out, "preference data made of them (.jsonl)", true);
    t.flag("skip-bad", &o.skip_bad,
           "leave out and count lines whose two dialogues are no answers to one prompt");
    t.flag("force", &o.force, "replace an existing file");
}

void declare(ParameterTable& t, TokenizeOptions& o) {
    t.text("model", &o.model, "tokenizer.model or tokenizer.json, or a folder with one", true);
    t.text("text", &o.text, "text to show the tokens of, as it is");
    declare(t, o.prompts);
}

void declare(ParameterTable& t, EmbedCommandOptions& o) {
    declare(t, o.source);
    declare(t, o.output);
}

void declare(ParameterTable& t, ScaledOptions& o) {
    declare(t, o.source);
    t.choice("preset", &o.preset, {"im-li-last-layer", "diverse-last-layer"},
             "numbers of a published script, defaults of what follows: SGD with eta 0.1 and "
             "batches of 128, or full-batch Adam with eta 0.001");
    TrainSpec& s = o.plan.training;
    t.choice("method", &s.method, {"gd", "sgd", "adam"}, "how the last layer is trained");
    t.real("eta", &s.eta, 0.0, 1e300, true, "", "learning rate of the last layer");
    t.integer("steps", &s.steps, 1, 1000000, "updates", "of the last layer");
    t.integer("batch", &s.batch, 0, 100000000, "samples", "minibatch of sgd and adam; 0 is all");
    t.choice("sampling", &s.sampling, sampling_names(),
             "fresh: each batch anew without replacement, as published; epoch and replacement as "
             "in simulate");
    t.real("beta", &o.plan.verify.beta, 0.0, 1e6, true, "", "strength of the reference in DPO");
    t.real("held-out", &o.plan.held_out, 0.0, 0.9, false, "",
           "share of every behaviour kept from the last layer's training");
    t.choice("split", &o.plan.split, split_names(),
             "held-out rows drawn from all, as published, or the same share of either class");
    t.integer("pairs", &o.plan.pairs, 0, 10000, "", "pairs of behaviours trained together");
    t.integer("cross-check", &o.plan.cross_check, 0, 100000, "behaviours",
              "train these with the dense V x d head as well; it holds about four heads in memory");
    declare_claims(t, o.claims);
    t.seed("seed", &o.plan.verify.seed, "everything random follows from it");
    declare(t, o.output);
}

void declare(ParameterTable& t, InspectOptions& o) {
    t.text("model", &o.model, "folder in Hugging Face layout", true);
    t.text("prompt", &o.prompt, "text to go on from, the most probable token each time");
    t.flag("bos", &o.bos, "put the beginning-of-sequence token before the prompt");
    t.integer("tokens-out", &o.tokens_out, 1, 100000, "tokens", "length of the continuation");
    t.choice("precision", &o.precision, transformer::precision_names(),
             "how a card multiplies; the processor knows float32 alone");
    t.integer("prompts", &o.prompts, 1, 100000000, "", "prompts of the memory plan");
    t.integer("prompt-tokens", &o.prompt_tokens, 1, 1000000, "tokens", "length of each of them");
    declare(t, o.machine);
}

void declare(ParameterTable& t, SweepOptions& o) {
    t.text("spec", &o.spec, "what is varied (docs/sweeps.md)", true);
    t.positional();
    t.text("out", &o.out, "folder of the sweep; one that exists is gone on with");
    t.text("shard", &o.shard, "I/N: every N-th point from the I-th on");
    t.flag("dry-run", &o.dry_run, "print the number of points, their time, memory and output");
    t.flag("yes", &o.yes, "run more than a million points");
    declare(t, o.machine);
}

void declare(ParameterTable& t, MergeOptions& o) {
    t.text("folder", &o.folder, "folder of the sweep", true);
    t.positional();
    t.text("out", &o.out, "merged file (HDF5); -o for short", true);
    t.flag("force", &o.force, "replace an existing file");
}

void declare_status(ParameterTable& t, std::string& folder) {
    t.text("folder", &folder, "folder of the sweep", true);
    t.positional();
}

void declare(ParameterTable& t, SlurmOptions& o) {
    t.text("spec", &o.spec, "what is varied (docs/sweeps.md)", true);
    t.positional();
    t.text("out", &o.out, "folder of the sweep, seen by every node", true);
    t.integer("array", &o.array, 1, 1000000, "tasks", "shards, one an array task");
    t.text("time", &o.time, "time limit of a task, as sbatch takes it; tasks requeue themselves");
    t.integer("cpus", &o.cpus, 1, 4096, "", "cores of a task");
    t.integer("warn", &o.warn, 10, 65535, "s", "how long before its time a task is told to stop");
    t.text("program", &o.program, "the prefdyn executable on the nodes; by default this one");
}

}  // namespace prefdyn
