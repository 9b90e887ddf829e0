// Aligned and base model trained on flipped labels, each its own reference: which one forgets
// faster. Beside it the control: only heads trained, on frozen features, which must show no
// difference.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <ostream>

#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/commands/finetune_verdicts.hpp"
#include "experiments/finetune/job.hpp"
#include "experiments/finetune/model_folder.hpp"
#include "experiments/program/machine_options.hpp"
#include "experiments/results/finished.hpp"
#include "experiments/results/folder_lock.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/runs/run_measures.hpp"
#include "experiments/studies/misalignment/misalignment_table.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/text/tokenizer.hpp"

namespace prefdyn {

namespace {

using finetune::Parameters;
using finetune::TrainedPart;

struct MisalignOptions {
    std::string base, aligned, out;
    TrainingOptions training;
    Index seeds = 5;
    double target = 0.0;
    ClaimsOption claims;
    bool dry_run = false, force = false;
    MachineOptions machine;
};

void declare(ParameterTable& t, MisalignOptions& o) {
    t.text("base", &o.base, "folder of the base model, with its tokeniser", true);
    t.place();
    t.text("aligned", &o.aligned, "what finetune made of it: its folder, a model's or an adapter's",
           true);
    t.place();
    declare_training(t, o.training);
    t.integer("seeds", &o.seeds, 1, 100000, "", "repetitions, each with batches of its own");
    t.real("target", &o.target, 0.0, 1e6, false, "nats",
           "loss whose first step is compared; 0: half of the way to the lowest all runs reach");
    t.text("out", &o.out, "result file (HDF5)", true);
    t.place();
    declare_for_transformers(t, o.claims);
    declare_modes(t, o.training, o.dry_run, o.force);
    declare(t, o.machine);
}

void take_preset(MisalignOptions& o, const MisalignOptions& first) {
    o.training.preset = first.training.preset;
    apply_preset(o.training);
}

constexpr double kFrozenTolerance = 1e-4;  ///< relative, of losses in single precision

/// Runs of one seed, in the order they are made.
enum Which { kBase, kAligned, kHeadAligning, kFrozenBase, kFrozenAligned, kWhich };

/// A run that met what is not finite: there is nothing to compare.
class Stopped : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class MisalignStudy {
  public:
    MisalignStudy(FinetuneJob& trained, FinetuneJob& frozen, const MisalignOptions& options,
                  const ParameterTable& table, const std::vector<theory::Claim>& claims)
        : trained_(trained),
          frozen_(frozen),
          o_(options),
          table_(table),
          claims_(claims),
          aligned_(read_model(options.aligned, trained.checkpoint(), trained.layout(),
                              trained.model_hash())),
          aligned_hash_(
              content_hash({reinterpret_cast<const char*>(aligned_.values().data()),
                            static_cast<std::size_t>(aligned_.values().size()) * sizeof(float)})) {}

    std::vector<FinetunePlan> plans() const {
        std::vector<FinetunePlan> out;
        for (Index seed = 0; seed < o_.seeds; ++seed)
            for (int which = 0; which < kWhich; ++which)
                out.push_back(plan(static_cast<Which>(which), seed));
        return out;
    }

    std::vector<TrainedRun> run(const std::vector<FinetunePlan>& plans, std::ostream& out) {
        std::vector<TrainedRun> runs;
        RunBar bar(plans.size());
        for (std::size_t k = 0; k < plans.size(); ++k) {
            const auto which = static_cast<Which>(k % kWhich);
            runs.push_back(run_one(which, plans[k], bar.next(), out));
            const FinetuneRun& run = runs.back().run;
            if (!run.stopped.empty()) throw Stopped(run.name + ": " + run.stopped);
            if (which == kHeadAligning) {
                const finetune::Trainable<float> head(frozen_.layout(), plans[k].training.trained,
                                                      0);
                head_aligned_ = std::make_unique<Parameters<float>>(frozen_.weights());
                head.apply(run.theta, frozen_.weights(), *head_aligned_);
            }
        }
        return runs;
    }

  private:
    FinetunePlan plan(Which which, Index seed) const {
        const bool frozen = which >= kHeadAligning;
        std::vector<std::size_t> all;
        for (std::size_t k = 0; k < trained_.behaviours().size(); ++k) all.push_back(k);
        FinetunePlan out = (frozen ? frozen_ : trained_).plan(all);
        if (frozen) out.training.trained.part = TrainedPart::kHead;
        const char* names[] = {"from base", "from aligned", "head aligning", "frozen, from base",
                               "frozen, from aligned"};
        out.name = std::string(names[which]) + ", seed " + std::to_string(seed);
        out.flipped = which != kHeadAligning;
        out.training.seed = o_.training.seed + static_cast<std::uint64_t>(seed);
        out.state = o_.out + ".state-" + std::to_string(kWhich * seed + which) + ".safetensors";
        out.task = frozen_.task(out, table_) + "run=" + out.name + "\naligned=" + aligned_hash_ +
                   "\n" + identity_of(claims_);
        out.judged = !claims_.empty();
        return out;
    }

