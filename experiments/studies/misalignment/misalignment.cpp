#include "experiments/studies/misalignment/misalignment.hpp"

#include <cmath>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "experiments/studies/misalignment/misalignment_table.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/substream.hpp"
#include "sim/data/distribution.hpp"

namespace prefdyn {

namespace {

/// One model and training, over replicates: seeds, or the behaviours of a feature file.
struct Setting {
    std::string name;
    double target;                       ///< loss to reach
    std::vector<std::string> replicate;  ///< names
    std::function<MisalignmentSpec(std::size_t)> spec;
};

MisalignmentSpec synthetic(Activation activation, double head_scale, double beta,
                           const VerifyPlan& plan, std::uint64_t seed) {
    const FeatureSpec features =
        plain_features(plan.profile == Profile::kFull ? 200 : 100, 16, 2.0);
    MisalignmentSpec out;
    out.data = FeatureDistribution(features, seed).sample(seed);
    out.base = gaussian_model(16, 16, head_scale, activation, seed);
    out.beta = beta;
    out.misalign_steps = plan.profile == Profile::kQuick ? 100 : 400;
    out.every = 5;
    out.every_step = activation == Activation::kIdentity;
    out.device = plan.device;
    return out;
}

Setting synthetic_setting(Activation activation, double head_scale, double beta,
                          const VerifyPlan& plan) {
    std::ostringstream name;
    name << activation_names()[static_cast<std::size_t>(activation)] << ", ||a_0|| ~ " << head_scale
         << ", beta = " << beta;
    Setting out{name.str(), 0.65, {}, [=](std::size_t r) {
                    const auto seed = derive_seed(plan.seed, Substream::kMisalignmentSynthetic, r);
                    return synthetic(activation, head_scale, beta, plan, seed);
                }};
    const std::size_t seeds = plan.profile == Profile::kQuick ? 3 : 20;
    for (std::size_t r = 0; r < seeds; ++r) out.replicate.push_back("seed " + std::to_string(r));
    return out;
}

std::vector<Setting> synthetic_settings(const VerifyPlan& plan) {
    std::vector<Setting> out;
    const auto add = [&](Activation activation, double head_scale, double beta) {
        out.push_back(synthetic_setting(activation, head_scale, beta, plan));
    };
    add(Activation::kIdentity, 1.0, 0.1);
    add(Activation::kTanh, 1.0, 0.1);
    if (plan.profile == Profile::kQuick) return out;
    add(Activation::kIdentity, 0.0, 0.1);
    add(Activation::kIdentity, 1.0, 1.0);
    add(Activation::kRelu, 1.0, 0.1);
    if (plan.profile == Profile::kDefault) return out;
    add(Activation::kGelu, 1.0, 0.1);
    add(Activation::kTanh, 1.0, 1.0);
    add(Activation::kRelu, 0.0, 1.0);
    return out;
}

/// The evidence of one phase of every replicate: what can be judged as one case, the rest as
/// another.
void judge_phase(const theory::Claim& claim, const std::string& setting,
                 const std::vector<theory::Evidence>& all, StudyOutcome& out) {
    std::vector<theory::Evidence> inside, outside;
    for (const theory::Evidence& e : all)
        (judge_case(claim, e).status == theory::Status::kNotApplicable ? outside : inside)
            .push_back(e);
    for (const auto* part : {&inside, &outside}) {
        if (part->empty()) continue;
        const std::string share =
            std::to_string(part->size()) + " of " + std::to_string(all.size()) + " runs";
        out.judge("misalignment", claim, setting + " (" + share + ")", *part);
    }
}

void judge_setting(const std::vector<theory::Claim>& claims, const std::string& setting,
                   const std::vector<Misalignment>& replicates, StudyOutcome& out) {
    const auto phase = [&](const theory::Claim& claim, const std::string& name, auto runs_of) {
        std::vector<theory::Evidence> all;
        for (const Misalignment& m : replicates)
            for (const TwoLayerRun* run : runs_of(m)) all.push_back(run->evidence());
        judge_phase(claim, setting + ", " + name, all, out);
    };
    using Runs = std::vector<const TwoLayerRun*>;
    const bool steps = !replicates[0].align.facts.steps.empty();
    for (const theory::Claim& claim : claims)
        if (claim.checks.cases == theory::StudyCases::kFrozenFeatures) {
            phase(claim, "frozen embedding", [](const Misalignment& m) {
                return Runs{&m.runs[kFromFrozenAligned], &m.frozen_align};
            });
        } else if (claim.checks.cases != theory::StudyCases::kEveryStep) {
            phase(claim, "every start", [](const Misalignment& m) {
                Runs all = {&m.align, &m.frozen_align};
                for (const TwoLayerRun& run : m.runs) all.push_back(&run);
                return all;
            });
        } else if (steps) {
            phase(claim, "alignment", [](const Misalignment& m) { return Runs{&m.align}; });
            for (const auto from : {kFromBase, kFromAligned})
                if (const auto& records = replicates[0].runs[from].trajectory.records;
                    records.back().step + 1.0 == static_cast<double>(records.size()))
                    phase(claim, "misalignment from " + misalignment_start_names()[from],
                          [from](const Misalignment& m) { return Runs{&m.runs[from]}; });
        }
}

StudyOutcome run_settings(const std::vector<theory::Claim>& claims,
                          const std::vector<Setting>& settings) {
    StudyOutcome out;
    MisalignmentTable table;
    for (const Setting& setting : settings) {
        std::vector<Misalignment> replicates(setting.replicate.size());
        parallel_for("misalignment", replicates.size(),
                     [&](std::size_t r) { replicates[r] = misalign(setting.spec(r)); });
        judge_setting(claims, setting.name, replicates, out);
        tabulate(table, setting.name, setting.replicate, setting.target, replicates);
    }
    out.put(misalignment_fields(), table);
    return out;
}

std::uint64_t seed_of(std::uint64_t seed, std::size_t behaviour) {
    constexpr std::size_t kFirst = 1000;
    return behaviour < kFirst
               ? derive_seed(seed, Substream::kMisalignmentFeatures, behaviour)
               : derive_seed(seed, Substream::kMoreMisalignmentFeatures, behaviour - kFirst);
}

/// x = the features as given, E_0 = identity, a_0 Gaussian of length about 1.
Setting feature_setting(const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    return {"features, E_0 = identity", std::log(2.0) - 0.001, gather(behaviours, &Dataset::name),
            [&behaviours, plan](std::size_t r) {
                MisalignmentSpec spec;
                spec.data = behaviours[r];
                const Index d = spec.data.dimension();
                spec.base = gaussian_model(d, d, 1.0, Activation::kIdentity, seed_of(plan.seed, r));
                spec.base.embedding = RowMatrix::Identity(d, d);
                spec.beta = plan.beta;
                spec.align_steps = 200;
                spec.misalign_steps = 400;
                spec.every = 5;
                spec.device = plan.device;
                return spec;
            }};
}

}  // namespace

Study misalignment_study() {
    return {"misalignment",
            {"T9a", "T9b", "T9bp", "T9c", "T9d"},
            fields_of(misalignment_fields()),
            [](const auto& claims, const VerifyPlan& plan) {
                return run_settings(claims, synthetic_settings(plan));
            },
            [](const auto& claims, const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
                return run_settings(claims, {feature_setting(behaviours, plan)});
            },
            misalignment_controls()};
}

}  // namespace prefdyn
