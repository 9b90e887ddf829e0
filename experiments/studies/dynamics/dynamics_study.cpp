#include <cmath>

#include "experiments/results/columns.hpp"
#include "experiments/studies/dynamics/dynamics.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::Verdict;

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

Verdict judge_outcome(const Claim& claim, const DynamicsOutcome& outcome, bool presume) {
    std::vector<Evidence> cases(2);
    cases[0].of = theory::ConvergenceCase(&outcome.vector);
    cases[1].of = theory::ConvergenceCase(&outcome.curves);
    return theory::judge(claim, cases, presume);
}

void extend(std::vector<double>& out, const Curves& curves) {
    for (const auto& curve : curves) out.insert(out.end(), curve.begin(), curve.end());
}

/// What figures need, [setting] outermost.
struct Columns {
    std::vector<double> predicted, simulated, vector_error, curve_error, slope, half_width,
        tolerance;

    void add(const DynamicsOutcome& o) {
        extend(predicted, o.predicted);
        for (std::size_t s = 0; s < o.simulated.size(); ++s) {
            extend(simulated, o.simulated[s]);
            vector_error.push_back(theory::rms_error(o.vector, s));
            curve_error.push_back(theory::rms_error(o.curves, s));
        }
        const auto law = theory::fit_power_law(o.vector);
        slope.push_back(law.slope);
        half_width.push_back(law.half_width);
        tolerance.push_back(o.vector.tolerance);
    }
};

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    const auto settings = dynamics_settings(plan.profile);
    DynamicsDesign design = design_of(plan.profile);
    design.device = plan.device;
    StudyOutcome out;
    Columns columns;
    for (std::size_t k = 0; k < settings.size(); ++k) {
        const auto seed = derive_seed(plan.seed, Substream::kDynamics, k);
        const MixtureDistribution population(settings[k].mixture, seed);
        const auto outcome = compare_dynamics(
            population, {components(population), make_margin_loss({})}, design, seed);
        out.cases.push_back({"dynamics", claims.front().id, settings[k].name, std::nan(""),
                             judge_outcome(claims.front(), outcome, false)});
        columns.add(outcome);
    }
    out.values = {
        {"dynamics_setting", gather(settings, [](const auto& s) { return s.name; })},
        {"dynamics_samples",
         gather(design.samples, [](Index n) { return static_cast<std::int64_t>(n); })},
        {"dynamics_curve", kCurves},
        {"dynamics_kappa_time", record_times(kDynamicsEnd, design.records, Spacing::kLinear)},
        {"dynamics_predicted", columns.predicted},
        {"dynamics_simulated", columns.simulated},
        {"dynamics_vector_error", columns.vector_error},
        {"dynamics_curve_error", columns.curve_error},
        {"dynamics_slope", columns.slope},
        {"dynamics_slope_half_width", columns.half_width},
        {"dynamics_tolerance", columns.tolerance},
    };
    return out;
}

std::vector<Field> fields() {
    const std::string setting = "dynamics_setting", samples = "dynamics_samples",
                      curve = "dynamics_curve", time = "dynamics_kappa_time";
    return {
        text_field(setting, {setting}, "mixture of behaviours, T7"),
        integer_field(samples, {samples}, "samples", "training samples n"),
        text_field(curve, {curve}, "name of the curve"),
        real_field(time, {time}, "", "kappa t, kappa the population's"),
        real_field("dynamics_predicted", {setting, curve, time}, "", "population dynamics"),
        real_field("dynamics_simulated", {setting, samples, curve, time}, "",
                   "gradient flow on n samples, training metrics, one dataset"),
        real_field("dynamics_vector_error", {setting, samples}, "",
                   "relative distance of v(t) from the population's, root mean square over t and "
                   "replicates"),
        real_field("dynamics_curve_error", {setting, samples}, "",
                   "the same over the curves, each relative to its predicted value"),
        real_field("dynamics_slope", {setting}, "",
                   "d log vector_error / d log n; -1/2 is predicted"),
        real_field("dynamics_slope_half_width", {setting}, "", "of its interval at level 1 - 1e-5"),
        real_field("dynamics_tolerance", {setting}, "",
                   "allowed error at the largest n: 2 sqrt(tr S / n) / ||E z||"),
    };
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
                    compare_dynamics(population, prediction, {{100, 2000}, 4, 6}, seed);
                return judge_outcome(claim, outcome, true);
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

Study dynamics_study() { return {"dynamics", {"T7"}, fields(), run, {}, dynamics_controls()}; }

}  // namespace prefdyn
