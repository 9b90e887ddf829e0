// The reduction on a card against plain loops and against the processor's trainers.
#include "sim/head/head_device.hpp"

#include <doctest/doctest.h>

#include "sim/data/distribution.hpp"
#include "sim/head/reduced_engine.hpp"
#include "sim/head/trainer.hpp"
#include "tests/support/cuda_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

constexpr double kDoubleTolerance = 1e-12;  // sums are double for float features as well

std::vector<std::string> margin_loss_names() {
    std::vector<std::string> out;
    for (const std::string& name : loss_names()) {
        const auto loss = make_loss(typical_loss(name, 0.1));
        if (loss->margin() && loss->facts().form == LossForm::kMargin) out.push_back(name);
    }
    return out;
}

/// Straight from the definition, in long double.
struct PlainPass {
    Vector direction, margins;
    double loss;

    template <class Scalar>
    PlainPass(const Rows<Scalar>& g, const std::vector<std::int8_t>& label, double beta,
              const MarginLoss& phi, const Vector& v, const std::vector<Index>& rows)
        : direction(v.size()), margins(static_cast<Index>(rows.size())) {
        std::vector<long double> sum(static_cast<std::size_t>(v.size()));
        long double total = 0.0L;
        for (std::size_t b = 0; b < rows.size(); ++b) {
            const Index i = rows[b];
            const double s = label[static_cast<std::size_t>(i)];
            long double score = 0.0L;
            for (Index j = 0; j < v.size(); ++j) score += static_cast<long double>(g(i, j)) * v(j);
            const double m = static_cast<double>(2.0L * beta * s * score);
            margins(static_cast<Index>(b)) = m;
            total += phi.value(m);
            for (Index j = 0; j < v.size(); ++j)
                sum[static_cast<std::size_t>(j)] -=
                    static_cast<long double>(phi.derivative(m)) * s * g(i, j);
        }
        const auto batch = static_cast<long double>(rows.size());
        for (Index j = 0; j < v.size(); ++j)
            direction(j) = static_cast<double>(beta * sum[static_cast<std::size_t>(j)] / batch);
        loss = static_cast<double>(total / batch);
    }
};

std::vector<Index> all_rows(Index n) {
    std::vector<Index> out(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) out[static_cast<std::size_t>(i)] = i;
    return out;
}

/// Every third row backwards, the first one twice.
std::vector<Index> some_rows(Index n) {
    std::vector<Index> out = {0};
    for (Index i = n - 1; i >= 0; i -= 3) out.push_back(i);
    out.push_back(0);
    return out;
}

template <class Scalar>
void check_passes(Index n, Index d, const std::string& name) {
    CAPTURE(n);
    CAPTURE(d);
    CAPTURE(name);
    CAPTURE(sizeof(Scalar));
    constexpr double kBeta = 0.3;
    const Dataset data = test::gaussian_dataset(n, d, 100 + n);
    const Rows<Scalar> g = data.features.cast<Scalar>();
    const auto loss = make_margin_loss(typical_loss(name, kBeta));
    const auto head = make_head_device(g, data.label, kBeta, *loss, Device::kCuda);
    REQUIRE(head);
    const Vector v = test::gaussian_dataset(2, d, 7).features.row(0).transpose() /
                     std::sqrt(static_cast<double>(d));
    const auto poison = [](Index size) { return Vector::Constant(size, kNan); };
    for (const auto& rows : {all_rows(n), some_rows(n)}) {
        const bool all = static_cast<Index>(rows.size()) == n && rows[0] == 0 && n > 1;
        const PlainPass want(g, data.label, kBeta, *loss, v, rows);
        Vector direction = poison(d), margins = poison(want.margins.size());
        const std::span<const Index> asked = all ? std::span<const Index>() : rows;
        const double value = head->pass(v, asked, direction, margins.data());
        CHECK(relative_error(value, want.loss) <= kDoubleTolerance);
        CHECK(relative_error(direction, want.direction) <= kDoubleTolerance);
        CHECK(relative_error(margins, want.margins) <= kDoubleTolerance);
        Vector again = poison(d);
        CHECK(head->pass(v, asked, again, nullptr) == value);
        CHECK(test::same_bits(again, direction));
    }
    Vector margins = poison(n);
    head->margins(v, margins.data());
    const PlainPass want(g, data.label, kBeta, *loss, v, all_rows(n));
    CHECK(relative_error(margins, want.margins) <= kDoubleTolerance);
}

