#include "experiments/scaled/scaled.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/kept_data.hpp"
#include "experiments/runs/run_measures.hpp"
#include "experiments/scaled/scaled_tasks.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/rank_correlation.hpp"
#include "sim/base/substream.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

FeatureSpec gaussian_twin(const theory::DatasetStatistics& s) {
    const Vector difference = s.mean_plus - s.mean_minus;
    const Vector common = 0.5 * (s.mean_plus + s.mean_minus);
    const double d = static_cast<double>(difference.size());
    FeatureSpec out;
    out.samples = s.n;
    out.dimension = difference.size();
    out.p_plus = s.p_plus;
    out.distinguishability = s.distinguishability_debiased();
    out.direction = Direction::kRandom;
    out.covariance.sigma = std::sqrt(0.5 * (s.trace_plus + s.trace_minus) / d);
    out.common_norm = common.norm();
    const double scale = common.norm() * difference.norm();
    const double cosine = scale > 0.0 ? common.dot(difference) / scale : 0.0;
    out.common_angle = std::acos(std::clamp(cosine, -1.0, 1.0)) * 180.0 / kPi;
    return out;
}

namespace {

void add_runs(Verification& v, const std::string& suite, std::size_t count, const VerifyPlan& plan,
              const std::function<RunResult(std::size_t)>& run) {
    const std::size_t first = v.runs.size();
    v.runs.resize(first + count);
    v.verdicts.resize(first + count);
    parallel_for(suite, count, [&](std::size_t k) {
        v.runs[first + k] = run(k);
        v.runs[first + k].suite = suite;
        judge_run_at(v, first + k, plan);
    });
}

std::vector<const RunResult*> suite_of(const Verification& v, const std::string& suite) {
    std::vector<const RunResult*> out;
    for (const RunResult& run : v.runs)
        if (run.suite == suite) out.push_back(&run);
    return out;
}

void add_last_layer(Verification& v, const std::vector<LastLayer>& layers, const ScaledPlan& plan) {
    const std::size_t K = layers.size(), first = v.runs.size();
    add_runs(v, kLastLayer, K, plan.verify, [&](std::size_t k) { return layers[k].train(plan); });
    add_runs(v, kFlippedBase, K, plan.verify,
             [&](std::size_t k) { return layers[k].flipped().train(plan); });
    const auto aligned = [&](std::size_t k) {
        return layers[k].flipped().moved_by(v.runs[first + k].trajectory.parameters).train(plan);
    };
    add_runs(v, kFlippedAligned, K, plan.verify, aligned);
}

void add_twins(Verification& v, const ScaledPlan& plan) {
    const auto real = suite_of(v, "features");
    std::vector<RunConfig> configs;
    for (std::size_t k = 0; k < real.size(); ++k) {
        configs.push_back(feature_run(plan.verify));
        configs.back().features = gaussian_twin(real[k]->statistics);
        configs.back().seed = derive_seed(plan.verify.seed, Substream::kSuiteRuns, k) >> 1;
    }
    add_runs(v, kTwin, configs.size(), plan.verify,
             [&](std::size_t k) { return run_synthetic(configs[k]); });
}

double relative_difference(const std::vector<Record>& a, const std::vector<Record>& b,
                           const std::function<double(const Record&)>& get) {
    double difference = 0.0, scale = 0.0;
    for (const Record& x : a)
        for (const Record& y : b) {
            if (x.step != y.step) continue;
            difference = std::max(difference, std::fabs(get(x) - get(y)));
            scale = std::max(scale, std::fabs(get(x)));
        }
    return scale > 0.0 ? difference / scale : difference;
}

/// Largest over everything the two engines compute on their own.
double trajectory_difference(const Trajectory& a, const Trajectory& b) {
    using R = const Record&;
    const std::function<double(R)> numbers[] = {
        [](R r) { return r.train.loss; },
        [](R r) { return r.train.rewards_margins; },
        [](R r) { return r.train.logps_chosen; },
        [](R r) { return r.train.logps_rejected; },
        [](R r) { return r.train.outputs_accuracies; },
        [](R r) { return r.head_change; },
        [](R r) { return r.update_rate; },
    };
    double out = 0.0;
    for (const auto& get : numbers)
        out = std::max(out, relative_difference(a.records, b.records, get));
    return out;
}

/// One after the other: each holds several V x d matrices.
std::vector<double> cross_check(const Verification& v, const std::vector<LastLayer>& layers,
                                const ScaledInput& input, const ScaledPlan& plan) {
    std::vector<double> out(layers.size(), kNan);
    const auto reduced = suite_of(v, kLastLayer);
    const auto count = std::min(layers.size(), static_cast<std::size_t>(plan.cross_check));
    for (std::size_t k = 0; k < count; ++k) {
        const RunResult dense = layers[k].train_dense(plan, input.head);
        out[k] = trajectory_difference(reduced[k]->trajectory, dense.trajectory);
    }
    return out;
}

/// Step at which the training loss first is at most `level`; behaviours that never get there are
/// tied last.
double steps_to_loss(const RunResult& run, double level) {
    const auto& records = run.trajectory.records;
    const double step =
        first_at_most(gather(records, &Record::step),
                      gather(records, [](const Record& r) { return r.train.loss; }), level);
    return std::isnan(step) ? kInfinity : step;
}

std::vector<RankCorrelation> correlations(const Verification& v, std::uint64_t seed) {
    using R = const RunResult&;
    std::vector<RankCorrelation> out;
    const auto add = [&](const std::string& suite, const std::string& what, auto get) {
        std::vector<double> x, y;
        for (const RunResult* run : suite_of(v, suite)) {
            x.push_back(run->statistics.distinguishability);
            y.push_back(get(*run));
        }
        Interval value = bootstrap_rank_correlation(
            x, y, stream_of(seed, Substream::kScaledIntervals, out.size()));
        if (x.size() < kFewestForInterval) value.low = value.high = kNan;
        out.push_back({"D and " + what + ", " + suite, value, rank_correlation_p(x, y)});
    };
    const auto add_steps = [&](const std::string& suite) {
        auto last = gather(suite_of(v, suite), [](const RunResult* run) {
            return run->trajectory.records.back().train.loss;
        });
        std::ranges::sort(last);
        const double median = last[last.size() / 2];
        add(suite, "steps to a loss that half of the behaviours reach",
            [median](R run) { return steps_to_loss(run, median); });
    };
    const auto add_last = [&](const std::string& what, auto get) {
        add(kLastLayer, what + " at the end",
            [get](R r) { return get(r.trajectory.records.back()); });
    };
    for (const Index step : v.fixed_steps)
        add("features", "loss after " + std::to_string(step) + " steps",
            [step](R r) { return loss_at_step(r, step); });
    add_steps("features");
    using L = const Record&;
    add_last("training loss", [](L r) { return r.train.loss; });
    add_last("held-out loss", [](L r) { return r.held_out.loss; });
    add_last("training reward accuracy", [](L r) { return r.train.rewards_accuracies; });
    add_last("held-out reward accuracy", [](L r) { return r.held_out.rewards_accuracies; });
    add_last("head change", [](L r) { return r.head_change; });
    add_steps(kLastLayer);
    return out;
}

/// Of the data that are kept, before anything is trained: five suites of runs, one a behaviour.
void require_room(const ScaledInput& input, const ScaledPlan& plan) {
    constexpr double kSuites = 5.0;
    KeptShape shape;
    for (const Dataset& data : input.behaviours)
        shape.grow({static_cast<std::size_t>(std::max(last_layer_records(plan),
                                                      feature_run(plan.verify).training.records)),
                    static_cast<std::size_t>(data.samples()),
                    static_cast<std::size_t>(data.dimension())});
    require_kept_fits(shape, kSuites * static_cast<double>(input.behaviours.size()));
}

}  // namespace

bool ScaledFindings::as_expected() const {
    return verification.as_expected() &&
           std::all_of(cross_check.begin(), cross_check.end(),
                       [](double e) { return std::isnan(e) || e <= kCrossCheckTolerance; });
}

ScaledFindings run_scaled(const std::vector<theory::Claim>& claims, const ScaledInput& input,
                          ScaledPlan plan) {
    plan.verify.keep = plan.verify.keep | theory::kept_for(claims);
    if (plan.verify.keep_data) require_room(input, plan);
    const std::vector<LastLayer> layers = last_layers(input, plan);
    ScaledFindings out;
    Verification& v = out.verification;
    v = verify_features(claims, input.behaviours, plan.verify);
    add_last_layer(v, layers, plan);
    out.cross_check = cross_check(v, layers, input, plan);
    add_twins(v, plan);
    v.loss_at.resize(v.runs.size() * v.fixed_steps.size(), kNan);
    out.correlations = correlations(v, plan.verify.seed);
    out.pairs = train_pairs(layers, plan);
    return out;
}

}  // namespace prefdyn
