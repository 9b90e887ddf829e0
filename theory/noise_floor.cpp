#include "theory/noise_floor.hpp"

#include <cmath>

#include "theory/claim.hpp"

namespace prefdyn::theory {

namespace {

/// Standard errors granted: a true floor is called violated with chance 6e-7.
constexpr double kSigmas = 5.0;
constexpr double kFloorResolution = 0.5;  ///< what the excess must be known to, relative

Assumption many_samples() {
    return {"the mean is taken over at least 1000 samples", [](const Evidence& e) -> std::string {
                if (!e.find<NoiseFloor>()) return "no samples of a known population";
                return e.get<NoiseFloor>().samples >= 1000
                           ? ""
                           : "too few samples for a normal interval";
            }};
}

Assumption finite_fourth_moments() {
    return {"features have a finite fourth moment", [](const Evidence& e) -> std::string {
                return e.get<NoiseFloor>().finite_fourth_moment
                           ? ""
                           : "the fourth moment of the noise is infinite";
            }};
}

}  // namespace

NoiseFloor noise_floor(std::span<const MeanStatistics> means,
                       std::span<const PopulationFacts> population, bool finite_fourth_moment) {
    NoiseFloor out;
    out.samples = means.size();
    out.predicted = population.front().trace / static_cast<double>(means.front().n);
    out.finite_fourth_moment = finite_fourth_moment;
    const auto count = static_cast<double>(means.size());
    Vector excess(static_cast<Index>(means.size()));
    for (std::size_t r = 0; r < means.size(); ++r)
        excess(static_cast<Index>(r)) = means[r].zbar_norm * means[r].zbar_norm -
                                        population[r].mean_norm * population[r].mean_norm;
    out.excess = excess.sum() / count;
    const double squares = (excess.array() - out.excess).square().sum();
    out.standard_error = std::sqrt(squares / (count * (count - 1.0)));
    return out;
}

Claim noise_floor_of_zbar() {
    return {"T5n",
            "noise floor",
            "E ||zbar||^2 = ||E zbar||^2 + tr S / n: noise alone makes zbar, and D, look longer; "
            "tolerance 5 standard errors",
            "theory.md T5, noise floor; zbar has covariance S / n",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {many_samples(), finite_fourth_moments()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const NoiseFloor& f = e.get<NoiseFloor>();
                return {{0.0,
                         0.0,
                         {f.excess, kSigmas * f.standard_error},
                         f.predicted,
                         Relation::kEqual,
                         {.resolution = kFloorResolution}}};
            }};
}

}  // namespace prefdyn::theory
