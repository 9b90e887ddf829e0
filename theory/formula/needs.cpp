#include "theory/formula/needs.hpp"

#include <charconv>
#include <cmath>
#include <functional>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "sim/loss/loss.hpp"
#include "theory/assumptions.hpp"

namespace prefdyn::theory {

namespace {

struct Maker {
    KnownNeed need;
    std::function<Assumption(const std::string& argument)> make;
};

Assumption loss_named(const std::string& name) {
    const auto& known = loss_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        const std::string near = nearest(name, known);
        throw InputError("there is no loss " + name,
                         near.empty() ? "" : "did you mean " + near + "?");
    }
    return {"loss " + name, [name](const Evidence& e) -> std::string {
                const std::string& is = e.training.loss_name;
                return is == name ? "" : "the loss is " + (is.empty() ? "not known" : is);
            }};
}

double limit_in(const std::string& argument) {
    double limit = 0.0;
    const auto [end, problem] =
        std::from_chars(argument.data(), argument.data() + argument.size(), limit);
    const bool whole = problem == std::errc() && end == argument.data() + argument.size();
    if (!whole || !(limit > 0.0) || limit > 2.0)
        throw InputError(
            "full gradient takes a number above 0, at most 2: full gradient 1 means "
            "eta <= 1 / kappa, and beyond 2 / kappa gradient descent may diverge");
    return limit;
}

Assumption dynamics_are(const std::string& text, Dynamics wanted) {
    return {text, [text, wanted](const Evidence& e) -> std::string {
                return e.training.dynamics == wanted ? "" : "it was not trained by " + text;
            }};
}

Assumption mean_of_margins() {
    return {"L is a mean of phi(m_i)", [](const Evidence& e) -> std::string {
                return e.training.loss.form == LossForm::kMargin ? ""
                                                                 : "L is not a mean of phi(m_i)";
            }};
}

Assumption bounded_below() {
    return {"inf phi is finite", [](const Evidence& e) -> std::string {
                return std::isfinite(e.training.loss.infimum) ? ""
                                                              : "the loss is not bounded below";
            }};
}

/// Convex in the margins, kinks allowed.
Assumption convex_in_margins() {
    return {"phi is convex", [](const Evidence& e) -> std::string {
                return e.training.loss.convex ? "" : "the loss is not convex";
            }};
}

/// Where the population is known at all.
Assumption of_population(Assumption wanted) {
    return {wanted.text, [wanted](const Evidence& e) -> std::string {
                const std::string unknown = known_population().unmet(e);
                return unknown.empty() ? wanted.unmet(e) : unknown;
            }};
}

const std::vector<Maker>& makers() {
    static const std::vector<Maker> all = {
        {{"loss X", "trained with the loss X, under TRL's name"}, loss_named},
        {{"from reference", "training starts at the reference head", false, true},
         [](auto&) { return starts_at_reference(); }},
        {{"full gradient X", "gradient flow, or full-batch gradient descent with eta kappa <= X",
          true},
         [](auto& argument) { return full_gradient(limit_in(argument)); }},
        {{"gradient flow", "trained by gradient flow", true},
         [](auto&) { return dynamics_are("gradient flow", Dynamics::kGradientFlow); }},
        {{"gradient descent", "trained by full-batch gradient descent", true},
         [](auto&) { return dynamics_are("gradient descent", Dynamics::kGradientDescent); }},
        {{"smooth", "phi is a smooth function of the margin"}, [](auto&) { return smooth_loss(); }},
        {{"convex", "phi is a smooth convex function of the margin"},
         [](auto&) { return convex_loss(); }},
        {{"convex phi", "phi is convex, kinks allowed"}, [](auto&) { return convex_in_margins(); }},
        {{"margin loss", "L is a mean of phi(m_i)"}, [](auto&) { return mean_of_margins(); }},
        {{"bounded below", "inf phi is finite"}, [](auto&) { return bounded_below(); }},
        {{"falls at zero", "phi'(0) < 0"}, [](auto&) { return loss_falls_at_zero(); }},
        {{"opposite slopes", "the slopes of phi in r_w and r_l are opposite at zero"},
         [](auto&) { return opposite_slopes(); }},
        {{"known population", "the features were sampled here"},
         [](auto&) { return known_population(); }},
        {{"Gaussian", "features are Gaussian within each class"},
         [](auto&) { return of_population(gaussian_features()); }},
        {{"independent", "samples are independent"},
         [](auto&) { return of_population(independent_samples()); }},
        {{"finite covariance", "features have a finite covariance"},
         [](auto&) { return of_population(finite_covariance()); }},
    };
    return all;
}

}  // namespace

const std::vector<KnownNeed>& known_needs() {
    static const auto all = [] {
        std::vector<KnownNeed> out;
        for (const Maker& m : makers()) out.push_back(m.need);
        return out;
    }();
    return all;
}

std::optional<FoundNeed> find_need(const std::string& text) {
    for (std::size_t k = 0; k < makers().size(); ++k) {
        const std::string& name = makers()[k].need.name;
        const bool open = name.ends_with(" X");
        const std::string stem = open ? name.substr(0, name.size() - 1) : name;
        if (open ? !text.starts_with(stem) : text != name) continue;
        const std::string argument = text.substr(stem.size());
        const bool limits = name == "full gradient X";
        return FoundNeed{makers()[k].make(argument), &known_needs()[k],
                         limits ? limit_in(argument) : 0.0};
    }
    return {};
}

}  // namespace prefdyn::theory
