#pragma once
// Optimisers of one flat vector, as torch.optim defines them. Parameters and moments are single
// precision, an element is computed in double. Element by element: threads change no bit.

#include <string>
#include <utility>
#include <vector>

#include "sim/lm/model/parameters.hpp"
#include "sim/lm/train/element.hpp"

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
    double weight_decay = 0.0;   ///< lambda of AdamW
    bool decay_vectors = false;  ///< norms and biases decay as well
};

/// Elements [begin, begin + count) of theta, which all decay or none.
struct Stretch {
    Index begin, count;
    bool decays = true;
    UpdateSpec of(UpdateSpec spec) const {
        if (!decays) spec.weight_decay = 0.0;
        return spec;
    }
};

/// Which moments an optimiser has.
inline bool has_mean(UpdateKind kind) { return kind == UpdateKind::kAdamw; }
inline bool has_square(UpdateKind kind) { return kind != UpdateKind::kSgd; }

/// They, by name.
template <class Array>
std::vector<std::pair<std::string, Array*>> moments_of(UpdateKind kind, Array& mean,
                                                       Array& square) {
    std::vector<std::pair<std::string, Array*>> out;
    if (has_mean(kind)) out.emplace_back("mean", &mean);
    if (has_square(kind)) out.emplace_back("square", &square);
    return out;
}

/// work(element) with what update k = 1, 2, ... does to one number.
template <class Work>
void with_element(const UpdateSpec& spec, std::int64_t k, Work work) {
    switch (spec.kind) {
        case UpdateKind::kSgd:
            return work(SgdElement());
        case UpdateKind::kRmsprop:
            return work(RmspropElement());
        case UpdateKind::kAdamw:
            return work(AdamwElement(static_cast<double>(k), spec.weight_decay));
    }
}

class UpdateRule {
  public:
    /// `stretches` cover theta; without any all of it decays.
    UpdateRule(const UpdateSpec& spec, Index size, std::vector<Stretch> stretches = {});
    /// With the gradient times `clip`, in single precision.
    void update(Column<float>& theta, const Column<float>& gradient, float clip, double eta);

    /// The moments by name, to be saved and overwritten.
    auto state() { return moments_of(spec_.kind, mean_, square_); }
    auto state() const { return moments_of(spec_.kind, mean_, square_); }
    void set_steps(std::int64_t steps) { steps_ = steps; }

  private:
    UpdateSpec spec_;
    std::vector<Stretch> stretches_;
    Column<float> mean_, square_;  ///< empty where the optimiser has none
    std::int64_t steps_ = 0;       ///< updates made
};

/// ||x||, summed in double in a fixed order.
double norm_of(const Column<float>& x);
/// What clips a gradient of this norm as torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm +
/// 1e-6)) if max_norm > 0, else 1.
float clip_factor(double norm, double max_norm);

}  // namespace prefdyn::finetune
