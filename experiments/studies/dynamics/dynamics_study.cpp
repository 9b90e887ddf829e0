#include <algorithm>
#include <cmath>

#include "experiments/studies/dynamics/dynamics.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;

BehaviourSpec behaviour(double weight, double p_plus) {
    BehaviourSpec b;
    b.weight = weight;
    b.p_plus = p_plus;
    return b;
}

BehaviourSpec with_own_covariances(BehaviourSpec b) {
    b.covariance.spectrum = Spectrum::kCondition;
    b.covariance.condition_number = 10.0;
    b.covariance_minus = CovarianceSpec{};
    b.covariance_minus->sigma = 1.5;
    return b;
}

/// Mean differences of norms D_k at 70 degrees to each other.
MixtureSpec mixture(std::vector<BehaviourSpec> behaviours, std::vector<double> norms) {
    MixtureSpec out;
    out.dimension = 8;
    out.behaviours = std::move(behaviours);
    out.gram = equiangular_gram(
        Eigen::Map<const Vector>(norms.data(), static_cast<Index>(norms.size())), 70.0);
    out.common_norm = 1.0;
    return out;
}

DynamicsDesign design_of(Profile profile) {
    if (profile == Profile::kQuick) return {{80, 800, 8000}, 40, 6};
    if (profile == Profile::kDefault) return {{200, 600, 2000, 6000, 20000}, 48, 11};
    return {{400, 1200, 4000, 12000, 40000, 120000}, 48, 21};
}

std::vector<Evidence> evidence_of(const DynamicsOutcome& outcome) {
    std::vector<Evidence> cases(2);
    cases[0].of = theory::ConvergenceCase(&outcome.vector);
    cases[1].of = theory::ConvergenceCase(&outcome.curves);
    return cases;
}

/// [curve][time], flat.
std::vector<double> flat(const Curves& curves) {
    std::vector<double> out;
    for (const auto& curve : curves) out.insert(out.end(), curve.begin(), curve.end());
    return out;
}

/// (size)
std::vector<double> errors(const theory::Convergence& convergence) {
    std::vector<double> out;
    for (std::size_t s = 0; s < convergence.size.size(); ++s)
        out.push_back(theory::rms_error(convergence, s));
    return out;
}

/// One of every setting.
struct Outcomes {
    std::vector<std::string> settings;
    DynamicsDesign design;
    std::vector<DynamicsOutcome> all;
};

/// What `get` gives of every outcome.
template <class Get>
auto each(Get get) {
    return [get](const Outcomes& outcomes) { return values_from(outcomes.all, get); };
}

std::vector<Filled<Outcomes>> fields() {
    using O = const DynamicsOutcome&;
    const std::string setting = "dynamics_setting", samples = "dynamics_samples",
                      curve = "dynamics_curve", time = "dynamics_kappa_time";
    const std::vector<std::string> one = {setting}, sizes = {setting, samples};
    return {
        {setting, "", "mixture of behaviours, T7", [](const Outcomes& o) { return o.settings; }},
        {samples, "samples", "training samples n",
         [](const Outcomes& o) { return o.design.samples; }},
        {curve, "", "name of the curve", [](const Outcomes&) { return kCurves; }},
        {time, "", "kappa t, kappa the population's",
         [](const Outcomes& o) {
             return record_times(o.design.end, o.design.records, Spacing::kLinear);
         }},
        {"dynamics_predicted", {setting, curve, time}, "", "population dynamics", each([](O o) {
             return flat(o.predicted);
         })},
        {"dynamics_simulated",
         {setting, samples, curve, time},
         "",
         "gradient flow on n samples, training metrics, one dataset",
         each([](O o) { return values_from(o.simulated, flat); })},
        {"dynamics_vector_error", sizes, "",
         "relative distance of v(t) from the population's, root mean square over t and replicates",
         each([](O o) { return errors(o.vector); })},
        {"dynamics_curve_error", sizes, "",
         "the same over the curves, each relative to its predicted value",
         each([](O o) { return errors(o.curves); })},
        {"dynamics_slope", one, "", "d log vector_error / d log n; -1/2 is predicted",
         each([](O o) { return theory::fit_power_law(o.vector).slope; })},
        {"dynamics_slope_half_width", one, "", "of its interval at level 1 - 1e-5",
         each([](O o) { return theory::fit_power_law(o.vector).half_width; })},
        {"dynamics_tolerance", one, "",
         "allowed error at the largest n: 2 sqrt(tr S / n) / ||E z||",
         each([](O o) { return o.vector.tolerance; })},
    };
}

