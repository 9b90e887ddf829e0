#include "sim/finetune/objective.hpp"

#include <algorithm>
#include <cmath>

#include "sim/error.hpp"

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

namespace {

template <class Real>
ResponseScore score_response(const Rows<Real>& logits, const RowScores& rows,
                             const Response& response) {
    ResponseScore out;
    out.length = response.length();
    for (std::size_t k = 0; k < response.tokens.size(); ++k) {
        const Index row = response.rows[k];
        const auto r = static_cast<std::size_t>(row);
        out.logp += static_cast<double>(logits(row, response.tokens[k])) - rows.logsumexp[r];
        out.entropy += rows.entropy[r];
        out.logit += rows.mean[r];
        out.correct += rows.top[r] == response.tokens[k];
    }
    return out;
}

}  // namespace

template <class Real>
std::vector<PairScore> score_pairs(const Rows<Real>& logits, const RowScores& rows,
                                   const PairBatch& batch) {
    std::vector<PairScore> out;
    for (const auto& [chosen, rejected] : batch.pairs)
        out.push_back(
            {score_response(logits, rows, chosen), score_response(logits, rows, rejected)});
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

template <class Real>
void objective_gradient(const Rows<Real>& logits, const RowScores& rows, const PairBatch& batch,
                        std::span<const Objective::Value> values, double scale,
                        Rows<Real>& dlogits) {
    std::vector<double> pull(static_cast<std::size_t>(logits.rows()), 0.0);
    const auto each = [&](auto action) {
        for (std::size_t i = 0; i < values.size(); ++i)
            for (std::size_t side = 0; side < 2; ++side) {
                const Response& response = batch.pairs[i][side];
                const double a = scale * (side == 0 ? values[i].chosen : values[i].rejected);
                for (std::size_t k = 0; k < response.tokens.size(); ++k)
                    action(response.rows[k], response.tokens[k], a);
            }
    };
    each([&](Index row, std::int32_t, double a) { pull[static_cast<std::size_t>(row)] += a; });
    dlogits.resize(logits.rows(), logits.cols());
    // A row's gradient is sum_y a_y (e_y - p).
#pragma omp parallel for schedule(static)
    for (Index row = 0; row < logits.rows(); ++row) {
        const auto r = static_cast<std::size_t>(row);
        for (Index v = 0; v < logits.cols(); ++v)
            dlogits(row, v) =
                pull[r] == 0.0
                    ? Real(0)
                    : static_cast<Real>(-pull[r] * std::exp(static_cast<double>(logits(row, v)) -
                                                            rows.logsumexp[r]));
    }
    each([&](Index row, std::int32_t token, double a) {
        dlogits(row, token) += static_cast<Real>(a);
    });
}

#define PREFDYN_INSTANTIATE(Real)                                                           \
    template RowScores score_rows(const Rows<Real>&);                                       \
    template std::vector<PairScore> score_pairs(const Rows<Real>&, const RowScores&,        \
                                                const PairBatch&);                          \
    template void objective_gradient(const Rows<Real>&, const RowScores&, const PairBatch&, \
                                     std::span<const Objective::Value>, double, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::finetune
