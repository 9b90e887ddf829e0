#include "theory/influence.hpp"

#include <doctest/doctest.h>

#include "experiments/studies/probabilities/context_cases.hpp"
#include "experiments/studies/probabilities/probability_controls.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::InfluenceFacts;

const theory::Claim& claim(const std::string& id) {
    for (const auto& c : theory::claims())
        if (c.id == id) return c;
    throw InputError("no claim " + id);
}

theory::Verdict judged(const std::string& id, const InfluenceFacts& facts) {
    const theory::Evidence evidence = evidence_of(facts);
    return theory::judge(claim(id), std::span(&evidence, 1));
}

ContextDials dials(Objective objective, double rho, Index samples = 1) {
    ContextDials out;
    out.name = "test";
    out.objective = objective;
    out.vocabulary = 6;
    out.rho = rho;
    out.samples = samples;
    out.reference_shift = 0.7;
    return out;
}

/// exp(z) / sum exp(z) of W g by plain loops.
Vector plain_pi(const RowMatrix& W, const RowMatrix& contexts, Index row) {
    Vector pi(W.rows());
    for (Index v = 0; v < W.rows(); ++v) {
        double z = 0.0;
        for (Index j = 0; j < W.cols(); ++j) z += W(v, j) * contexts(row, j);
        pi(v) = std::exp(z);
    }
    return pi / pi.sum();
}

/// A_o K G of one context pair with A (V, V) and G (V) written out, sign of -eta A K G.
Vector plain_influence(const InfluenceFacts& f, Index o, const RowMatrix& contexts, Index i,
                       Index token) {
    const Index V = f.head.rows();
    const Vector pi_o = plain_pi(f.head, f.contexts, o), pi_u = plain_pi(f.head, contexts, i);
    double kernel = 0.0;
    for (Index j = 0; j < f.head.cols(); ++j) kernel += f.contexts(o, j) * contexts(i, j);
    Vector out = Vector::Zero(V);
    for (Index v = 0; v < V; ++v)
        for (Index w = 0; w < V; ++w) {
            const double A = (v == w ? 1.0 : 0.0) - pi_o(w);
            const double G = pi_u(w) - (w == token ? 1.0 : 0.0);
            out(v) -= A * kernel * G;
        }
    return out;
}

Vector plain_response(const InfluenceFacts& f, Index o) {
    Vector out = Vector::Zero(f.head.rows());
    const double n = static_cast<double>(f.pairs.samples());
    for (Index i = 0; i < f.pairs.samples(); ++i) {
        const auto k = static_cast<std::size_t>(i);
        const Index yes = f.pairs.chosen[k], no = f.pairs.rejected[k];
        const double m = f.beta * std::log(plain_pi(f.head, f.pairs.plus, i)(yes) /
                                           plain_pi(f.reference, f.pairs.plus, i)(yes) /
                                           plain_pi(f.head, f.pairs.minus, i)(no) *
                                           plain_pi(f.reference, f.pairs.minus, i)(no));
        const double weight = f.objective == Objective::kDpo ? f.beta / (1.0 + std::exp(m)) : 1.0;
        if (f.objective != Objective::kUnlikelihood)
            out += weight / n * plain_influence(f, o, f.pairs.plus, i, yes);
        if (f.objective != Objective::kSft)
            out -= weight / n * plain_influence(f, o, f.pairs.minus, i, no);
    }
    return out;
}

}  // namespace

TEST_CASE("the response is A K G written out, for every objective, one and two contexts") {
    for (std::size_t k = 0; k < objective_names().size(); ++k)
        for (const double rho : {1.0, 0.3, -0.8})
            for (const Index n : {1, 3}) {
                const InfluenceFacts f =
                    make_facts(dials(static_cast<Objective>(k), rho, n), seed());
                const theory::Response got = theory::first_order_response(f);
                for (Index o = 0; o < f.contexts.rows(); ++o) {
                    const Vector want = plain_response(f, o), have = got.logp.row(o);
                    CHECK(relative_error(have, want) <= 1e-12);
                }
            }
}

