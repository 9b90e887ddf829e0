#pragma once
// What finetune and misalign do alike: open the model, read the pairs, plan runs, account for
// memory.

#include <iosfwd>

#include "experiments/finetune/options.hpp"
#include "experiments/finetune/run_file.hpp"
#include "experiments/program/output_options.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/model/model_hash.hpp"

namespace prefdyn {

/// A folder with a model or an adapter; `base`: of the adapter's base model, empty: as it says.
struct ModelSource {
    std::string folder, base = {};
};

class FinetuneJob {
  public:
    /// `own_head`: the head is a tensor of its own. Throws InputError for a model, tokeniser or
    /// line of data that cannot be used.
    FinetuneJob(const ModelSource& model, const TrainingOptions& options, bool own_head);

    const transformer::Checkpoint& checkpoint() const { return checkpoint_; }
    const finetune::Layout& layout() const { return layout_; }
    const std::vector<FinetuneBehaviour>& behaviours() const { return behaviours_; }
    const std::string& model_hash() const { return hash_.hash; }
    /// Every weight of the model, on the first call read.
    const finetune::Parameters<float>& weights();
    StartModel start() { return {"base", &checkpoint_.config(), &weights()}; }

    /// Training pairs of these behaviours.
    std::size_t trained(const std::vector<std::size_t>& behaviours) const;
    /// A run on these behaviours, named after them.
    FinetunePlan plan(const std::vector<std::size_t>& behaviours) const;
    /// What decides about a run's numbers: options and the contents of model and data.
    std::string task(const FinetunePlan& plan, const ParameterTable& table) const;
    std::vector<std::pair<std::string, std::string>> attributes() const;

    /// Bytes beside the mapped file, at most, while this run goes on.
    std::size_t bytes(const FinetunePlan& plan) const;
    /// Those on the card, if it trains there.
    std::size_t card_bytes(const FinetunePlan& plan) const;
    void describe(std::ostream& out, const std::vector<FinetunePlan>& plans) const;

  private:
    /// Numbers of a run, and its largest batch.
    struct Extent {
        Index all = 0, held = 0, adapted = 0, loose = 0;  ///< loose: with a head of its own
        Index theta = 0, state = 0;                       ///< state: theta and moments
        Index tokens = 0, rows = 1;
    };
    Extent extent(const FinetunePlan& plan) const;

    TrainingOptions options_;
    transformer::Checkpoint checkpoint_;
    finetune::Layout layout_;
    transformer::ModelHash hash_;
    std::vector<FinetuneBehaviour> behaviours_;
    bool bos_;
    std::unique_ptr<finetune::Parameters<float>> weights_;
};

/// Hash of the tasks of all runs, an attribute of their result file.
std::string task_of(const std::vector<FinetunePlan>& plans);

/// Trains as planned; before it throws Interrupted, `out` is told what goes on from where.
TrainedRun train_plan(const StartModel& start, const std::vector<FinetuneBehaviour>& behaviours,
                      const FinetunePlan& plan, const RunProgress& progress, std::ostream& out);

/// A line on a terminal with what is being done and the time left; silent elsewhere.
class RunBar {
  public:
    explicit RunBar(std::size_t runs);
    ~RunBar();
    RunProgress next();

  private:
    std::size_t runs_, run_ = 0;
    bool visible_;
    Stopwatch since_drawn_;
};

}  // namespace prefdyn
