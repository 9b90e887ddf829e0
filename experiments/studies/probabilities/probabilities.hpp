#pragma once
// What happens to probabilities (theory/influence.hpp): chosen and rejected token, third tokens,
// displacement and squeezing, over the cosine of the two contexts, the rejected token's initial
// probability, peakiness and vocabulary.

#include "experiments/studies/probabilities/context_cases.hpp"
#include "experiments/studies/study.hpp"

namespace prefdyn {

/// A case judged by one claim: settings that share a name are one row.
struct ProbabilityCase {
    std::string claim, setting;
    theory::InfluenceFacts facts;
};

std::vector<ProbabilityCase> probability_cases(Profile profile, std::uint64_t seed);

/// The curves over rho: one set of dials a curve.
std::vector<ContextDials> displacement_dials();

/// What DPO does to probabilities in the two contexts of an example.
struct Displacement {
    double chosen_rate;              ///< first-order d log pi(y_+ | g_+) per unit of added logit c
    double rejected_initial;         ///< pi(y_- | g_-) before
    double chosen, rejected;         ///< change of log pi(y_+ | g_+), log pi(y_- | g_-)
    double third_plus, third_minus;  ///< change of the mass on other tokens, at g_+ and at g_-
    double peak_minus;  ///< change of the mass at g_- of its likeliest token other than y_-
    double ches;
};

Displacement measure_displacement(const ContextDials& dials, std::uint64_t seed);

Study probabilities_study();

/// The study's part on the first-order influence and what it leaves out (influence_curves.cpp).
std::vector<Field> influence_fields();
void put_influence(StudyOutcome& outcome, std::uint64_t seed);

}  // namespace prefdyn
