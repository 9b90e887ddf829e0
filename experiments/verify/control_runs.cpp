#include "experiments/verify/control_runs.hpp"

#include <algorithm>

namespace prefdyn {

RunConfig early_times(std::uint64_t seed) {
    RunConfig c;
    c.features = plain_features(200, 16, 2.0);
    c.training.steps = 200;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.005;
    c.seed = seed;
    return c;
}

RunConfig stiff(std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.distinguishability = 0.1;
    c.features.common_norm = 10.0;
    c.features.p_plus = 0.7;
    c.training.spacing = Spacing::kLinear;
    c.training.records = 200;
    c.eta_kappa = 0.1;
    return c;
}

Dataset synthetic_with_common_mean(std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.common_norm = 1.0;
    return FeatureDistribution(feature_spec(c), seed).sample(seed);
}

RunConfig parabola(double eta_kappa, Index steps, std::uint64_t seed) {
    RunConfig c;
    c.features = plain_features(200, 1, 2.0);
    const auto& names = loss_names();
    c.loss = static_cast<std::size_t>(std::find(names.begin(), names.end(), "ipo") - names.begin());
    c.training.steps = steps;
    c.training.records = steps + 1;
    c.eta_kappa = eta_kappa;
    c.seed = seed;
    return c;
}

RunConfig one_line(std::uint64_t seed) {
    RunConfig c;
    c.features = plain_features(50, 1, 2.0);
    c.features.covariance.sigma = 0.01;
    c.training.steps = 20;
    c.eta_kappa = 0.01;
    c.seed = seed;
    return c;
}

RunConfig straight(double eta_kappa, std::uint64_t seed) {
    RunConfig c;
    c.features = plain_features(200, 16, 1.0);
    c.features.common_norm = 20.0;
    c.features.common_angle = 90.0;
    c.features.moments = Moments::kSample;
    c.training.steps = 20;
    c.training.records = 21;
    c.eta_kappa = eta_kappa;
    c.seed = seed;
    return c;
}

}  // namespace prefdyn
