#include "experiments/runs/two_layer_run.hpp"

#include <cmath>
#include <limits>

#include "experiments/results/columns.hpp"
#include "experiments/runs/run_measures.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

constexpr Index kEarlySteps = 20;  // an aligned model is misaligned within a few

TrainSpec train_spec(const TwoLayerTraining& training) {
    TrainSpec spec = {.eta = training.eta, .steps = training.steps, .records = 2};
    for (Index step = 0; step < training.steps; ++step)
        if (step < kEarlySteps || step % training.every == 0) spec.record_also.push_back(step);
    return spec;
}

/// Takes the parameters out of the records; T9bp and T9d look along them.
void follow_parameters(TwoLayerRun& run, const Dataset& told, const TwoLayerSpec& spec) {
    std::vector<TwoLayerModel> models;
    for (Record& record : run.trajectory.records) {
        models.push_back(kept_model(record.observed, spec.start));
        record.observed.resize(kObservedCount);
        run.facts.balance.push_back(record.observed[kObservedBalance]);
        run.facts.unit_balance.push_back(record.observed[kObservedUnitBalance]);
    }
    run.end = models.back();
    if (spec.start.activation == Activation::kIdentity)
        run.facts.steps = theory::two_layer_steps(
            told, spec.reference ? *spec.reference : spec.start, models, run.training.beta);
}

/// -L'(0) along the flow from losses alone, by the difference quotient of fourth order: R(0)^2
/// knows the length of the gradient, this its direction. The loss changes by a part in 10^5 at
/// most: too little for kinks of the activation, enough for rounding. Where the gradient is small
/// against the curvature, less far: the loss must be all but straight there.
void measure_loss_slope(const PolicyEngine& engine, double beta, theory::TwoLayerFacts& facts) {
    const Vector start = engine.initial();
    Vector direction, ignored;
    const double at_start = engine.descent(start, {}, direction);
    const double rate = engine.frobenius(direction);
    facts.loss_slope = 0.0;
    if (rate == 0.0) return;
    const auto loss = [&](double t) { return engine.descent(start + t * direction, {}, ignored); };
    const double rounding = 16.0 * std::numeric_limits<double>::epsilon() *
                            (at_start + beta * std::sqrt(facts.mean_square_score));
    double h = 1e-5 * at_start / (rate * rate), ahead, behind;
    const auto bends = [&] {
        ahead = loss(h), behind = loss(-h);
        return std::fabs(ahead + behind - 2.0 * at_start) >
               0.03 * std::fabs(behind - ahead) + rounding;
    };
    while (bends()) h *= 0.25;
    const auto quotient = [&](double step) {
        return (8.0 * (loss(-step) - loss(step)) - (loss(-2.0 * step) - loss(2.0 * step))) /
               (12.0 * step);
    };
    facts.loss_slope = quotient(h);
    facts.loss_slope_error = rounding / h + 2.0 * std::fabs(*facts.loss_slope - quotient(0.5 * h));
}

/// First step at which what `get` gives of a record is at most `level`.
template <class Get>
double first_step(const Trajectory& run, Get get, double level) {
    return first_at_most(gather(run.records, &Record::step), gather(run.records, get), level);
}

}  // namespace

theory::Evidence TwoLayerRun::evidence() const {
    theory::Evidence e;
    e.of = theory::TwoLayerCase(&trajectory, &facts);
    e.training = training;
    return e;
}

double TwoLayerRun::slope() const {
    const double rate = trajectory.records.front().update_rate;
    return rate * rate;
}

double TwoLayerRun::steps_to_loss(double target) const {
    return first_step(
        trajectory, [](const Record& r) { return r.train.loss; }, target);
}

double TwoLayerRun::steps_to_policy() const {
    const auto lead = [](const Record& r) { return r.train.logps_rejected - r.train.logps_chosen; };
    return first_step(trajectory, lead, 0.0);
}

TwoLayerRun run_two_layer(const Dataset& data, const TwoLayerSpec& spec,
                          const TwoLayerTraining& training, const Dataset& told,
                          const EngineMaker& make) {
    const PreferenceTask task =
        plain_task(data, make_loss("sigmoid"), training.beta, training.device);
    TwoLayerRun out;
    out.start = spec.start;
    out.facts = theory::two_layer_facts(told, spec.start);
    out.facts.embedding_trained = spec.train_embedding;
    out.training.beta = training.beta;
    out.training.eta = training.eta;
    out.training.loss = task.loss->facts();
    out.training.from_reference = !spec.reference;
    TwoLayerSpec keeping = spec;
    keeping.keep_parameters = true;
    const auto engine =
        make ? make(task, keeping) : std::make_unique<TwoLayerEngine>(task, keeping);
    measure_loss_slope(*engine, training.beta, out.facts);
    out.trajectory = train(*engine, *task.loss, train_spec(training), 0);
    if (out.trajectory.stop == StopReason::kInterrupted) throw Interrupted();
    if (out.trajectory.records.empty())
        throw InputError("embedding: the loss is not finite at the start",
                         "scale the features or the model down");
    follow_parameters(out, told, spec);
    return out;
}

TwoLayerRun run_two_layer(const Dataset& data, const TwoLayerSpec& spec,
                          const TwoLayerTraining& training) {
    return run_two_layer(data, spec, training, data);
}

Dataset flipped(const Dataset& data) {
    Dataset out = data;
    for (auto& s : out.label) s = static_cast<std::int8_t>(-s);
    return out;
}

}  // namespace prefdyn
