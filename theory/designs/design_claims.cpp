// What comparing other pairs than uniform ones gains (theory.md T23).

#include <cmath>

#include "sim/base/ball.hpp"
#include "theory/designs/design_facts.hpp"
#include "theory/facts.hpp"

namespace prefdyn::theory {

namespace {

constexpr double kDeviations = 6.0;  ///< of a mean over samples
constexpr double kBias = 0.01;       ///< O(1/N) of the mean gap, where it is compared
constexpr double kKnown = 0.5;       ///< what a mean gap must be known to, relative

Assumption of_designs(std::string words, std::function<std::string(const DesignFacts&)> unmet) {
    return of_facts<DesignFacts>(std::move(words), "no designs were tried", std::move(unmet));
}

/// Of traces, products and solves of A by A matrices whose condition is that of I.
double rounding(const DesignFacts& f, const Matrix& pair) {
    const auto A = static_cast<double>(f.task.reward.size());
    const Spectrum s = spectrum_of(f.task, pair);
    return s.least > 0.0 ? gamma_of(64.0 * A * A * s.largest / s.least) : kInfinity;
}

Assumption everything_is_compared() {
    return of_designs("every response is compared, through others, by both designs",
                      [](const DesignFacts& f) -> std::string {
                          for (const DesignArm* arm : {&f.uniform, &f.best})
                              if (!(rounding(f, arm->pair) < 1.0))
                                  return text("not by the design ", arm->name);
                          return "";
                      });
}

Assumption samples_were_solved() {
    return of_designs("samples were drawn and each has an optimum",
                      [](const DesignFacts& f) -> std::string {
                          if (f.uniform.samples == 0.0 || f.best.samples == 0.0)
                              return "no samples were drawn";
                          const std::size_t unsolved = f.uniform.unsolved + f.best.unsolved;
                          return unsolved == 0 ? "" : text(unsolved, " samples have no optimum");
                      });
}

Ball measured(const DesignArm& arm) {
    return {arm.scaled_gap, kDeviations * arm.gap_error + kBias * arm.scaled_gap};
}

/// Of independent means.
Ball ratio(const DesignArm& a, const DesignArm& b) {
    const double value = a.scaled_gap / b.scaled_gap;
    const double error = std::hypot(a.gap_error / a.scaled_gap, b.gap_error / b.scaled_gap);
    return {value, (kDeviations * error + 2.0 * kBias) * value};
}

Ball cost(const DesignFacts& f, const Matrix& pair) {
    const double value = design_cost(f.task, pair);
    return {value, rounding(f, pair) * value};
}

}  // namespace

Claim design_bounds_gap() {
    return {
        "T23a",
        "the design bounds the gap",
        "tr F / (2 beta^2 lambda_max(I)) <= lim N E KL(pi* || pihat_N) <= tr F / (2 beta^2 "
        "lambda_min(I)), I the information matrix of one comparison drawn by the design, "
        "constants left out; known to 1 % and 6 standard errors",
        "theory.md T23; T10e for any design, F and I share their null space. That the information "
        "matrix bounds the gap from both sides is also said in arXiv 2606.19607",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {everything_is_compared(), samples_were_solved()},
        [](const Evidence& e) {
            const DesignFacts& f = e.get<DesignFacts>();
            const double scale = fisher_trace(f.task) / (2.0 * f.task.beta * f.task.beta);
            std::vector<Comparison> out;
            for (const DesignArm* arm : {&f.uniform, &f.best}) {
                const Spectrum s = spectrum_of(f.task, arm->pair);
                const double share = rounding(f, arm->pair);
                const double low = scale / s.largest, high = scale / s.least;
                const Worth worth{.resolution = kKnown};
                out.push_back({arm->samples,
                               0.0,
                               measured(*arm),
                               {low, share * low},
                               Relation::kAtLeast,
                               worth});
                out.push_back({arm->samples,
                               0.0,
                               measured(*arm),
                               {high, share * high},
                               Relation::kAtMost,
                               worth});
            }
            return out;
        }};
}

Claim no_design_costs_less() {
    return {
        "T23b",
        "no design costs less",
        "tr(F I(w)^+) >= tr(F I(w*)^+)^2 / max d for every design w, d(a, b) = sigma sigma' u^T "
        "I(w*)^+ F I(w*)^+ u",
        "theory.md T23; 1 / tr(F I^+) is concave in the design and homogeneous",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {everything_is_compared()},
        [](const Evidence& e) {
            const DesignFacts& f = e.get<DesignFacts>();
            const double floor = least_cost(f.task, f.best.pair);
            const Ball bound(floor, 4.0 * rounding(f, f.best.pair) * floor);
            std::vector<Matrix> designs = f.others;
            designs.push_back(f.uniform.pair);
            designs.push_back(f.best.pair);
            std::vector<Comparison> out;
            for (std::size_t k = 0; k < designs.size(); ++k)
                out.push_back(
                    {static_cast<double>(k), 0.0, cost(f, designs[k]), bound, Relation::kAtLeast});
            return out;
        }};
}

Claim design_gain() {
    return {"T23c",
            "what a design gains",
            "lim N E KL under uniform pairs over the same under the best ones = tr(F I^+) / tr(F "
            "I(w*)^+); known to 2 % and 6 standard errors",
            "theory.md T23; T10e for both designs",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {everything_is_compared(), samples_were_solved()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const DesignFacts& f = e.get<DesignFacts>();
                return {{f.best.samples,
                         0.0,
                         ratio(f.uniform, f.best),
                         cost(f, f.uniform.pair) / cost(f, f.best.pair),
                         Relation::kEqual,
                         {.resolution = kKnown}}};
            }};
}

}  // namespace prefdyn::theory
