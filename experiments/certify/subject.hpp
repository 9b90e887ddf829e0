#pragma once
// What a certificate is about: a run to repeat exactly, and what is claimed of it.

#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "experiments/certify/certificate.hpp"
#include "experiments/runs/mixture_run.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/two_layer_run.hpp"
#include "theory/influence.hpp"

namespace prefdyn::certify {

/// A planted fault: what the claim is told differs from what the trainer does, or a bound from what
/// the theorem says.
struct Fault {
    double bound_factor = 1.0;  ///< < 1: every bound made that much stronger
    double told_beta = 0.0;     ///< 0: the trainer's
    double told_eta = 0.0;      ///< of the clock; 0: the trainer's
    /// lambda_max(M) times this; 0: the mean eigenvalue of M instead.
    double lambda_factor = 1.0;
    std::optional<Dataset> told_data = {};  ///< that the statistics are of
    std::optional<double> told_value_at_zero = {}, told_slope_at_zero = {};  ///< of phi
    std::vector<std::size_t> exchanged = {};  ///< two records whose rates are exchanged
    std::optional<std::size_t> dropped = {};  ///< a record that is left out
    double unlearned_after = kInfinity;       ///< kappa t from which on every row counts as wrong
    bool behaviours_swapped = false;          ///< in what is measured, the first two
    bool weights_ignored = false;             ///< bbar is told to weigh the behaviours alike
    bool differences_for_means = false;       ///< b_k is told to be half the class-mean difference
};

struct Subject {
    Dataset data;  ///< that the head was trained on
    LossSpec loss;
    double beta = 0.1;
    TrainSpec training;  ///< eta is resolved
    std::uint64_t seed = 1;
    std::vector<Index> steps;             ///< recorded
    std::vector<double> comparator = {};  ///< T6e: a length r for each record after t = 0
    Fault fault = {};
    /// Whether what a claim assumes is looked at; a negative control presumes it.
    bool presume = false;
    bool keep_margins = false;  ///< a claim looks at single rows
};

/// A head trained on contexts (theory.md T12): what is claimed, with the step sizes of its records.
struct ContextSubject {
    theory::InfluenceFacts told;
    std::optional<theory::InfluenceFacts> trained = {};  ///< what is done instead: a fault
    double eta_factor = 1.0, bound_factor = 1.0;         ///< faults, as above
    std::optional<theory::Relation> only = {};           ///< comparisons of this kind alone
};

/// A linear embedding trained with its head (theory.md T9) by gradient descent, every step
/// recorded.
struct TwoLayerSubject {
    Dataset data;
    TwoLayerModel start;
    std::optional<TwoLayerModel> reference = {};  ///< none: the start
    double beta = 0.1, eta = 0.1;
    Index steps = 0;
    /// Faults, as above.
    double bound_factor = 1.0, told_eta = 0.0;
    double head_factor = 1.0;  ///< the head moves that many times as fast
    std::optional<Dataset> told_data = {};
    std::optional<TwoLayerModel> told_start = {};
    bool presume = false;
};

using AnySubject = std::variant<Subject, ContextSubject, TwoLayerSubject>;

/// The run, trained on `data` (in single precision, where its engine is).
Subject subject_of(const RunResult& run, Dataset data);
Subject subject_of(const MixtureRun& run, const MixtureTraining& training, Dataset data,
                   std::uint64_t seed);

/// Why the run cannot be repeated in exact numbers, whatever is claimed; empty if it can.
std::string why_not(const Subject& subject);

/// Why there is no certificate of a claim; empty if there is.
std::string why_not(const theory::Claim& claim);

/// One certificate a claim, in their order: precision is raised for those that are not decided.
/// Throws Interrupted if asked to stop, InputError where FLINT is missing.
std::vector<Certificate> certify(const Subject& subject, const std::vector<theory::Claim>& claims,
                                 const Limits& limits = {});

std::vector<Certificate> certify(const ContextSubject& subject,
                                 const std::vector<theory::Claim>& claims,
                                 const Limits& limits = {});
std::vector<Certificate> certify(const TwoLayerSubject& subject,
                                 const std::vector<theory::Claim>& claims,
                                 const Limits& limits = {});

/// The same, of claims that were judged: one that does not apply to the run is not covered.
std::vector<Certificate> certify(const RunResult& run, Dataset data,
                                 const std::vector<theory::Claim>& claims,
                                 const Limits& limits = {});

}  // namespace prefdyn::certify
