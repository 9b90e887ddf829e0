#pragma once
// The quantities of formulas in double precision, each with its error, one by one.

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/base/ball.hpp"
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// A record, and how far the head that is spoken of may be from the one measured there.
struct Here {
    const Evidence& e;
    const Record& r;
    double drift;  ///< sum of the errors of the steps, ||.||_F
    double reach;  ///< of the head itself: the same where steps bring no two heads further apart
    std::vector<std::optional<Ball>>& decays;  ///< of loss_decay, by record, once it was asked for
};

using Fixed = Ball (*)(const Evidence&);
using AtRecord = Ball (*)(const Here&);
/// Of all samples, into (n).
using OfSamples = void (*)(const Evidence&, Ball*);
using SamplesAtRecord = void (*)(const Here&, Ball*);
using OfBehaviour = Ball (*)(const Evidence&, Index);
using BehaviourAtRecord = Ball (*)(const Here&, Index);
using OfTwoBehaviours = Ball (*)(const Evidence&, Index, Index);
struct BehaviourGetter {
    OfBehaviour get;
};
struct BehaviourRecordGetter {
    BehaviourAtRecord get;
};
using Getter = std::variant<Fixed, AtRecord, OfSamples, SamplesAtRecord, BehaviourGetter,
                            BehaviourRecordGetter, OfTwoBehaviours>;

/// By name. In claims about behaviours D and zbar are behaviour_difference and bbar_norm.
const std::map<std::string, Getter>& ball_quantities();
Ball behaviour_difference(const Evidence& evidence, Index k);
Ball bbar_norm(const Evidence& evidence);

}  // namespace prefdyn::theory
