#include "theory/formula/formula_claim.hpp"

#include <doctest/doctest.h>

#include "experiments/runs/run.hpp"
#include "tests/support/support.hpp"
#include "theory/formula/claim_file.hpp"
#include "theory/rates.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;

namespace {

RunConfig config_of(Method method = Method::kGradientDescent) {
    RunConfig c;
    c.features.samples = 40;
    c.features.dimension = 5;
    c.features.p_plus = 0.3;
    c.features.distinguishability = 2.0;
    c.held_out = 30;
    c.vocabulary = 7;
    c.reference_scale = 0.7;
    c.beta = 0.3;
    c.eta_kappa = 0.4;
    c.training.method = method;
    c.training.steps = 30;
    c.training.records = 8;
    c.training.keep = {true, true, true, true};
    c.seed = test::seed();
    return c;
}

Claim claim_of(const std::string& lines) {
    return parse_claims("[X]\n" + lines + "\n", "mine.claim").claims.front();
}

std::vector<Comparison> compared(const std::string& claim, const RunResult& run) {
    return claim_of("claim = " + claim).compare(run.evidence());
}

Verdict verdict_of(const std::string& lines, const RunResult& run) {
    return judge_case(claim_of(lines), run.evidence());
}

}  // namespace

TEST_CASE("quantities are what plain loops over features and heads give") {
    const RunResult run = run_synthetic(config_of());
    const Matrix g = run.data.features;
    const double beta = run.config.beta;
    const Index n = g.rows();
    for (std::size_t k = 0; k < run.trajectory.records.size(); ++k) {
        const Record& r = run.trajectory.records[k];
        Vector zbar = Vector::Zero(g.cols());
        for (Index i = 0; i < n; ++i)
            zbar += run.data.label[static_cast<std::size_t>(i)] * g.row(i).transpose() / double(n);
        std::vector<double> margin, slope, cosine;
        double loss = 0.0, positive = 0.0, mean = 0.0;
        for (Index i = 0; i < n; ++i) {
            const double s = run.data.label[static_cast<std::size_t>(i)];
            margin.push_back(2.0 * beta * s * g.row(i).dot(r.theta));
            slope.push_back(beta * beta * s * g.row(i).dot(zbar));
            cosine.push_back(s * g.row(i).dot(zbar) / (g.row(i).norm() * zbar.norm()));
            loss += std::log1p(std::exp(-margin.back())) / double(n);
            positive += (margin.back() > 0.0) / double(n);
            mean += margin.back() / double(n);
        }
        const auto check = [&](const std::string& formula, double want) {
            const auto all = compared(formula + " == 1e300", run);
            REQUIRE(all.size() == run.trajectory.records.size());
            CHECK_MESSAGE(
                std::fabs(all[k].measured.value - want) <= 1e-12 * (1.0 + std::fabs(want)), formula,
                ": ", all[k].measured.value, " against ", want);
            CHECK(all[k].measured.radius <= 1e-9 * (1.0 + std::fabs(want)));
            CHECK(all[k].step == r.step);
        };
        check("loss", loss);
        check("mean(m)", mean);
        check("margin", mean);
        check("share(m > 0) + 0 * loss", positive);
        check("accuracy", positive);
        check("sum(m * label)/n", [&] {
            double out = 0.0;
            for (Index i = 0; i < n; ++i)
                out += margin[std::size_t(i)] * run.data.label[std::size_t(i)] / double(n);
            return out;
        }());
        check("max(abs(m - t * dm0))", [&] {
            double out = 0.0;
            for (Index i = 0; i < n; ++i)
                out = std::max(out,
                               std::fabs(margin[std::size_t(i)] - r.time * slope[std::size_t(i)]));
            return out;
        }());
        check("min(cos_z) + 0 * t", *std::min_element(cosine.begin(), cosine.end()));
        check("head_change", std::sqrt(2.0) * r.theta.norm());
        check("quantile(m, 0.5)", [&] {
            auto sorted = margin;
            std::sort(sorted.begin(), sorted.end());
            return 0.5 * (sorted[19] + sorted[20]);
        }());
        check("mean(logp_w)", r.train.logps_chosen);
        check("mean(logp_l)", r.train.logps_rejected);
        check("share(m > beta * ref_gap) + 0 * t", r.train.outputs_accuracies);
        check("held_out.loss", r.held_out.loss);
        check("held_out.accuracy", r.held_out.rewards_accuracies);
        check("K + t * 0", 1.0);
    }
}

TEST_CASE("every quantity of a run has a value with an error") {
    const RunResult run = run_synthetic(config_of());
    for (const Quantity& q : quantities()) {
        if (q.topic == Topic::kBehaviour || std::string(q.name) == "apart") continue;
        const std::string name = q.name;
        const auto all = compared(
            (q.over == Over::kNothing ? name : "mean(" + name + ")") + " + 0 * loss == 1e300", run);
        for (const Comparison& c : all) {
            if (name == "sin_zbar" && c.step == 0.0) continue;  // a head of length 0 has no angle
            CHECK_MESSAGE(std::isfinite(c.measured.value), name);
            CHECK_MESSAGE(c.measured.radius <= 1e-6 * (1.0 + std::fabs(c.measured.value)), name);
            CHECK_MESSAGE(c.measured.value >= q.low - 1e-12, name);
            CHECK_MESSAGE(c.measured.value <= q.high + 1e-12, name);
        }
    }
}

