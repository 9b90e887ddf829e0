// Im & Li, arXiv 2510.01458: the risk that flipped labels leave (theory.md T21).

#include "sim/data/von_mises_fisher.hpp"
#include "theory/facts.hpp"
#include "theory/noisy/noisy_facts.hpp"

namespace prefdyn::theory {

namespace {

Assumption of_task(std::string words, std::function<std::string(const NoisyFacts&)> unmet) {
    return of_facts<NoisyFacts>(std::move(words), "no flipped labels", std::move(unmet));
}

std::vector<Assumption> assumptions(double constant) {
    return {
        of_task("0 < t <= sin(theta / 3) / (4 beta^2 sup |phi''|)",
                [](const NoisyFacts& f) {
                    return f.time > 0.0 && f.time <= noisy_path_end(f.task)
                               ? ""
                               : text("t = ", f.time, ", the end is ", noisy_path_end(f.task));
                }),
        of_task("eps <= 1 - 1/gamma - cos(theta / 3) - sqrt(log N / N)",
                [](const NoisyFacts& f) {
                    return f.task.flipped <= largest_flip(f.task)
                               ? ""
                               : text("eps = ", f.task.flipped, ", at most ", largest_flip(f.task));
                }),
        of_task("sqrt(R0 gamma) eps < 1: the printed bound is not past its pole",
                [constant](const NoisyFacts& f) {
                    return from_pole(f.task, constant) > 0.0
                               ? ""
                               : text("1 - sqrt(R0 gamma) eps = ", from_pole(f.task, constant));
                }),
        of_task("a cluster's mean is at least 1 - 1/gamma long, as the bound takes it: d <= 3",
                [](const NoisyFacts& f) {
                    const double length = mean_length(f.task.dimension, f.task.concentration);
                    return length >= 1.0 - 1.0 / f.task.concentration
                               ? ""
                               : text("it is ", length, " long in ", f.task.dimension,
                                      " dimensions");
                }),
    };
}

Claim noisy_claim(std::string id, const char* which, double constant) {
    return {std::move(id),
            std::string("flipped labels, ").append(which),
            text("P(m <= 0) of a fresh sample is at most R0 / (1 - sqrt(R0 gamma) eps)^2, R0 = (",
                 which, ") (1 - 1/gamma - cos(theta / 3))^-2, labels flipped with chance eps"),
            "theory.md T21; the risk is exact for the head that was trained",
            ClaimKind::kPrediction,
            Scope::kStudy,
            assumptions(constant),
            [constant](const Evidence& e) -> std::vector<Comparison> {
                const NoisyFacts& f = e.get<NoisyFacts>();
                return {{0.0,
                         f.time,
                         f.risk,
                         noisy_bound(f.task, constant),
                         Relation::kAtMost,
                         {.trivial = 1.0}}};
            },
            {},
            {"Im & Li, How Well Can Preference Optimization Generalize Under Noisy Feedback?",
             "arXiv 2510.01458, TMLR 2026",
             {},
             text("as quoted with ", which, "; with two assumptions of our own")}};
}

}  // namespace

Claim noisy_labels_four() { return noisy_claim("T21a", "4/gamma", 4.0); }

Claim noisy_labels_eight() { return noisy_claim("T21b", "8/gamma", 8.0); }

}  // namespace prefdyn::theory
