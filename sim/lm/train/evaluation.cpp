#include "sim/lm/train/evaluation.hpp"

#include <algorithm>
#include <numeric>

namespace prefdyn::finetune {

std::vector<std::vector<std::size_t>> cut_pairs(std::span<const PairTokens> pairs,
                                                std::span<const std::size_t> which, Index tokens) {
    std::vector<std::vector<std::size_t>> out;
    Index left = 0;
    for (const std::size_t i : which) {
        const Index read = tokens_read(pairs[i]);
        if (out.empty() || read > left) {
            out.emplace_back();
            left = tokens;
        }
        out.back().push_back(i);
        left -= read;
    }
    return out;
}

Index longest_read(std::span<const PairTokens> pairs) {
    std::size_t longest = 1;
    for (const PairTokens& pair : pairs)
        longest = std::max({longest, pair.chosen.size() - 1, pair.rejected.size() - 1});
    return static_cast<Index>(longest);
}

namespace {

PairBatch batch_of(std::span<const PairTokens> pairs, std::span<const std::size_t> which,
                   double tail) {
    PairBatch out;
    out.tail = tail;
    for (const std::size_t i : which) out.add(pairs[i]);
    return out;
}

}  // namespace

Evaluation evaluate(Pass& pass, std::span<const PairTokens> pairs, Index tokens,
                    const PairsDone& done, double tail) {
    std::vector<std::size_t> all(pairs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    Evaluation out;
    for (const auto& group : cut_pairs(pairs, all, tokens)) {
        const PairBatch batch = batch_of(pairs, group, tail);
        const auto scores = score_pairs(pass.forward(batch, Keep::kNothing), batch);
        const transformer::RowsF embeddings = pass.embeddings();
        if (out.embeddings.size() == 0)
            out.embeddings.resize(static_cast<Index>(pairs.size()), embeddings.cols());
        for (std::size_t k = 0; k < group.size(); ++k)
            out.embeddings.row(static_cast<Index>(group[k])) =
                embeddings.row(batch.pairs[k][0].rows[0]);
        out.scores.insert(out.scores.end(), scores.begin(), scores.end());
        if (done) done(out.scores.size());
    }
    return out;
}

std::vector<ReferenceLogps> logps_of(const Evaluation& evaluation) {
    std::vector<ReferenceLogps> out;
    for (const PairScore& score : evaluation.scores) out.push_back({score[0].logp, score[1].logp});
    return out;
}

namespace {

using Values = std::vector<Objective::Value>;

std::vector<ReferenceLogps> chosen_of(std::span<const ReferenceLogps> all,
                                      std::span<const std::size_t> which) {
    std::vector<ReferenceLogps> out;
    for (const std::size_t i : which) out.push_back(all[i]);
    return out;
}

/// Pairs over tokens of their chosen answers.
double sft_share(std::span<const PairTokens> pairs, std::span<const std::size_t> which) {
    double tokens = 0.0;
    for (const std::size_t i : which)
        tokens += static_cast<double>(static_cast<Index>(pairs[i].chosen.size()) - pairs[i].prompt);
    return static_cast<double>(which.size()) / tokens;
}

/// Of all groups from a first pass over them.
Values values_of(Pass& pass, std::span<const PairTokens> pairs,
                 const std::vector<std::vector<std::size_t>>& groups,
                 std::span<const ReferenceLogps> reference, const Objective& objective,
                 double tail) {
    std::vector<PairScore> scores;
    for (const auto& group : groups) {
        const PairBatch batch = batch_of(pairs, group, tail);
        const auto some = score_pairs(pass.forward(batch, Keep::kNothing), batch);
        scores.insert(scores.end(), some.begin(), some.end());
    }
    return objective.at(scores, reference);
}

}  // namespace

MetricSums add_mean_gradient(Pass& pass, std::span<const PairTokens> pairs,
                             std::span<const std::size_t> which,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan) {
    MetricSums sums;
    const auto groups = cut_pairs(pairs, which, plan.tokens);
    const double share = sft_share(pairs, which);
    Values all;
    if (objective.sorts() && groups.size() > 1)
        all = values_of(pass, pairs, groups, chosen_of(reference, which), objective, plan.tail);
    std::size_t done = 0;
    for (const auto& group : groups) {
        const PairBatch batch = batch_of(pairs, group, plan.tail);
        const auto scores = score_pairs(pass.forward(batch, plan.keep), batch);
        const auto own = chosen_of(reference, group);
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(done);
        const Values values =
            all.empty() ? objective.at(scores, own, share)
                        : Values(first, first + static_cast<std::ptrdiff_t>(group.size()));
        for (std::size_t k = 0; k < group.size(); ++k)
            sums.add(objective.metrics(scores[k], own[k], values[k].loss));
        pass.backward(logit_gradient(batch, values, 1.0 / static_cast<double>(which.size())));
        done += group.size();
    }
    return sums;
}

}  // namespace prefdyn::finetune
