#pragma once
// A training run of a transformer as claims see it: what its records say of one behaviour.

#include "experiments/finetune/run.hpp"
#include "theory/evidence.hpp"

namespace prefdyn {

/// One behaviour of a run that was judged (FinetunePlan::judged).
struct PartEvidence {
    theory::DatasetStatistics statistics;  ///< of the training prompts' embeddings at the start; of
                                           ///< answers that are not two classes n and lengths alone
    theory::TrainingFacts training;
    Trajectory trajectory;  ///< t: the sum of the learning rates of the updates so far

    /// Borrows from this object.
    theory::Evidence evidence() const;
};

PartEvidence part_evidence(const FinetuneRun& run, std::size_t part,
                           const finetune::TrainingSpec& spec);

}  // namespace prefdyn
