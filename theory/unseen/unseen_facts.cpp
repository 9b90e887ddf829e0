#include "theory/unseen/unseen_facts.hpp"

#include <set>

namespace prefdyn::theory {

namespace {

/// log(1 + x), x > -1.
Ball logarithm_of_ratio(const Ball& above, const Ball& below) {
    return log1p((above - below) / below);
}

}  // namespace

Index shared_token(const UnseenFacts& facts) {
    std::set<Index> named;
    for (const TokenPair& pair : facts.trained) named.insert({pair.first, pair.second});
    for (const TokenPair& pair : facts.unseen)
        for (const Index token : {pair.first, pair.second})
            if (named.count(token) > 0) return token;
    return -1;
}

Ball margin_reached(const UnseenFacts& facts, std::size_t early, std::size_t late) {
    const ExplicitRecord &from = facts.reward[early], &to = facts.reward[late];
    const Ball N(static_cast<double>(facts.pairs)), before(from.loss, from.loss_error),
        after(to.loss, to.loss_error);
    // Of all rows the worst has at most the sum of the losses: softplus(-m) <= N L.
    const Ball grown = expm1(N * after);
    if (!(grown.high() < 1.0)) return {-kInfinity, 0.0};
    const Ball least = -log1p(grown - Ball(1.0));
    const Ball share = -expm1(-(N * before)) / (N * before);
    const Ball length =
        Ball(from.size, from.size_error) +
        logarithm_of_ratio(before, after) /
            ((Ball(1.0) - Ball(facts.eta_kappa) / Ball(2.0)) * share * facts.largest_low);
    return least / length;
}

}  // namespace prefdyn::theory
