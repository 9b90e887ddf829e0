// Finite steps of gradient descent (theory.md T24).

#include <cmath>

#include "theory/facts.hpp"
#include "theory/steps/step_facts.hpp"

namespace prefdyn::theory {

namespace {

constexpr double kSlopeKnown = 0.25;  ///< tells slope 2 from slope 1

Origin barrett_dherin(std::string relation) {
    return {"Barrett & Dherin, Implicit Gradient Regularization",
            "arXiv 2009.11162, ICLR 2021",
            {},
            std::move(relation)};
}

Assumption of_steps(std::string words, std::function<std::string(const StepFacts&)> unmet) {
    return of_facts<StepFacts>(std::move(words), "no steps were made", std::move(unmet));
}

Assumption small_steps() {
    return of_steps("h kappa <= 2", [](const StepFacts& f) {
        return f.step.front() * f.bound.second <= 2.0
                   ? ""
                   : text("h kappa = ", f.step.front() * f.bound.second);
    });
}

std::vector<Comparison> below_constant(const Evidence& e) {
    const StepFacts& f = e.get<StepFacts>();
    std::vector<Comparison> out;
    for (std::size_t k = 0; k < f.step.size(); ++k)
        out.push_back(
            {f.duration / f.step[k], f.duration, f.from_modified[k],
             Ball(f.duration) * step_constant(f.bound, f.step[k]) * square(Ball(f.step[k])),
             Relation::kAtMost});
    return out;
}

/// The slope between the two smallest steps. Its distance from the limit halves with the step, so
/// that it is what the slope moved last; twice that for what is left of the next order.
std::vector<Comparison> slope_is_two(const Evidence& e) {
    const StepFacts& f = e.get<StepFacts>();
    const std::size_t last = f.step.size() - 1;
    const double slope = slope_between(f.from_modified, last);
    const double moved = std::fabs(slope - slope_between(f.from_modified, last - 1));
    const Ball& small = f.from_modified[last];
    return {{f.duration / f.step[last],
             f.duration,
             {slope, 2.0 * moved + 4.0 * small.radius / small.value},
             2.0,
             Relation::kEqual,
             {.scale = 1.0, .resolution = kSlopeKnown}}};
}

/// What the penalty of a pair's loss is made of: l' beta grad log pi of both answers.
std::vector<Comparison> pair_penalty(const Evidence& e) {
    const StepFacts& f = e.get<StepFacts>();
    const Index A = f.theta.size();
    const double largest = f.theta.maxCoeff();
    const Vector weight = (f.theta.array() - largest).exp(), pi = weight / weight.sum();
    const double margin = f.beta * (f.theta(f.chosen) - f.theta(f.rejected) -
                                    f.log_reference(f.chosen) + f.log_reference(f.rejected));
    const double factor = f.beta / (1.0 + std::exp(margin));
    Vector plus = -factor * pi, minus = plus;
    plus(f.chosen) += factor;
    minus(f.rejected) += factor;
    const double h = f.penalty_step, own = plus.squaredNorm() + minus.squaredNorm(),
                 shared = plus.dot(minus);
    // Roundings of theta's differences reach the factor through the margin.
    const double size = 1.0 + f.theta.cwiseAbs().maxCoeff() + f.log_reference.cwiseAbs().maxCoeff();
    const double share = gamma_of((8.0 * static_cast<double>(A) + 32.0) * size * (1.0 + f.beta));
    return {{0.0, 0.0, f.penalty,
             Ball(0.25 * h * own - 0.5 * h * shared, share * h * (own + std::fabs(shared))),
             Relation::kEqual}};
}

}  // namespace

Claim steps_follow_modified_flow() {
    return {"T24a",
            "descent follows the modified flow",
            "||theta_GD(T) - theta(T)|| <= T C h^2, theta the flow of L + (h / 4) ||grad L||^2, C "
            "from ||grad L(theta_0)||, kappa and bounds on the third and fourth derivatives",
            "theory.md T24; Taylor to the third order, and steps that bring no two points apart",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {of_steps("steps of descent", [](const StepFacts&) { return ""; }), small_steps()},
            below_constant,
            {},
            barrett_dherin("their expansion, with a constant of our own")};
}

Claim steps_are_second_order() {
    return {"T24b",
            "the distance falls as h^2",
            "d log ||theta_GD(T) - theta(T)|| / d log h -> 2",
            "theory.md T24",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {of_steps("at least three steps, each half of the one before",
                      [](const StepFacts& f) -> std::string {
                          if (f.step.size() < 3) return text(f.step.size(), " steps");
                          for (std::size_t k = 1; k < f.step.size(); ++k)
                              if (f.step[k] != 0.5 * f.step[k - 1]) return "steps are not halved";
                          return "";
                      })},
            slope_is_two,
            {},
            barrett_dherin("as stated")};
}

Claim steps_reward_alignment() {
    return {"T24c",
            "a pair's penalty rewards alignment",
            "(h / 4) ||grad L||^2 = (h / 4) (||g_+||^2 + ||g_-||^2) - (h / 2) <g_+, g_->, g = "
            "sigma(-m) beta grad log pi of the chosen and of the rejected answer",
            "theory.md T24; grad L = -(g_+ - g_-)",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {of_steps("one pair was trained on",
                      [](const StepFacts& f) {
                          return f.penalty_step > 0.0 ? "" : "no pair's penalty was measured";
                      })},
            pair_penalty,
            {},
            barrett_dherin("their penalty, for the loss of one pair")};
}

}  // namespace prefdyn::theory
