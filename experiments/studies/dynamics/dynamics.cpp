#include "experiments/studies/dynamics/dynamics.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/watched_flow.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

namespace {

using theory::PopulationState;

constexpr double kBeta = 0.1;

std::vector<double> values(const Record& r) {
    return {r.head_change, r.train.loss, r.train.rewards_margins, r.train.rewards_accuracies};
}

std::vector<double> values(const PopulationState& s) {
    return {s.head_change, s.loss, s.rewards_margins, s.rewards_accuracies};
}

template <class Row>
Curves curves_of(const std::vector<Row>& rows) {
    Curves out(kCurves.size());
    for (const Row& row : rows)
        for (std::size_t c = 0; c < out.size(); ++c) out[c].push_back(values(row)[c]);
    return out;
}

/// Relative, root mean square over t > 0; NaN unless every record is there.
double vector_error(const Trajectory& run, const std::vector<PopulationState>& exact) {
    if (run.records.size() != exact.size()) return std::nan("");
    double squares = 0.0;
    for (std::size_t k = 1; k < exact.size(); ++k) {
        const Eigen::Map<const Vector> v(run.records[k].observed.data(), exact[k].v.size());
        squares += (v - exact[k].v).squaredNorm() / exact[k].v.squaredNorm();
    }
    return std::sqrt(squares / static_cast<double>(exact.size() - 1));
}

/// The same of the curves, each relative to the predicted value.
double curve_error(const Trajectory& run, const std::vector<PopulationState>& exact) {
    if (run.records.size() != exact.size()) return std::nan("");
    double squares = 0.0;
    for (std::size_t k = 1; k < exact.size(); ++k) {
        const auto got = values(run.records[k]), want = values(exact[k]);
        for (std::size_t c = 0; c < got.size(); ++c)
            squares += (got[c] / want[c] - 1.0) * (got[c] / want[c] - 1.0);
    }
    return std::sqrt(squares / static_cast<double>((exact.size() - 1) * kCurves.size()));
}

theory::Convergence empty_convergence(const DynamicsDesign& design, double tolerance,
                                      double slope_resolution) {
    theory::Convergence out;
    for (const Index n : design.samples) out.size.push_back(static_cast<double>(n));
    out.error.assign(design.replicates, std::vector<double>(design.samples.size()));
    out.slope = -0.5;
    out.slope_resolution = slope_resolution;
    out.tolerance = tolerance;
    return out;
}

}  // namespace

double relative_sampling_error(const theory::Mixture& mixture, Index n) {
    double trace = 0.0;
    Vector mean = Vector::Zero(mixture.front().mean.size());
    for (const auto& c : mixture) {
        trace += c.weight * c.covariance.trace();
        mean += c.weight * c.mean;
    }
    return std::sqrt(trace / static_cast<double>(n)) / mean.norm();
}

DynamicsSubject subject_of(const MixtureDistribution& population) {
    const auto sample = [spec = population.spec(), geometry = population.geometry_seed()](
                            Index n, std::uint64_t seed, Device device) {
        MixtureSpec sized = spec;
        sized.samples = n;
        return MixtureDistribution(std::move(sized), geometry).sample(seed, false, device);
    };
    return {components(population), sample};
}

DynamicsSubject subject_of(std::shared_ptr<const Population> population) {
    return {theory::components_of(*population),
            [population](Index n, std::uint64_t seed, Device device) {
                return population->sample(n, seed, false, device);
            }};
}

theory::Mixture components(const MixtureDistribution& population) {
    theory::Mixture out;
    const auto& behaviours = population.spec().behaviours;
    for (std::size_t k = 0; k < behaviours.size(); ++k)
        for (auto& c : theory::class_components(population.moments()[k], behaviours[k].weight,
                                                behaviours[k].p_plus))
            out.push_back(std::move(c));
    return out;
}

DynamicsOutcome compare_dynamics(const DynamicsSubject& population,
                                 const DynamicsPrediction& prediction, const DynamicsDesign& design,
                                 std::uint64_t seed) {
    const theory::Mixture& mixture = population.mixture;
    const std::shared_ptr<const MarginLoss> loss = make_margin_loss({});
    const double end = design.end / theory::smoothness(kBeta, loss->facts().curvature_max,
                                                       theory::second_moment_norm(mixture));
    const auto exact =
        theory::population_dynamics(prediction.mixture, *prediction.loss, kBeta,
                                    record_times(end, design.records, Spacing::kLinear));
    const double tolerance = 2.0 * relative_sampling_error(mixture, design.samples.back());
    const std::size_t sizes = design.samples.size();
    // The curves err along one direction, so their errors vary more from sample to sample than the
    // length of v's error; 0.4 still tells convergence from none.
    DynamicsOutcome out{curves_of(exact), std::vector<Curves>(sizes),
                        empty_convergence(design, tolerance, 0.1),
                        empty_convergence(design, tolerance, 0.4)};
    parallel_for("dynamics", sizes * design.replicates, [&](std::size_t task) {
        const std::size_t s = sizes - 1 - task / design.replicates;  // large ones first
        const std::size_t r = task % design.replicates;
        const Dataset data = population.sample(
            design.samples[s], derive_seed(seed, Purpose::kReplicate, task), design.device);
        const Trajectory run = watched_flow(data, loss, kBeta, end, design.records, design.device);
        out.vector.error[r][s] = vector_error(run, exact);
        out.curves.error[r][s] = curve_error(run, exact);
        if (r == 0) out.simulated[s] = curves_of(run.records);
    });
    return out;
}

}  // namespace prefdyn
