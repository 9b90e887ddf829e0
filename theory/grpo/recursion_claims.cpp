// Mroueh, arXiv 2503.06639: the probability of success from one round of GRPO to the next
// (theory.md T22).

#include <cmath>

#include "theory/facts.hpp"
#include "theory/grpo/recursion_facts.hpp"

namespace prefdyn::theory {

namespace {

Origin mroueh(std::string relation) {
    return {
        "Mroueh, Reinforcement Learning with Verifiable Rewards: GRPO's Effective Loss, "
        "Dynamics, and Success Amplification",
        "arXiv 2503.06639",
        {},
        std::move(relation)};
}

Assumption of_rounds(std::string words, std::function<std::string(const RecursionFacts&)> unmet) {
    return of_facts<RecursionFacts>(std::move(words), "no rounds of GRPO were made",
                                    std::move(unmet));
}

Assumption rounds_were_made() {
    return of_rounds("rounds of GRPO with rewards 0 and 1",
                     [](const RecursionFacts&) { return ""; });
}

std::string threshold(const RecursionFacts& f, const char* relation) {
    return text("beta = ", f.recursion.beta, relation, f.recursion.least_beta(f.fixed).value,
                " at p* = ", f.fixed.value);
}

double round_number(std::size_t n) { return static_cast<double>(n); }

/// p* and what is next to it, as far as a nudge reaches.
Ball around(const RecursionFacts& f) { return f.fixed.widened(std::fabs(f.nudge)); }

double largest_slope(const RecursionFacts& f) {
    const Ball slope = abs(f.recursion.slope(around(f)));
    return slope.high();
}

std::vector<Comparison> near_fixed_point(const Evidence& e) {
    const RecursionFacts& f = e.get<RecursionFacts>();
    const double shrinks = largest_slope(f);
    std::vector<Comparison> out;
    double distance = std::fabs(f.nudge), gathered = 0.0;
    for (std::size_t n = 1; n < f.nudged.size(); ++n) {
        distance *= shrinks;
        gathered = shrinks * gathered + f.nudged[n].radius;
        const Ball bound(distance, 2.0 * f.fixed.radius + gathered);
        const Ball measured = abs(f.nudged[n] - f.fixed);
        // From here on rounding hides what is left of the nudge.
        if (measured.radius + bound.radius > kResolution * bound.value) break;
        out.push_back({round_number(n), round_number(n), measured, bound, Relation::kAtMost});
    }
    return out;
}

std::vector<Comparison> two_cycle(const Evidence& e) {
    const RecursionFacts& f = e.get<RecursionFacts>();
    const Recursion& h = f.recursion;
    const Ball low(f.cycle.low()), high(f.cycle.high());
    return {
        {0.0, 0.0, h.next(h.next(low)) - low, 0.0, Relation::kAtLeast},
        {0.0, 0.0, h.next(h.next(high)) - high, 0.0, Relation::kAtMost},
        {1.0, 1.0, f.cycling[1], f.fixed, Relation::kAtLeast},
        {2.0, 2.0, f.cycling[2],
         f.cycle.widened(abs(h.slope(f.cycle) * h.slope(f.cycling[1])).high() * f.cycle.radius),
         Relation::kEqual},
    };
}

}  // namespace

Claim grpo_recursion() {
    return {
        "T22a",
        "a round of GRPO",
        "p_n = h(p_{n-1}), h(p) = 1 / (1 + ((1 - p_ref) / p_ref) exp(-1 / (beta sqrt(p (1 - p) "
        "+ eps)))), p_n the success of the round's optimum",
        "theory.md T22; the optimum is pi_ref exp(A / beta) / Z, and A takes two values",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {rounds_were_made()},
        [](const Evidence& e) {
            const RecursionFacts& f = e.get<RecursionFacts>();
            std::vector<Comparison> out;
            for (std::size_t n = 1; n < f.success.size(); ++n)
                out.push_back({round_number(n), round_number(n), f.success[n],
                               f.recursion.next(Ball(f.success[n - 1].value)), Relation::kEqual});
            return out;
        },
        {},
        mroueh("the recursion")};
}

Claim grpo_amplifies() {
    return {"T22b",
            "GRPO amplifies success",
            "p_n > p_ref for every n >= 1, and the least fixed point p* > p_ref",
            "theory.md T22; the exponent is positive",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {rounds_were_made()},
            [](const Evidence& e) {
                const RecursionFacts& f = e.get<RecursionFacts>();
                std::vector<Comparison> out;
                for (std::size_t n = 1; n < f.success.size(); ++n)
                    out.push_back({round_number(n), round_number(n), f.success[n],
                                   Ball(f.recursion.reference), Relation::kAtLeast});
                out.push_back({0.0, 0.0, f.fixed, Ball(f.recursion.reference), Relation::kAtLeast});
                return out;
            },
            {},
            mroueh("the fixed point lies above the reference")};
}

Claim grpo_is_stable() {
    return {
        "T22c",
        "GRPO's fixed point is stable",
        "|p_n - p*| <= L^n |p_0 - p*| for p_0 near p*, L < 1 the largest |h'| there, where beta "
        "> p* (1 - p*) |2 p* - 1| / (2 (p* (1 - p*) + eps)^(3/2))",
        "theory.md T22; that beta is where |h'(p*)| = 1",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {of_rounds("beta is above the threshold",
                   [](const RecursionFacts& f) {
                       return f.recursion.beta > f.recursion.least_beta(f.fixed).high()
                                  ? ""
                                  : threshold(f, " is not above ");
                   }),
         of_rounds("the nudge is small enough for |h'| < 1 all along it",
                   [](const RecursionFacts& f) {
                       return largest_slope(f) < 1.0
                                  ? ""
                                  : text("|h'| reaches ", largest_slope(f), " within ", f.nudge);
                   })},
        near_fixed_point,
        {},
        mroueh("the condition of local stability, with its rate")};
}

Claim grpo_cycles() {
    return {"T22d",
            "GRPO can cycle",
            "q < p* < h(q), h(h(q)) = q: where beta is below the threshold of T22c at the least "
            "fixed point, policies alternate for ever",
            "theory.md T22; h(h(p)) - p is positive at p_ref and negative just below p*",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {of_rounds("beta is below the threshold",
                       [](const RecursionFacts& f) {
                           return f.recursion.beta < f.recursion.least_beta(f.fixed).low()
                                      ? ""
                                      : threshold(f, " is not below ");
                       }),
             of_rounds("the cycle is far enough from p* to be found",
                       [](const RecursionFacts& f) {
                           return std::isnan(f.cycle.value) ? "none was found" : "";
                       })},
            two_cycle};
}

}  // namespace prefdyn::theory
