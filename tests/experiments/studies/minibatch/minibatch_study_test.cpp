// Minibatches beside the full batch: means over the orders against what can be enumerated.
#include "experiments/studies/minibatch/minibatch_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/run_support.hpp"

using namespace prefdyn;
using theory::Status;
using theory::Verdict;

namespace {

/// Three rows in the plane.
Dataset three_rows() {
    Dataset out;
    out.name = "three rows";
    out.features = RowMatrix(3, 2);
    out.features << 1.0, 0.5, -0.3, 2.0, 0.7, -1.1;
    out.label = {1, -1, 1};
    return out;
}

MinibatchSetting setting(Sampling sampling, Index batch) {
    MinibatchSetting out{"three rows", {}, three_rows(), batch, sampling};
    out.base.beta = 0.8;
    out.base.training.eta = 0.5;
    out.base.training.steps = 2;
    return out;
}

double slope(double m) { return -1.0 / (1.0 + std::exp(m)); }

/// Batches of one update: every one of them, equally likely.
std::vector<std::vector<int>> batches(Sampling sampling, Index batch) {
    if (batch == 1) return {{0}, {1}, {2}};
    if (sampling == Sampling::kFresh) return {{0, 1}, {0, 2}, {1, 2}};
    return {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}};
}

struct Exact {
    double distance[3] = {}, variance[3] = {}, average_loss[3] = {}, longest[3] = {};
};

/// Two updates by enumeration of all orders, by plain loops.
Exact enumerate(const MinibatchSetting& s) {
    const double beta = s.base.beta, eta = s.base.training.eta;
    const Dataset& data = *s.data;
    const auto z = [&](int i) -> Eigen::Vector2d {
        return data.label[static_cast<std::size_t>(i)] * data.features.row(i).transpose();
    };
    const auto step = [&](const Eigen::Vector2d& v, const std::vector<int>& rows) {
        Eigen::Vector2d out = v;
        for (const int i : rows)
            out -= eta * beta * slope(2.0 * beta * v.dot(z(i))) * z(i) /
                   static_cast<double>(rows.size());
        return out;
    };
    const auto variance = [&](const Eigen::Vector2d& v) {
        Eigen::Vector2d mean = Eigen::Vector2d::Zero();
        double squares = 0.0;
        for (int i = 0; i < 3; ++i) {
            const Eigen::Vector2d g = beta * slope(2.0 * beta * v.dot(z(i))) * z(i);
            mean += g / 3.0;
            squares += g.squaredNorm() / 3.0;
        }
        return 2.0 * (squares - mean.squaredNorm());
    };
    const auto loss = [&](const Eigen::Vector2d& v) {
        double out = 0.0;
        for (int i = 0; i < 3; ++i) out += std::log1p(std::exp(-2.0 * beta * v.dot(z(i)))) / 3.0;
        return out;
    };
    const Eigen::Vector2d zero = Eigen::Vector2d::Zero();
    const Eigen::Vector2d gd1 = step(zero, {0, 1, 2}), gd2 = step(gd1, {0, 1, 2});
    const auto all = batches(s.sampling, s.batch);
    const double each = 1.0 / static_cast<double>(all.size());
    Exact out;
    for (const auto& first : all) {
        const Eigen::Vector2d one = step(zero, first);
        out.distance[1] += each * 2.0 * (one - gd1).squaredNorm();
        out.variance[1] += each * variance(zero);
        out.average_loss[1] += each * loss(zero);
        out.longest[1] = std::max(out.longest[1], std::sqrt(2.0) * one.norm());
        for (const auto& second : all) {
            const Eigen::Vector2d two = step(one, second);
            out.distance[2] += each * each * 2.0 * (two - gd2).squaredNorm();
            out.variance[2] += each * each * (variance(zero) + variance(one));
            out.average_loss[2] += each * each * loss(0.5 * one);
            out.longest[2] = std::max(out.longest[2], std::sqrt(2.0) * two.norm());
        }
    }
    return out;
}

}  // namespace

TEST_CASE("means over many orders are those over all of them") {
    const std::pair<Sampling, Index> kinds[] = {
        {Sampling::kReplacement, 1}, {Sampling::kReplacement, 2}, {Sampling::kFresh, 2}};
    for (const auto& [sampling, batch] : kinds) {
        const MinibatchSetting s = setting(sampling, batch);
        const theory::MinibatchFacts f = run_minibatches(s, 4000, test::seed()).facts;
        const Exact exact = enumerate(s);
        REQUIRE(f.distance.size() == 3);
        const auto close = [](const theory::Expected& got, double want) {
            CHECK(std::fabs(got.mean - want) <= test::kSigmas * got.error + 1e-12 * want);
        };
        for (std::size_t k = 1; k <= 2; ++k) {
            close(f.distance[k], exact.distance[k]);
            close(f.variance[k], exact.variance[k]);
            close(f.average_loss[k], exact.average_loss[k]);
            CHECK(f.longest[k] == doctest::Approx(exact.longest[k]).epsilon(1e-12));
        }
        // After one update T2s is an equality.
        CHECK(0.25 * f.share * exact.variance[1] ==
              doctest::Approx(exact.distance[1]).epsilon(1e-12));
    }
}

TEST_CASE("batches of an epoch are not drawn anew, a kink has no kappa, few orders say nothing") {
    const auto reason = [](const std::string& id, const MinibatchCase& c) {
        const Verdict v = judge_case(test::claim_named(id), c.evidence());
        CHECK(v.status == Status::kNotApplicable);
        return v.reason;
    };
    const MinibatchCase epochs = run_minibatches(setting(Sampling::kEpoch, 2), 1000, 1);
    for (const char* id : {"T2s", "T6g"}) CHECK(test::contains(reason(id, epochs), "not unbiased"));
    const MinibatchCase few = run_minibatches(setting(Sampling::kFresh, 2), 999, 1);
    CHECK(test::contains(reason("T2s", few), "too few orders"));
    MinibatchSetting steep = setting(Sampling::kFresh, 2);
    steep.base.training.eta = 40.0;
    CHECK(test::contains(reason("T2s", run_minibatches(steep, 1000, 1)), "eta kappa > 2"));
}
