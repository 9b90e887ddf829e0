#include "experiments/commands/finetune_verdicts.hpp"

#include <algorithm>

#include "experiments/finetune/evidence.hpp"
#include "experiments/verify/verdict_fields.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/numerics.hpp"
#include "theory/formula/formula_claim.hpp"

namespace prefdyn {

std::string identity_of(const std::vector<theory::Claim>& claims) {
    std::string out;
    for (const theory::Claim& claim : claims)
        out.append("claim=").append(claim.formula ? claim.formula->canonical() : claim.id + "\n");
    return out;
}

bool was_violated(const std::string& path) {
    const auto counts = h5::Reader(path, h5::From::kOutside).numbers("claim_violated");
    return std::ranges::any_of(counts, [](double count) { return count > 0.0; });
}

Verification judge_parts(const std::vector<theory::Claim>& claims,
                         const std::vector<TrainedRun>& runs,
                         const std::vector<FinetunePlan>& plans) {
    Verification out;
    out.claims = claims;
    for (std::size_t r = 0; r < runs.size() && !claims.empty(); ++r)
        for (std::size_t p = 0; p < runs[r].run.behaviour.size(); ++p) {
            const PartEvidence part = part_evidence(runs[r].run, p, plans[r].training);
            RunResult result;
            result.suite = "finetune";
            result.name = runs[r].run.behaviour[p];
            result.id = runs[r].run.name;
            result.kappa = kNan;
            out.runs.push_back(std::move(result));
            out.verdicts.push_back(judge_all(claims, part.evidence()));
        }
    return out;
}

MoreFields fields_of(const Verification& verification) {
    if (verification.claims.empty()) return {};
    return {claim_fields("part"),
            [&verification](ResultWriter& writer) { put_claim_verdicts(writer, verification); }};
}

}  // namespace prefdyn
