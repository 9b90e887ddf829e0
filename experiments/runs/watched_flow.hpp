#pragma once
// Gradient flow of the exact reduction that keeps the whole vector v(t).

#include <memory>

#include "sim/head/trainer.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn {

/// Gradient flow on `data` from the reference head to `end`, Record::observed holding v.
Trajectory watched_flow(Dataset data, const std::shared_ptr<const MarginLoss>& loss, double beta,
                        double end, Index records, Device device);

}  // namespace prefdyn
