#pragma once
// Makers behind the registry of loss.cpp; parameters are checked there.

#include "sim/loss/loss.hpp"

namespace prefdyn {

// margin_losses.cpp
std::unique_ptr<MarginLoss> sigmoid_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> sigmoid_norm_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> hinge_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> ipo_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> cdpo_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> robust_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> aot_loss(const LossSpec& spec);

// nonconvex_losses.cpp
std::unique_ptr<MarginLoss> exo_pair_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> discopop_loss(const LossSpec& spec);

// pair_losses.cpp
std::unique_ptr<PreferenceLoss> nca_pair_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> bco_pair_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> sppo_hard_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> apo_zero_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> apo_down_loss(const LossSpec& spec);

}  // namespace prefdyn
