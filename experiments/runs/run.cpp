#include "experiments/runs/run.hpp"

#include <cmath>

#include "experiments/runs/kept_populations.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/head/reduced_engine.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

namespace {

theory::Dynamics dynamics(const RunConfig& config, Index n) {
    const TrainSpec& t = config.training;
    if (t.method == Method::kFlow) return theory::Dynamics::kGradientFlow;
    if (t.method == Method::kAdam) return theory::Dynamics::kAdaptive;
    const bool every_row = t.method == Method::kGradientDescent || t.batch == 0 || t.batch >= n;
    return every_row ? theory::Dynamics::kGradientDescent : theory::Dynamics::kStochastic;
}

/// eta from eta * kappa where it was not given.
double resolve_eta(const RunConfig& config, const PreferenceLoss& loss, double kappa,
                   const std::string& name) {
    if (config.training.eta > 0.0) return config.training.eta;
    if (!std::isfinite(loss.facts().curvature_max))
        throw InputError("eta-kappa: the loss " + std::string(loss.name()) +
                             " has no finite smoothness kappa, so eta is undefined",
                         "give --eta");
    const double eta = config.eta_kappa / kappa;
    if (!std::isfinite(eta) || !(eta > 0.0))
        throw InputError(name + ": kappa = " + format_real(kappa) +
                             ", so eta = " + format_real(config.eta_kappa) +
                             " / kappa is undefined; the features are zero, or their squares or "
                             "beta's leave the range of double",
                         "scale the features; simulate also takes --eta");
    return eta;
}

theory::TrainingFacts training_facts(const RunConfig& config,
                                     const std::shared_ptr<const PreferenceLoss>& loss, Index n) {
    theory::TrainingFacts facts;
    facts.dynamics = dynamics(config, n);
    facts.beta = config.beta;
    facts.eta = config.training.eta;
    facts.loss = loss->facts();
    facts.loss_name = loss->name();
    if (facts.loss.form == LossForm::kMargin) facts.phi = {loss, loss->margin()};
    return facts;
}

/// What the bounds square must stay a normal number, or be zero because the features are.
void require_squares_in_range(const RunResult& run, const PreferenceLoss& loss) {
    const double square = run.statistics.mean_square, beta = run.config.beta;
    const bool zero = square == 0.0 && (run.statistics.zbar.array() == 0.0).all();
    const auto check = [&](const char* name, double value) {
        if (zero || std::isnormal(value)) return;
        throw InputError(
            run.name + ": " + name + " = " + format_real(value) +
                " is outside the normal range of double (2e-308 to 2e308): the mean of "
                "||g||^2 is " +
                format_real(square) + ", beta is " + format_real(beta),
            "scale the features and beta so that their squares stay in range");
    };
    check("the mean square of the features", square);
    check("beta^2", beta * beta);
    check("beta^2 times the mean square of the features", beta * beta * square);
    if (std::isfinite(loss.facts().curvature_max)) check("kappa", run.kappa);
}

/// Times are multiples of eta; the flow also cuts them into steps.
void require_normal_times(const TrainSpec& training, const std::string& name) {
    const bool flow = training.method == Method::kFlow;
    if (std::isnormal(flow ? kEpsilon * training.eta : training.eta)) return;
    throw InputError(name + ": eta = " + format_real(training.eta) +
                         " leaves times outside the normal range of double",
                     "scale the features or beta down: kappa is too large");
}

}  // namespace

PendingRun::PendingRun(const RunConfig& config, PreferenceTask task, const std::string& head) {
    task.device = config.device;
    if (config.engine == EngineKind::kReducedF32)  // the statistics describe what it trains on
        for (Dataset* set : {&task.train, &task.held_out})
            set->features = single_precision(set->features, "features").cast<double>();
    task_ = std::make_unique<const PreferenceTask>(std::move(task));
    result_.config = config;
    result_.name = task_->train.name;
    stop_if_requested();
    result_.statistics = theory::dataset_statistics(task_->train);
    stop_if_requested();
    result_.kappa = theory::smoothness(config.beta, task_->loss->facts().curvature_max,
                                       result_.statistics.lambda_max);
    require_squares_in_range(result_, *task_->loss);
    result_.id = run_id(config, task_->train, head);
    FeatureSpec& size = result_.config.features;
    size.samples = task_->train.samples();
    size.dimension = task_->train.dimension();
    result_.config.held_out = task_->held_out.samples();
    TrainSpec& training = result_.config.training;
    training.eta = resolve_eta(config, *task_->loss, result_.kappa, result_.name);
    require_normal_times(training, result_.name);
    result_.facts = training_facts(result_.config, task_->loss, task_->train.samples());
    engine_ = make_engine(config.engine, *task_);
}

