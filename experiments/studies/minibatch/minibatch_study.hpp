#pragma once
#include "experiments/studies/study.hpp"
#include "theory/minibatch.hpp"

namespace prefdyn {

/// Rows, and how they are cut into batches.
struct MinibatchSetting {
    std::string name;
    RunConfig base;                    ///< of gradient descent: loss, beta, eta kappa or eta, steps
    std::optional<Dataset> data = {};  ///< none: drawn from base.features
    Index batch = 1;
    Sampling sampling = Sampling::kFresh;
};

/// Gradient descent, every step recorded, and what many orders of batches did beside it.
struct MinibatchCase {
    RunResult descent;
    theory::MinibatchFacts facts;

    /// Borrows from this object.
    theory::Evidence evidence() const;
};

MinibatchCase run_minibatches(const MinibatchSetting& setting, std::size_t orders,
                              std::uint64_t seed);

/// T2s and T6g.
Study minibatch_study();

}  // namespace prefdyn
