#pragma once
// Makers behind the registry of loss.cpp, where parameters are checked, and what they make.

#include "sim/loss/loss.hpp"
#include "sim/loss/phi_rows.hpp"

namespace prefdyn {

/// A loss whose phi, phi' and phi'' are those of a struct of margin_phi.hpp.
template <class Phi>
class PhiLoss final : public MarginLoss {
  public:
    PhiLoss(const LossSpec& spec, Phi phi, const LossFacts& facts)
        : phi_(phi), name_(spec.name), facts_(facts) {}
    std::string_view name() const override { return name_; }
    LossFacts facts() const override { return facts_; }
    double value(double m) const override { return phi_.value(m); }
    double derivative(double m) const override { return phi_.derivative(m); }
    double curvature(double m) const override { return phi_.curvature(m); }
    void values(const double* margin, Index n, double* out) const override {
        phi_rows().values(phi_, margin, n, out);
    }
    void derivatives(const double* margin, Index n, double* out) const override {
        phi_rows().derivatives(phi_, margin, n, out);
    }
    std::optional<MarginPhi> phi() const override { return phi_; }

  private:
    Phi phi_;
    std::string name_;
    LossFacts facts_;
};

// margin_losses.cpp
std::unique_ptr<MarginLoss> sigmoid_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> hinge_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> ipo_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> cdpo_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> robust_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> aot_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> exo_pair_loss(const LossSpec& spec);
std::unique_ptr<MarginLoss> discopop_loss(const LossSpec& spec);

// pair_losses.cpp
std::unique_ptr<PreferenceLoss> nca_pair_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> bco_pair_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> sppo_hard_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> apo_zero_loss(const LossSpec& spec);
std::unique_ptr<PreferenceLoss> apo_down_loss(const LossSpec& spec);

}  // namespace prefdyn
