#pragma once
// Misalignment (theory.md T9): align a model, flip the labels, train on. Is the aligned
// model misaligned faster than the base model, and because of what?

#include "experiments/runs/two_layer_run.hpp"
#include "experiments/studies/study.hpp"

namespace prefdyn {

/// Where misalignment starts. Each is its own reference except kOldReference.
enum MisalignmentStart : std::size_t {
    kFromBase,
    kFromAligned,
    kFromAlignedEmbedding,  ///< aligned E, base a: only D has grown
    kFromAlignedHead,       ///< base E, aligned a: only the head has grown
    kFromOldReference,      ///< aligned model, reference still the base model
    kFromFrozenBase,        ///< the embedding is not trained, neither now nor in alignment
    kFromFrozenAligned,
    kMisalignmentStarts
};
const std::vector<std::string>& misalignment_start_names();

struct MisalignmentSpec {
    Dataset data;  ///< labels as in alignment
    TwoLayerModel base;
    double beta = 0.1;
    double eta_kappa = 0.02;  ///< eta = eta_kappa / kappa, kappa that of the base model
    Index align_steps = 100;
    Index misalign_steps = 300;
    Index every = 1;          ///< steps between records after the first 20; alignment: 1
    bool every_step = false;  ///< record every step of misalignment from base and aligned, too
    Device device = Device::kCpu;
};

struct Misalignment {
    TwoLayerRun align, frozen_align;
    std::vector<TwoLayerRun> runs;  ///< by MisalignmentStart

    /// Share of the growth of -L'(0) that each cause alone brings; they need not add up to 1.
    double share_of_distinguishability() const;
    double share_of_head() const;
};

Misalignment misalign(const MisalignmentSpec& spec);

/// T9a to T9d over seeds and activations.
Study misalignment_study();

/// Their negative controls, and what faults are planted in: a linear model whose head is turned to
/// the side on which D grows at first, so that T9b and T9bp apply for every seed.
std::vector<Control> misalignment_controls();
MisalignmentSpec small_misalignment(std::uint64_t seed);
TwoLayerTraining alignment_of(const MisalignmentSpec& spec);

}  // namespace prefdyn
