// Passes, responses, losses and whole runs have the same bits at every level.
#include <doctest/doctest.h>

#include "sim/head/margin_kernel.hpp"
#include "sim/head/trainer.hpp"
#include "sim/loss/loss.hpp"
#include "tests/support/levels.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

/// What `work` returns at each level is the same.
template <class Work>
void check_levels(Work work) {
    const std::vector<Level> levels = runnable_levels();
    std::vector<double> first;
    for (const Level at : levels) {
        CAPTURE(level_names()[static_cast<std::size_t>(at)]);
        const test::AtLevel scope(at);
        const std::vector<double> got = work();
        REQUIRE(!got.empty());
        if (at == levels.front()) first = got;
        CHECK(test::same_numbers(got, first));
    }
}

void append(std::vector<double>& out, const Vector& x) {
    out.insert(out.end(), x.begin(), x.end());
}

template <class Scalar>
std::vector<double> pass_numbers(const Rows<Scalar>& features, const Dataset& data,
                                 std::span<const Index> rows, const Vector& v) {
    const auto loss = make_margin_loss({});
    const BasicMarginPass<Scalar> pass{features, data.label, *loss, 0.3, rows};
    const Index batch = rows.empty() ? data.samples() : static_cast<Index>(rows.size());
    Vector direction, margins(batch), all(data.samples());
    std::vector<double> out = {margin_pass(pass, v, direction, margins.data())};
    append(out, direction);
    append(out, margins);
    descent_pass(pass, v, direction, nullptr);
    append(out, direction);
    margins_only(features, data.label, 0.3, v, all.data());
    append(out, all);
    return out;
}

}  // namespace

TEST_CASE("passes over the rows, in double and single precision, of all rows and of a batch") {
    std::uint64_t index = 500;
    for (const Index n : {1, 7, 33, 1000})
        for (const Index d : {1, 2, 7, 8, 31, 64, 1000}) {
            CAPTURE(n);
            CAPTURE(d);
            const Dataset data = test::gaussian_dataset(n, d, index++);
            const Rows<float> single = data.features.cast<float>();
            const Vector v = test::gaussian(d, 1, index++);
            const std::vector<Index> batch = {n - 1, 0, n / 2, 0};
            check_levels([&] { return pass_numbers<double>(data.features, data, {}, v); });
            check_levels([&] { return pass_numbers<double>(data.features, data, batch, v); });
            check_levels([&] { return pass_numbers<float>(single, data, {}, v); });
        }
}

TEST_CASE("a loss of many margins is that of one after the other") {
    std::vector<double> m;
    for (int k = -1001; k <= 1001; ++k) m.push_back(0.037 * k);
    for (const double edge : {0.0, -0.0, 1.0, 800.0, -800.0, kNan}) m.push_back(edge);
    const auto n = static_cast<Index>(m.size());
    for (const std::string& name : loss_names()) {
        const auto loss = make_loss(typical_loss(name, 0.3));
        const MarginLoss* phi = loss->margin();
        if (!phi) continue;
        CAPTURE(name);
        std::vector<double> one;
        for (const double x : m) one.push_back(phi->value(x));
        for (const double x : m) one.push_back(phi->derivative(x));
        check_levels([&] {
            std::vector<double> out(2 * m.size(), 12345.0);
            phi->values(m.data(), n, out.data());
            phi->derivatives(m.data(), n, out.data() + n);
            CHECK(test::same_numbers(out, one));
            return out;
        });
    }
}

TEST_CASE("a run, with a head of reference and held-out rows") {
    PreferenceTask task = test::make_task(test::gaussian_dataset(203, 37, 700), 0.5);
    task.held_out = test::gaussian_dataset(51, 37, 701);
    task.policy.vocabulary = 5;
    task.policy.reference = gaussian_head(5, 37, 1.0, 3);
    for (const Method method : {Method::kGradientDescent, Method::kSgd, Method::kAdam}) {
        check_levels([&] {
            TrainSpec spec;
            spec.method = method;
            spec.steps = 40;
            spec.records = 5;
            spec.batch = 16;
            const auto engine = make_engine(EngineKind::kReduced, task);
            const Trajectory run = train(*engine, *task.loss, spec, 4);
            std::vector<double> out(run.parameters.begin(), run.parameters.end());
            for (const Record& r : run.records)
                for (const double x :
                     {r.train.loss, r.train.rewards_margins, r.train.logps_chosen,
                      r.train.rewards_rejected, r.held_out.loss, r.update_rate, r.head_change})
                    out.push_back(x);
            return out;
        });
    }
}
