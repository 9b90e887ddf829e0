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
    for (const PriorityResult& r : results) {
        const theory::Evidence evidence = r.run.evidence();
        for (const auto& claim : claims) {
            CaseRow row;
            row.study = "priority";
            row.claim = claim.id;
            row.setting = r.setting.name;
            row.verdict = theory::judge(claim, std::span(&evidence, 1));
            out.cases.push_back(std::move(row));
        }
    }
    put_mixtures(out, results);
    put_orders(out, plan);
    return out;
}

Study priority_study() {
    std::vector<Field> fields = mixture_fields();
    for (const auto& more : {order_fields(), pair_fields()})
        fields.insert(fields.end(), more.begin(), more.end());
    return {"priority",  {"T8a", "T8b", "T8c", "T8d"}, fields, judge_mixtures,
            judge_pairs, priority_controls()};
}

}  // namespace prefdyn
