// Both layers trained: gradients by finite differences, a plain-loop twin, what the flow conserves,
// and the reduction as the oracle of frozen features.
#include "sim/head/two_layer_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/head/reduced_engine.hpp"
#include "sim/head/trainer.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

const std::vector<Activation> kAll = {Activation::kIdentity, Activation::kRelu, Activation::kTanh,
                                      Activation::kGelu};

PreferenceTask task_of(Index n, Index d, std::uint64_t index, double beta = 0.7) {
    PreferenceTask task = test::make_task(test::gaussian_dataset(n, d, index), beta);
    task.held_out = test::gaussian_dataset(n / 2 + 1, d, index + 1);
    return task;
}

TwoLayerModel model_of(Index h, Index d, Activation activation, std::uint64_t index) {
    return gaussian_model(h, d, 1.3, activation, test::seed() + index);
}

double plain_act(Activation kind, double z) {
    if (kind == Activation::kRelu) return std::max(z, 0.0);
    if (kind == Activation::kTanh) return 1.0 - 2.0 / (1.0 + std::exp(2.0 * z));
    if (kind == Activation::kGelu) return 0.5 * z * (1.0 + std::erf(z / std::sqrt(2.0)));
    return z;
}

double plain_slope(Activation kind, double z) {
    constexpr double pi = 3.14159265358979324;
    if (kind == Activation::kRelu) return z > 0.0 ? 1.0 : 0.0;
    if (kind == Activation::kTanh) return 1.0 / (std::cosh(z) * std::cosh(z));
    if (kind == Activation::kGelu)
        return 0.5 * (1.0 + std::erf(z / std::sqrt(2.0))) +
               z * std::exp(-z * z / 2.0) / std::sqrt(2.0 * pi);
    return 1.0;
}

struct Plain {
    double loss = 0.0;
    std::vector<double> margin;
    RowMatrix embedding;
    Vector head;
};

double plain_score(const TwoLayerModel& m, const RowMatrix& x, Index i) {
    double score = 0.0;
    for (Index k = 0; k < m.embedding.rows(); ++k) {
        double z = 0.0;
        for (Index j = 0; j < x.cols(); ++j) z += m.embedding(k, j) * x(i, j);
        score += m.head(k) * plain_act(m.activation, z);
    }
    return score;
}

/// E' and w' of theory.md T9 written out, one prompt at a time.
Plain plain_pass(const PreferenceTask& task, const TwoLayerModel& m, const TwoLayerModel& ref,
                 const std::vector<Index>& rows) {
    const RowMatrix& x = task.train.features;
    const double beta = task.policy.beta, share = 1.0 / double(rows.size());
    Plain out{
        0.0, {}, RowMatrix::Zero(m.embedding.rows(), x.cols()), Vector::Zero(m.embedding.rows())};
    for (const Index i : rows) {
        const double s = task.train.label[static_cast<std::size_t>(i)];
        const double margin = beta * s * (plain_score(m, x, i) - plain_score(ref, x, i));
        const double weight = beta * share * s / (1.0 + std::exp(margin));
        out.margin.push_back(margin);
        out.loss += share * std::log(1.0 + std::exp(-margin));
        for (Index k = 0; k < m.embedding.rows(); ++k) {
            double z = 0.0;
            for (Index j = 0; j < x.cols(); ++j) z += m.embedding(k, j) * x(i, j);
            out.head(k) += weight * plain_act(m.activation, z);
            for (Index j = 0; j < x.cols(); ++j)
                out.embedding(k, j) += weight * plain_slope(m.activation, z) * m.head(k) * x(i, j);
        }
    }
    return out;
}

std::vector<Index> all_rows(Index n) {
    std::vector<Index> rows;
    for (Index i = 0; i < n; ++i) rows.push_back(i);
    return rows;
}

