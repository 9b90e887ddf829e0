#include "sim/lm/train/objective.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/lm/train/element.hpp"

namespace prefdyn::finetune {

template <class Real>
RowScores score_rows(const Rows<Real>& logits) {
    const auto n = static_cast<std::size_t>(logits.rows());
    RowScores out{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
                  std::vector<Index>(n)};
#pragma omp parallel for schedule(static)
    for (std::size_t r = 0; r < n; ++r) {
        const Real* z = logits.row(static_cast<Index>(r)).data();
        const Index V = logits.cols(), top = std::max_element(z, z + V) - z;
        double total = 0.0, weighted = 0.0, sum = 0.0;
        for (Index v = 0; v < V; ++v) {
            const double below = static_cast<double>(z[v]) - static_cast<double>(z[top]);
            const double weight = std::exp(below);
            total += weight;
            weighted += weight * below;
            sum += static_cast<double>(z[v]);
        }
        out.top[r] = top;
        out.logsumexp[r] = static_cast<double>(z[top]) + std::log(total);
        out.entropy[r] = std::log(total) - weighted / total;
        out.mean[r] = sum / static_cast<double>(V);
    }
    return out;
}

template <class Real>
LogitScores score_logits(const Rows<Real>& logits, const PairBatch& batch) {
    LogitScores out{score_rows(logits), {}};
    batch.for_each_token([&](std::size_t, std::size_t, Index row, std::int32_t token) {
        out.tokens.push_back(static_cast<double>(logits(row, token)));
    });
    return out;
}

std::vector<PairScore> score_pairs(const LogitScores& scores, const PairBatch& batch) {
    std::vector<PairScore> out(batch.pairs.size());
    std::size_t k = 0;
    batch.for_each_token([&](std::size_t i, std::size_t side, Index row, std::int32_t token) {
        ResponseScore& score = out[i][side];
        const auto r = static_cast<std::size_t>(row);
        score.logp += scores.tokens[k++] - scores.rows.logsumexp[r];
        score.entropy += scores.rows.entropy[r];
        score.logit += scores.rows.mean[r];
        score.correct += scores.rows.top[r] == token;
        ++score.length;
    });
    return out;
}

void MetricSums::add(const MetricSums& o) {
    pairs += o.pairs;
    loss += o.loss;
    for (int k = 0; k < 2; ++k) {
        reward[k] += o.reward[k];
        logp[k] += o.logp[k];
        logit[k] += o.logit[k];
        length[k] += o.length[k];
    }
    reward_wins += o.reward_wins;
    reward_ties += o.reward_ties;
    policy_wins += o.policy_wins;
    entropy += o.entropy;
    correct += o.correct;
}

Objective::Objective(const LossSpec& spec)
    : loss_(make_loss(spec)),
      beta_(spec.beta),
      by_length_(spec.name == "ipo" || spec.name == "sigmoid_norm") {
    if (loss_->facts().form == LossForm::kSorted)
        throw InputError("loss '" + spec.name + "' sorts margins over a batch",
                         "sequences are trained with losses of one pair's log-ratios");
}

Objective::Value Objective::at(const PairScore& score, const ReferenceLogps& reference) const {
    double reward[2], factor[2];
    for (std::size_t k = 0; k < 2; ++k) {
        factor[k] = by_length_ ? beta_ / static_cast<double>(score[k].length) : beta_;
        reward[k] = factor[k] * (score[k].logp - reference[k]);
    }
    const LossSlopes slopes = loss_->slopes(reward[0], reward[1]);
    return {loss_->value(reward[0], reward[1]), factor[0] * slopes.chosen,
            factor[1] * slopes.rejected};
}

MetricSums Objective::metrics(const PairScore& score, const ReferenceLogps& reference) const {
    MetricSums out;
    out.pairs = 1.0;
    out.loss = at(score, reference).loss;
    for (std::size_t k = 0; k < 2; ++k) {
        out.reward[k] = beta_ * (score[k].logp - reference[k]);
        out.logp[k] = score[k].logp;
        out.logit[k] = score[k].logit;
        out.length[k] = static_cast<double>(score[k].length);
        out.entropy += score[k].entropy;
    }
    out.reward_wins = out.reward[0] > out.reward[1];
    out.reward_ties = out.reward[0] == out.reward[1];
    out.policy_wins = score[0].logp > score[1].logp;
    out.correct = static_cast<double>(score[0].correct);
    return out;
}

LogitGradient logit_gradient(const PairBatch& batch, std::span<const Objective::Value> values,
                             double scale) {
    LogitGradient out{{}, std::vector<double>(batch.rows.size(), 0.0)};
    batch.for_each_token([&](std::size_t i, std::size_t side, Index row, std::int32_t token) {
        const double share = scale * (side == 0 ? values[i].chosen : values[i].rejected);
        out.entries.push_back({row, token, share});
        out.row[static_cast<std::size_t>(row)] += share;
    });
    return out;
}

template <class Real>
void fill_logit_gradient(const Rows<Real>& logits, const std::vector<double>& logsumexp,
                         const LogitGradient& gradient, Rows<Real>& dlogits) {
    dlogits.resize(logits.rows(), logits.cols());
#pragma omp parallel for schedule(static)
    for (Index row = 0; row < logits.rows(); ++row) {
        const auto r = static_cast<std::size_t>(row);
        for (Index v = 0; v < logits.cols(); ++v)
            dlogits(row, v) = static_cast<Real>(
                logit_slope(static_cast<double>(logits(row, v)), logsumexp[r], gradient.row[r]));
    }
    for (const auto& [row, token, share] : gradient.entries)
        dlogits(row, token) += static_cast<Real>(share);
}

#define PREFDYN_INSTANTIATE(Real)                                                    \
    template RowScores score_rows(const Rows<Real>&);                                \
    template LogitScores score_logits(const Rows<Real>&, const PairBatch&);          \
    template void fill_logit_gradient(const Rows<Real>&, const std::vector<double>&, \
                                      const LogitGradient&, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::finetune
