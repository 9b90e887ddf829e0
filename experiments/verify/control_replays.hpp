#pragma once
#include <optional>

#include "experiments/certify/subject.hpp"

namespace prefdyn {

bool has_replay(const std::string& claim, const std::string& name);

/// The run of a negative control, its fault planted, to be repeated in exact numbers; none where
/// its fault is not one of a head's trainer or of a bound.
std::optional<certify::AnySubject> replay_control(const std::string& claim, const std::string& name,
                                                  std::uint64_t seed);

/// T9's run, no fault planted.
certify::TwoLayerSubject small_embedding(std::uint64_t seed);

}  // namespace prefdyn
