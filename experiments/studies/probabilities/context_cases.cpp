#include "experiments/studies/probabilities/context_cases.hpp"

#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

constexpr Index kDimension = 8;
constexpr double kNorm = 4.0;  ///< ||g_+||
constexpr double kBeta = 0.1;

enum Part : std::uint64_t { kContexts, kHead, kReference };

RowMatrix normal(Index rows, Index columns, std::uint64_t seed, Part part) {
    RowMatrix out(rows, columns);
    Stream stream(seed, Purpose::kFeatures, part);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return out;
}

void require_probability(const ContextDials& dials, double sum) {
    if (!(dials.chosen > 0.0 && dials.rejected > 0.0 && sum < 1.0))
        throw InputError(dials.name + ": probabilities " + std::to_string(dials.chosen) + " and " +
                             std::to_string(dials.rejected) + " leave nothing for other tokens",
                         "both positive, sum below 1");
}

/// Sets logit 0 (and 1) of `logits` so that softmax gives them these probabilities.
void pin(Eigen::Ref<Vector> logits, double first, const double* second) {
    const Index pinned = second ? 2 : 1;
    const double others = logits.tail(logits.size() - pinned).array().exp().sum();
    const double rest = 1.0 - first - (second ? *second : 0.0);
    logits(0) = std::log(first * others / rest);
    if (second) logits(1) = std::log(*second * others / rest);
}

/// Logits (V, 2) at the unit vectors along g_+ and orthogonal to it.
Matrix pinned_logits(const ContextDials& dials, const RowMatrix& noise) {
    require_probability(dials, dials.same_token ? std::max(dials.chosen, dials.rejected)
                                                : dials.chosen + dials.rejected);
    Matrix out = dials.spread * noise.leftCols(2);
    const double* second = dials.same_token ? nullptr : &dials.rejected;
    pin(out.col(0), dials.chosen, second);
    pin(out.col(1), dials.same_token ? dials.rejected : dials.chosen, second);
    return out;
}

/// Rows: an orthonormal pair, then the rest of the drawn contexts as they are.
RowMatrix draw_contexts(Index rows, std::uint64_t seed) {
    RowMatrix out = normal(rows, kDimension, seed, kContexts);
    out.row(0).normalize();
    out.row(1) -= out.row(1).dot(out.row(0)) * out.row(0);
    out.row(1).normalize();
    return out;
}

void add_examples(const ContextDials& dials, const RowMatrix& drawn, ContextPairs& pairs) {
    for (Index i = 1; i < dials.samples; ++i) {
        pairs.plus.row(i) = drawn.row(1 + 2 * i);
        pairs.minus.row(i) = drawn.row(2 + 2 * i);
        pairs.chosen.push_back((2 * i) % dials.vocabulary);
        pairs.rejected.push_back((2 * i + 1) % dials.vocabulary);
    }
}

ContextPairs make_pairs(const ContextDials& dials, const RowMatrix& drawn) {
    ContextPairs out;
    out.plus.resize(dials.samples, kDimension);
    out.minus.resize(dials.samples, kDimension);
    out.plus.row(0) = kNorm * drawn.row(0);
    out.minus.row(0) = kNorm * dials.norm_ratio *
                       (dials.rho * drawn.row(0) +
                        std::sqrt(std::max(0.0, 1.0 - dials.rho * dials.rho)) * drawn.row(1));
    out.chosen = {0};
    out.rejected = {dials.same_token ? 0 : 1};
    add_examples(dials, drawn, out);
    return out;
}

/// W whose logits at kNorm times the two unit vectors are `logits`, random elsewhere.
RowMatrix make_head(const Matrix& logits, const RowMatrix& drawn, RowMatrix rest) {
    for (Index k = 0; k < 2; ++k) {
        const Vector unit = drawn.row(k);
        rest += (logits.col(k) / kNorm - rest * unit) * unit.transpose();
    }
    return rest;
}

}  // namespace

theory::InfluenceFacts make_facts(const ContextDials& dials, std::uint64_t seed) {
    theory::InfluenceFacts out;
    const RowMatrix drawn = draw_contexts(2 * dials.samples + 1, seed);
    const RowMatrix noise = normal(dials.vocabulary, kDimension + 2, seed, kHead);
    out.pairs = make_pairs(dials, drawn);
    out.objective = dials.objective;
    out.beta = kBeta;
    out.head = make_head(pinned_logits(dials, noise), drawn,
                         dials.spread / kNorm * noise.rightCols(kDimension));
    out.reference = out.head + dials.reference_shift / kNorm *
                                   normal(dials.vocabulary, kDimension, seed, kReference);
    out.contexts.resize(3, kDimension);
    out.contexts << out.pairs.plus.row(0), out.pairs.minus.row(0), drawn.row(2);
    return out;
}

ContextTrainer honest_trainer(const theory::InfluenceFacts& facts) {
    return {facts.pairs, facts.reference, facts.objective, facts.beta};
}

double step_size(const theory::InfluenceFacts& facts, double c) {
    return c / (theory::example_weight(facts, 0) * static_cast<double>(facts.pairs.samples()) *
                facts.pairs.plus.row(0).squaredNorm());
}

void measure_single(theory::InfluenceFacts& facts, const ContextTrainer& trainer,
                    const std::vector<double>& sizes, double eta_factor) {
    RowMatrix direction;
    trainer.descent(facts.head, direction);
    for (const double c : sizes) {
        const double eta = step_size(facts, c);
        const RowMatrix head = facts.head + eta_factor * eta * direction;
        facts.single.push_back({1.0, eta, log_policy(head, facts.contexts)});
    }
}

void measure_path(theory::InfluenceFacts& facts, const ContextTrainer& trainer, double c,
                  Index steps, double eta_factor) {
    const double eta = step_size(facts, c);
    RowMatrix head = facts.head;
    facts.path.push_back({0.0, eta, log_policy(head, facts.contexts)});
    for (Index k = 1; k <= steps; ++k) {
        head = trainer.train(std::move(head), eta_factor * eta);
        facts.path.push_back({static_cast<double>(k), eta, log_policy(head, facts.contexts)});
    }
}

}  // namespace prefdyn