TEST_CASE("the response is the derivative of the measured log-probabilities") {
    for (std::size_t k = 0; k < objective_names().size(); ++k) {
        InfluenceFacts f = make_facts(dials(static_cast<Objective>(k), 0.3, 3), seed() + 1);
        const theory::Response response = theory::first_order_response(f);
        measure_single(f, honest_trainer(f), {1e-4, -1e-4});
        const RowMatrix slope = (f.single[0].logp - f.single[1].logp) / (2.0 * f.single[0].eta);
        CHECK(relative_error(slope, response.logp) <= 1e-7);
    }
}

TEST_CASE("one context, DPO: third tokens share one shift; CHES is 0") {
    const InfluenceFacts f = make_facts(dials(Objective::kDpo, 1.0), seed());
    const theory::Response r = theory::first_order_response(f);
    const Vector pi = r.log_pi.row(0).array().exp();
    const double scale = theory::example_weight(f, 0) * f.pairs.plus.row(0).squaredNorm();
    for (Index v = 0; v < pi.size(); ++v) {
        const double own = v == 0 ? 1.0 : v == 1 ? -1.0 : 0.0;
        CHECK(relative_error(r.logp(0, v), scale * (own - pi(0) + pi(1))) <= 1e-12);
    }
    CHECK(theory::ches(f.pairs.plus.row(0), f.pairs.minus.row(0)) == 0.0);
}

TEST_CASE("||I - 1 pi^T||_F^2 = V ||pi||^2 + V - 2") {
    const Vector pi = plain_pi(gaussian(7, 3, 1), gaussian(1, 3, 2), 0);
    const Matrix A = Matrix::Identity(7, 7) - Vector::Ones(7) * pi.transpose();
    CHECK(relative_error(A.squaredNorm(), 7.0 * pi.squaredNorm() + 5.0) <= 1e-14);
}

TEST_CASE("CHES by hand") {
    Vector plus(2), minus(2);
    plus << 1.0, 2.0;
    minus << 4.0, -1.0;
    CHECK(theory::ches(plus, minus) == -3.0);
    CHECK(theory::ches(plus, 3.0 * plus) == 10.0);
}

TEST_CASE("the closed form of the chosen token's rate is the decomposition's entry") {
    for (const bool same : {false, true})
        for (const double rho : {-0.9, 0.0, 0.6}) {
            ContextDials d = dials(Objective::kDpo, rho);
            d.same_token = same;
            d.norm_ratio = 1.7;
            const InfluenceFacts f = make_facts(d, seed());
            CHECK(relative_error(theory::chosen_rate(f), plain_response(f, 0)(0)) <= 1e-12);
        }
}

TEST_CASE("no displacement to first order for one policy in two contexts of equal norm, rho >= 0") {
    for (std::uint64_t k = 0; k < 50; ++k) {
        const Vector logits = 3.0 * gaussian(9, 1, 100 + k).col(0);
        const double rho = 0.02 * static_cast<double>(k);
        InfluenceFacts f;
        f.pairs = {RowMatrix(1, 2), RowMatrix(1, 2), {0}, {1}};
        f.pairs.plus << 1.0, 0.0;
        f.pairs.minus << rho, std::sqrt(1.0 - rho * rho);
        // W g_+ = W g_- = logits.
        f.head.resize(9, 2);
        f.head.col(0) = logits;
        f.head.col(1) = logits * ((1.0 - rho) / f.pairs.minus(0, 1));
        f.reference = f.head;
        f.contexts = f.pairs.plus;
        CHECK(theory::chosen_rate(f) > 0.0);
    }
}

TEST_CASE("shortfall: brackets log-sum-exp, is tight for small steps and exact at zero") {
    const Vector z = 2.0 * gaussian(11, 1, 1).col(0), dz = gaussian(11, 1, 2).col(0);
    const auto lse = [](const Vector& x) { return std::log(x.array().exp().sum()); };
    const Vector pi = (z.array() - lse(z)).exp();
    const double mean = pi.dot(dz), range = dz.maxCoeff() - dz.minCoeff();
    const double variance = pi.dot((dz.array() - mean).square().matrix());
    for (const double eta : {1e-3, 0.1, 1.0, 10.0}) {
        const auto [low, high] = theory::shortfall(variance, range, eta);
        const double exact = lse(z + eta * dz) - lse(z) - eta * mean;
        CHECK(exact >= low - 1e-14);
        CHECK(exact <= high + 1e-14);
        CHECK(low > 0.0);
    }
    const auto [low, high] = theory::shortfall(variance, range, 1e-6);
    CHECK(relative_error(high, 0.5e-12 * variance) <= 1e-5);
    CHECK(relative_error(low, 0.5e-12 * variance) <= 1e-5);
    CHECK(theory::shortfall(variance, range, 0.0).high == 0.0);
    CHECK(relative_error(theory::shortfall(variance, range, 1e3).high, range * range * 1e6 / 8.0) <=
          1e-15);
    CHECK(std::isnan(theory::shortfall(kNan, range, 1.0).low));
    // Two tokens of equal probability: x^2 / 8 is attained to second order.
    CHECK(relative_error(theory::shortfall(0.25, 1.0, 1e-4).high, 1e-8 / 8.0) <= 1e-4);
}

