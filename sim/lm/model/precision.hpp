#pragma once
// How a card multiplies. The processor knows kFloat32 alone.

#include "sim/cuda/device.hpp"

namespace prefdyn::transformer {

enum class Precision {
    kFloat32,   ///< single precision throughout
    kTf32,      ///< factors of products rounded to 10 bits behind the point, else single precision
    kBfloat16,  ///< weights and all but the residual stream in bfloat16, sums in single precision
};

inline std::vector<std::string> precision_names() { return {"float32", "tf32", "bfloat16"}; }

/// Where a model is computed, and how products are there.
struct Arithmetic {
    Device device = Device::kCpu;
    Precision precision = Precision::kFloat32;
};

}  // namespace prefdyn::transformer
