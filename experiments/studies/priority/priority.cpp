#include "experiments/studies/priority/priority.hpp"

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

std::vector<PriorityResult> run_settings(const VerifyPlan& plan) {
    const auto settings = priority_settings(plan);
    std::vector<PriorityResult> out(settings.size());
    parallel_for("priority", settings.size(), [&](std::size_t s) {
        out[s] = {
            settings[s],
            run_mixture(settings[s], derive_seed(plan.seed, Substream::kPrioritySettings, s))};
    });
    return out;
}

}  // namespace

StudyOutcome judge_mixtures(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto results = run_settings(plan);
    for (const PriorityResult& r : results)
        for (const auto& claim : claims)
            out.judge("priority", claim, r.setting.name, r.run.evidence());
    out.put(mixture_fields(), results);
    put_orders(out, plan);
    return out;
}

Study priority_study() {
    return {"priority",
            {"T8a", "T8b", "T8c", "T8d", "T8e", "T8f"},
            fields_of(mixture_fields(), order_fields(), pair_fields()),
            judge_mixtures,
            judge_pairs,
            priority_controls(),
            true};
}

}  // namespace prefdyn
