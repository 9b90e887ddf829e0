#include "experiments/scaled/scaled_tasks.hpp"

#include <algorithm>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/mixture_run.hpp"
#include "experiments/runs/two_layer_run.hpp"

namespace prefdyn {

PreferenceTask LastLayer::task() const {
    PreferenceTask out;
    out.train = select(*data, rows.train);
    out.held_out = select(*data, rows.held_out);
    if (exchanged)
        for (Dataset* set : {&out.train, &out.held_out}) *set = prefdyn::flipped(*set);
    out.reference = {select(reference, rows.train), select(reference, rows.held_out)};
    out.policy = policy;
    out.loss = make_loss("sigmoid");
    return out;
}

LastLayer LastLayer::flipped() const {
    LastLayer out = *this;
    out.exchanged = !exchanged;
    return out;
}

LastLayer LastLayer::moved_by(const Vector& v) const {
    LastLayer out = *this;
    const Vector shift = data->features * v;
    out.reference.yes += shift;
    out.reference.no -= shift;
    out.head += " moved";
    return out;
}

Index last_layer_records(const ScaledPlan& plan) {
    constexpr Index kMost = 200;
    return std::min(plan.training.steps + 1, kMost);
}

namespace {

RunConfig last_layer_config(const ScaledPlan& plan, const PreferenceTask& task) {
    RunConfig out;
    out.training = plan.training;
    out.training.records = last_layer_records(plan);
    out.training.keep = plan.verify.keep | Kept::data(plan.verify.keep_data);
    out.beta = plan.verify.beta;
    out.vocabulary = task.policy.vocabulary;
    out.held_out = task.held_out.samples();
    out.seed = plan.verify.seed;
    out.device = plan.verify.device;
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
    const ReferenceLogits &x = (*out.reference)[0], &y = (*other.reference)[0];
    out.reference = {
        ReferenceLogits{joined(x.yes, y.yes), joined(x.no, y.no), joined(x.rest, y.rest)},
        ReferenceLogits{}};
    return out;
}

}  // namespace

RunResult LastLayer::train(const ScaledPlan& plan) const {
    PreferenceTask all = task();
    const RunConfig config = last_layer_config(plan, all);
    return run_task(config, std::move(all), head);
}

RunResult LastLayer::train_dense(const ScaledPlan& plan, const HeadRows& weights) const {
    constexpr Index kDenseRecords = 4;  // each one is a pass of all rows through the whole head
    PreferenceTask all = task();
    RunConfig config = last_layer_config(plan, all);
    config.engine = EngineKind::kDense;
    config.training.keep = {};  // all V x d numbers at every record
    config.training.records = std::min(config.training.records, kDenseRecords);
    all.policy.reference = weights(0, all.policy.vocabulary);
    return run_task(config, std::move(all), head);
}

std::vector<LastLayer> last_layers(const ScaledInput& input, const ScaledPlan& plan) {
    std::vector<LastLayer> out;
    Policy policy = input.policy;
    policy.beta = plan.verify.beta;
    Progress progress("base model's logits", input.behaviours.size());
    for (std::size_t k = 0; k < input.behaviours.size(); ++k) {
        const Dataset& data = input.behaviours[k];
        stop_if_requested();
        out.push_back({&data, split_rows(data, plan.held_out, plan.split, plan.verify.seed, k),
                       policy, reference_logits(policy, input.head, data.features),
                       "head of " + input.model_hash});
        progress.advance();
    }
    return out;
}

std::vector<ScaledPair> train_pairs(const std::vector<LastLayer>& layers, const ScaledPlan& plan) {
    std::vector<ScaledPair> out;
    for (const GapPair& pair :
         gap_pairs(gather(layers,
                          [](const LastLayer& layer) {
                              const auto means = theory::mean_statistics(layer.task().train);
                              return Vector(means.mean_plus - means.mean_minus);
                          }),
                   plan.pairs))
        out.push_back({pair, {}});
    parallel_for("pairs as published", out.size(), [&](std::size_t p) {
        PreferenceTask task = both(layers[out[p].high], layers[out[p].low]);
        const RunConfig config = last_layer_config(plan, task);
        out[p].trajectory = run_task(config, std::move(task), "").trajectory;
    });
    return out;
}

}  // namespace prefdyn
