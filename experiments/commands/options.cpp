#include "experiments/commands/options.hpp"

#include "sim/base/failure.hpp"
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

}  // namespace prefdyn
