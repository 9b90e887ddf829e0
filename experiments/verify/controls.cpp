#include "experiments/verify/controls.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/studies/coverage/replicate_faults.hpp"
#include "experiments/verify/attained_controls.hpp"
#include "experiments/verify/control_runs.hpp"
#include "experiments/verify/studies.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::PlantedFault;
using theory::Verdict;

/// What a fault is planted on.
struct ControlData {
    std::uint64_t seed = 1;
    const Dataset* features = nullptr;  ///< the user's own; null: synthetic ones
    double beta = 0.1;                  ///< of a run on features
};

/// With all that a claim may look at.
RunConfig watched(RunConfig config) {
    config.training.keep = {true, true, true};
    return config;
}

/// Early times on the given features, or on synthetic ones.
RunResult early_run(const ControlData& data, double eta_factor = 1.0) {
    RunConfig c = watched(early_times(data.seed));
    c.eta_kappa *= eta_factor;
    if (data.features == nullptr) return run_synthetic(c);
    c.beta = data.beta;
    return run_dataset(c, *data.features);
}

Verdict bound_strengthened(const Claim& claim, const ControlData& data) {
    return judge_run(theory::strengthened(claim, 0.9), early_run(data));
}

/// ||W - W_0 - t W'(0)||_F at another t, by polarisation.
double remainder_at(double t, const Record& record, double initial_rate) {
    const auto squared = [](double x) { return x * x; };
    if (record.time == 0.0) return record.linear_remainder;
    const double change = squared(record.head_change);
    const double inner =
        (change + squared(record.time * initial_rate) - squared(record.linear_remainder)) /
        (2.0 * record.time);
    return std::sqrt(std::max(0.0, change + squared(t * initial_rate) - 2.0 * t * inner));
}

/// The trainer runs with factor * eta, the clock with eta.
Verdict learning_rate_off(const Claim& claim, const ControlData& data, double factor) {
    RunResult run = early_run(data, factor);
    const double initial_rate = run.trajectory.records.at(0).update_rate;
    for (Record& record : run.trajectory.records) {
        const double clock = record.time / factor;
        record.linear_remainder = remainder_at(clock, record, initial_rate);
        record.time = clock;
    }
    run.facts.eta /= factor;
    return judge_run(claim, run);
}

Verdict beta_off(const Claim& claim, const ControlData& data) {
    RunResult run = early_run(data);
    run.facts.beta /= 1.1;
    return judge_run(claim, run);
}

Verdict negative_class_flipped(const Claim& claim, const ControlData& data) {
    const Dataset told = data.features ? *data.features : synthetic_with_common_mean(data.seed);
    const Dataset trained = negative_flipped(told);
    RunResult run = early_run({data.seed, &trained, data.beta});
    run.statistics = theory::dataset_statistics(told);
    return judge_run(claim, run);
}

/// Features without a mean difference move no head: no fault in its motion could show. The limit
/// keeps the loss decrease of one step, about 0.005 ||zbar||^2 / lambda_max, far above rounding.
bool head_moves(const Dataset& data) {
    const double mean_square = data.features.squaredNorm() / static_cast<double>(data.samples());
    return theory::mean_statistics(data).zbar_norm > 1e-4 * std::sqrt(mean_square);
}

/// Flipped, zbar becomes the mean of all features: as long as before if the class means are
/// orthogonal.
bool flip_changes_rate(const Dataset& data) {
    const double flipped = data.features.colwise().mean().norm();
    const double told = theory::mean_statistics(data).zbar_norm;
    return head_moves(data) && std::abs(flipped - told) > 1e-3 * told;
}

Verdict step_too_large(const Claim& claim, std::uint64_t seed) {
    RunConfig c = watched(stiff(seed));
    c.eta_kappa = 3.0;
    return judge_run(claim, run_synthetic(c));
}

Verdict mean_eigenvalue_for_largest(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_synthetic(watched(stiff(seed)));
    run.statistics.lambda_max =
        run.statistics.mean_square / static_cast<double>(run.config.features.dimension);
    return judge_run(claim, run);
}

/// The class means are D = 8 apart, and claimed `share` of that.
Verdict population_mean_short(const Claim& claim, std::uint64_t seed, double share) {
    RunConfig c = early_times(seed);
    c.features.distinguishability = 8.0;
    RunResult run = run_synthetic(c);
    run.population->mean_norm *= share;
    return judge_run(claim, run);
}
/// Without signal, where only the fluctuation counts.
Verdict population_spread_tenth(const Claim& claim, std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.distinguishability = 0.0;
    RunResult run = run_synthetic(c);
    run.population->trace *= 0.01;
    run.population->bernstein_length *= 0.1;
    return judge_run(claim, run);
}
Verdict population_mean_halved(const Claim& claim, std::uint64_t seed) {
    return population_mean_short(claim, seed, 0.5);
}
Verdict population_mean_tenth(const Claim& claim, std::uint64_t seed) {
    return population_mean_short(claim, seed, 0.1);
}

using Fault = std::function<Verdict(const Claim&, const ControlData&)>;

/// A fault of trainer, clock or bound: planted on the user's features if there are any.
Control on_features(const std::string& claim, const std::string& name, const std::string& fault,
                    const Fault& run, bool (*shows_on)(const Dataset&) = head_moves) {
    return {claim,
            name,
            fault,
            [run](const Claim& c, std::uint64_t seed) { return run(c, {.seed = seed}); },
            [run](const Claim& c, const Dataset& features, double beta) {
                return run(c, {.features = &features, .beta = beta});
            },
            shows_on};
}