PreferenceTask task_of(Index n, Index d, const std::string& loss = "sigmoid",
                       Device device = Device::kCpu) {
    FeatureSpec spec;
    spec.samples = n;
    spec.dimension = d;
    spec.distinguishability = 2.0;
    spec.p_plus = 0.4;
    PreferenceTask task;
    task.train = FeatureDistribution(spec, 3).sample(3);
    spec.samples = 50;
    task.held_out = FeatureDistribution(spec, 3).sample(3, true);
    task.policy.beta = 0.3;
    task.device = device;
    task.loss = make_loss(typical_loss(loss, task.policy.beta));
    return task;
}

TrainSpec spec_of(Method method, Index batch, Sampling sampling) {
    TrainSpec spec;
    spec.method = method;
    spec.eta = method == Method::kAdam ? 0.01 : 0.5;
    spec.steps = 60;
    spec.batch = batch;
    spec.sampling = sampling;
    spec.records = 7;
    spec.record_also = {1, 2, 33};
    return spec;
}

void check_same(const Trajectory& got, const Trajectory& want, double tolerance) {
    CHECK(got.stop == want.stop);
    REQUIRE(got.records.size() == want.records.size());
    CHECK(relative_error(got.parameters, want.parameters) <= tolerance);
    for (std::size_t k = 0; k < got.records.size(); ++k) {
        const Record &a = got.records[k], &b = want.records[k];
        CAPTURE(b.step);
        CHECK(a.step == b.step);
        CHECK(a.time == b.time);
        CHECK(a.epoch == b.epoch);
        CHECK(relative_error(a.head_change, b.head_change) <= tolerance);
        CHECK(relative_error(a.update_rate, b.update_rate) <= tolerance);
        CHECK(relative_error(a.train.loss, b.train.loss) <= tolerance);
        CHECK(relative_error(a.held_out.loss, b.held_out.loss) <= tolerance);
        CHECK(a.train.rewards_accuracies == b.train.rewards_accuracies);
    }
}

}  // namespace

TEST_CASE("phi by value is the loss it stands for") {
    for (const std::string& name : margin_loss_names()) {
        CAPTURE(name);
        const auto loss = make_margin_loss(typical_loss(name, 0.2));
        const auto phi = loss->phi();
        REQUIRE(phi);
        for (const double m : {-800.0, -3.0, -0.1, 0.0, 0.5, 1.0, 2.0, 40.0, 800.0}) {
            CHECK(phi->value(m) == loss->value(m));
            CHECK(phi->derivative(m) == loss->derivative(m));
        }
    }
}

TEST_CASE("rows_after counts the rows of the batches") {
    for (const Sampling sampling : {Sampling::kEpoch, Sampling::kFresh, Sampling::kReplacement}) {
        BatchSampler sampler(23, 5, sampling, 1);
        Index rows = 0;
        for (Index step = 0; step < 40; ++step) {
            CHECK(sampler.rows_after(step) == rows);
            rows += static_cast<Index>(sampler.next().size());
        }
    }
}

TEST_CASE("several heads trained together are those trained one by one") {
    const PreferenceTask small = task_of(40, 5), large = task_of(90, 11, "ipo");
    const auto a = make_engine(EngineKind::kReduced, small);
    const auto b = make_engine(EngineKind::kDense, large);
    std::vector<TrainJob> jobs = {
        {*a, *small.loss, spec_of(Method::kSgd, 7, Sampling::kEpoch), 5},
        {*b, *large.loss, spec_of(Method::kAdam, 0, Sampling::kEpoch), 6},
        {*a, *small.loss, spec_of(Method::kFlow, 0, Sampling::kEpoch), 7}};
    const auto all = train_all(jobs);
    for (std::size_t j = 0; j < jobs.size(); ++j)
        check_same(all[j], train(jobs[j].engine, jobs[j].loss, jobs[j].spec, jobs[j].seed), 0.0);
}

