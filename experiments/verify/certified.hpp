#pragma once
// Certificates of what `prefdyn verify` found.

#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Of every claim that a certificate covers: its tightest case among the suite's runs, the mixtures
/// of the priority study and the cases of the probabilities study (T9: a small alignment), and each
/// of its negative controls. Of the other rigorous claims the reason why there is none.
std::vector<certify::Certified> certify_findings(const Verification& found, const VerifyPlan& plan,
                                                 const certify::Limits& limits);

}  // namespace prefdyn
