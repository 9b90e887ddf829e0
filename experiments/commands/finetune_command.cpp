#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <ostream>

#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/commands/finetune_verdicts.hpp"
#include "experiments/finetune/job.hpp"
#include "experiments/finetune/model_folder.hpp"
#include "experiments/program/machine_options.hpp"
#include "experiments/results/finished.hpp"
#include "experiments/results/folder_lock.hpp"
#include "experiments/runs/mixture_run.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn {

namespace {

namespace fs = std::filesystem;

/// How several behaviours are trained.
enum class Arrangement { kTogether, kApart, kPairs };

struct FinetuneOptions {
    std::string model, base, out;
    ClaimsOption claims;
    TrainingOptions training;
    bool flip = false, dry_run = false, force = false;
    Arrangement arrange = Arrangement::kTogether;
    Index pairs = 4, save_every = 0;
    MachineOptions machine;
};

void declare(ParameterTable& t, FinetuneOptions& o) {
    t.text("model", &o.model, "folder in Hugging Face layout, with its tokeniser; or an adapter's",
           true);
    t.place();
    t.text("base", &o.base, "folder of the base model of an adapter; empty: as its config says");
    t.place();
    declare_training(t, o.training);
    t.flag("flip", &o.flip, "exchange chosen and rejected in every pair");
    t.choice("arrange", &o.arrange, {"together", "apart", "pairs"},
             "one run on all files; a run for each; or runs on pairs of files, from the largest "
             "normalised priority gap to the smallest");
    t.integer("pairs", &o.pairs, 1, 1000000, "", "pairs of files of --arrange pairs");
    t.text("out", &o.out, "folder for results and for the trained model", true);
    t.place();
    declare_for_transformers(t, o.claims);
    declare_modes(t, o.training, o.dry_run, o.force);
    t.integer("save-every", &o.save_every, 0, 1000000000, "updates",
              "save the state this often, beside every evaluation; 0: at evaluations alone");
    declare(t, o.machine);
    t.rule([&o](const ParameterTable& table) {
        return std::string(o.arrange != Arrangement::kPairs && table.given("pairs")
                               ? "--pairs: without effect; only --arrange pairs takes it"
                               : "");
    });
}

void take_preset(FinetuneOptions& o, const FinetuneOptions& first) {
    o.training.preset = first.training.preset;
    apply_preset(o.training);
}

std::string inside(const std::string& folder, const std::string& name) {
    return (fs::path(folder) / name).string();
}

const char* const kRunFile = "run.h5";

std::string state_path(const std::string& folder, std::size_t run) {
    std::string name = "state-";
    return inside(folder, name.append(std::to_string(run)).append(".safetensors"));
}

bool is_state(const std::string& name) {
    return name.starts_with("state-") &&
           (name.ends_with(".safetensors") || name.ends_with(".partial"));
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> out;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed))
        out.push_back(entry.path().filename().string());
    return out;
}

/// A folder in which nothing is lost: without results and without a model, unless saved states say
/// that it is one of a run that goes on. With `force` results, states and the model are removed.
void prepare(const std::string& folder, const FinetuneOptions& o,
             const transformer::Checkpoint& model) {
    std::error_code failed;
    if (fs::exists(folder, failed) && !fs::is_directory(folder, failed))
        throw InputError(folder + ": is no folder", "--out names a folder");
    if (fs::equivalent(folder, o.model, failed))
        throw InputError(folder + ": is the folder of --model", "choose another --out");
    if (fs::equivalent(folder, model.folder(), failed))
        throw InputError(folder + ": is the folder of the adapter's base model",
                         "choose another --out");
    const auto names = names_in(folder);
    if (o.force) {
        for (const std::string& name : names)
            if (name == kRunFile || is_state(name)) fs::remove(inside(folder, name), failed);
        remove_model(folder);
        return;
    }
    if (std::ranges::find(names, kRunFile) != names.end())
        throw InputError(inside(folder, kRunFile) + ": is there already",
                         "--force replaces it, another --out keeps it");
    if (std::ranges::none_of(names, is_state) && holds_model(folder))
        throw InputError(folder + ": holds a model", "--force replaces it, another --out keeps it");
}

