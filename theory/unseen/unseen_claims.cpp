// Razin et al., arXiv 2507.07981: what a policy and a reward model say of unseen answers
// (theory.md T16).

#include "theory/facts.hpp"
#include "theory/unseen/unseen_facts.hpp"

namespace prefdyn::theory {

namespace {

Origin implicit_rewards(std::string relation) {
    return {"Razin et al., Why is Your Language Model a Poor Implicit Reward Model?",
            "arXiv 2507.07981", "Theorem 2", std::move(relation)};
}

Assumption of_unseen(std::string words, std::function<std::string(const UnseenFacts&)> unmet) {
    return of_facts<UnseenFacts>(std::move(words), "no unseen answers", std::move(unmet));
}

Assumption never_named() {
    return of_unseen("no training pair names a token of the pairs asked about",
                     [](const UnseenFacts& f) {
                         const Index token = shared_token(f);
                         return token < 0 ? "" : text("token ", token, " is in both");
                     });
}

std::vector<Comparison> undecided_pairs(const Evidence& e) {
    std::vector<Comparison> out;
    for (const ImplicitRecord& record : e.get<UnseenFacts>().policy) {
        out.push_back({record.time, record.time, record.ties, 1.0, Relation::kEqual});
        out.push_back({record.time, record.time, record.accuracy, 0.5, Relation::kEqual});
    }
    return out;
}

/// From whichever earlier record promises most.
std::vector<Comparison> towards_largest_margin(const Evidence& e) {
    const UnseenFacts& f = e.get<UnseenFacts>();
    std::vector<Comparison> out;
    for (std::size_t late = 1; late < f.reward.size(); ++late) {
        const ExplicitRecord& record = f.reward[late];
        const Ball margin(record.margin, record.margin_error);
        Ball promised = margin_reached(f, 0, late);
        for (std::size_t early = 1; early < late; ++early) {
            const Ball next = margin_reached(f, early, late);
            if (next.value > promised.value) promised = next;
        }
        out.push_back(
            {record.step, record.step, margin, promised, Relation::kAtLeast, {.trivial = 0.0}});
        out.push_back({record.step, record.step, margin, f.largest_high, Relation::kAtMost});
    }
    return out;
}

}  // namespace

Claim unseen_answers_are_tied() {
    return {"T16a",
            "unseen answers are tied",
            "frozen features, one-token answers: on pairs of tokens that no training pair names "
            "every reward margin is exactly 0 at every time, and 1/2 of them are ranked rightly, "
            "ties as halves",
            "theory.md T16; their rows of the head have no gradient",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {never_named()},
            undecided_pairs,
            {},
            implicit_rewards("the part on the policy, at every time")};
}

Claim reward_model_finds_margin() {
    return {"T16b",
            "a reward model finds the largest margin",
            "gamma_t = min_i u_t . x_i / ||u_t|| >= -log(e^(N L_t) - 1) / (||u_s|| + log(L_s / "
            "L_t) / ((1 - eta kappa / 2) q gamma)), which tends to q gamma: u linear in the gaps x "
            "of prompt and answer, separable with largest margin gamma >= gamma_t, q = (1 - e^(-N "
            "L_s)) / (N L_s), s < t",
            "theory.md T16; ||grad L|| >= gamma mean sigma(-m), and log L falls by at least ||grad "
            "L||^2 / L a time",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {of_unseen("the training pairs are separable",
                       [](const UnseenFacts& f) {
                           return f.largest_low.low() > 0.0 ? "" : "no direction separates them";
                       }),
             of_unseen("eta kappa < 2",
                       [](const UnseenFacts& f) {
                           return f.eta_kappa < 2.0 ? "" : text("eta kappa = ", f.eta_kappa);
                       })},
            towards_largest_margin,
            {},
            implicit_rewards("the part on the reward model, with a rate of our own")};
}

}  // namespace prefdyn::theory
