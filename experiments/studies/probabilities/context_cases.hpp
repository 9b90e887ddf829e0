#pragma once
// One preference whose answers sit in two contexts, with every dial exact, and its measurement.

#include <string>

#include "sim/contexts/context_policy.hpp"
#include "theory/influence.hpp"

namespace prefdyn {

/// pi(. | g_+) gives y_+ and y_- the stated probabilities and spreads the rest like exp of normal
/// logits; so does the policy at the unit of g_- orthogonal to g_+. W is fixed while rho turns g_-.
struct ContextDials {
    std::string name = "context dials";
    Index vocabulary = 50;
    double rho = 1.0;         ///< cosine of g_+ and g_-
    double chosen = 0.1;      ///< pi(y_+)
    double rejected = 0.1;    ///< pi(y_-)
    double spread = 1.0;      ///< standard deviation of the other logits: peakiness
    double norm_ratio = 1.0;  ///< ||g_-|| / ||g_+||
    bool same_token = false;  ///< y_- = y_+, as later tokens of two answers may be
    Index samples = 1;        ///< examples beyond the first have random contexts and tokens
    Objective objective = Objective::kDpo;
    double reference_shift = 0.0;  ///< W_0 is W plus normal logits of this size
};

/// Without records. Observed contexts: g_+, g_- and a random one. The first token is y_+ (0), the
/// second y_- (1, or 0 again).
theory::InfluenceFacts make_facts(const ContextDials& dials, std::uint64_t seed);

/// The trainer that does what the facts claim.
ContextTrainer honest_trainer(const theory::InfluenceFacts& facts);

/// The step size for which a lone example adds c to its token's logit before the normaliser acts.
double step_size(const theory::InfluenceFacts& facts, double c);

/// One update of size eta_factor * eta for each c, recorded as eta: eta_factor != 1 is a fault.
void measure_single(theory::InfluenceFacts& facts, const ContextTrainer& trainer,
                    const std::vector<double>& sizes, double eta_factor = 1.0);

void measure_path(theory::InfluenceFacts& facts, const ContextTrainer& trainer, double c,
                  Index steps, double eta_factor = 1.0);

}  // namespace prefdyn
