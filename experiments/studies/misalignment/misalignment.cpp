#include "experiments/studies/misalignment/misalignment.hpp"

#include <cmath>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
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

MisalignmentSpec synthetic(Activation activation, double head_scale, double beta, Profile profile,
                           std::uint64_t seed) {
    FeatureSpec features;
    features.samples = profile == Profile::kFull ? 200 : 100;
    features.dimension = 16;
    features.distinguishability = 2.0;
    MisalignmentSpec out;
    out.data = FeatureDistribution(features, seed).sample(seed);
    out.base = gaussian_model(16, 16, head_scale, activation, seed);
    out.beta = beta;
    out.misalign_steps = profile == Profile::kQuick ? 100 : 400;
    out.every = 5;
    out.every_step = activation == Activation::kIdentity;
    return out;
}

Setting synthetic_setting(Activation activation, double head_scale, double beta,
                          const VerifyPlan& plan) {
    Setting out;
    std::ostringstream name;
    name << activation_names()[static_cast<std::size_t>(activation)] << ", ||a_0|| ~ " << head_scale
         << ", beta = " << beta;
    out.name = name.str();
    out.target = 0.65;
    const std::size_t seeds = plan.profile == Profile::kQuick ? 3 : 20;
    for (std::size_t r = 0; r < seeds; ++r) out.replicate.push_back("seed " + std::to_string(r));
    const std::uint64_t seed = plan.seed;
    const Profile profile = plan.profile;
    const Device device = plan.device;
    out.spec = [=](std::size_t r) {
        MisalignmentSpec spec = synthetic(activation, head_scale, beta, profile,
                                          derive_seed(seed, Substream::kMisalignmentSynthetic, r));
        spec.device = device;
        return spec;
    };
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

bool records_every_step(const TwoLayerRun& run) {
    const auto& records = run.trajectory.records;
    return records.back().step + 1.0 == static_cast<double>(records.size());
}

/// The evidence of one phase of every replicate: what can be judged as one case, the rest as
/// another.
void judge_phase(const theory::Claim& claim, const std::string& setting,
                 const std::vector<theory::Evidence>& all, std::vector<CaseRow>& rows) {
    std::vector<theory::Evidence> in, out;
    for (const theory::Evidence& e : all) {
        const auto verdict = theory::judge(claim, std::span(&e, 1));
        (verdict.status == theory::Status::kNotApplicable ? out : in).push_back(e);
    }
    for (const auto* part : {&in, &out}) {
        if (part->empty()) continue;
        const std::string share =
            std::to_string(part->size()) + " of " + std::to_string(all.size()) + " runs";
        rows.push_back({"misalignment", claim.id, setting + " (" + share + ")", kNan,
                        theory::judge(claim, *part)});
    }
}

void judge_setting(const std::vector<theory::Claim>& claims, const std::string& setting,
                   const std::vector<Misalignment>& replicates, std::vector<CaseRow>& rows) {
    const auto phase = [&](const theory::Claim& claim, const std::string& name, auto runs_of) {
        std::vector<theory::Evidence> all;
        for (const Misalignment& m : replicates)
            for (const TwoLayerRun* run : runs_of(m)) all.push_back(run->evidence());
        judge_phase(claim, setting + ", " + name, all, rows);
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
                Runs out = {&m.align, &m.frozen_align};
                for (const TwoLayerRun& run : m.runs) out.push_back(&run);
                return out;
            });
        } else if (steps) {
            phase(claim, "alignment", [](const Misalignment& m) { return Runs{&m.align}; });
            for (const auto from : {kFromBase, kFromAligned})
                if (records_every_step(replicates[0].runs[from]))
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
        judge_setting(claims, setting.name, replicates, out.cases);
        tabulate(table, setting.name, setting.replicate, setting.target, replicates);
    }
    for (const MisalignmentField& field : misalignment_fields())
        out.values.emplace_back(field.name, field.get(table));
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
    Setting out;
    out.name = "features, E_0 = identity";
    out.target = std::log(2.0) - 0.001;
    out.replicate = gather(behaviours, [](const Dataset& d) { return d.name; });
    out.spec = [&behaviours, plan](std::size_t r) {
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
    };
    return out;
}

}  // namespace

Study misalignment_study() {
    Study out;
    out.name = "misalignment";
    out.claims = {"T9a", "T9b", "T9c", "T9d"};
    for (const MisalignmentField& f : misalignment_fields())
        out.fields.push_back({f.name, f.axes, f.type, f.unit, f.description});
    out.run = [](const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
        return run_settings(claims, synthetic_settings(plan));
    };
    out.run_on_features = [](const std::vector<theory::Claim>& claims,
                             const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
        return run_settings(claims, {feature_setting(behaviours, plan)});
    };
    out.controls = misalignment_controls();
    return out;
}

}  // namespace prefdyn
