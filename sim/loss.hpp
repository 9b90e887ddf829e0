#pragma once
// Losses phi(m) of the reward margin m = beta * (log-ratio chosen - log-ratio rejected).

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prefdyn {

/// The constants of phi that the theorems are stated in (theory.md, T11).
struct LossFacts {
    double value_at_zero;  ///< phi(0)
    double slope_at_zero;  ///< phi'(0)
    double infimum;        ///< inf phi
    double curvature_max;  ///< sup phi''
    bool convex;
};

class MarginLoss {
  public:
    virtual ~MarginLoss() = default;
    virtual std::string_view name() const = 0;  ///< TRL's `loss_type`
    virtual double value(double margin) const = 0;
    virtual double derivative(double margin) const = 0;
    virtual double curvature(double margin) const = 0;
    virtual LossFacts facts() const = 0;
};

/// Names of all losses; `make_loss` accepts exactly these and throws InputError otherwise.
const std::vector<std::string>& loss_names();
std::unique_ptr<MarginLoss> make_loss(std::string_view name);

}  // namespace prefdyn
