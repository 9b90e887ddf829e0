#pragma once
// Preference losses under TRL's names (`loss_type`), of the implicit rewards
//   r_w = beta (log pi - log pi_ref)(y_w | x),   r_l likewise,   and the margin m = r_w - r_l.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/types.hpp"
#include "sim/loss/margin_phi.hpp"

namespace prefdyn {

/// What a loss looks at: the margin alone, both rewards of a row, or margins matched by rank over
/// the batch (sorted_margins.hpp).
enum class LossForm { kMargin, kPair, kSorted };

/// The constants of phi that the theorems are stated in (theory.md, T11).
struct LossFacts {
    double value_at_zero;  ///< phi(0)
    double slope_at_zero;  ///< phi'(0); for a pair dphi/dr_w at (0, 0)
    double infimum;        ///< inf phi
    double curvature_max;  ///< sup phi''; infinite if phi has a kink, NaN for a pair
    bool convex;           ///< in its own arguments; L is then convex in W only for kMargin
    bool monotone = true;  ///< never increases with r_w
    LossForm form = LossForm::kMargin;
    double slope_sum_at_zero = 0.0;  ///< dphi/dr_w + dphi/dr_l at (0, 0); 0 for the margin's losses
    double slope_max = kInfinity;    ///< no |phi'| is above it
};

struct LossSlopes {
    double chosen, rejected;  ///< dphi/dr_w, dphi/dr_l
};

class MarginLoss;

class PreferenceLoss {
  public:
    virtual ~PreferenceLoss() = default;
    virtual std::string_view name() const = 0;
    virtual LossFacts facts() const = 0;
    virtual double value(double reward_chosen, double reward_rejected) const = 0;
    virtual LossSlopes slopes(double reward_chosen, double reward_rejected) const = 0;
    /// phi as a function of one (matched) margin; null for LossForm::kPair.
    virtual const MarginLoss* margin() const { return nullptr; }
};

class MarginLoss : public PreferenceLoss {
  public:
    virtual double value(double margin) const = 0;
    virtual double derivative(double margin) const = 0;
    virtual double curvature(double margin) const = 0;
    /// out[i] = value(margin[i]) and derivative(margin[i]), n each.
    virtual void values(const double* margin, Index n, double* out) const {
        for (Index i = 0; i < n; ++i) out[i] = value(margin[i]);
    }
    virtual void derivatives(const double* margin, Index n, double* out) const {
        for (Index i = 0; i < n; ++i) out[i] = derivative(margin[i]);
    }
    /// value and derivative as a device can take them; none: such a loss stays on the processor.
    virtual std::optional<MarginPhi> phi() const { return std::nullopt; }

    double value(double chosen, double rejected) const final { return value(chosen - rejected); }
    LossSlopes slopes(double chosen, double rejected) const final {
        const double slope = derivative(chosen - rejected);
        return {slope, -slope};
    }
    const MarginLoss* margin() const final { return this; }
};

/// A loss and its parameters, as TRL names them.
struct LossSpec {
    std::string name = "sigmoid";
    double beta = 0.1;             ///< of the rewards; ipo and sppo_hard contain it
    double label_smoothing = 0.0;  ///< eps: cdpo, robust, exo_pair, aot
    double discopop_tau = 0.05;
};

/// Names of all losses.
const std::vector<std::string>& loss_names();

/// Throws InputError for an unknown name or a parameter outside the loss's range.
std::unique_ptr<PreferenceLoss> make_loss(const LossSpec& spec);

/// With every parameter at its default.
std::unique_ptr<PreferenceLoss> make_loss(std::string_view name);

/// The losses of `make_loss` with a `margin()`; InputError for the others.
std::unique_ptr<MarginLoss> make_margin_loss(const LossSpec& spec);

/// A valid spec for any name that tells the loss from its neighbours: eps = 0.1 where a loss takes
/// label smoothing, TRL's default 0.001 for exo_pair.
LossSpec typical_loss(std::string_view name, double beta);

}  // namespace prefdyn