/// Class-mean difference of the behaviour's embeddings by the model as it is.
Vector mean_difference(FinetuneJob& job, std::size_t behaviour) {
    const FinetuneBehaviour& b = job.behaviours()[behaviour];
    if (!b.classes())
        throw InputError(b.data.path + ": its answers are not two classes",
                         "a priority gap is one of class means; --arrange together or apart");
    std::vector<finetune::PairTokens> pairs;
    std::vector<std::int8_t> label;
    for (const Index row : b.rows.train) {
        const auto& pair = b.data.pairs[static_cast<std::size_t>(row)];
        pairs.push_back({pair.chosen, pair.rejected, static_cast<Index>(pair.prompt)});
        label.push_back(pair.label);
    }
    const std::vector<bool> nothing_held(static_cast<std::size_t>(job.layout().count()), false);
    const auto pass = finetune::make_pass(job.checkpoint().config(), job.weights(), nothing_held,
                                          finetune::longest_read(pairs),
                                          job.plan({behaviour}).training.arithmetic);
    const auto geometry = geometry_of(finetune::evaluate(*pass, pairs, 4096).embeddings, label);
    return geometry.mean_plus - geometry.mean_minus;
}

std::vector<std::vector<std::size_t>> pairs_of(FinetuneJob& job, Index count) {
    std::vector<Vector> differences;
    for (std::size_t k = 0; k < job.behaviours().size(); ++k)
        differences.push_back(mean_difference(job, k));
    std::vector<std::vector<std::size_t>> out;
    for (const GapPair& pair : gap_pairs(differences, count)) out.push_back({pair.high, pair.low});
    if (out.empty())
        throw InputError("--arrange pairs: there is no pair of behaviours",
                         "give --data two files");
    return out;
}

std::vector<FinetunePlan> plans_of(FinetuneJob& job, const FinetuneOptions& o,
                                   const ParameterTable& table,
                                   const std::vector<theory::Claim>& claims) {
    std::vector<std::vector<std::size_t>> groups;
    if (o.arrange == Arrangement::kPairs) groups = pairs_of(job, o.pairs);
    if (o.arrange == Arrangement::kTogether) groups.emplace_back();
    for (std::size_t k = 0; k < job.behaviours().size(); ++k) {
        if (o.arrange == Arrangement::kTogether) groups[0].push_back(k);
        if (o.arrange == Arrangement::kApart) groups.push_back({k});
    }
    std::vector<FinetunePlan> out;
    for (const auto& group : groups) {
        out.push_back(job.plan(group));
        out.back().flipped = o.flip;
        out.back().save_every = o.save_every;
        out.back().state = state_path(o.out, out.size() - 1);
        out.back().judged = !claims.empty();
        out.back().task = job.task(out.back(), table) + identity_of(claims);
    }
    return out;
}

/// The folder of a run's model: --out if it is the only one, else below it.
std::string model_place(const FinetuneOptions& o, const FinetunePlan& plan, bool alone) {
    return alone ? o.out : inside(o.out, plan.name);
}

void remove_states(const std::vector<FinetunePlan>& plans) {
    std::error_code ignored;
    for (const FinetunePlan& plan : plans) fs::remove(plan.state, ignored);
}

/// The exit code of the same call that came to its end before, nothing if there was none.
std::optional<int> finished(const FinetuneOptions& o, const std::vector<FinetunePlan>& plans,
                            std::ostream& out) {
    const std::string path = inside(o.out, kRunFile);
    if (!was_task(path, task_of(plans))) return {};
    const auto stopped = h5::Reader(path, h5::From::kOutside).strings("run_stopped");
    if (stopped.size() != plans.size()) return {};
    for (std::size_t k = 0; k < plans.size(); ++k)
        if (stopped[k].empty() && !holds_model(model_place(o, plans[k], plans.size() == 1)))
            return {};
    const bool complete = std::ranges::all_of(stopped, &std::string::empty);
    if (complete) remove_states(plans);  // a kill may have come before
    const bool violated = plans.front().judged && was_violated(path);
    out << "nothing to do: the same training is finished, in " << path
        << (complete ? "" : ", NOT complete") << (violated ? ", a claim is VIOLATED\n" : "\n");
    return complete && !violated ? 0 : 1;
}

