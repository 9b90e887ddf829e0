#include "experiments/runs/mixture_run.hpp"

#include <cmath>
#include <limits>

#include "sim/base/failure.hpp"
#include "sim/head/slopes.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

Dataset mixture_of(const Dataset& a, const Dataset& b) {
    Dataset out;
    out.name = a.name + " + " + b.name;
    out.features.resize(a.samples() + b.samples(), a.dimension());
    out.features << a.features, b.features;
    out.label = a.label;
    out.label.insert(out.label.end(), b.label.begin(), b.label.end());
    out.behaviour.assign(a.label.size(), 0);
    out.behaviour.insert(out.behaviour.end(), b.label.size(), 1);
    return out;
}

namespace {

theory::DatasetStatistics light_statistics(const Dataset& data, double lambda_max) {
    theory::DatasetStatistics out;
    static_cast<theory::MeanStatistics&>(out) = theory::mean_statistics(data);
    out.mean_square = data.features.squaredNorm() / static_cast<double>(data.samples());
    out.lambda_max = lambda_max;
    return out;
}

/// eta is a multiple of 1 / kappa.
TrainSpec train_spec(const MixtureTraining& training, double kappa) {
    if (!(kappa > 0.0)) throw InputError("mixture: all features are zero, so kappa = 0");
    if (!std::isfinite(kappa))
        throw InputError("mixture: the loss " + training.loss +
                             " has no finite smoothness kappa, so eta is undefined",
                         "choose a loss without a kink that is a function of the margin");
    TrainSpec spec;
    spec.method = training.method;
    spec.eta = training.eta_kappa / kappa;
    spec.steps = training.steps;
    spec.records = training.records;
    spec.record_also = {1};
    spec.spacing = Spacing::kLogarithmic;
    return spec;
}

theory::TrainingFacts training_facts(const MixtureTraining& training, const TrainSpec& spec,
                                     const PreferenceLoss& loss) {
    theory::TrainingFacts facts;
    const bool flow = training.method == Method::kFlow;
    facts.dynamics = flow ? theory::Dynamics::kGradientFlow : theory::Dynamics::kGradientDescent;
    facts.beta = training.beta;
    facts.eta = spec.eta;
    facts.loss = loss.facts();
    return facts;
}

}  // namespace

theory::Evidence MixtureRun::evidence() const {
    theory::Evidence e;
    e.of = theory::BehaviourCase(&statistics, &trajectory, &behaviours);
    e.training = facts;
    return e;
}

PendingMixture::PendingMixture(Dataset data, const MixtureTraining& training, double lambda_max,
                               std::uint64_t seed)
    : task_(std::make_unique<PreferenceTask>()), seed_(seed) {
    task_->train = std::move(data);
    task_->held_out.features.resize(0, task_->train.dimension());
    task_->policy.beta = training.beta;
    task_->device = training.device;
    task_->loss = make_loss(typical_loss(training.loss, training.beta));
    result_.statistics = light_statistics(task_->train, lambda_max);
    result_.behaviours = theory::behaviour_statistics(task_->train);
    result_.kappa =
        theory::smoothness(training.beta, task_->loss->facts().curvature_max, lambda_max);
    spec_ = train_spec(training, result_.kappa);
    result_.facts = training_facts(training, spec_, *task_->loss);
    engine_ = make_engine(EngineKind::kReduced, *task_);
    BehaviourSlopes slopes = initial_slopes(*engine_);
    result_.behaviours.margin_slope = std::move(slopes.margin);
    result_.behaviours.loss_slope = std::move(slopes.loss);
}

TrainJob PendingMixture::job() const { return {*engine_, *task_->loss, spec_, seed_}; }

MixtureRun PendingMixture::finish(Trajectory trajectory) {
    if (trajectory.stop == StopReason::kInterrupted) throw Interrupted();
    result_.trajectory = std::move(trajectory);
    return std::move(result_);
}

MixtureRun train_mixture(Dataset data, const MixtureTraining& training, double lambda_max,
                         std::uint64_t seed) {
    PendingMixture run(std::move(data), training, lambda_max, seed);
    const TrainJob job = run.job();
    return run.finish(train(job.engine, job.loss, job.spec, job.seed));
}

MixtureRun train_mixture(Dataset data, const MixtureTraining& training, std::uint64_t seed) {
    const double lambda_max = theory::gram_norm(data.features, static_cast<double>(data.samples()));
    return train_mixture(std::move(data), training, lambda_max, seed);
}

double first_crossing(const Trajectory& trajectory, std::size_t i, std::size_t j) {
    for (const Record& r : trajectory.records)
        if (r.time > 0.0 && r.behaviours[i].rewards_margins <= r.behaviours[j].rewards_margins)
            return r.time;
    return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace prefdyn