TEST_CASE("where a claim is made") {
    const RunResult run = run_synthetic(config_of());
    const std::size_t R = run.trajectory.records.size(), n = 40;
    CHECK(compared("loss <= 5", run).size() == R);
    CHECK(compared("start: loss <= 5", run).size() == 1);
    CHECK(compared("end: loss <= 5", run).front().step == 30.0);
    CHECK(compared("m <= 50", run).size() == R * n);
    CHECK(compared("where label > 0: m <= 50", run).size() == R * 12);
    CHECK(compared("after t > 0: loss <= 5", run).size() == R - 1);
    CHECK(compared("for s <= t: loss <= loss(s)", run).size() == R * (R - 1) / 2);
    CHECK(compared("for s = previous: loss <= loss(s)", run).size() == R - 1);
    CHECK(compared("for s <= t, where t(s) == 0: loss <= loss(s)", run).size() == R - 1);
    CHECK(compared("D_debiased <= 0.5 * D", run).size() == 1);
    const auto chain = compared("end: 0.1 <= loss <= 0.6", run);
    REQUIRE(chain.size() == 2);
    CHECK(chain[0].relation == Relation::kAtLeast);
    CHECK(chain[0].bound.value == 0.1);
    CHECK(chain[1].relation == Relation::kAtMost);
    CHECK(chain[0].measured.value == chain[1].measured.value);
    // The side that a trainer makes is the measured one.
    const auto turned = compared("end: t * R0 >= head_change", run);
    CHECK(turned[0].relation == Relation::kAtMost);
    CHECK(turned[0].measured.value == run.trajectory.records.back().head_change);
}

TEST_CASE("verdicts of formulas") {
    const RunResult run = run_synthetic(config_of());
    CHECK(verdict_of("claim = loss <= phi0", run).status == Status::kHolds);
    CHECK(verdict_of("claim = loss <= 0.9 * phi0", run).status == Status::kViolated);
    CHECK(verdict_of("claim = accuracy >= 1 - 9 * loss", run).status == Status::kVacuous);
    // exp(100 n) is infinite, and so is a mean with it: a bound that says nothing, no false one.
    CHECK(verdict_of("claim = accuracy >= 1 - mean(exp(100 * n - m))", run).status ==
          Status::kVacuous);
    CHECK(verdict_of("needs = p_plus == 0.5\nclaim = loss <= phi0", run).reason ==
          "not p_plus == 0.5: p_plus = 0.3");
    CHECK(verdict_of("needs = loss ipo\nclaim = loss <= phi0", run).reason ==
          "the loss is sigmoid");
    CHECK(verdict_of("needs = full gradient 0.1\nclaim = loss <= phi0", run).status ==
          Status::kNotApplicable);
    CHECK(verdict_of("claim = end: loss <= phi0\nclaim = loss <= 0.9 * phi0", run).status ==
          Status::kViolated);
    const Verdict zero = verdict_of("claim = (L0 - loss) / t <= R0^2", run);
    CHECK(zero.status == Status::kViolated);
    CHECK(zero.reason == "mine.claim:2: division by zero at step 0");
    CHECK(verdict_of("claim = after t > 0: (L0 - loss) / t <= R0^2", run).status == Status::kHolds);
    CHECK(verdict_of("claim = log(loss - phi0) <= 5", run)
              .reason.starts_with("mine.claim:2: a side is not a number at step"));
}

TEST_CASE("a claim about the path grants the errors of the steps, one about the head does not") {
    RunConfig c = config_of(Method::kFlow);
    c.training.flow_tolerance = 1e-4;
    const RunResult run = run_synthetic(c);
    const auto radius = [&](const std::string& needs, const std::string& claim) {
        return claim_of(needs + "claim = end: " + claim)
            .compare(run.evidence())
            .front()
            .measured.radius;
    };
    for (const char* claim : {"loss <= 5", "rate <= 5", "mean(m) <= 50", "head_change <= 50"})
        CHECK(radius("needs = full gradient 2\n", claim) > 100.0 * radius("", claim));
}

TEST_CASE("features times 1000, beta and eta unchanged in their units: the same verdicts") {
    RunConfig c = config_of();
    const RunResult run = run_synthetic(c);
    Dataset scaled = run.data;
    scaled.features *= 1024.0;
    c.reference_scale = 0.0;
    const RunResult small = run_dataset(c, run.data), large = run_dataset(c, scaled);
    const std::string lines =
        "needs = from reference; full gradient 1; convex\nclaim = after t > 0: "
        "abs(m - t * dm0) <= beta * kappa * t^2 * norm_z * norm_dv0";
    const Verdict a = verdict_of(lines, small), b = verdict_of(lines, large);
    CHECK(a.status == Status::kHolds);
    CHECK(b.status == a.status);
    CHECK(b.slack == doctest::Approx(a.slack).epsilon(1e-9));
}
