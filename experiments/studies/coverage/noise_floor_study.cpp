#include "experiments/studies/coverage/noise_floor_study.hpp"

#include "experiments/studies/coverage/coverage.hpp"
#include "sim/base/substream.hpp"
#include "theory/noise_floor.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::NoiseFloor;

struct FloorSetting {
    std::string name;
    FeatureSpec features;
};

FloorSetting setting(const std::string& name, Index d, NoiseSpec noise = {}) {
    FloorSetting out{name, plain_features(40, d, 1.0)};
    out.features.noise = noise;
    return out;
}

std::vector<FloorSetting> floor_settings() {
    FloorSetting own = setting("own covariances, imbalance", 32);
    own.features.p_plus = 0.7;
    own.features.covariance.spectrum = Spectrum::kPowerLaw;
    own.features.covariance_minus = CovarianceSpec{};
    own.features.covariance_minus->sigma = 1.5;
    FloorSetting noisy = setting("label noise 0.2", 64);
    noisy.features.label_noise = 0.2;
    return {setting("Gaussian", 64),
            own,
            noisy,
            setting("Laplace", 64, {Tails::kGeneralizedNormal, 1.0, 5.0}),
            setting("exponent 0.5", 64, {Tails::kGeneralizedNormal, 0.5, 5.0}),
            setting("uniform", 64, {Tails::kUniform, 1.0, 5.0}),
            setting("Student t, nu = 9", 64, {Tails::kStudentT, 1.0, 9.0}),
            setting("Student t, nu = 3", 64, {Tails::kStudentT, 1.0, 3.0})};
}

NoiseFloor measure(const DatasetLaw& law, std::size_t replicates, std::uint64_t seed) {
    const Replicates drawn = draw_replicates(law, replicates, seed);
    return theory::noise_floor(drawn.means, drawn.population, law.fourth_moment);
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    std::vector<std::pair<std::string, LawMaker>> settings;
    if (plan.population)  // of few samples: there the floor is high beside ||E zbar||
        settings = {laws_of_population(plan).front()};
    else
        for (const FloorSetting& s : floor_settings())
            settings.emplace_back(s.name, laws_of(s.features));
    for (std::size_t k = 0; k < settings.size(); ++k) {
        const auto seed = derive_seed(plan.seed, Substream::kNoiseFloor, k);
        const NoiseFloor floor = measure(settings[k].second(seed), plan.replicates, seed);
        theory::Evidence evidence;
        evidence.of = theory::FloorCase(&floor);
        out.judge("noise_floor", claims.front(), settings[k].first, evidence);
    }
    return out;
}

Control wrong_floor(const std::string& name, const std::string& fault, double factor) {
    return {"T5n", name, fault, [factor](const Claim& claim, std::uint64_t seed) {
                NoiseFloor floor = measure(law_of(setting("", 1000).features, seed), 1000, seed);
                floor.predicted *= factor;
                return judge_case(claim, theory::FloorCase(&floor), true);
            }};
}

}  // namespace

Study noise_floor_study() {
    Study out{"noise_floor",
              {"T5n"},
              {},
              run,
              {},
              {wrong_floor("noise 2 % too small", "the declared covariance is 4 % too large", 1.04),
               wrong_floor("n - 1 for n", "S / (n - 1) stands for S / n", 40.0 / 39.0)}};
    out.takes_population = true;
    return out;
}

}  // namespace prefdyn
