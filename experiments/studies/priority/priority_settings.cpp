#include <cmath>

#include "experiments/studies/priority/priority.hpp"

namespace prefdyn {

namespace {

constexpr Index kDimension = 24;
constexpr Index kRowsEach = 60;  // more than two classes of d + 1 rows

struct Settings {
    Profile profile;
    std::vector<PrioritySetting> all = {};

    /// Adds it under gradient descent and the flow.
    void add(const std::string& name, const MixtureSpec& mixture, double ratio, double angle) {
        for (const Method method : {Method::kGradientDescent, Method::kFlow}) {
            PrioritySetting s{name, mixture, ratio, angle, {}};
            s.training.method = method;
            s.training.steps = profile == Profile::kQuick ? 300 : 3000;
            s.name += method == Method::kFlow ? ", flow" : ", gradient descent";
            all.push_back(s);
        }
    }
};

void add_grid(Settings& s) {
    const bool quick = s.profile == Profile::kQuick;
    std::vector<Index> sizes = {2, 4, 16};
    if (s.profile == Profile::kFull) sizes.push_back(128);
    const std::vector<double> ratios =
        quick ? std::vector<double>{1.0, 4.0} : std::vector<double>{1.0, 1.5, 2.0, 4.0};
    for (const Index K : sizes)
        for (const double ratio : ratios)
            for (const double angle : {30.0, 60.0, 90.0, 120.0, 150.0}) {
                // K vectors at one angle exist if cos >= -1 / (K - 1).
                const double cosine = std::cos(angle * M_PI / 180.0);
                if (cosine < -1.0 / static_cast<double>(K - 1) - 1e-9) continue;
                if (quick && K > 2 && angle == 30.0) continue;
                s.add("K = " + std::to_string(K) + ", norm ratio " + format_real(ratio) + ", " +
                          format_real(angle) + " degrees",
                      equiangular_mixture(K, 4.0, ratio, angle), ratio, angle);
            }
}

void set_weights(MixtureSpec& mixture, const std::vector<double>& weight) {
    for (std::size_t k = 0; k < weight.size(); ++k) mixture.behaviours[k].weight = weight[k];
}

void add_weights(Settings& s) {
    // With a tenth of the samples the stronger behaviour has the lower priority.
    for (const auto& [first, names] : {std::pair{0.8, "0.8 and 0.2"}, {0.1, "0.1 and 0.9"}}) {
        MixtureSpec m = equiangular_mixture(2, 4.0, 2.0, 90.0);
        m.samples = 600;
        set_weights(m, {first, 1.0 - first});
        s.add(std::string("weights ") + names, m, 2.0, 90.0);
    }
    MixtureSpec m = equiangular_mixture(4, 4.0, 1.0, 60.0);
    m.samples = 600;
    set_weights(m, {0.1, 0.2, 0.3, 0.4});
    s.add("weights 0.1 to 0.4", m, 1.0, 60.0);
}

/// The last behaviour points away from the others: its priority is negative.
void add_opposed(Settings& s) {
    for (const Index K : {4, 16}) {
        MixtureSpec m = equiangular_mixture(K, 4.0, 1.0, 60.0);
        m.gram.row(K - 1).head(K - 1) *= -1.0;
        m.gram.col(K - 1).head(K - 1) *= -1.0;
        s.add("K = " + std::to_string(K) + ", one against the others", m, 1.0, kNan);
    }
}

void add_varied(Settings& s) {
    // The stronger behaviour is the cleaner one: it leads, but in the end the spread of the other
    // keeps its gradient alive and the lead is lost.
    MixtureSpec covariances = equiangular_mixture(2, 4.0, 1.05, 90.0);
    covariances.moments = Moments::kPopulation;
    covariances.behaviours[0].covariance = {Spectrum::kIsotropic, 0.1, 1.0, 1.0};
    covariances.behaviours[1].covariance = {Spectrum::kPowerLaw, 1.0, 1.0, 1.0};
    covariances.behaviours[1].noise = {Tails::kGeneralizedNormal, 1.0, 5.0};
    s.add("own covariances and tails", covariances, 1.05, 90.0);
    MixtureSpec skewed = equiangular_mixture(4, 4.0, 2.0, 90.0);
    for (BehaviourSpec& b : skewed.behaviours) b.p_plus = 0.3;
    skewed.common_norm = 2.0;
    skewed.samples = 400;
    s.add("unequal classes, common mean", skewed, 2.0, 90.0);
    const MixtureSpec plain = equiangular_mixture(2, 4.0, 2.0, 60.0);
    for (const std::string& loss : loss_names()) {
        const LossFacts facts = make_loss(typical_loss(loss, MixtureTraining{}.beta))->facts();
        // T8b needs a convex function of the margin with a finite, non-zero kappa.
        if (loss == "sigmoid" || facts.form != LossForm::kMargin || !facts.convex) continue;
        if (!(facts.curvature_max > 0.0 && std::isfinite(facts.curvature_max))) continue;
        s.add("loss " + loss, plain, 2.0, 60.0);
        for (std::size_t back : {1u, 2u}) s.all[s.all.size() - back].training.loss = loss;
    }
    s.add("eta = 1.9 / kappa", plain, 2.0, 60.0);
    s.all.pop_back();  // the flow knows no step size
    s.all.back().training.eta_kappa = 1.9;
}

}  // namespace

MixtureSpec equiangular_mixture(Index K, double longest, double ratio, double degrees) {
    Vector norms(K);
    for (Index k = 0; k < K; ++k)
        norms(k) = longest * std::pow(ratio, -static_cast<double>(k) / static_cast<double>(K - 1));
    MixtureSpec out;
    out.gram = equiangular_gram(norms, degrees);
    BehaviourSpec each;
    each.weight = 1.0 / static_cast<double>(K);
    out.behaviours.assign(static_cast<std::size_t>(K), each);
    out.samples = K * kRowsEach;
    out.dimension = K < kDimension ? kDimension : K + 32;
    out.moments = K < kDimension ? Moments::kSample : Moments::kPopulation;
    return out;
}

std::vector<PrioritySetting> priority_settings(const VerifyPlan& plan) {
    Settings s{plan.profile};
    if (plan.mixture) {
        const auto squares = plan.mixture->gram.diagonal();
        s.add("the given Gram matrix", *plan.mixture,
              std::sqrt(squares.maxCoeff() / squares.minCoeff()), kNan);
    } else {
        add_grid(s);
        add_weights(s);
        add_opposed(s);
        add_varied(s);
    }
    for (PrioritySetting& setting : s.all) setting.training.device = plan.device;
    return std::move(s.all);
}

Dataset mixture_rows(const PrioritySetting& setting, std::uint64_t seed) {
    return MixtureDistribution(setting.mixture, seed).sample(seed, false, setting.training.device);
}

PendingMixture begin_mixture(const PrioritySetting& setting, std::uint64_t seed) {
    return {mixture_rows(setting, seed), setting.training, seed};
}

MixtureRun run_mixture(const PrioritySetting& setting, std::uint64_t seed) {
    return train_alone(begin_mixture(setting, seed));
}

}  // namespace prefdyn