Matrix pooled_covariance(const theory::Mixture& mixture) {
    Matrix out = Matrix::Zero(mixture[0].mean.size(), mixture[0].mean.size());
    for (const auto& c : mixture) out += c.weight * c.covariance;
    return out;
}

/// How far the means of n rows are off because each component has whole rows, in units of what
/// noise does to them.
double rounding_of_shares(const Population& population, const theory::Mixture& mixture, Index n) {
    const std::vector<Index> rows = population.counts(n);
    Vector shift = Vector::Zero(population.dimension());
    for (std::size_t k = 0; k < rows.size(); ++k)
        shift += (static_cast<double>(rows[k]) / static_cast<double>(n) - mixture[k].weight) *
                 mixture[k].mean;
    return shift.norm() / std::sqrt(pooled_covariance(mixture).trace() / static_cast<double>(n));
}

/// The first n from `least` on whose shares are whole but for a twentieth of the noise; 0 if there
/// is none soon.
Index whole_shares(const Population& population, const theory::Mixture& mixture, Index least) {
    constexpr Index kTried = 1000;
    constexpr double kAllowed = 0.05;
    for (Index n = least; n < least + kTried; ++n)
        if (rounding_of_shares(population, mixture, n) <= kAllowed) return n;
    return 0;
}

/// From where a sample's zbar is right to a quarter. Noise of few directions varies more from
/// sample to sample, and takes more of them.
DynamicsDesign design_of(const Population& population, const theory::Mixture& mixture,
                         Profile profile) {
    constexpr double kFirstError = 0.25, kReplicates = 400.0;
    const double one = relative_sampling_error(mixture, 1) / kFirstError;
    const Matrix noise = pooled_covariance(mixture);
    const double directions = noise.trace() * noise.trace() / noise.squaredNorm();
    const auto first = std::max({Index{40}, population.least_samples(2),
                                 static_cast<Index>(std::ceil(std::min(one * one, 1e15)))});
    DynamicsDesign out{{}, std::size_t{40}, 6, Device::kCpu, kOwnDynamicsEnd};
    out.replicates = std::max(profile == Profile::kQuick ? std::size_t{40} : std::size_t{48},
                              static_cast<std::size_t>(std::ceil(kReplicates / directions)));
    for (const Index times : profile == Profile::kQuick ? std::vector<Index>{1, 10, 100}
                                                        : std::vector<Index>{1, 3, 10, 30, 100})
        out.samples.push_back(times * first);
    return out;
}

/// Gives the design sizes of whole shares. Returns why the population's dynamics cannot be watched;
/// empty if they can.
std::string why_not(const Population& population, const theory::Mixture& mixture,
                    std::vector<Index>& sizes) {
    constexpr double kMostNumbers = 2e7;
    constexpr double kLeastError = 1e-4;  // the flow of a sample is good to a tenth of it
    const double numbers =
        static_cast<double>(sizes.back()) * static_cast<double>(population.dimension());
    if (!(numbers <= kMostNumbers))
        return "its noise is so large beside E z that " + format_real(numbers) +
               " numbers a sample would be needed to see v converge";
    if (!(relative_sampling_error(mixture, sizes.back()) >= kLeastError))
        return "its noise is so small beside E z that every sample's flow is the population's";
    for (Index& n : sizes) {
        n = whole_shares(population, mixture, n);
        if (n == 0) return "its weights are no whole shares of samples that have so little noise";
    }
    return "";
}

