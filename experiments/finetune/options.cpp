#include "experiments/finetune/options.hpp"

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

using finetune::TrainedPart;
using finetune::UpdateKind;

void declare_data(ParameterTable& t, TrainingOptions& o) {
    declare(t, o.prompts);
    t.find("data")->required = true;
    t.find("data")->identity = false;  // the pairs count, not their files
    t.flag("eos", &o.eos, "the tokeniser's end-of-sequence token behind every answer");
    t.flag("one-token", &o.one_token,
           "an answer is the first token in which both differ, as in the theory and in scaled");
    t.flag("truncate", &o.truncate,
           "drop the first tokens of prompts that are too long for the context, never the bos");
    t.integer("max-length", &o.max_length, 0, 100000000, "tokens",
              "of prompt and answer together: the end is cut, a pair whose prompt fills it is "
              "dropped, as TRL does it; 0: any");
    t.real("held-out", &o.held_out, 0.0, 0.9, false, "", "share of every file not trained on");
    t.choice("split", &o.split, split_names(),
             "random, or stratified: the same share of either class");
}

void declare_objective(ParameterTable& t, TrainingOptions& o) {
    t.choice("method", &o.method, finetune::trained_names(),
             "what is trained: every weight, low-rank adapters, or the head alone");
    t.integer("rank", &o.rank, 1, 4096, "", "r of the adapters");
    t.real("alpha", &o.alpha, 0.0, 1e6, true, "", "adapters add alpha / r B A");
    t.text("targets", &o.targets, "projections with adapters: q, k, v, o, gate, up, down");
    t.check([](const std::string& text) -> std::string {
        try {
            finetune::parse_targets(text);
            return {};
        } catch (const InputError& error) {
            return std::string("is not usable: ") + error.what() + "; " + error.hint();
        }
    });
    t.text("loss", &o.loss,
           "loss or weighted sum of losses, TRL's loss_type: sigmoid, or sigmoid + 0.1 sft");
    t.check([](const std::string& text) -> std::string {
        try {
            finetune::require_objective(text);
            return {};
        } catch (const InputError& error) {
            return std::string("is not usable: ") + error.what() + "; " + error.hint();
        }
    });
    t.spelling("dpo", "sigmoid");
    t.real("ld-alpha", &o.ld_alpha, 0.0, 1.0, false, "",
           "what tokens of an answer beyond the length of the shorter one count in rewards");
    t.choice("f-divergence-type", &o.divergence.kind, finetune::divergence_names(),
             "what ties policy to reference: losses of the difference of two rewards read its "
             "scores of log-ratios; logged rewards do not change");
    t.real("f-alpha-divergence-coef", &o.divergence.alpha, -1e3, 1e3, false, "",
           "alpha of alpha_divergence");
    t.real("beta", &o.beta, 0.0, 1e6, true, "", "strength of the reference");
    t.real("label-smoothing", &o.label_smoothing, 0.0, 0.5, false, "",
           "eps of cdpo and robust, in [0, 0.5), and of exo_pair, in (0, 0.5)");
    t.real("discopop-tau", &o.discopop_tau, 1e-6, 0.5, false, "", "tau of discopop");
}

void declare_optimiser(ParameterTable& t, TrainingOptions& o) {
    t.choice("optimizer", &o.optimizer, finetune::update_names(), "as torch.optim defines them");
    t.real("lr", &o.learning_rate, 0.0, 1e6, true, "", "learning rate");
    t.real("weight-decay", &o.weight_decay, 0.0, 1e6, false, "",
           "of adamw; norms and biases are spared, as TRL does it");
    t.flag("decay-norms", &o.decay_vectors, "decay norms and biases as well");
    t.choice("schedule", &o.schedule, finetune::schedule_names(),
             "of the learning rate, as transformers.get_scheduler");
    t.integer("warmup-steps", &o.warmup, 0, 1000000000, "updates",
              "linear warm-up of every schedule but constant");
    t.real("max-grad-norm", &o.max_grad_norm, 0.0, 1e12, false, "",
           "gradients are clipped to this norm; 0: not");
    t.integer("batch", &o.batch, 1, 100000000, "pairs", "pairs of an update");
    t.integer("epochs", &o.epochs, 1, 1000000, "", "passes over the training pairs");
    t.integer("steps", &o.steps, 0, 1000000000, "updates", "updates; 0: as many as --epochs asks");
    t.seed("seed", &o.seed, "of split, batches and adapters");
    t.integer("records", &o.records, 2, 100000, "",
              "evaluations on all pairs, the first before any update, the last at the end");
}

}  // namespace

