#include "experiments/studies/minibatch/minibatch_study.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/loss_run.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

using theory::Claim;
using theory::Evidence;
using theory::Expected;
using theory::MinibatchFacts;
using theory::Verdict;

namespace {

RunConfig every_step(const std::string& loss, double eta_kappa, Index steps) {
    RunConfig c;
    c.features = plain_features(40, 8, 1.0);
    c.features.p_plus = 0.7;
    c.beta = 0.5;
    c.eta_kappa = eta_kappa;
    c.training.steps = steps;
    return loss_run(c, loss, Method::kGradientDescent);
}

/// A row of either label and its mirror image: every z is the same, and for the hinge loss the
/// bound of T6g is attained until the margin is 1.
Dataset mirrored_rows() {
    Dataset out;
    out.name = "two mirrored rows";
    out.features = RowMatrix::Constant(2, 1, 1.0);
    out.features(1, 0) = -1.0;
    out.label = {1, -1};
    return out;
}

/// A kink has no kappa.
RunConfig with_hinge(double eta) {
    RunConfig out = every_step("hinge", 0.5, 16);
    out.training.eta = eta;
    return out;
}

MinibatchSetting attained() {
    return {"hinge, two mirrored rows", with_hinge(0.02), mirrored_rows(), 1};
}

std::vector<MinibatchSetting> minibatch_settings() {
    using enum Sampling;
    return {{"b = 1, with replacement", every_step("sigmoid", 0.5, 16), {}, 1, kReplacement},
            {"b = 8, without", every_step("sigmoid", 0.5, 16), {}, 8, kFresh},
            {"b = 4, eta kappa = 2", every_step("sigmoid", 2.0, 16), {}, 4, kReplacement},
            {"robust loss, b = 4", every_step("robust", 0.5, 16), {}, 4, kFresh},
            {"hinge, b = 4", with_hinge(0.1), {}, 4, kFresh},
            attained(),
            {"epochs, b = 8", every_step("sigmoid", 0.5, 16), {}, 8, kEpoch}};
}

double variance_share(const MinibatchSetting& s, Index n) {
    const auto b = static_cast<double>(s.batch), rows = static_cast<double>(n);
    if (s.sampling == Sampling::kReplacement) return 1.0 / b;
    return n > 1 ? (rows - b) / (b * (rows - 1.0)) : 0.0;
}

/// What one order of the batches left behind, at every record.
struct Order {
    std::vector<double> distance, variance, average_loss, length;
};

/// Of a linear head v, W - W_0 = (e_Y - e_N) v^T, so that ||.||_F^2 = 2 ||v||^2.
class OrderMeasurer {
  public:
    OrderMeasurer(const Dataset& data, const MarginLoss& phi, double beta,
                  const std::vector<Record>& descent)
        : phi_(phi), beta_(beta), descent_(descent), z_(data.features) {
        for (Index i = 0; i < z_.rows(); ++i)
            z_.row(i) *= static_cast<double>(data.label[static_cast<std::size_t>(i)]);
        square_ = z_.rowwise().squaredNorm();
    }

    Order measure(const std::vector<Record>& records) const {
        Order out;
        Vector sum = Vector::Zero(z_.cols());
        double variance = 0.0;
        for (std::size_t k = 0; k < records.size(); ++k) {
            const Vector& v = records[k].theta;
            out.distance.push_back(2.0 * (v - descent_[k].theta).squaredNorm());
            out.variance.push_back(variance);
            out.length.push_back(records[k].head_change);
            out.average_loss.push_back(k == 0 ? kNan : loss(sum / static_cast<double>(k)));
            variance += variance_at(v);
            sum += v;
        }
        return out;
    }

