#include "sim/finetune/evaluation.hpp"

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

PairBatch batch_of(std::span<const PairTokens> pairs, std::span<const std::size_t> which) {
    PairBatch out;
    for (const std::size_t i : which) out.add(pairs[i]);
    return out;
}

}  // namespace

template <class Real>
Evaluation evaluate(SequenceModel<Real>& model, const Parameters<Real>& weights,
                    std::span<const PairTokens> pairs, Index tokens, const PairsDone& done) {
    std::vector<std::size_t> all(pairs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    Evaluation out;
    out.embeddings.resize(static_cast<Index>(pairs.size()),
                          weights.layout().block(weights.layout().embedding()).cols);
    for (const auto& group : cut_pairs(pairs, all, tokens)) {
        const PairBatch batch = batch_of(pairs, group);
        const Rows<Real>& logits = model.forward(weights, batch.tokens, batch.rows, Keep::kNothing);
        const auto scores = score_pairs(logits, score_rows(logits), batch);
        for (std::size_t k = 0; k < group.size(); ++k)
            out.embeddings.row(static_cast<Index>(group[k])) =
                model.embeddings().row(batch.pairs[k][0].rows[0]).template cast<float>();
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

template <class Real>
MetricSums add_mean_gradient(SequenceModel<Real>& model, const Parameters<Real>& weights,
                             std::span<const PairTokens> pairs, std::span<const std::size_t> which,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan, Parameters<Real>& gradient) {
    MetricSums sums;
    Rows<Real> dlogits;
    for (const auto& group : cut_pairs(pairs, which, plan.tokens)) {
        const PairBatch batch = batch_of(pairs, group);
        const Rows<Real>& logits = model.forward(weights, batch.tokens, batch.rows, plan.keep);
        const RowScores rows = score_rows(logits);
        const auto scores = score_pairs(logits, rows, batch);
        std::vector<Objective::Value> values;
        for (std::size_t k = 0; k < group.size(); ++k) {
            values.push_back(objective.at(scores[k], reference[group[k]]));
            sums.add(objective.metrics(scores[k], reference[group[k]]));
        }
        objective_gradient(logits, rows, batch, values, 1.0 / static_cast<double>(which.size()),
                           dlogits);
        model.backward(dlogits, gradient);
    }
    return sums;
}

#define PREFDYN_INSTANTIATE(Real)                                                        \
    template Evaluation evaluate(SequenceModel<Real>&, const Parameters<Real>&,          \
                                 std::span<const PairTokens>, Index, const PairsDone&);  \
    template MetricSums add_mean_gradient(                                               \
        SequenceModel<Real>&, const Parameters<Real>&, std::span<const PairTokens>,      \
        std::span<const std::size_t>, std::span<const ReferenceLogps>, const Objective&, \
        const GradientPlan&, Parameters<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::finetune
