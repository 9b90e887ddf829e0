// Razin et al., arXiv 2410.08847: derivative identities where hidden states are trained too
// (theory.md T17).

#include "theory/answers/answer_facts.hpp"
#include "theory/claim.hpp"

namespace prefdyn::theory {

namespace {

Assumption has_answers(std::string words, bool (*met)(const AnswerFacts&)) {
    return {words, [words, met](const Evidence& e) -> std::string {
                const AnswerFacts* facts = e.find<AnswerFacts>();
                if (!facts) return "no answers";
                return met(*facts) ? "" : "not so: " + words;
            }};
}

Comparison equal(const AnswerFacts& f, double measured, double claimed) {
    const double error = f.error * f.largest;
    return {0.0, 0.0, {measured, error}, {claimed, error}, Relation::kEqual, {.scale = f.largest}};
}

bool different_first_tokens(const AnswerFacts& f) {
    for (const AnswerPair& pair : f.pairs)
        if (pair.chosen.token.front() == pair.rejected.token.front()) return false;
    return true;
}

}  // namespace

Claim chosen_token_slope() {
    return {
        "T17a",
        "slope of the chosen token",
        "d/dt ln pi(y+) = -l' [ m - (1 - pi+ + pi-) <W+, W-> - sum_{z != +,-} pi_z <W_z, W+ - "
        "W->], m = (1 - pi+) ||W+||^2 + pi- ||W-||^2 + (1 - pi+ + pi-) ||h||^2; head and hidden "
        "state trained",
        "theory.md T17a; the chain rule over W and h",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {has_answers("one pair of answers of one token",
                     [](const AnswerFacts& f) { return f.one_pair() && f.one_token(); })},
        [](const Evidence& e) -> std::vector<Comparison> {
            const auto& f = e.get<AnswerFacts>();
            return {equal(f, f.chosen_slope.front(),
                          -f.loss_slope.front() * first_token_bracket(f.state, f.pairs.front()))};
        },
        {},
        razin("Theorem 4", "as stated")};
}

Claim other_token_slopes() {
    return {"T17b",
            "slopes of the other tokens",
            "d/dt ln pi(z) = -l' [ <W_z, W+ - W-> + (pi- - pi+) ||h||^2 - sum_z' pi_z' <W_z', W+ - "
            "W-> ]; printed with l for l', which is false",
            "theory.md T17b; the chain rule over W and h",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_answers("one pair of answers of one token",
                         [](const AnswerFacts& f) { return f.one_pair() && f.one_token(); })},
            [](const Evidence& e) {
                const auto& f = e.get<AnswerFacts>();
                const AnswerPair& pair = f.pairs.front();
                std::vector<Comparison> out;
                for (Index z = 0; z < f.token_slope.size(); ++z)
                    if (z != pair.chosen.token.front() && z != pair.rejected.token.front())
                        out.push_back(
                            equal(f, f.token_slope(z),
                                  -f.loss_slope.front() * other_token_bracket(f.state, pair, z)));
                return out;
            },
            {},
            razin("Theorem 5", "with the slope of the loss where it prints the loss")};
}

Claim chosen_answer_slope() {
    return {"T17c",
            "slope of an answer of several tokens",
            "d/dt ln pi(y+) = -l' [ m' + S - sum alpha-_kk' <h+_k, h-_k'> + sum alpha+_kk' <h+_k, "
            "h+_k'> ], alpha = <e_{y_k} - pi, e_{y_k'} - pi>; CHES is this with every alpha 1",
            "theory.md T17c; the chain rule over W and all hidden states",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_answers("one pair of answers", [](const AnswerFacts& f) { return f.one_pair(); }),
             has_answers("first tokens differ", different_first_tokens)},
            [](const Evidence& e) -> std::vector<Comparison> {
                const auto& f = e.get<AnswerFacts>();
                return {equal(f, f.chosen_slope.front(),
                              -f.loss_slope.front() * answer_bracket(f.state, f.pairs.front()))};
            },
            {},
            razin("Theorem 6", "as stated; T12c is its part in the hidden states for one token")};
}

Claim chosen_slopes_of_many() {
    return {
        "T17d",
        "slopes with several pairs",
        "N d/dt ln pi(y+_i) = T17a's right side + sum_{j != i} -l'_j alpha_j <h_i, h_j>, alpha = "
        "1[y+_i = y+_j] - 1[y+_i = y-_j] + pi_i(y-_j) - pi_i(y+_j)",
        "theory.md T17d; other prompts act through the head alone",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {has_answers("answers of one token", [](const AnswerFacts& f) { return f.one_token(); })},
        [](const Evidence& e) {
            const auto& f = e.get<AnswerFacts>();
            const double n = static_cast<double>(f.pairs.size());
            std::vector<Comparison> out;
            for (std::size_t i = 0; i < f.pairs.size(); ++i) {
                double sum = -f.loss_slope[i] * first_token_bracket(f.state, f.pairs[i]);
                const auto mine = f.state.context.row(f.pairs[i].chosen.context.front());
                for (std::size_t j = 0; j < f.pairs.size(); ++j)
                    if (j != i)
                        sum -= f.loss_slope[j] * between_pairs(f.state, f.pairs[i], f.pairs[j]) *
                               mine.dot(f.state.context.row(f.pairs[j].chosen.context.front()));
                out.push_back(equal(f, f.chosen_slope[i], sum / n));
            }
            return out;
        },
        {},
        razin("Theorem 8", "as stated, for answers of one token")};
}

}  // namespace prefdyn::theory
