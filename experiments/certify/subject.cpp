#include "experiments/certify/subject.hpp"

#include "sim/head/reduced_engine.hpp"
#include "theory/rates.hpp"

namespace prefdyn::certify {

namespace {

std::vector<Index> steps_of(const Trajectory& trajectory) {
    std::vector<Index> out;
    for (const Record& r : trajectory.records) out.push_back(static_cast<Index>(r.step));
    return out;
}

std::vector<double> comparators(const theory::Evidence& e) {
    std::vector<double> out;
    for (const Record& r : e.trajectory().records)
        if (r.time > 0.0)
            out.push_back(e.training.phi ? theory::comparator_length(e, r.time) : 0.0);
    return out;
}

}  // namespace

Subject subject_of(const RunResult& run, Dataset data) {
    if (run.config.engine == EngineKind::kReducedF32)
        data.features = single_precision(data.features, "features").cast<double>();
    return {.data = std::move(data),
            .loss = loss_spec(run.config),
            .beta = run.config.beta,
            .training = run.config.training,
            .seed = run.config.seed,
            .steps = steps_of(run.trajectory),
            .comparator = comparators(run.evidence())};
}

Subject subject_of(const MixtureRun& run, const MixtureTraining& training, Dataset data,
                   std::uint64_t seed) {
    TrainSpec spec;
    spec.method = training.method;
    spec.eta = run.facts.eta;
    return {.data = std::move(data),
            .loss = typical_loss(training.loss, training.beta),
            .beta = training.beta,
            .training = spec,
            .seed = seed,
            .steps = steps_of(run.trajectory)};
}

std::vector<Certificate> certify(const RunResult& run, Dataset data,
                                 const std::vector<theory::Claim>& claims, const Limits& limits) {
    const theory::Evidence evidence = run.evidence();
    std::vector<Certificate> out(claims.size());
    std::vector<theory::Claim> apply;
    std::vector<std::size_t> place;
    for (std::size_t c = 0; c < claims.size(); ++c) {
        out[c].claim = claims[c].id;
        out[c].reason = why_not(claims[c]);
        if (out[c].reason.empty() && claims[c].scope != theory::Scope::kRun)
            out[c].reason = "not about one run: needs a study of its own";
        for (const theory::Assumption& assumption : claims[c].assumptions)
            if (out[c].reason.empty()) out[c].reason = assumption.unmet(evidence);
        if (!out[c].reason.empty()) continue;
        apply.push_back(claims[c]);
        place.push_back(c);
    }
    if (apply.empty()) return out;
    auto made = certify(subject_of(run, std::move(data)), apply, limits);
    for (std::size_t k = 0; k < made.size(); ++k) out[place[k]] = std::move(made[k]);
    return out;
}

}  // namespace prefdyn::certify