void judge(Outcomes& outcomes, const Claim& claim, const std::string& name,
           const DynamicsSubject& subject, std::uint64_t seed, StudyOutcome& out) {
    outcomes.settings.push_back(name);
    outcomes.all.push_back(
        compare_dynamics(subject, {subject.mixture, make_margin_loss({})}, outcomes.design, seed));
    out.judge("dynamics", claim, name, evidence_of(outcomes.all.back()));
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes outcomes{{}, design_of(plan.profile), {}};
    StudyOutcome out;
    if (plan.population) {
        const DynamicsSubject subject = subject_of(plan.population);
        const std::string& name = plan.population->name();
        std::string reason;
        if (plan.population->zbar().norm() == 0.0)
            reason = "E z = 0: its flow does not move";
        else if (pooled_covariance(subject.mixture).trace() == 0.0)
            reason = "it has no noise: every sample's flow is the population's";
        if (reason.empty()) {
            outcomes.design = design_of(*plan.population, subject.mixture, plan.profile);
            reason = why_not(*plan.population, subject.mixture, outcomes.design.samples);
        }
        if (!reason.empty()) return out.pass_over("dynamics", claims.front(), name, reason), out;
        outcomes.design.device = plan.device;
        judge(outcomes, claims.front(), name, subject,
              derive_seed(plan.seed, Substream::kDynamics, 0), out);
    } else {
        outcomes.design.device = plan.device;
        const auto settings = dynamics_settings(plan.profile);
        for (std::size_t k = 0; k < settings.size(); ++k) {
            const auto seed = derive_seed(plan.seed, Substream::kDynamics, k);
            judge(outcomes, claims.front(), settings[k].name,
                  subject_of(MixtureDistribution(settings[k].mixture, seed)), seed, out);
        }
    }
    out.put(fields(), outcomes);
    return out;
}

using Spoil = std::function<void(DynamicsPrediction&)>;

/// Takes phi' for phi'' with a sign: sigma(-m) where sigma'(m) belongs.
class WrongCurvature final : public MarginLoss {
  public:
    std::string_view name() const override { return inner_->name(); }
    double value(double m) const override { return inner_->value(m); }
    double derivative(double m) const override { return inner_->derivative(m); }
    double curvature(double m) const override { return -inner_->derivative(m); }
    LossFacts facts() const override { return inner_->facts(); }

  private:
    std::unique_ptr<MarginLoss> inner_ = make_margin_loss({});
};

Control spoilt(const std::string& name, const std::string& fault, Spoil spoil) {
    return {"T7", name, fault, [spoil](const Claim& claim, std::uint64_t seed) {
                const MixtureDistribution population(
                    dynamics_settings(Profile::kQuick).back().mixture, seed);
                DynamicsPrediction prediction{components(population), make_margin_loss({})};
                spoil(prediction);
                const auto outcome =
                    compare_dynamics(subject_of(population), prediction, {{100, 2000}, 4, 6}, seed);
                return theory::judge(claim, evidence_of(outcome), true);
            }};
}

std::vector<Control> dynamics_controls() {
    return {
        spoilt("sigma for sigma'", "E[sigma(-m)] stands where E[sigma'(m)] belongs",
               [](DynamicsPrediction& p) { p.loss = std::make_shared<WrongCurvature>(); }),
        spoilt("covariances dropped", "every component is taken for a point",
               [](DynamicsPrediction& p) {
                   for (auto& c : p.mixture) c.covariance.setZero();
               }),
        spoilt("class flipped", "one negative class has the wrong sign",
               [](DynamicsPrediction& p) { p.mixture[1].mean *= -1.0; }),
        spoilt("imbalance ignored", "all components are given the same weight",
               [](DynamicsPrediction& p) {
                   for (auto& c : p.mixture) c.weight = 1.0 / static_cast<double>(p.mixture.size());
               }),
    };
}

}  // namespace

std::vector<DynamicsSetting> dynamics_settings(Profile profile) {
    const BehaviourSpec skewed = behaviour(1.0, 0.7);
    const BehaviourSpec own = with_own_covariances(behaviour(1.0, 0.5));
    const BehaviourSpec first = with_own_covariances(behaviour(0.6, 0.7));
    const BehaviourSpec second = behaviour(0.4, 0.4);
    const DynamicsSetting all = {"two behaviours, imbalance, own covariances",
                                 mixture({first, second}, {3.0, 1.5})};
    if (profile == Profile::kQuick) return {all};
    return {{"imbalance 0.7", mixture({skewed}, {2.0})},
            {"own covariances", mixture({own}, {2.0})},
            all};
}

Study dynamics_study() {
    Study out{"dynamics", {"T7"}, fields_of(fields()), run, {}, dynamics_controls()};
    out.takes_population = true;
    return out;
}

}  // namespace prefdyn