void check_twin(const PreferenceTask& task, const TwoLayerSpec& spec,
                const std::vector<Index>& batch) {
    const TwoLayerEngine engine(task, spec);
    const Index h = spec.start.embedding.rows(), d = spec.start.embedding.cols();
    const Vector theta = engine.initial() + 0.3 * test::gaussian(engine.size(), 1, 401);
    const auto rows = batch.empty() ? all_rows(task.train.samples()) : batch;
    const Plain want =
        plain_pass(task, engine.model(theta), spec.reference ? *spec.reference : spec.start, rows);
    Vector direction = Vector::Constant(engine.size(), kNan);
    CHECK(relative_error(engine.descent(theta, batch, direction), want.loss) <= 1e-13);
    const Eigen::Map<const RowMatrix> embedding(direction.data(), h, d);
    CHECK(relative_error(embedding, want.embedding) <= 1e-12);
    CHECK(relative_error(direction.tail(h), want.head) <= 1e-12);
    if (!batch.empty()) return;
    Responses out;
    Vector again;
    engine.evaluate(theta, Split::kTrain, out, &again);
    CHECK(test::same_bits(direction, again));
    CHECK(relative_error(out.margin, Eigen::Map<const Vector>(want.margin.data(),
                                                              task.train.samples())) <= 1e-12);
}

TrainSpec flow_spec() {
    TrainSpec spec;
    spec.method = Method::kFlow;
    spec.eta = 0.2;
    spec.steps = 100;
    spec.records = 11;
    spec.flow_tolerance = 1e-11;
    return spec;
}

double observed(const Record& record, Observed what) { return record.observed.at(what); }

}  // namespace

TEST_CASE("activations: values, slopes by central differences, the kink, NaN") {
    for (const Activation kind : kAll)
        for (const double z : {-30.0, -2.0, -0.3, 0.2, 1.0, 7.0}) {
            CAPTURE(z);
            CAPTURE(activation_names()[static_cast<std::size_t>(kind)]);
            CHECK(std::fabs(activate(kind, z) - plain_act(kind, z)) <= 1e-14 * (1 + std::fabs(z)));
            const double h = 1e-5;
            const double slope = (activate(kind, z + h) - activate(kind, z - h)) / (2 * h);
            CHECK(std::fabs(activation_slope(kind, z) - slope) <= 1e-9);
            CHECK(std::isnan(activate(kind, kNan)));
        }
    CHECK(activation_slope(Activation::kRelu, 0.0) == 0.0);
    CHECK(activation_slope(Activation::kGelu, 0.0) == 0.5);
    CHECK(activation_names().size() == kAll.size());
}

