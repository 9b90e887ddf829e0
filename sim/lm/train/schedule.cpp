#include "sim/lm/train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace prefdyn::finetune {

double multiplier(const ScheduleSpec& spec, Index k, Index steps) {
    if (spec.kind == ScheduleKind::kConstant) return 1.0;
    if (k < spec.warmup)
        return static_cast<double>(k) / static_cast<double>(std::max<Index>(1, spec.warmup));
    if (spec.kind == ScheduleKind::kConstantWithWarmup) return 1.0;
    const double x = static_cast<double>(k - spec.warmup) /
                     static_cast<double>(std::max<Index>(1, steps - spec.warmup));
    if (spec.kind == ScheduleKind::kLinear) return std::max(0.0, 1.0 - x);
    return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * x)));
}

}  // namespace prefdyn::finetune