  private:
    Vector margins(const Vector& v) const { return 2.0 * beta_ * (z_ * v); }
    double loss(const Vector& v) const {
        const Vector m = margins(v);
        Vector values(m.size());
        phi_.values(m.data(), m.size(), values.data());
        return values.mean();
    }
    /// Mean over the rows of ||grad l_i - grad L||_F^2, grad_v l_i = 2 beta phi' z_i.
    double variance_at(const Vector& v) const {
        const Vector m = margins(v);
        Vector slope(m.size());
        phi_.derivatives(m.data(), m.size(), slope.data());
        const double n = static_cast<double>(m.size());
        const double mean_square = slope.cwiseAbs2().dot(square_) / n;
        const double square_of_mean = (z_.transpose() * slope / n).squaredNorm();
        return 2.0 * beta_ * beta_ * (mean_square - square_of_mean);
    }

    const MarginLoss& phi_;
    double beta_;
    const std::vector<Record>& descent_;
    RowMatrix z_;
    Vector square_;
};

/// Mean over the orders at every record, in their order.
std::vector<Expected> expected(const std::vector<Order>& orders, std::vector<double> Order::*of) {
    const std::size_t records = (orders.front().*of).size();
    const auto count = static_cast<double>(orders.size());
    std::vector<Expected> out;
    for (std::size_t k = 0; k < records; ++k) {
        CompensatedSum sum, squares;
        for (const Order& order : orders) sum += (order.*of)[k];
        const double mean = sum.value() / count;
        for (const Order& order : orders) {
            const double off = (order.*of)[k] - mean;
            squares += off * off;
        }
        out.push_back({mean, std::sqrt(squares.value() / (count * (count - 1.0)))});
    }
    return out;
}

}  // namespace

Evidence MinibatchCase::evidence() const {
    Evidence out = descent.evidence();
    out.of = theory::MinibatchCase(&descent.statistics, &descent.trajectory, &facts);
    return out;
}

MinibatchCase run_minibatches(const MinibatchSetting& setting, std::size_t orders,
                              std::uint64_t seed) {
    RunConfig config = setting.base;
    config.seed = seed;
    config.training.method = Method::kGradientDescent;
    config.training.records = config.training.steps + 1;
    config.training.keep.heads = true;
    const Dataset data =
        setting.data ? *setting.data : FeatureDistribution(feature_spec(config), seed).sample(seed);
    MinibatchCase out{run_dataset(config, data), {}};
    const PreferenceTask task = preference_task(config, data);
    const auto engine = make_engine(EngineKind::kReduced, task);
    TrainSpec spec = out.descent.config.training;
    spec.method = Method::kSgd;
    spec.batch = setting.batch;
    spec.sampling = setting.sampling;
    const OrderMeasurer measurer(data, *task.loss->margin(), config.beta,
                                 out.descent.trajectory.records);
    std::vector<Order> all(orders);
    parallel_for("minibatches", orders, [&](std::size_t r) {
        all[r] = measurer.measure(
            train(*engine, *task.loss, spec, derive_seed(seed, Purpose::kReplicate, r)).records);
    });
    MinibatchFacts& f = out.facts;
    f.orders = orders;
    f.drawn_anew = setting.sampling != Sampling::kEpoch;
    f.share = variance_share(setting, data.samples());
    f.distance = expected(all, &Order::distance);
    f.variance = expected(all, &Order::variance);
    f.average_loss = expected(all, &Order::average_loss);
    for (std::size_t k = 0; k < f.distance.size(); ++k) {
        f.longest.push_back(0.0);
        for (const Order& order : all) f.longest[k] = std::max(f.longest[k], order.length[k]);
    }
    return out;
}

namespace {

/// Of one setting, for the figure.
struct Shown {
    std::string name;
    MinibatchCase of;

