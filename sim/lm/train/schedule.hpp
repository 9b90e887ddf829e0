#pragma once
// Learning rates over a training run, as the schedules of Hugging Face transformers define them.

#include <string>
#include <vector>

#include "sim/lm/model/parameters.hpp"

namespace prefdyn::finetune {

using namespace transformer;

enum class ScheduleKind { kConstant, kConstantWithWarmup, kLinear, kCosine };
inline std::vector<std::string> schedule_names() {
    return {"constant", "constant_with_warmup", "linear", "cosine"};
}

struct ScheduleSpec {
    ScheduleKind kind = ScheduleKind::kConstant;
    Index warmup = 0;  ///< updates of linear warm-up; kConstant has none
};

/// What the learning rate is multiplied with in update k (from 0) of `steps`: k / warmup while
/// k < warmup; then 1, or with x = (k - warmup) / (steps - warmup) linear 1 - x, cosine
/// (1 + cos(pi x)) / 2.
double multiplier(const ScheduleSpec& spec, Index k, Index steps);

}  // namespace prefdyn::finetune
