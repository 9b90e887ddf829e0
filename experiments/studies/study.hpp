#pragma once
// A study: a part of `prefdyn verify` with simulations of its own. It judges its claims on settings
// it chooses, leaves what figures need in fields it declares, and brings its negative controls.
// Adding one is a file that makes a Study and a line in experiments/verify/studies.cpp.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/results/columns.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/suite.hpp"
#include "experiments/studies/control.hpp"
#include "sim/base/numerics.hpp"
#include "sim/data/mixture.hpp"
#include "sim/data/population.hpp"

namespace prefdyn {

/// What the user asked `prefdyn verify` for.
struct VerifyPlan {
    Profile profile = Profile::kDefault;
    std::uint64_t seed = 1;
    std::size_t replicates = 2000;            ///< datasets a coverage test draws
    double beta = 0.01;                       ///< strength of the reference, on given features
    std::optional<MixtureSpec> mixture = {};  ///< behaviours of the user's own
    std::shared_ptr<const Population> population = {};  ///< of the user's own, sampled instead
    Device device = Device::kCpu;  ///< of suite and studies; controls: the processor
    bool keep_data = false;        ///< of runs: features, margins, heads
    Kept keep = {};                ///< what the claims look at beside that
};

/// A claim held against one setting of a study.
struct CaseRow {
    std::string study, claim, setting;
    double delta = kNan;  ///< allowed failure probability
    theory::Verdict verdict;
    /// Of a sample that is not as the claim presupposes, where that is random; an upper bound.
    double unmet_probability = kNan;
};

struct StudyOutcome {
    std::vector<CaseRow> cases;
    /// Values of the study's own fields, dimension scales first.
    std::vector<std::pair<std::string, ResultWriter::Values>> values;
    std::vector<std::string> notes = {};  ///< what the user asked about, in lines

    /// Adds the row of a claim that cannot be held against a setting.
    void pass_over(const std::string& study, const theory::Claim& claim, const std::string& setting,
                   const std::string& reason) {
        cases.push_back({study, claim.id, setting, kNan, {}});
        cases.back().verdict.reason = reason;
    }
    /// Adds the row of the claim held against the cases of a setting.
    void judge(const std::string& study, const theory::Claim& claim, const std::string& setting,
               std::span<const theory::Evidence> evidence) {
        cases.push_back({study, claim.id, setting, kNan, theory::judge(claim, evidence)});
    }
    /// The same of one case; of a formula also whether a stronger bound would fail.
    void judge(const std::string& study, const theory::Claim& claim, const std::string& setting,
               const theory::Evidence& evidence) {
        if (!claim.formula) return judge(study, claim, setting, std::span(&evidence, 1));
        cases.push_back({study, claim.id, setting, kNan, theory::judge_closely(claim, evidence)});
    }
    /// Fills the fields from the source.
    template <class Source>
    void put(const std::vector<Filled<Source>>& fields, const Source& source) {
        for (const auto& field : fields) values.emplace_back(field.name, field.values(source));
    }
};

struct Study {
    std::string name;
    std::vector<std::string> claims;  ///< ids of the claims it judges
    std::vector<Field> fields;        ///< of the result file, named after the study
    /// `claims` are those of the study's claims that were selected, at least one.
    std::function<StudyOutcome(const std::vector<theory::Claim>& claims, const VerifyPlan&)> run;
    /// The same on the user's features; empty if the study has nothing to say about them.
    std::function<StudyOutcome(const std::vector<theory::Claim>& claims,
                               const std::vector<Dataset>& behaviours, const VerifyPlan&)>
        run_on_features = {};
    std::vector<Control> controls = {};
    bool judges_formulas = false;   ///< about behaviours, that users state
    bool takes_population = false;  ///< `run` looks at the plan's, where there is one
};

/// The study's claims among `selected`, in registry order.
inline std::vector<theory::Claim> claims_of(const Study& study,
                                            std::vector<theory::Claim> selected) {
    std::erase_if(selected, [&](const theory::Claim& claim) {
        const bool own =
            study.judges_formulas && claim.formula && claim.scope == theory::Scope::kStudy;
        return !own && std::ranges::count(study.claims, claim.id) == 0;
    });
    return selected;
}

}  // namespace prefdyn