Control wrong_rate(const std::string& claim, double factor) {
    const std::string change = factor > 1.0 ? "doubled" : "halved";
    return on_features(claim, "eta " + change,
                       "the trainer's learning rate is " + change + ", the clock's is not",
                       [factor](const Claim& c, const ControlData& data) {
                           return learning_rate_off(c, data, factor);
                       });
}

Control planted(const std::string& claim, PlantedFault fault) {
    switch (fault) {
        case PlantedFault::kStronger:
            return on_features(claim, "bound x 0.9", "the bound is made 10 % stronger",
                               bound_strengthened);
        case PlantedFault::kBetaOff:
            return on_features(claim, "beta off by 10 %",
                               "the trainer's beta is 1.1 times the one claimed", beta_off);
        case PlantedFault::kClassFlipped:
            return on_features(claim, "class flipped",
                               "the trainer sees the negative class's features with the wrong sign",
                               negative_class_flipped, flip_changes_rate);
        case PlantedFault::kStepTooLarge:
            return {claim, "eta = 3 / kappa", "the step size exceeds 2 / kappa", step_too_large};
        case PlantedFault::kEtaDoubled:
            return wrong_rate(claim, 2.0);
        case PlantedFault::kEtaHalved:
            return wrong_rate(claim, 0.5);
        case PlantedFault::kKappaUnderstated:
            return {claim, "kappa understated",
                    "kappa uses the mean eigenvalue of M instead of the largest",
                    mean_eigenvalue_for_largest};
    }
    throw std::logic_error("a fault that no control plants");
}

/// Of the claims about samples, and of T5p.
std::vector<Control> sample_controls() {
    return {
        {"T5g", "bound x 0.9", "the bound is made 10 % stronger, d = 1000",
         strengthened_in_high_dimension},
        {"T5g", "bound x 0.8, d = 64",
         "the bound is made 20 % stronger, where both its terms count",
         strengthened_in_middle_dimension},
        {"T5g", "heavy tails", "Student's t with nu = 2.1 is taken for Gaussian", heavy_tails},
        {"T5g", "samples repeated", "every sample is counted 25 times", repeated_samples},
        {"T5b", "samples repeated", "every sample is counted 25 times", repeated_samples},
        {"T5b", "tails too heavy", "tails of exponent 0.25 are taken for exponential ones, n = 1",
         exponential_tails_presumed},
        {"T5m", "samples repeated", "every sample is counted 25 times", repeated_samples},
        {"T5m", "bound x 0.9, three atoms",
         "the bound is made 10 % stronger, for a law that all but attains it", three_atoms},
        {"T5a", "C = 0.55", "Gaussian features in one dimension, where C = 0.685, are held to 0.55",
         constant_too_small},
        {"T5a", "Gaussian constant",
         "Student's t is held to the constant fitted on Gaussian features", gaussian_constant},
        {"T5p", "population mean halved",
         "the class means are claimed half as far apart as they are", population_mean_halved},
        {"T5bp", "population mean at 0.1",
         "the class means are claimed a tenth as far apart as they are", population_mean_tenth},
        {"T5bp", "population spread at 0.1", "features are claimed a tenth as wide as they are",
         population_spread_tenth},
    };
}

/// One control on one dataset; null: synthetic.
struct Job {
    const Control* control;
    const Claim* claim;
    const Dataset* features;
};

std::vector<Job> plan_controls(const std::vector<Control>& all, const std::vector<Claim>& claims,
                               std::span<const Dataset> behaviours) {
    std::vector<Job> jobs;
    for (const Control& control : all) {
        const auto claim = std::find_if(claims.begin(), claims.end(),
                                        [&](const Claim& c) { return c.id == control.claim; });
        if (claim == claims.end()) continue;
        const std::size_t before = jobs.size();
        for (const Dataset& data : behaviours)
            if (control.run_on_features && control.shows_on(data))
                jobs.push_back({&control, &*claim, &data});
        if (jobs.size() == before) jobs.push_back({&control, &*claim, nullptr});
    }
    return jobs;
}

ControlResult run_job(const Job& job, std::uint64_t seed, double beta) {
    const Control& c = *job.control;
    return {c.claim, c.name, c.fault, job.features ? job.features->name : "",
            job.features ? c.run_on_features(*job.claim, *job.features, beta)
                         : c.run(*job.claim, seed)};
}

}  // namespace

std::vector<Control> controls(const std::vector<Claim>& claims) {
    std::vector<Control> all;
    for (const Claim& claim : claims)
        for (const PlantedFault fault : claim.checks.faults)
            all.push_back(planted(claim.id, fault));
    for (auto& own : {sample_controls(), attained_controls()})
        all.insert(all.end(), own.begin(), own.end());
    for (const Study& study : studies())
        all.insert(all.end(), study.controls.begin(), study.controls.end());
    return all;
}

std::vector<ControlResult> run_controls(const std::vector<Claim>& claims, std::uint64_t seed,
                                        std::span<const Dataset> behaviours, double beta) {
    const std::vector<Control> all = controls(claims);
    const std::vector<Job> jobs = plan_controls(all, claims, behaviours);
    std::vector<ControlResult> out(jobs.size());
    std::vector<std::size_t> on_features;
    {
        // One at a time: replicates are drawn in parallel already.
        Progress progress("controls", jobs.size());
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            progress.advance();
            if (jobs[i].features)
                on_features.push_back(i);
            else
                out[i] = run_job(jobs[i], seed, beta);
        }
    }
    parallel_for("controls on features", on_features.size(), [&](std::size_t k) {
        out[on_features[k]] = run_job(jobs[on_features[k]], seed, beta);
    });
    return out;
}

}  // namespace prefdyn