    TrainedRun run_one(Which which, const FinetunePlan& plan, const RunProgress& progress,
                       std::ostream& out) {
        FinetuneJob& job = which >= kHeadAligning ? frozen_ : trained_;
        StartModel start = job.start();
        if (which == kAligned) start.weights = &aligned_;
        if (which == kFrozenAligned) start.weights = head_aligned_.get();
        if (which == kAligned || which == kFrozenAligned) start.name = "aligned";
        return train_plan(start, job.behaviours(), plan, progress, out);
    }

    FinetuneJob &trained_, &frozen_;
    const MisalignOptions& o_;
    const ParameterTable& table_;
    const std::vector<theory::Claim>& claims_;
    Parameters<float> aligned_;
    std::string aligned_hash_;
    std::unique_ptr<Parameters<float>> head_aligned_;
};

/// Mean loss of all behaviours, (record).
std::vector<double> mean_losses(const FinetuneRun& run) {
    std::vector<double> out(run.step.size());
    for (std::size_t k = 0; k < out.size(); ++k) {
        for (std::size_t p = 0; p < run.behaviour.size(); ++p) out[k] += run.measure(k, p, "loss");
        out[k] /= static_cast<double>(run.behaviour.size());
    }
    return out;
}

/// Half of the way from the start to the lowest loss that every run from base or aligned reaches.
double halfway(const std::vector<TrainedRun>& runs) {
    double reached = 0.0;
    for (std::size_t k = 0; k < runs.size(); ++k)
        if (k % kWhich <= kAligned)
            reached = std::max(reached, std::ranges::min(mean_losses(runs[k].run)));
    return (mean_losses(runs[kBase].run)[0] + reached) / 2.0;
}

double slope(const FinetuneRun& run) {
    double sum = 0.0;
    for (const auto& each : run.slope) sum += each.total() / static_cast<double>(run.slope.size());
    return sum;
}

/// Largest relative difference of the losses of the two frozen runs.
double frozen_difference(const std::vector<TrainedRun>& runs) {
    double worst = 0.0;
    for (std::size_t k = 0; k < runs.size(); k += kWhich) {
        const FinetuneRun &a = runs[k + kFrozenBase].run, &b = runs[k + kFrozenAligned].run;
        for (std::size_t r = 0; r < a.step.size(); ++r)
            for (std::size_t p = 0; p < a.behaviour.size(); ++p)
                worst = std::max(
                    worst, std::fabs(a.measure(r, p, "loss") / b.measure(r, p, "loss") - 1.0));
    }
    return worst;
}

/// Of what `get` gives of the runs from the aligned model and from the base model.
template <class Get>
Ratio print_ratio(std::ostream& out, const std::vector<TrainedRun>& runs, const char* what,
                  Get get) {
    std::vector<double> aligned, base;
    for (std::size_t k = 0; k < runs.size(); k += kWhich) {
        aligned.push_back(get(runs[k + kAligned].run));
        base.push_back(get(runs[k + kBase].run));
    }
    const Ratio ratio = ratio_of(aligned, base);
    out << "  " << what << ", aligned / base: " << ratio.mean;
    if (aligned.size() > 1) out << " (" << ratio.low << " to " << ratio.high << ")";
    out << "\n";
    return ratio;
}

/// What the ratio of updates says; one seed has no interval, and says only what it was.
void print_in_words(std::ostream& out, const Ratio& updates, std::size_t seeds) {
    const bool sure = seeds > 1 && (updates.high < 1.0 || updates.low > 1.0);
    out << "  in words: ";
    if (std::isnan(updates.mean))
        out << "one of the two never reached that loss; --target names a nearer one";
    else if (seeds > 1 && !sure)
        out << "over " << seeds << " seeds no difference beyond chance in how fast the two forget";
    else
        out << "the aligned model took " << (updates.mean < 1.0 ? "fewer" : "more")
            << " updates to unlearn, " << updates.mean
            << " times those of the base model: it is misaligned "
            << (updates.mean < 1.0 ? "faster" : "more slowly")
            << (seeds > 1 ? "" : " (one seed, no interval)");
    out << "\n";
}

void print_findings(std::ostream& out, const std::vector<TrainedRun>& runs, double target) {
    if (target == 0.0) target = halfway(runs);
    const FinetuneRun &base = runs[kBase].run, &aligned = runs[kAligned].run;
    out << std::setprecision(4);
    for (std::size_t p = 0; p < base.behaviour.size(); ++p)
        out << "  " << base.behaviour[p] << ": D " << base.measure(0, p, "distinguishability")
            << " of the base model, " << aligned.measure(0, p, "distinguishability")
            << " of the aligned\n";
    print_ratio(out, runs, "initial slope of the loss", slope);
    print_ratio(out, runs, "its head's part",
                [](const FinetuneRun& run) { return run.slope[0].head; });
    const auto steps = [target](const FinetuneRun& run) {
        return first_at_most({run.step.begin(), run.step.end()}, mean_losses(run), target);
    };
    out << "  updates to a flipped loss of " << target << ":\n";
    print_in_words(out, print_ratio(out, runs, "updates", steps), runs.size() / kWhich);
    out << "  frozen features, head aligned or not: losses differ by at most "
        << frozen_difference(runs) << "\n"
        << std::setprecision(6);
}

/// Where the aligned model brought a tokeniser it must be the base model's.
void require_same_tokenizer(const std::string& aligned, const FinetuneJob& job) {
    for (const char* name : {"tokenizer.model", "tokenizer.json"}) {
        const std::string path = (std::filesystem::path(aligned) / name).string();
        if (!std::filesystem::exists(path)) continue;
        if (text::load_tokenizer(aligned)->hash() == job.behaviours().front().data.tokenizer_hash)
            return;
        throw InputError(path + ": is not the tokeniser of the base model",
                         "--aligned must come from the model that --base names");
    }
}

void remove_states(const std::vector<FinetunePlan>& plans) {
    std::error_code ignored;
    for (const FinetunePlan& plan : plans) std::filesystem::remove(plan.state, ignored);
}

/// The same call came to its end before.
int say_finished(const MisalignOptions& options, const std::vector<FinetunePlan>& plans,
                 std::ostream& out) {
    double difference = kInfinity;
    parse_real(h5::Reader(options.out, h5::From::kOutside).text_attribute("frozen_difference"),
               difference);
    remove_states(plans);  // a kill may have come before
    const bool good = difference <= kFrozenTolerance;
    const bool violated = plans.front().judged && was_violated(options.out);
    out << "nothing to do: the same comparison is finished, " << (good ? "" : "NOT ")
        << "as expected on frozen features" << (violated ? ", a claim is VIOLATED" : "") << ", in "
        << options.out << "\n";
    return good && !violated ? 0 : 1;
}

int run_misalign(MisalignOptions& options, const ParameterTable& table, std::ostream& out) {
    const Device device = options.training.arithmetic.device = apply(options.machine);
    transformer::require_precision(options.training.arithmetic);
    const bool there = !options.force && std::filesystem::is_regular_file(options.out);
    if (!there) require_writable(options.out, options.force, options.training.prompts.data);
    const Stopwatch watch;
    TrainingOptions frozen_options = options.training;
    frozen_options.method = TrainedPart::kHead;
    FinetuneJob frozen({options.base}, frozen_options, true);
    const bool own_head = options.training.method == TrainedPart::kHead ||
                          head_of_its_own(options.aligned, options.base);
    FinetuneJob trained({options.base}, options.training, own_head);
    require_same_tokenizer(options.aligned, trained);
    const auto claims = claims_for_transformers(options.claims, std::cerr);
    MisalignStudy study(trained, frozen, options, table, claims);
    const auto plans = study.plans();
    if (there && was_task(options.out, task_of(plans))) return say_finished(options, plans, out);
    if (there) require_writable(options.out, options.force, options.training.prompts.data);
    std::vector<FinetunePlan> moving, still;
    for (std::size_t k = 0; k < plans.size(); ++k)
        (k % kWhich >= kHeadAligning ? still : moving).push_back(plans[k]);
    trained.describe(out, moving);
    out << "beside them, on frozen features: ";
    frozen.describe(out, still);
    if (options.dry_run) return 0;
    make_folder_of(options.out);
    const FileLock lock(options.out);
    if (options.force) remove_states(plans);
    std::vector<TrainedRun> runs;
    try {
        runs = study.run(plans, out);
    } catch (const Interrupted&) {
        return 130;
    } catch (const Stopped& error) {
        out << "STOPPED: " << error.what() << "; nothing to compare, a lower --lr may help\n";
        return 1;
    }
    const double difference = frozen_difference(runs);
    auto attributes = trained.attributes();
    attributes.emplace_back("task", task_of(plans));
    attributes.emplace_back("frozen_difference", format_real(difference));
    const Verification verdicts = judge_parts(claims, runs, plans);
    write_runs(options.out, runs, "misalign", table, device, watch.seconds(), attributes,
               fields_of(verdicts));
    remove_states(plans);
    print_findings(out, runs, options.target);
    if (!claims.empty()) print_verdicts(out, verdicts);
    out << (difference <= kFrozenTolerance ? "as expected" : "NOT as expected")
        << " on frozen features; wrote " << options.out << "\n";
    return difference <= kFrozenTolerance && verdicts.as_expected() ? 0 : 1;
}

}  // namespace

Command misalign_command() {
    return make_command("misalign",
                        "train base and aligned model on flipped labels: which forgets faster?",
                        run_misalign);
}

}  // namespace prefdyn
