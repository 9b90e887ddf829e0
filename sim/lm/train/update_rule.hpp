#pragma once
// Optimisers of one flat vector, as torch.optim defines them. Parameters and moments are single
// precision, an element is computed in double. Element by element: threads change no bit.

#include <memory>
#include <string>
#include <utility>

#include "sim/lm/model/parameters.hpp"

namespace prefdyn::finetune {

using namespace transformer;
using transformer::Column;

enum class UpdateKind { kSgd, kRmsprop, kAdamw };
inline std::vector<std::string> update_names() { return {"sgd", "rmsprop", "adamw"}; }

/// SGD: theta -= eta g. RMSprop: v = alpha v + (1 - alpha) g^2, theta -= eta g / (sqrt v + eps),
/// alpha 0.99, eps 1e-8. AdamW: beta 0.9 and 0.999, eps 1e-8, bias corrected, decay
/// theta *= 1 - eta lambda before the step.
struct UpdateSpec {
    UpdateKind kind = UpdateKind::kAdamw;
    double weight_decay = 0.0;  ///< lambda of AdamW
};

class UpdateRule {
  public:
    virtual ~UpdateRule() = default;
    /// With the gradient times `clip`, in single precision.
    virtual void update(Column<float>& theta, const Column<float>& gradient, float clip,
                        double eta) = 0;

    /// The moments by name, to be saved and overwritten.
    virtual std::vector<std::pair<std::string, Column<float>*>> state() { return {}; }
    /// Updates made.
    std::int64_t steps() const { return steps_; }
    void set_steps(std::int64_t steps) { steps_ = steps; }

  protected:
    std::int64_t steps_ = 0;
};

std::unique_ptr<UpdateRule> make_update_rule(const UpdateSpec& spec, Index size);

/// ||x||, summed in double in a fixed order.
double norm_of(const Column<float>& x);
/// What clips a gradient of this norm as torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm +
/// 1e-6)) if max_norm > 0, else 1.
float clip_factor(double norm, double max_norm);

}  // namespace prefdyn::finetune