void declare_training(ParameterTable& t, TrainingOptions& o) {
    t.choice("preset", &o.preset, {"im-li-full", "im-li-lora"},
             "numbers of a published script, defaults of what follows: every weight at lr 1e-6, or "
             "adapters of q and v at lr 1e-5");
    declare_data(t, o);
    declare_objective(t, o);
    declare_optimiser(t, o);
    t.integer("tokens", &o.tokens, 1, 100000000, "tokens",
              "read at a time; gradients of a batch are added up over as many groups as it takes");
    t.choice("precision", &o.arithmetic.precision, transformer::precision_names(),
             "how a card multiplies: single precision, its factors rounded to tf32, or weights and "
             "activations in bfloat16 beside weights in training and moments in single precision; "
             "the processor knows float32 alone");
    t.rule([&o](const ParameterTable& table) {
        const bool lora = o.method == TrainedPart::kLora;
        const std::string idle = lora ? "" : table.given_of({"rank", "alpha", "targets"});
        return idle.empty() ? "" : idle + ": without effect; only --method lora has adapters";
    });
    t.rule([&o](const ParameterTable& table) {
        const bool alpha = o.divergence.kind == finetune::DivergenceKind::kAlpha;
        const std::string idle = alpha ? "" : table.given_of({"f-alpha-divergence-coef"});
        return idle.empty() ? ""
                            : idle +
                                  ": without effect; only --f-divergence-type alpha_divergence "
                                  "has an alpha";
    });
    t.rule([&o](const ParameterTable&) -> std::string {
        try {
            finetune::require_divergence(o.loss, o.divergence);
            return {};
        } catch (const InputError& error) {
            return std::string("--f-divergence-type: ") + error.what() + "; " + error.hint();
        }
    });
    t.rule([&o](const ParameterTable& table) {
        const bool decays = o.optimizer == UpdateKind::kAdamw;
        const std::string idle = decays ? "" : table.given_of({"weight-decay"});
        return idle.empty() ? "" : idle + ": without effect; only adamw decays weights";
    });
    t.rule([&o](const ParameterTable&) {
        const bool whole = o.method == TrainedPart::kFull && o.weight_decay > 0.0;
        return std::string(
            o.decay_vectors && !whole
                ? "--decay-norms: without effect; only --method full with --weight-decay has them"
                : "");
    });
    t.rule([&o](const ParameterTable& table) {
        const bool warms = o.schedule != finetune::ScheduleKind::kConstant;
        const std::string idle = warms ? "" : table.given_of({"warmup-steps"});
        return idle.empty() ? "" : idle + ": without effect; --schedule constant has no warm-up";
    });
    t.rule([&o](const ParameterTable& table) {
        return std::string(
            o.steps > 0 && table.given("epochs") ? "--steps and --epochs exclude each other" : "");
    });
}

void declare_modes(ParameterTable& t, TrainingOptions& o, bool& dry_run, bool& force) {
    t.stop_identity();
    t.flag("recompute", &o.recompute,
           "keep only what enters a layer and compute the rest again: less memory, the same bits");
    t.flag("dry-run", &dry_run, "say what would be trained and how much memory it takes");
    t.flag("force", &force, "replace what is there");
}

void apply_preset(TrainingOptions& o) {
    if (o.preset == FinetunePreset::kFull) return;
    o.method = TrainedPart::kLora;
    o.learning_rate = 1e-5;
}

finetune::TrainingSpec training_spec(const TrainingOptions& o, std::size_t pairs) {
    finetune::TrainingSpec out;
    out.trained = {o.method, o.rank, o.alpha, finetune::parse_targets(o.targets)};
    out.loss = {o.loss, o.beta, o.label_smoothing, o.discopop_tau};
    out.divergence = o.divergence;
    out.update = {o.optimizer, o.weight_decay, o.decay_vectors};
    out.schedule = {o.schedule, o.warmup};
    out.learning_rate = o.learning_rate;
    out.batch = std::min(o.batch, static_cast<Index>(pairs));
    const Index per_epoch = (static_cast<Index>(pairs) + out.batch - 1) / out.batch;
    out.steps = o.steps > 0 ? o.steps : o.epochs * per_epoch;
    out.max_grad_norm = o.max_grad_norm;
    out.plan = {o.tokens, o.recompute ? finetune::Keep::kInputs : finetune::Keep::kAll, o.ld_alpha};
    out.arithmetic = o.arithmetic;
    out.seed = o.seed;
    return out;
}

}  // namespace prefdyn
