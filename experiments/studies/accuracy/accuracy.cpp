#include "experiments/studies/accuracy/accuracy.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/kept_populations.hpp"

namespace prefdyn {

theory::Evidence FreshRun::evidence() const {
    theory::Evidence e = run.evidence();
    e.of = theory::FreshCase(&run.statistics, &run.trajectory, &fresh);
    return e;
}

namespace {

/// The law of the config's held-out set.
theory::FreshAccuracy fresh_law(const RunConfig& config) {
    theory::FreshAccuracy out{};
    out.gaussian = true;
    if (!config.population.empty()) {
        const auto population = population_of(config.population);
        const auto rows = population->counts(config.held_out);
        for (std::size_t k = 0; k < rows.size(); ++k) {
            const Population::Component& c = population->components()[k];
            out.parts.push_back({rows[k], c.label * c.mean, c.covariance});
        }
        return out;
    }
    FeatureSpec spec = feature_spec(config);
    spec.samples = config.held_out;
    const PopulationMoments m = FeatureDistribution(spec, config.seed).moments();
    out.gaussian = m.gaussian;
    out.parts = {{class_count(spec, +1), m.mean_plus, m.plus},
                 {class_count(spec, -1), -m.mean_minus, m.minus}};
    return out;
}

}  // namespace

FreshRun run_fresh(const RunConfig& config) {
    FreshRun out;
    out.run = run_synthetic(config);
    out.fresh = fresh_law(config);
    const Record& last = out.run.trajectory.records.back();
    out.fresh.updates = last.step;
    out.fresh.accuracy = last.held_out.rewards_accuracies;
    return out;
}

std::vector<std::vector<double>> limit_accuracies(const LimitDesign& design,
                                                  const FeatureSpec& base, std::uint64_t seed) {
    const std::size_t sizes = design.samples.size(), per_size = design.groups * design.datasets;
    std::vector<std::vector<double>> out(sizes, std::vector<double>(per_size));
    parallel_for("accuracy, limit", sizes * per_size, [&](std::size_t task) {
        const std::size_t s = sizes - 1 - task / per_size;  // large ones first
        FeatureSpec spec = base;
        spec.samples = design.samples[s];
        spec.dimension = std::llround(design.limit.aspect * static_cast<double>(spec.samples));
        spec.distinguishability = design.limit.distinguishability;
        spec.covariance.sigma = design.limit.sigma;
        const FeatureDistribution law(spec, seed);
        const Dataset data = law.sample(derive_seed(seed, Purpose::kReplicate, task));
        out[s][task % per_size] =
            theory::gaussian_accuracy(law.moments(), 0.5, theory::mean_statistics(data).zbar);
    });
    return out;
}

theory::Convergence limit_convergence(const LimitDesign& design,
                                      const std::vector<std::vector<double>>& accuracies,
                                      double expected) {
    theory::Convergence out;
    for (const Index n : design.samples) out.size.push_back(static_cast<double>(n));
    for (std::size_t g = 0; g < design.groups; ++g) {
        out.error.emplace_back();
        for (const auto& row : accuracies) {
            double squares = 0.0;
            for (std::size_t k = g * design.datasets; k < (g + 1) * design.datasets; ++k)
                squares += (row[k] - expected) * (row[k] - expected);
            out.error.back().push_back(std::sqrt(squares / static_cast<double>(design.datasets)));
        }
    }
    out.slope = -0.5;
    out.slope_resolution = 0.25;  // tells n^{-1/2} from no convergence and from 1/n
    out.tolerance = 1.3 * theory::accuracy_fluctuation(design.limit, design.samples.back());
    return out;
}

}  // namespace prefdyn
