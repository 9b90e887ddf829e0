#pragma once
// A study: a part of `prefdyn verify` with simulations of its own. It judges its claims on settings
// it chooses, leaves what figures need in fields it declares, and brings its negative controls.
// Adding one is a file that makes a Study and a line in experiments/verify/studies.cpp.

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/results/result_writer.hpp"
#include "experiments/runs/suite.hpp"
#include "experiments/studies/control.hpp"
#include "sim/data/mixture.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

/// What the user asked `prefdyn verify` for.
struct VerifyPlan {
    Profile profile = Profile::kDefault;
    std::uint64_t seed = 1;
    std::size_t replicates = 2000;            ///< datasets a coverage test draws
    double beta = 0.01;                       ///< strength of the reference, on given features
    std::optional<MixtureSpec> mixture = {};  ///< behaviours of the user's own
    Device device = Device::kCpu;             ///< of suite and studies; controls: the processor
};

/// A claim held against one setting of a study.
struct CaseRow {
    std::string study, claim, setting;
    double delta = std::numeric_limits<double>::quiet_NaN();  ///< allowed failure probability
    theory::Verdict verdict;
};

struct StudyOutcome {
    std::vector<CaseRow> cases;
    /// Values of the study's own fields, dimension scales first.
    std::vector<std::pair<std::string, ResultWriter::Values>> values;
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
};

/// The study's claims among `selected`, in registry order.
std::vector<theory::Claim> claims_of(const Study& study,
                                     const std::vector<theory::Claim>& selected);

}  // namespace prefdyn
