#include "experiments/scaled/scaled_tasks.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/mixture_run.hpp"
#include "experiments/runs/two_layer_run.hpp"

namespace prefdyn {

PreferenceTask LastLayer::task() const {
    PreferenceTask out;
    out.train = select(*data_, rows_.train);
    out.held_out = select(*data_, rows_.held_out);
    if (flipped_)
        for (Dataset* set : {&out.train, &out.held_out}) *set = prefdyn::flipped(*set);
    out.reference = {select(reference_, rows_.train), select(reference_, rows_.held_out)};
    out.policy = policy_;
    out.loss = make_loss("sigmoid");
    return out;
}

LastLayer LastLayer::flipped() const {
    LastLayer out = *this;
    out.flipped_ = !flipped_;
    return out;
}

LastLayer LastLayer::moved_by(const Vector& v) const {
    LastLayer out = *this;
    const Vector shift = data_->features * v;
    out.reference_.yes += shift;
    out.reference_.no -= shift;
    out.head_ += " moved";
    return out;
}

namespace {

RunConfig last_layer_config(const ScaledPlan& plan, const PreferenceTask& task) {
    constexpr Index kMostRecords = 200;
    RunConfig out;
    out.training = plan.training;
    out.training.records = std::min(plan.training.steps + 1, kMostRecords);
    out.beta = plan.verify.beta;
    out.vocabulary = task.policy.vocabulary;
    out.held_out = task.held_out.samples();
    out.seed = plan.verify.seed;
    out.device = plan.verify.device;
    return out;
}

}  // namespace

RunResult LastLayer::train(const ScaledPlan& plan) const {
    PreferenceTask all = task();
    const RunConfig config = last_layer_config(plan, all);
    return run_task(config, std::move(all), head_);
}

RunResult LastLayer::train_dense(const ScaledPlan& plan, const HeadRows& head) const {
    constexpr Index kDenseRecords = 4;  // each one is a pass of all rows through the whole head
    PreferenceTask all = task();
    RunConfig config = last_layer_config(plan, all);
    config.engine = EngineKind::kDense;
    config.training.records = std::min(config.training.records, kDenseRecords);
    all.policy.reference = head(0, all.policy.vocabulary);
    return run_task(config, std::move(all), head_);
}

std::vector<LastLayer> last_layers(const ScaledInput& input, const ScaledPlan& plan) {
    std::vector<LastLayer> out;
    Policy policy = input.policy;
    policy.beta = plan.verify.beta;
    Progress progress("base model's logits", input.behaviours.size());
    for (std::size_t k = 0; k < input.behaviours.size(); ++k) {
        const Dataset& data = input.behaviours[k];
        stop_if_requested();
        out.emplace_back(data, split_rows(data, plan.held_out, plan.split, plan.verify.seed, k),
                         policy, reference_logits(policy, input.head, data.features),
                         "head of " + input.model_hash);
        progress.advance();
    }
    return out;
}

namespace {

/// A pair before it is trained.
std::vector<ScaledPair> sorted_pairs(const std::vector<LastLayer>& layers) {
    std::vector<Vector> difference;
    for (const LastLayer& layer : layers) {
        const auto means = theory::mean_statistics(layer.task().train);
        difference.push_back(means.mean_plus - means.mean_minus);
    }
    std::vector<ScaledPair> out;
    for (std::size_t i = 0; i < layers.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const bool first = difference[i].norm() > difference[j].norm();
            const std::size_t high = first ? i : j, low = first ? j : i;
            const double gap = theory::normalised_gap(difference[high], difference[low]);
            if (std::isfinite(gap)) out.push_back({high, low, gap, {}});
        }
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return a.gap > b.gap; });
    return out;
}

std::vector<ScaledPair> spread(const std::vector<ScaledPair>& all, std::size_t count) {
    if (all.size() <= count) return all;
    std::vector<ScaledPair> out;
    for (std::size_t k = 0; k < count; ++k)
        out.push_back(all[count == 1 ? 0 : k * (all.size() - 1) / (count - 1)]);
    return out;
}

Vector joined(const Vector& a, const Vector& b) {
    Vector out(a.size() + b.size());
    out << a, b;
    return out;
}

/// The training rows of both, nothing held out.
PreferenceTask both(const LastLayer& a, const LastLayer& b) {
    PreferenceTask out = a.task();
    const PreferenceTask other = b.task();
    out.train = mixture_of(out.train, other.train);
    out.held_out = {};
    out.held_out.features.resize(0, out.train.dimension());
    const ReferenceLogits &x = (*out.reference)[0], &y = (*other.reference)[0];
    out.reference = {
        ReferenceLogits{joined(x.yes, y.yes), joined(x.no, y.no), joined(x.rest, y.rest)},
        ReferenceLogits{}};
    return out;
}

}  // namespace

std::vector<ScaledPair> train_pairs(const std::vector<LastLayer>& layers, const ScaledPlan& plan) {
    std::vector<ScaledPair> out =
        spread(sorted_pairs(layers), static_cast<std::size_t>(plan.pairs));
    parallel_for("pairs as published", out.size(), [&](std::size_t p) {
        PreferenceTask task = both(layers[out[p].high], layers[out[p].low]);
        const RunConfig config = last_layer_config(plan, task);
        out[p].trajectory = run_task(config, std::move(task), "").trajectory;
    });
    return out;
}

}  // namespace prefdyn
