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

/// From where a sample's zbar is right to a quarter.
DynamicsDesign design_of(const Population& population, const theory::Mixture& mixture,
                         Profile profile) {
    constexpr double kFirstError = 0.25;
    const double one = relative_sampling_error(mixture, 1) / kFirstError;
    const auto first = std::max({Index{40}, population.least_samples(2),
                                 static_cast<Index>(std::ceil(std::min(one * one, 1e15)))});
    std::vector<Index> samples;
    for (const Index times : profile == Profile::kQuick ? std::vector<Index>{1, 10, 100}
                                                        : std::vector<Index>{1, 3, 10, 30, 100})
        samples.push_back(times * first);
    return {samples, profile == Profile::kQuick ? std::size_t{40} : std::size_t{48}, 6,
            Device::kCpu, kOwnDynamicsEnd};
}

/// Why the population's dynamics cannot be watched; empty if they can.
std::string why_not(const Population& population, const DynamicsDesign& design) {
    constexpr double kMostNumbers = 2e7;
    const double numbers =
        static_cast<double>(design.samples.back()) * static_cast<double>(population.dimension());
    if (population.zbar().norm() == 0.0) return "E z = 0: its flow does not move";
    if (numbers <= kMostNumbers) return "";
    return "its noise is so large beside E z that " + format_real(numbers) +
           " numbers a sample would be needed to see v converge";
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
        outcomes.design = design_of(*plan.population, subject.mixture, plan.profile);
        const std::string& name = plan.population->name();
        if (const auto reason = why_not(*plan.population, outcomes.design); !reason.empty())
            return out.pass_over("dynamics", claims.front(), name, reason), out;
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