void save_model(FinetuneJob& job, const FinetuneOptions& o, const FinetunePlan& plan,
                const FinetuneRun& run, bool alone) {
    const finetune::Trainable<float> trainable(job.layout(), plan.training.trained,
                                               plan.training.seed);
    finetune::Parameters<float> weights = job.weights();
    trainable.apply(run.theta, job.weights(), weights);
    write_model(model_place(o, plan, alone),
                {job.checkpoint().folder(), &weights, &trainable, plan.training.trained, &run.theta,
                 job.model_hash(), job.checkpoint().tokenizer_folder()});
}

void print_run(std::ostream& out, const FinetuneRun& run) {
    const std::size_t last = run.step.size() - 1;
    out << run.name << ": " << run.step.back() << " updates\n" << std::setprecision(4);
    for (std::size_t p = 0; p < run.behaviour.size(); ++p) {
        const auto change = [&](const char* what, const std::string& column) {
            out << "  " << what << " " << run.measure(0, p, column) << " -> "
                << run.measure(last, p, column);
        };
        out << "  " << std::left << std::setw(28) << run.behaviour[p] << std::right;
        change("loss", "loss");
        const bool held_out = std::isfinite(run.measure(0, p, "eval_loss"));
        if (held_out) change("held out", "eval_loss");
        change("rewards/accuracies", held_out ? "eval_rewards_accuracies" : "rewards_accuracies");
        change("D", "distinguishability");
        change("logps/chosen", "logps_chosen");
        out << "\n";
    }
    if (!run.stopped.empty()) out << "  STOPPED: " << run.stopped << "\n";
    out << std::setprecision(6);
}

bool train_all(FinetuneJob& job, const FinetuneOptions& o, const std::vector<FinetunePlan>& plans,
               std::vector<TrainedRun>& runs, std::ostream& out) {
    bool complete = true;
    RunBar bar(plans.size());
    for (const FinetunePlan& plan : plans) {
        runs.push_back(train_plan(job.start(), job.behaviours(), plan, bar.next(), out));
        const FinetuneRun& run = runs.back().run;
        complete = complete && run.stopped.empty();
        if (run.stopped.empty()) save_model(job, o, plan, run, plans.size() == 1);
    }
    return complete;
}

int run_finetune(FinetuneOptions& options, const ParameterTable& table, std::ostream& out) {
    const Device device = options.training.arithmetic.device = apply(options.machine);
    transformer::require_precision(options.training.arithmetic);
    const Stopwatch watch;
    FinetuneJob job({options.model, options.base}, options.training,
                    options.training.method == finetune::TrainedPart::kHead);
    const finetune::TrainingSpec spec = job.plan({0}).training;
    const finetune::Objective checked(spec.loss, spec.divergence);
    const auto claims = claims_for_transformers(options.claims, std::cerr);
    const std::vector<FinetunePlan> plans = plans_of(job, options, table, claims);
    if (!options.dry_run && !options.force)
        if (const auto code = finished(options, plans, out)) return *code;
    if (!options.dry_run) prepare(options.out, options, job.checkpoint());
    job.describe(out, plans);
    if (options.dry_run) return 0;
    const FolderLock lock(options.out);
    std::vector<TrainedRun> runs;
    bool complete = false;
    try {
        complete = train_all(job, options, plans, runs, out);
    } catch (const Interrupted&) {
        return 130;
    }
    auto attributes = job.attributes();
    attributes.emplace_back("task", task_of(plans));
    const Verification verdicts = judge_parts(claims, runs, plans);
    write_runs(inside(options.out, kRunFile), runs, "finetune", table, device, watch.seconds(),
               attributes, fields_of(verdicts));
    for (const TrainedRun& each : runs) print_run(out, each.run);
    if (!claims.empty()) print_verdicts(out, verdicts);
    const auto saved = std::ranges::count_if(
        runs, [](const TrainedRun& each) { return each.run.stopped.empty(); });
    out << "wrote " << inside(options.out, kRunFile) << " and "
        << (saved == 0   ? "no model"
            : saved == 1 ? "the trained model"
                         : "the trained models")
        << "\n";
    for (std::size_t k = 0; k < plans.size(); ++k)
        if (runs[k].run.stopped.empty()) remove_states({plans[k]});
    if (!complete) out << "NOT complete: the last good state stays beside the results\n";
    return complete && verdicts.as_expected() ? 0 : 1;
}

}  // namespace

Command finetune_command() {
    return make_command(
        "finetune",
        "train a whole language model on preferences, or adapters of it; measure and save it",
        run_finetune);
}

}  // namespace prefdyn
