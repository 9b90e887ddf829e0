#include "experiments/runs/mixture_run.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "experiments/runs/run.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"
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

/// eta is a multiple of 1 / kappa.
TrainSpec train_spec(const MixtureTraining& training, double kappa) {
    if (!(kappa > 0.0)) throw InputError("mixture: all features are zero, so kappa = 0");
    if (!std::isfinite(kappa))
        throw InputError("mixture: the loss " + training.loss +
                             " has no finite smoothness kappa, so eta is undefined",
                         "choose a loss without a kink that is a function of the margin");
    return {.method = training.method,
            .eta = training.eta_kappa / kappa,
            .steps = training.steps,
            .records = training.records,
            .spacing = Spacing::kLogarithmic,
            .record_also = {1},
            .keep = Kept::data(training.keep)};
}

theory::TrainingFacts training_facts(const MixtureTraining& training, const TrainSpec& spec,
                                     const PreferenceLoss& loss) {
    theory::TrainingFacts facts;
    const bool flow = training.method == Method::kFlow;
    facts.dynamics = flow ? theory::Dynamics::kGradientFlow : theory::Dynamics::kGradientDescent;
    facts.beta = training.beta;
    facts.eta = spec.eta;
    facts.loss = loss.facts();
    facts.loss_name = loss.name();
    return facts;
}

}  // namespace

theory::Evidence MixtureRun::evidence() const {
    theory::Evidence e;
    e.of = theory::BehaviourCase(&statistics, &trajectory, &behaviours);
    e.training = facts;
    return e;
}

PendingMixture::PendingMixture(Dataset data, const MixtureTraining& training, std::uint64_t seed,
                               std::optional<double> lambda_max)
    : task_(std::make_unique<PreferenceTask>(
          plain_task(std::move(data), make_loss(typical_loss(training.loss, training.beta)),
                     training.beta, training.device))),
      seed_(seed) {
    result_.statistics = theory::statistics_without_spread(task_->train, lambda_max);
    result_.behaviours = theory::behaviour_statistics(task_->train);
    result_.kappa = theory::smoothness(training.beta, task_->loss->facts().curvature_max,
                                       result_.statistics.lambda_max);
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
    if (spec_.keep.rows) result_.data = task_->train;
    return std::move(result_);
}

MixtureRun train_mixture(Dataset data, const MixtureTraining& training, std::uint64_t seed,
                         std::optional<double> lambda_max) {
    return train_alone(PendingMixture(std::move(data), training, seed, lambda_max));
}

double first_crossing(const Trajectory& trajectory, std::size_t i, std::size_t j) {
    for (const Record& r : trajectory.records)
        if (r.time > 0.0 && r.behaviours[i].rewards_margins <= r.behaviours[j].rewards_margins)
            return r.time;
    return kNan;
}

std::vector<GapPair> gap_pairs(const std::vector<Vector>& differences, Index count) {
    std::vector<GapPair> all, out;
    for (std::size_t i = 0; i < differences.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const bool first = differences[i].norm() > differences[j].norm();
            const std::size_t high = first ? i : j, low = first ? j : i;
            const double gap = theory::normalised_gap(differences[high], differences[low]);
            if (std::isfinite(gap)) all.push_back({high, low, gap});
        }
    std::ranges::stable_sort(all, std::greater{}, &GapPair::gap);
    const std::size_t wanted = std::min(all.size(), static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < wanted; ++k)
        out.push_back(all[wanted == 1 ? 0 : k * (all.size() - 1) / (wanted - 1)]);
    return out;
}

double gap_of_two(const MixtureRun& run) {
    const Matrix& difference = run.behaviours.difference;
    return theory::normalised_gap(difference.row(0).transpose(), difference.row(1).transpose());
}

double crossing_of_two(const MixtureRun& run) {
    const bool first_leads = run.behaviours.priority(0) > run.behaviours.priority(1);
    return first_crossing(run.trajectory, first_leads ? 0 : 1, first_leads ? 1 : 0);
}

}  // namespace prefdyn