    std::vector<double> at_records(const std::function<double(std::size_t)>& get) const {
        std::vector<double> out;
        for (std::size_t k = 0; k < of.facts.distance.size(); ++k) out.push_back(get(k));
        return out;
    }
    double eta() const { return of.descent.config.training.eta; }
    double rows() const {
        const double slope = of.descent.facts.loss.slope_max, beta = of.descent.facts.beta;
        return 2.0 * beta * beta * slope * slope * of.descent.statistics.mean_square;
    }
};

std::vector<Filled<std::vector<Shown>>> fields() {
    using S = const Shown&;
    const std::string setting = "minibatch_setting", step = "minibatch_step";
    const std::vector<std::string> by_step = {setting, step};
    const auto curve = [&](const char* name, const std::string& unit, const std::string& words,
                           double (*get)(S, std::size_t)) {
        return Filled<std::vector<Shown>>{
            name, by_step, unit, words,
            [get](S s) { return s.at_records([&](std::size_t k) { return get(s, k); }); }};
    };
    return {
        {setting, "", "loss, batch and how it is drawn", &Shown::name},
        {step, "updates", "parameter updates so far",
         [](const std::vector<Shown>& all) {
             return all.front().at_records([](std::size_t k) { return static_cast<double>(k); });
         }},
        curve("minibatch_distance", "1 / feature units squared",
              "mean over orders of ||W_k - W_k^GD||_F^2",
              [](S s, std::size_t k) { return s.of.facts.distance[k].mean; }),
        curve("minibatch_distance_error", "1 / feature units squared",
              "standard error of that mean",
              [](S s, std::size_t k) { return s.of.facts.distance[k].error; }),
        curve("minibatch_bound_path", "1 / feature units squared",
              "T2s from the variance of rows along the path",
              [](S s, std::size_t k) {
                  return s.eta() * s.eta() * s.of.facts.share * s.of.facts.variance[k].mean;
              }),
        curve("minibatch_bound_rows", "1 / feature units squared", "T2s from the rows' norms alone",
              [](S s, std::size_t k) {
                  return s.eta() * s.eta() * static_cast<double>(k) * s.of.facts.share * s.rows();
              })};
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    std::vector<Shown> all;
    const auto settings = minibatch_settings();
    for (std::size_t k = 0; k < settings.size(); ++k)
        all.push_back({settings[k].name,
                       run_minibatches(settings[k], plan.replicates,
                                       derive_seed(plan.seed, Substream::kMinibatches, k))});
    for (const Claim& claim : claims)
        for (const Shown& shown : all)
            out.judge("minibatch", claim, shown.name, shown.of.evidence());
    double seen = 1.0;
    for (const Shown& shown : all) {
        const auto& last = shown.of.facts.distance.back();
        const double bound =
            shown.of.facts.share * shown.eta() * shown.eta() * shown.of.facts.variance.back().mean;
        if (shown.of.facts.drawn_anew) seen = std::max(seen, 1.0 + 10.0 * last.error / bound);
    }
    std::ostringstream note;
    note << std::setprecision(3) << "power of T2s: a mean distance of " << seen
         << " times its bound would be called violated, all but surely";
    out.notes.push_back(note.str());
    out.put(fields(), all);
    return out;
}

/// What many orders left, with a fault in what the claim is told.
Control forged(const std::string& claim, const std::string& name, const std::string& fault,
               const MinibatchSetting& setting, void (*forge)(MinibatchCase&)) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                MinibatchCase told = run_minibatches(setting, 1000, seed);
                forge(told);
                return judge_run(c, told);
            }};
}

std::vector<Control> minibatch_controls() {
    const MinibatchSetting few = minibatch_settings()[0];
    return {forged("T2s", "batch twice as large", "batches are claimed twice as large as they are",
                   few, [](MinibatchCase& c) { c.facts.share *= 0.5; }),
            forged("T2s", "eta halved", "the step size is claimed half of what it is", few,
                   [](MinibatchCase& c) { c.descent.facts.eta *= 0.5; }),
            forged("T6g", "rows' norms halved", "G^2 is claimed half of what it is", attained(),
                   [](MinibatchCase& c) { c.descent.statistics.mean_square *= 0.5; }),
            {"T6g", "bound x 0.9", "the bound is made 10 % stronger where it is attained",
             [](const Claim& c, std::uint64_t seed) {
                 return judge_run(theory::strengthened(c, 0.9),
                                  run_minibatches(attained(), 1000, seed));
             }}};
}

}  // namespace

Study minibatch_study() {
    return {"minibatch", {"T2s", "T6g"}, fields_of(fields()), run, {}, minibatch_controls()};
}

}  // namespace prefdyn
