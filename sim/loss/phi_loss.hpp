#pragma once
#include "sim/loss/loss.hpp"

namespace prefdyn {

/// A loss whose phi and phi' are those of a struct of margin_phi.hpp.
template <class Phi>
class PhiLoss : public MarginLoss {
  public:
    PhiLoss(std::string_view name, Phi phi) : phi_(phi), name_(name) {}
    std::string_view name() const final { return name_; }
    double value(double m) const final { return phi_.value(m); }
    double derivative(double m) const final { return phi_.derivative(m); }
    std::optional<MarginPhi> phi() const final { return phi_; }

  protected:
    Phi phi_;

  private:
    std::string_view name_;
};

}  // namespace prefdyn