TrainJob PendingRun::job() const {
    return {*engine_, *task_->loss, result_.config.training, result_.config.seed};
}

RunResult PendingRun::finish(Trajectory trajectory) {
    if (trajectory.stop == StopReason::kInterrupted) throw Interrupted();
    if (trajectory.records.empty())
        throw InputError(
            result_.name + ": the loss or the norm of its gradient is not finite at the start",
            "scale the features down");
    result_.trajectory = std::move(trajectory);
    if (result_.config.training.keep.rows) result_.data = task_->train;
    return std::move(result_);
}

RunResult run_task(const RunConfig& config, PreferenceTask task, const std::string& head) {
    return train_alone(PendingRun(config, std::move(task), head));
}

PreferenceTask preference_task(const RunConfig& config, Dataset train) {
    PreferenceTask task =
        plain_task(std::move(train), make_loss(loss_spec(config)), config.beta, config.device);
    task.policy.vocabulary = config.vocabulary;
    if (config.reference_scale > 0.0)
        task.policy.reference = gaussian_head(config.vocabulary, task.train.dimension(),
                                              config.reference_scale, config.seed);
    return task;
}

theory::Evidence RunResult::evidence() const {
    theory::Evidence e;
    e.of = theory::RunCase(&statistics, &trajectory);
    e.population = population;
    e.training = facts;
    e.delta = kRunDelta;
    return e;
}

Dataset training_rows(const RunConfig& config) {
    if (config.population.empty())
        return FeatureDistribution(feature_spec(config), config.seed)
            .sample(config.seed, false, config.device);
    return population_of(config.population)
        ->sample(config.features.samples, config.seed, false, config.device);
}

namespace {

/// Of a population of the user's own; the config says of it what it says of its own distribution.
PendingRun begin_population(RunConfig config) {
    config.population = known_population(config.population);
    const auto population = population_of(config.population);
    config.features.distinguishability = population->distinguishability();
    config.features.p_plus = population->p_plus();
    PreferenceTask task = preference_task(config, training_rows(config));
    validate(task.train, "rows sampled of " + population->name());
    if (config.held_out > 0)
        task.held_out = population->sample(config.held_out, config.seed, true, config.device);
    PendingRun out(config, std::move(task), "");
    out.set_population(theory::population_facts(*population, config.features.samples));
    return out;
}

}  // namespace

PendingRun begin_synthetic(const RunConfig& config) {
    if (!config.population.empty()) return begin_population(config);
    const FeatureDistribution distribution(feature_spec(config), config.seed);
    PreferenceTask task =
        preference_task(config, distribution.sample(config.seed, false, config.device));
    validate(task.train, "sampled features");
    if (config.held_out > 0) {
        FeatureSpec spec = feature_spec(config);
        spec.samples = config.held_out;
        spec.moments = Moments::kPopulation;
        if (class_count(spec, +1) == 0 || class_count(spec, -1) == 0)
            throw InputError("held-out: " + std::to_string(config.held_out) +
                                 " samples and balance = " + format_real(spec.p_plus) +
                                 " leave one class empty",
                             "raise --held-out");
        task.held_out =
            FeatureDistribution(spec, config.seed).sample(config.seed, true, config.device);
    }
    auto population = theory::population_facts(distribution.moments(), task.train);
    PendingRun out(config, std::move(task), "");
    out.set_population(std::move(population));
    return out;
}

RunResult run_synthetic(const RunConfig& config) { return train_alone(begin_synthetic(config)); }

RunResult run_dataset(const RunConfig& config, const Dataset& train) {
    return run_task(config, preference_task(config, train), "");
}

}  // namespace prefdyn
