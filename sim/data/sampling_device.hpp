#pragma once
// The rows of a class on a device other than the processor, with the processor's bits: features are
// part of a run's id, which must not depend on where they were sampled.

#include "sim/data/sampling.hpp"

namespace prefdyn {

/// Fills x (rows, d) as fill_class does for Moments::kPopulation. False, with x as it was, where
/// the processor has to do it: `device` is the processor, the draws of the family hang on the
/// mathematical library (draws_alike_everywhere), the processor's products are fused, or the class
/// is too small to pay for the way. Some millions of numbers are on the device at a time, and Q;
/// DeviceError if they do not fit.
bool draw_on_device(Device device, const ClassLaw& law, const RowNames& names,
                    Eigen::Ref<RowMatrix> x);

/// Gives white noise x (rows, d) covariance and mean of the law. False as above.
bool color_on_device(Device device, const ClassLaw& law, Eigen::Ref<RowMatrix> x);

}  // namespace prefdyn
