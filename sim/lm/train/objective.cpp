#include "sim/lm/train/objective.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <numeric>
#include <sstream>

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
        const double logp = scores.tokens[k++] - scores.rows.logsumexp[r];
        score.logp += batch.share(i, static_cast<std::size_t>(score.length)) * logp;
        score.whole += logp;
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

std::vector<std::string> objective_names() {
    std::vector<std::string> out = loss_names();
    out.insert(out.end(), {"aot_unpaired", "sft"});
    return out;
}

namespace {

struct Named {
    double weight;
    std::string name;
};

/// "NAME" or "WEIGHT NAME".
Named parse_term(const std::string& text) {
    std::istringstream words(text);
    const std::vector<std::string> parts(std::istream_iterator<std::string>(words), {});
    Named out{1.0, parts.empty() ? "" : parts.back()};
    const std::vector<std::string> known = objective_names();
    if (parts.empty() || parts.size() > 2 ||
        std::find(known.begin(), known.end(), out.name) == known.end()) {
        std::string all;
        for (const std::string& each : known) all.append(all.empty() ? "" : ", ").append(each);
        throw InputError("'" + text + "' is no loss",
                         "known: " + all + "; sums as sigmoid + 0.1 sft");
    }
    if (parts.size() == 1) return out;
    char* end = nullptr;
    out.weight = std::strtod(parts[0].c_str(), &end);
    if (*end != '\0' || !(out.weight > 0.0 && out.weight <= 1e6))
        throw InputError("'" + parts[0] + "' in front of " + out.name + " is no weight",
                         "weights are numbers in (0, 1e6], as in sigmoid + 0.1 sft");
    return out;
}

std::vector<Named> parse_sum(const std::string& text) {
    std::vector<Named> out;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find('+', begin), text.size());
        out.push_back(parse_term(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return out;
}

}  // namespace

void require_objective(const std::string& text) { parse_sum(text); }

namespace {

/// Whether a loss of one pair looks at the difference of its rewards alone.
bool takes_difference(const std::string& name) {
    return name != "aot_unpaired" &&
           make_loss(typical_loss(name, 1.0))->facts().form == LossForm::kMargin;
}

}  // namespace

void require_divergence(const std::string& text, const Divergence& divergence) {
    if (divergence.kind == DivergenceKind::kReverseKl) return;
    std::string known = "sft";
    for (const std::string& name : objective_names())
        if (name != "sft" && takes_difference(name)) known.append(", ").append(name);
    for (const Named& named : parse_sum(text))
        if (named.name != "sft" && !takes_difference(named.name))
            throw InputError(
                "loss " + named.name + " is known under reverse_kl alone",
                "losses of the difference of two rewards are known under others: " + known);
}

Objective::Objective(const LossSpec& spec, const Divergence& divergence)
    : beta_(spec.beta), divergence_(divergence) {
    require_divergence(spec.name, divergence);
    for (const Named& named : parse_sum(spec.name)) {
        Term term{Kind::kSft, named.weight, nullptr};
        if (named.name != "sft") {
            LossSpec own = spec;
            own.name = named.name == "aot_unpaired" ? "aot" : named.name;
            term.loss = make_loss(own);
            term.kind = named.name == "aot_unpaired"                          ? Kind::kAotUnpaired
                        : named.name == "aot"                                 ? Kind::kAot
                        : named.name == "ipo" || named.name == "sigmoid_norm" ? Kind::kByLength
                                                                              : Kind::kPair;
        }
        terms_.push_back(std::move(term));
    }
}

bool Objective::sorts() const {
    return std::any_of(terms_.begin(), terms_.end(), [](const Term& term) {
        return term.kind == Kind::kAot || term.kind == Kind::kAotUnpaired;
    });
}

bool Objective::by_length() const {
    return std::any_of(terms_.begin(), terms_.end(),
                       [](const Term& term) { return term.kind == Kind::kByLength; });
}

void Objective::add_pairwise(const Term& term, std::span<const PairScore> scores,
                             std::span<const ReferenceLogps> references,
                             std::vector<Value>& out) const {
    for (std::size_t i = 0; i < scores.size(); ++i) {
        double reward[2], factor[2];
        for (std::size_t k = 0; k < 2; ++k) {
            const Divergence::Score score = divergence_.at(scores[i][k].logp - references[i][k]);
            const double scale = term.kind == Kind::kByLength
                                     ? beta_ / static_cast<double>(scores[i][k].length)
                                     : beta_;
            reward[k] = scale * score.value;
            factor[k] = scale * score.slope;
        }
        const LossSlopes slopes = term.loss->slopes(reward[0], reward[1]);
        out[i].loss += term.weight * term.loss->value(reward[0], reward[1]);
        out[i].chosen += term.weight * factor[0] * slopes.chosen;
        out[i].rejected += term.weight * factor[1] * slopes.rejected;
    }
}

namespace {

/// The pairs' numbers from the smallest of these values to the largest; of equal ones the first.
std::vector<std::size_t> by_rank(const std::vector<double>& values) {
    std::vector<std::size_t> out(values.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    std::stable_sort(out.begin(), out.end(),
                     [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    return out;
}

}  // namespace

/// Rank by rank phi(beta (a_(k) - b_(k))): aot sorts a = log pi(y_w) - log pi(y_l) and the same b
/// of the reference, aot_unpaired the log-ratios a of chosen and b of rejected answers.
void Objective::add_sorted(const Term& term, std::span<const PairScore> scores,
                           std::span<const ReferenceLogps> references,
                           std::vector<Value>& out) const {
    const bool unpaired = term.kind == Kind::kAotUnpaired;
    std::vector<double> a, b;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const double chosen = scores[i][0].logp, rejected = scores[i][1].logp;
        a.push_back(unpaired ? chosen - references[i][0] : chosen - rejected);
        b.push_back(unpaired ? rejected - references[i][1] : references[i][0] - references[i][1]);
    }
    const std::vector<std::size_t> of_a = by_rank(a), of_b = by_rank(b);
    for (std::size_t k = 0; k < a.size(); ++k) {
        const double margin = beta_ * (a[of_a[k]] - b[of_b[k]]);
        const double slope = term.weight * beta_ * term.loss->margin()->derivative(margin);
        out[of_a[k]].loss += term.weight * term.loss->margin()->value(margin);
        out[of_a[k]].chosen += slope;
        out[unpaired ? of_b[k] : of_a[k]].rejected -= slope;
    }
}

std::vector<Objective::Value> Objective::at(std::span<const PairScore> scores,
                                            std::span<const ReferenceLogps> references,
                                            std::optional<double> sft_share) const {
    std::vector<Value> out(scores.size());
    if (!sft_share) {
        double tokens = 0.0;
        for (const PairScore& score : scores) tokens += static_cast<double>(score[0].length);
        sft_share = static_cast<double>(scores.size()) / tokens;
    }
    for (const Term& term : terms_) {
        if (term.kind == Kind::kSft)
            for (std::size_t i = 0; i < scores.size(); ++i) {
                out[i].loss -= term.weight * *sft_share * scores[i][0].whole;
                out[i].whole -= term.weight * *sft_share;
            }
        else if (term.kind == Kind::kAot || term.kind == Kind::kAotUnpaired)
            add_sorted(term, scores, references, out);
        else
            add_pairwise(term, scores, references, out);
    }
    return out;
}

Objective::Value Objective::at(const PairScore& score, const ReferenceLogps& reference) const {
    return at(std::span(&score, 1), std::span(&reference, 1)).front();
}

MetricSums Objective::metrics(const PairScore& score, const ReferenceLogps& reference,
                              double loss) const {
    MetricSums out;
    out.pairs = 1.0;
    out.loss = loss;
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
    for (std::size_t i = 0; i < batch.pairs.size(); ++i)
        for (std::size_t side = 0; side < 2; ++side) {
            const Response& response = batch.pairs[i][side];
            const double slope = side == 0 ? values[i].chosen : values[i].rejected;
            const double whole = side == 0 ? values[i].whole : 0.0;
            for (std::size_t k = 0; k < response.tokens.size(); ++k) {
                const double share = scale * (batch.share(i, k) * slope + whole);
                out.entries.push_back({response.rows[k], response.tokens[k], share});
                out.row[static_cast<std::size_t>(response.rows[k])] += share;
            }
        }
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