TEST_CASE("an assumption that is not met is named") {
    InfluenceFacts f = make_facts(dials(Objective::kSft, 1.0), seed());
    CHECK(contains(judged("T12a", f).reason, "after one update"));
    CHECK(contains(judged("T12b", f).reason, "successive updates"));
    measure_single(f, honest_trainer(f), {0.1, 0.05});
    measure_path(f, honest_trainer(f), 0.1, 2);
    CHECK(contains(judged("T12b", f).reason, "dpo"));
    CHECK(contains(judged("T12c", f).reason, "dpo"));
    CHECK(contains(judged("T12d", f).reason, "unlikelihood"));
    f = make_facts(dials(Objective::kDpo, 0.5, 2), seed());
    measure_single(f, honest_trainer(f), {0.1, 0.05});
    measure_path(f, honest_trainer(f), 0.1, 2);
    CHECK(contains(judged("T12b", f).reason, "same context"));
    CHECK(contains(judged("T12c", f).reason, "one example"));
    const theory::Evidence nothing;
    CHECK(contains(theory::judge(claim("T12e"), std::span(&nothing, 1)).reason, "measured"));
}

TEST_CASE("T12: NaN never passes, and a deviation of 1e-9 of one token is seen") {
    for (const std::string id : {"T12a", "T12b", "T12c", "T12d", "T12e"}) {
        CAPTURE(id);
        InfluenceFacts f = make_facts(
            dials(id == "T12d" ? Objective::kUnlikelihood : Objective::kDpo, 1.0), seed());
        measure_single(f, honest_trainer(f), {0.05, 0.025});
        measure_path(f, honest_trainer(f), 0.5, 3);
        CHECK(judged(id, f).status == theory::Status::kHolds);
        InfluenceFacts bad = f;
        for (const Index o : {0, 1}) {
            bad.single[0].logp(o, 0) = bad.single[1].logp(o, 0) = kNan;
            bad.path[2].logp(o, 0) = bad.path[2].logp(o, 5) = kNan;
        }
        CHECK(judged(id, bad).status == theory::Status::kViolated);
        if (id == "T12a" || id == "T12c") continue;
        bad = f;
        bad.single[0].logp(0, 4) += 1e-4;
        bad.path[2].logp(0, 4) += 1e-9;
        bad.path[2].logp(1, 4) += 1e-9;
        CHECK(judged(id, bad).status == theory::Status::kViolated);
    }
}

TEST_CASE("T12d grants the rounding of large steps at an all but certain token") {
    ContextDials d = dials(Objective::kUnlikelihood, 0.0);
    d.same_token = true;
    d.rejected = 1.0 - 1e-6;
    for (std::uint64_t k = 0; k < 50; ++k) {
        InfluenceFacts f = make_facts(d, seed() + k);
        measure_path(f, honest_trainer(f), 3000.0, 6);
        CHECK(judged("T12d", f).status == theory::Status::kHolds);
    }
}

TEST_CASE("several copies of one pair at one prompt behave as one") {
    InfluenceFacts f = make_facts(dials(Objective::kDpo, 1.0), seed());
    f.pairs = {f.pairs.plus.replicate(3, 1), f.pairs.minus.replicate(3, 1), {0, 0, 0}, {1, 1, 1}};
    measure_path(f, honest_trainer(f), 2.0, 10);
    CHECK(judged("T12b", f).status == theory::Status::kHolds);
}

}  // namespace prefdyn::test