TEST_CASE("GPU: a pass over G is the plain loop's") {
    if (!test::card_for(1)) return;
    const std::vector<std::pair<Index, Index>> shapes = {
        {1, 1},     {2, 3},      {7, 64},     {200, 64},   {33, 129},  {1000, 300}, {257, 513},
        {50, 1000}, {611, 1025}, {130, 2048}, {300, 4096}, {70, 5001}, {41, 8192}};
    for (const auto& [n, d] : shapes) {
        check_passes<double>(n, d, "sigmoid");
        check_passes<float>(n, d, "sigmoid");
    }
    for (const std::string& name : margin_loss_names()) {
        check_passes<double>(119, 70, name);
        check_passes<float>(119, 70, name);
    }
}

TEST_CASE("GPU: whole runs are those of the processor") {
    if (!test::card_for(1)) return;
    const std::vector<std::tuple<Method, Index, Sampling>> ways = {
        {Method::kGradientDescent, 0, Sampling::kEpoch},
        {Method::kSgd, 17, Sampling::kEpoch},
        {Method::kSgd, 17, Sampling::kFresh},
        {Method::kAdam, 31, Sampling::kReplacement},
        {Method::kAdam, 0, Sampling::kEpoch},
        {Method::kFlow, 0, Sampling::kEpoch}};
    // One block does the first two, the whole card the others.
    for (const auto& [n, d] : std::vector<std::pair<Index, Index>>{
             {120, 64}, {45, 600}, {3000, 130}, {1500, 1100}, {400, 4500}}) {
        const PreferenceTask task = task_of(n, d);
        const PreferenceTask on_card = task_of(n, d, "sigmoid", Device::kCuda);
        for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kReducedF32})
            for (const auto& [method, batch, sampling] : ways) {
                CAPTURE(n);
                CAPTURE(d);
                CAPTURE(static_cast<int>(kind));
                CAPTURE(static_cast<int>(method));
                CAPTURE(batch);
                const TrainSpec spec = spec_of(method, batch, sampling);
                const Trajectory want = train(*make_engine(kind, task), *task.loss, spec, 9);
                const auto engine = make_engine(kind, on_card);
                REQUIRE(engine->device());
                const Trajectory got = train(*engine, *task.loss, spec, 9);
                check_same(got, want, 1e-10);
                const Trajectory again = train(*engine, *task.loss, spec, 9);
                CHECK(test::same_bits(again.parameters, got.parameters));
            }
    }
}

TEST_CASE("GPU: many runs of different kinds at the same time") {
    if (!test::card_for(1)) return;
    const auto run = [&](Device device) {
        std::vector<PreferenceTask> tasks;
        for (Index k = 0; k < 40; ++k)
            tasks.push_back(
                task_of(20 + 7 * k, 1 + (13 * k) % 150, k % 3 ? "sigmoid" : "cdpo", device));
        std::vector<std::unique_ptr<PolicyEngine>> engines;
        std::vector<TrainJob> jobs;
        for (std::size_t k = 0; k < tasks.size(); ++k) {
            engines.push_back(
                make_engine(k % 2 ? EngineKind::kReduced : EngineKind::kReducedF32, tasks[k]));
            TrainSpec spec =
                spec_of(k % 4 == 3 ? Method::kAdam : Method::kSgd, k % 5 ? 9 : 0, Sampling::kEpoch);
            spec.steps += static_cast<Index>(k);
            jobs.push_back({*engines.back(), *tasks[k].loss, spec, k});
        }
        return train_all(jobs);
    };
    const auto want = run(Device::kCpu), got = run(Device::kCuda);
    for (std::size_t k = 0; k < want.size(); ++k) {
        CAPTURE(k);
        check_same(got[k], want[k], 1e-10);
    }
}

TEST_CASE("GPU: a run that diverges says so") {
    if (!test::card_for(1)) return;
    const PreferenceTask task = task_of(60, 8, "ipo", Device::kCuda);
    TrainSpec spec = spec_of(Method::kGradientDescent, 0, Sampling::kEpoch);
    spec.eta = 1e6;
    spec.steps = 4000;
    const Trajectory got = train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, 1);
    CHECK(got.stop == StopReason::kDiverged);
    CHECK(got.records.size() >= 1);
}
