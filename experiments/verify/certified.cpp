#include "experiments/verify/certified.hpp"

#include <algorithm>
#include <map>

#include "experiments/certify/subject.hpp"
#include "experiments/program/parallel.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "experiments/studies/probabilities/probabilities.hpp"
#include "experiments/verify/control_replays.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using certify::Certified;
using certify::Subject;
using theory::Claim;

/// One subject and the claims it is certified for.
struct Task {
    std::string run, control;
    std::vector<Claim> claims;
    std::function<certify::AnySubject()> make;
};

/// The slack; of what has none, the last.
double closeness(const theory::Verdict& v) { return std::isfinite(v.slack) ? v.slack : kInfinity; }

/// Whether a run's trainer and loss can be repeated, judged by its config.
bool repeatable(const RunResult& run) {
    Subject bare;
    bare.loss = loss_spec(run.config);
    bare.training = run.config.training;
    bare.data.features.resize(run.statistics.n, run.statistics.zbar.size());
    for (const Record& r : run.trajectory.records) bare.steps.push_back(static_cast<Index>(r.step));
    return certify::why_not(bare).empty();
}

/// The suite's run that comes closest to the claim's bound; none where it holds of no such run.
std::optional<std::size_t> tightest_run(const Verification& v, std::size_t claim,
                                        const std::vector<bool>& possible) {
    std::optional<std::size_t> best;
    for (std::size_t r = 0; r < v.runs.size(); ++r) {
        const theory::Verdict& verdict = v.verdicts[r][claim];
        if (!possible[r] || verdict.status != theory::Status::kHolds) continue;
        if (!best || closeness(verdict) < closeness(v.verdicts[*best][claim])) best = r;
    }
    return best;
}

Certified without(const Claim& claim, const std::string& control, const std::string& reason) {
    return {"", control, {.claim = claim.id, .reason = reason}};
}

/// A task for each run that is the tightest of some claims.
void add_runs(const Verification& v, std::vector<Task>& tasks, std::vector<Certified>& out) {
    std::vector<bool> possible;
    for (const RunResult& run : v.runs) possible.push_back(repeatable(run));
    std::map<std::size_t, std::vector<Claim>> by_run;
    for (std::size_t c = 0; c < v.claims.size(); ++c) {
        const Claim& claim = v.claims[c];
        if (claim.scope != theory::Scope::kRun || !certify::why_not(claim).empty()) continue;
        if (const auto run = tightest_run(v, c, possible))
            by_run[*run].push_back(claim);
        else
            out.push_back(without(claim, "", "it holds of no run that can be repeated"));
    }
    for (const auto& [r, claims] : by_run)
        tasks.push_back({v.runs[r].id, "", claims, [run = &v.runs[r]] {
                             return certify::subject_of(*run, training_rows(run->config));
                         }});
}

/// The priority study's mixtures under gradient descent, by the setting's name.
void add_mixtures(const Verification& v, const VerifyPlan& plan, std::vector<Task>& tasks) {
    const auto settings = priority_settings(plan);
    std::map<std::size_t, std::vector<Claim>> by_setting;
    for (const Claim& claim : v.claims) {
        std::optional<std::size_t> best;
        double closest = kInfinity;
        for (std::size_t s = 0; s < settings.size(); ++s) {
            const MixtureTraining& t = settings[s].training;
            if (t.method == Method::kFlow) continue;
            for (const CaseRow& row : v.cases)
                if (row.claim == claim.id && row.setting == settings[s].name &&
                    row.verdict.status == theory::Status::kHolds &&
                    (!best || closeness(row.verdict) < closest)) {
                    best = s;
                    closest = closeness(row.verdict);
                }
        }
        if (best && certify::why_not(claim).empty()) by_setting[*best].push_back(claim);
    }
    for (const auto& [s, claims] : by_setting) {
        const std::uint64_t seed = derive_seed(plan.seed, Substream::kPrioritySettings, s);
        tasks.push_back({settings[s].name, "", claims, [setting = settings[s], seed] {
                             const Dataset data = mixture_rows(setting, seed);
                             const MixtureRun run = train_mixture(data, setting.training, seed);
                             return certify::subject_of(run, setting.training, data, seed);
                         }});
    }
}