TEST_CASE("direction: minus dL/dE, and half of -dL/dw because a = a_0 + 2 w") {
    for (const Activation kind : kAll) {
        CAPTURE(activation_names()[static_cast<std::size_t>(kind)]);
        const PreferenceTask task = task_of(13, 4, 410);
        const TwoLayerEngine engine(task, {model_of(3, 4, kind, 1)});
        const Vector theta = engine.initial() + 0.2 * test::gaussian(engine.size(), 1, 411);
        Vector direction, unused;
        engine.descent(theta, {}, direction);
        for (Index j = 0; j < theta.size(); ++j) {
            const auto loss = [&](double step) {
                Vector moved = theta;
                moved(j) += step;
                return engine.descent(moved, {}, unused);
            };
            const double h = 1e-4;  // no prompt is this close to the kink of relu
            const double gradient =
                (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
            const double factor = j < 12 ? 1.0 : 2.0;
            CHECK(std::fabs(factor * direction(j) + gradient) <= 1e-10);
        }
    }
}

TEST_CASE("plain-loop twin at awkward sizes, batches, an older and wider reference") {
    for (const Activation kind : kAll)
        for (const Index n : {2, 31, 65, 1000})
            for (const Index h : {1, 5}) {
                CAPTURE(n);
                CAPTURE(h);
                CAPTURE(activation_names()[static_cast<std::size_t>(kind)]);
                const PreferenceTask task = task_of(n, 3, 420);
                check_twin(task, {model_of(h, 3, kind, 2)}, {});
                check_twin(task, {model_of(h, 3, kind, 2), model_of(h + 2, 3, kind, 3)}, {});
                check_twin(task, {model_of(h, 3, kind, 2)}, {n - 1, 0, n / 2, 0});
            }
}

TEST_CASE("the loss falls at the squared Frobenius norm of the direction, head weighed by 2") {
    for (const Activation kind : kAll) {
        const PreferenceTask task = task_of(40, 5, 430);
        const TwoLayerEngine engine(task, {model_of(4, 5, kind, 4)});
        TrainSpec spec = flow_spec();
        spec.eta = 1e-5;
        const auto run = train(engine, *task.loss, spec, 1);
        REQUIRE(run.stop == StopReason::kCompleted);
        const Record &a = run.records.front(), &b = run.records.back();
        const double slope = (a.train.loss - b.train.loss) / b.time;
        const double rate = 0.5 * (a.update_rate * a.update_rate + b.update_rate * b.update_rate);
        CHECK(relative_error(slope, rate) <= 1e-7);
    }
}

TEST_CASE("along the flow E E^T - a a^T / 2 is conserved (identity)") {
    const PreferenceTask task = task_of(60, 6, 440);
    const TwoLayerEngine engine(task, {model_of(5, 6, Activation::kIdentity, 5)});
    const auto run = train(engine, *task.loss, flow_spec(), 1);
    REQUIRE(run.stop == StopReason::kCompleted);
    const Record& last = run.records.back();
    CHECK(observed(last, kObservedChange) > 0.1);
    CHECK(observed(last, kObservedBalance) <= 1e-8 * observed(last, kObservedChange));
    CHECK(observed(last, kObservedUnitBalance) <= observed(last, kObservedBalance));
}

TEST_CASE("d/dt of the balance: 0 for identity, its diagonal 0 for relu, neither for the smooth") {
    for (const Activation kind : kAll) {
        CAPTURE(activation_names()[static_cast<std::size_t>(kind)]);
        const PreferenceTask task = task_of(60, 6, 442);
        const TwoLayerEngine engine(task, {model_of(5, 6, kind, 5)});
        const Vector theta = engine.initial() + 0.3 * test::gaussian(engine.size(), 1, 443);
        Vector direction;
        engine.descent(theta, {}, direction);
        const TwoLayerModel now = engine.model(theta);
        const Eigen::Map<const RowMatrix> slope(direction.data(), 5, 6);
        const Matrix embedding = slope * now.embedding.transpose();
        const Matrix head = now.head * direction.tail(5).transpose();  // a' = 2 w'
        const Matrix rate = embedding + embedding.transpose() - head - head.transpose();
        const double size = embedding.norm();
        CHECK((rate.norm() <= 1e-14 * size) == (kind == Activation::kIdentity));
        CHECK((rate.diagonal().norm() <= 1e-14 * size) ==
              (kind == Activation::kIdentity || kind == Activation::kRelu));
    }
}

TEST_CASE("observed balance is the change of E E^T - a a^T / 2, plain loops") {
    const PreferenceTask task = task_of(10, 3, 445);
    const TwoLayerModel start = model_of(2, 3, Activation::kRelu, 13);
    const TwoLayerEngine engine(task, {start});
    const Vector theta = engine.initial() + test::gaussian(engine.size(), 1, 446);
    const TwoLayerModel now = engine.model(theta);
    const auto balance = [](const TwoLayerModel& m, Index k, Index l) {
        double sum = -0.5 * m.head(k) * m.head(l);
        for (Index j = 0; j < 3; ++j) sum += m.embedding(k, j) * m.embedding(l, j);
        return sum;
    };
    double all = 0.0, diagonal = 0.0;
    for (Index k = 0; k < 2; ++k)
        for (Index l = 0; l < 2; ++l) {
            const double drift = std::pow(balance(now, k, l) - balance(start, k, l), 2);
            all += drift;
            if (k == l) diagonal += drift;
        }
    const auto seen = engine.observe(theta);
    CHECK(relative_error(seen[kObservedBalance], std::sqrt(all)) <= 1e-12);
    CHECK(relative_error(seen[kObservedUnitBalance], std::sqrt(diagonal)) <= 1e-12);
}

TEST_CASE("without noise, head and distinguishability carry equal shares of the growing slope") {
    // x_i = s_i u: q is parallel to zbar_x = u, so ||E u||^2 - ||a||^2 ||u||^2 / 2 is conserved.
    PreferenceTask task = task_of(12, 4, 450);
    const Vector u = test::gaussian(4, 1, 451);
    for (Index i = 0; i < 12; ++i)
        task.train.features.row(i) = task.train.label[static_cast<std::size_t>(i)] * u.transpose();
    const TwoLayerEngine engine(task, {model_of(6, 4, Activation::kIdentity, 6)});
    const auto run = train(engine, *task.loss, flow_spec(), 1);
    const auto& first = run.records.front();
    for (const Record& r : run.records) {
        const double zbar =
            std::pow(observed(r, kObservedZbar), 2) - std::pow(observed(first, kObservedZbar), 2);
        const double head =
            std::pow(observed(r, kObservedHead), 2) - std::pow(observed(first, kObservedHead), 2);
        CHECK(std::fabs(2.0 * zbar - head * u.squaredNorm()) <=
              1e-8 * std::pow(observed(r, kObservedZbar), 2));
    }
    CHECK(observed(run.records.back(), kObservedHead) > 1.1 * observed(first, kObservedHead));
}

TEST_CASE("frozen embedding = reduced engine on features act(E_0 x), every trainer and record") {
    for (const Activation kind : kAll)
        for (const Method method :
             {Method::kGradientDescent, Method::kSgd, Method::kAdam, Method::kFlow}) {
            CAPTURE(activation_names()[static_cast<std::size_t>(kind)]);
            CAPTURE(method_names()[static_cast<std::size_t>(method)]);
            const PreferenceTask task = task_of(70, 6, 460, 0.3);
            const TwoLayerModel start = model_of(4, 6, kind, 7);
            PreferenceTask features = task;
            for (Dataset* set : {&features.train, &features.held_out}) {
                set->features.resize(set->samples(), 4);
                const RowMatrix& x =
                    set == &features.train ? task.train.features : task.held_out.features;
                for (Index i = 0; i < x.rows(); ++i)
                    for (Index k = 0; k < 4; ++k)
                        set->features(i, k) = plain_act(kind, start.embedding.row(k).dot(x.row(i)));
            }
            features.policy.reference = RowMatrix(2, 4);
            features.policy.reference.row(0) = 0.5 * start.head.transpose();
            features.policy.reference.row(1) = -0.5 * start.head.transpose();
            TrainSpec spec = flow_spec();
            spec.method = method;
            spec.eta = method == Method::kAdam ? 0.01 : 0.5;
            spec.batch = method == Method::kSgd ? 9 : 0;
            const auto got = train(TwoLayerEngine(task, {start, {}, false}), *task.loss, spec, 5);
            const auto want = train(ReducedEngine(features), *features.loss, spec, 5);
            REQUIRE(got.records.size() == want.records.size());
            const double tolerance = method == Method::kFlow ? 1e-9 : 1e-12;
            for (std::size_t k = 0; k < got.records.size(); ++k) {
                const Record &a = got.records[k], &b = want.records[k];
                CHECK(relative_error(a.head_change, b.head_change) <= tolerance);
                CHECK(relative_error(a.update_rate, b.update_rate) <= tolerance);
                for (const auto split : {&Record::train, &Record::held_out}) {
                    CHECK(relative_error((a.*split).loss, (b.*split).loss) <= tolerance);
                    CHECK(std::fabs((a.*split).rewards_margins - (b.*split).rewards_margins) <=
                          tolerance);
                    CHECK(relative_error((a.*split).logps_chosen, (b.*split).logps_chosen) <=
                          tolerance);
                    CHECK((a.*split).outputs_accuracies == (b.*split).outputs_accuracies);
                }
                CHECK(observed(a, kObservedChange) == 0.0);
            }
        }
}

TEST_CASE("bit-equal for any number of threads, large enough to use them") {
    for (const Activation kind : {Activation::kIdentity, Activation::kGelu}) {
        const PreferenceTask task = task_of(9000, 64, 470);
        const TwoLayerEngine engine(task, {model_of(3, 64, kind, 8)});
        const Vector theta = engine.initial() + 0.1 * test::gaussian(engine.size(), 1, 471);
        Vector one, many;
        Responses a, b;
        double loss_one, loss_many;
        {
            const test::Threads threads(1);
            loss_one = engine.descent(theta, {}, one);
            engine.evaluate(theta, Split::kHeldOut, a, nullptr);
        }
        {
            const test::Threads threads(3);
            loss_many = engine.descent(theta, {}, many);
            engine.evaluate(theta, Split::kHeldOut, b, nullptr);
        }
        CHECK(loss_one == loss_many);
        CHECK(test::same_bits(one, many));
        CHECK(test::same_bits(a.margin, b.margin));
    }
}

TEST_CASE("flipping every label and the head's sign leaves the whole run unchanged") {
    for (const Activation kind : kAll) {
        const PreferenceTask task = task_of(40, 5, 480);
        PreferenceTask flipped = task;
        for (auto& s : flipped.train.label) s = static_cast<std::int8_t>(-s);
        const TwoLayerModel start = model_of(4, 5, kind, 9);
        TwoLayerModel turned = start;
        turned.head *= -1.0;
        TrainSpec spec;
        spec.steps = 50;
        const auto a = train(TwoLayerEngine(task, {start}), *task.loss, spec, 1);
        const auto b = train(TwoLayerEngine(flipped, {turned}), *task.loss, spec, 1);
        for (std::size_t k = 0; k < a.records.size(); ++k) {
            CHECK(a.records[k].train.loss == b.records[k].train.loss);
            CHECK(observed(a.records[k], kObservedD) ==
                  doctest::Approx(observed(b.records[k], kObservedD)).epsilon(1e-13));
        }
    }
}

TEST_CASE("kept parameters come back as the model") {
    const PreferenceTask task = task_of(10, 3, 490);
    const TwoLayerModel start = model_of(2, 3, Activation::kTanh, 10);
    const TwoLayerEngine engine(task, {start, {}, true, true});
    const Vector theta = engine.initial() + test::gaussian(engine.size(), 1, 491);
    const TwoLayerModel want = engine.model(theta);
    const TwoLayerModel got = kept_model(engine.observe(theta), start);
    CHECK(test::same_bits(got.embedding, want.embedding));
    CHECK(test::same_bits(got.head, want.head));
    CHECK(TwoLayerEngine(task, {start}).observe(theta).size() == kObservedCount);
}

TEST_CASE("a model that does not fit is refused by name") {
    const PreferenceTask task = task_of(10, 3, 495);
    const TwoLayerModel good = model_of(2, 3, Activation::kTanh, 11);
    TwoLayerModel bad = good;
    bad.embedding.resize(2, 4);
    const auto refusal = [&](TwoLayerSpec spec) {
        return test::input_error([&] { TwoLayerEngine engine(task, spec); });
    };
    CHECK(test::contains(refusal({bad}), "embedding is 2 x 4, allowed is h x 3"));
    CHECK(test::contains(refusal({good, bad}), "reference model"));
    bad = good;
    bad.head.resize(5);
    CHECK(test::contains(refusal({bad}), "head has 5 entries for 2"));
    bad = good;
    bad.head(1) = kNan;
    CHECK(test::contains(refusal({bad}), "not finite"));
    CHECK(refusal({good}).empty());
    for (const std::string name : {"bco_pair", "aot"}) {  // of both rewards; of sorted margins
        PreferenceTask other = task;
        other.loss = make_loss(name);
        const std::string message =
            test::input_error([&] { TwoLayerEngine engine(other, {good}); });
        CHECK(test::contains(message, "'" + name + "'"));
    }
}

TEST_CASE(
    "rewards are beta times the change of the log-probabilities; their difference the margin") {
    const PreferenceTask task = task_of(20, 3, 497);
    const TwoLayerModel start = model_of(4, 3, Activation::kGelu, 12);
    const TwoLayerEngine engine(task, {start});
    Responses before, after;
    engine.evaluate(engine.initial(), Split::kHeldOut, before, nullptr);
    const Vector theta = engine.initial() + test::gaussian(engine.size(), 1, 498);
    engine.evaluate(theta, Split::kHeldOut, after, nullptr);
    const double beta = task.policy.beta;
    CHECK(before.reward_chosen.norm() == 0.0);
    CHECK(relative_error(after.reward_chosen, beta * (after.logp_chosen - before.logp_chosen)) <=
          1e-13);
    CHECK(relative_error((after.reward_chosen - after.reward_rejected).eval(), after.margin) <=
          1e-12);
}