/// Of the probabilities study: the case of the row with the smallest slack.
void add_contexts(const Verification& v, const VerifyPlan& plan, std::vector<Task>& tasks) {
    std::vector<ProbabilityCase> cases;
    for (const Claim& claim : v.claims) {
        const CaseRow* closest = nullptr;
        for (const CaseRow& row : v.cases)
            if (row.study == "probabilities" && row.claim == claim.id &&
                row.verdict.status == theory::Status::kHolds &&
                (!closest || closeness(row.verdict) < closeness(closest->verdict)))
                closest = &row;
        if (!closest || !certify::why_not(claim).empty()) continue;
        if (cases.empty())
            cases = probability_cases(plan.profile,
                                      derive_seed(plan.seed, Substream::kProbabilityCases));
        std::size_t place = 0;
        for (const ProbabilityCase& c : cases) {
            if (c.claim != claim.id || c.setting != closest->setting) continue;
            if (place++ != closest->verdict.witness_case) continue;
            tasks.push_back({c.setting, "", {claim}, [facts = c.facts] {
                                 return certify::ContextSubject{.told = facts};
                             }});
        }
    }
}

/// Of a linear embedding: one small alignment.
void add_embedding(const Verification& v, const VerifyPlan& plan, std::vector<Task>& tasks) {
    std::vector<Claim> claims;
    for (const Claim& claim : v.claims)
        if (claim.id.starts_with("T9") && certify::why_not(claim).empty()) claims.push_back(claim);
    if (!claims.empty())
        tasks.push_back({"a small alignment", "", claims,
                         [seed = plan.seed] { return small_embedding(seed); }});
}

void add_controls(const Verification& v, const VerifyPlan& plan, std::vector<Task>& tasks,
                  std::vector<Certified>& out) {
    for (const ControlResult& control : v.controls) {
        if (!control.synthetic()) continue;
        const auto claim = std::ranges::find(v.claims, control.claim, &Claim::id);
        if (claim == v.claims.end() || !certify::why_not(*claim).empty()) continue;
        if (has_replay(control.claim, control.name))
            tasks.push_back({"", control.name, {*claim}, [&control, seed = plan.seed] {
                                 return *replay_control(control.claim, control.name, seed);
                             }});
        else
            out.push_back(
                without(*claim, control.name, "its fault is not one of a trainer or of a bound"));
    }
}

std::vector<Certified> done(const Task& task, const certify::Limits& limits) {
    std::vector<Certified> out;
    const certify::AnySubject subject = task.make();
    auto made = std::visit([&](const auto& s) { return certify::certify(s, task.claims, limits); },
                           subject);
    for (auto& c : made) out.push_back({task.run, task.control, std::move(c)});
    return out;
}

}  // namespace

std::vector<Certified> certify_findings(const Verification& v, const VerifyPlan& plan,
                                        const certify::Limits& limits) {
    std::vector<Certified> out;
    std::vector<Task> tasks;
    for (const Claim& claim : v.claims)
        if (claim.kind == theory::ClaimKind::kRigorous && !certify::why_not(claim).empty())
            out.push_back(without(claim, "", certify::why_not(claim)));
    add_runs(v, tasks, out);
    add_mixtures(v, plan, tasks);
    add_contexts(v, plan, tasks);
    add_embedding(v, plan, tasks);
    add_controls(v, plan, tasks, out);
    std::vector<std::vector<Certified>> made(tasks.size());
    parallel_for("certificates", tasks.size(),
                 [&](std::size_t j) { made[j] = done(tasks[j], limits); });
    for (auto& some : made) std::move(some.begin(), some.end(), std::back_inserter(out));
    const auto order = [&](const Certified& c) {
        return std::ranges::find(v.claims, c.certificate.claim, &Claim::id) - v.claims.begin();
    };
    std::ranges::stable_sort(out, {}, order);
    return out;
}

}  // namespace prefdyn
